"""The aggregator at work: every feed into one picture, every change of it onto one stream. On the loop's thread."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from ndefender.config.settings import Settings
from ndefender.events.bus import Bus
from ndefender.events.host import CommandAck, Section
from ndefender.events.snapshot import Snapshot
from ndefender.events.stream import Greeted, Stream
from ndefender.ingest.esp32 import Esp32Link
from ndefender.ingest.esp32_types import LinkSettings, PanelMessage, PanelState
from ndefender.ingest.event import BadLine, FeedEvent, decode
from ndefender.ingest.feed import Feed
from ndefender.runtime.feeds import REMOTE_ID_FEED, FeedKind, begin, follow, sources
from ndefender.state.aggregate import Aggregate
from ndefender.state.contacts import Said
from ndefender.state.labels import LabelStore, LabelsUnavailable
from ndefender.state.policy import ContactPolicy
from ndefender.units import NS_PER_MS

TICK_S = 0.5
SOON_S = 0.25  # a change that only a SYSTEM_UPDATE tells waits this long at most
SOURCE = "aggregator"
SYSTEM_UPDATE = "SYSTEM_UPDATE"

log = logging.getLogger(__name__)


def now_ms() -> int:
    """Wall clock, milliseconds since the epoch."""
    return time.time_ns() // NS_PER_MS


class Hub:
    """Feeds, panel and host in; the stream of the Backend Aggregator out.

    Args:
        settings: the configuration.
        folder: where positions and labels are kept.
        boot_id: of this run of the front.
        radio: tells the aggregate about the radio at every tick, and returns why its log cannot be written; None where
            RF events come from another box.
        on_failure: a part ended that must not.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        boot_id: str,
        radio: Callable[[Aggregate], str | None] | None,
        on_failure: Callable[[], None],
    ) -> None:
        self.stream = Stream(Bus(settings.aggregator.event_buffer), boot_id, now_ms)
        self.said: Counter[tuple[str, str]] = Counter()
        self._settings = settings
        self._radio = radio
        self._on_failure = on_failure
        self._label_store = LabelStore(folder / "labels.json")
        self._labels_saved = 0
        self.aggregate = Aggregate(_policy(settings), dict(self._label_store.load()))
        if self._label_store.trouble:
            log.warning("labels: %s", self._label_store.trouble)
        self._revision = 0
        beginnings = [begin(source, folder) for source in sources(settings)]
        restored = sorted((event for each in beginnings for event in each.before), key=lambda e: e.timestamp_ms)
        self._restored = self.aggregate.restore(restored, time.monotonic_ns(), now_ms())
        self.feeds: list[Feed] = [follow(settings, each, self._sink(each.source.kind)) for each in beginnings]
        esp32 = settings.esp32
        self.panel = Esp32Link(
            LinkSettings(
                port=esp32.port, baud=esp32.baud, ack_timeout_s=esp32.ack_timeout_s, heartbeat_s=esp32.heartbeat_s
            ),
            self._panel_message,
            self._panel_state,
        )
        self._tasks: set[asyncio.Task[None]] = set()

    # --- life ---------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin to follow, listen and tell; on the running loop."""
        self.say(self._restored)
        self._restored = []
        runs = [*(feed.run() for feed in self.feeds), self._ticks(), self._updates()]
        if self._settings.esp32.enabled:
            runs.append(self.panel.run())
        for run in runs:
            task = asyncio.create_task(run)
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End everything and keep what must be kept."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._save_labels()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.critical("a part of the aggregator failed", exc_info=task.exception())
            self._on_failure()  # the front is started again, and goes on from its positions

    async def _ticks(self) -> None:
        while True:
            self._feed_troubles(None if self._radio is None else self._radio(self.aggregate))
            self.say(self.aggregate.tick(time.monotonic_ns(), now_ms()))
            self.touch()
            await asyncio.sleep(TICK_S)

    async def _updates(self) -> None:
        """Tell the whole picture: every period, and soon after a change that no event of its own tells."""
        due_s = time.monotonic()
        while True:
            await asyncio.sleep(SOON_S)
            if time.monotonic() >= due_s or self.aggregate.take_snapshot_due():
                due_s = time.monotonic() + self._settings.aggregator.update_s
                self._emit(SYSTEM_UPDATE, SOURCE, self._picture(self.stream.seq + 1), None)

    def _feed_troubles(self, writing: str | None) -> None:
        """Tell why logs cannot be written or followed."""
        rf, remote_id = [writing or ""], [""]
        for feed in self.feeds:
            (remote_id if feed.name == REMOTE_ID_FEED else rf).append(feed.stats().last_error)
        self.aggregate.rf_log("; ".join(filter(None, rf)) or None)
        self.aggregate.remote_id_log("; ".join(filter(None, remote_id)) or None)

    # --- in -----------------------------------------------------------------------------------------------------------
    def _sink(self, kind: FeedKind) -> Callable[[FeedEvent], None]:
        take = self.aggregate.rf_event if kind == "rf" else self.aggregate.remote_id_event
        return lambda event: self.say(take(event, time.monotonic_ns(), now_ms()))

    def unlogged(self, bodies: Iterable[bytes]) -> None:
        """Take RF events that their log could not hold. Those that reach it after all are known by their number."""
        for body in bodies:
            try:
                event = decode(body)
            except BadLine as error:
                log.error("own event not understood: %s", error)
                continue
            self.say(self.aggregate.rf_event(event, time.monotonic_ns(), now_ms()))

    def section(self, name: str, section: Section) -> None:
        """Take a section of the System Controller."""
        self.aggregate.host(name, section)
        self.touch()

    def acknowledged(self, ack: CommandAck) -> None:
        """Pass on what became of a command to the host."""
        self._emit("COMMAND_ACK", "system", ack.data, ack.timestamp_ms)

    def _panel_message(self, message: PanelMessage) -> None:
        simulated = self.panel.state().simulated
        self.say(self.aggregate.panel(message.kind, message.data, time.monotonic_ns(), now_ms(), simulated))

    def _panel_state(self, state: PanelState) -> None:
        self.aggregate.panel_state(state)
        self.touch()

    # --- out ----------------------------------------------------------------------------------------------------------
    def say(self, said: Iterable[Said]) -> None:
        """Put events on the stream."""
        for each in said:
            self._emit(each.type, each.source, each.data, each.timestamp_ms)

    def touch(self) -> None:
        """Something in the picture changed that is no event."""
        self._revision += 1

    def revision(self) -> tuple[int, int]:
        """Stays equal while the picture does."""
        return self.stream.seq, self._revision

    def subscribe(self, queue_events: int) -> Greeted:
        """Listen: the whole picture first, then every event after it."""
        return self.stream.greet(queue_events, (SYSTEM_UPDATE, SOURCE, self._picture(self.stream.seq)))

    def picture(self) -> Snapshot:
        """The whole picture now."""
        return self._picture(self.stream.seq)

    async def keep_labels(self) -> None:
        """Write the labels if they changed.

        Raises:
            LabelsUnavailable: the disk refuses; they hold until the service ends.
        """
        revision = self.aggregate.labels_revision
        if revision != self._labels_saved:
            await asyncio.to_thread(self._label_store.save, dict(self.aggregate.labels), revision)
            self._labels_saved = revision

    async def _save_labels(self) -> None:
        try:
            await self.keep_labels()
        except LabelsUnavailable as error:
            log.error("labels are lost with this run: %s", error)

    def _picture(self, seq: int) -> Snapshot:
        return self.aggregate.snapshot(now_ms(), seq, self.stream.boot_id)

    def _emit(self, kind: str, source: str, data: object, timestamp_ms: int | None) -> None:
        self.stream.emit(kind, source, data, timestamp_ms)
        self.said[kind, source] += 1


def _policy(settings: Settings) -> ContactPolicy:
    contacts = settings.contacts
    return ContactPolicy(
        ttl_rf_s=contacts.ttl_rf_s,
        ttl_remote_id_s=contacts.ttl_remote_id_s,
        ttl_fpv_s=contacts.ttl_fpv_s,
        fpv_over_floor_raw=contacts.fpv_over_floor_raw,
        fpv_spread_raw=contacts.fpv_spread_raw,
        max_contacts=contacts.max_contacts,
    )
