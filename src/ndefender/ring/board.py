"""A board with one row a process: who it is, when it last made progress, and its counters.

Every field has one writer and is one aligned 8-byte word, so a reader sees old or new, never half. Counters stay when
the process that owns the row is restarted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ndefender.ring.segment import Segment, SegmentSpec

COUNTERS = 20
_PID, _BEAT, _RESTARTS, _FIRST_COUNTER = 0, 1, 2, 3


def board_spec(name: str, rows: int) -> SegmentSpec:
    """Layout of a board."""
    return SegmentSpec(name, max(rows, 2), (_FIRST_COUNTER + COUNTERS) * 8)


class Row:
    """One process's row. `counters` is uint64, shape (COUNTERS,); what each means is its owner's affair."""

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self._words = words
        self.counters = words[_FIRST_COUNTER:]

    @property
    def pid(self) -> int:
        """Process that runs, 0 when none does. Written by whoever starts it."""
        return int(self._words[_PID])

    @pid.setter
    def pid(self, pid: int) -> None:
        self._words[_PID] = pid

    @property
    def beat_ns(self) -> int:
        """CLOCK_MONOTONIC of the newest progress, 0 before the first. Written by the process itself."""
        return int(self._words[_BEAT])

    @beat_ns.setter
    def beat_ns(self, now_ns: int) -> None:
        self._words[_BEAT] = now_ns

    @property
    def restarts(self) -> int:
        """Times the process was started again. Written by whoever starts it."""
        return int(self._words[_RESTARTS])

    @restarts.setter
    def restarts(self, count: int) -> None:
        self._words[_RESTARTS] = count

    def add(self, counter: int, amount: int = 1) -> None:
        """Add to a counter of one's own row."""
        self.counters[counter] += np.uint64(amount)

    def get(self, counter: int) -> int:
        """Value of a counter."""
        return int(self.counters[counter])


class Board:
    """All rows of a segment laid out by `board_spec`."""

    def __init__(self, segment: Segment) -> None:
        self._rows = [Row(segment.slot(i)[1].view(np.uint64)) for i in range(segment.spec.slots)]

    def row(self, index: int) -> Row:
        """Give a row."""
        return self._rows[index]
