"""Cuts boxes of a recording on the emission's own baseband: packets a microsecond apart stay two.

The envelope's time resolution is about one over the bandwidth, where the plane's is a frame.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import measure
from .baseband import Downconverter, decimation
from .bursts import frames_of, measure_span
from .segments import MAX_SEGMENTS, cut, smooth
from .spans import (
    B_KIND,
    B_ROW,
    B_ROW_END,
    BURST_BOX,
    BURST_COLUMNS,
    CONTINUOUS_BOX,
    HIGH,
    INTEGRATED_BOX,
    KIND,
    LOW,
    NOISE,
    POWER,
    START,
    STOP,
)
from .stft import ROW_FRAMES, Stft

WIDE_HZ = 4e6
WIDE_POINTS = 12  # Nyquist samples per envelope point: OFDM's own envelope then seldom leaves ±4 dB
NARROW_POINTS = 8  # narrow signals are of constant envelope
QUIET_SHARE = 0.01  # the quietest hundredth of an envelope is taken to be noise if that is lower than the plane's floor
MAX_POINTS = 1 << 22
LASTING = 0.9  # share of the block that makes a continuous emission


class Piece(NamedTuple):
    """One burst of an envelope.

    Args:
        start, stop: samples.
        power: of its middle, as a sum over bins of the plane.
    """

    start: float
    stop: float
    power: float


class FineCutter:
    """Turns boxes into bursts, slowly and exactly; owns scratch memory.

    Args:
        stft: of this pipeline.
        max_samples: longest block.
    """

    def __init__(self, stft: Stft, max_samples: int) -> None:
        points = min(max_samples, MAX_POINTS)
        self._stft = stft
        self._downconverter = Downconverter(points)
        self._power = np.zeros(max(points, stft.n_fft), dtype=np.float32)
        self._envelope = np.zeros(points, dtype=np.float32)
        self._on = np.zeros(points, dtype=np.uint8)
        self._scratch = np.zeros(512, dtype=np.float32)
        self._segments = np.zeros((MAX_SEGMENTS, 2))
        self._field = np.zeros(measure.FIELDS)

    def quiet_power(self, iq: NDArray[np.int16], n_samples: int) -> float:
        """Mean power in the quietest moments of a block: no noise floor lies above it.

        Args:
            iq: int16, shape (2·n,).
            n_samples: complex samples.
        Returns:
            Power per sample, which for white noise is the power per cell.
        """
        n = min(n_samples, len(self._power))
        x = iq[: 2 * n].astype(np.float32)
        np.add(x[0::2] ** 2, x[1::2] ** 2, out=self._power[:n])
        smooth(self._power, n, WIDE_POINTS | 1, self._envelope)
        return 2.0 * float(np.quantile(self._envelope[: n : max(1, n // 65536)], QUIET_SHARE))

    def bursts(
        self,
        iq: NDArray[np.int16],
        n_samples: int,
        rate_hz: float,
        floor: NDArray[np.float32],
        boxes: NDArray[np.int32],
        out: NDArray[np.float64],
    ) -> int:
        """Cut and measure all boxes.

        Args:
            iq: int16, shape (2·n,).
            n_samples: complex samples.
            rate_hz: sample rate.
            floor: float32, shape (columns,).
            boxes: int32, shape (n, BOX_COLUMNS).
            out: float64, shape (MAX_BURSTS, BURST_COLUMNS), written.
        Returns:
            Number of bursts.
        """
        count = 0
        for box in boxes:
            whole = np.zeros(BURST_COLUMNS)
            rows = int(box[B_ROW]), int(box[B_ROW_END])
            if count >= len(out) or not self._measure(floor, box, rows[0] * ROW_FRAMES, rows[1] * ROW_FRAMES, whole):
                continue
            pieces = [] if box[B_KIND] == INTEGRATED_BOX else self._cut(iq, n_samples, rate_hz, rows, whole)
            lasting = len(pieces) == 1 and pieces[0].stop - pieces[0].start > LASTING * n_samples
            if not pieces or (lasting and box[B_KIND] == CONTINUOUS_BOX):
                s = self._stft
                burst = box[B_KIND] == BURST_BOX
                whole[START] = s.row_start(rows[0], n_samples) if burst else 0.0
                whole[STOP] = s.row_start(rows[1] - 1, n_samples) + s.min_samples if burst else n_samples
                out[count] = whole
                count += 1
                continue
            for start, stop, power in pieces[: len(out) - count]:
                frames = frames_of(
                    start, stop, self._stft.n_fft, self._stft.hop, self._stft.rows(n_samples) * ROW_FRAMES
                )
                if self._measure(floor, box, *frames, out[count]):
                    out[count, START], out[count, STOP] = start, stop
                    if stop - start < 2 * self._stft.n_fft:  # frames hold part of it only, weighted by the window
                        out[count, POWER] = max(power, out[count, POWER])
                    out[count, KIND] = BURST_BOX if stop - start < LASTING * n_samples else box[B_KIND]
                    count += 1
        return count

    def _measure(
        self, floor: NDArray[np.float32], box: NDArray[np.int32], first: int, last: int, out: NDArray[np.float64]
    ) -> bool:
        return measure_span(self._stft.plane, self._stft.sum4, floor, box, first, last, self._power, self._field, out)

    def _cut(
        self, iq: NDArray[np.int16], n_samples: int, rate_hz: float, rows: tuple[int, int], whole: NDArray[np.float64]
    ) -> list[Piece]:
        s = self._stft
        margin = ROW_FRAMES * s.hop
        begin = max(0, s.row_start(rows[0], n_samples) - margin)
        end = min(n_samples, s.row_start(rows[1] - 1, n_samples) + s.min_samples + margin)
        low, high = float(whole[LOW]), float(whole[HIGH])
        bandwidth = max(high - low, 0.5) / s.n_fft * rate_hz
        step = decimation(rate_hz, bandwidth)
        x = self._downconverter.extract(iq, begin, end, (low + high) / 2 / s.n_fft - 0.5, step)
        n, origin = len(x), self._downconverter.origin
        if n < 2:
            return []
        np.square(np.abs(x), out=self._power[:n])
        points = WIDE_POINTS if bandwidth > WIDE_HZ else NARROW_POINTS
        length = max(3, round(points * rate_hz / step / bandwidth)) | 1
        noise = float(whole[NOISE]) / max(high - low, 1.0) / step
        smooth(self._power, n, length, self._envelope)
        stride = max(1, n // 4096)
        noise = min(noise, 2.0 * float(np.quantile(self._envelope[:n:stride], QUIET_SHARE)))
        quiet = noise * (1.0 + 6.0 / math.sqrt(points))
        count = cut(self._envelope, n, quiet, noise, length, self._on, self._scratch, self._segments)
        found = []
        for a, b in self._segments[:count].tolist():
            start = 0.0 if a <= 0 and begin == 0 else max(0.0, origin + a * step)
            stop = float(n_samples) if b >= n and end == n_samples else min(float(n_samples), origin + b * step)
            if stop > start:
                level = float(np.median(self._envelope[max(0, int(a)) : max(int(a) + 1, int(b))]))
                found.append(Piece(start, stop, s.n_fft * max(level - noise, 0.0)))
        return found
