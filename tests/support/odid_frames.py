"""Messages and packs as bytes, for frames to carry; what is in them does not matter there."""

from __future__ import annotations

from pathlib import Path

from ndefender.remoteid.frames import save
from ndefender.remoteid.frames.extract import Extractor, frames
from ndefender.remoteid.frames.heard import Found, FrameCounters
from ndefender.remoteid.frames.record import Record

SENDER = "60:60:1f:0a:0b:0c"
MESSAGE = bytes((0x02, 0x12)) + b"1581F00000000000123\x00" + bytes(3)


def pack(messages: int = 3) -> bytes:
    return bytes((0xF2, 25, messages)) + MESSAGE * messages


def take(link_type: int, *data: bytes, time_s: float = 1000.0, **how: object) -> tuple[list[Found], FrameCounters]:
    """What frames of one link type give, and what was counted."""
    extractor = Extractor(FrameCounters())
    found = [item for part in data for item in extractor.take(Record(link_type, time_s, part, **how))]
    return found, extractor.counters


def read(path: Path) -> tuple[list[Found], FrameCounters]:
    counters = FrameCounters()
    return list(frames(path, counters)), counters


def write_pcap(path: Path, link_type: int, *data: bytes, time_s: float = 1000.0) -> Path:
    with path.open("wb") as file:
        writer = save.PcapFile(file, link_type)
        for part in data:
            writer.write(time_s, part)
    return path
