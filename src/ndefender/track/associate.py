"""Which emitter a sighting belongs to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ndefender.track.link import Link
from ndefender.track.observe import Sighting
from ndefender.track.policy import TrackPolicy, compatible
from ndefender.track.station import Relation, Station, relate
from ndefender.track.track import Track

_NAMED = 0.5  # classification confidence from which a hopping class is believed against a wide emission around it


class Choice(NamedTuple):
    """The emitter of a sighting, and whether the sighting counts as hearing it."""

    track: Track
    heard: bool


class _Found(NamedTuple):
    """The best station for a sighting."""

    station: Station
    relation: Relation

    @property
    def choice(self) -> Choice:
        """Choose it; what it merely explains does not count as hearing it."""
        return Choice(self.station, self.relation is not Relation.EXPLAINED)


def choose(
    s: Sighting,
    stations: Sequence[Station],
    links: Sequence[Link],
    band: str | None,
    since_ns: int,
    policy: TrackPolicy,
) -> Choice | None:
    """Find the emitter a sighting belongs to.

    A burst of a hopping class belongs to the link of its kind; before a second frequency shows that it hops, a station
    at its frequency that two dwells have heard is preferred. An unclassified burst where a link of its kind has just
    been is that link's.

    Args:
        s: the sighting.
        stations, links: those that may be in sight, tentative ones included.
        band: the plan's band of the sighting.
        since_ns: beginning of the confirmation window.
        policy: tolerances.

    Returns:
        None where it belongs to no known emitter.
    """
    found = _best_station(s, stations, policy)
    link = _best_link(s, links, band, policy)
    if s.hopping or (link is not None and s.family == link.family):
        return _of_hopping_class(s, found, link, _kin(s, links, band, policy))
    known = found is not None and found.relation is Relation.SAME and found.station.confirmed
    if link is not None and not known and link.visits(s.center_hz, since_ns):
        return Choice(link, False)
    return found.choice if found is not None else None


def _kin(s: Sighting, links: Sequence[Link], band: str | None, policy: TrackPolicy) -> Link | None:
    """A confirmed link of the burst's kind that would not take it for its length or deviation.

    A burst that another emission ran into is short or bent; it is explained by the link, and founds no second one.
    """
    return next(
        (
            link
            for link in links
            if link.confirmed
            and link.band == band
            and link.family == s.family
            and link.resembles(s.bandwidth_hz, policy)
        ),
        None,
    )


def _of_hopping_class(s: Sighting, found: _Found | None, link: Link | None, kin: Link | None) -> Choice | None:
    if link is not None and (link.confirmed or link.channels >= 2):
        return Choice(link, True)
    exact = found is not None and found.relation is Relation.SAME and _settled(found.station)
    if found is not None and exact and compatible(s.family, found.station.family):
        return found.choice
    if link is not None:
        return Choice(link, True)
    if kin is not None:
        return Choice(kin, False)
    return found.choice if found is not None and s.class_confidence < _NAMED else None


def _settled(station: Station) -> bool:
    return station.confirmed or station.dwells >= 2


def _best_station(s: Sighting, stations: Sequence[Station], policy: TrackPolicy) -> _Found | None:
    best: tuple[tuple[float, ...], _Found] | None = None
    for station in stations:
        match = relate(s, station, policy)
        if match is None:
            continue
        rank = (match.relation, not station.confirmed, match.distance, station.serial)
        if best is None or rank < best[0]:
            best = (rank, _Found(station, match.relation))
    return None if best is None else best[1]


def _best_link(s: Sighting, links: Sequence[Link], band: str | None, policy: TrackPolicy) -> Link | None:
    if s.bandwidth_hz > policy.narrow_hz or (s.continuous and not s.hopping):
        return None
    fitting = [link for link in links if link.accepts(s, band, policy)]
    return min(
        fitting,
        key=lambda link: (
            s.family != link.family,
            not link.confirmed,
            abs(math.log(s.bandwidth_hz / link.bandwidth_hz)),
            link.serial,
        ),
        default=None,
    )
