"""EVENTS.md, aggregator part: every example through the stream and a real socket, and the documents about them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from aggregator_fake import BOOT_ID, Server
from scan_fake import DEADLINE_S
from websockets.asyncio.client import connect

BASE = "/api/v1"
NOW_MS = 1_700_000_000_000
AIRCRAFT = {
    "id": "rid:ABC123",
    "type": "REMOTE_ID",
    "model": "DJI",
    "operator_id": "operator-1",
    "lat": 37.42,
    "lon": -122.08,
    "altitude_m": 120.5,
    "speed_m_s": 8.2,
    "last_seen_ts": NOW_MS,
}
EMITTER = {
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
        "class_path": ["Analog", "Video", "RaceBand", "R1"],
        "classification_confidence": 0.9,
        "control_correlation": False,
    },
}
PANEL = {
    "type": "telemetry",
    "timestamp_ms": 1000,
    "sel": 1,
    "vrx": [
        {"id": 1, "freq_hz": 5740000000, "rssi_raw": 219},
        {"id": 2, "freq_hz": 5800000000, "rssi_raw": 140},
        {"id": 3, "freq_hz": 5860000000, "rssi_raw": 98},
    ],
    "video": {"selected": 1},
    "led": {"r": 0, "y": 1, "g": 0},
    "sys": {"uptime_ms": 1000, "heap": 123456},
}
# The document's examples, and the acknowledgement of a host's command, which comes by this socket too.
EXAMPLES: list[tuple[str, str, dict[str, Any]]] = [
    ("COMMAND_ACK", "esp32", {"id": "123", "ok": True, "err": None, "data": {"cmd": "SET_VRX_FREQ"}}),
    ("COMMAND_ACK", "esp32", {"id": "124", "ok": False, "err": "timeout", "data": {"cmd": "SET_LEDS"}}),
    ("COMMAND_ACK", "system", {"command": "reboot", "ok": True, "reason": None}),
    ("ESP32_TELEMETRY", "esp32", PANEL),
    ("LOG_EVENT", "esp32", {"type": "log_event", "timestamp_ms": 1000, "message": "boot"}),
    ("CONTACT_NEW", "remoteid", AIRCRAFT),
    ("CONTACT_UPDATE", "remoteid", AIRCRAFT),
    ("CONTACT_LOST", "remoteid", AIRCRAFT),
    ("RF_CONTACT_NEW", "antsdr", EMITTER),
    ("RF_CONTACT_UPDATE", "antsdr", EMITTER),
    ("RF_CONTACT_LOST", "antsdr", EMITTER),
    (
        "TELEMETRY_UPDATE",
        "remoteid",
        {"state": "ok", "last_ts": NOW_MS, "contacts_active": 1, "mode": "live"},
    ),
    (
        "REPLAY_STATE",
        "remoteid",
        {"state": "running", "speed": 1.0, "position": 20, "total": 200, "ts": NOW_MS},
    ),
]
CATALOGUE = {"SYSTEM_UPDATE"} | {kind for kind, *_ in EXAMPLES}
SNAPSHOT: dict[str, type] = {
    "timestamp_ms": int,
    "system": dict,
    "power": dict,
    "rf": dict,
    "remote_id": dict,
    "vrx": dict,
    "video": dict,
    "services": list,
    "network": dict,
    "audio": dict,
    "contacts": list,
    "replay": dict,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def asyncapi(server: Server) -> dict[str, Any]:
    return httpx.get(server.http + BASE + "/asyncapi.json").json()


def check_event(asyncapi: dict[str, Any], event: dict[str, Any]) -> None:
    message = asyncapi["components"]["messages"][event["type"]]
    jsonschema.validate(event, {**message["payload"], "components": asyncapi["components"]})


async def test_every_example_of_the_catalogue_arrives_as_it_is_written(
    server: Server, asyncapi: dict[str, Any]
) -> None:
    async with connect(server.ws + BASE + "/ws") as client, asyncio.timeout(DEADLINE_S):
        greeting = json.loads(await client.recv())
        assert {key: greeting[key] for key in ("type", "timestamp_ms", "source")} == {
            "type": "SYSTEM_UPDATE",
            "timestamp_ms": NOW_MS,
            "source": "aggregator",
        }
        for name, kind in SNAPSHOT.items():
            assert isinstance(greeting["data"][name], kind), name
        check_event(asyncapi, greeting)
        for number, (kind, source, data) in enumerate(EXAMPLES, start=greeting["seq"] + 1):
            assert server.call(server.port.emit, kind, source, data) == number
            message = await client.recv()
            assert isinstance(message, str)
            event = json.loads(message)
            assert event == {
                "type": kind,
                "timestamp_ms": NOW_MS,
                "source": source,
                "data": data,
                "seq": number,
                "boot_id": BOOT_ID,
            }
            check_event(asyncapi, event)


def test_the_documents_hold_the_catalogue_and_tell_its_types_apart(asyncapi: dict[str, Any]) -> None:
    assert asyncapi["asyncapi"] == "3.0.0"
    assert set(asyncapi["channels"]["ws"]["messages"]) == CATALOGUE
    assert asyncapi["channels"]["ws"]["address"] == "/ws"
    assert asyncapi["channels"]["spectrum"]["address"] == "/rf/spectrum"
    assert set(asyncapi["components"]["messages"]) == CATALOGUE | {"SPECTRUM"}
    for operation in asyncapi["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in asyncapi["channels"]
    for kind, source, data in EXAMPLES:
        event = {"type": kind, "timestamp_ms": NOW_MS, "source": source, "data": data}
        check_event(asyncapi, event)  # the additive fields are not needed
        with pytest.raises(jsonschema.ValidationError):
            check_event(asyncapi, {**event, "source": "elsewhere", "data": {}})
        with pytest.raises(jsonschema.ValidationError):
            check_event(asyncapi, {key: value for key, value in event.items() if key != "timestamp_ms"})


def test_events_last_holds_every_type(server: Server) -> None:
    for kind, source, data in EXAMPLES:
        server.call(server.port.emit, kind, source, data)
    answer = httpx.get(server.http + BASE + f"/events/last?limit={len(EXAMPLES)}").json()
    assert [(event["type"], event["source"], event["data"]) for event in answer["events"]] == EXAMPLES
    document = httpx.get(server.http + "/openapi.json").json()
    schema = document["paths"][BASE + "/events/last"]["get"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(answer, {**schema["schema"], "components": document["components"]})
