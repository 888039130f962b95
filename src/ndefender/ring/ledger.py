"""A record that survives kill -9 of the process that keeps it: two copies, of which one is always whole.

It is a ring of two slots read back by its own writer: the newest published copy is never the one being written.
"""

from __future__ import annotations

import numpy as np

from ndefender.errors import RingError
from ndefender.ring.ring import RingReader, RingWriter
from ndefender.ring.segment import Segment, SegmentSpec

_LENGTH_BYTES = 8


def ledger_spec(name: str, max_bytes: int) -> SegmentSpec:
    """Layout of a ledger for records of at most `max_bytes`."""
    return SegmentSpec(name, 2, _LENGTH_BYTES + max_bytes)


class Ledger:
    """Keeps the newest committed record.

    Args:
        segment: laid out by `ledger_spec`; one process at a time may commit.
    """

    def __init__(self, segment: Segment) -> None:
        self._writer = RingWriter(segment)
        self._reader = RingReader(segment)
        self._max_bytes = segment.spec.payload_bytes - _LENGTH_BYTES

    def commit(self, record: bytes) -> None:
        """Replace the record, all or nothing.

        Raises:
            RingError: it is longer than the ledger's bound.
        """
        if len(record) > self._max_bytes:
            raise RingError(f"record of {len(record)} bytes, the ledger holds {self._max_bytes}")
        payload = self._writer.reserve()
        payload[:_LENGTH_BYTES].view(np.uint64)[0] = len(record)
        payload[_LENGTH_BYTES : _LENGTH_BYTES + len(record)] = np.frombuffer(record, np.uint8)
        self._writer.publish()

    def load(self) -> bytes | None:
        """Give the newest record, None before the first commit."""
        payload = self._reader.read(self._reader.newest())
        if payload is None:
            return None
        length = int(payload[:_LENGTH_BYTES].view(np.uint64)[0])
        return payload[_LENGTH_BYTES : _LENGTH_BYTES + length].tobytes()
