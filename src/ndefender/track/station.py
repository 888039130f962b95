"""Emitters that stay on one frequency: geometry, and how a sighting relates to it."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from ndefender.track.observe import Dwell, Sighting
from ndefender.track.policy import TrackPolicy, compatible
from ndefender.track.track import Track

_ANALOG = "analog"
_INSIDE = 0.75  # part of the narrower band that must lie in the wider one
_INSIDE_CUT = 0.6  # the same where an edge of the hop cut it
_ALIKE = 0.4  # bandwidth ratio below which two sightings are a whole and a part
_WHOLE = 0.7  # sightings at least this wide, of the widest, say where the emitter is
_IN_SIGHT = 0.95  # part of a station that a dwell must cover to have seen it whole
_SURE = 0.5  # classification confidence from which a class may tell two emitters apart
_YOUNG_HITS = 2  # times min_hits_to_confirm: as long as this a contact may turn out to be a part of a wider one


class Relation(IntEnum):
    """How a sighting relates to a station, best first."""

    SAME = 0  # the emitter, whole
    PART = 1  # a part of it: heard, but says nothing about where it is
    JOIN = 2  # the other half of what a hop's edge cut
    GROW = 3  # the station was a part of this
    EXPLAINED = 4  # lies inside and has no name of its own: makes no contact, keeps none alive


class Match(NamedTuple):
    """A relation and how far off it is, smaller is better."""

    relation: Relation
    distance: float


class Station(Track):
    """An emitter on one frequency."""

    def __init__(self, serial: int, t_ns: int) -> None:
        super().__init__(serial, t_ns)
        self._centers: deque[float] = deque(maxlen=15)
        self._widths: deque[float] = deque(maxlen=15)
        self._low = 0.0
        self._high = 0.0
        self.cut_low = False
        self.cut_high = False
        self.continuous_dwells = 0

    @property
    def low_hz(self) -> float:
        """Low edge."""
        return self._low

    @property
    def high_hz(self) -> float:
        """High edge."""
        return self._high

    @property
    def center_hz(self) -> float:
        """Centre, median over the newest dwells."""
        return (self._low + self._high) / 2

    @property
    def bandwidth_hz(self) -> float:
        """Occupied bandwidth, a high quantile over the newest dwells."""
        return self._high - self._low

    @property
    def cut(self) -> bool:
        """It was never seen whole."""
        return self.cut_low or self.cut_high

    def sketch(self, s: Sighting) -> None:
        """Say where it may be, from the sighting that founds it; the dwell's `place` says it properly."""
        self._low, self._high = s.low_hz, s.high_hz
        self._family = s.family
        self.cut_low, self.cut_high = s.edge_low, s.edge_high

    def set_band(self, low_hz: float, high_hz: float) -> None:
        """Say where it is, as restored from the log."""
        self._low, self._high = low_hz, high_hz
        self._centers.append((low_hz + high_hz) / 2)
        self._widths.append(high_hz - low_hz)

    def place(self, dwell: Dwell, sightings: Sequence[Sighting]) -> None:
        """Learn from the widest sightings seen whole; what an edge of the hop cut only widens what is known.

        Narrower sightings count where the dwell saw all of the station: a first estimate may be too wide, and the
        upper quartile of the newest dwells forgets it, but not a dwell in which only pieces were over the threshold.
        """
        self.continuous_dwells += any(s.continuous for s in sightings)
        whole = [s for s in sightings if not s.cut]
        widest = max((s.bandwidth_hz for s in whole), default=0.0)
        in_sight = len(whole) == len(sightings) and self.seen_part(dwell) >= _IN_SIGHT
        if whole and (widest >= _WHOLE * self.bandwidth_hz or in_sight):
            self._learn([s for s in whole if s.bandwidth_hz >= _WHOLE * widest], widest)
        elif not self._widths:
            self._widen(sightings)

    def _learn(self, main: Sequence[Sighting], widest: float) -> None:
        if self.cut or widest * _ALIKE > self.bandwidth_hz:
            self._centers.clear()  # what was known was a part
            self._widths.clear()
        self.cut_low = self.cut_high = False
        self._centers.append(statistics.median(s.center_hz for s in main))
        self._widths.append(statistics.median(s.bandwidth_hz for s in main))
        width = sorted(self._widths)[(3 * len(self._widths)) // 4]
        alike = [c for c, w in zip(self._centers, self._widths, strict=True) if w >= _WHOLE * width]
        center = statistics.median(alike)
        self._low, self._high = center - width / 2, center + width / 2

    def _widen(self, sightings: Sequence[Sighting]) -> None:
        """Take the union of cut sightings; an edge that one of them saw is known."""
        cuts = [s for s in sightings if s.cut]
        if not cuts:
            return
        low = min(cuts, key=lambda s: s.low_hz)
        high = max(cuts, key=lambda s: s.high_hz)
        known = self._high > self._low
        if not known or low.low_hz < self._low:
            self._low, self.cut_low = low.low_hz, low.edge_low
        if not known or high.high_hz > self._high:
            self._high, self.cut_high = high.high_hz, high.edge_high


def tolerance_hz(first_hz: float, second_hz: float, policy: TrackPolicy) -> float:
    """How far apart two measured centres of one emitter may lie, from their bandwidths."""
    relative = max(0.2 * min(first_hz, second_hz), 0.1 * max(first_hz, second_hz), policy.min_tolerance_hz)
    return min(relative, policy.video_tolerance_hz)


def relate(s: Sighting, t: Station, policy: TrackPolicy) -> Match | None:
    """Say how a sighting relates to a station, None where they have nothing to do with each other."""
    distance = abs(s.center_hz - t.center_hz)
    limit = tolerance_hz(s.bandwidth_hz, t.bandwidth_hz, policy)
    overlap = min(s.high_hz, t.high_hz) - max(s.low_hz, t.low_hz)
    if overlap < -limit:
        return None
    family = t.family
    alike = compatible(s.family, family) or s.class_confidence < _SURE
    video = s.family == family == _ANALOG
    same_width = min(s.bandwidth_hz, t.bandwidth_hz) >= _ALIKE * max(s.bandwidth_hz, t.bandwidth_hz)
    if not s.cut and not t.cut and distance <= limit and (video or (same_width and alike)):
        return Match(Relation.SAME, distance / limit)
    if s.cut or t.cut:
        return _relate_cut(s, t, overlap, alike, limit)
    if video or not alike:
        return None  # pilots side by side; what another class says in so many words
    return _relate_parts(s, t, overlap, policy)


def _relate_parts(s: Sighting, t: Station, overlap: float, policy: TrackPolicy) -> Match | None:
    """Relate a whole and a part."""
    distance = abs(s.center_hz - t.center_hz) / max(s.bandwidth_hz, t.bandwidth_hz)
    if s.bandwidth_hz < t.bandwidth_hz and overlap >= _INSIDE * s.bandwidth_hz:
        own = bool(s.family) and s.family == t.family
        return Match(Relation.PART if own else Relation.EXPLAINED, distance)
    young = t.dwells <= _YOUNG_HITS * policy.min_hits_to_confirm
    if s.bandwidth_hz > t.bandwidth_hz and overlap >= _INSIDE * t.bandwidth_hz and young:
        return Match(Relation.GROW, distance)
    return None


def _relate_cut(s: Sighting, t: Station, overlap: float, alike: bool, limit: float) -> Match | None:
    """Relate where a hop's edge cut the sighting or all that is known of the station.

    What is cut goes on where nobody looked: if the other one is there, they are one.
    """
    if not alike:
        return None
    if (s.edge_low and t.cut_high and s.high_hz > t.high_hz) or (s.edge_high and t.cut_low and s.low_hz < t.low_hz):
        return Match(Relation.JOIN, abs(overlap))
    distance = abs(s.center_hz - t.center_hz) / max(s.bandwidth_hz, t.bandwidth_hz)
    inside = overlap >= _INSIDE_CUT * min(s.bandwidth_hz, t.bandwidth_hz)
    if s.cut and (inside or _goes_on_in(s.edge_low, s.edge_high, s.low_hz, s.high_hz, t.low_hz, t.high_hz, limit)):
        larger = t.cut and s.bandwidth_hz >= t.bandwidth_hz
        return Match(Relation.GROW if larger else Relation.PART, distance)
    if t.cut and (inside or _goes_on_in(t.cut_low, t.cut_high, t.low_hz, t.high_hz, s.low_hz, s.high_hz, limit)):
        piece = s.bandwidth_hz < _ALIKE * t.bandwidth_hz
        return Match(Relation.EXPLAINED if piece else Relation.GROW, distance)
    return None


def _goes_on_in(
    cut_low: bool,
    cut_high: bool,
    low_hz: float,
    high_hz: float,
    other_low_hz: float,
    other_high_hz: float,
    limit: float,
) -> bool:
    """Whether the edge at which something was cut lies within something else."""
    at_low = cut_low and other_low_hz - limit <= low_hz <= other_high_hz + limit
    at_high = cut_high and other_low_hz - limit <= high_hz <= other_high_hz + limit
    return at_low or at_high
