"""The front's books: what became of every published dwell, its place in every result ring, and its counters.

Everything here is one record that is committed as a whole, so a front that is killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

MAX_WORKERS = 64
WINDOW = 256  # numbers whose fate may still change; rings and queue hold far fewer
OPEN, ANALYSED, LOST = 0, 1, 2

BOOKS = np.dtype(
    [
        ("base", "u8"),  # the fate of all numbers up to this one is final
        ("newest", "u8"),  # highest number that arrived
        ("analysed", "u8"),
        ("lost", "u8"),  # published, but no result: overwritten, or taken by a process that died
        ("frames", "u8"),
        ("detections", "u8"),
        ("truncated", "u8"),
        ("events", "u8"),
        ("log_errors", "u8"),
        ("fate", "u1", (WINDOW,)),  # of base + 1 + i
        ("cursor", "u8", (MAX_WORKERS,)),  # last result taken from each worker's ring
    ]
)


class Books:
    """Counts every published dwell exactly once.

    Args:
        record: as `to_bytes` gave it; None to begin.
    """

    def __init__(self, record: bytes | None = None) -> None:
        self._record = np.zeros(1, BOOKS)
        if record is not None and len(record) == BOOKS.itemsize:
            self._record[:] = np.frombuffer(record, BOOKS)
        self._row = self._record[0]
        self._fate = self._row["fate"]
        self._open_since_ns: dict[int, int] = {}

    def to_bytes(self) -> bytes:
        """Everything, for the ledger."""
        return self._record.tobytes()

    def get(self, field: str) -> int:
        """Value of a counter of `BOOKS`."""
        return int(self._row[field])

    def add(self, field: str, amount: int) -> None:
        """Add to a counter of `BOOKS`."""
        self._row[field] += np.uint64(amount)

    def cursor(self, worker: int) -> int:
        """Last result taken from a worker's ring."""
        return int(self._row["cursor"][worker])

    def set_cursor(self, worker: int, seq: int) -> None:
        """Note how far a worker's ring was taken."""
        self._row["cursor"][worker] = seq

    def arrived(self, seq: int) -> bool:
        """Enter the result of a dwell.

        Returns:
            False when it had arrived before.
        """
        self._make_room(seq)
        index = seq - 1 - self.get("base")
        if index < 0:
            return False
        before = int(self._fate[index])
        if before == ANALYSED:
            return False
        if before == LOST:  # it was only late
            self._row["lost"] -= np.uint64(1)
        self._fate[index] = ANALYSED
        self.add("analysed", 1)
        self._row["newest"] = max(self.get("newest"), seq)
        return True

    def settle(self, published: int, waiting: int, busy: Collection[int], now_ns: int, grace_ns: int) -> None:
        """Declare lost what nobody has any more.

        Args:
            published: newest number of the I/Q ring.
            waiting: numbers still in the work queue: the newest ones.
            busy: numbers that workers are at.
            now_ns: monotonic.
            grace_ns: a number is in nobody's hands for an instant between queue and worker; only what is for this
                long is lost.
        """
        self._make_room(published)
        base = self.get("base")
        still_open = {}
        for index in np.flatnonzero(self._fate[: max(0, published - base)] == OPEN):
            seq = base + 1 + int(index)
            if seq in busy or seq > published - waiting:
                continue
            since_ns = self._open_since_ns.get(seq, now_ns)
            if now_ns - since_ns >= grace_ns:
                self._fate[index] = LOST
                self.add("lost", 1)
            else:
                still_open[seq] = since_ns
        self._open_since_ns = still_open

    def _make_room(self, seq: int) -> None:
        """Close the books on the oldest numbers so that `seq` fits into the window; what is open is lost."""
        shift = seq - self.get("base") - WINDOW
        if shift <= 0:
            return
        leaving = self._fate[: min(shift, WINDOW)]
        self.add("lost", int(np.count_nonzero(leaving == OPEN)) + max(0, shift - WINDOW))
        kept = self._fate[min(shift, WINDOW) :].copy()
        self._fate[:] = OPEN
        self._fate[: len(kept)] = kept
        self.add("base", shift)
