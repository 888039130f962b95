"""A capture loop and everything around it, in one process, on a clock of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from ndefender import records
from ndefender.config.settings import BandSettings
from ndefender.errors import TuningRejected
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
from ndefender.runtime.messages import CaptureCommand, CaptureStatus, CommandKind, Link
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
        Hop(i, i, b.start_hz + 5e6, b.start_hz, b.stop_hz, b.start_hz, b.stop_hz, SAMPLES, 1, b.gain_db, "")
        for i, b in enumerate(bands)
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
