"""One Struct for every answer and event of the Backend Aggregator. OpenAPI and AsyncAPI are generated from them.

Numbers that are not known are None, never a made-up 0. Frequencies are Hz, time-stamps integer Unix milliseconds.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ndefender.api.answers import Device, Gain, SweepState
from ndefender.api.envelopes import Enveloped
from ndefender.events.snapshot import Contact, Label, Receiver, Snapshot
from ndefender.events.types import RfContactData

Heartbeat = Literal["ok", "lost", "none"]


class AggregatorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /health`.

    Args:
        status: `ok`, or `degraded` with reasons in `detail`.
        timestamp_ms: wall clock now.
        detail: why it is degraded, in plain words.
        version: of the package.
        boot_id: names this run of the service; the one in the event envelopes.
        seq: number of the newest event envelope, 0 before the first.
        simulated: true where a simulated or emulated source has a part in the picture, else absent.
    """

    status: Literal["ok", "degraded"]
    timestamp_ms: int
    detail: list[str] = []
    version: str
    boot_id: str
    seq: int
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class PanelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /esp32`: the link to the panel.

    Args:
        connected: a panel answers on the port.
        last_seen_ms: wall clock of its newest line, None before the first.
        heartbeat: `ok`, `lost` (three telemetry lines missed), `none` (never heard).
        capabilities: commands it is known to take.
        port: serial device, None while none is open.
        fw_version: as the panel says it, None where it does not.
        boot_count: restarts of the panel seen since the service began.
        bad_lines: lines that were no message.
        timeouts: commands it did not acknowledge in time.
        last_error: why it is not connected, None where it is.
        simulated: true where an emulated panel answers, else absent.
    """

    connected: bool
    last_seen_ms: int | None
    heartbeat: Heartbeat
    capabilities: list[str]
    port: str | None = None
    fw_version: str | None = None
    boot_count: int = 0
    bad_lines: int = 0
    timeouts: int = 0
    last_error: str | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class RadioAnswer(Device, frozen=True, kw_only=True):
    """`GET /antsdr`: the radio, where in its sweep it is, and its gain, as the AntSDR Scan API says them."""

    sweep: SweepState
    gain: Gain


class UnifiedContacts(msgspec.Struct, frozen=True):
    """`GET /contacts`: unified contacts, newest first."""

    contacts: list[Contact]


class LabelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /contacts/{id}/label`: what is kept now."""

    id: str
    label: Label | None
    note: str | None
    timestamp_ms: int


# --- events -----------------------------------------------------------------------------------------------------------
class SystemUpdate(Enveloped, frozen=True, kw_only=True):
    """The whole picture: on connect and periodically."""

    type: Literal["SYSTEM_UPDATE"]
    source: Literal["aggregator"]
    data: Snapshot


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `COMMAND_ACK`.

    Args:
        ok: it was carried out.
        id: of a panel's command: its `command_id`, or the id of whoever else spoke to the panel.
        err: the panel's own word for what went wrong, `timeout` where it said nothing; null where it is ok.
        data: what the panel says more, `{"cmd": …}`.
        command, reason, target, dry_run: of a host's command, see the System Controller's `COMMAND_ACK`.
        command_id: of the CommandResult that it belongs to.
    """

    ok: bool
    id: str | msgspec.UnsetType = msgspec.UNSET
    err: str | msgspec.UnsetType | None = msgspec.UNSET
    data: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    command: str | msgspec.UnsetType = msgspec.UNSET
    reason: str | msgspec.UnsetType | None = msgspec.UNSET
    target: str | msgspec.UnsetType = msgspec.UNSET
    dry_run: bool | msgspec.UnsetType = msgspec.UNSET
    command_id: str | msgspec.UnsetType = msgspec.UNSET
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class CommandAcknowledged(Enveloped, frozen=True, kw_only=True):
    """Outcome of a command: of the panel (source `esp32`) or of the host (source `system`)."""

    type: Literal["COMMAND_ACK"]
    source: Literal["esp32", "system"]
    data: Outcome


