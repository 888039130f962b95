"""Writers of capture files, for the simulator and for the tests."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

_NS = 1_000_000_000


class PcapFile:
    """A pcap file with times in ns.

    Args:
        file: open for writing; it is not closed here.
        link_type: what the frames begin with.
    """

    def __init__(self, file: BinaryIO, link_type: int) -> None:
        self._file = file
        file.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, link_type))

    def write(self, time_s: float, data: bytes) -> None:
        """Appends a frame, received at that time (seconds since 1970)."""
        seconds, fraction_ns = divmod(_ns(time_s), _NS)
        self._file.write(struct.pack("<IIII", seconds, fraction_ns, len(data), len(data)) + data)


class PcapngFile:
    """A pcapng file of one section, with times in ns.

    Args:
        file: open for writing; it is not closed here.
        link_types: what the frames of each interface begin with.
    """

    def __init__(self, file: BinaryIO, link_types: Sequence[int]) -> None:
        self._file = file
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for link_type in link_types:
            clock = struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0)
            file.write(block(1, struct.pack("<HHI", link_type, 0, 0) + clock))

    def write(self, time_s: float, data: bytes, interface: int = 0) -> None:
        """Appends a frame of an interface, received at that time (seconds since 1970)."""
        time_ns = _ns(time_s)
        head = struct.pack("<IIIII", interface, time_ns >> 32, time_ns & 0xFFFFFFFF, len(data), len(data))
        self._file.write(block(6, head + data))


def _ns(time_s: float) -> int:
    """Times since 1970 in ns do not fit in a float, their parts do."""
    whole_s = int(time_s)
    return whole_s * _NS + round((time_s - whole_s) * _NS)


def block(kind: int, body: bytes) -> bytes:
    """A pcapng block: its body filled up to a multiple of four, between its lengths."""
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length
