from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ndefender import records
from ndefender.config.settings import LogSettings
from ndefender.ring.board import Board, board_spec
from ndefender.ring.ledger import Ledger, ledger_spec
from ndefender.ring.queue import Wake, WorkQueue
from ndefender.ring.ring import RingReader, RingWriter
from ndefender.ring.segment import Segment, SegmentSpec
from ndefender.runtime.books import Books
from ndefender.runtime.engine import GRACE_NS, HOLD_NS, Engine, EngineParts
from ndefender.runtime.journal import Journal
from ndefender.runtime.messages import CaptureStatus, DeviceStatus, Link, PlanStatus, SpanStatus, SweepStatus
from ndefender.runtime.shared import Shared
from ndefender.runtime.spectra import SpectrumStore
from ndefender.track import BandSpan, Tracker, TrackPolicy

Make = Callable[[SegmentSpec], Segment]
WORKERS = 2
CENTER_HZ = 5800e6


@dataclass
class Clock:
    now_ns: int = 10**9

    def __call__(self) -> int:
        return self.now_ns


class Rig:
    """The engine with real rings, tracker and log, on a clock of its own; the test plays capture and workers."""

    def __init__(self, make: Make, queue: WorkQueue, wake: Wake, folder: Path) -> None:
        self.folder, self.queue, self.wake, self.clock = folder, queue, wake, Clock()
        self.iq = make(SegmentSpec("x", 8, 64))
        self.rings = [make(SegmentSpec("x", 4, records.RESULT.itemsize)) for _ in range(WORKERS)]
        self.board = Board(make(board_spec("x", WORKERS + 1)))
        self.ledger = make(ledger_spec("x", 4096))
        self.capture = RingWriter(self.iq)
        self.workers = [RingWriter(ring) for ring in self.rings]
        self.sockets = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sent: list[tuple[int, bytes]] = []
        self.begin()

    def begin(self) -> None:
        """Start the engine, or start it again after a kill."""
        ledger = Ledger(self.ledger)
        self.shared, self.spectra = Shared(), SpectrumStore()
        self.journal = Journal(LogSettings(folder=str(self.folder)), "boot", 10)
        self.books = Books(ledger.load())
        parts = EngineParts(
            iq=RingReader(self.iq),
            queue=self.queue,
            results=[RingReader(ring) for ring in self.rings],
            wake=self.wake,
            link=Link(self.sockets[0]),
            worker_rows=[self.board.row(i) for i in range(WORKERS)],
            row=self.board.row(WORKERS),
            ledger=ledger,
            books=self.books,
            tracker=Tracker(TrackPolicy(), [BandSpan("A", 5.7e9, 5.9e9)]),
            journal=self.journal,
            spectra=self.spectra,
            shared=self.shared,
            send=self.sent.extend,
            clock_ns=self.clock,
            wall_ns=lambda: 10**18 + self.clock.now_ns,
        )
        self.engine = Engine(parts)
        self.engine.begin(self.journal.live_contacts())

    def publish(self, count: int = 1) -> None:
        """Play capture; the work queue stays empty, as if every dwell had been taken at once."""
        for _ in range(count):
            self.capture.reserve()
            self.capture.publish()

    def result(self, worker: int, seq: int, *, heard: bool = False) -> None:
        """Play a worker that finished a dwell, with one strong conclusive emission in it or none."""
        out = self.workers[worker].reserve().view(records.RESULT)[0]
        out["summary"] = np.zeros((), records.SUMMARY)
        block = out["summary"]["block"]
        block["seq"], block["n_samples"], block["rate_hz"], block["center_hz"] = seq, 100_000, 20e6, CENTER_HZ + 2e6
        block["use_low_hz"], block["use_high_hz"], block["full_scale"] = CENTER_HZ - 8e6, CENTER_HZ + 8e6, 2048
        block["host_ns"] = block["captured_ns"] = self.clock.now_ns
        block["unix_ns"] = 10**18 + self.clock.now_ns
        out["summary"]["n_frames"], out["summary"]["n_emissions"], out["summary"]["bin_hz"] = 8, int(heard), 20e6 / 2048
        if heard:
            emission = out["emissions"][0]
            emission["duration_s"], emission["center_hz"], emission["bandwidth_hz"] = 0.005, CENTER_HZ, 6e6
            emission["snr_db"], emission["peak_db"], emission["noise_floor_db"] = 25.0, -40.0, -85.0
            emission["prominence_db"], emission["confidence"], emission["class_id"] = 45.0, 0.999, 1
            emission["classification_confidence"] = 0.95
            emission["flags"] = records.EMISSION_CONCLUSIVE | records.EMISSION_CONTINUOUS
        self.workers[worker].publish()
        self.wake.ring()

    def step(self, later_ns: int = 0) -> None:
        self.clock.now_ns += later_ns
        self.engine.step()

    def kinds(self) -> list[str]:
        return [msgspec.json.decode(told.body)["type"] for told in self.sent]


