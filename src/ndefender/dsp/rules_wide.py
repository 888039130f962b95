"""Rules for wide emissions: video, OFDM, carriers of megahertz. One row a class; the rest of the table is narrow."""

from __future__ import annotations

import math

from .rules import ANY, Rule, Shape, between, inside, rises

DJI_BANDS = ((2400e6, 2483.5e6), (5150e6, 5250e6), (5725e6, 5850e6))
OFDM_WIDTHS_HZ = (9e6, 18e6, 36e6)  # occupied part of 10, 20 and 40 MHz channels of 15-kHz subcarriers


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


def _impulse(s: Shape) -> float:
    product = s.duration_s * s.bandwidth_hz
    if product > 40.0:
        return 0.0
    return 0.7 * rises(-product, -16.0, 2.0) * rises(s.bandwidth_hz / s.bin_hz, 4.0, 0.5)


def _droneid(s: Shape) -> float:
    width = between(s.bandwidth_hz, 8.2e6, 10.2e6, 0.2e6)
    return 0.97 * _ofdm15(s) * width * between(s.duration_s, 0.5e-3, 0.72e-3, 0.02e-3) / 0.96


RULES: tuple[Rule, ...] = (
    Rule(("Analog", "Video"), 2.5e6, ANY, "line_score", 0.05, _video),
    Rule(("Digital", "Video", "DJI"), 6e6, ANY, "cp_15khz", 0.01, _dji),
    Rule(("Digital", "DroneID", "DJI"), 7e6, 12e6, "cp_15khz", 0.01, _droneid),
    Rule(("Cellular", "LTE"), 1e6, 21e6, "cp_15khz", 0.01, _lte),
    Rule(("Digital", "OFDM"), 1e6, ANY, "cp_15khz", 0.01, _ofdm_any),
    Rule(("WiFi", "OFDM"), 8e6, ANY, "cp_312khz", 0.03, _wifi),
    Rule(("WiFi", "OFDM"), 8e6, ANY, "cp_78khz", 0.03, _wifi),
    Rule(("Interference",), 0.0, ANY, "", 0.0, _impulse),
)
