"""Which tests a wide emission can pass, cheapest first; each only where what is known leaves its class open.

A constant envelope may be video or a magnetron; a rough one OFDM or chips. What one test decides spares the next.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import chips, prefix, sweep, video, zadoff
from . import evidence as ev
from .baseband import Downconverter, decimation
from .rules import inside

MIN_SAMPLES = 32
STEADY_CV = 0.47  # a constant envelope at 0 dB; noise and OFDM have 0.523, sqrt(4/pi - 1)
ROUGH_CV = 0.18  # below it there is no room for a second amplitude
ENVELOPE_OUTPUTS = 1 << 12  # the envelope's spread is then known to two per cent
CLEAR_DB = 14.0  # over it the measured band is the whole band
WIFI_LOW_HZ = 9e6  # half of a 20 MHz channel, the other faded ...
WIFI_PART_HZ = 3e6  # ... and the least part of a weak one that shows its prefix
CHIPS_BANDS = ((2400e6, 2500e6),)  # no other has 802.11b
CHIPS_LOW_HZ, CHIPS_HIGH_HZ = 4e6, 24e6  # occupied by 11 Mchip/s, whatever the filter; a part of it when weak
CHIPS_BAND_HZ = 18e6
HEAD_S = 210e-6  # long preamble and header of 802.11b
BLIND_LOW_HZ = 14e6  # narrower links that are no LTE are not known
BLIND_S = 0.3e-3
BLIND_PIECES = 4
DRONEID_LOW_HZ, DRONEID_HIGH_HZ = 7e6, 12e6
DRONEID_S = 0.9e-3  # a burst with what a frame adds to it
DRONEID_RATE_HZ = 15.36e6
PSS_BAND_HZ = 1.0e6
PSS_S = 5.2e-3
LTE_HIGH_HZ = 21e6
FOUND = 0.05  # of a prefix score: enough to spare the other tests
LASTING = 0.8  # of the block
VIDEO_LINES_LEAST = 9
VIDEO_LOW_HZ = 0.2e6
DOUBTFUL_LINE = 0.3
SWEEP_S = 1.0e-3
GAP_STEP_S = 25e-6
GAP_RATIO = 0.25


class Piece(NamedTuple):
    """Where an emission lies.

    Args:
        iq: int16, shape (2·n,), interleaved.
        start, stop: its first and end sample.
        offset_ratio: its centre relative to the LO, in units of the rate.
        rate_hz: of the samples.
        width_hz: occupied.
        snr_db: in that width.
        center_hz: absolute, or None where it is not known.
    """

    iq: NDArray[np.int16]
    start: int
    stop: int
    offset_ratio: float
    rate_hz: float
    width_hz: float
    snr_db: float
    center_hz: float | None

    @property
    def length_s(self) -> float:
        """Duration."""
        return (self.stop - self.start) / self.rate_hz

    @property
    def lasting(self) -> bool:
        """Whether it fills nearly the whole block."""
        return self.stop - self.start > LASTING * len(self.iq) / 2


class WideLooks:
    """Evidence of wide emissions; owns scratch memory.

    Args:
        downconverter: brings emissions to zero frequency.
        limit: output samples one look may cost.
        samples_in, samples_out: of the first look: input samples, unless that leaves fewer outputs than these.
    """

    def __init__(self, downconverter: Downconverter, limit: int, samples_in: int, samples_out: int) -> None:
        self._down = downconverter
        self._limit = limit
        self._samples_in, self._samples_out = samples_in, samples_out
        self._prefix = prefix.PrefixTester()
        self._scratch = np.zeros(limit, dtype=np.float32)

    def look(self, piece: Piece) -> dict[str, float]:
        """Measure what an emission wider than 3 MHz can be.

        Args:
            piece: where it lies.
        Returns:
            Evidence by the names of `records.EVIDENCE_NAMES`.
        """
        step = decimation(piece.rate_hz, piece.width_hz)
        x = self._middle(piece, max(self._samples_in, self._samples_out * step), step)
        if len(x) < MIN_SAMPLES:
            return {}
        cv = ev.envelope_cv(x[:ENVELOPE_OUTPUTS])
        out = {"envelope_cv": cv}
        if cv < STEADY_CV:
            out |= self._steady(piece)
            if out.get("line_score", 0.0) > DOUBTFUL_LINE or out.get("sweep_score", 0.0) > 0.5:
                return out
            x = self._middle(piece, max(self._samples_in, self._samples_out * step), step)
        if cv > ROUGH_CV:
            out |= self._rough(piece, x, piece.rate_hz / step)
        return out

    def video(self, piece: Piece) -> dict[str, float]:
        """Look for video around an emission, which may be only the strongest part of it.

        Args:
            piece: where it lies.
        """
        if piece.length_s < VIDEO_LINES_LEAST * video.PAL_LINE_S or piece.width_hz < VIDEO_LOW_HZ:
            return {}
        width_hz = max(video.SWING_HZ, min(piece.width_hz, 1.5 * video.SWING_HZ))
        step = decimation(piece.rate_hz, width_hz)
        rate = piece.rate_hz / step
        for lines in (video.FIRST_LOOK_LINES, video.LONG_LOOK_LINES):
            x = self._middle(piece, round(lines * video.PAL_LINE_S * piece.rate_hz), step)
            found = video.video_line(x, rate, self._scratch)
            if found.score > DOUBTFUL_LINE:
                break
        out = {"line_rate_hz": found.rate_hz, "line_score": found.score}
        return out

    def narrow_ofdm(self, piece: Piece) -> dict[str, float]:
        """Look for 15-kHz carriers in a narrow emission."""
        step = decimation(piece.rate_hz, piece.width_hz)
        x = self._middle(piece, self._limit * step, step)
        return {"cp_15khz": self._prefix.score(x, piece.rate_hz / step, piece.width_hz, prefix.LTE)}

    def _steady(self, piece: Piece) -> dict[str, float]:
        """Tests of a constant envelope."""
        out = self.video(piece)
        if out.get("line_score", 0.0) < DOUBTFUL_LINE and piece.length_s > SWEEP_S:
            out["sweep_score"] = self._sweep(piece).score
        return out

    def _sweep(self, piece: Piece) -> sweep.Sweep:
        step = decimation(piece.rate_hz, piece.width_hz)
        length = round(sweep.LOOK_S * piece.rate_hz)
        starts = np.linspace(piece.start, piece.stop - length, sweep.LOOKS + 2)[1:-1].astype(np.int64)
        looks = [self._cut(piece, int(at), int(at) + length, step).copy() for at in starts]
        times = ((starts - piece.start) / piece.rate_hz).tolist()
        return sweep.sweep(looks, times, piece.rate_hz / step, piece.width_hz)

    def _rough(self, piece: Piece, x: NDArray[np.complex64], rate_hz: float) -> dict[str, float]:
        """Tests of carriers and chips."""
        width = piece.width_hz
        score = self._prefix.score(x, rate_hz, width, prefix.LTE)
        out = {"cp_15khz": score}
        if score > FOUND:
            out["zc_score"] = self._synchronisation(piece)
            return out
        if width > (WIFI_LOW_HZ if piece.snr_db > CLEAR_DB else WIFI_PART_HZ):
            half = x[: max(len(x) // 2, ENVELOPE_OUTPUTS)]  # of short symbols there are enough
            out["cp_312khz"] = self._prefix.score(half, rate_hz, width, prefix.WIFI)
            if out["cp_312khz"] < FOUND:
                out["cp_78khz"] = self._prefix.score(half, rate_hz, width, prefix.WIFI_AX)
            if max(out["cp_312khz"], out.get("cp_78khz", 0.0)) > FOUND:
                return out
        if CHIPS_LOW_HZ < width < CHIPS_HIGH_HZ and inside(piece.center_hz, CHIPS_BANDS, 0.0) > 0.0:
            out["chip_score"] = self._chips(piece)
            if out["chip_score"] > FOUND:
                return out
        if width > BLIND_LOW_HZ and piece.length_s > BLIND_S:
            found = self._blind(piece)
            out["cp_other"] = found.score
            if found.score > 0.0:
                out["gap_ratio"] = self._gaps(piece)
        return out

    def _synchronisation(self, piece: Piece) -> float:
        """Zadoff-Chu symbols that DroneID or LTE would have here."""
        if DRONEID_LOW_HZ < piece.width_hz < DRONEID_HIGH_HZ and piece.length_s < DRONEID_S:
            step = max(1, round(piece.rate_hz / DRONEID_RATE_HZ))
            return zadoff.droneid_score(self._cut(piece, piece.start, piece.stop, step), piece.rate_hz / step)
        if piece.width_hz < LTE_HIGH_HZ and piece.lasting:
            step = decimation(piece.rate_hz, PSS_BAND_HZ)
            x = self._cut(piece, piece.start, min(piece.stop, piece.start + round(PSS_S * piece.rate_hz)), step)
            return zadoff.lte_score(x, piece.rate_hz / step)
        return 0.0

    def _chips(self, piece: Piece) -> float:
        step = decimation(piece.rate_hz, CHIPS_BAND_HZ)
        head = self._cut(piece, piece.start, piece.start + round(HEAD_S * piece.rate_hz), step)
        rate = piece.rate_hz / step
        score = chips.barker_score(chips.at_chip_rate(head, rate)) if len(head) > 1 else 0.0
        if score > FOUND:
            return score
        x = self._middle(piece, self._samples_in, step)
        return chips.cck_score(chips.at_chip_rate(x, rate)) if len(x) > 1 else 0.0

    def _blind(self, piece: Piece) -> prefix.Blind:
        step = decimation(piece.rate_hz, piece.width_hz)
        length = min(self._limit, (piece.stop - piece.start) // (BLIND_PIECES * step))
        length = 1 << (length.bit_length() - 1)
        starts = (piece.start + k * length * step for k in range((piece.stop - piece.start) // (length * step)))
        pieces = (self._cut(piece, at, at + length * step, step) for at in itertools.islice(starts, BLIND_PIECES))
        return self._prefix.blind(pieces, piece.rate_hz / step, piece.width_hz)

    def _gaps(self, piece: Piece) -> float:
        """Share of the emission's time in which it is silent."""
        step = decimation(piece.rate_hz, piece.width_hz)
        length = max(1, round(GAP_STEP_S * piece.rate_hz / step))
        powers: list[NDArray[np.float32]] = []
        for at in range(piece.start, piece.stop, self._limit * step):
            x = self._cut(piece, at, min(piece.stop, at + self._limit * step), step)
            rows = x[: len(x) // length * length].reshape(-1, length)
            powers.append(np.mean(rows.real**2 + rows.imag**2, axis=1))
        power = np.concatenate(powers)
        return float(np.mean(power < GAP_RATIO * np.median(power))) if len(power) else 0.0

    def _middle(self, piece: Piece, take: int, step: int) -> NDArray[np.complex64]:
        """Take samples from the middle of an emission: its edges are only known to a frame."""
        take = min(take, self._limit * step)
        start = piece.start + max(0, piece.stop - piece.start - take) // 2
        return self._cut(piece, start, min(piece.stop, start + take), step)

    def _cut(self, piece: Piece, start: int, stop: int, step: int) -> NDArray[np.complex64]:
        return self._down.extract(piece.iq, start, stop, piece.offset_ratio, step)
