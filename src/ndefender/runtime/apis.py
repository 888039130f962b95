"""The three APIs on one loop: the radio's, the host's, and the aggregator that puts them together."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from sanic import Sanic

from ndefender import __version__
from ndefender.api.aggregator import build_aggregator_app
from ndefender.api.answers import SocketStats
from ndefender.api.app import App
from ndefender.api.metrics import LoopStalls
from ndefender.api.scan import build_scan_app
from ndefender.api.settings import ApiSettings
from ndefender.api.system_app import build_system_app
from ndefender.config.settings import ApiTable
from ndefender.events.bus import Bus
from ndefender.events.stream import Stream
from ndefender.ring.board import Row
from ndefender.runtime.aggregator import Aggregator
from ndefender.runtime.host_parts import host_parts
from ndefender.runtime.hub import Hub, now_ms
from ndefender.runtime.mapping import api_settings
from ndefender.runtime.outlet import Outlet
from ndefender.runtime.port import FrontPort
from ndefender.runtime.process import Child
from ndefender.runtime.wiring import Seat
from ndefender.state.aggregate import Aggregate
from ndefender.system.audit import Audit
from ndefender.system.controller import Controller

LOOP_BEAT_S = 0.25
STALL_TICK_S = 0.05


class Apis:
    """Builds and serves them.

    Args:
        child: of the service.
        scan: the radio's side.
        outlet: of the tracker thread.
    """

    def __init__(self, child: Child, scan: FrontPort, outlet: Outlet) -> None:
        wiring, settings = child.wiring, child.wiring.settings
        self.failed = False
        self._child = child
        self._scan = scan
        self._outlet = outlet
        self._stalls = LoopStalls(time.monotonic())
        boot_id = uuid.uuid4().hex  # of this front: its streams begin anew when it is started again
        unsafe = settings.safety.allow_unsafe_operations
        own_radio = None if settings.feeds.rf_log else self._tell_radio
        self._hub = Hub(settings, Path(wiring.state_folder), boot_id, own_radio, self._fail)
        outlet.unlogged = self._hub.unlogged
        self._controller = Controller(
            host_parts(settings, wiring.emulated),
            Stream(Bus(settings.system_controller.event_buffer), boot_id, now_ms),
            version=__version__,
            now_ms=now_ms,
            clock=time.monotonic,
            timeout_s=settings.host.timeout_s,
            allow_unsafe=unsafe,
            dry_run=settings.safety.dry_run,
            audit=Audit(),
        )
        self._controller.on_section.append(self._hub.section)
        self._controller.on_ack.append(self._hub.acknowledged)
        aggregator = Aggregator(self._hub, scan, self._controller, self._stalls, self._sockets, unsafe)
        listeners = wiring.listeners

        def told(name: str, table: ApiTable, listener: socket.socket) -> ApiSettings:
            port = int(listener.getsockname()[1])
            return api_settings(f"ndefender-{name}", table, port, settings.api.spectrum_fps)

        self._apps: dict[str, App] = {
            "antsdr": build_scan_app(scan, told("antsdr-scan", settings.api, listeners.scan)),
            "system": build_system_app(self._controller, told("system", settings.system_controller, listeners.system)),
            "aggregator": build_aggregator_app(
                aggregator, scan, told("aggregator", settings.aggregator, listeners.aggregator)
            ),
        }
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, worker: threading.Thread) -> None:
        """Serve until SIGTERM, or until the worker ends."""
        listeners = self._child.wiring.listeners
        sockets = {"antsdr": listeners.scan, "system": listeners.system, "aggregator": listeners.aggregator}
        primary = self._apps["aggregator"]  # Sanic tunes the request path of its primary app only

        async def started(_app: object) -> None:
            self._hub.start()  # says what was restored, before anything new
            self._outlet.loop = asyncio.get_running_loop()
            self._outlet.publish()
            await self._controller.start()
            for part in (self._attend(worker, primary), self._watch_stalls()):
                self._tasks.add(asyncio.create_task(part))

        async def stopping(_app: object) -> None:
            for task in self._tasks:
                task.cancel()
            await self._hub.stop()
            await self._controller.stop()

        primary.register_listener(started, "after_server_start")
        primary.register_listener(stopping, "before_server_stop")
        for name, app in self._apps.items():
            app.prepare(sock=sockets[name], single_process=True, access_log=False, motd=False)
        Sanic.serve_single(primary=primary)

    async def _attend(self, worker: threading.Thread, app: App) -> None:
        """Beat from the loop itself, so that a stalled loop is noticed; end with the worker."""
        row: Row = self._child.board.row(Seat.LOOP)
        while worker.is_alive() and not self.failed:
            row.beat_ns = time.monotonic_ns()
            await asyncio.sleep(LOOP_BEAT_S)
        app.stop()

    async def _watch_stalls(self) -> None:
        """Measure how late the loop comes to a timer."""
        while True:
            due_s = time.monotonic() + STALL_TICK_S
            await asyncio.sleep(STALL_TICK_S)
            now_s = time.monotonic()
            self._stalls.observe(now_s - due_s, now_s)

    def _fail(self) -> None:
        """A part that must not end ended: the front is to be started again."""
        self.failed = True

    def _sockets(self) -> Mapping[str, SocketStats]:
        return {name: app.ctx.sockets.snapshot() for name, app in self._apps.items() if name != "aggregator"}

    def _tell_radio(self, aggregate: Aggregate) -> str | None:
        """Tell the aggregator how the radio is; return why its log cannot be written."""
        device, sweep = self._scan.device(), self._scan.sweep_state()
        aggregate.radio(
            "ok" if device.connected else "offline", sweep.running, device.last_error, bool(device.simulated)
        )
        return self._scan.log_trouble()
