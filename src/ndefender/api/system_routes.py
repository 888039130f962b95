"""The route table of the System Controller's API."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ndefender.api import system_requests as requests
from ndefender.api.operations import Operation, Query
from ndefender.api.requests import Nothing
from ndefender.api.settings import ApiSettings
from ndefender.api.system_events import HostEvents
from ndefender.api.system_handlers import DEFAULT_LIMIT, SystemHandlers
from ndefender.events import host

SECTIONS: tuple[tuple[str, str, type[host.Section]], ...] = (
    ("system", "Statistics of the host", host.SystemSection),
    ("ups", "The UPS", host.UpsSection),
    ("services", "The systemd units of the configuration", host.ServicesSection),
    ("network", "How the host is connected", host.NetworkSection),
    ("audio", "The default sink", host.AudioSection),
    ("gps", "The newest fix", host.GpsSection),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the table.

    Args:
        path: below the base path.
        name: as the acknowledgement says it.
        summary: one line.
        body: Struct of its payload.
        confirm: needs ``confirm: true``.
        dangerous: limited with the dangerous ones.
        limited: counts against the command rate; what stops something never does.
        missing: may answer 404.
    """

    path: str
    name: str
    summary: str
    body: type[msgspec.Struct] = Nothing
    confirm: bool = False
    dangerous: bool = False
    limited: bool = True
    missing: bool = False

    def errors(self) -> tuple[int, ...]:
        """The statuses that it may answer with."""
        return (*((404,) if self.missing else ()), 409, 413, 429)


COMMANDS: tuple[Command, ...] = (
    Command("/services/{name}/restart", "service_restart", "Restart a unit", confirm=True, missing=True),
    Command("/system/reboot", "reboot", "Restart the host", confirm=True, dangerous=True),
    Command("/system/shutdown", "shutdown", "Switch the host off", confirm=True, dangerous=True),
    Command("/audio/mute", "audio_mute", "Silence the default sink, or not", requests.Mute),
    Command("/audio/volume", "audio_volume", "Set the volume of the default sink", requests.Volume),
    Command("/network/wifi/enable", "wifi_enable", "Switch Wi-Fi on"),
    Command("/network/wifi/disable", "wifi_disable", "Switch Wi-Fi off"),
    Command("/network/wifi/connect", "wifi_connect", "Join a network", requests.WifiConnect, missing=True),
    Command("/network/wifi/disconnect", "wifi_disconnect", "Leave the network"),
    Command("/network/bluetooth/enable", "bluetooth_enable", "Switch Bluetooth on"),
    Command("/network/bluetooth/disable", "bluetooth_disable", "Switch Bluetooth off"),
    Command("/network/bluetooth/scan/start", "bluetooth_scan_start", "Look for devices"),
    Command("/network/bluetooth/scan/stop", "bluetooth_scan_stop", "Stop looking for devices", limited=False),
    Command("/network/bluetooth/pair", "bluetooth_pair", "Pair a device", requests.BluetoothPair, missing=True),
    Command("/network/bluetooth/unpair", "bluetooth_unpair", "Forget a device", requests.BluetoothUnpair, missing=True),
    Command("/gps/restart", "gps_restart", "Restart the GPS daemon", confirm=True, missing=True),
)


def system_operations(handlers: SystemHandlers, settings: ApiSettings) -> tuple[Operation, ...]:
    """The route table of REST.md §2."""
    return (*_reads(handlers, settings), *_commands(handlers))


def _reads(h: SystemHandlers, settings: ApiSettings) -> tuple[Operation, ...]:
    limit = Query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": settings.event_buffer, "default": DEFAULT_LIMIT},
        required=False,
        description="how many",
    )
    return (
        Operation("GET", "/health", "State of the service", h.health, host.SystemHealth),
        Operation("GET", "/status", "Every section", h.status, host.SystemStatus),
        *(Operation("GET", f"/{name}", summary, h.section(name), answer) for name, summary, answer in SECTIONS),
        Operation("GET", "/network/wifi/state", "The Wi-Fi adapter", h.wifi_state, host.WifiState),
        Operation("GET", "/network/wifi/scan", "Networks in reach", h.wifi_scan, host.WifiScan),
        Operation("GET", "/network/bluetooth/state", "The Bluetooth adapter", h.bluetooth_state, host.BluetoothState),
        Operation("GET", "/network/bluetooth/devices", "Devices it knows", h.bluetooth_devices, host.BluetoothDevices),
        Operation("GET", "/events/last", "Newest events, oldest first", h.events_last, HostEvents, query=(limit,)),
    )


def _commands(h: SystemHandlers) -> tuple[Operation, ...]:
    return tuple(
        Operation(
            "POST",
            row.path,
            row.summary,
            h.command(row.name, row.body, limited=row.limited, dangerous=row.dangerous),
            host.CommandAck,
            row.body,
            errors=row.errors(),
            confirm=row.confirm,
        )
        for row in COMMANDS
    )
