from __future__ import annotations

import select
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ndefender import records
from ndefender.errors import NdefenderError
from ndefender.ring.board import Board, board_spec
from ndefender.ring.queue import Wake, WorkQueue
from ndefender.ring.ring import RingReader, RingWriter
from ndefender.ring.segment import Segment, SegmentSpec
from ndefender.runtime.wiring import WorkerCount
from ndefender.runtime.worker import Worker, block_view

SAMPLES = 64
Make = Callable[[SegmentSpec], Segment]


class Bench:
    """A worker on its rings. `analyse` counts samples of value 1; `meanwhile` runs in the middle of it."""

    def __init__(self, make: Make, queue: WorkQueue, wake: Wake) -> None:
        iq = make(SegmentSpec("x", 4, records.BLOCK.itemsize + SAMPLES * 4))
        results = make(SegmentSpec("x", 4, records.RESULT.itemsize))
        self.row = Board(make(board_spec("x", 2))).row(0)
        self.capture, self.results, self.queue, self.wake = RingWriter(iq), RingReader(results), queue, wake
        self.meanwhile: Callable[[], None] = lambda: None
        self.worker = Worker(3, RingReader(iq), RingWriter(results), queue, wake, self.row, self)

    def analyse(self, iq: NDArray[np.int16], block: np.void, out: np.void) -> int:
        assert iq.shape == (int(block["n_samples"]), 2)
        assert self.row.get(WorkerCount.BUSY_SEQ) == int(block["seq"])
        if not len(iq):
            raise NdefenderError("too short")
        out["summary"]["n_frames"] = 7
        self.meanwhile()
        return int(np.count_nonzero(iq[:, 0] == 1))

    def publish(self, n_samples: int) -> int:
        block, samples = block_view(self.capture.reserve())
        block["seq"], block["n_samples"], block["flags"] = self.capture.newest() + 1, n_samples, records.BLOCK_SIMULATED
        samples[:] = 1
        seq = self.capture.publish()
        self.queue.put(seq)
        return seq

    def result(self, place: int) -> np.void:
        payload = self.results.read(place)
        assert payload is not None
        return payload.view(records.RESULT)[0]["summary"]


@pytest.fixture
def bench(make_segment: Make, queue: WorkQueue, wake: Wake) -> Bench:
    return Bench(make_segment, queue, wake)


def test_a_dwell_becomes_a_result_with_its_header(bench: Bench) -> None:
    seq = bench.publish(10)
    assert bench.worker.work(seq)
    summary = bench.result(1)
    assert summary["block"]["seq"] == seq
    assert summary["block"]["flags"] == records.BLOCK_SIMULATED
    assert (summary["n_emissions"], summary["worker"], summary["n_frames"]) == (10, 3, 7)
    assert summary["done_ns"] > 0
    assert select.select([bench.wake.fileno()], [], [], 0)[0]
    assert bench.row.get(WorkerCount.BUSY_SEQ) == 0


def test_a_dwell_overwritten_before_it_is_read_is_lost(bench: Bench) -> None:
    seq = bench.publish(10)
    for _ in range(4):
        bench.publish(10)
    assert not bench.worker.work(seq)
    assert bench.results.newest() == 0
    assert bench.row.get(WorkerCount.OVERRUN) == 1


def test_a_dwell_overwritten_while_it_is_analysed_gives_no_result(bench: Bench) -> None:
    seq = bench.publish(10)

    def overwrite() -> None:
        for _ in range(3):
            bench.publish(10)
        bench.capture.reserve()

    bench.meanwhile = overwrite
    assert not bench.worker.work(seq)
    assert bench.results.newest() == 0
    assert bench.row.get(WorkerCount.OVERRUN) == 1


def test_what_the_pipeline_does_not_take_is_an_empty_result(bench: Bench) -> None:
    assert bench.worker.work(bench.publish(0))
    summary = bench.result(1)
    assert (summary["n_emissions"], summary["n_frames"], summary["block"]["seq"]) == (0, 0, 1)


def test_works_off_the_queue_before_it_stops(bench: Bench) -> None:
    for _ in range(3):
        bench.publish(5)
    bench.worker.run(lambda: True)
    assert bench.results.newest() == 3
    assert bench.row.beat_ns > 0
    assert bench.row.get(WorkerCount.TAKEN) == 3
