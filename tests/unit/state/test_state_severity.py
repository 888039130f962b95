"""The severity tables, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ndefender import taxonomy
from ndefender.events.snapshot import Label
from ndefender.state import severity

DOCUMENT = Path(__file__).parents[3] / "docs" / "severity.md"


def features(path: object, **more: Any) -> dict[str, Any]:
    return {"features": {"class_path": path} | more}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (features(["Analog", "Video", "RaceBand", "R1"]), "high"),
        (features(["Analog", "Video"], classification_confidence=0.5), "high"),
        (features(["Analog", "Video"], classification_confidence=0.49), "medium"),
        (features(["Digital", "Video", "DJI"]), "high"),
        (features(["Digital", "DroneID", "DJI"]), "high"),
        (features(["Digital", "DroneID", "DJI"], classification_confidence=0.2), "medium"),
        (features(["Digital", "OFDM"]), "medium"),
        (features(["Control", "LoRa", "ELRS"]), "high"),
        (features(["Control", "LoRa"]), "medium"),
        (features(["Control", "FHSS"]), "medium"),
        (features(["Control", "FHSS"], control_correlation=True), "critical"),
        (features(["WiFi", "OFDM"], control_correlation="yes"), "low"),
        (features(["Interference", "CW"]), "low"),
        (features(["Unknown"]), "unknown"),
        (features([]), "unknown"),
        (features("Analog/Video"), "unknown"),
        (features([["Analog"], {}]), "unknown"),
        ({"features": None}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_rf(data: dict[str, Any], expected: str) -> None:
    verdict = severity.of_rf(data, None)
    assert verdict.severity == expected
    assert verdict.reason


def test_every_class_of_the_taxonomy_but_unknown_has_a_row() -> None:
    found = {row.path: severity.of_rf(features(list(row.path)), None).severity for row in taxonomy.CLASSES}
    assert {path for path, verdict in found.items() if verdict == "unknown"} == {("Unknown",)}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"status": "Emergency"}, "critical"),
        ({"status": "airborne"}, "high"),
        ({"height_m": 12.0, "speed_m_s": 0.0}, "high"),
        ({"speed_m_s": 8.2}, "high"),
        ({"speed_m_s": 8.2, "status": "ground"}, "high"),
        ({"status": "ground", "speed_m_s": 0.0}, "medium"),
        ({"speed_m_s": 0.5}, "medium"),
        ({"altitude_m": 3000.0}, "medium"),
        ({"speed_m_s": True}, "medium"),
        ({"status": 7}, "medium"),
        ({}, "medium"),
    ],
)
def test_remote_id(data: dict[str, Any], expected: str) -> None:
    assert severity.of_remote_id(data, None).severity == expected


@pytest.mark.parametrize(
    ("label", "path", "expected"),
    [
        ("hostile", ["Unknown"], "critical"),
        ("hostile", ["WiFi"], "critical"),
        ("friendly", ["Analog", "Video"], "low"),
        ("friendly", ["Unknown"], "low"),
        ("known", ["Analog", "Video"], "medium"),
        ("known", ["WiFi"], "low"),
        ("known", ["Unknown"], "unknown"),
    ],
)
def test_labels_come_first(label: Label, path: list[str], expected: str) -> None:
    verdict = severity.of_rf(features(path), label)
    assert verdict.severity == expected
    assert label in verdict.reason or expected == "unknown"


def test_every_class_with_a_row_is_in_the_document() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for word in {row.path[0] for row in taxonomy.CLASSES}:
        assert word in text
