"""EVENTS.md, AntSDR part: the example of the document and what the encoder makes, field by field."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from ndefender.events.encode import EventEncoder, contact_data
from ndefender.events.types import RfContactEvent
from ndefender.track import Change, Contact

# The document's example of the local WebSocket, and the contact of its aggregator example.
EXAMPLE = json.loads("""
{
  "type": "RF_CONTACT_NEW",
  "timestamp": 1700000000000,
  "source": "antsdr",
  "data": {
    "id": "rf:2500000000",
    "freq_hz": 2500000000,
    "bucket_hz": 2500000000,
    "band": "2G4",
    "snr_db": 34.5,
    "peak_db": 120.1,
    "noise_floor_db": 85.0,
    "bandwidth_class": "narrow",
    "confidence": 0.87,
    "features": {
      "prominence_db": 30.0,
      "cluster_size": 12,
      "pattern_hint": "unknown",
      "hop_hint": "none",
      "bandwidth_est_hz": 20.0,
      "burstiness": 0.1,
      "hop_rate_hz": 0.0,
      "control_score": 0.0,
      "class_path": ["Digital","Video","DJI"],
      "classification_confidence": 0.75,
      "control_correlation": false
    }
  }
}
""")
PILOT = json.loads("""
{
  "type": "RF_CONTACT_UPDATE",
  "timestamp": 1700000000000,
  "source": "antsdr",
  "data": {
    "id": "rf:5658000000",
    "freq_hz": 5658000000,
    "bucket_hz": 5658000000,
    "band": "5G8",
    "snr_db": 34.5,
    "peak_db": 120.1,
    "noise_floor_db": 85.0,
    "bandwidth_class": "wide",
    "confidence": 0.87,
    "features": {
      "prominence_db": 30.0,
      "cluster_size": 12,
      "pattern_hint": "raceband_r1",
      "hop_hint": "none",
      "bandwidth_est_hz": 20.0,
      "burstiness": 0.1,
      "hop_rate_hz": 0.0,
      "control_score": 0.0,
      "class_path": ["Analog","Video","RaceBand","R1"],
      "classification_confidence": 0.9,
      "control_correlation": false
    }
  }
}
""")
KINDS = {"RF_CONTACT_NEW": "new", "RF_CONTACT_UPDATE": "update", "RF_CONTACT_LOST": "lost"}


def contact_of(data: dict) -> Contact:
    """The contact that should be told in these words."""
    features = data["features"]
    return Contact(
        contact_id=data["id"],
        bucket_hz=data["bucket_hz"],
        freq_hz=data["freq_hz"],
        band=data["band"],
        snr_db=data["snr_db"],
        peak_db=data["peak_db"],
        noise_floor_db=data["noise_floor_db"],
        prominence_db=features["prominence_db"],
        cluster_size=features["cluster_size"],
        bandwidth_hz=features["bandwidth_est_hz"],
        bandwidth_class=data["bandwidth_class"],
        confidence=data["confidence"],
        class_path=tuple(features["class_path"]),
        classification_confidence=features["classification_confidence"],
        pattern_hint=features["pattern_hint"],
        hop_hint=features["hop_hint"],
        hop_rate_hz=features["hop_rate_hz"],
        burstiness=features["burstiness"],
        control_score=features["control_score"],
        control_correlation=features["control_correlation"],
        simulated=False,
        ttl_s=10.0,
        dwells=3,
        first_seen_unix_ns=0,
        last_seen_unix_ns=0,
        tuning_id=1,
    )


def change_of(example: dict, **other: object) -> Change:
    contact = replace(contact_of(example["data"]), **other)
    return Change(KINDS[example["type"]], contact, example["timestamp"] * 1_000_000 + 999_999)


@pytest.mark.parametrize("example", [EXAMPLE, PILOT], ids=["new", "update"])
def test_an_example_is_encoded_field_by_field(example: dict) -> None:
    told = json.loads(EventEncoder("b").encode(change_of(example)).body)
    assert (told.pop("seq"), told.pop("boot_id")) == (1, "b")
    assert told == example
    assert list(told["data"]) == list(example["data"])
    assert list(told["data"]["features"]) == list(example["data"]["features"])


def test_numbers_have_the_documents_types() -> None:
    told = json.loads(EventEncoder("b").encode(change_of(EXAMPLE)).body)["data"]
    for part, example in ((told, EXAMPLE["data"]), (told["features"], EXAMPLE["data"]["features"])):
        for key, value in example.items():
            assert type(part[key]) is type(value), key


@pytest.mark.parametrize("example", [EXAMPLE, PILOT], ids=["new", "update"])
def test_an_example_can_be_read(example: dict) -> None:
    event = msgspec.convert(example, RfContactEvent)
    assert msgspec.to_builtins(event) == example


@pytest.mark.parametrize("kind", ["new", "update", "lost"])
def test_every_type_has_its_name(kind: str) -> None:
    change = replace(change_of(EXAMPLE), kind=kind)
    assert json.loads(EventEncoder("b").encode(change).body)["type"] == f"RF_CONTACT_{kind.upper()}"


def test_seq_counts_without_gaps_and_the_bytes_are_one_line() -> None:
    encoder = EventEncoder("boot", first_seq=7)
    encoded = [encoder.encode(change_of(EXAMPLE)) for _ in range(3)]
    assert [e.seq for e in encoded] == [7, 8, 9] == [json.loads(e.body)["seq"] for e in encoded]
    assert all(b"\n" not in e.body for e in encoded)


def test_simulated_is_said_in_the_data_and_only_then() -> None:
    assert json.loads(EventEncoder("b").encode(change_of(EXAMPLE, simulated=True)).body)["data"]["simulated"] is True
    assert "simulated" not in json.loads(EventEncoder("b").encode(change_of(EXAMPLE)).body)["data"]


def test_unknown_numbers_are_null_never_zero() -> None:
    change = change_of(EXAMPLE, snr_db=float("nan"), peak_db=float("inf"), hop_rate_hz=float("-inf"), band=None)
    assert contact_data(change.contact).snr_db is None  # it does not even reach the encoder
    data = json.loads(EventEncoder("b").encode(change).body)["data"]
    assert (data["snr_db"], data["peak_db"], data["band"], data["features"]["hop_rate_hz"]) == (None,) * 4


def test_numpy_never_reaches_the_wire() -> None:
    change = change_of(
        EXAMPLE,
        freq_hz=np.int64(2_500_000_000),
        bucket_hz=np.float64(2_500_000_000),
        snr_db=np.float32(34.5),
        cluster_size=np.uint32(12),
        control_correlation=np.bool_(True),
    )
    told = contact_data(change.contact)
    assert (type(told.freq_hz), type(told.bucket_hz), type(told.snr_db)) == (int, int, float)
    assert type(told.features.cluster_size) is int
    assert json.loads(EventEncoder("b").encode(change).body)["data"]["features"]["control_correlation"] is True


def test_bandwidth_is_in_hertz() -> None:
    told = contact_data(replace(contact_of(PILOT["data"]), bandwidth_hz=7_012_345.6))
    assert told.features.bandwidth_est_hz == 7_012_346.0
