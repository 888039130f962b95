"""Which evidence an emission of a given shape can give, and collecting it into one record.

A short look at every emission, a longer one only where the look says that it could decide something: a constant
envelope may be video or LoRa, and only for those are milliseconds worth their cost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..records import MAX_EMISSIONS
from . import evidence as ev
from . import narrow
from .baseband import Downconverter, decimation
from .config import DspConfig
from .narrow import CONSTANT_CV, ENVELOPE_OUTPUTS, MIN_SAMPLES, NarrowLooks

NARROW_HZ = 3e6  # below this frequency-shift keying and chirps are looked for, above it video and OFDM
OFDM312_HZ = 8e6
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


class Found(dict[str, float]):
    """Evidence by the names of `records.EVIDENCE_NAMES`; what was not looked for counts as 0."""

    def __missing__(self, _: str) -> float:
        return 0.0


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
        self._looks = NarrowLooks(self._downconverter, self._budget.narrow_in, self._budget.narrow_out, MAX_EMISSIONS)
        self._scratch = np.zeros(self._limit, dtype=np.float32)

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
        return ev.envelope_cv(x) if len(x) >= MIN_SAMPLES else 0.0

    def collect(
        self,
        iq: NDArray[np.int16],
        spans: NDArray[np.int64],
        rate_hz: float,
        offsets_hz: NDArray[np.float64],
        bandwidths_hz: NDArray[np.float64],
    ) -> list[Found]:
        """Measure the evidence that emissions of these shapes can give.

        Args:
            iq: int16, shape (2·n,), interleaved.
            spans: int64, shape (m, 2): first and end sample of each emission.
            rate_hz: sample rate.
            offsets_hz: float64, shape (m,): centre of each relative to the LO.
            bandwidths_hz: float64, shape (m,): occupied bandwidth.
        Returns:
            For each emission what could be measured.
        """
        places = np.flatnonzero(bandwidths_hz < NARROW_HZ)
        looks = self._looks.take(iq, spans[places], rate_hz, offsets_hz[places], bandwidths_hz[places]).tolist()
        found = dict(zip(places.tolist(), looks, strict=True))
        out = []
        pairs = zip(spans.tolist(), offsets_hz.tolist(), bandwidths_hz.tolist(), strict=True)
        for i, ((start, stop), offset_hz, width_hz) in enumerate(pairs):
            look = found.get(i)
            if look is not None and look[narrow.SPREADING] == 0:
                out.append(_found(look))
                continue
            step = decimation(rate_hz, width_hz)
            piece = Piece(iq, start, stop, offset_hz / rate_hz, step, rate_hz / step)
            out.append(self._wide(piece, width_hz) if look is None else self._chirping(piece, look))
        return out

    def _samples(self, piece: Piece, take: int) -> NDArray[np.complex64]:
        """Take samples from the middle of an emission: its edges are only known to a frame."""
        start = piece.start + max(0, piece.stop - piece.start - take) // 2
        stop = min(piece.stop, start + take)
        return self._downconverter.extract(piece.iq, start, stop, piece.offset_ratio, piece.step)

    def _chirping(self, piece: Piece, look: list[float]) -> Found:
        x = self._samples(piece, round(CHIRP_S * piece.rate_hz * piece.step))
        score = ev.dechirp(x, piece.rate_hz, look[narrow.LORA_HZ], int(look[narrow.SPREADING]))
        return Found(_found(look), chirp_score=score)

    def _wide(self, piece: Piece, width_hz: float) -> Found:
        rate = piece.rate_hz
        take = max(self._budget.wide_in, self._budget.wide_out * piece.step)
        x = self._samples(piece, take)
        if len(x) < MIN_SAMPLES:
            return Found()
        cv = ev.envelope_cv(x[:ENVELOPE_OUTPUTS])
        out = Found(envelope_cv=cv)
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


def _found(look: list[float]) -> Found:
    """Name what a look measured."""
    if look[narrow.SAMPLES] < MIN_SAMPLES:
        return Found()
    found = Found(
        envelope_cv=look[narrow.CV], fm_deviation_hz=look[narrow.DEVIATION], fm_bimodality=look[narrow.BIMODALITY]
    )
    if look[narrow.CP15] >= 0.0:
        found["cp_15khz"] = look[narrow.CP15]
    return found
