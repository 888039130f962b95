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
from .narrow import MIN_SAMPLES, NarrowLooks
from .wide import STEADY_CV, Piece, WideLooks

NARROW_HZ = 3e6  # below this frequency-shift keying and chirps are looked for, above it video and OFDM
LOOK_OUTPUTS = 512  # enough to tell a constant envelope
REMOTE_LOW_HZ, REMOTE_HIGH_HZ = 0.9e6, 1.4e6  # six resource blocks of 15-kHz carriers
REMOTE_CV = 0.2  # such a burst is no constant envelope
CHIRP_S = 1.3e-3  # four symbols at 812 kHz and SF8, the slowest of ExpressLRS at 2.4 GHz
CHIRP_SYMBOLS = 1.25  # of slower ones at least as many, a whole one at any phase


class Budget(NamedTuple):
    """How many samples evidence may cost.

    Args:
        narrow_in: input samples of the look at a narrow burst ...
        narrow_out: ... unless that leaves fewer than this of its own.
        wide_in: input samples of a wide emission ...
        wide_out: ... unless that leaves fewer than this of its own.
    """

    narrow_in: int
    narrow_out: int
    wide_in: int
    wide_out: int


LIVE = Budget(1 << 13, 512, 1 << 15, 1 << 12)
FINE = Budget(1 << 16, 1024, 1 << 17, 1 << 14)


class Found(dict[str, float]):
    """Evidence by the names of `records.EVIDENCE_NAMES`; what was not looked for counts as 0."""

    def __missing__(self, _: str) -> float:
        return 0.0


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
        self._wide = WideLooks(self._downconverter, self._limit, self._budget.wide_in, self._budget.wide_out)

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
        snrs_db: NDArray[np.float64],
        lo_hz: float | None,
    ) -> list[Found]:
        """Measure the evidence that emissions of these shapes can give.

        Args:
            iq: int16, shape (2·n,), interleaved.
            spans: int64, shape (m, 2): first and end sample of each emission.
            rate_hz: sample rate.
            offsets_hz: float64, shape (m,): centre of each relative to the LO.
            bandwidths_hz: float64, shape (m,): occupied bandwidth.
            snrs_db: float64, shape (m,): in it.
            lo_hz: local oscillator, None where it is not known.
        Returns:
            For each emission what could be measured.
        """
        places = np.flatnonzero(bandwidths_hz < NARROW_HZ)
        looks = self._looks.take(iq, spans[places], rate_hz, offsets_hz[places], bandwidths_hz[places]).tolist()
        found = dict(zip(places.tolist(), looks, strict=True))
        out = []
        pairs = zip(spans.tolist(), offsets_hz.tolist(), bandwidths_hz.tolist(), snrs_db.tolist(), strict=True)
        for i, ((start, stop), offset_hz, width_hz, snr_db) in enumerate(pairs):
            look = found.get(i)
            center_hz = None if lo_hz is None else lo_hz + offset_hz
            piece = Piece(iq, start, stop, offset_hz / rate_hz, rate_hz, width_hz, snr_db, center_hz)
            if look is None:
                out.append(Found(self._wide.look(piece)))
            elif look[narrow.SPREADING] != 0:
                out.append(self._chirping(piece, look))
            else:
                out.append(self._narrow(piece, look))
        return out

    def _narrow(self, piece: Piece, look: list[float]) -> Found:
        """Add what a narrow emission can be that the short look does not tell: a part of a video carrier, a remote."""
        found = _found(look)
        cv = look[narrow.CV]
        if piece.lasting and 0.0 < cv < STEADY_CV:
            found |= self._wide.video(piece)
        elif cv > REMOTE_CV and REMOTE_LOW_HZ < piece.width_hz < REMOTE_HIGH_HZ:
            found |= self._wide.narrow_ofdm(piece)
        return found

    def _chirping(self, piece: Piece, look: list[float]) -> Found:
        step = decimation(piece.rate_hz, piece.width_hz)
        symbol_s = 2.0 ** abs(look[narrow.SPREADING]) / look[narrow.LORA_HZ]
        take = round(max(CHIRP_S, CHIRP_SYMBOLS * symbol_s) * piece.rate_hz)
        start = piece.start + max(0, piece.stop - piece.start - take) // 2
        stop = min(piece.stop, start + take)
        x = self._downconverter.extract(piece.iq, start, stop, piece.offset_ratio, step)
        score = ev.dechirp(x, piece.rate_hz / step, look[narrow.LORA_HZ], int(look[narrow.SPREADING]))
        return Found(_found(look), chirp_score=score)


def _found(look: list[float]) -> Found:
    """Name what a look measured."""
    if look[narrow.SAMPLES] < MIN_SAMPLES:
        return Found()
    return Found(
        envelope_cv=look[narrow.CV], fm_deviation_hz=look[narrow.DEVIATION], fm_bimodality=look[narrow.BIMODALITY]
    )
