"""Which evidence an emission of a given shape can give, and collecting it into one record.

A short look at every emission, a longer one only where the look says that it could decide something: a constant
envelope may be video or LoRa, and only for those are milliseconds worth their cost.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import evidence as ev
from .baseband import Downconverter, decimation
from .config import DspConfig

MIN_SAMPLES = 32  # fewer tell nothing
NARROW_HZ = 3e6  # below this frequency-shift keying and chirps are looked for, above it video and OFDM
OFDM15_HZ = 1e6  # narrowest OFDM of 15-kHz subcarriers worth a test (LTE at 1.4 MHz)
OFDM312_HZ = 8e6
CONSTANT_CV = 0.36  # envelope of FM, FSK and LoRa down to about 10 dB SNR; OFDM and noise are at 0.52
ENVELOPE_OUTPUTS = 1 << 12  # the envelope's spread is then known to two per cent
LOOK_OUTPUTS = 512  # enough to tell a constant envelope
DOUBTFUL_LOW, DOUBTFUL_HIGH = 0.008, 0.045  # a prefix of 7 % reads 0.04 … 0.07, none reads below 0.02
DEEPER = 4  # times as many samples decide
VIDEO_S = 14 * ev.PAL_LINE_S  # fourteen lines tell the line rate to a few hertz
CHIRP_S = 1.3e-3  # four symbols at 812 kHz and SF8, the slowest of ExpressLRS at 2.4 GHz


class Budget(NamedTuple):
    """How many samples evidence may cost.

    Args:
        narrow_in: input samples of the look at a narrow burst ...
        narrow_out: ... unless that leaves fewer than this of its own.
        wide_in: input samples of an OFDM candidate; a prefix of 7 % then stands four deviations out.
        wide_out: ... unless that leaves fewer than this of its own.
    """

    narrow_in: int
    narrow_out: int
    wide_in: int
    wide_out: int


LIVE = Budget(1 << 13, 160, 1 << 14, 1 << 12)
FINE = Budget(1 << 16, 1024, 1 << 17, 1 << 14)


class Piece(NamedTuple):
    """Where an emission lies.

    Args:
        iq: int16, shape (2·n,), interleaved.
        start, stop: its first and end sample.
        offset_ratio: its centre relative to the LO, in units of the rate.
        step: decimation that suits it.
        rate_hz: rate after that.
    """

    iq: NDArray[np.int16]
    start: int
    stop: int
    offset_ratio: float
    step: int
    rate_hz: float


class FeatureExtractor:
    """Computes the evidence of single emissions; owns scratch memory.

    Args:
        config: pipeline settings.
    """

    def __init__(self, config: DspConfig) -> None:
        self._budget = FINE if config.fine else LIVE
        self._limit = config.max_evidence_samples
        self._downconverter = Downconverter(self._limit)
        self._scratch = np.zeros(self._limit, dtype=np.float32)
        self._moments = np.zeros(3)
        self._frequency = np.zeros(5)
        self._slope = np.zeros(2)

    def envelope_cv(
        self, iq: NDArray[np.int16], start: int, stop: int, offset_ratio: float, width_ratio: float
    ) -> float:
        """Standard deviation over mean of an emission's envelope, on a short piece of it.

        Args:
            iq: int16, shape (2·n,), interleaved.
            start, stop: samples.
            offset_ratio: centre relative to the LO, in units of the rate.
            width_ratio: bandwidth in units of the rate.
        """
        step = decimation(1.0, width_ratio)
        x = self._downconverter.extract(iq, start, min(stop, start + LOOK_OUTPUTS * step), offset_ratio, step)
        return self._cv(x) if len(x) >= MIN_SAMPLES else 0.0

    def collect(
        self,
        iq: NDArray[np.int16],
        start: int,
        stop: int,
        rate_hz: float,
        offset_hz: float,
        bandwidth_hz: float,
    ) -> dict[str, float]:
        """Measure the evidence that an emission of this shape can give.

        Args:
            iq: int16, shape (2·n,), interleaved.
            start, stop: first and end sample of the emission.
            rate_hz: sample rate.
            offset_hz: centre of the emission relative to the LO.
            bandwidth_hz: occupied bandwidth.
        Returns:
            Values by the names of `records.EVIDENCE_NAMES`; what does not apply is left out.
        """
        step = decimation(rate_hz, bandwidth_hz)
        piece = Piece(iq, start, stop, offset_hz / rate_hz, step, rate_hz / step)
        return (self._narrow if bandwidth_hz < NARROW_HZ else self._wide)(piece, bandwidth_hz)

    def _samples(self, piece: Piece, take: int) -> NDArray[np.complex64]:
        """Take samples from the middle of an emission: its edges are only known to a frame."""
        start = piece.start + max(0, piece.stop - piece.start - take) // 2
        stop = min(piece.stop, start + take)
        return self._downconverter.extract(piece.iq, start, stop, piece.offset_ratio, piece.step)

    def _narrow(self, piece: Piece, width_hz: float) -> dict[str, float]:
        rate = piece.rate_hz
        x = self._samples(piece, max(self._budget.narrow_in, self._budget.narrow_out * piece.step))
        if len(x) < MIN_SAMPLES:
            return {}
        cv = self._cv(x)
        lora = ev.nearest_lora(width_hz) if cv < CONSTANT_CV else 0.0
        spreading = ev.narrow_tests(x, rate, width_hz, lora, self._scratch, self._slope, self._frequency)
        out = {"envelope_cv": cv}
        out["fm_deviation_hz"], out["fm_bimodality"] = ev.two_level(self._frequency, rate)
        if spreading != 0:
            chirps = self._samples(piece, round(CHIRP_S * rate * piece.step))
            out["chirp_score"] = ev.dechirp(chirps, rate, lora, spreading)
        elif cv > CONSTANT_CV and width_hz > OFDM15_HZ:
            out["cp_15khz"] = ev.cyclic_prefix(x, rate, width_hz, ev.LTE_LAG_S)
        return out

    def _wide(self, piece: Piece, width_hz: float) -> dict[str, float]:
        rate = piece.rate_hz
        take = max(self._budget.wide_in, self._budget.wide_out * piece.step)
        x = self._samples(piece, take)
        if len(x) < MIN_SAMPLES:
            return {}
        cv = self._cv(x)
        out = {"envelope_cv": cv}
        if cv < CONSTANT_CV:
            x = self._samples(piece, min(self._limit * piece.step, round(VIDEO_S * rate * piece.step)))
            if len(x) / rate > 8 * ev.PAL_LINE_S:
                out["line_rate_hz"], out["line_score"] = ev.video_line(x, rate, self._scratch)
        if cv > 0.5 * CONSTANT_CV:
            out["cp_15khz"] = ev.cyclic_prefix(x, rate, width_hz, ev.LTE_LAG_S)
            if DOUBTFUL_LOW < out["cp_15khz"] < DOUBTFUL_HIGH:
                more = self._samples(piece, DEEPER * take)
                out["cp_15khz"] = ev.cyclic_prefix(more, rate, width_hz, ev.LTE_LAG_S)
                x = more[: len(x)]
            if width_hz > OFDM312_HZ:
                x = x[: max(len(x) // 2, 1 << 12)]  # 802.11's prefixes are a fifth of a symbol: less will do
                out["cp_312khz"] = ev.cyclic_prefix(x, rate, width_hz, ev.WIFI_LAG_S)
                out["cp_78khz"] = ev.cyclic_prefix(x, rate, width_hz, ev.WIFI_AX_LAG_S)
        return out

    def _cv(self, x: NDArray[np.complex64]) -> float:
        ev.envelope_moments(x[:ENVELOPE_OUTPUTS], self._moments)
        m1, m2, _ = self._moments.tolist()
        return math.sqrt(max(0.0, m2 / (m1 * m1) - 1.0)) if m1 > 0 else 0.0
