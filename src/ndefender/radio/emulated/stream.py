"""Blocks in time: when each fills, with which tuning, and its samples rendered as that time passes.

The order is iiod's: all blocks of an opened buffer are queued at once and fill one after another; a refill first
queues the block it took before, then waits for the oldest. So with several blocks, samples taken before a retune are
still delivered after it; with one block, filling begins only when it is asked for.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.emulated.context import Counters
from ndefender.radio.emulated.phy import Phy
from ndefender.radio.emulated.renderer import Renderer
from ndefender.units import NS_PER_S, to_db

MAX_CHUNK_SAMPLES = 32_768  # rendered and sent at once: 2 ms of a 60 MB/s link
MIN_CHUNK_SAMPLES = 16_384
LEVEL_STRIDE = 61  # every so many samples are looked at by the gain control
FULL_SCALE = 2048.0


def chunk_samples(rate_hz: int) -> int:
    """Return the chunk length whose duration is nearest to whole nanoseconds.

    Renderers take their time in nanoseconds, so a chunk that ends between two would shift the phase of every emitter
    at each boundary: half a nanosecond is five degrees at 28 MHz.
    """
    lengths = np.arange(MIN_CHUNK_SAMPLES, MAX_CHUNK_SAMPLES + 1)
    fractions = lengths * (NS_PER_S % rate_hz) % rate_hz / rate_hz
    return int(lengths[np.argmin(np.minimum(fractions, 1.0 - fractions))])


class Block:
    """One DMA block.

    Args:
        samples: int16, shape (n, channels).
    """

    def __init__(self, samples: NDArray[np.int16]) -> None:
        self.samples = samples
        self.rate_hz = 0
        self.start_ns = 0
        self.end_ns = 0
        self.rendered: list[int] = []  # monotonic ns at which each chunk was ready

    def time_ns(self, sample: int) -> int:
        """Return when that sample was taken."""
        return self.start_ns + round(sample * NS_PER_S / self.rate_hz)


class Stream:
    """An opened buffer of the receive device.

    Args:
        phy: settings over time.
        renderer: makes the samples.
        counters: overruns are counted there.
        n_samples: samples of a block.
        channels: scan indices that are enabled; even ones are I, odd ones Q, both antennas hear the same.
        n_blocks: kernel buffers.
    """

    def __init__(
        self, phy: Phy, renderer: Renderer, counters: Counters, n_samples: int, channels: list[int], n_blocks: int
    ) -> None:
        self.channels = channels
        self.sample_bytes = 2 * len(channels)
        self.chunk_samples = min(chunk_samples(phy.state.rate_hz), n_samples)
        self._phy = phy
        self._renderer = renderer
        self._counters = counters
        self._change = threading.Condition()
        self._filling: deque[Block] = deque()  # to be rendered, in the order of their time
        self._queued: deque[Block] = deque()  # to be dequeued, same order
        self._taken: Block | None = None
        self._dma_free_ns = 0
        self._closed = False
        self._scratch = np.empty((0 if channels == [0, 1] else MAX_CHUNK_SAMPLES, 2), np.int16)
        for _ in range(n_blocks):
            self._enqueue(Block(np.empty((n_samples, len(channels)), np.int16)))
        self._thread = threading.Thread(target=self._run, name="emulated-render", daemon=True)
        self._thread.start()

    def refill(self, timeout_s: float) -> Block | None:
        """Queue the block taken before, wait until the oldest one is full, take it.

        Returns:
            The block, or None when it was not full in time or the stream was closed. Its last chunks may still be
            rendering: see `wait_rendered`.
        """
        deadline_ns = time.monotonic_ns() + round(timeout_s * NS_PER_S)
        with self._change:
            if self._taken is not None:
                self._enqueue(self._taken)
                self._taken = None
            block = self._queued[0]
            self._wait_until(min(block.end_ns, deadline_ns))
            if self._closed or block.end_ns > deadline_ns:
                return None
            self._taken = self._queued.popleft()
            return self._taken

    def wait_rendered(self, block: Block, chunk: int) -> int | None:
        """Wait for a chunk's samples; returns when they were ready (monotonic ns), None after a close."""
        with self._change:
            while len(block.rendered) <= chunk and not self._closed:
                self._change.wait()
            return None if self._closed else block.rendered[chunk]

    def close(self) -> None:
        """Stop rendering; nothing can be read any more."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        self._thread.join()

    def _enqueue(self, block: Block) -> None:
        now_ns = time.monotonic_ns()
        block.rate_hz = self._phy.state.rate_hz
        block.start_ns = max(now_ns, self._dma_free_ns)
        block.end_ns = block.time_ns(len(block.samples))
        block.rendered.clear()
        if self._dma_free_ns and now_ns > self._dma_free_ns:
            self._counters.overruns += 1
        self._dma_free_ns = block.end_ns
        with self._change:
            self._filling.append(block)
            self._queued.append(block)
            self._change.notify_all()

    def _wait_until(self, deadline_ns: int) -> None:
        """Wait with the lock held until that time or a close."""
        while not self._closed and (rest_ns := deadline_ns - time.monotonic_ns()) > 0:
            self._change.wait(rest_ns / NS_PER_S)

    def _run(self) -> None:
        try:
            self._render_all()
        finally:  # a renderer that fails must not leave a client waiting
            with self._change:
                self._closed = True
                self._change.notify_all()

    def _render_all(self) -> None:
        while (block := self._next_block()) is not None:
            for first in range(0, len(block.samples), self.chunk_samples):
                last = min(first + self.chunk_samples, len(block.samples))
                with self._change:
                    self._wait_until(block.time_ns(last))  # only then is its tuning known
                    if self._closed:
                        return
                self._render_chunk(block, first, last)
                with self._change:
                    block.rendered.append(time.monotonic_ns())
                    self._change.notify_all()

    def _next_block(self) -> Block | None:
        with self._change:
            while not self._filling and not self._closed:
                self._change.wait()
            return None if self._closed else self._filling.popleft()

    def _render_chunk(self, block: Block, first: int, last: int) -> None:
        """Render samples [first, last) piecewise by the settings that were in force."""
        iq = block.samples[first:last] if self.channels == [0, 1] else self._scratch[: last - first]
        start_ns = block.time_ns(first)
        parts = self._phy.segments(start_ns, block.time_ns(last))
        edges = [math.ceil((since_ns - start_ns) * block.rate_hz / NS_PER_S) for since_ns, _ in parts] + [last - first]
        for (_, state), (begin, stop) in zip(parts, itertools.pairwise(edges), strict=True):
            if begin < stop:
                self._renderer.render(
                    block.time_ns(first + begin) - self._phy.epoch_ns,
                    float(state.center_hz),
                    float(block.rate_hz),
                    float(state.bandwidth_hz),
                    float(state.gain_db),
                    iq[begin:stop],
                )
        if self._phy.mode != "manual":
            self._phy.follow_level(_level_dbfs(iq[::LEVEL_STRIDE]))
        if self.channels != [0, 1]:
            for column, channel in enumerate(self.channels):
                block.samples[first:last, column] = iq[:, channel % 2]


def _level_dbfs(iq: NDArray[np.int16]) -> float:
    """Return the mean power of some samples, dB of full scale."""
    return to_db(float(np.mean(np.square(iq.astype(np.float32)))) * 2.0 / FULL_SCALE**2)


def budget_ok(n_samples: int, n_channels: int, n_blocks: int, limit_bytes: int) -> bool:
    """Say whether buffers of that shape fit the memory the emulated board has for them."""
    return n_samples > 0 and n_samples * n_channels * 2 * n_blocks <= limit_bytes
