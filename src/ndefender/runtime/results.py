"""Follows the result rings of all workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndefender import records
from ndefender.ring.ring import RingReader


@dataclass(frozen=True, slots=True)
class Dwell:
    """A result, copied out of its ring.

    Args:
        worker: index of the worker.
        place: its number in that worker's ring.
        summary: `records.SUMMARY`.
        emissions: `records.EMISSION`, shape (n_emissions,).
        mean_power, max_power: float32, shape (SPECTRUM_BINS,), linear.
    """

    worker: int
    place: int
    summary: np.void
    emissions: NDArray[np.void]
    mean_power: NDArray[np.float32]
    max_power: NDArray[np.float32]

    @property
    def seq(self) -> int:
        """Number of the dwell in the I/Q ring."""
        return int(self.summary["block"]["seq"])


class ResultFollower:
    """Reads every worker's ring from where it was left.

    Args:
        rings: one a worker.
        cursors: last number taken from each.
    """

    def __init__(self, rings: Sequence[RingReader], cursors: Sequence[int]) -> None:
        self._rings = list(rings)
        self._cursors = list(cursors)

    def read(self) -> list[Dwell]:
        """Copy out everything new; what was overwritten is skipped (its dwell is missed by its number)."""
        out = []
        for worker, ring in enumerate(self._rings):
            newest = ring.newest()
            first = max(self._cursors[worker] + 1, newest - ring.slots + 1)
            for place in range(first, newest + 1):
                dwell = _copy(ring, worker, place)
                if dwell is not None:
                    out.append(dwell)
            self._cursors[worker] = newest
        return out


def _copy(ring: RingReader, worker: int, place: int) -> Dwell | None:
    """Copy one result; None when it was overwritten meanwhile."""
    payload = ring.read(place)
    if payload is None:
        return None
    result = payload.view(records.RESULT)[0]
    summary = result["summary"].copy()
    count = min(int(summary["n_emissions"]), records.MAX_EMISSIONS)
    emissions = result["emissions"][:count].copy()
    mean_power, max_power = result["mean_power"].copy(), result["max_power"].copy()
    return Dwell(worker, place, summary, emissions, mean_power, max_power) if ring.holds(place) else None
