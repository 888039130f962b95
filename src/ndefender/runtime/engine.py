"""The tracker thread of the front: results in, events logged and handed to the loop, every dwell accounted for."""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from ndefender.ring.board import Row
from ndefender.ring.ledger import Ledger
from ndefender.ring.queue import Wake, WorkQueue
from ndefender.ring.ring import RingReader
from ndefender.runtime.books import Books
from ndefender.runtime.journal import Journal, Told
from ndefender.runtime.messages import CaptureStatus, Link
from ndefender.runtime.reorder import Reorder
from ndefender.runtime.results import Dwell, ResultFollower
from ndefender.runtime.shared import Shared, Tally
from ndefender.runtime.spectra import SpectrumStore
from ndefender.runtime.wiring import WorkerCount
from ndefender.track.contact import Change, Restored
from ndefender.track.policy import BandSpan
from ndefender.track.tracker import Tracker
from ndefender.units import NS_PER_MS, NS_PER_S

TICK_NS = NS_PER_S // 5
EVIDENCE_NS = NS_PER_S
HOLD_NS = 60 * NS_PER_MS  # a worker that is this much slower than its neighbours does not hold their results up
HOLD_ITEMS = 64
GRACE_NS = NS_PER_S  # a dwell nobody has for this long is lost

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineParts:
    """What the thread works with.

    Args:
        iq: ring of dwells, for its newest number.
        queue: for how many dwells wait.
        results: ring of each worker.
        wake: rung by the workers.
        link: from capture.
        worker_rows: what each worker is at.
        row: beat.
        ledger: keeps the books.
        books: as the ledger had them.
        tracker: restored already.
        journal: encodes and logs.
        spectra, shared: what the loop reads.
        send: hands envelopes to the loop; called from this thread.
    """

    iq: RingReader
    queue: WorkQueue
    results: Sequence[RingReader]
    wake: Wake
    link: Link
    worker_rows: Sequence[Row]
    row: Row
    ledger: Ledger
    books: Books
    tracker: Tracker
    journal: Journal
    spectra: SpectrumStore
    shared: Shared
    send: Callable[[list[Told]], None]
    clock_ns: Callable[[], int] = time.monotonic_ns
    wall_ns: Callable[[], int] = time.time_ns


class Engine:
    """The loop of the thread."""

    def __init__(self, parts: EngineParts) -> None:
        self._parts = parts
        books = parts.books
        self._follower = ResultFollower(parts.results, [books.cursor(i) for i in range(len(parts.results))])
        self._window: Reorder[Dwell] = Reorder(books.get("newest"), HOLD_NS, HOLD_ITEMS)
        self._tick_ns = 0
        self._evidence_ns = 0
        self._plan: tuple[int, str | None] | None = None
        self._poller = select.poll()
        self._poller.register(parts.wake.fileno(), select.POLLIN)
        self._poller.register(parts.link.fileno(), select.POLLIN)

    def begin(self, live: Iterable[Restored]) -> None:
        """Take up the contacts that were alive when the log ended, and tell of those that expired meanwhile."""
        parts = self._parts
        self._tell(parts.tracker.restore(live, parts.clock_ns(), parts.wall_ns()))
        parts.shared.contacts = tuple(parts.tracker.contacts())

    def run(self, stopping: Callable[[], bool]) -> None:
        """Work until asked to stop, then take in what is left."""
        while not stopping():
            self._poller.poll(self._timeout_ms())
            self.step()
        self.step(everything=True)
        self._parts.journal.close()

    def _timeout_ms(self) -> int:
        """Time until a tick is due or a held result is."""
        now_ns = self._parts.clock_ns()
        due_ns = min(self._tick_ns, self._window.due_ns() or self._tick_ns)
        return max(0, -(-(due_ns - now_ns) // NS_PER_MS))

    def step(self, *, everything: bool = False) -> None:
        """Take in whatever is there; tick when it is time."""
        parts = self._parts
        now_ns = parts.clock_ns()
        parts.row.beat_ns = now_ns
        parts.wake.clear()
        self._listen(now_ns)
        for dwell in self._follower.read():
            self._window.add(dwell.seq, now_ns, dwell)
        for dwell in self._window.release(now_ns, everything=everything):
            self._take(dwell)
        if now_ns >= self._tick_ns or everything:
            self._tick_ns = now_ns + TICK_NS
            self._tick()

    def _listen(self, now_ns: int) -> None:
        """Take capture's reports; the newest counts."""
        shared = self._parts.shared
        while (message := self._parts.link.receive()) is not None:
            try:
                shared.status = msgspec.json.decode(message, type=CaptureStatus)
            except msgspec.DecodeError as error:
                log.error("report of capture not understood: %s", error)
                continue
            shared.status_ns = now_ns
        sweep = shared.status.sweep
        if shared.status_ns and self._plan != (sweep.plan_id, sweep.active_plan):
            self._plan = (sweep.plan_id, sweep.active_plan)
            bands = next((plan.bands for plan in sweep.plans if plan.name == sweep.active_plan), [])
            self._parts.tracker.set_bands([BandSpan(b.name, b.start_hz, b.stop_hz) for b in bands])

    def _take(self, dwell: Dwell) -> None:
        """Account for a dwell, track it, tell of what changed; only then is it done with."""
        parts, books = self._parts, self._parts.books
        books.set_cursor(dwell.worker, dwell.place)
        if books.arrived(dwell.seq):
            books.add("frames", int(dwell.summary["n_frames"]))
            books.add("detections", len(dwell.emissions))
            books.add("truncated", int(dwell.summary["truncated"]))
            parts.spectra.put(dwell)
            self._tell(parts.tracker.dwell(dwell.summary, dwell.emissions, parts.clock_ns(), parts.wall_ns()))
        parts.ledger.commit(books.to_bytes())

    def _tell(self, changes: list[Change]) -> None:
        """Log changes, then send them."""
        if not changes:
            return
        parts, shared = self._parts, self._parts.shared
        envelopes = parts.journal.write(changes)
        parts.books.add("events", len(envelopes))
        shared.contacts = tuple(parts.tracker.contacts())
        shared.last_event_unix_ms = changes[-1].unix_ns // NS_PER_MS
        parts.send(envelopes)

    def _tick(self) -> None:
        """Let time pass: contacts expire, lost dwells are declared so, the loop gets fresh snapshots."""
        parts, books, shared = self._parts, self._parts.books, self._parts.shared
        now_ns = parts.clock_ns()
        self._tell(parts.tracker.tick(now_ns, parts.wall_ns()))
        waiting = parts.queue.pending()  # before `published`: what is published meanwhile stays open
        busy = {row.get(WorkerCount.BUSY_SEQ) for row in parts.worker_rows}
        published = parts.iq.newest()
        held = self._window.seqs()
        books.settle(published, waiting, busy | held, now_ns, GRACE_NS)
        parts.journal.keep()
        books.add("log_errors", parts.journal.take_errors())
        parts.ledger.commit(books.to_bytes())
        shared.log_trouble = parts.journal.trouble
        shared.contacts = tuple(parts.tracker.contacts())
        shared.tally = Tally(
            published=published,
            analysed=books.get("analysed"),
            lost=books.get("lost"),
            frames=books.get("frames"),
            detections=books.get("detections"),
            truncated=books.get("truncated"),
            events=books.get("events"),
            log_errors=books.get("log_errors"),
        )
        if now_ns >= self._evidence_ns:
            self._evidence_ns = now_ns + EVIDENCE_NS
            found = [(c.contact_id, parts.tracker.evidence(c.contact_id)) for c in shared.contacts]
            shared.evidence = {key: value for key, value in found if value is not None}
