"""Emissions of a recording as one JSON object each, joined where the edge of an analysis block cut them."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from ndefender.records import EMISSION_CUT_END, EMISSION_CUT_START, EVIDENCE_NAMES
from ndefender.taxonomy import CLASSES

SAME_BAND = 0.5  # common part of two bands, of the wider, that makes them one emission
SAME_LEVEL_DB = 6.0


class JoinedEmission(msgspec.Struct):
    """One emission of a recording.

    Args:
        start_s, duration_s: from the recording's first sample.
        center_hz, bandwidth_hz: centre (an offset where the recording has none) and occupied bandwidth.
        snr_db, peak_db, noise_floor_db: mean in-band SNR; highest cell and floor per bin, dB of full scale.
        confidence: probability that there is an emission.
        class_path, classification_confidence: its name.
        evidence: the numbers behind the name, only those that were measured.
    """

    start_s: float
    duration_s: float
    center_hz: float
    bandwidth_hz: float
    snr_db: float
    peak_db: float
    noise_floor_db: float
    confidence: float
    class_path: list[str]
    classification_confidence: float
    evidence: dict[str, float]


def described(row: np.void, start_s: float) -> JoinedEmission:
    """Put an EMISSION record into plain numbers; `start_s` is its block's place in the recording."""
    evidence = {name: round(float(row["evidence"][name]), 6) for name in EVIDENCE_NAMES}
    return JoinedEmission(
        start_s=round(start_s + float(row["start_s"]), 9),
        duration_s=round(float(row["duration_s"]), 9),
        center_hz=round(float(row["center_hz"]), 1),
        bandwidth_hz=round(float(row["bandwidth_hz"]), 1),
        snr_db=round(float(row["snr_db"]), 2),
        peak_db=round(float(row["peak_db"]), 2),
        noise_floor_db=round(float(row["noise_floor_db"]), 2),
        confidence=round(float(row["confidence"]), 6),
        class_path=list(CLASSES[int(row["class_id"])].path),
        classification_confidence=round(float(row["classification_confidence"]), 4),
        evidence={name: value for name, value in evidence.items() if value != 0.0 and math.isfinite(value)},
    )


class EmissionJoiner:
    """Holds emissions that were still on at the end of a block until the next block tells how they go on."""

    def __init__(self) -> None:
        self._open: list[JoinedEmission] = []

    def take(self, rows: NDArray[np.void], start_s: float, contiguous: bool) -> list[JoinedEmission]:
        """Take a block's emissions; return those that are complete, in order of their start.

        Args:
            rows: EMISSION, shape (n,).
            start_s: place of the block in the recording.
            contiguous: no sample is missing before the block.
        """
        waiting, self._open = self._open, []
        done: list[JoinedEmission] = []
        for row in sorted(rows, key=lambda r: float(r["start_s"])):
            emission = described(row, start_s)
            if contiguous and int(row["flags"]) & EMISSION_CUT_START:
                partner = next((w for w in waiting if continues(w, emission)), None)
                if partner is not None:
                    waiting.remove(partner)
                    emission = joined(partner, emission)
            (self._open if int(row["flags"]) & EMISSION_CUT_END else done).append(emission)
        return sorted(waiting + done, key=lambda e: e.start_s)

    def rest(self) -> list[JoinedEmission]:
        """What was still on when the recording ended."""
        rest, self._open = self._open, []
        return sorted(rest, key=lambda e: e.start_s)


def continues(before: JoinedEmission, after: JoinedEmission) -> bool:
    """Whether `after` is the same emission in the next block."""
    low = max(before.center_hz - before.bandwidth_hz / 2, after.center_hz - after.bandwidth_hz / 2)
    high = min(before.center_hz + before.bandwidth_hz / 2, after.center_hz + after.bandwidth_hz / 2)
    alike = abs(before.snr_db - after.snr_db) < SAME_LEVEL_DB
    return alike and high - low > SAME_BAND * max(before.bandwidth_hz, after.bandwidth_hz)


def joined(before: JoinedEmission, after: JoinedEmission) -> JoinedEmission:
    """One emission of two parts: numbers weighed by length, name and evidence of the part that is surer."""
    surer = before if before.classification_confidence >= after.classification_confidence else after
    weight = before.duration_s / max(before.duration_s + after.duration_s, 1e-12)

    def mixed(name: str) -> float:
        return weight * float(getattr(before, name)) + (1 - weight) * float(getattr(after, name))

    return msgspec.structs.replace(
        surer,
        start_s=before.start_s,
        duration_s=round(after.start_s + after.duration_s - before.start_s, 9),
        center_hz=round(mixed("center_hz"), 1),
        bandwidth_hz=round(mixed("bandwidth_hz"), 1),
        snr_db=round(mixed("snr_db"), 2),
        peak_db=max(before.peak_db, after.peak_db),
        noise_floor_db=round(mixed("noise_floor_db"), 2),
        confidence=max(before.confidence, after.confidence),
    )
