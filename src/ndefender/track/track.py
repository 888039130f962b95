"""What is kept of one emitter, tentative or confirmed, whatever its kind."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from ndefender import units
from ndefender.track.contact import Contact
from ndefender.track.observe import Dwell, Sighting
from ndefender.track.policy import TrackPolicy, family_of
from ndefender.track.presence import Presence
from ndefender.track.votes import ClassVotes

_SURE = 0.99  # one dwell's detector can say no more


class Hit(NamedTuple):
    """One dwell in which an emitter was heard: when, ln odds that there was anything, bursts, their confidence."""

    t_ns: int
    log_odds: float
    bursts: int
    class_confidence: float


class Track:
    """State of one emitter. `Station` and `Link` add where it is.

    Attributes:
        serial: order of founding, breaks ties.
        hits: dwells it was heard in, at most those of the confirmation window.
        dwells: all of them.
        confirmed: it is a contact.
        announced: its NEW is out.
        contact: newest snapshot that went out.
        bucket_hz: the frequency in its id, once announced.
        heard_ns: newest dwell it was heard in.
        deadline_ns: when it is lost.
        event_ns: when its newest event went out.
        levels: (time, SNR) of the newest dwells, for the comparison of two links.
    """

    def __init__(self, serial: int, t_ns: int) -> None:
        self.serial = serial
        self._family = ""
        self.votes = ClassVotes()
        self.presence = Presence()
        self.hits: deque[Hit] = deque(maxlen=512)
        self.dwells = 0
        self.first_ns = t_ns
        self.heard_ns = t_ns
        self.deadline_ns = t_ns
        self.event_ns = t_ns
        self.best: Sighting | None = None
        self.conclusive = False
        self.confirmed = False
        self.announced = False
        self.restored = False
        self.contact: Contact | None = None
        self.bucket_hz = 0
        self.simulated = False
        self.centred = True
        self.tuning_id = 0
        self.correlated = False
        self.levels: deque[tuple[int, float]] = deque(maxlen=64)

    # where it is: said by the kinds

    @property
    def low_hz(self) -> float:
        """Low edge of all that belongs to it."""
        raise NotImplementedError

    @property
    def high_hz(self) -> float:
        """High edge of all that belongs to it."""
        raise NotImplementedError

    @property
    def center_hz(self) -> float:
        """Centre to report."""
        raise NotImplementedError

    @property
    def bandwidth_hz(self) -> float:
        """Occupied bandwidth to report."""
        raise NotImplementedError

    @property
    def family(self) -> str:
        """Modulation family of its leading class."""
        return self._family

    def name_family(self) -> None:
        """Take the family from the votes, which have changed."""
        self._family = family_of(self.votes.leading_class())

    def place(self, dwell: Dwell, sightings: Sequence[Sighting]) -> None:
        """Learn where it is from one dwell's sightings."""
        raise NotImplementedError

    def seen_part(self, dwell: Dwell) -> float:
        """Part of it (0..1) that a dwell covers."""
        width = self.high_hz - self.low_hz
        overlap = min(self.high_hz, dwell.high_hz) - max(self.low_hz, dwell.low_hz)
        return min(max(overlap / width, 0.0), 1.0) if width > 0 else float(overlap >= 0)

    # what is common

    def covered_by(self, dwell: Dwell) -> bool:
        """Whether a dwell would have heard it."""
        return self.seen_part(dwell) >= 0.5

    def cover(self, dwell: Dwell) -> None:
        """A dwell looked at it, heard or not."""
        self.presence.cover(dwell.t_ns, dwell.duration_s)

    def hear(self, dwell: Dwell, sightings: Sequence[Sighting], policy: TrackPolicy) -> None:
        """One dwell heard it: one hit, however many sightings."""
        self.place(dwell, sightings)
        self.cover(dwell)
        self.votes.add(sightings)
        self.name_family()
        self.presence.hear(on_time_s(sightings))
        log_odds = max(_log_odds(s.confidence) for s in sightings)
        mean = sum(s.class_confidence for s in sightings) / len(sightings)
        self.hits.append(Hit(dwell.t_ns, log_odds, len(sightings), mean))
        self.dwells += 1
        self.conclusive = self.conclusive or any(s.conclusive and not s.cut for s in sightings)
        self.simulated = self.simulated or dwell.simulated
        self.centred = dwell.centred
        self.first_ns = min(self.first_ns, dwell.t_ns)
        if dwell.t_ns >= self.heard_ns or self.best is None:
            self.best = max(sightings, key=_strength)
            self.tuning_id = dwell.tuning_id
        self.heard_ns = max(self.heard_ns, dwell.t_ns)
        self.levels.append((dwell.t_ns, max(s.snr_db for s in sightings)))
        self.renew(policy)

    def renew(self, policy: TrackPolicy, least_s: float = 0.0) -> None:
        """Set the deadline anew from the class and the rhythm."""
        path = self.contact.class_path if self.contact else self.votes.verdict(self.center_hz).path
        ttl_s = max(self.presence.ttl_s(policy.class_ttl_s(path), policy), least_s)
        self.deadline_ns = self.heard_ns + units.s_to_ns(ttl_s)

    @property
    def ttl_s(self) -> float:
        """Silence after which it is lost."""
        return units.ns_to_s(self.deadline_ns - self.heard_ns)

    def forget_hits(self, before_ns: int) -> None:
        """Drop hits that no longer count."""
        while self.hits and self.hits[0].t_ns < before_ns:
            self.hits.popleft()

    @property
    def bursts(self) -> int:
        """Sightings within the confirmation window."""
        return sum(hit.bursts for hit in self.hits)

    def bursts_since(self, t_ns: int) -> int:
        """Sightings since a time, as far as the confirmation window goes back."""
        return sum(hit.bursts for hit in self.hits if hit.t_ns >= t_ns)

    @property
    def class_confidence(self) -> float:
        """Mean classification confidence of those."""
        return sum(hit.class_confidence * hit.bursts for hit in self.hits) / max(self.bursts, 1)


def on_time_s(sightings: Sequence[Sighting]) -> float:
    """Time on the air within a dwell: the union of the sightings."""
    total = 0.0
    until = -1.0
    for start, stop in sorted((s.start_s, s.start_s + s.duration_s) for s in sightings):
        total += max(stop - max(start, until), 0.0)
        until = max(until, stop)
    return total


def _strength(s: Sighting) -> tuple[float, ...]:
    return (s.peak_db, s.snr_db, -s.center_hz, s.bandwidth_hz, s.start_s, s.duration_s)


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1.0 - _SURE), _SURE)
    return math.log(bounded / (1.0 - bounded))
