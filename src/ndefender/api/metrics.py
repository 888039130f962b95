"""`GET /metrics`: the service's numbers in Prometheus' text format.

A registry of its own, without the library's process-wide one: what is shown is what `MetricsView` holds, read at the
moment of the scrape. Names follow Prometheus' conventions: base units, `_total` for what only grows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Mapping

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ndefender.api.answers import SocketStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STALL_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
STALL_WINDOW_S = 60.0
STALL_SLICES = 12  # the window moves by a twelfth


class FeedView(msgspec.Struct, frozen=True, kw_only=True):
    """One feed. Counters run from the start of the service.

    Args:
        lines: complete lines read.
        events: of them, valid events.
        bad_lines: of them, counted and skipped.
        read_bytes: of the log.
        rotations: times that another file took the log's place.
        lag_bytes: of the log, not read yet.
    """

    lines: int
    events: int
    bad_lines: int
    read_bytes: int
    rotations: int
    lag_bytes: int


class StallView(msgspec.Struct, frozen=True, kw_only=True):
    """How late the event loop came to its own timer.

    Args:
        counts: of the buckets `STALL_BUCKETS_S` and one above, not cumulated.
        sum_s: of all.
        max_s: longest since the start.
        max_last_minute_s: longest of the last minute.
    """

    counts: list[int]
    sum_s: float
    max_s: float
    max_last_minute_s: float


class PanelView(msgspec.Struct, frozen=True, kw_only=True):
    """The link to the ESP32 panel."""

    connected: bool
    bad_lines: int
    timeouts: int


class MetricsView(msgspec.Struct, frozen=True, kw_only=True):
    """What the service counts. A map's key becomes a label's value.

    Args:
        version: of the package.
        boot_id: of this run.
        uptime_s: of the service.
        events: events published, by type and source.
        feeds: by name.
        dropped: things lost for want of room, by place.
        sockets: by API; the aggregator's own are filled in by its API.
        stall: of the event loop, None where nobody measures it.
        queues: things that wait, by queue.
        dwells_analysed, dwells_lost: of the radio.
        contacts: live contacts, by kind.
        panel: None where none is configured.
        offline: by section, whether it is offline.
    """

    version: str
    boot_id: str
    uptime_s: float
    events: Mapping[tuple[str, str], int] = {}
    feeds: Mapping[str, FeedView] = {}
    dropped: Mapping[str, int] = {}
    sockets: Mapping[str, SocketStats] = {}
    stall: StallView | None = None
    queues: Mapping[str, int] = {}
    dwells_analysed: int = 0
    dwells_lost: int = 0
    contacts: Mapping[str, int] = {}
    panel: PanelView | None = None
    offline: Mapping[str, bool] = {}


class LoopStalls:
    """Collects how late the loop came to its timer.

    Args:
        now_s: monotonic.
    """

    def __init__(self, now_s: float) -> None:
        self._counts = [0] * (len(STALL_BUCKETS_S) + 1)
        self._sum_s = 0.0
        self._max_s = 0.0
        self._slices: deque[tuple[float, float]] = deque(maxlen=STALL_SLICES + 1)  # (its begin, its longest)
        self._slices.append((now_s, 0.0))

    def observe(self, stall_s: float, now_s: float) -> None:
        """Count one tick that came `stall_s` late, at monotonic `now_s`."""
        late_s = max(0.0, stall_s)
        self._counts[bisect_left(STALL_BUCKETS_S, late_s)] += 1
        self._sum_s += late_s
        self._max_s = max(self._max_s, late_s)
        begin_s, longest_s = self._slices[-1]
        if now_s - begin_s >= STALL_WINDOW_S / STALL_SLICES:
            self._slices.append((now_s, late_s))
        else:
            self._slices[-1] = (begin_s, max(longest_s, late_s))

    def view(self, now_s: float) -> StallView:
        """Numbers up to monotonic `now_s`."""
        recent = [longest_s for begin_s, longest_s in self._slices if now_s - begin_s <= STALL_WINDOW_S]
        return StallView(
            counts=list(self._counts), sum_s=self._sum_s, max_s=self._max_s, max_last_minute_s=max(recent, default=0.0)
        )


class MetricsText:
    """Renders `MetricsView`.

    Args:
        read: the numbers now.
    """

    def __init__(self, read: Callable[[], MetricsView]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Numbers(read))

    def render(self) -> bytes:
        """Prometheus' text format, version 0.0.4, UTF-8."""
        return generate_latest(self._registry)


