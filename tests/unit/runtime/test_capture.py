from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from ndefender import records
from ndefender.config.settings import BandSettings
from ndefender.errors import EndOfRecording, SourceLost, SourceTimeout, SourceUnavailable, TuningRejected
from ndefender.radio.plan import Band, Hop, HopPlan
from ndefender.radio.source import BlockMeta, GainLimits, SourceInfo, Tuning
from ndefender.ring.board import Board, board_spec
from ndefender.ring.ledger import Ledger, ledger_spec
from ndefender.ring.queue import WorkQueue
from ndefender.ring.ring import RingReader, RingWriter
from ndefender.ring.segment import Segment, SegmentSpec
from ndefender.runtime.admission import Admission
from ndefender.runtime.capture import Capture, CaptureParts
from ndefender.runtime.capture_state import Desired
from ndefender.runtime.exits import EXIT_FINISHED
from ndefender.runtime.messages import CaptureCommand, CaptureStatus, CommandKind, Link
from ndefender.runtime.wiring import CaptureCount
from ndefender.runtime.worker import block_view

SAMPLES = 32
SLOTS = 6
Make = Callable[[SegmentSpec], Segment]
BANDS = [BandSettings("A", 100e6, 110e6), BandSettings("B", 200e6, 210e6)]


@dataclass
class Clock:
    now_ns: int = 10**9

    def __call__(self) -> int:
        self.now_ns += 1_000_000  # every look at the clock takes a millisecond
        return self.now_ns

    def sleep(self, duration_s: float) -> None:
        self.now_ns += round(duration_s * 1e9)


@dataclass
class FakeSource:
    """Plays a script of errors: `open` and `read` pop from their lists, None means success."""

    clock: Clock
    opens: list[Exception | None] = field(default_factory=list)
    reads: list[Exception | None] = field(default_factory=list)
    rejects: set[float] = field(default_factory=set)
    finite: bool = False
    tuned: list[Tuning] = field(default_factory=list)
    closed: int = 0
    opened: int = 0

    def open(self) -> SourceInfo:
        error = self.opens.pop(0) if self.opens else None
        if error:
            raise error
        self.opened += 1
        return SourceInfo("antsdr", "ip:x", "AntSDR", "7", 70e6, 6e9, 1e6, 61e6, 56e6, 2048.0, True, self.finite)

    def tune(self, tuning: Tuning) -> Tuning:
        if tuning.center_hz in self.rejects:
            raise TuningRejected("frequency", tuning.center_hz, 1.0)
        if self.finite:
            tuning = replace(tuning, center_hz=105e6, rate_hz=10e6, bandwidth_hz=10e6)
        self.tuned.append(tuning)
        return tuning

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        error = self.reads.pop(0) if self.reads else None
        if error:
            raise error
        out[:] = 5
        tuning = self.tuned[-1]
        return BlockMeta(0, len(out), self.clock(), 10, 20, tuning, 1, False, 1, last=self.finite and not self.reads)

    def gain_limits(self) -> GainLimits:
        return GainLimits(0.0, 70.0) if self.tuned[-1].center_hz < 150e6 else GainLimits(-10.0, 62.0)

    def temperature_c(self) -> float | None:
        return 41.5

    def close(self) -> None:
        self.closed += 1


def two_hops(plan_id: int, name: str, bands: Sequence[Band], info: SourceInfo) -> HopPlan:
    hops = tuple(
        Hop(i, i, b.start_hz + 5e6, b.start_hz, b.stop_hz, SAMPLES, 1, b.gain_db, "") for i, b in enumerate(bands)
    )
    return HopPlan(plan_id, name, 10e6, 8e6, tuple(bands), hops, (("C", "out of reach"),))


