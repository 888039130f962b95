"""The pcap file format 2.4, in both byte orders, with fractions of µs or ns.

File header: magic u32, major u16, minor u16, two unused u32, snapshot length u32, link type u32 (lower 16 bits; bit 26
says that bits 28 to 31 hold the frame check sequence's length in 16-bit words). Then records: seconds u32, fraction
u32, captured length u32, length on the air u32, the captured bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from ndefender.remoteid.frames.heard import FrameCounters
from ndefender.remoteid.frames.record import MAX_RECORD_BYTES, Record

# By the magic number's bytes in the file: byte order, fractions a second, bytes of a record's header. The last is a
# variant of old Linux distributions, with 8 more bytes of interface and protocol.
MAGICS = {
    struct.pack(sign + "I", magic): (sign, fractions_hz, header_bytes)
    for magic, fractions_hz, header_bytes in (
        (0xA1B2C3D4, 1_000_000, 16),
        (0xA1B23C4D, 1_000_000_000, 16),
        (0xA1B2CD34, 1_000_000, 24),
    )
    for sign in "<>"
}
_FCS_LENGTH_GIVEN = 1 << 26


def records(file: BinaryIO, magic: bytes, counters: FrameCounters) -> Iterator[Record]:
    """The records that follow the magic number."""
    read = file.read
    sign, fractions_hz, header_bytes = MAGICS[magic]
    head = read(20)
    if len(head) < 20:
        counters.cut_short += 1
        return
    (link,) = struct.unpack_from(sign + "I", head, 16)
    link_type, fcs_bytes = link & 0xFFFF, (link >> 28) * 2 if link & _FCS_LENGTH_GIVEN else None
    unpack = struct.Struct(sign + "IIII").unpack_from
    while len(head := read(header_bytes)) == header_bytes:
        seconds, fraction, captured, original = unpack(head)
        if captured > MAX_RECORD_BYTES or len(data := read(captured)) < captured:
            counters.cut_short += 1
            return
        yield Record(link_type, seconds + fraction / fractions_hz, data, original > captured, fcs_bytes)
    counters.cut_short += bool(head)