class _Numbers(Collector):
    def __init__(self, read: Callable[[], MetricsView]) -> None:
        self._read = read

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: the registry need not read the numbers to take the collector."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One family after another."""
        view = self._read()
        yield from _service(view)
        yield from _feeds(view)
        yield from _sockets(view)
        yield from _radio_and_panel(view)


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counter(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _service(view: MetricsView) -> Iterator[Metric]:
    info = GaugeMetricFamily("ndefender_build_info", "Version and run of the service.", labels=["version", "boot_id"])
    info.add_metric([view.version, view.boot_id], 1)
    yield info
    yield GaugeMetricFamily("ndefender_uptime_seconds", "Time since the service began.", value=view.uptime_s)
    events = CounterMetricFamily(
        "ndefender_events", "Events published on the aggregator's stream.", labels=["type", "source"]
    )
    for (kind, source), count in view.events.items():
        events.add_metric([kind, source], count)
    yield events
    yield _counter("ndefender_dropped", "Things lost for want of room, by place.", "place", view.dropped)
    yield _gauge("ndefender_queue_depth", "Things that wait, by queue.", "queue", view.queues)
    yield _gauge("ndefender_contacts", "Live contacts, by kind.", "kind", view.contacts)
    yield _gauge("ndefender_section_offline", "1 where a section of the picture is offline.", "section", view.offline)
    if view.stall is not None:
        yield _stall_histogram(view.stall)
        yield GaugeMetricFamily(
            "ndefender_loop_stall_max_seconds", "Longest stall of the event loop.", value=view.stall.max_s
        )
        yield GaugeMetricFamily(
            "ndefender_loop_stall_last_minute_max_seconds",
            "Longest stall of the event loop within the last minute.",
            value=view.stall.max_last_minute_s,
        )


def _stall_histogram(stall: StallView) -> Metric:
    cumulated, total = [], 0
    for bound, count in zip((*map(str, STALL_BUCKETS_S), "+Inf"), stall.counts, strict=True):
        total += count
        cumulated.append((bound, float(total)))
    return HistogramMetricFamily(
        "ndefender_loop_stall_seconds",
        "How late the event loop came to its own timer.",
        buckets=cumulated,
        sum_value=stall.sum_s,
    )


def _feeds(view: MetricsView) -> Iterator[Metric]:
    for name, text, field in (
        ("ndefender_feed_lines", "Lines read from a feed.", "lines"),
        ("ndefender_feed_events", "Valid events read from a feed.", "events"),
        ("ndefender_feed_bad_lines", "Lines of a feed that were no valid event, skipped.", "bad_lines"),
        ("ndefender_feed_read_bytes", "Bytes read from a feed.", "read_bytes"),
        ("ndefender_feed_rotations", "Times that another file took a feed's place.", "rotations"),
    ):
        yield _counter(name, text, "feed", {key: getattr(feed, field) for key, feed in view.feeds.items()})
    lag = {key: feed.lag_bytes for key, feed in view.feeds.items()}
    yield _gauge("ndefender_feed_lag_bytes", "Bytes of a feed not read yet.", "feed", lag)


def _sockets(view: MetricsView) -> Iterator[Metric]:
    clients = {key: sockets.clients for key, sockets in view.sockets.items()}
    yield _gauge("ndefender_websocket_clients", "WebSocket clients connected now.", "api", clients)
    for name, text, field in (
        ("ndefender_websocket_accepted", "WebSocket upgrades accepted.", "accepted"),
        ("ndefender_websocket_rejected", "WebSocket upgrades refused for want of room.", "rejected"),
        ("ndefender_websocket_cut_off", "WebSocket clients disconnected for taking nothing.", "cut_off"),
        ("ndefender_websocket_events_sent", "Events handed to WebSocket clients.", "events_sent"),
        ("ndefender_websocket_events_dropped", "Events dropped from full client queues.", "events_dropped"),
    ):
        yield _counter(name, text, "api", {key: getattr(sockets, field) for key, sockets in view.sockets.items()})


def _radio_and_panel(view: MetricsView) -> Iterator[Metric]:
    yield CounterMetricFamily("ndefender_dwells_analysed", "Dwells of the radio analysed.", value=view.dwells_analysed)
    yield CounterMetricFamily("ndefender_dwells_lost", "Dwells of the radio lost, wherever.", value=view.dwells_lost)
    if view.panel is None:
        return
    panel = view.panel
    yield GaugeMetricFamily("ndefender_panel_connected", "1 where the ESP32 panel answers.", value=panel.connected)
    yield CounterMetricFamily("ndefender_panel_bad_lines", "The panel's lines that were none.", value=panel.bad_lines)
    yield CounterMetricFamily(
        "ndefender_panel_timeouts", "Commands the panel did not acknowledge in time.", value=panel.timeouts
    )
