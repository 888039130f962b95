"""What the tracker thread shows to the event loop: immutable snapshots, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ndefender.runtime.messages import CaptureStatus
from ndefender.track.contact import Contact, ContactEvidence


@dataclass(frozen=True, slots=True)
class Tally:
    """Counters of the books at one moment, see `books.BOOKS`."""

    published: int = 0
    analysed: int = 0
    lost: int = 0
    frames: int = 0
    detections: int = 0
    truncated: int = 0
    events: int = 0
    log_errors: int = 0


@dataclass(slots=True)
class Shared:
    """One attribute, one snapshot: assigning it is atomic, so neither side locks.

    Args:
        status: newest of capture; `status_ns` its arrival, 0 before the first.
        contacts: live ones, newest first; `evidence` by their ids.
        log_trouble: why events are not being logged.
        last_event_unix_ms: wall clock of the newest event.
    """

    status: CaptureStatus = field(default_factory=CaptureStatus)
    status_ns: int = 0
    contacts: tuple[Contact, ...] = ()
    evidence: Mapping[str, ContactEvidence] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    log_trouble: str | None = None
    last_event_unix_ms: int | None = None
