"""Who is alive, how busy it is of late, and how often it was started again: read from the board."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ndefender.ring.board import Board, Row
from ndefender.runtime.wiring import Seat, WorkerCount
from ndefender.units import NS_PER_S

BUSY_NS = NS_PER_S  # busy shares are means over at least this long


class Vitals:
    """A view of the board.

    Args:
        board: all rows.
        workers: number of workers.
        clock_ns: monotonic.
    """

    def __init__(self, board: Board, workers: int, clock_ns: Callable[[], int]) -> None:
        self._board = board
        self._clock_ns = clock_ns
        self.capture: Row = board.row(Seat.CAPTURE)
        self.workers: Sequence[Row] = [board.row(Seat.WORKER + i) for i in range(workers)]
        self._taken_ns = clock_ns()
        self._busy_ns = [row.get(WorkerCount.BUSY_NS) for row in self.workers]
        self._shares: list[float | None] = [None] * workers

    @property
    def any_worker(self) -> bool:
        """Whether anybody analyses."""
        return any(row.pid and row.beat_ns for row in self.workers)

    def busy_percent(self) -> Sequence[float | None]:
        """Share of the time each worker was analysing since about a second ago; None before that is known."""
        now_ns = self._clock_ns()
        span_ns = now_ns - self._taken_ns
        if span_ns >= BUSY_NS:
            fresh = [row.get(WorkerCount.BUSY_NS) for row in self.workers]
            shares = (100.0 * (new - old) / span_ns for new, old in zip(fresh, self._busy_ns, strict=True))
            self._shares = [min(100.0, share) for share in shares]
            self._taken_ns, self._busy_ns = now_ns, fresh
        return self._shares

    def restarts(self) -> dict[str, int]:
        """Restarts by process name, of those that were ever restarted."""
        names = {"emulator": Seat.EMULATOR, "capture": Seat.CAPTURE, "front": Seat.TRACKER}
        rows = {name: self._board.row(seat) for name, seat in names.items()}
        rows |= {f"worker-{i}": row for i, row in enumerate(self.workers)}
        return {name: row.restarts for name, row in rows.items() if row.restarts}
