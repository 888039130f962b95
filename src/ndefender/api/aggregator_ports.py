"""What the Backend Aggregator's API asks of the service: one Protocol. The answers are Structs of `aggregator_answers`.

Every method is called on the front's event loop and must not block it: the plain ones answer from memory, the `async`
ones may wait. Refusals are `CommandRejected`, raised before anything is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ndefender.api.aggregator_answers import AggregatorHealth, LabelAnswer, PanelAnswer
from ndefender.api.metrics import MetricsView
from ndefender.api.ports import Subscription
from ndefender.api.results import CommandResult
from ndefender.events.host import GpsSection
from ndefender.events.snapshot import Contact, Label, Snapshot


class AggregatorPort(Protocol):
    """The service behind the Backend Aggregator's API."""

    def health(self) -> AggregatorHealth:
        """State of the service."""
        ...

    def snapshot(self) -> Snapshot:
        """The whole picture now; `seq` is the number of the newest envelope it accounts for."""
        ...

    def revision(self) -> object:
        """What stays equal only while `snapshot` would say the same, its time apart: it is encoded anew when not.

        It covers the number of the newest envelope: an answer that is older than the stream would be a step back.
        """
        ...

    def contacts(self) -> Sequence[Contact]:
        """Unified contacts, newest `last_seen_ts` first."""
        ...

    def gps(self) -> GpsSection:
        """Position."""
        ...

    def esp32(self) -> PanelAnswer:
        """The link to the panel."""
        ...

    def events_last(self, limit: int) -> Sequence[bytes]:
        """The newest `limit` envelopes as they were sent, oldest first."""
        ...

    def subscribe(self, queue_events: int) -> Subscription:
        """Listen from now on: first a `SYSTEM_UPDATE` with the snapshot, then every envelope after it.

        The queue holds `queue_events`, the oldest dropped when full.
        """
        ...

    def unsafe_allowed(self) -> bool:
        """Whether the configuration allows to reboot and to power off."""
        ...

    async def panel_command(self, cmd: str, args: Mapping[str, object]) -> CommandResult:
        """Send a command of the panel's firmware; the outcome comes as `COMMAND_ACK`.

        Raises:
            CommandRejected: 409 `esp32_not_connected`, 429 `esp32_busy`, 400 where the panel cannot take the arguments.
        """
        ...

    async def system_command(self, name: str, *, confirm: bool, client: str) -> CommandResult:
        """Have the System Controller `reboot` or `shutdown`; `client` is who asked, for its audit.

        Raises:
            CommandRejected: 400 `confirm_required`, 403 `unsafe_operations_disabled`, 429 `cooling_down`, 409 where the
                host cannot.
        """
        ...

    async def label(self, contact_id: str, label: Label | None, note: str | None) -> LabelAnswer:
        """Keep what an operator says of a contact; None takes it back.

        Raises:
            CommandRejected: 404 `unknown_contact`.
        """
        ...

    def metrics(self) -> MetricsView:
        """What the service counts. `sockets["aggregator"]` is filled in by the API."""
        ...
