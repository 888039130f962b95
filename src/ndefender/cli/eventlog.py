"""Reading event logs for `validate`, `stats` and `replay`: envelopes, and the lifecycle every id must obey.

A log holds one JSON envelope a line. `timestamp` and `timestamp_ms` mean the same and both are accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ndefender.events.types import RfContactData

CONTACT_SUFFIXES = ("CONTACT_NEW", "CONTACT_UPDATE", "CONTACT_LOST")
RF_PREFIX = "RF_"


class Envelope(msgspec.Struct, frozen=True):
    """One line of a log."""

    type: str
    source: str
    data: msgspec.Raw
    timestamp: int | None = None
    timestamp_ms: int | None = None
    seq: int | None = None
    boot_id: str | None = None

    @property
    def time_ms(self) -> int:
        """Milliseconds since the epoch; 0 where the line has none."""
        return self.timestamp or self.timestamp_ms or 0

    @property
    def is_contact(self) -> bool:
        """Whether the event belongs to a contact's lifecycle."""
        return self.type.removeprefix(RF_PREFIX) in CONTACT_SUFFIXES


class Identity(msgspec.Struct, frozen=True):
    """What every contact event's `data` has."""

    id: str


_ENVELOPE = msgspec.json.Decoder(Envelope)
_IDENTITY = msgspec.json.Decoder(Identity)
_RF_CONTACT = msgspec.json.Decoder(RfContactData)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one line (numbered from 1) of one file."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Event:
    """One good line: where it stands, its envelope, its contact (RF only) and its bytes without the newline."""

    path: str
    line: int
    envelope: Envelope
    contact_id: str | None
    rf: RfContactData | None
    raw: bytes

    @property
    def simulated(self) -> bool:
        """Whether the event says that it came of a simulation."""
        return self.rf is not None and self.rf.simulated is True


def read_events(paths: Iterable[Path]) -> Iterator[Event | Problem]:
    """Read logs line by line, in the order given, in constant memory.

    Args:
        paths: existing files; of a rotated log the oldest first.

    Yields:
        an `Event` for a good line, a `Problem` for a bad one.
    """
    for path in paths:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield _parse(str(path), number, line)


def _parse(path: str, number: int, line: bytes) -> Event | Problem:
    if not line.endswith(b"\n"):
        return Problem(path, number, "the last line has no newline (torn)")
    raw = line.rstrip(b"\r\n")
    try:
        envelope = _ENVELOPE.decode(raw)
        rf = _RF_CONTACT.decode(envelope.data) if envelope.is_contact and envelope.type.startswith(RF_PREFIX) else None
        contact_id = _IDENTITY.decode(envelope.data).id if envelope.is_contact else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Problem(path, number, f"not an event envelope: {error}")
    wrong = _values(envelope, contact_id, rf)
    return Problem(path, number, wrong) if wrong else Event(path, number, envelope, contact_id, rf, raw)


def _values(envelope: Envelope, contact_id: str | None, rf: RfContactData | None) -> str:
    """Say what is wrong with the values of a well-formed line; empty if nothing is."""
    if envelope.timestamp is None and envelope.timestamp_ms is None:
        return "neither `timestamp` nor `timestamp_ms`"
    if envelope.time_ms < 0:
        return f"timestamp {envelope.time_ms} lies before 1970"
    if contact_id == "":
        return "`data.id` is empty"
    if rf is not None:
        for name, ratio in (
            ("confidence", rf.confidence),
            ("features.classification_confidence", rf.features.classification_confidence),
        ):
            if ratio is not None and not 0.0 <= ratio <= 1.0:
                return f"`data.{name}` is {ratio}, must be 0 to 1"
        if not rf.features.class_path:
            return "`data.features.class_path` is empty"
    return ""


@dataclass(slots=True)
class Grammar:
    """NEW, UPDATE…, LOST for every id, and sequence numbers without gaps for every writer.

    Args:
        continued: the log goes on from an earlier one, so that an id's first event need not be NEW.
    """

    continued: bool = False
    _alive: dict[str, bool] = field(default_factory=dict)
    _seq: dict[tuple[str, str], int] = field(default_factory=dict)

    def feed(self, event: Event) -> list[str]:
        """Take the next event; returns what is wrong with it, in words."""
        return [*self._sequence(event.envelope), *self._lifecycle(event)]

    def _sequence(self, envelope: Envelope) -> Iterator[str]:
        if envelope.seq is None:
            return
        writer = (envelope.source, envelope.boot_id or "")
        before = self._seq.get(writer)
        if before is not None and envelope.seq != before + 1:
            yield f"seq {envelope.seq} follows {before} of the same writer"
        self._seq[writer] = envelope.seq

    def _lifecycle(self, event: Event) -> Iterator[str]:
        if event.contact_id is None:
            return
        known = event.contact_id in self._alive
        alive = self._alive.get(event.contact_id, False)
        kind = event.envelope.type.rpartition("_")[2]
        if kind == "NEW" and alive:
            yield f"NEW for {event.contact_id}, which is alive"
        if kind != "NEW" and not alive and (known or not self.continued):
            yield f"{kind} for {event.contact_id}, which is not alive"
        self._alive[event.contact_id] = kind != "LOST"
