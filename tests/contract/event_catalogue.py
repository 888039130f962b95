"""The catalogue of event types, with the shape of every example: what a client written from the document relies on."""

from __future__ import annotations

from typing import Any, NamedTuple

AGGREGATOR, SYSTEM, SCAN = "aggregator", "system", "scan"
SOCKETS = {AGGREGATOR: "/api/v1/ws", SYSTEM: "/api/v1/ws", SCAN: "/api/v1/events"}
TIME_KEYS = {AGGREGATOR: "timestamp_ms", SYSTEM: "timestamp_ms", SCAN: "timestamp"}

TIME_MS = 1_700_000_000_000
REMOTE_ID = {
    "id": "rid:ABC123",
    "type": "REMOTE_ID",
    "model": "DJI",
    "operator_id": "operator-1",
    "lat": 37.42,
    "lon": -122.08,
    "altitude_m": 120.5,
    "speed_m_s": 8.2,
    "last_seen_ts": TIME_MS,
}
RF = {
    "id": "rf:5658000000",
    "freq_hz": 5_658_000_000,
    "bucket_hz": 5_658_000_000,
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
SNAPSHOT: dict[str, Any] = {
    "timestamp_ms": TIME_MS,
    "system": {},
    "power": {},
    "rf": {},
    "remote_id": {},
    "vrx": {},
    "video": {},
    "services": [],
    "network": {},
    "audio": {},
    "contacts": [],
    "replay": {},
}
TELEMETRY = {
    "type": "telemetry",
    "timestamp_ms": 1000,
    "sel": 1,
    "vrx": [{"id": 1, "freq_hz": 5_740_000_000, "rssi_raw": 219}],
    "video": {"selected": 1},
    "led": {"r": 0, "y": 1, "g": 0},
    "sys": {"uptime_ms": 1000, "heap": 123_456},
}
UNIT = {
    "name": "ndefender-system-controller",
    "active_state": "active",
    "sub_state": "running",
    "restart_count": 1,
}


class Row(NamedTuple):
    """One row of the catalogue.

    Args:
        kind: event type.
        source: of its envelope.
        api: who sends it.
        data: of the example.
    """

    kind: str
    source: str
    api: str
    data: dict[str, Any]


CATALOGUE: tuple[Row, ...] = (
    Row("SYSTEM_UPDATE", "aggregator", AGGREGATOR, SNAPSHOT),
    Row("COMMAND_ACK", "esp32", AGGREGATOR, {"id": "123", "ok": True, "err": None, "data": {"cmd": "SET_VRX_FREQ"}}),
    Row("ESP32_TELEMETRY", "esp32", AGGREGATOR, TELEMETRY),
    Row("LOG_EVENT", "esp32", AGGREGATOR, {"type": "log_event", "timestamp_ms": 1000, "message": "boot"}),
    *(Row(f"CONTACT_{step}", "remoteid", AGGREGATOR, REMOTE_ID) for step in ("NEW", "UPDATE", "LOST")),
    *(Row(f"RF_CONTACT_{step}", "antsdr", AGGREGATOR, RF) for step in ("NEW", "UPDATE", "LOST")),
    Row(
        "TELEMETRY_UPDATE",
        "remoteid",
        AGGREGATOR,
        {"state": "ok", "last_ts": TIME_MS, "contacts_active": 1, "mode": "live"},
    ),
    Row(
        "REPLAY_STATE",
        "remoteid",
        AGGREGATOR,
        {"state": "running", "speed": 1.0, "position": 20, "total": 200, "ts": TIME_MS},
    ),
    Row("SYSTEM_STATUS", "system", SYSTEM, {"cpu_temp_c": 45.2, "cpu_usage_percent": 12.5}),
    Row("UPS_UPDATE", "system", SYSTEM, {"soc_percent": 78, "state": "DISCHARGING"}),
    Row("SERVICE_UPDATE", "system", SYSTEM, {"services": [UNIT]}),
    Row("NETWORK_UPDATE", "system", SYSTEM, {"connected": True, "ssid": "MyWiFi", "ip_v4": "192.168.1.100"}),
    Row("AUDIO_UPDATE", "system", SYSTEM, {"volume_percent": 60, "muted": False}),
    Row("LOG_EVENT", "system", SYSTEM, {"message": "HELLO"}),
    Row("COMMAND_ACK", "system", SYSTEM, {"command": "reboot", "ok": True, "reason": None}),
    *(Row(f"RF_CONTACT_{step}", "antsdr", SCAN, RF) for step in ("NEW", "UPDATE", "LOST")),
)


def misfits(example: Any, found: Any, where: str = "data") -> list[str]:
    """What of an example is missing in a value, or of another JSON type.

    An example that is null may be null or a string: it is the error that did not happen. Every element of a list is
    held against the example's first.
    """
    if example is None:
        return [] if found is None or isinstance(found, str) else [f"{where}: {found!r} is neither null nor a string"]
    if isinstance(example, dict):
        if not isinstance(found, dict):
            return [f"{where}: {found!r} is no object"]
        missing = [f"{where}.{key} is missing" for key in example if key not in found]
        shared = [key for key in example if key in found]
        return missing + [text for key in shared for text in misfits(example[key], found[key], f"{where}.{key}")]
    if isinstance(example, list):
        if not isinstance(found, list):
            return [f"{where}: {found!r} is no list"]
        if not example:
            return []
        return [text for i, each in enumerate(found) for text in misfits(example[0], each, f"{where}[{i}]")]
    wanted = (int, float) if isinstance(example, float) else (type(example),)
    return [] if type(found) in wanted else [f"{where}: {found!r} is no {type(example).__name__}"]


def envelope_misfits(row: Row, envelope: dict[str, Any], unknown: frozenset[str] = frozenset()) -> list[str]:
    """What of a row is not as in an envelope; `unknown` are numbers of its data that this machine cannot tell."""
    example = {key: value for key, value in row.data.items() if key not in unknown}
    head = {"type": row.kind, TIME_KEYS[row.api]: TIME_MS, "source": row.source, "data": example}
    said = [f"{where}: {envelope.get(where)!r}" for where in ("type", "source") if envelope.get(where) != head[where]]
    said += [f"{name} is {envelope['data'][name]!r}" for name in unknown if envelope["data"].get(name, 0) is not None]
    if "timestamp" in envelope and "timestamp_ms" in envelope:
        said.append("two times")
    return said + misfits(head, envelope, row.kind)
