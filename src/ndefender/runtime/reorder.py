"""Puts what several workers finished back into the order in which it was captured, without waiting long for anyone."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Reorder(Generic[Item]):
    """A window over numbered items.

    Args:
        newest: highest number given out before; the next one is expected to follow it.
        hold_ns: longest time an item waits for those before it.
        max_items: more than this many, and the lowest goes out.
    """

    def __init__(self, newest: int, hold_ns: int, max_items: int) -> None:
        self._newest = newest
        self._hold_ns = hold_ns
        self._max_items = max_items
        self._heap: list[tuple[int, int, int, Item]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, seq: int, now_ns: int, item: Item) -> None:
        """Take an item in; one that comes after its time was up goes out with the next release."""
        self._count += 1  # items themselves are never compared
        heapq.heappush(self._heap, (seq, self._count, now_ns + self._hold_ns, item))

    def release(self, now_ns: int, *, everything: bool = False) -> list[Item]:
        """Give out what is in order, overdue, or too much; lowest number first."""
        out = []
        while self._heap:
            seq, _, until_ns, item = self._heap[0]
            in_order = seq <= self._newest + 1
            if not (in_order or everything or len(self._heap) > self._max_items or self._overdue(now_ns, until_ns)):
                break
            heapq.heappop(self._heap)
            self._newest = max(self._newest, seq)
            out.append(item)
        return out

    def _overdue(self, now_ns: int, until_ns: int) -> bool:
        """Whether any item has waited long enough: the lowest one goes out before it."""
        return now_ns >= until_ns or any(now_ns >= entry[2] for entry in self._heap)

    def seqs(self) -> set[int]:
        """Numbers that are held."""
        return {entry[0] for entry in self._heap}

    def due_ns(self) -> int | None:
        """When the next release has something to give, None when nothing is held."""
        return min((entry[2] for entry in self._heap), default=None)
