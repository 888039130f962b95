"""Capture files: read forwards once, a record at a time. Why this is not a library: docs/adr/0071-captures.md.

A file may grow without end (a pipe) or stop anywhere: one record of at most `MAX_RECORD_BYTES` is held at a time, and a
file that ends within a record has simply ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ndefender.remoteid.frames import pcap, pcapng
from ndefender.remoteid.frames.heard import CaptureUnreadable, FrameCounters
from ndefender.remoteid.frames.record import Record

_BUFFER_BYTES = 1 << 18


def records(path: Path, counters: FrameCounters) -> Iterator[Record]:
    """The records of a pcap or pcapng file, in the file's order.

    Raises:
        CaptureUnreadable: it cannot be opened or read, or is neither.
    """
    try:
        with path.open("rb", buffering=_BUFFER_BYTES) as file:
            magic = file.read(4)
            if magic == pcapng.MAGIC:
                yield from pcapng.records(file, counters)
            elif magic in pcap.MAGICS:
                yield from pcap.records(file, magic, counters)
            else:
                raise CaptureUnreadable(str(path), f"not pcap or pcapng: it begins with {magic.hex(' ') or 'nothing'}")
    except OSError as error:
        raise CaptureUnreadable(str(path), error.strerror or str(error)) from error
