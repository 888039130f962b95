"""Main loop of an analysis worker: take a dwell, analyse it in place, check that it was whole, publish the result."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ndefender import records
from ndefender.errors import NdefenderError
from ndefender.ring.board import Row
from ndefender.ring.queue import Wake, WorkQueue
from ndefender.ring.ring import RingReader, RingWriter
from ndefender.runtime.wiring import WorkerCount

WAIT_S = 0.25  # longest wait for work; bounds the time to notice a request to stop

log = logging.getLogger(__name__)


class Analyser(Protocol):
    """What a worker needs of `dsp.pipeline.Pipeline`."""

    def analyse(self, iq: NDArray[np.int16], block: np.void, out: np.void) -> int:
        """Fill `out` (a `records.RESULT`); return the number of emissions."""
        ...


def block_view(payload: NDArray[np.uint8]) -> tuple[np.void, NDArray[np.int16]]:
    """Split a slot of the I/Q ring into its header and its samples (int16, shape (max_samples, 2)), in place."""
    header: NDArray[np.void] = payload[: records.BLOCK.itemsize].view(records.BLOCK)
    return header[0], payload[records.BLOCK.itemsize :].view(np.int16).reshape(-1, 2)


class Worker:
    """Analyses dwells one after the other.

    Args:
        index: its number, carried by its results.
        iq: ring of dwells.
        results: its own ring.
        queue: numbers of dwells to be analysed.
        wake: rung after every result.
        row: its row of the board.
        analyser: the pipeline.
    """

    def __init__(
        self,
        index: int,
        iq: RingReader,
        results: RingWriter,
        queue: WorkQueue,
        wake: Wake,
        row: Row,
        analyser: Analyser,
    ) -> None:
        self._index = index
        self._iq = iq
        self._results = results
        self._queue = queue
        self._wake = wake
        self._row = row
        self._analyser = analyser

    def run(self, stopping: Callable[[], bool]) -> None:
        """Work until asked to stop, then until the queue is empty."""
        self._row.counters[WorkerCount.BUSY_SEQ] = 0
        while True:
            self._row.beat_ns = time.monotonic_ns()
            ending = stopping()
            seq = self._queue.get(0 if ending else WAIT_S)
            if seq is not None:
                self.work(seq)
            elif ending:
                return

    def work(self, seq: int) -> bool:
        """Analyse one dwell.

        Returns:
            whether a result was published; otherwise the dwell was overwritten, and is lost.
        """
        counters = self._row.counters
        counters[WorkerCount.BUSY_SEQ] = seq
        self._row.add(WorkerCount.TAKEN)
        try:
            return self._analyse(seq)
        finally:
            counters[WorkerCount.BUSY_SEQ] = 0
            self._wake.ring()

    def _analyse(self, seq: int) -> bool:
        payload = self._iq.read(seq)
        if payload is None:
            self._row.add(WorkerCount.OVERRUN)
            return False
        block, samples = block_view(payload)
        n_samples = int(block["n_samples"])
        if n_samples > len(samples):  # being overwritten by something else: whole or nothing
            self._row.add(WorkerCount.OVERRUN)
            return False
        out = self._results.reserve().view(records.RESULT)[0]
        started_ns = time.monotonic_ns()
        n_emissions = self._analysed(samples[:n_samples], block, out)
        done_ns = time.monotonic_ns()
        summary = out["summary"]
        summary["block"] = block
        summary["n_emissions"] = n_emissions
        summary["worker"] = self._index
        summary["done_ns"] = done_ns
        summary["busy_ns"] = done_ns - started_ns
        self._row.add(WorkerCount.BUSY_NS, done_ns - started_ns)
        if not self._iq.holds(seq):
            self._row.add(WorkerCount.OVERRUN)
            return False
        self._results.publish()
        return True

    def _analysed(self, samples: NDArray[np.int16], block: np.void, out: np.void) -> int:
        """Analyse; a block that the pipeline does not take (the short end of a recording) has no emissions."""
        try:
            return self._analyser.analyse(samples, block, out)
        except NdefenderError as error:
            log.debug("dwell %d not analysed: %s", int(block["seq"]), error)
            out["summary"] = np.zeros((), records.SUMMARY)
            return 0
