"""Where the LOs of a group of bands go, so that each frequency is seen away from an LO; `hops` says why."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ConfigError
from .plan import Band

MAX_HOPS = 4096  # a sweep of minutes; a plan that needs more has the wrong rate for its bands


@dataclass(frozen=True, slots=True)
class View:
    """What one tuning sees: `half_hz` on each side of the LO, `guard_hz` of it unusable; LO limits."""

    half_hz: float
    guard_hz: float
    min_center_hz: float
    max_center_hz: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """A band, clipped to what the radio reaches."""

    index: int
    band: Band
    low_hz: float
    high_hz: float

    @property
    def shares_with(self) -> tuple[float, str, float]:
        """Bands may share a hop only where gain, antenna port and priority are the same."""
        return (self.band.gain_db, self.band.rx_port, self.band.priority)


def span(group: Sequence[Wanted]) -> tuple[float, float]:
    """Lowest and highest frequency of a group."""
    return min(one.low_hz for one in group), max(one.high_hz for one in group)


def distance(center_hz: float, group: Sequence[Wanted]) -> float:
    """How far an LO is from the nearest band, 0 inside one."""
    return min(max(one.low_hz - center_hz, center_hz - one.high_hz, 0.0) for one in group)


def centers(group: Sequence[Wanted], view: View) -> list[float]:
    """LOs that cover the whole span of a group, ascending."""
    low_hz, high_hz = span(group)
    width_hz = high_hz - low_hz
    half_hz, guard_hz = view.half_hz, view.guard_hz
    if width_hz <= 2 * half_hz:
        return [_single_center(group, view)]
    beyond_hz = width_hz - 2 * half_hz
    count = 1 + math.ceil(beyond_hz / (half_hz - guard_hz) - 1e-9)
    if count > MAX_HOPS:
        raise ConfigError(f"band {group[0].band.name}", f"needs {count} hops of {2 * half_hz:g} Hz, at most {MAX_HOPS}")
    step_hz = beyond_hz / (count - 1)
    # a band barely wider than one hop: keep the two LOs out of one another's guard, even if the hops reach beyond it
    first_hz = low_hz + half_hz
    if step_hz < 2 * guard_hz:
        first_hz -= (2 * guard_hz - step_hz) / 2
        step_hz = 2 * guard_hz
    return [first_hz + i * step_hz for i in range(count)]


def _single_center(group: Sequence[Wanted], view: View) -> float:
    """The LO of a group that fits into one hop: outside its bands if possible, as far from LO and edges as it goes."""
    low_hz, high_hz = span(group)
    first_hz = max(high_hz - view.half_hz, view.min_center_hz)
    last_hz = min(low_hz + view.half_hz, view.max_center_hz)
    beside_hz = (view.half_hz - (high_hz - low_hz)) / 2
    edges = sorted(group, key=lambda one: one.low_hz)
    gaps = [(a.high_hz + b.low_hz) / 2 for a, b in itertools.pairwise(edges)]
    # where no gap and no side is left, a quarter of the slack from one end: images then fall mostly outside the band
    inside_hz = first_hz + (last_hz - first_hz) / 4
    tries = [min(max(c, first_hz), last_hz) for c in (low_hz - beside_hz, high_hz + beside_hz, *gaps, inside_hz)]

    def score(center_hz: float) -> tuple[bool, float]:
        lo_hz = distance(center_hz, group)
        edge_hz = min(low_hz - (center_hz - view.half_hz), center_hz + view.half_hz - high_hz)
        return lo_hz >= view.guard_hz, min(lo_hz, edge_hz) if lo_hz >= view.guard_hz else edge_hz

    best = max(tries, key=score)
    return best if score(best)[0] else min(max(inside_hz, first_hz), last_hz)
