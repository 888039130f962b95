"""Radiotap: what a monitor interface says about a frame, before the frame.

Header: version u8 (0), pad u8, length u16, present words u32 (bit 31: another word follows), then the fields of the
present bits in order, each aligned to its own size from the header's beginning; all little-endian. Bit 29 ends a set of
fields and begins the next (one antenna each), bit 30 begins a manufacturer's own.
"""

from __future__ import annotations

import functools
import struct
from typing import NamedTuple

# Alignment and size of the fields by bit number, as radiotap.org defines them.
_FIELDS = (
    (8, 8),  # 0 timer
    (1, 1),  # 1 flags
    (1, 1),  # 2 rate
    (2, 4),  # 3 channel: MHz u16, flags u16
    (2, 2),  # 4 hopping
    (1, 1),  # 5 signal, dBm i8
    (1, 1),  # 6 noise
    (2, 2),  # 7 lock quality
    (2, 2),  # 8 attenuation
    (2, 2),  # 9 attenuation, dB
    (1, 1),  # 10 power
    (1, 1),  # 11 antenna
    (1, 1),  # 12 signal, dB
    (1, 1),  # 13 noise, dB
    (2, 2),  # 14 reception flags
    (2, 2),  # 15 transmission flags
    (1, 1),  # 16 retries
    (1, 1),  # 17 retries
    (4, 8),  # 18 channel, extended: flags u32, MHz u16, number u8, power u8
    (1, 3),  # 19 MCS
    (4, 8),  # 20 A-MPDU
    (2, 12),  # 21 VHT
    (8, 12),  # 22 timestamp
    (2, 12),  # 23 HE
    (2, 12),  # 24 HE-MU
    (2, 6),  # 25 HE-MU, other users
    (1, 1),  # 26 PSDU without content
    (2, 4),  # 27 L-SIG
)
_FLAGS, _CHANNEL, _SIGNAL, _RECEPTION, _WIDE_CHANNEL = 1, 3, 5, 14, 18
_NEXT_SET = 29
_MAX_WORDS = 32

_FCS_AT_END, _FCS_FAILED = 0x10, 0x40
_PLCP_FAILED = 0x02


class Radiotap(NamedTuple):
    """What matters of the header.

    Args:
        length: bytes of the header.
        fcs: the frame ends with its check sequence.
        bad: the receiver says that the frame is corrupted.
        rssi_dbm: received signal strength (of all antennas together, else of the first), None where not given.
        freq_mhz: centre of the channel, None where not given.
    """

    length: int
    fcs: bool
    bad: bool
    rssi_dbm: int | None
    freq_mhz: int | None


class _Layout(NamedTuple):
    end: int
    flags_at: int | None
    signal_at: int | None
    channel_at: int | None
    reception_at: int | None


_U16 = struct.Struct("<H").unpack_from
_I8 = struct.Struct("<b").unpack_from


def read(data: bytes) -> Radiotap | None:
    """The header at the beginning of `data`; None where there is none, or it does not fit."""
    if len(data) < 8 or data[0]:
        return None
    (length,) = _U16(data, 2)
    end = 8
    while data[end - 1] & 0x80:
        end += 4
        if end > length or end > 4 + 4 * _MAX_WORDS or end > len(data):
            return None
    layout = _layout(data[4:end])
    if length < layout.end or length > len(data):
        return None
    _, flags_at, signal_at, channel_at, reception_at = layout
    flags = data[flags_at] if flags_at else 0
    return Radiotap(
        length,
        bool(flags & _FCS_AT_END),
        bool(flags & _FCS_FAILED or (reception_at and data[reception_at] & _PLCP_FAILED)),
        _I8(data, signal_at)[0] if signal_at else None,
        _U16(data, channel_at)[0] or None if channel_at else None,
    )


@functools.lru_cache(maxsize=256)
def _layout(words: bytes) -> _Layout:
    """Where the fields are: a receiver uses few combinations of them, so that this is worked out once for each.

    It ends at the first thing of unknown size (a manufacturer's set, a field newer than this table): what is before
    that still counts.
    """
    found: dict[int, int] = {}
    at = 4 + len(words)
    for (word,) in struct.iter_unpack("<I", words):
        for bit in range(_NEXT_SET):
            if not word >> bit & 1:
                continue
            if bit >= len(_FIELDS):
                return _as_layout(found, at)
            align, size = _FIELDS[bit]
            at = -(-at // align) * align
            found.setdefault(bit, at)
            at += size
        # Another word without the mark of a next set continues the numbers of this one: none of those has a meaning.
        if not word >> _NEXT_SET & 1:
            break
    return _as_layout(found, at)


def _as_layout(found: dict[int, int], end: int) -> _Layout:
    channel_at = found.get(_CHANNEL)
    if channel_at is None and _WIDE_CHANNEL in found:
        channel_at = found[_WIDE_CHANNEL] + 4
    return _Layout(end, found.get(_FLAGS), found.get(_SIGNAL), channel_at, found.get(_RECEPTION))
