"""Live contacts of one kind: who is alive, what is known of each, and the lifecycle that clients are told.

Whatever a feed does, what is said of one id is NEW, UPDATE…, LOST: a repeated NEW is said as UPDATE, an orphan UPDATE
as NEW, a second LOST not at all; silence for the TTL and want of room end in the same LOST. The data of each NEW and
UPDATE is the whole contact, so that a client puts it in the place of what it had.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from ndefender import units
from ndefender.events.snapshot import Label
from ndefender.state.labels import LabelEntry
from ndefender.state.policy import Counters
from ndefender.state.severity import Verdict

Step = Literal["NEW", "UPDATE", "LOST"]
Source = Literal["remoteid", "antsdr", "esp32"]
Merge = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
Judge = Callable[[Mapping[str, Any], Label | None], Verdict]

# The aggregator's own words about a contact. A feed does not say them: it could call a contact friendly.
OWN_FIELDS: Final = frozenset(
    {"last_seen_ts", "severity", "severity_reason", "label", "note", "replay", "source", "more"}
)


@dataclass(frozen=True, slots=True)
class Said:
    """One event for the aggregator's stream.

    Args:
        type: its event type.
        source: who says it.
        data: JSON types, finite.
        timestamp_ms: when it happened, milliseconds since the epoch.
    """

    type: str
    source: Source
    data: dict[str, Any]
    timestamp_ms: int


class Heard(NamedTuple):
    """What one event says of one contact.

    Args:
        contact_id: whom.
        data: its fields, fit for the wire.
        at_ms: when the feed said it, milliseconds since the epoch.
        last_seen_ms: when the contact was last on the air.
        simulated, replay: whether a simulated source or a replay made it.
    """

    contact_id: str
    data: dict[str, Any]
    at_ms: int
    last_seen_ms: int
    simulated: bool
    replay: bool = False


@dataclass(slots=True)
class Live:
    """One live contact. `heard_ns` is monotonic; the rest as in `Heard`."""

    contact_id: str
    data: dict[str, Any]
    last_seen_ms: int
    heard_ns: int
    simulated: bool
    replay: bool


class Kind(NamedTuple):
    """What sets one kind of contact apart.

    Args:
        prefix: of its event types.
        source: of its events.
        ttl_s: longest silence.
        max_contacts: bound.
        merge: fields known before, fields said now -> fields known.
        judge: its severity.
    """

    prefix: str
    source: Source
    ttl_s: float
    max_contacts: int
    merge: Merge
    judge: Judge


class Contacts:
    """Live contacts of one kind, in the order in which they were last heard of.

    Args:
        kind: which.
        labels: what operators said, by id.
        counters: shared by all kinds.
    """

    def __init__(self, kind: Kind, labels: Mapping[str, LabelEntry], counters: Counters) -> None:
        self.kind = kind
        self.counters = counters
        self._labels = labels
        self._ttl_ns = units.s_to_ns(kind.ttl_s)
        self._live: OrderedDict[str, Live] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, contact_id: object) -> bool:
        return contact_id in self._live

    def all(self) -> list[Live]:
        """The live contacts, the one heard of longest ago first."""
        return list(self._live.values())

    def take(self, step: Step, heard: Heard, now_ns: int, unix_ms: int) -> list[Said]:
        """Let a feed's event happen.

        Args:
            step: what the feed calls it.
            heard: what it says.
            now_ns: monotonic.
            unix_ms: milliseconds since the epoch.
        Returns:
            what it is for the clients.
        """
        if step == "LOST":
            return self._take_lost(heard)
        said: list[Said] = []
        before = self._live.pop(heard.contact_id, None)
        if before is None:
            self.counters.orphan_updates += step == "UPDATE"
            while len(self._live) >= self.kind.max_contacts:
                self.counters.evicted += 1
                said.append(self._end(next(iter(self._live)), unix_ms))
        else:
            self.counters.repeated_new += step == "NEW"
        known = self.kind.merge(before.data if before else {}, heard.data)
        live = Live(heard.contact_id, known, heard.last_seen_ms, now_ns, heard.simulated, heard.replay)
        self._live[heard.contact_id] = live
        said.append(self._say("NEW" if before is None else "UPDATE", live, heard.at_ms))
        return said

    def expire(self, now_ns: int, unix_ms: int) -> list[Said]:
        """End the contacts that were silent for their TTL."""
        said = []
        while self._live:
            eldest = next(iter(self._live.values()))
            if now_ns - eldest.heard_ns <= self._ttl_ns:
                break
            self.counters.expired += 1
            said.append(self._end(eldest.contact_id, unix_ms))
        return said

    def end_replayed(self, unix_ms: int) -> list[Said]:
        """End the contacts that a replay made."""
        return [self._end(live.contact_id, unix_ms) for live in self.all() if live.replay]

    def tell(self, contact_id: str, unix_ms: int) -> list[Said]:
        """Say a live contact once more, since something about it changed here; it was not heard of."""
        return [self._say("UPDATE", self._live[contact_id], unix_ms)]

    def additions(self, live: Live) -> dict[str, Any]:
        """What the aggregator itself says of a contact: the same in events and in the snapshot."""
        entry = self._labels.get(live.contact_id)
        verdict = self.kind.judge(live.data, entry.label if entry else None)
        return {"last_seen_ts": live.last_seen_ms} | marks(verdict, entry, live.simulated, live.replay)

    def _take_lost(self, heard: Heard) -> list[Said]:
        live = self._live.pop(heard.contact_id, None)
        if live is None:
            self.counters.orphan_losts += 1
            return []
        live.data = self.kind.merge(live.data, heard.data)
        return [self._say("LOST", live, heard.at_ms)]

    def _end(self, contact_id: str, unix_ms: int) -> Said:
        return self._say("LOST", self._live.pop(contact_id), unix_ms)

    def _say(self, step: Step, live: Live, at_ms: int) -> Said:
        return Said(f"{self.kind.prefix}{step}", self.kind.source, live.data | self.additions(live), at_ms)


def marks(verdict: Verdict, entry: LabelEntry | None, simulated: bool, replay: bool) -> dict[str, Any]:
    """Fields that a contact has only where they say something, after its severity."""
    found: dict[str, Any] = {"severity": verdict.severity, "severity_reason": verdict.reason}
    if entry is not None and entry.label is not None:
        found["label"] = entry.label
    if entry is not None and entry.note is not None:
        found["note"] = entry.note
    if simulated:
        found["simulated"] = True
    if replay:
        found["replay"] = True
    return found
