"""The panel: the `vrx` and `video` sections, and the receivers that hear video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from ndefender import units
from ndefender.events.snapshot import FpvContact, Receiver, VideoSection, VrxSection
from ndefender.state.contacts import marks
from ndefender.state.fpv import Floors
from ndefender.state.labels import LabelEntry
from ndefender.state.policy import ContactPolicy, Counters
from ndefender.state.severity import of_fpv

SOURCE: Final = "esp32"
_ID_PREFIX: Final = "fpv:"
TELEMETRY: Final = "ESP32_TELEMETRY"
KINDS: Final = frozenset({TELEMETRY, "COMMAND_ACK", "LOG_EVENT"})
_MAX_VRX_ID: Final = 16
_ADC_MAX_RAW: Final = 4095
_FREQ_MAX_HZ: Final = 10_000_000_000


class PanelLink(Protocol):
    """The link to the panel."""

    @property
    def connected(self) -> bool:
        """A panel answers."""

    @property
    def heartbeat(self) -> str:
        """`ok`, `lost`, `none`."""

    @property
    def last_error(self) -> str | None:
        """Why it is not connected."""

    @property
    def simulated(self) -> bool:
        """The panel is emulated."""


@dataclass(slots=True)
class _Video:
    reading: Receiver
    last_seen_ms: int
    heard_ns: int
    simulated: bool


class Panel:
    """State of the panel.

    Args:
        policy: limits.
        labels: what operators said, by contact id.
        counters: shared.
    """

    def __init__(self, policy: ContactPolicy, labels: Mapping[str, LabelEntry], counters: Counters) -> None:
        self._ttl_ns = units.s_to_ns(policy.ttl_fpv_s)
        self._max_contacts = policy.max_contacts
        self._labels = labels
        self._counters = counters
        self._floors = Floors(policy.fpv_over_floor_raw, policy.fpv_spread_raw)
        self._online = False
        self._error: str | None = "no panel was found yet"
        self._simulated = False
        self._telemetry: dict[str, Any] | None = None
        self._telemetry_ms: int | None = None
        self._video: dict[int, _Video] = {}

    def link(self, state: PanelLink) -> None:
        """Take the state of the link."""
        self._online = state.connected and state.heartbeat == "ok"
        self._error = None if self._online else state.last_error or f"heartbeat: {state.heartbeat}"
        self._simulated = state.simulated
        if not self._online:
            self._telemetry = None

    def telemetry(self, data: dict[str, Any], now_ns: int, unix_ms: int) -> bool:
        """Take one telemetry line, which is a heartbeat too.

        Returns:
            whether the contacts are others than before.
        """
        self._telemetry, self._telemetry_ms = data, unix_ms
        self._online, self._error = True, None
        self._simulated = data.get("simulated") is True
        readings = self._readings(data)
        for reading in readings:
            self._floors.look(reading.id, reading.freq_hz, reading.rssi_raw, now_ns)
        before = set(self._video)
        for reading in readings:
            if not self._floors.hears(reading.id, reading.rssi_raw, reading.id in self._video):
                continue
            if reading.id in self._video or len(self._video) < self._max_contacts:
                self._video[reading.id] = _Video(reading, unix_ms, now_ns, self._simulated)
        return set(self._video) != before

    def tick(self, now_ns: int) -> bool:
        """End the contacts that were silent for their TTL; whether there were any."""
        over = [vrx_id for vrx_id, video in self._video.items() if now_ns - video.heard_ns > self._ttl_ns]
        for vrx_id in over:
            del self._video[vrx_id]
        self._counters.expired += len(over)
        return bool(over)

    def ids(self) -> set[str]:
        """Ids of the live FPV contacts."""
        return {f"{_ID_PREFIX}{vrx_id}" for vrx_id in self._video}

    def vrx(self) -> VrxSection:
        """The `vrx` section; without a panel there are no values."""
        simulated = self._simulated or msgspec.UNSET
        if not self._online or self._telemetry is None:
            error = self._error or "no telemetry yet"
            return VrxSection(status="offline", last_error=error, simulated=simulated)
        led, system = self._telemetry.get("led"), self._telemetry.get("sys")
        return VrxSection(
            status="ok",
            sel=_whole(self._telemetry.get("sel")),
            vrx=self._readings(self._telemetry, count=False),
            led={k: v for k, v in led.items() if type(v) is int} if isinstance(led, dict) else None,
            sys=system if isinstance(system, dict) else None,
            timestamp_ms=self._telemetry_ms,
            simulated=simulated,
        )

    def video(self) -> VideoSection:
        """The `video` section."""
        simulated = self._simulated or msgspec.UNSET
        if not self._online or self._telemetry is None:
            return VideoSection(simulated=simulated)
        return VideoSection(selected=self._selected(), status="ok", simulated=simulated)

    def contacts(self, rf: Iterable[Mapping[str, Any]]) -> list[FpvContact]:
        """The live FPV contacts.

        Args:
            rf: fields of the live RF contacts, for the severity.
        """
        known_rf, selected = list(rf), self._selected()
        found = []
        for vrx_id, video in self._video.items():
            contact_id = f"{_ID_PREFIX}{vrx_id}"
            entry = self._labels.get(contact_id)
            verdict = of_fpv(video.reading.freq_hz, entry.label if entry else None, known_rf)
            found.append(
                FpvContact(
                    id=contact_id,
                    source=SOURCE,
                    last_seen_ts=video.last_seen_ms,
                    vrx_id=vrx_id,
                    freq_hz=video.reading.freq_hz,
                    rssi_raw=video.reading.rssi_raw,
                    selected=selected == vrx_id,
                    **marks(verdict, entry, video.simulated, False),
                )
            )
        return found

    def _selected(self) -> int | None:
        telemetry = self._telemetry or {}
        video = telemetry.get("video")
        selected = _whole(video.get("selected")) if isinstance(video, dict) else None
        return _whole(telemetry.get("sel")) if selected is None else selected

    def _readings(self, data: Mapping[str, Any], count: bool = True) -> list[Receiver]:
        rows = data.get("vrx")
        rows = rows if isinstance(rows, list) else []
        readings = {reading.id: reading for row in rows if (reading := _reading(row)) is not None}
        if count:
            self._counters.garbage += len(rows) - len(readings)
        return list(readings.values())


def _reading(row: object) -> Receiver | None:
    if not isinstance(row, dict):
        return None
    vrx_id, freq_hz, rssi_raw = (_whole(row.get(key)) for key in ("id", "freq_hz", "rssi_raw"))
    if vrx_id is None or freq_hz is None or rssi_raw is None:
        return None
    possible = 0 <= vrx_id <= _MAX_VRX_ID and 0 < freq_hz <= _FREQ_MAX_HZ and 0 <= rssi_raw <= _ADC_MAX_RAW
    return Receiver(id=vrx_id, freq_hz=freq_hz, rssi_raw=rssi_raw) if possible else None


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
