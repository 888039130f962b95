"""The chain that throughput is measured of, the bare transform beside it, and a process that runs the chain."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

import dwells
import numpy as np
import pyfftw
from numpy.typing import NDArray

from ndefender.dsp import DspConfig, Pipeline
from ndefender.dsp.jit import kernel
from ndefender.dsp.window import blackman_harris
from ndefender.records import RESULT

BATCHES = (4, 8, 16, 64, 1 << 20)  # frames; the last means the whole dwell in one plan


class Chain:
    """The whole pipeline on one dwell after another, as a worker runs it."""

    def __init__(self, config: DspConfig) -> None:
        self._pipeline = Pipeline(config, dwells.N_SAMPLES)
        self._block = dwells.block()
        self._out: np.void = np.zeros(1, RESULT)[0]

    def run(self, iq: NDArray[np.int16], times: int) -> int:
        """Analyse the dwell `times` times; returns the number of emissions."""
        found = 0
        for _ in range(times):
            found = self._pipeline.analyse(iq, self._block, self._out)
        return found


@kernel
def window_frames(
    iq: NDArray[np.int16], start: int, hop: int, window2: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    """Multiply frames by the window: the least that stands between int16 and an FFT.

    Args:
        iq: int16, shape (2·n,), interleaved.
        start: first complex sample.
        hop: complex samples between frames.
        window2: float32, shape (2·n_fft,), every weight twice.
        out: float32, shape (frames, 2·n_fft).
    """
    width = window2.shape[0]
    for f in range(out.shape[0]):
        base = 2 * (start + f * hop)
        frame = iq[base : base + width]
        row = out[f]
        for i in range(width):
            row[i] = np.float32(frame[i]) * window2[i]


class Transform:
    """int16 → windowed complex64 → FFT of every frame of the dwell, and nothing else.

    Args:
        config: frame length and overlap.
        batch: frames that are transformed by one call; few stay in a core's cache, many save calls.
    """

    def __init__(self, config: DspConfig, batch: int) -> None:
        self._hop = config.hop_samples
        self._frames = (dwells.N_SAMPLES - config.n_fft) // self._hop + 1
        self.batch = min(batch, self._frames)
        self._input = pyfftw.zeros_aligned((self.batch, config.n_fft), dtype=np.complex64)
        output = pyfftw.zeros_aligned((self.batch, config.n_fft), dtype=np.complex64)
        flags = ("FFTW_MEASURE", "FFTW_DESTROY_INPUT")  # as the pipeline plans its own
        self._fft = pyfftw.FFTW(self._input, output, axes=(1,), flags=flags, threads=1)
        self._window2 = np.repeat(blackman_harris(config.n_fft), 2)

    def run(self, iq: NDArray[np.int16], times: int) -> None:
        """Transform the dwell `times` times."""
        flat, words, execute = iq.reshape(-1), self._input.view(np.float32), self._fft.execute
        for _ in range(times):
            for first in range(0, self._frames, self.batch):
                frame = min(first, self._frames - self.batch)  # the last batch is a full one, too
                window_frames(flat, frame * self._hop, self._hop, self._window2, words)
                execute()


def serve(link: Connection, barrier: Barrier, cpu: int, config: DspConfig) -> None:
    """Main of a process of its own: for every (busy, dwells, together) that arrives, run and answer (began, ended).

    Args:
        link: to the benchmark; None ends the process.
        barrier: passed before every run that is `together`.
        cpu: to be pinned to.
        config: of the pipeline.
    """
    os.sched_setaffinity(0, {cpu})
    chain, quiet, busy = Chain(config), dwells.quiet(), dwells.busy()
    for iq in (quiet, busy):
        chain.run(iq, 3)
    link.send("ready")
    while (order := link.recv()) is not None:
        is_busy, times, together = order
        if together:
            barrier.wait()
        began = time.monotonic()
        chain.run(busy if is_busy else quiet, times)
        link.send((began, time.monotonic()))
