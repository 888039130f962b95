"""Which dwells an overloaded service takes on: whole ones, with hysteresis."""

from __future__ import annotations


class Admission:
    """Close when the work that waits comes near the ring's size; open again when half of it is done.

    Args:
        slots: slots of the I/Q ring.
        workers: processes that each may be using one more slot.
    """

    def __init__(self, slots: int, workers: int) -> None:
        self.close_at = max(1, slots - workers - 2)  # the writer's own slot and one of margin
        self.open_at = min(slots // 2, self.close_at - 1)
        self._open = True

    def admits(self, pending: int) -> bool:
        """Decide about the next dwell, given how many wait."""
        self._open = pending <= self.open_at if not self._open else pending < self.close_at
        return self._open
