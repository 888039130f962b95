"""First classifier: a table of rules over evidence; the best rule that holds names the emission.

A rule's score is the product of soft conditions, each 0..1, capped by what that kind of evidence is worth. Bands are
priors: they cap a score, they never make one. Adding a class is a row here, a row in `taxonomy`, and a test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..taxonomy import CHANNELS, CLASS_ID, UNKNOWN

CHANNEL_REACH_HZ = 4e6  # transmitters drift and an FM spectrum leans with the picture
CHANNEL_TIE_HZ = 1.0e6  # two channels closer to the measured centre than this cannot be told apart
UNKNOWN_CONFIDENCE = 0.3
LEAST_SCORE = 0.5
CARSON_LOW, CARSON_HIGH = 4.4, 8.5  # occupied bandwidth over deviation: 5.1 … 6.8 for h = 0.3 … 0.5; a chirp 3.8

ISM_2G4 = ((2400e6, 2483.5e6),)
ISM_SUB_GHZ = ((433.05e6, 434.79e6), (863e6, 870e6), (902e6, 928e6))
DJI_BANDS = ((2400e6, 2483.5e6), (5150e6, 5250e6), (5725e6, 5850e6))
OFDM_WIDTHS_HZ = (9e6, 18e6, 36e6)  # occupied part of 10, 20 and 40 MHz channels of 15-kHz subcarriers


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


def _video(s: Shape) -> float:
    e = s.evidence
    return 0.98 * rises(e["line_score"], 0.18, 0.06) * rises(s.bandwidth_hz, 3e6, 0.5e6)


def _lte(s: Shape) -> float:
    common = _ofdm15(s)
    return (
        common
        * (0.95 if s.continuous else 0.4)
        * (1.0 - inside(s.center_hz, DJI_BANDS, 0.0) * (s.center_hz is not None))
    )


def _ofdm15(s: Shape) -> float:
    return 0.96 * rises(s.evidence["cp_15khz"], 0.025, 0.01)


def _dji(s: Shape) -> float:
    nearest = min(abs(math.log(s.bandwidth_hz / w)) for w in OFDM_WIDTHS_HZ)
    return _ofdm15(s) * rises(-nearest, -0.2, 0.05) * inside(s.center_hz, DJI_BANDS, 0.5)


def _ofdm_any(s: Shape) -> float:
    return 0.7 * _ofdm15(s)


def _wifi(s: Shape) -> float:
    e = s.evidence
    prefix = max(e["cp_312khz"], 1.3 * e["cp_78khz"])
    return 0.97 * rises(prefix, 0.07, 0.025) * rises(s.bandwidth_hz, 10e6, 1e6)


def _lora(s: Shape) -> float:
    return 0.97 * rises(s.evidence["chirp_score"], 0.25, 0.03)


def _elrs(s: Shape) -> float:
    high = between(s.bandwidth_hz, 0.65e6, 0.98e6, 0.03e6) * inside(s.center_hz, ISM_2G4, 0.3)
    low = between(s.bandwidth_hz, 0.4e6, 0.6e6, 0.03e6) * inside(s.center_hz, ISM_SUB_GHZ, 0.3)
    return _lora(s) * max(high, low)


def _lora_other(s: Shape) -> float:
    return 0.8 * _lora(s)


def _gfsk(s: Shape, low_hz: float, high_hz: float) -> float:
    e = s.evidence
    if not CARSON_LOW < s.bandwidth_hz / max(e["fm_deviation_hz"], 1.0) < CARSON_HIGH:
        return 0.0
    return rises(-e["envelope_cv"], -0.3, 0.05) * between(e["fm_deviation_hz"], low_hz, high_hz, 0.02e6)


def _bluetooth(s: Shape) -> float:
    width = between(s.bandwidth_hz, 0.5e6, 1.5e6, 0.08e6)
    return (
        0.85
        * _gfsk(s, 0.07e6, 0.175e6)
        * width
        * rises(-s.duration_s, -3.3e-3, 0.1e-3)
        * inside(s.center_hz, ISM_2G4, 0.1)
    )


def _bluetooth_le(s: Shape) -> float:
    width = between(s.bandwidth_hz, 0.6e6, 2.4e6, 0.1e6)
    return 0.85 * _gfsk(s, 0.175e6, 0.36e6) * width * inside(s.center_hz, ISM_2G4, 0.1)


def _zigbee(s: Shape) -> float:
    width = between(s.bandwidth_hz, 1.6e6, 3.6e6, 0.15e6)
    return (
        0.85
        * _gfsk(s, 0.36e6, 0.75e6)
        * width
        * rises(s.duration_s, 0.25e-3, 0.05e-3)
        * inside(s.center_hz, ISM_2G4, 0.1)
    )


def _ism(s: Shape) -> float:
    if s.center_hz is None or s.center_hz > 1e9:
        return 0.0
    return (
        0.75
        * rises(-s.bandwidth_hz, -0.7e6, 0.1e6)
        * inside(s.center_hz, ISM_SUB_GHZ, 0.0)
        * (0.4 if s.continuous else 1.0)
    )


def _impulse(s: Shape) -> float:
    product = s.duration_s * s.bandwidth_hz
    if product > 40.0:
        return 0.0
    return 0.7 * rises(-product, -16.0, 2.0) * rises(s.bandwidth_hz / s.bin_hz, 4.0, 0.5)


def _droneid(s: Shape) -> float:
    width = between(s.bandwidth_hz, 8.2e6, 10.2e6, 0.2e6)
    return 0.97 * _ofdm15(s) * width * between(s.duration_s, 0.5e-3, 0.72e-3, 0.02e-3) / 0.96


def _carrier(s: Shape) -> float:
    return 0.9 * rises(-s.bandwidth_hz / s.bin_hz, -4.3, 0.3) * (1.0 if s.continuous else 0.2)


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


ANY = float("inf")
RULES: tuple[Rule, ...] = (
    Rule(("Analog", "Video"), 2.5e6, ANY, "line_score", 0.05, _video),
    Rule(("Digital", "Video", "DJI"), 6e6, ANY, "cp_15khz", 0.01, _dji),
    Rule(("Digital", "DroneID", "DJI"), 7e6, 12e6, "cp_15khz", 0.01, _droneid),
    Rule(("Cellular", "LTE"), 1e6, 21e6, "cp_15khz", 0.01, _lte),
    Rule(("Digital", "OFDM"), 1e6, ANY, "cp_15khz", 0.01, _ofdm_any),
    Rule(("WiFi", "OFDM"), 8e6, ANY, "cp_312khz", 0.03, _wifi),
    Rule(("WiFi", "OFDM"), 8e6, ANY, "cp_78khz", 0.03, _wifi),
    Rule(("Control", "LoRa", "ELRS"), 0.3e6, 1.1e6, "chirp_score", 0.2, _elrs),
    Rule(("Control", "LoRa"), 0.0, 2e6, "chirp_score", 0.2, _lora_other),
    Rule(("Bluetooth",), 0.3e6, 2e6, "fm_deviation_hz", 0.04e6, _bluetooth),
    Rule(("Bluetooth", "LE"), 0.4e6, 3e6, "fm_deviation_hz", 0.12e6, _bluetooth_le),
    Rule(("ZigBee",), 1.3e6, 4e6, "fm_deviation_hz", 0.3e6, _zigbee),
    Rule(("Interference", "ISM"), 0.0, 1e6, "", 0.0, _ism),
    Rule(("Interference",), 0.0, ANY, "", 0.0, _impulse),
    Rule(("Interference", "CW"), 0.0, 0.5e6, "", 0.0, _carrier),
)
VIDEO = CLASS_ID[("Analog", "Video")]


def classify(shape: Shape) -> tuple[int, float]:
    """Name an emission.

    Args:
        shape: measurements and evidence.
    Returns:
        (class_id, confidence 0..1); `UNKNOWN` where no rule reaches LEAST_SCORE.
    """
    best, best_path = 0.0, None
    width_hz, evidence = shape.bandwidth_hz, shape.evidence
    for path, low_hz, high_hz, needs, at_least, score in RULES:
        if not low_hz <= width_hz <= high_hz or (needs and not evidence[needs] > at_least):
            continue
        reached = score(shape)
        if reached > best:
            best, best_path = reached, path
    if best_path is None or best < LEAST_SCORE:
        return UNKNOWN, UNKNOWN_CONFIDENCE
    return CLASS_ID[best_path], min(best, 1.0)


def channel_mask(center_hz: float) -> int:
    """Analogue channels whose centre the measured one may be: bit i is `taxonomy.CHANNELS[i]`.

    Args:
        center_hz: measured centre.
    Returns:
        The nearest channel and all that cannot be told from it; 0 if none is near.
    """
    distances = [abs(c.center_hz - center_hz) for c in CHANNELS]
    nearest = min(distances)
    if nearest > CHANNEL_REACH_HZ:
        return 0
    return sum(1 << i for i, d in enumerate(distances) if d <= nearest + CHANNEL_TIE_HZ)
