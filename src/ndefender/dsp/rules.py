"""What a rule of the classifier is made of: what it may look at, soft conditions, band priors.

A rule's score is the product of soft conditions, each 0..1, capped by what that kind of evidence is worth. Bands are
priors: they cap a score, they never make one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

ANY = float("inf")
ISM_2G4 = ((2400e6, 2483.5e6),)
ISM_SUB_GHZ = ((433.05e6, 434.79e6), (863e6, 870e6), (902e6, 928e6))


class Shape(NamedTuple):
    """What a rule may look at.

    Args:
        center_hz: absolute centre, or None for a recording without one.
        bandwidth_hz, duration_s, snr_db: as measured.
        bin_hz: resolution.
        continuous: on for the whole block.
        pulsed: on-off keyed.
        evidence: by the names of `records.EVIDENCE_NAMES`.
    """

    center_hz: float | None
    bandwidth_hz: float
    duration_s: float
    snr_db: float
    bin_hz: float
    continuous: bool
    pulsed: bool
    evidence: Mapping[str, float]


class Rule(NamedTuple):
    """One row: a class path, the cheap conditions that let the rule be looked at, and its score.

    Args:
        path: class path.
        low_hz, high_hz: bandwidths it may have.
        needs: evidence field that must exceed `at_least`; empty for none.
        at_least: see `needs`.
        score: 0..1.
    """

    path: tuple[str, ...]
    low_hz: float
    high_hz: float
    needs: str
    at_least: float
    score: Callable[[Shape], float]


def rises(value: float, at: float, width: float) -> float:
    """Soft step: 0.5 at `at`, 0.9 at `at` + 1.1·width."""
    steps = 2.0 * (value - at) / width
    if steps > 40.0:
        return 1.0
    return 1.0 / (1.0 + math.exp(-steps)) if steps > -40.0 else 0.0


def between(value: float, low: float, high: float, width: float) -> float:
    """Soft window."""
    return rises(value, low, width) * rises(-value, -high, width)


def inside(center_hz: float | None, bands: tuple[tuple[float, float], ...], otherwise: float) -> float:
    """Band prior: 1 inside (or where the centre is unknown), `otherwise` outside."""
    if center_hz is None:
        return 1.0
    for low, high in bands:
        if low <= center_hz <= high:
            return 1.0
    return otherwise
