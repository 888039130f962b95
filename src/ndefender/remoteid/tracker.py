"""Transmissions into contacts: who is there, since when, and who is gone. Pure: time is an argument.

Whatever is heard, what is said of one id is NEW, UPDATE…, LOST; silence for the TTL, the end of a replay and want of
room end in the same LOST.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

from ndefender import units
from ndefender.remoteid import plausibility
from ndefender.remoteid.contact import MAX_SENDERS, Aircraft, uas_of
from ndefender.remoteid.contact_data import ContactData, LostReason
from ndefender.remoteid.frames.heard import DjiHeard, Heard
from ndefender.remoteid.identity import Sender, Senders, Uas, contact_id, contradict, distinct, rank
from ndefender.remoteid.odid.basic_id import BasicId
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.message import Message, decode
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import BadMessage

Step = Literal["NEW", "UPDATE", "LOST"]
_MAX_BEHIND_ONE = 16  # aircraft behind one address


@dataclass(frozen=True, slots=True)
class TrackerPolicy:
    """Limits.

    Args:
        ttl_s: an aircraft that is silent for this long is lost.
        id_wait_s: a sender that gave no ID for this long is a contact by its address. Basic ID is due every 3 s.
        update_s: an aircraft is told of again after this at the earliest, but at once where something new is flagged.
        max_contacts: bound; the one heard of longest ago goes first.
        max_senders: bound of the addresses remembered.
    """

    ttl_s: float = 30.0
    id_wait_s: float = 3.0
    update_s: float = 0.2
    max_contacts: int = 1024
    max_senders: int = 4096


class Change(NamedTuple):
    """One step of a contact's life.

    Args:
        step: which.
        data: the contact after it.
        unix_ms: when, milliseconds since the epoch.
    """

    step: Step
    data: ContactData
    unix_ms: int


@dataclass(slots=True)
class Counters:
    """What came in.

    Args:
        frames: transmissions taken.
        bad_messages: payloads that are no message.
        dji: DJI's own vendor elements.
        unjoined: of an anonymous sender and without an ID: nobody's.
        evicted: contacts ended for want of room.
    """

    frames: int = 0
    bad_messages: int = 0
    dji: int = 0
    unjoined: int = 0
    evicted: int = 0


class Tracker:
    """The aircraft that are there. On one thread.

    Args:
        policy: limits.
        replay, simulated: mark every contact so.
    """

    def __init__(self, policy: TrackerPolicy | None = None, *, replay: bool = False, simulated: bool = False) -> None:
        self.counters = Counters()
        self._policy = policy or TrackerPolicy()
        self._ttl_ns = units.s_to_ns(self._policy.ttl_s)
        self._wait_ns = units.s_to_ns(self._policy.id_wait_s)
        self._update_ns = units.s_to_ns(self._policy.update_s)
        self._replay, self._simulated = replay, simulated
        self._there: OrderedDict[Aircraft, None] = OrderedDict()  # the one heard longest ago first
        self._unannounced: dict[Aircraft, None] = {}  # in the order of their first frame
        self._by_text: dict[str, Aircraft] = {}  # whatever type is said of it
        self._by_id: dict[str, Aircraft] = {}  # announced
        self._senders: Senders[Aircraft] = Senders(self._policy.max_senders)

    @property
    def contacts_active(self) -> int:
        """Contacts that were told of and are not lost."""
        return len(self._by_id)

    def counted(self) -> dict[str, int]:
        """What came in, by name; see `Counters`."""
        return {f"tracker_{name}": count for name, count in asdict(self.counters).items()} | {
            "senders": len(self._senders)
        }

    def take(self, item: Heard | DjiHeard, now_ns: int) -> list[Change]:
        """Take one transmission.

        Args:
            item: with the receiver's wall clock.
            now_ns: monotonic, never before an earlier call's.
        """
        unix_ms = round(item.time_s * 1000)
        messages: tuple[Message, ...] = ()
        if isinstance(item, DjiHeard):
            self.counters.dji += 1
        else:
            try:
                messages = decode(item.payload)
            except BadMessage:
                self.counters.bad_messages += 1
                return []
        ids = [uas for m in messages if isinstance(m, BasicId) and (uas := uas_of(m)) is not None]
        if not ids and not item.sender:
            self.counters.unjoined += 1
            return []
        self.counters.frames += 1
        ids, contradicting = distinct(ids)
        changes: list[Change] = []
        aircraft = self._whose(item.sender, ids, now_ns, unix_ms, changes)
        aircraft.heard(item, now_ns, unix_ms)
        aircraft.absorb(messages)
        self._there.move_to_end(aircraft)
        if len(aircraft.senders) > MAX_SENDERS:
            self._senders.forget(aircraft.forget_senders(), aircraft)
        findings = [*plausibility.of_ids(ids, contradicting), *_judge(aircraft, messages, item.sender, now_ns, unix_ms)]
        news = plausibility.note(aircraft.flags, findings, unix_ms)
        if not aircraft.announced:
            if not aircraft.nameless:
                self._announce(aircraft, now_ns, unix_ms, changes)
        elif news or now_ns - aircraft.said_ns >= self._update_ns:
            changes.append(self._say("UPDATE", aircraft, now_ns, unix_ms))
        while len(self._there) > self._policy.max_contacts:
            self.counters.evicted += 1
            self._end(next(iter(self._there)), "no_room", now_ns, unix_ms, changes)
        return changes

    def tick(self, now_ns: int, unix_ms: int) -> list[Change]:
        """Let time pass: who was silent for the TTL is lost. Call it a few times a second.

        Args:
            now_ns: monotonic.
            unix_ms: wall clock, milliseconds since the epoch.
        """
        changes: list[Change] = []
        for aircraft in list(self._unannounced):
            if now_ns - aircraft.first_ns < self._wait_ns:
                break
            self._announce(aircraft, now_ns, unix_ms, changes)
        while self._there:
            eldest = next(iter(self._there))
            if now_ns - eldest.heard_ns <= self._ttl_ns:
                break
            self._end(eldest, "silence", now_ns, unix_ms, changes)
        changes += [
            self._say("UPDATE", aircraft, now_ns, unix_ms)
            for aircraft in self._there
            if aircraft.dirty and aircraft.announced and now_ns - aircraft.said_ns >= self._update_ns
        ]
        return changes

    def again(self, now_ns: int, unix_ms: int) -> list[Change]:
        """Tell of every contact once more, as it is: nothing was heard of it."""
        return [self._say("UPDATE", each, now_ns, unix_ms) for each in self._there if each.announced]

    def end(self, reason: LostReason, now_ns: int, unix_ms: int) -> list[Change]:
        """End everything. Who was heard and not told of yet is told of first."""
        changes: list[Change] = []
        for aircraft in list(self._there):
            if not aircraft.announced:
                self._announce(aircraft, now_ns, unix_ms, changes)
            self._end(aircraft, reason, now_ns, unix_ms, changes)
        return changes

    # --- who --------------------------------------------------------------------------------------------------------
    def _whose(self, address: str, ids: list[Uas], now_ns: int, unix_ms: int, changes: list[Change]) -> Aircraft:
        sender = self._senders.heard(address, now_ns) if address else None
        aircraft = self._named(ids, sender) if ids else sender.newest if sender else None
        if aircraft is None and not ids:
            aircraft = self._by_id.get(contact_id((), address))  # of an address that was forgotten
        if aircraft is None:
            aircraft = Aircraft(address, now_ns, unix_ms)
            self._there[aircraft] = None
            self._unannounced[aircraft] = None
        if sender is not None:  # before others are ended: an address that speaks for nobody is forgotten
            sender.name(aircraft, _MAX_BEHIND_ONE)
        if ids:
            for uas in aircraft.name(ids):
                self._by_text.setdefault(uas.text, aircraft)
            for other in list(sender.owners) if sender else ():
                if other is not aircraft and other.nameless:  # what it said before it gave its ID
                    aircraft.adopt(other)
                    self._end(other, "identified", now_ns, unix_ms, changes, aircraft.contact_id)
        return aircraft

    def _named(self, ids: list[Uas], sender: Sender[Aircraft] | None) -> Aircraft | None:
        """The aircraft that has one of these IDs, else the one behind the address that may have them too."""
        known = [self._by_text[uas.text] for uas in sorted(ids, key=rank) if uas.text in self._by_text]
        if known:
            return known[0]
        for behind in reversed(sender.owners) if sender else ():
            # Who was told of by his address goes on under another id, as another contact.
            if not (behind.nameless and behind.announced) and not contradict(behind.ids, ids):
                return behind
        return None

    # --- life -------------------------------------------------------------------------------------------------------
    def _announce(self, aircraft: Aircraft, now_ns: int, unix_ms: int, changes: list[Change]) -> None:
        del self._unannounced[aircraft]
        namesake = self._by_id.get(aircraft.contact_id)
        if namesake is not None:  # its address was forgotten while it was there
            self._end(namesake, "no_room", now_ns, unix_ms, changes)
        aircraft.announced = True
        self._by_id[aircraft.contact_id] = aircraft
        changes.append(self._say("NEW", aircraft, now_ns, unix_ms))

    def _say(self, step: Step, aircraft: Aircraft, now_ns: int, unix_ms: int) -> Change:
        aircraft.said_ns, aircraft.dirty = now_ns, False
        return Change(step, aircraft.data(self._replay, self._simulated), unix_ms)

    def _end(
        self,
        aircraft: Aircraft,
        reason: LostReason,
        now_ns: int,
        unix_ms: int,
        changes: list[Change],
        successor: str | None = None,
    ) -> None:
        del self._there[aircraft]
        self._unannounced.pop(aircraft, None)
        for uas in aircraft.ids:
            if self._by_text.get(uas.text) is aircraft:
                del self._by_text[uas.text]
        self._senders.forget(aircraft.senders, aircraft)
        if aircraft.announced:
            del self._by_id[aircraft.contact_id]
            data = aircraft.data(self._replay, self._simulated, reason, successor)
            changes.append(Change("LOST", data, unix_ms))


def _judge(
    aircraft: Aircraft, messages: tuple[Message, ...], sender: str, now_ns: int, unix_ms: int
) -> list[plausibility.Finding]:
    found: list[plausibility.Finding] = []
    for message in messages:
        if isinstance(message, Location):
            found += plausibility.of_motion(aircraft.motion, message, sender, now_ns)
            found += plausibility.of_location_time(aircraft.motion, message, unix_ms)
            aircraft.location_age_s = aircraft.motion.clock_s
            found += plausibility.of_location(message, aircraft.ua_type)
        elif isinstance(message, System):
            found += plausibility.of_system(message, aircraft.location, unix_ms)
    return found
