"""One Struct for every event of the System Controller. AsyncAPI is generated from them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ndefender.api.envelopes import Enveloped
from ndefender.events.host import AckData, AudioSection, NetworkSection, ServicesSection, SystemSection, UpsSection

SystemEventType = Literal[
    "LOG_EVENT",
    "SYSTEM_STATUS",
    "UPS_UPDATE",
    "SERVICE_UPDATE",
    "NETWORK_UPDATE",
    "AUDIO_UPDATE",
    "COMMAND_ACK",
]


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of `LOG_EVENT`."""

    message: str


class _Event(Enveloped, frozen=True, kw_only=True):
    """An event of the host."""

    source: Literal["system"]


class HostLogEvent(_Event, frozen=True, kw_only=True):
    """A line for the log; `HELLO` is the first thing a client is sent."""

    type: Literal["LOG_EVENT"]
    data: Hello


class SystemStatusEvent(_Event, frozen=True, kw_only=True):
    """Statistics of the host: on connect and periodically."""

    type: Literal["SYSTEM_STATUS"]
    data: SystemSection


class UpsUpdate(_Event, frozen=True, kw_only=True):
    """The UPS: periodically, and at once when its state changes."""

    type: Literal["UPS_UPDATE"]
    data: UpsSection


class ServiceUpdate(_Event, frozen=True, kw_only=True):
    """The systemd units: periodically, and at once when one changes."""

    type: Literal["SERVICE_UPDATE"]
    data: ServicesSection


class NetworkUpdate(_Event, frozen=True, kw_only=True):
    """How the host is connected: periodically, and at once when it changes."""

    type: Literal["NETWORK_UPDATE"]
    data: NetworkSection


class AudioUpdate(_Event, frozen=True, kw_only=True):
    """The default sink: periodically, and at once when it changes."""

    type: Literal["AUDIO_UPDATE"]
    data: AudioSection


class HostCommandAck(_Event, frozen=True, kw_only=True):
    """What became of a command."""

    type: Literal["COMMAND_ACK"]
    data: AckData


class HostEvent(_Event, frozen=True, kw_only=True):
    """One envelope; the AsyncAPI document has the `data` of each type."""

    type: SystemEventType
    data: dict[str, Any]


class HostEvents(msgspec.Struct, frozen=True):
    """`GET /events/last`: the newest envelopes, oldest first."""

    events: list[HostEvent]


EVENTS: dict[SystemEventType, type[msgspec.Struct]] = {
    "LOG_EVENT": HostLogEvent,
    "SYSTEM_STATUS": SystemStatusEvent,
    "UPS_UPDATE": UpsUpdate,
    "SERVICE_UPDATE": ServiceUpdate,
    "NETWORK_UPDATE": NetworkUpdate,
    "AUDIO_UPDATE": AudioUpdate,
    "COMMAND_ACK": HostCommandAck,
}