class PanelTelemetry(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `ESP32_TELEMETRY`: the panel's line as it came; `timestamp_ms` counts from its boot."""

    type: Literal["telemetry"] = "telemetry"
    timestamp_ms: int
    sel: int | None = None
    vrx: list[Receiver] = []
    video: dict[str, Any] | None = None
    led: dict[str, int] | None = None
    sys: dict[str, Any] | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class Telemetry(Enveloped, frozen=True, kw_only=True):
    """The panel's telemetry."""

    type: Literal["ESP32_TELEMETRY"]
    source: Literal["esp32"]
    data: PanelTelemetry


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `LOG_EVENT`: `timestamp_ms` is milliseconds since the panel's boot."""

    type: str | msgspec.UnsetType = msgspec.UNSET
    timestamp_ms: int | msgspec.UnsetType = msgspec.UNSET
    message: str
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class LogEvent(Enveloped, frozen=True, kw_only=True):
    """A subsystem's log event."""

    type: Literal["LOG_EVENT"]
    source: str
    data: LogLine


class AircraftData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of a Remote ID contact event. Unknown numbers are null or absent."""

    id: str
    type: Literal["REMOTE_ID"] | msgspec.UnsetType = msgspec.UNSET
    model: str | None = None
    operator_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    altitude_m: float | None = None
    speed_m_s: float | None = None
    last_seen_ts: int | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class AircraftEvent(Enveloped, frozen=True, kw_only=True):
    """A step in the life of an aircraft that announces itself: NEW, UPDATE…, LOST."""

    type: Literal["CONTACT_NEW", "CONTACT_UPDATE", "CONTACT_LOST"]
    source: Literal["remoteid"]
    data: AircraftData


class EmitterEvent(Enveloped, frozen=True, kw_only=True):
    """A step in the life of an RF contact: NEW, UPDATE…, LOST; the AntSDR Scan API's `data`, field for field."""

    type: Literal["RF_CONTACT_NEW", "RF_CONTACT_UPDATE", "RF_CONTACT_LOST"]
    source: Literal["antsdr"]
    data: RfContactData


class FeedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `TELEMETRY_UPDATE`: how the Remote ID feed is."""

    state: str
    mode: str | None = None
    contacts_active: int | None = None
    last_ts: int | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class FeedTelemetry(Enveloped, frozen=True, kw_only=True):
    """The Remote ID feed's health."""

    type: Literal["TELEMETRY_UPDATE"]
    source: Literal["remoteid"]
    data: FeedHealth


class ReplayProgress(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `REPLAY_STATE`."""

    state: str
    speed: float | None = None
    position: int | None = None
    total: int | None = None
    ts: int | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class ReplayEvent(Enveloped, frozen=True, kw_only=True):
    """Where a replay of the Remote ID feed is."""

    type: Literal["REPLAY_STATE"]
    source: Literal["remoteid"]
    data: ReplayProgress


EventType = Literal[
    "SYSTEM_UPDATE",
    "COMMAND_ACK",
    "ESP32_TELEMETRY",
    "LOG_EVENT",
    "CONTACT_NEW",
    "CONTACT_UPDATE",
    "CONTACT_LOST",
    "RF_CONTACT_NEW",
    "RF_CONTACT_UPDATE",
    "RF_CONTACT_LOST",
    "TELEMETRY_UPDATE",
    "REPLAY_STATE",
]


class AnyEvent(Enveloped, frozen=True, kw_only=True):
    """One envelope; the AsyncAPI document has the `data` of each type."""

    type: EventType
    source: str
    data: dict[str, Any]


class EventsLast(msgspec.Struct, frozen=True):
    """`GET /events/last`: the newest envelopes, oldest first."""

    events: list[AnyEvent]


EVENTS: dict[str, type[msgspec.Struct]] = {
    "SYSTEM_UPDATE": SystemUpdate,
    "COMMAND_ACK": CommandAcknowledged,
    "ESP32_TELEMETRY": Telemetry,
    "LOG_EVENT": LogEvent,
    "CONTACT_NEW": AircraftEvent,
    "CONTACT_UPDATE": AircraftEvent,
    "CONTACT_LOST": AircraftEvent,
    "RF_CONTACT_NEW": EmitterEvent,
    "RF_CONTACT_UPDATE": EmitterEvent,
    "RF_CONTACT_LOST": EmitterEvent,
    "TELEMETRY_UPDATE": FeedTelemetry,
    "REPLAY_STATE": ReplayEvent,
}
