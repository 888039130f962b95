"""The pcapng file format: sections of either byte order, several interfaces with a link type and a clock each.

A block: type u32, total length u32 (with both lengths, a multiple of 4), body, total length again. Of the blocks only
those that hold frames or say how to read them matter:

- section header 0A0D0D0A: byte-order magic 1A2B3C4D; it ends all interfaces of the section before.
- interface description 1: link type u16, unused u16, snapshot length u32, options: 9 clock resolution (10^-n s, with
  the top bit 2^-n s), 13 length of the frame check sequence in bytes, 14 clock offset in s (i64).
- enhanced packet 6: interface u32, ticks upper u32, lower u32, captured u32, original u32, bytes, options: 2 flags
  (bits 5 to 8: bytes of frame check sequence, 0 unknown; bit 24: check failed).
- packet 2 (old): as 6, with interface u16 and drops u16.
- simple packet 3: original u32, bytes; always interface 0, no time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from ndefender.remoteid.frames.heard import FrameCounters
from ndefender.remoteid.frames.record import MAX_RECORD_BYTES, Record

MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
# What a block with a frame may have besides it (comments, statistics), and how many interfaces a section may have:
# beyond, it is no capture but an attack on our memory.
_MAX_BLOCK_BYTES = MAX_RECORD_BYTES + 65_536
_MAX_INTERFACES = 1024
_SKIP_BYTES = 65_536


class _Interface(msgspec.Struct, frozen=True):
    link_type: int
    snap_bytes: int
    ticks_hz: int
    offset_s: int
    fcs_bytes: int | None


class _Lost(Exception):
    """The place in the file is lost, or it ends within a block."""


def records(file: BinaryIO, counters: FrameCounters) -> Iterator[Record]:
    """The frames of all sections; the file stands after the first block's type."""
    try:
        sign = _section(file)
        interfaces: list[_Interface] = []
        while True:
            head = file.read(8)
            if len(head) < 8:
                counters.cut_short += bool(head)
                return
            if head.startswith(MAGIC):
                sign = _section(file, head[4:])
                interfaces = []
                continue
            kind, total = struct.unpack(sign + "II", head)
            body = _body(file, sign, total, wanted=kind in {_INTERFACE, _ENHANCED, _SIMPLE, _OLD_PACKET})
            if body is None:
                continue
            if kind == _INTERFACE:
                if len(interfaces) >= _MAX_INTERFACES:
                    raise _Lost
                interfaces.append(_interface(sign, body))
            elif record := _record(sign, kind, body, interfaces):
                yield record
            else:
                counters.frames += 1
                counters.malformed += 1
    except _Lost:
        counters.cut_short += 1


def _section(file: BinaryIO, length: bytes = b"") -> str:
    """Reads a section header after its type, and gives the section's byte order."""
    length += file.read(4 - len(length))
    sign = _BYTE_ORDERS.get(file.read(4))
    if sign is None or len(length) < 4:
        raise _Lost
    (total,) = struct.unpack(sign + "I", length)
    if total < 28 or total % 4:
        raise _Lost
    _skip(file, total - 12)
    return sign


def _body(file: BinaryIO, sign: str, total: int, *, wanted: bool) -> bytes | None:
    """Reads a block after its first length; None for one that is not wanted, or is larger than any frame needs."""
    if total < 12 or total % 4:
        raise _Lost
    if not wanted or total > _MAX_BLOCK_BYTES:
        _skip(file, total - 8)
        return None
    rest = file.read(total - 8)
    if len(rest) < total - 8 or struct.unpack_from(sign + "I", rest, total - 12)[0] != total:
        raise _Lost
    return rest[:-4]


def _skip(file: BinaryIO, count: int) -> None:
    """Reads over bytes in bounded pieces; a pipe cannot seek."""
    while count:
        piece = len(file.read(min(count, _SKIP_BYTES)))
        if not piece:
            raise _Lost
        count -= piece


def _options(sign: str, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(body):
        code, size = struct.unpack_from(sign + "HH", body, at)
        if not code:
            return
        yield code, body[at + 4 : at + 4 + size]
        at += 4 + (size + 3 & ~3)


def _interface(sign: str, body: bytes) -> _Interface:
    if len(body) < 8:
        raise _Lost
    link_type, _, snap_bytes = struct.unpack_from(sign + "HHI", body)
    ticks_hz, offset_s, fcs_bytes = 1_000_000, 0, None
    for code, value in _options(sign, body, 8):
        if code == 9 and value:
            exponent = value[0] & 0x7F
            ticks_hz = (2 if value[0] & 0x80 else 10) ** exponent
        elif code == 13 and value:
            fcs_bytes = value[0]
        elif code == 14 and len(value) >= 8:
            (offset_s,) = struct.unpack_from(sign + "q", value)
    return _Interface(link_type, snap_bytes, ticks_hz, offset_s, fcs_bytes)


def _record(sign: str, kind: int, body: bytes, interfaces: list[_Interface]) -> Record | None:
    """None where lengths or the interface's number are wrong: this block is no use, the next one may be."""
    if kind == _SIMPLE:
        if len(body) < 4 or not interfaces:
            return None
        of = interfaces[0]
        (original,) = struct.unpack_from(sign + "I", body)
        captured = min(original, of.snap_bytes or original, len(body) - 4)
        return Record(of.link_type, 0.0, body[4 : 4 + captured], original > captured, of.fcs_bytes)
    if len(body) < 20:
        return None
    number, upper, lower, captured, original = struct.unpack_from(sign + "IIIII", body)
    if kind == _OLD_PACKET:
        (number,) = struct.unpack_from(sign + "H", body)
    end = 20 + captured
    if number >= len(interfaces) or end > len(body) or captured > MAX_RECORD_BYTES:
        return None
    of = interfaces[number]
    fcs_bytes, bad = of.fcs_bytes, False
    if len(body) > end + 4:
        for code, value in _options(sign, body, 20 + (captured + 3 & ~3)):
            if code == 2 and len(value) >= 4:
                (flags,) = struct.unpack_from(sign + "I", value)
                fcs_bytes = flags >> 5 & 0xF or fcs_bytes
                bad = bool(flags >> 24 & 1)
    time_s = of.offset_s + (upper << 32 | lower) / of.ticks_hz
    return Record(of.link_type, time_s, body[20:end], original > captured, fcs_bytes, bad)
