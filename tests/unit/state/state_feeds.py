"""Events as the tailer gives them, and an aggregate with clocks to hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ndefender.state.aggregate import Aggregate
from ndefender.state.contacts import Said
from ndefender.state.labels import LabelEntry
from ndefender.state.policy import ContactPolicy

S = 10**9
T0_MS = 1_700_000_000_000


@dataclass
class Event:
    """An event of a feed."""

    type: str
    timestamp_ms: Any
    data: Any
    seq: int | None = None
    boot_id: str | None = None
    simulated: bool = False


def rf_data(mhz: int = 5658, **more: Any) -> dict[str, Any]:
    features = {"class_path": ["Analog", "Video"], "classification_confidence": 0.9, "control_correlation": False}
    return {
        "id": f"rf:{mhz}000000",
        "freq_hz": mhz * 1_000_000,
        "bucket_hz": mhz * 1_000_000,
        "band": "5G8",
        "snr_db": 34.5,
        "peak_db": 120.1,
        "noise_floor_db": 85.0,
        "bandwidth_class": "wide",
        "confidence": 0.87,
        "features": features,
    } | more


def telemetry(*rssi_raw: int, freqs_mhz: tuple[int, ...] = (5740, 5800, 5860), selected: int = 1) -> dict[str, Any]:
    return {
        "type": "telemetry",
        "timestamp_ms": 1000,
        "sel": selected,
        "vrx": [{"id": i + 1, "freq_hz": freqs_mhz[i] * 1_000_000, "rssi_raw": raw} for i, raw in enumerate(rssi_raw)],
        "video": {"selected": selected},
        "led": {"r": 0, "y": 1, "g": 0},
        "sys": {"uptime_ms": 1000, "heap": 123456},
    }


class Rig:
    """An aggregate and its two clocks."""

    def __init__(self, labels: dict[str, LabelEntry] | None = None, **policy: Any) -> None:
        self.aggregate = Aggregate(ContactPolicy(**policy), labels)
        self.now_ns = 10**12
        self.unix_ms = T0_MS

    def rf(self, step: str, data: dict[str, Any] | None = None, **more: Any) -> list[Said]:
        event = Event(
            f"RF_CONTACT_{step}", more.pop("at_ms", self.unix_ms), rf_data() if data is None else data, **more
        )
        return self.aggregate.rf_event(event, self.now_ns, self.unix_ms)

    def air(self, step: str, at_ms: Any = None, simulated: bool = False, **data: Any) -> list[Said]:
        event = Event(f"CONTACT_{step}", self.unix_ms if at_ms is None else at_ms, {"id": "rid:A"} | data)
        event.simulated = simulated
        return self.aggregate.remote_id_event(event, self.now_ns, self.unix_ms)

    def feed(self, kind: str, **data: Any) -> list[Said]:
        return self.aggregate.remote_id_event(Event(kind, self.unix_ms, data), self.now_ns, self.unix_ms)

    def panel(self, *rssi_raw: int, **more: Any) -> list[Said]:
        return self.aggregate.panel("ESP32_TELEMETRY", telemetry(*rssi_raw, **more), self.now_ns, self.unix_ms)

    def wait(self, seconds: float) -> list[Said]:
        self.now_ns += int(seconds * S)
        self.unix_ms += int(seconds * 1000)
        return self.aggregate.tick(self.now_ns, self.unix_ms)

    def ids(self) -> list[str]:
        return [contact.id for contact in self.aggregate.contacts()]


def types(said: list[Said]) -> list[str]:
    return [one.type for one in said]
