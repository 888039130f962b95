"""Rules, each on evidence that should and should not hold."""

from __future__ import annotations

from typing import Any

import pytest

from ndefender.dsp.classify import UNKNOWN_CONFIDENCE, channel_mask, classify
from ndefender.dsp.rules import Shape, between, inside, rises
from ndefender.records import EVIDENCE_NAMES
from ndefender.taxonomy import CHANNELS, CLASSES


def _shape(center_hz: float | None, bandwidth_hz: float, duration_s: float = 1e-3, **fields: Any) -> Shape:
    evidence = dict.fromkeys(EVIDENCE_NAMES, 0.0) | {k: v for k, v in fields.items() if k in EVIDENCE_NAMES}
    return Shape(
        center_hz=center_hz,
        bandwidth_hz=bandwidth_hz,
        duration_s=duration_s,
        snr_db=fields.get("snr_db", 20.0),
        bin_hz=fields.get("bin_hz", 30e3),
        continuous=fields.get("continuous", False),
        pulsed=False,
        evidence=evidence,
    )


CASES = [
    (_shape(5800e6, 8e6, line_score=0.6, envelope_cv=0.1, continuous=True), ("Analog", "Video")),
    (_shape(None, 8e6, line_score=0.6, envelope_cv=0.1, continuous=True), ("Analog", "Video")),
    (_shape(2440e6, 18e6, cp_15khz=0.06, envelope_cv=0.5), ("Digital", "Video", "DJI")),
    (_shape(2440e6, 9e6, 0.63e-3, cp_15khz=0.6, zc_score=0.8), ("Digital", "DroneID", "DJI")),
    (_shape(2440e6, 9e6, 0.63e-3, cp_15khz=0.6), ("Digital", "Video", "DJI")),
    (_shape(2440e6, 1.08e6, 1e-3, cp_15khz=0.2, envelope_cv=0.35), ("Control", "OFDM", "DJI")),
    (_shape(5800e6, 9e6, cp_15khz=0.6, zc_score=0.7, continuous=True), ("Cellular", "LTE")),
    (_shape(5800e6, 26.7e6, 5e-3, cp_other=0.5, continuous=True), ("Digital", "Video", "HDZero")),
    (_shape(5800e6, 16.8e6, 5e-3, cp_other=0.5, continuous=True), ("Digital", "Video", "HDZero")),
    (_shape(5800e6, 17.9e6, 3.4e-3, cp_other=0.5), ("Digital", "Video", "Walksnail")),
    (_shape(5800e6, 35.7e6, 5e-3, cp_other=0.5, gap_ratio=0.05, continuous=True), ("Digital", "Video", "Walksnail")),
    (_shape(5800e6, 12e6, 5e-3, cp_other=0.5), ("Digital", "OFDM")),
    (_shape(2412e6, 15e6, 1e-3, chip_score=0.5, envelope_cv=0.35), ("WiFi", "DSSS")),
    (_shape(2450e6, 8e6, 8e-3, sweep_score=0.9, envelope_cv=0.1), ("Interference", "Microwave")),
    (_shape(2450e6, 8e6, 15e-3, sweep_score=0.9, envelope_cv=0.1), ("Unknown",)),
    (_shape(5600e6, 5e6, 20e-6, pulse_hz=1000.0), ("Interference", "Radar")),
    (_shape(927.5e6, 4.5e6, cp_15khz=0.06, envelope_cv=0.5, continuous=True), ("Cellular", "LTE")),
    (_shape(5180e6, 16.6e6, cp_312khz=0.2, envelope_cv=0.5), ("WiFi", "OFDM")),
    (_shape(2440e6, 18e6, cp_78khz=0.1, envelope_cv=0.5), ("WiFi", "OFDM")),
    (_shape(2440e6, 0.8e6, 2e-3, chirp_score=0.8), ("Control", "LoRa", "ELRS")),
    (_shape(868e6, 0.5e6, 5e-3, chirp_score=0.8), ("Control", "LoRa", "ELRS")),
    (_shape(868e6, 0.12e6, 5e-2, chirp_score=0.8), ("Control", "LoRa")),
    (_shape(2440e6, 0.9e6, 0.4e-3, fm_deviation_hz=0.14e6, envelope_cv=0.05), ("Bluetooth",)),
    (_shape(2440e6, 1.5e6, 0.3e-3, fm_deviation_hz=0.25e6, envelope_cv=0.05), ("Bluetooth", "LE")),
    (_shape(2440e6, 2.6e6, 2e-3, fm_deviation_hz=0.5e6, envelope_cv=0.1), ("ZigBee",)),
    (_shape(433.92e6, 0.1e6, 2e-3, fm_deviation_hz=0.02e6), ("Interference", "ISM")),
    (_shape(1200e6, 60e3, continuous=True), ("Interference", "CW")),
    (_shape(2440e6, 5e6, 1e-6), ("Interference",)),
    (_shape(5800e6, 8e6, envelope_cv=0.5, continuous=True), ("Unknown",)),
    (_shape(2440e6, 0.8e6, 2e-3), ("Unknown",)),
]


