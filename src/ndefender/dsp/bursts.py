"""Cuts a box into single bursts and times their edges.

Live dwells use the power plane's frames as envelope. Recordings (`fine`) use the emission's own baseband, whose time
resolution is about one over its bandwidth: packets a microsecond apart stay two.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .baseband import Downconverter, decimation
from .boxes import Box
from .measure import box_envelope
from .segments import MAX_SEGMENTS, cut, smooth
from .stft import ROW_FRAMES, Stft

INDEPENDENT_POINTS = 16  # values averaged per envelope point: OFDM's own envelope then stays within ±3 dB
FEW_POINTS = 8  # for narrow signals, whose envelope is constant
WIDE_HZ = 4e6
QUIET_SHARE = 0.01
FINE_CHUNK = 1 << 22  # baseband samples held at once


class BurstCutter:
    """Turns boxes into (start, stop) sample pairs; owns scratch memory.

    Args:
        stft: of this pipeline.
        max_samples: longest block.
        fine: use baseband envelopes.
    """

    def __init__(self, stft: Stft, max_samples: int, fine: bool) -> None:
        points = min(max_samples, FINE_CHUNK) if fine else stft.plane.shape[0]
        self._stft = stft
        self._fine = fine
        self._downconverter = Downconverter(points if fine else 1)
        self._power = np.zeros(points, dtype=np.float32)
        self._envelope = np.zeros(points, dtype=np.float32)
        self._on = np.zeros(points, dtype=np.uint8)
        self._scratch = np.zeros(512, dtype=np.float32)
        self._segments = np.zeros((MAX_SEGMENTS, 2))

    def cut(
        self, iq: NDArray[np.int16], n_samples: int, rate_hz: float, box: Box, low: int, high: int, noise_bin: float
    ) -> list[tuple[float, float]]:
        """Cut one box.

        Args:
            iq: int16, shape (2·n,).
            n_samples: complex samples of the block.
            rate_hz: sample rate.
            box: rows to look at.
            low, high: occupied bins.
            noise_bin: noise power per bin there.
        Returns:
            Start and end samples of each burst, in order; empty if nothing stands out.
        """
        s = self._stft
        margin = ROW_FRAMES * s.hop
        start = max(0, s.row_start(box.row, n_samples) - margin)
        stop = min(n_samples, s.row_start(box.row_end - 1, n_samples) + s.n_fft + (ROW_FRAMES - 1) * s.hop + margin)
        if self._fine:
            return self._cut_fine(iq, start, stop, rate_hz, low, high, noise_bin)
        return self._cut_frames(box, n_samples, low, high, noise_bin)

    def _cut_frames(self, box: Box, n_samples: int, low: int, high: int, noise_bin: float) -> list[tuple[float, float]]:
        s = self._stft
        first = max(0, (box.row - 1) * ROW_FRAMES)
        last = min(s.rows(n_samples) * ROW_FRAMES, (box.row_end + 1) * ROW_FRAMES)
        n = last - first
        box_envelope(s.plane, first, last, low, high, self._power)
        independent = max(1.0, (high - low) / 1.7)
        length = max(1, math.ceil(INDEPENDENT_POINTS / independent)) | 1
        noise = noise_bin * (high - low)
        to_sample = [s.hop, s.n_fft / 2 - s.hop / 2 + first * s.hop]
        return self._segment(n, length, independent * length, noise, to_sample[0], to_sample[1], n_samples)

    def _cut_fine(
        self, iq: NDArray[np.int16], start: int, stop: int, rate_hz: float, low: int, high: int, noise_bin: float
    ) -> list[tuple[float, float]]:
        n_fft = self._stft.n_fft
        bandwidth = (high - low) / n_fft * rate_hz
        step = decimation(rate_hz, bandwidth)
        offset = ((low + high) / 2 - n_fft / 2) / n_fft
        x = self._downconverter.extract(iq, start, stop, offset, step)
        n = len(x)
        np.square(np.abs(x), out=self._power[:n])
        per_point = rate_hz / step / bandwidth
        wanted = INDEPENDENT_POINTS if bandwidth > WIDE_HZ else FEW_POINTS
        length = max(3, round(wanted * per_point)) | 1
        noise = noise_bin * (1.0 if step == 1 else 0.95 / step)
        return self._segment(n, length, wanted, noise, step, start, len(iq) // 2)

    def _segment(
        self, n: int, length: int, independent: float, noise: float, step: float, origin: float, n_samples: int
    ) -> list[tuple[float, float]]:
        smooth(self._power, n, length, self._envelope)
        if self._fine and n >= 64:  # a channel that is hardly ever quiet hides its floor from the plane, not from here
            step_points = max(1, n // 4096)
            noise = min(noise, 2.0 * float(np.quantile(self._envelope[:n:step_points], QUIET_SHARE)))
        quiet = noise * (1.0 + 6.0 / math.sqrt(independent))
        count = cut(self._envelope, n, quiet, noise, length, self._on, self._scratch, self._segments)
        found = []
        for a, b in self._segments[:count]:
            start = 0.0 if a <= 0 and origin <= step else origin + a * step
            stop = float(n_samples) if b >= n and origin + n * step >= n_samples - step else origin + b * step
            if stop > start:
                found.append((max(0.0, start), min(float(n_samples), stop)))
        return found
