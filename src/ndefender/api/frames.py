"""WebSocket frames, built once and sent to every client.

A server's frames are not masked (RFC 6455 §5.1), so one event is the same bytes on every socket.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np

from ndefender.api.ports import Spectrum

OP_TEXT = 0x1
OP_BINARY = 0x2
FIN = 0x80
CACHED_FRAMES = 256  # newest events that are kept framed, for clients that lag a little

SPECTRUM_MAGIC = b"NDS1"
SPECTRUM_SIMULATED = 1
SPECTRUM_BAND_BYTES = 16
SPECTRUM_HEADER = struct.Struct(f"<4sHHQddII{SPECTRUM_BAND_BYTES}s8x")
SPECTRUM_LAYOUT = (
    "Little-endian. Header of 64 bytes: magic `NDS1` (4 bytes), header size in bytes (u16), flags (u16; bit 0: "
    "simulated), timestamp in Unix ms (u64), start_hz (f64, centre of bin 0), bin_hz (f64), number of bins n (u32), "
    "reserved (u32), band name (16 bytes, UTF-8, NUL-padded), reserved (8 bytes). Then n float32 mean_db, "
    "then n float32 max_db; NaN where a bin was never looked at."
)
assert SPECTRUM_HEADER.size == 64


def _frame(opcode: int, payload: bytes) -> bytes:
    """One final, unmasked frame (RFC 6455 §5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((FIN | opcode, size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", FIN | opcode, 126, size) + payload
    return struct.pack("!BBQ", FIN | opcode, 127, size) + payload


@lru_cache(maxsize=CACHED_FRAMES)
def text_frame(payload: bytes) -> bytes:
    """Frame UTF-8 text. Equal payloads give the same object."""
    return _frame(OP_TEXT, payload)


@lru_cache(maxsize=16)
def binary_frame(payload: bytes) -> bytes:
    """Frame binary data. Equal payloads give the same object."""
    return _frame(OP_BINARY, payload)


def spectrum_bytes(spectrum: Spectrum) -> bytes:
    """Lay a spectrum out as `SPECTRUM_LAYOUT` says.

    Args:
        spectrum: `mean_db` and `max_db` of equal length.
    Returns:
        64 + 8·n bytes.
    """
    mean_db = np.ascontiguousarray(spectrum.mean_db, dtype="<f4")
    max_db = np.ascontiguousarray(spectrum.max_db, dtype="<f4")
    header = SPECTRUM_HEADER.pack(
        SPECTRUM_MAGIC,
        SPECTRUM_HEADER.size,
        SPECTRUM_SIMULATED if spectrum.simulated else 0,
        spectrum.timestamp,
        spectrum.start_hz,
        spectrum.bin_hz,
        len(mean_db),
        0,
        spectrum.band.encode()[:SPECTRUM_BAND_BYTES].decode(errors="ignore").encode(),  # no half a character
    )
    return header + mean_db.tobytes() + max_db.tobytes()