@pytest.mark.parametrize(("shape", "path"), CASES, ids=lambda v: "" if isinstance(v, Shape) else "/".join(v))
def test_evidence_names_the_class(shape: Shape, path: tuple[str, ...]) -> None:
    class_id, confidence = classify(shape)
    assert CLASSES[class_id].path == path
    assert 0.5 <= confidence <= 1 or (path == ("Unknown",) and confidence == UNKNOWN_CONFIDENCE)


@pytest.mark.parametrize("center_hz", [433.92e6, 868e6, 2440e6, 5200e6, 5800e6, None])
@pytest.mark.parametrize("bandwidth_hz", [0.5e6, 0.8125e6, 8e6, 18e6])
def test_a_band_alone_proves_no_drone(center_hz: float | None, bandwidth_hz: float) -> None:
    class_id, _ = classify(_shape(center_hz, bandwidth_hz, envelope_cv=0.3))
    assert CLASSES[class_id].path[0] in {"Unknown", "Interference"}


def test_soft_steps() -> None:
    assert rises(3.0, 3.0, 0.1) == 0.5
    assert rises(3.0 + 1.1 * 0.1, 3.0, 0.1) == pytest.approx(0.9, abs=0.01)
    assert rises(-1e30, 0.0, 1e-3) < 1e-9 and rises(1e30, 0.0, 1e-3) <= 1.0
    assert between(5.0, 4.0, 6.0, 0.1) > 0.99 and between(3.0, 4.0, 6.0, 0.1) < 0.01 > between(7.0, 4.0, 6.0, 0.1)


def test_band_priors() -> None:
    bands = ((10.0, 20.0), (30.0, 40.0))
    assert [inside(c, bands, 0.3) for c in (None, 10.0, 15.0, 25.0, 40.0)] == [1.0, 1.0, 1.0, 0.3, 1.0]


@pytest.mark.parametrize("index", range(len(CHANNELS)))
def test_every_channel_is_its_own_candidate(index: int) -> None:
    mask = channel_mask(CHANNELS[index].center_hz + 0.2e6)
    assert mask >> index & 1
    named = [c for i, c in enumerate(CHANNELS) if mask >> i & 1]
    assert all(abs(c.center_hz - CHANNELS[index].center_hz) <= 1.5e6 for c in named)


def test_ties_list_all_and_far_away_lists_none() -> None:
    mask = channel_mask(5880e6)
    assert {c.label for i, c in enumerate(CHANNELS) if mask >> i & 1} == {"F8", "R7"}
    assert channel_mask(5500.5e6 + 4.5e6) == 0 or channel_mask(5400e6 + 17e6) == 0
    assert channel_mask(2440e6) == 0
