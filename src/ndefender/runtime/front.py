"""Main loop of the front process: the tracker on a thread of its own, the three APIs on one loop on the main one."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from ndefender.events.bus import Bus
from ndefender.ring.ledger import Ledger
from ndefender.ring.ring import RingReader
from ndefender.ring.segment import attach
from ndefender.runtime.apis import Apis
from ndefender.runtime.books import Books
from ndefender.runtime.engine import Engine, EngineParts
from ndefender.runtime.exits import EXIT_FAILED, EXIT_OK
from ndefender.runtime.journal import Journal
from ndefender.runtime.mapping import band_spans, track_policy
from ndefender.runtime.messages import Link
from ndefender.runtime.outlet import Outlet
from ndefender.runtime.port import FrontPort
from ndefender.runtime.process import Child
from ndefender.runtime.replay import Replayer
from ndefender.runtime.shared import Shared
from ndefender.runtime.spectra import SpectrumStore
from ndefender.runtime.view import Seen
from ndefender.runtime.vitals import Vitals
from ndefender.runtime.wiring import Seat
from ndefender.track.tracker import Tracker

JOIN_S = 3.0  # longest time the tracker thread may take to finish

log = logging.getLogger(__name__)


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
    apis = Apis(child, port, outlet)
    thread.start()
    try:
        apis.serve(thread)
    finally:
        thread.finish()
    return EXIT_FAILED if thread.failed or apis.failed else EXIT_OK


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
