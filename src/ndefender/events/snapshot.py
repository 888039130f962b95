"""The Backend Aggregator's snapshot: `data` of `SYSTEM_UPDATE` and answer of `GET /status`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ndefender.events.host import AudioSection, NetworkSection, SectionStatus, ServiceState, SystemSection, UpsSection

Severity = Literal["critical", "high", "medium", "low", "unknown"]
Label = Literal["friendly", "known", "hostile"]


class RfSection(msgspec.Struct, frozen=True, kw_only=True):
    """`rf`: the RF feed.

    Args:
        status: `offline` without a feed or a radio; `degraded` with `last_error`, for example `ENOSPC` where the log
            cannot be written.
        scan_active: the radio sweeps.
        last_event_type, last_event, last_timestamp_ms: the newest RF event: its type, its `data`, its time.
    """

    status: SectionStatus = "offline"
    scan_active: bool | None = None
    last_event_type: str | None = None
    last_event: msgspec.Raw | dict[str, Any] | None = None
    last_timestamp_ms: int | None = None
    last_error: str | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class RemoteIdSection(msgspec.Struct, frozen=True, kw_only=True):
    """`remote_id`: the Remote ID feed."""

    state: Literal["ok", "degraded", "offline", "replay"] = "offline"
    mode: Literal["live", "replay", "off"] = "off"
    contacts_active: int = 0
    last_ts: int | None = None
    last_event_type: str | None = None
    last_event: msgspec.Raw | dict[str, Any] | None = None
    last_timestamp_ms: int | None = None
    last_error: str | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """One video receiver of the panel. `rssi_raw` is a 12-bit ADC mean."""

    id: int
    freq_hz: int
    rssi_raw: int


class VrxSection(msgspec.Struct, frozen=True, kw_only=True):
    """`vrx`: the panel's newest telemetry.

    Args:
        status: `offline` without a panel, or after its heartbeat stopped.
        sel: receiver in use.
        vrx: the receivers.
        led, sys: as the panel says them.
    """

    status: SectionStatus = "offline"
    last_error: str | None = None
    sel: int | None = None
    vrx: list[Receiver] = []
    led: dict[str, int] | None = None
    sys: dict[str, Any] | None = None
    timestamp_ms: int | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class VideoSection(msgspec.Struct, frozen=True, kw_only=True):
    """`video`: the video switch."""

    selected: int | None = None
    status: SectionStatus = "offline"
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class ReplaySection(msgspec.Struct, frozen=True, kw_only=True):
    """`replay`: a replay of the Remote ID feed."""

    active: bool = False
    source: str | None = None
    state: str | None = None
    speed: float | None = None
    position: int | None = None
    total: int | None = None


class _Contact(msgspec.Struct, frozen=True, kw_only=True):
    """What every contact has; `type` is the Struct's tag.

    Args:
        last_seen_ts: milliseconds since the epoch.
        severity, severity_reason: see `state.severity`.
        label, note: what an operator said of it, absent where nobody did.
        replay: true where a replay produced it.
    """

    id: str
    source: Literal["remoteid", "antsdr", "esp32"]
    last_seen_ts: int
    severity: Severity = "unknown"
    severity_reason: str | msgspec.UnsetType = msgspec.UNSET
    label: Label | msgspec.UnsetType = msgspec.UNSET
    note: str | msgspec.UnsetType = msgspec.UNSET
    simulated: bool | msgspec.UnsetType = msgspec.UNSET
    replay: bool | msgspec.UnsetType = msgspec.UNSET


class RemoteIdContact(_Contact, frozen=True, kw_only=True, tag_field="type", tag="REMOTE_ID"):
    """An aircraft that announces itself. Unknown numbers are null."""

    model: str | None = None
    operator_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    altitude_m: float | None = None
    speed_m_s: float | None = None
    more: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class RfContact(_Contact, frozen=True, kw_only=True, tag_field="type", tag="RF"):
    """An emitter that the radio hears: every field of the RF contact event's `data`."""

    freq_hz: int | None = None
    bucket_hz: int | None = None
    band: str | None = None
    snr_db: float | None = None
    peak_db: float | None = None
    noise_floor_db: float | None = None
    bandwidth_class: str | None = None
    confidence: float | None = None
    features: dict[str, Any] | None = None  # `events.types.RfFeatures` as it came, unknown keys with it
    more: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET  # what a foreign writer's events say beside these


class FpvContact(_Contact, frozen=True, kw_only=True, tag_field="type", tag="FPV"):
    """A receiver of the panel that hears video."""

    vrx_id: int
    freq_hz: int
    rssi_raw: int
    selected: bool


Contact = RemoteIdContact | RfContact | FpvContact


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The whole picture. `seq` is the number of the newest envelope it accounts for."""

    timestamp_ms: int
    system: SystemSection
    power: UpsSection
    rf: RfSection
    remote_id: RemoteIdSection
    vrx: VrxSection
    video: VideoSection
    services: list[ServiceState]
    services_status: SectionStatus
    network: NetworkSection
    audio: AudioSection
    contacts: list[Contact]
    replay: ReplaySection
    seq: int
    boot_id: str