@pytest.fixture
def rig(make_segment: Make, queue: WorkQueue, wake: Wake, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(make_segment, queue, wake, tmp_path)
    yield rig
    for end in rig.sockets:
        end.close()


def test_a_conclusive_emission_becomes_a_logged_event_at_once(rig: Rig) -> None:
    rig.publish()
    rig.result(0, 1, heard=True)
    rig.step()
    assert rig.kinds() == ["RF_CONTACT_NEW"]
    assert (rig.folder / "antsdr_scan.jsonl").read_bytes() == rig.sent[0].body + b"\n"
    assert [c.contact_id for c in rig.shared.contacts] == ["rf:5800000000"]
    assert rig.books.get("detections") == 1


def test_results_of_several_workers_are_taken_in_order(rig: Rig) -> None:
    rig.publish(3)
    rig.result(1, 2)
    rig.result(1, 3)
    rig.step()
    assert rig.books.get("analysed") == 0
    rig.result(0, 1)
    rig.step()
    assert rig.books.get("analysed") == 3


def test_a_dwell_that_never_comes_holds_nothing_up_and_is_counted(rig: Rig) -> None:
    rig.publish(2)
    rig.result(0, 2, heard=True)
    rig.step()
    assert rig.kinds() == []
    rig.step(HOLD_NS)
    assert rig.kinds() == ["RF_CONTACT_NEW"]
    rig.step(GRACE_NS)
    rig.step(GRACE_NS)
    assert (rig.shared.tally.published, rig.shared.tally.analysed, rig.shared.tally.lost) == (2, 1, 1)


def test_lost_by_time_though_no_dwell_arrives(rig: Rig) -> None:
    rig.publish()
    rig.result(0, 1, heard=True)
    rig.step()
    for _ in range(60):
        rig.step(NS_STEP)
    assert rig.kinds() == ["RF_CONTACT_NEW", "RF_CONTACT_LOST"]
    assert rig.shared.contacts == ()


def test_a_killed_front_goes_on_where_it_was(rig: Rig) -> None:
    rig.publish(4)
    rig.result(0, 1, heard=True)
    rig.step()
    rig.result(1, 3)  # held back for 2, never taken: the front is killed here
    rig.step()
    rig.begin()
    assert rig.books.get("analysed") == 1
    rig.result(0, 2, heard=True)
    rig.result(0, 4)
    rig.step()
    rig.step(HOLD_NS)
    assert rig.books.get("analysed") == 4
    assert rig.kinds().count("RF_CONTACT_NEW") == 1
    assert [told.seq for told in rig.sent] == list(range(1, len(rig.sent) + 1))


def test_a_front_killed_before_its_books_were_closed_counts_once(rig: Rig) -> None:
    rig.publish()
    rig.result(0, 1, heard=True)
    before = Ledger(rig.ledger).load()
    rig.step()
    Ledger(rig.ledger).commit(before or Books().to_bytes())  # logged and sent, but not committed
    rig.begin()
    rig.step()
    assert rig.books.get("analysed") == 1
    assert rig.kinds().count("RF_CONTACT_NEW") == 1


def test_results_beyond_the_ring_are_lost_and_counted(rig: Rig) -> None:
    rig.publish(6)
    for seq in range(1, 7):
        rig.result(0, seq)
    rig.step()
    rig.step(HOLD_NS)
    rig.step(GRACE_NS)
    rig.step(GRACE_NS)
    assert (rig.shared.tally.analysed, rig.shared.tally.lost) == (4, 2)


def test_reports_of_capture_are_taken_and_name_the_bands(rig: Rig) -> None:
    plan = PlanStatus("p", 5.7e9, 5.9e9, 1e6, [SpanStatus("Z", 5.7e9, 5.9e9)])
    status = CaptureStatus(DeviceStatus(connected=True), SweepStatus(active_plan="p", plan_id=3, plans=[plan]))
    rig.sockets[1].send(b"nonsense")
    Link(rig.sockets[1]).send(status)
    rig.publish()
    rig.result(0, 1, heard=True)
    rig.step()
    assert rig.shared.status == status
    assert msgspec.json.decode(rig.sent[0].body)["data"]["band"] == "Z"


def test_what_is_left_is_taken_in_at_the_end(rig: Rig) -> None:
    rig.publish(3)
    rig.result(0, 3)
    rig.engine.run(lambda: True)
    assert rig.books.get("analysed") == 1


NS_STEP = 10**9
