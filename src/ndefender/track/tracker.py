"""The tracker: dwells in, changes of contacts out. Pure: time is an argument, nothing is read or written.

A call handles one dwell in five steps: sightings find their emitters; what belongs to none founds candidates; each
emitter heard learns from all its sightings at once (one hit a dwell); silent ones go; ready ones are announced.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ndefender import units
from ndefender.track.confirm import held_back, ready
from ndefender.track.contact import Change, ChangeKind, Contact, ContactEvidence, Restored, TrackCounters
from ndefender.track.correlate import mark
from ndefender.track.ledger import Ledger
from ndefender.track.link import Link
from ndefender.track.observe import Dwell, observe
from ndefender.track.policy import BandSpan, TrackPolicy
from ndefender.track.restore import revive
from ndefender.track.snapshot import evidence, snapshot
from ndefender.track.store import Store
from ndefender.track.track import Track

_KEYS_REMEMBERED = 4096  # dwells that would be noticed if they came again
_CORRELATE_NS = units.NS_PER_S  # control and video are compared this often


class Tracker:
    """Contacts over time. One thread at a time.

    Args:
        policy: limits and tolerances.
        bands: spans of the active plan; the first that contains a centre names its band.
    """

    def __init__(self, policy: TrackPolicy, bands: Sequence[BandSpan]) -> None:
        self.policy = policy
        self.counters = TrackCounters()
        self._bands = tuple(bands)
        self._ledger = Ledger(policy.bucket_hz)
        self._store = Store(policy, self.counters)
        self._seen: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._now_ns: int | None = None
        self._started_ns: int | None = None
        self._correlated_ns: int | None = None

    def set_bands(self, bands: Sequence[BandSpan]) -> None:
        """Take the spans of a new plan; contacts are renamed when they are next heard."""
        self._bands = tuple(bands)

    def dwell(self, summary: np.void, emissions: NDArray[np.void], now_ns: int, unix_ns: int) -> list[Change]:
        """Take one analysed dwell. Dwells may come out of order; one that came before is ignored.

        Args:
            summary: a `records.SUMMARY`.
            emissions: `records.EMISSION`, shape (n,), classified, in any order.
            now_ns: CLOCK_MONOTONIC now; going backwards counts as standing still.
            unix_ns: wall clock now; only ever told, never reasoned with.

        Returns:
            what to tell, in order.
        """
        now_ns = self._advance(now_ns)
        seen = observe(summary, emissions, now_ns, self.policy)
        if seen.key in self._seen:
            self.counters.duplicates += 1
            return self._expire(now_ns, unix_ns, ())
        self._remember(seen)
        heard = self._store.assign(seen, self._bands)
        for track in self._store:
            if track.serial in heard:
                track.hear(seen, heard[track.serial], self.policy)
            elif track.covered_by(seen):
                track.cover(seen)
        changes = self._expire(now_ns, unix_ns, heard)
        self._correlate(now_ns)
        for serial in heard:
            changes += self._tell(self._store[serial], seen, now_ns, unix_ns)
        return changes

    def tick(self, now_ns: int, unix_ns: int) -> list[Change]:
        """Let time pass: contacts go LOST even when no dwell arrives. Call it every 0.1 to 1 s."""
        return self._expire(self._advance(now_ns), unix_ns, ())

    def restore(self, contacts: Iterable[Restored], now_ns: int, unix_ns: int) -> list[Change]:
        """Take up contacts that were alive when the log ended, before the first dwell.

        They keep their ids and times and get no second NEW; those whose TTL has passed meanwhile get their LOST.
        Beyond `max_contacts`, and where an id is alive already, nothing is taken up.
        """
        now_ns = self._advance(now_ns)
        for logged in contacts:
            if self._store.contacts < self.policy.max_contacts and self._ledger.claim(logged.contact.bucket_hz):
                self._store.add(revive(logged, self._store.next_serial(), now_ns, unix_ns, self.policy))
        return self._expire(now_ns, unix_ns, ())

    def contacts(self) -> list[Contact]:
        """Live contacts as told last, newest first."""
        live = [t.contact for t in self._store if t.announced and t.contact is not None]
        return sorted(live, key=lambda c: (-c.last_seen_unix_ns, c.bucket_hz))

    def evidence(self, contact_id: str) -> ContactEvidence | None:
        """The numbers behind a live contact's class, None where it is not alive."""
        for track in self._store:
            if track.announced and track.contact is not None and track.contact.contact_id == contact_id:
                return evidence(track)
        return None

    @property
    def candidates(self) -> int:
        """Emitters that are not confirmed yet."""
        return self._store.candidates

    def _advance(self, now_ns: int) -> int:
        self._now_ns = now_ns if self._now_ns is None else max(self._now_ns, now_ns)
        return self._now_ns

    def _remember(self, seen: Dwell) -> None:
        self._seen[seen.key] = None
        if len(self._seen) > _KEYS_REMEMBERED:
            self._seen.popitem(last=False)
        if self._started_ns is None:
            self._started_ns = seen.t_ns
        counters = self.counters
        counters.dwells += 1
        counters.emissions += seen.offered
        counters.invalid += seen.invalid
        counters.truncated += seen.truncated
        counters.images += seen.images
        counters.splatter += seen.splatter

    def _expire(self, now_ns: int, unix_ns: int, heard: Container[int]) -> list[Change]:
        """Let the silent go: contacts by their TTL, candidates by the confirmation window, channels by theirs."""
        changes = []
        window_ns = now_ns - self.policy.confirm_window_ns
        for track in list(self._store):
            track.forget_hits(window_ns)
            if isinstance(track, Link):
                track.forget_channels(now_ns, self.policy)
            if track.serial in heard:
                continue
            if track.announced and track.deadline_ns < now_ns:
                contact = snapshot(track, self._bands, now_ns, unix_ns, self.policy)
                changes.append(Change("lost", contact, unix_ns))
                self._ledger.release(track.bucket_hz)
                self._store.remove(track)
            elif not track.announced and (track.deadline_ns if track.confirmed else track.heard_ns) < (
                now_ns if track.confirmed else window_ns
            ):
                self._store.remove(track)
        return changes

    def _correlate(self, now_ns: int) -> None:
        if self._correlated_ns is None or now_ns - self._correlated_ns >= _CORRELATE_NS:
            self._correlated_ns = now_ns
            mark([t for t in self._store if t.announced], self._started_ns or 0, self.policy)

    def _tell(self, track: Track, seen: Dwell, now_ns: int, unix_ns: int) -> list[Change]:
        """Announce a track that was just heard, if there is something to say."""
        if not track.confirmed and not self._confirmed(track):
            return []
        if not track.announced and not self._take_id(track):
            return []
        contact = snapshot(track, self._bands, now_ns, unix_ns, self.policy)
        before = track.contact
        kind: ChangeKind = "new" if before is None else "update"
        if before is not None:
            same = (before.class_path, before.band) == (contact.class_path, contact.band)
            if same and now_ns - track.event_ns < units.s_to_ns(self.policy.update_interval_s):
                return []
        track.contact = contact
        track.event_ns = now_ns
        track.renew(self.policy)
        track.contact = contact = replace(contact, ttl_s=track.ttl_s)
        return [Change(kind, contact, unix_ns, seen.key[1], seen.captured_ns)]

    def _confirmed(self, track: Track) -> bool:
        if not ready(track, self.policy) or held_back(track, tuple(self._store), self._bands, self.policy):
            return False
        return self._store.confirm(track)

    def _take_id(self, track: Track) -> bool:
        """Give an id to a confirmed track of a class that is reported."""
        if not self.policy.reports(track.votes.verdict(track.center_hz).path):
            return False
        track.bucket_hz = self._ledger.take(track.center_hz)
        track.announced = True
        return True
