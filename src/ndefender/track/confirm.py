"""When a candidate is a contact.

Enough hits in different dwells make a candidate ready. A ready candidate is held back while its hits are what another
emitter would produce by bad luck: a few of a busy link's bursts taken for another class, a piece of a wide emission, or
bursts of an unrecognised hopper that met on one frequency by chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ndefender.track.link import Link
from ndefender.track.policy import BandSpan, TrackPolicy, band_of
from ndefender.track.station import Station, tolerance_hz
from ndefender.track.track import Track

_CONFUSED = 0.06  # part of an emitter's bursts that may be taken for another class
_CONFUSED_FSK = 0.12  # the same between Bluetooth and other two-level FSK hoppers
_SIGN = 4.0  # times rarer for every measurement that differs as well
_PIECES = 0.25  # a piece of a wide emission is rarer than this part of it
_PIECES_SURE = 0.05  # the same where the pieces are classified with confidence
_SURE = 0.7
_CHANCE = 1e-4  # what is less probable is no chance; small because it is asked again at every hit
_CLASHES = 0.01  # part of a band's bursts that another ran into so that a piece of unknown kind lies elsewhere
_CLASHES_WIDE = 0.001  # the same of wide pieces: most of those lie within a wide emitter, which explains them
_LEAST_SPAN_HZ = 10e6  # the part of a band that a hopper uses is taken for no smaller, where the band is not
_OPEN_SPAN_HZ = 80e6  # span of a hopper outside every named band


def ready(track: Track, policy: TrackPolicy) -> bool:
    """Whether a candidate has the hits it needs (those older than the window are gone already)."""
    if track.conclusive:
        return True
    hits = len(track.hits)
    if hits >= policy.min_hits_to_confirm:
        return True
    return hits >= 2 and sum(hit.log_odds for hit in track.hits) >= policy.confirm_log_likelihood


def held_back(track: Track, tracks: Sequence[Track], bands: Sequence[BandSpan], policy: TrackPolicy) -> bool:
    """Whether another emitter, or chance, explains a ready candidate.

    Args:
        track: the candidate.
        tracks: all, tentative ones included; their old hits are gone already.
        bands: of the plan.
        policy: tolerances.
    """
    if track.conclusive:
        return False
    if any(_kin(track, other, bands, policy) for other in tracks):
        return True
    if isinstance(track, Station):
        if track.continuous_dwells >= 2 and 2 * track.continuous_dwells >= track.dwells:
            return False  # no burst of another emitter looks continuous, dwell after dwell
        unknown = not track.family
        if (unknown or track.bandwidth_hz <= policy.narrow_hz) and _by_chance(track, tracks, bands, policy):
            return True
    return any(other is not track and _outnumbered(track, other, policy) for other in tracks)


def _kin(track: Track, other: Track, bands: Sequence[BandSpan], policy: TrackPolicy) -> bool:
    """Whether another, confirmed link is of the same kind in the same band: the two cannot be told apart.

    A link that visits eighty frequencies for hours is met on one of them again and again; that makes no station.
    """
    if other is track or not isinstance(other, Link) or not other.confirmed or not track.family:
        return False
    band = track.band if isinstance(track, Link) else band_of(bands, track.center_hz)
    return other.is_kin(track.family, band, track.bandwidth_hz, policy)


def _outnumbered(track: Track, other: Track, policy: TrackPolicy) -> bool:
    """Whether another emitter is so much busier, since the candidate is there, that it may be its misread bursts."""
    if isinstance(other, Link):
        if isinstance(track, Link):
            return _misread(track, other, policy)
        if not other.resembles(track.bandwidth_hz, policy):
            return False
        newest_ns = max((hit.t_ns for hit in track.hits), default=0)
        ratio = _PIECES if track.family else 1.0
        return track.bursts < ratio * other.visits(track.center_hz, newest_ns - policy.confirm_window_ns)
    slack_hz = tolerance_hz(track.bandwidth_hz, other.bandwidth_hz, policy)
    if track.low_hz < other.low_hz - slack_hz or track.high_hz > other.high_hz + slack_hz:
        return False
    if other.bandwidth_hz < 0.8 * track.bandwidth_hz:
        return False
    ratio = _PIECES_SURE if track.family and track.class_confidence >= _SURE else _PIECES
    return _likely_of(track, ratio, other)


def _misread(track: Link, other: Link, policy: TrackPolicy) -> bool:
    """Whether a link's bursts may be those of a busier link of the same bandwidth, taken for another class."""
    if track.band != other.band or not other.resembles(track.bandwidth_hz, policy):
        return False
    ratio = _CONFUSED if "lora" in (track.family, other.family) else _CONFUSED_FSK
    return _likely_of(track, ratio / _SIGN ** track.differences(other), other)


def _likely_of(track: Track, ratio: float, other: Track) -> bool:
    """Whether a part `ratio` of another's bursts, since the candidate is there, may well be all there is of it.

    The candidate's first burst is not counted: it says when the comparison begins.
    """
    since_ns = min((hit.t_ns for hit in track.hits), default=0)
    expected = ratio * other.bursts_since(since_ns)
    return expected > 0.0 and poisson_tail(track.bursts - 1, expected) > _CHANCE


def _by_chance(track: Station, tracks: Sequence[Track], bands: Sequence[BandSpan], policy: TrackPolicy) -> bool:
    """Whether as many hits on one frequency are likely if similar bursts fall anywhere in their part of the band.

    With n places as wide as the tolerance and m such bursts, a place gets Poisson(m / n) of them; n times the
    probability of at least as many as the candidate has is the expected number of such places. For a candidate of
    unknown kind, m counts what the band's known emitters make when they run into one another, too: few such pieces
    are seen within one window, and their number says little.
    """
    center_hz = track.center_hz
    band = next((b for b in bands if b.start_hz <= center_hz <= b.stop_hz), None)
    start_hz, stop_hz = (
        (band.start_hz, band.stop_hz) if band else (center_hz - _OPEN_SPAN_HZ / 2, center_hz + _OPEN_SPAN_HZ / 2)
    )
    bursts = 0.0
    low_hz = high_hz = center_hz
    for other in tracks:
        if other is track or not start_hz <= other.center_hz <= stop_hz:
            continue
        if other.confirmed and not track.family:
            bursts += other.bursts * (_CLASHES if track.bandwidth_hz <= policy.narrow_hz else _CLASHES_WIDE)
        if not 1 / policy.link_ratio <= other.bandwidth_hz / track.bandwidth_hz <= policy.link_ratio:
            continue
        count = other.bursts if isinstance(other, Link) else 0 if other.confirmed else len(other.hits)
        if count:
            bursts += count * (1.0 if not track.family or other.family == track.family else _CONFUSED)
            low_hz, high_hz = min(low_hz, other.low_hz), max(high_hz, other.high_hz)
    span_hz = max(high_hz - low_hz, min(stop_hz - start_hz, _LEAST_SPAN_HZ))
    places = max(span_hz / (2 * tolerance_hz(track.bandwidth_hz, track.bandwidth_hz, policy)), 1.0)
    return places * poisson_tail(len(track.hits), bursts / places) > _CHANCE


def poisson_tail(count: int, mean: float) -> float:
    """Probability that a Poisson variable is at least `count`."""
    if count <= 0:
        return 1.0
    if mean <= 0.0:
        return 0.0
    term = math.exp(-mean)
    below = term
    for i in range(1, count):
        term *= mean / i
        below += term
    return max(1.0 - below, 0.0)
