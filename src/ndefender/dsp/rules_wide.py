"""Rules for wide emissions: video, OFDM, chips, ovens, radar. One row a class; the rest of the table is narrow.

Every score of `prefix`, `zadoff` and `chips` is already what is above the reach of noise: a rule's step over it
needs only a small margin for what is neither noise nor the class.
"""

from __future__ import annotations

import math

from .rules import ANY, ISM_2G4, Rule, Shape, between, inside, rises

DJI_BANDS = ((2400e6, 2483.5e6), (5150e6, 5250e6), (5725e6, 5850e6))
FPV_BANDS = ((5635e6, 5960e6),)
OVEN_BANDS = ((902e6, 928e6), (2400e6, 2500e6))
OFDM_WIDTHS_HZ = (9e6, 18e6, 36e6)  # occupied part of 10, 20 and 40 MHz channels of 15-kHz subcarriers
SURE_ZC = 0.3  # amplitude share of a synchronisation symbol down to -9 dB in its band
LINE = 0.12  # of the score of a line rate: noise reaches 0.06 in fourteen lines


def _video(s: Shape) -> float:
    return 0.98 * rises(s.evidence["line_score"], LINE, 0.04)


def _ofdm15(s: Shape) -> float:
    return 0.96 * rises(s.evidence["cp_15khz"], 0.03, 0.02)


def _droneid_shaped(s: Shape) -> float:
    return between(s.bandwidth_hz, 8.0e6, 10.4e6, 0.2e6) * between(s.duration_s, 0.4e-3, 0.75e-3, 0.03e-3)


def _lte(s: Shape) -> float:
    if not s.continuous:
        return 0.0
    if s.evidence["zc_score"] > SURE_ZC:
        return 0.98 * _ofdm15(s)
    return 0.9 * _ofdm15(s) * (1.0 - inside(s.center_hz, DJI_BANDS, 0.0) * (s.center_hz is not None))


def _dji(s: Shape) -> float:
    if s.continuous and s.evidence["zc_score"] > SURE_ZC:
        return 0.0
    nearest = min(abs(math.log(s.bandwidth_hz / w)) for w in OFDM_WIDTHS_HZ)
    lasting = 0.6 if s.continuous else 1.0
    return _ofdm15(s) * rises(-nearest, -0.12, 0.03) * inside(s.center_hz, DJI_BANDS, 0.5) * lasting


def _ofdm_any(s: Shape) -> float:
    return 0.7 * max(_ofdm15(s), 0.96 * rises(s.evidence["cp_other"], 0.06, 0.03))


def _droneid(s: Shape) -> float:
    return 0.99 * rises(s.evidence["zc_score"], SURE_ZC, 0.05) * _droneid_shaped(s)


def _remote(s: Shape) -> float:
    width = between(s.bandwidth_hz, 0.95e6, 1.3e6, 0.03e6)
    length = between(s.duration_s, 0.4e-3, 1.1e-3, 0.03e-3)
    return 0.95 * rises(s.evidence["cp_15khz"], 0.02, 0.015) * width * length * inside(s.center_hz, DJI_BANDS, 0.4)


def _other(s: Shape) -> float:
    return 0.93 * rises(s.evidence["cp_other"], 0.06, 0.03)


def _slotted(s: Shape) -> bool:
    return not s.continuous or s.evidence["gap_ratio"] > 0.01


def _hdzero(s: Shape) -> float:
    wide, narrow = between(s.bandwidth_hz, 25e6, 28.5e6, 0.3e6), between(s.bandwidth_hz, 15.5e6, 17.6e6, 0.2e6)
    return _other(s) * max(wide, narrow) * inside(s.center_hz, FPV_BANDS, 0.5) * (0.0 if _slotted(s) else 1.0)


def _walksnail(s: Shape) -> float:
    width = max(between(s.bandwidth_hz, 16e6, 20e6, 0.2e6), between(s.bandwidth_hz, 32e6, 40e6, 0.3e6))
    return _other(s) * width * inside(s.center_hz, FPV_BANDS, 0.5) * (1.0 if _slotted(s) else 0.0)


def _wifi(s: Shape) -> float:
    e = s.evidence
    return 0.97 * rises(max(e["cp_312khz"], e["cp_78khz"]), 0.04, 0.02)


def _dsss(s: Shape) -> float:
    return 0.97 * rises(s.evidence["chip_score"], 0.03, 0.015) * inside(s.center_hz, ISM_2G4, 0.4)


def _oven(s: Shape) -> float:
    if not s.continuous and s.duration_s > 10.5e-3:  # longer than half a period of the slowest mains
        return 0.0
    return 0.95 * rises(s.evidence["sweep_score"], 0.45, 0.08) * inside(s.center_hz, OVEN_BANDS, 0.3)


def _radar(s: Shape) -> float:
    return 0.95 if s.evidence["pulse_hz"] > 0.0 else 0.0


def _impulse(s: Shape) -> float:
    product = s.duration_s * s.bandwidth_hz
    if product > 40.0:
        return 0.0
    return 0.7 * rises(-product, -16.0, 2.0) * rises(s.bandwidth_hz / s.bin_hz, 4.0, 0.5)


RULES: tuple[Rule, ...] = (
    Rule(("Analog", "Video"), 0.2e6, ANY, "line_score", 0.05, _video),
    Rule(("Digital", "Video", "DJI"), 6e6, ANY, "cp_15khz", 0.0, _dji),
    Rule(("Digital", "DroneID", "DJI"), 7e6, 12e6, "zc_score", 0.0, _droneid),
    Rule(("Control", "OFDM", "DJI"), 0.8e6, 1.5e6, "cp_15khz", 0.0, _remote),
    Rule(("Cellular", "LTE"), 1e6, 21e6, "cp_15khz", 0.0, _lte),
    Rule(("Digital", "OFDM"), 1e6, ANY, "cp_15khz", 0.0, _ofdm_any),
    Rule(("Digital", "OFDM"), 6e6, ANY, "cp_other", 0.0, _ofdm_any),
    Rule(("Digital", "Video", "HDZero"), 14e6, 30e6, "cp_other", 0.0, _hdzero),
    Rule(("Digital", "Video", "Walksnail"), 14e6, 42e6, "cp_other", 0.0, _walksnail),
    Rule(("WiFi", "OFDM"), 3e6, ANY, "cp_312khz", 0.0, _wifi),
    Rule(("WiFi", "OFDM"), 3e6, ANY, "cp_78khz", 0.0, _wifi),
    Rule(("WiFi", "DSSS"), 4e6, 26e6, "chip_score", 0.0, _dsss),
    Rule(("Interference", "Microwave"), 2.5e6, ANY, "sweep_score", 0.2, _oven),
    Rule(("Interference", "Radar"), 0.0, ANY, "pulse_hz", 0.0, _radar),
    Rule(("Interference",), 0.0, ANY, "", 0.0, _impulse),
)