class Rig:
    """A capture loop and everything around it, in one process, on a clock of its own."""

    def __init__(self, make: Make, queue: WorkQueue) -> None:
        self.clock = Clock()
        self.source = FakeSource(self.clock)
        front, capture = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.front = Link(front)
        self.sockets = (front, capture)
        iq = make(SegmentSpec("x", SLOTS, records.BLOCK.itemsize + SAMPLES * 4))
        self.reader = RingReader(iq)
        self.queue = queue
        self.row = Board(make(board_spec("x", 2))).row(0)
        ledger = make(ledger_spec("x", 4096))
        self.parts = CaptureParts(
            make_source=lambda: self.source,
            planner=two_hops,
            ring=RingWriter(iq),
            queue=queue,
            row=self.row,
            link=Link(capture),
            ledger=Ledger(ledger),
            workers_ready=lambda: True,
            admission=Admission(SLOTS, 1),
            default=Desired(True, "main", {"main": BANDS, "other": BANDS[:1]}, "manual"),
            uri="ip:x",
            step_hz=8e6,
            slot_samples=SAMPLES,
            timeout_s=0.1,
            reopen_max_s=0.5,
            clock_ns=self.clock,
            pause=self.clock.sleep,
        )
        self.capture = Capture(self.parts)

    def turns(self, n: int) -> int:
        """Run the loop for n turns."""
        left = iter([False] * n)
        return self.capture.run(lambda: next(left, True))

    def until(self, condition: Callable[[], bool]) -> None:
        """Run the loop until something is true."""
        for _ in range(1000):
            if condition():
                return
            self.capture._obey()
            self.capture._report()
            self.capture._turn()
        raise AssertionError("never came true")

    def status(self) -> CaptureStatus:
        newest = None
        while (message := self.front.receive()) is not None:
            newest = msgspec.json.decode(message, type=CaptureStatus)
        assert newest is not None
        return newest

    def order(self, order: CommandKind, **args: object) -> str:
        command = CaptureCommand(f"id-{order}", order, args)
        assert self.front.send(command)
        return command.command_id

    def header(self, seq: int) -> np.void:
        payload = self.reader.read(seq)
        assert payload is not None
        return block_view(payload)[0]


@pytest.fixture
def rig(make_segment: Make, queue: WorkQueue) -> Iterator[Rig]:
    rig = Rig(make_segment, queue)
    yield rig
    for end in rig.sockets:
        end.close()


def test_sweeps_publish_dwells_with_their_headers(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 3)
    assert [rig.queue.get(0) for _ in range(3)] == [1, 2, 3]
    first, second, third = (rig.header(seq) for seq in (1, 2, 3))
    assert [h["center_hz"] for h in (first, second, third)] == [105e6, 205e6, 105e6]
    assert [h["hop_index"] for h in (first, second, third)] == [0, 1, 0]
    assert [h["sweep_index"] for h in (first, second, third)] == [0, 0, 1]
    assert [h["tuning_id"] for h in (first, second, third)] == [1, 2, 3]
    assert second["flags"] & records.BLOCK_SIMULATED
    assert (second["use_low_hz"], second["use_high_hz"], second["full_scale"]) == (200e6, 210e6, 2048.0)
    assert second["captured_ns"] >= second["host_ns"] > 0
    status = rig.status()
    assert status.device.connected
    assert status.device.simulated
    assert status.sweep.impossible == [("C", "out of reach")]


def test_one_hop_is_tuned_once(rig: Rig) -> None:
    rig.order("start", plan="other")
    rig.until(lambda: rig.reader.newest() == 3)
    assert len(rig.source.tuned) == 1


def test_stop_and_start(rig: Rig) -> None:
    stop = rig.order("stop")
    rig.turns(3)
    assert rig.reader.newest() == 0
    status = rig.status()
    assert (status.sweep.running, status.sweep.last_command_id) == (False, stop)
    rig.order("start")
    rig.until(lambda: rig.reader.newest() == 1)


def test_what_was_asked_for_survives_a_kill(rig: Rig) -> None:
    rig.order("stop")
    rig.order("gain", mode="slow_attack")
    rig.turns(1)
    again = Capture(rig.parts)
    assert (again.desired.running, again.desired.gain_mode) == (False, "slow_attack")


def test_gain_overrides_every_band(rig: Rig) -> None:
    gain = rig.order("gain", mode="manual", gain_db=12.0)
    rig.until(lambda: rig.reader.newest() == 2)
    assert {t.gain_db for t in rig.source.tuned} == {12.0}
    rig.capture.known.dirty = True
    rig.turns(1)
    assert rig.status().gain.last_command_id == gain


def test_gain_limits_common_to_all_bands_are_told(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 2)
    assert rig.capture.known.common == GainLimits(0.0, 62.0)


def test_a_radio_that_is_lost_is_reported_and_opened_again(rig: Rig) -> None:
    rig.source.reads = [None, SourceLost("cable pulled")]
    rig.source.opens = [None, SourceUnavailable("no route"), SourceUnavailable("no route")]
    rig.until(lambda: rig.capture.keeper.source is None and rig.reader.newest() == 1)
    rig.capture._report()
    status = rig.status()
    assert not status.device.connected
    assert status.device.last_error == "cable pulled"
    assert status.device.simulated  # what the radio said of itself does not change by its going away
    rig.until(lambda: rig.reader.newest() == 2)
    assert rig.header(2)["source_epoch"] == 2
    assert rig.row.get(CaptureCount.OPENED) == 2
    rig.capture._report()
    assert rig.status().device.last_error is None


