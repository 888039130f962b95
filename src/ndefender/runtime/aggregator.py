"""The port of the Backend Aggregator's API: the hub, the panel and the host's commands."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from ndefender import __version__
from ndefender.api.aggregator_answers import AggregatorHealth, LabelAnswer, PanelAnswer
from ndefender.api.answers import SocketStats
from ndefender.api.metrics import FeedView, LoopStalls, MetricsView, PanelView
from ndefender.api.results import CommandResult
from ndefender.errors import CommandRejected
from ndefender.events.host import GpsSection
from ndefender.events.snapshot import Contact, Label, Snapshot
from ndefender.events.stream import Greeted
from ndefender.ingest.feed import FeedStats
from ndefender.runtime.hub import Hub, now_ms
from ndefender.runtime.port import FrontPort
from ndefender.state.labels import LabelsUnavailable
from ndefender.system.controller import Controller

SECTIONS = ("system", "ups", "services", "network", "audio", "gps")
CONTACT_KINDS = ("REMOTE_ID", "RF", "FPV")

Sockets = Callable[[], Mapping[str, SocketStats]]


class Aggregator:
    """Implements `api.aggregator_ports.AggregatorPort` on the event loop.

    Args:
        hub: the picture and its stream.
        scan: the radio's side of the service.
        controller: the host.
        stalls: of the event loop.
        sockets: WebSocket counters of the other APIs.
        unsafe: reboot and power-off are possible.
    """

    def __init__(
        self, hub: Hub, scan: FrontPort, controller: Controller, stalls: LoopStalls, sockets: Sockets, unsafe: bool
    ) -> None:
        self._hub = hub
        self._scan = scan
        self._controller = controller
        self._stalls = stalls
        self._sockets = sockets
        self._unsafe = unsafe
        self._began_s = time.monotonic()

    # --- reading ------------------------------------------------------------------------------------------------------
    def health(self) -> AggregatorHealth:
        """State of the service: the radio's and the feeds'."""
        radio = self._scan.health()
        detail = list(radio.detail)
        for feed in self._hub.feeds:
            stats = feed.stats()
            detail += [f"feed {feed.name}: {text}" for text in (stats.last_error, stats.position_error) if text]
        return AggregatorHealth(
            status="degraded" if detail else "ok",
            timestamp_ms=now_ms(),
            detail=detail,
            version=__version__,
            boot_id=self._hub.stream.boot_id,
            seq=self._hub.stream.seq,
            simulated=radio.simulated,
        )

    def snapshot(self) -> Snapshot:
        """The whole picture."""
        return self._hub.picture()

    def revision(self) -> object:
        """Stays equal while the picture does."""
        return self._hub.revision()

    def contacts(self) -> Sequence[Contact]:
        """Unified contacts, newest first."""
        return self._hub.aggregate.contacts()

    def gps(self) -> GpsSection:
        """Position."""
        return self._hub.aggregate.gps()

    def esp32(self) -> PanelAnswer:
        """The link to the panel."""
        state, stats = self._hub.panel.state(), self._hub.panel.stats()
        return PanelAnswer(
            connected=state.connected,
            last_seen_ms=state.last_seen_ms,
            heartbeat=state.heartbeat,
            capabilities=list(state.capabilities),
            port=state.port,
            fw_version=state.fw_version,
            boot_count=state.boot_count,
            bad_lines=state.bad_lines,
            timeouts=stats.timeouts,
            last_error=state.last_error,
            **({"simulated": True} if state.simulated else {}),
        )

    def events_last(self, limit: int) -> Sequence[bytes]:
        """Newest envelopes, oldest first."""
        return self._hub.stream.bus.last(limit)

    def subscribe(self, queue_events: int) -> Greeted:
        """Listen: the whole picture first."""
        return self._hub.subscribe(queue_events)

    def unsafe_allowed(self) -> bool:
        """Whether the host may be rebooted or switched off."""
        return self._unsafe

    # --- commands -----------------------------------------------------------------------------------------------------
    async def panel_command(self, cmd: str, args: Mapping[str, object]) -> CommandResult:
        """Send the panel a command; its outcome follows on the stream."""
        command_id = str(uuid.uuid4())
        await self._hub.panel.command(cmd, args, command_id)
        return _accepted(cmd, command_id)

    async def system_command(self, name: str, *, confirm: bool, client: str) -> CommandResult:
        """Have the System Controller carry out a command; its acknowledgement follows on the stream."""
        ack = await self._controller.command(name, {}, confirm=confirm, client=client)
        return _accepted(name, ack.data.command_id, ack.data.reason)

    async def label(self, contact_id: str, label: Label | None, note: str | None) -> LabelAnswer:
        """Keep what an operator says of a contact."""
        self._hub.say(self._hub.aggregate.set_label(contact_id, label, note, now_ms()))
        self._hub.touch()
        try:
            await self._hub.keep_labels()
        except LabelsUnavailable as error:
            raise CommandRejected(503, "labels_unavailable", f"holds until the service ends only: {error}") from error
        return LabelAnswer(id=contact_id, label=label, note=note, timestamp_ms=now_ms())

    # --- counting -----------------------------------------------------------------------------------------------------
    def metrics(self) -> MetricsView:
        """What the service counts."""
        hub, tally = self._hub, self._scan.stats()
        kinds = [type(contact).__struct_config__.tag for contact in self.contacts()]
        panel, link = hub.panel.state(), hub.panel.stats()
        return MetricsView(
            version=__version__,
            boot_id=hub.stream.boot_id,
            uptime_s=time.monotonic() - self._began_s,
            events=dict(hub.said),
            feeds={feed.name: _feed(feed.stats()) for feed in hub.feeds},
            dropped={
                "contacts_evicted": hub.aggregate.counters.evicted,
                "feed_events_unusable": hub.aggregate.counters.garbage + hub.aggregate.counters.unknown_events,
                "panel_messages_limited": link.limited,
            },
            sockets=self._sockets(),
            stall=self._stalls.view(time.monotonic()),
            queues={"panel_commands": hub.panel.waiting},
            dwells_analysed=tally.blocks_captured - tally.blocks_dropped,
            dwells_lost=tally.blocks_dropped,
            contacts={kind: kinds.count(kind) for kind in CONTACT_KINDS},
            panel=PanelView(connected=panel.connected, bad_lines=panel.bad_lines, timeouts=link.timeouts),
            offline={name: self._controller.section(name).status == "offline" for name in SECTIONS},
        )


def _feed(stats: FeedStats) -> FeedView:
    return FeedView(
        lines=stats.lines,
        events=stats.events,
        bad_lines=stats.bad_lines,
        read_bytes=stats.bytes,
        rotations=stats.rotations,
        lag_bytes=stats.lag_bytes,
    )


def _accepted(command: str, command_id: str, detail: str | None = None) -> CommandResult:
    return CommandResult(command=command, command_id=command_id, accepted=True, detail=detail, timestamp_ms=now_ms())
