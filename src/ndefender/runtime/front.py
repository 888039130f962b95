"""Main loop of the front process: the tracker on a thread of its own, Sanic on the main one."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from sanic import Sanic

from ndefender.api.scan import build_scan_app
from ndefender.config.settings import Settings
from ndefender.events.bus import Bus
from ndefender.ring.board import Row
from ndefender.ring.ledger import Ledger
from ndefender.ring.ring import RingReader
from ndefender.ring.segment import attach
from ndefender.runtime.books import Books
from ndefender.runtime.engine import Engine, EngineParts
from ndefender.runtime.exits import EXIT_FAILED, EXIT_OK
from ndefender.runtime.journal import Journal, Numbered
from ndefender.runtime.mapping import api_settings, band_spans, track_policy
from ndefender.runtime.messages import Link
from ndefender.runtime.port import FrontPort
from ndefender.runtime.process import Child
from ndefender.runtime.replay import Replayer
from ndefender.runtime.shared import Shared
from ndefender.runtime.spectra import SpectrumStore
from ndefender.runtime.view import Seen
from ndefender.runtime.vitals import Vitals
from ndefender.runtime.wiring import Seat
from ndefender.track.tracker import Tracker

LOOP_BEAT_S = 0.25
JOIN_S = 3.0  # longest time the tracker thread may take to finish

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outlet:
    """Where the tracker thread's events go: to the bus, once there is a loop.

    Args:
        bus: on the loop's thread only.
        loop: None until the server runs; events before that wait.
    """

    bus: Bus
    loop: asyncio.AbstractEventLoop | None = None
    waiting: deque[Numbered] = field(default_factory=deque)

    def send(self, events: list[Numbered]) -> None:
        """Hand events over; called from the tracker thread."""
        self.waiting.extend(events)
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.publish)

    def publish(self) -> None:
        """Publish what waits; called on the loop."""
        while self.waiting:
            seq, body = self.waiting.popleft()
            self.bus.publish(body, seq)


class TrackerThread(threading.Thread):
    """Runs the engine; keeps the error if it ends with one.

    Args:
        engine: to be run.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="tracker", daemon=True)
        self._engine = engine
        self._stop_flag = threading.Event()
        self.failed = False

    def run(self) -> None:
        """Run until asked to stop."""
        try:
            self._engine.run(self._stop_flag.is_set)
        except Exception:  # outermost level of the thread: the front must learn of it and end
            self.failed = True
            log.exception("the tracker failed")

    def finish(self) -> None:
        """Take in what is left, then end."""
        self._stop_flag.set()
        self.join(JOIN_S)


def main(child: Child) -> int:
    """Entry of the front process."""
    wiring, settings = child.wiring, child.wiring.settings
    shared, spectra = Shared(), SpectrumStore()
    journal = Journal(settings.log, wiring.boot_id, settings.api.event_buffer)
    outlet = Outlet(Bus(settings.api.event_buffer))
    outlet.bus.prime([body for _, body in journal.earlier])
    tracker = Tracker(track_policy(settings), band_spans(settings, settings.scan.plan))
    link = Link(wiring.front_end)
    engine = Engine(_engine_parts(child, journal, outlet, tracker, link, spectra, shared))
    engine.begin(journal.live_contacts())
    seen = Seen(
        settings=settings,
        shared=shared,
        spectra=spectra,
        vitals=Vitals(child.board, len(wiring.layout.results), time.monotonic_ns),
        feed=outlet.bus,
        boot_id=wiring.boot_id,
        last_seq=journal.last_seq,
    )
    config_path = None if wiring.config_path is None else Path(wiring.config_path)
    port = FrontPort(seen, config_path, link, Replayer(Path(settings.log.folder)))
    thread = TrackerThread(engine)
    thread.start()
    try:
        _serve(child, settings, port, outlet, thread)
    finally:
        thread.finish()
    return EXIT_FAILED if thread.failed else EXIT_OK


def _engine_parts(
    child: Child,
    journal: Journal,
    outlet: Outlet,
    tracker: Tracker,
    link: Link,
    spectra: SpectrumStore,
    shared: Shared,
) -> EngineParts:
    wiring, layout = child.wiring, child.wiring.layout
    ledger = Ledger(attach(layout.front_ledger))
    return EngineParts(
        iq=RingReader(attach(layout.iq)),
        queue=wiring.queue,
        results=[RingReader(attach(spec)) for spec in layout.results],
        wake=wiring.wake,
        link=link,
        worker_rows=[child.board.row(Seat.WORKER + i) for i in range(len(layout.results))],
        row=child.board.row(Seat.TRACKER),
        ledger=ledger,
        books=Books(ledger.load()),
        tracker=tracker,
        journal=journal,
        spectra=spectra,
        shared=shared,
        send=outlet.send,
    )


def _serve(child: Child, settings: Settings, port: FrontPort, outlet: Outlet, thread: TrackerThread) -> None:
    """Serve the API until SIGTERM, or until the tracker thread is gone."""
    listener = child.wiring.listener
    real_port = int(listener.getsockname()[1])
    app = build_scan_app(port, api_settings("ndefender-antsdr-scan", settings.api, real_port))
    loop_row: Row = child.board.row(Seat.LOOP)

    async def attend() -> None:
        """Beat from the loop itself, so that a stalled loop is noticed; end with the tracker."""
        while thread.is_alive():
            loop_row.beat_ns = time.monotonic_ns()
            await asyncio.sleep(LOOP_BEAT_S)
        app.stop()

    tasks = set()

    async def started(_app: object) -> None:
        outlet.loop = asyncio.get_running_loop()
        outlet.publish()
        tasks.add(asyncio.create_task(attend()))

    app.register_listener(started, "after_server_start")
    app.prepare(sock=listener, single_process=True, access_log=False, motd=False)
    Sanic.serve_single(primary=app)