def test_timeouts_are_counted_and_retried_at_the_same_hop_after_a_new_tuning(rig: Rig) -> None:
    rig.source.reads = [SourceTimeout("nothing")]
    rig.until(lambda: rig.reader.newest() == 1)
    assert rig.header(1)["hop_index"] == 0
    assert rig.row.get(CaptureCount.TIMEOUTS) == 1
    assert rig.source.opened == 1
    assert len(rig.source.tuned) == 2


def test_too_many_timeouts_in_a_row_are_a_loss(rig: Rig) -> None:
    rig.source.reads = [SourceTimeout("nothing"), SourceTimeout("nothing")]
    rig.until(lambda: rig.capture.keeper.source is None and rig.row.get(CaptureCount.TIMEOUTS) == 2)
    assert rig.source.closed == 1
    rig.until(lambda: rig.reader.newest() == 1)
    assert rig.source.opened == 2


def test_a_rejected_hop_is_skipped_and_said(rig: Rig) -> None:
    rig.source.rejects = {105e6}
    rig.until(lambda: rig.reader.newest() == 2)
    assert {float(rig.header(seq)["center_hz"]) for seq in (1, 2)} == {205e6}
    assert rig.row.get(CaptureCount.REJECTED) >= 1
    assert "hop 0 skipped" in (rig.capture.known.last_error or "")


def test_overload_drops_whole_dwells_and_counts_them(rig: Rig) -> None:
    close_at = Admission(SLOTS, 1).close_at
    rig.until(lambda: rig.row.get(CaptureCount.DROPPED) == 4)
    assert rig.reader.newest() == close_at
    while rig.queue.get(0) is not None:
        pass
    rig.until(lambda: rig.reader.newest() == close_at + 2)
    assert rig.header(close_at + 1)["dwells_lost_before"] == rig.row.get(CaptureCount.DROPPED)
    assert rig.header(close_at + 2)["dwells_lost_before"] == 0
    assert rig.reader.newest() + rig.row.get(CaptureCount.DROPPED) == rig.row.get(CaptureCount.BEGUN)


def test_the_end_of_a_recording_ends_the_loop(rig: Rig) -> None:
    rig.source.finite = True
    rig.source.reads = [None, None, None]
    assert rig.turns(100) == EXIT_FINISHED
    assert rig.reader.newest() == 3
    assert rig.header(3)["flags"] & records.BLOCK_LAST
    assert rig.status().finished


def test_an_end_without_a_last_block_ends_the_loop_too(rig: Rig) -> None:
    rig.source.reads = [None, EndOfRecording("over")]
    assert rig.turns(100) == EXIT_FINISHED
    assert rig.reader.newest() == 1


def test_reset_opens_the_radio_again(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 1)
    reset = rig.order("reset")
    rig.until(lambda: rig.source.opened == 2)
    rig.capture._report()
    assert rig.status().device.last_command_id == reset


def test_calibration_without_a_radio_that_has_one_is_said(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 1)
    rig.order("calibrate", kind="dc")
    rig.capture._obey()
    assert "no calibrations" in (rig.capture.known.last_error or "")
    assert rig.capture.desired.device_command_id is None


def test_a_new_plan_takes_effect_between_dwells(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 1)
    rig.order("plan", plans=msgspec.to_builtins({"new": [BandSettings("Z", 300e6, 310e6)]}), active="new")
    rig.until(lambda: rig.reader.newest() == 2)
    assert rig.header(2)["center_hz"] == 305e6
    assert rig.header(2)["plan_id"] == rig.header(1)["plan_id"] + 1


def test_nonsense_on_the_link_is_ignored(rig: Rig) -> None:
    rig.sockets[0].send(b"{}")
    rig.sockets[0].send(msgspec.json.encode(CaptureCommand("i", "start", {"plan": "nowhere"})))
    rig.until(lambda: rig.reader.newest() == 1)
    assert rig.capture.desired.plan == "main"


def test_waits_for_the_first_worker(rig: Rig) -> None:
    ready = iter([False, False, True])
    rig.capture = Capture(replace(rig.parts, workers_ready=lambda: next(ready)))
    rig.turns(3)
    assert rig.reader.newest() == 0
    rig.until(lambda: rig.reader.newest() == 1)
