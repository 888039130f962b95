"""Events of the logs, as the aggregator takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from ndefender.state.clean import contact_id, epoch_ms, event_data
from ndefender.state.contacts import Step
from ndefender.state.policy import Counters

_STEPS: Final[dict[str, Step]] = {"NEW": "NEW", "UPDATE": "UPDATE", "LOST": "LOST"}
_MAX_TYPE_CHARS: Final = 64


class FeedEvent(Protocol):
    """One event of a log."""

    @property
    def type(self) -> str:
        """Its event type."""

    @property
    def timestamp_ms(self) -> int:
        """When, as the feed says."""

    @property
    def data(self) -> Mapping[str, Any]:
        """What it says."""

    @property
    def seq(self) -> int | None:
        """The writer's number of it, None where it does not number."""

    @property
    def boot_id(self) -> str | None:
        """The writer's run, None where it does not say."""

    @property
    def simulated(self) -> bool:
        """A simulated source produced it."""


class ContactEvent(NamedTuple):
    """A step of a contact's life, read.

    Args:
        step: what the feed calls it.
        contact_id: whom.
        data: fit for the wire.
        at_ms: of its envelope, put right.
        simulated: by envelope or data.
    """

    step: Step
    contact_id: str
    data: dict[str, Any]
    at_ms: int
    simulated: bool


def read_contact(
    event: FeedEvent, prefix: str, own_id: Callable[[str], bool], counters: Counters, unix_ms: int
) -> ContactEvent | None:
    """Read an event of a contact; None, and counted, where it is none or cannot be used.

    Args:
        event: any.
        prefix: of the feed's contact events.
        own_id: whether the feed may have a contact of that id.
        counters: where it is counted.
        unix_ms: wall clock.
    """
    step = _STEPS.get(event.type.removeprefix(prefix)) if event.type.startswith(prefix) else None
    if step is None:
        count_unknown(event.type, counters)
        return None
    data = event_data(event.data)
    found_id = contact_id(data) if data else None
    if data is None or found_id is None or not own_id(found_id):
        counters.garbage += 1
        return None
    at_ms = right_time(event.timestamp_ms, counters, unix_ms)
    return ContactEvent(step, found_id, data, at_ms, event.simulated or data.get("simulated") is True)


def right_time(said: object, counters: Counters, unix_ms: int) -> int:
    """Put a feed's time right, and count where it was wrong. Milliseconds since the epoch."""
    at_ms, nonsense = epoch_ms(said, unix_ms)
    counters.times_corrected += nonsense
    return at_ms


def count_unknown(kind: str, counters: Counters) -> None:
    """Count an event of a type that no feed should have."""
    counters.unknown_events += 1
    counters.last_unknown_type = kind[:_MAX_TYPE_CHARS]
