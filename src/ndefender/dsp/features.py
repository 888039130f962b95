"""Which evidence an emission of a given shape can give, and collecting it into one record."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from . import evidence as ev
from .baseband import Downconverter, decimation
from .config import DspConfig

MIN_SAMPLES = 32  # fewer tell nothing
NARROW_HZ = 5e6  # frequency-shift keying is looked for below this
NARROW_SAMPLES = 1 << 14  # input samples a narrow burst's evidence may cost ...
NARROW_OUTPUTS = 400  # ... unless that leaves fewer of its own
WIDE_OUTPUTS = 1 << 14  # enough for a cyclic prefix of 7 % to stand seven deviations out
VIDEO_S = 14 * ev.PAL_LINE_S  # fourteen lines tell the line rate to a few hertz
VIDEO_HZ = 3e6  # analogue video above this
OFDM15_HZ = 1e6
OFDM312_HZ = 8e6
CONSTANT_CV = 0.36  # envelope of FM, FSK and LoRa down to about 10 dB SNR; OFDM and noise are at 0.52


class FeatureExtractor:
    """Computes the evidence of single emissions; owns scratch memory.

    Args:
        config: pipeline settings.
    """

    def __init__(self, config: DspConfig) -> None:
        self._downconverter = Downconverter(config.max_evidence_samples)
        self._scratch = np.zeros(config.max_evidence_samples, dtype=np.float32)
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
        x = self._downconverter.extract(iq, start, min(stop, start + 2048 * step), offset_ratio, step)
        return self._cv(x) if len(x) >= MIN_SAMPLES else 0.0

    def collect(
        self,
        iq: NDArray[np.int16],
        start: int,
        stop: int,
        rate_hz: float,
        offset_hz: float,
        bandwidth_hz: float,
        out: np.void,
    ) -> None:
        """Fill an EVIDENCE record.

        Args:
            iq: int16, shape (2·n,), interleaved.
            start, stop: first and end sample of the emission.
            rate_hz: sample rate.
            offset_hz: centre of the emission relative to the LO.
            bandwidth_hz: occupied bandwidth.
            out: EVIDENCE record; fields that do not apply stay 0.
        """
        step = decimation(rate_hz, bandwidth_hz)
        narrow = bandwidth_hz < NARROW_HZ
        if bandwidth_hz < VIDEO_HZ:
            budget = max(NARROW_SAMPLES, NARROW_OUTPUTS * step)
        else:
            budget = max(WIDE_OUTPUTS * step, round(VIDEO_S * rate_hz))
        x = self._downconverter.extract(iq, start, min(stop, start + budget), offset_hz / rate_hz, step)
        rate = rate_hz / step
        if len(x) < MIN_SAMPLES:
            return
        cv = self._cv(x)
        out["envelope_cv"] = cv
        seconds = len(x) / rate
        if narrow:
            lora = ev.nearest_lora(bandwidth_hz) if cv < CONSTANT_CV else 0.0
            spreading = ev.narrow_tests(x, rate, bandwidth_hz, lora, self._scratch, self._slope, self._frequency)
            out["fm_deviation_hz"], out["fm_bimodality"] = ev.two_level(self._frequency, rate)
            if spreading != 0:
                out["chirp_score"] = ev.dechirp(x, rate, lora, spreading)
        if bandwidth_hz > VIDEO_HZ and cv < CONSTANT_CV and seconds > 8 * ev.PAL_LINE_S:
            out["line_rate_hz"], out["line_score"] = ev.video_line(x, rate, self._scratch)
        if cv > 0.5 * CONSTANT_CV:
            if bandwidth_hz > OFDM15_HZ and seconds > 2.5 * ev.LTE_LAG_S:
                out["cp_15khz"] = ev.cyclic_prefix(x, rate, bandwidth_hz, ev.LTE_LAG_S)
            if bandwidth_hz > OFDM312_HZ:
                out["cp_312khz"] = ev.cyclic_prefix(x, rate, bandwidth_hz, ev.WIFI_LAG_S)
                out["cp_78khz"] = ev.cyclic_prefix(x, rate, bandwidth_hz, ev.WIFI_AX_LAG_S)

    def _cv(self, x: NDArray[np.complex64]) -> float:
        ev.envelope_moments(x, self._moments)
        m1, m2, _ = self._moments.tolist()
        return math.sqrt(max(0.0, m2 / (m1 * m1) - 1.0)) if m1 > 0 else 0.0
