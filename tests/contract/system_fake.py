"""A service behind the System Controller's API that exists only in memory: a real stream, hand-made sections."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from scan_fake import NOW_MS
from scan_fake import Server as ScanServer

from ndefender.api.app import App
from ndefender.api.system_app import build_system_app
from ndefender.errors import CommandRejected
from ndefender.events import host
from ndefender.events.bus import Bus
from ndefender.events.stream import Greeted, Stream

BOOT_ID = "d" * 32
UNIT = "ndefender-system-controller"
NETWORK = "MyWiFi"
ADDR = "AA:BB:CC:DD:EE:FF"
CONFIRM = frozenset({"service_restart", "reboot", "shutdown", "gps_restart"})
DANGEROUS = frozenset({"reboot", "shutdown"})
PARTS = {"service": "services", "audio": "audio", "wifi": "wifi", "bluetooth": "bluetooth", "gps": "gps"}
COOL_DOWN_S = 10.0

SECTIONS: dict[str, host.Section] = {
    "system": host.SystemSection(cpu_temp_c=45.2, cpu_usage_percent=12.5, uptime_s=1000.0, throttled_flags=0),
    "ups": host.UpsSection(soc_percent=78, state="DISCHARGING", per_cell_v=[3.7, 3.71, 3.69, 3.72], simulated=True),
    "services": host.ServicesSection(
        services=[host.ServiceState(name=UNIT, active_state="active", sub_state="running", restart_count=1)]
    ),
    "network": host.NetworkSection(connected=True, ssid=NETWORK, ip_v4="192.168.1.100", kind="wifi"),
    "audio": host.AudioSection(volume_percent=60, muted=False, sink="null"),
    "gps": host.GpsSection(status="offline", last_error="gpsd does not answer on 127.0.0.1:2947"),
}
EVENTS = {
    "system": "SYSTEM_STATUS",
    "ups": "UPS_UPDATE",
    "services": "SERVICE_UPDATE",
    "network": "NETWORK_UPDATE",
    "audio": "AUDIO_UPDATE",
}


class FakeSystemPort:
    """Answers fixed sections and records the commands it was given."""

    def __init__(self) -> None:
        self.stream = Stream(Bus(1000), BOOT_ID, lambda: NOW_MS)
        self.commands: list[tuple[str, dict[str, object]]] = []
        self.clients: list[str] = []
        self.absent: set[str] = set()
        self.resting: set[tuple[str, object]] = set()
        self.cool_downs = False
        self.unsafe = True
        self.broken = False
        self.failing = False

    # --- driven by the test, on the server's loop ---
    def publish(self, name: str = "system") -> int:
        return self.stream.emit(EVENTS[name], "system", SECTIONS[name])

    # --- SystemPort ---
    def health(self) -> host.SystemHealth:
        if self.broken:
            raise ZeroDivisionError("secret detail")
        return host.SystemHealth(ok=True, timestamp_ms=NOW_MS, version="0.1.0", offline=["gps"])

    def status(self) -> host.SystemStatus:
        found: Any = SECTIONS
        return host.SystemStatus(timestamp_ms=NOW_MS, seq=self.stream.seq, boot_id=BOOT_ID, **found)

    def section(self, name: str) -> host.Section:
        return SECTIONS[name]

    async def wifi_state(self) -> host.WifiState:
        return host.WifiState(enabled=True, connected=True, ssid=NETWORK, signal_percent=70, frequency_mhz=2412)

    async def wifi_scan(self) -> host.WifiScan:
        found = host.WifiNetwork(
            ssid=NETWORK,
            bssid=ADDR,
            signal_percent=70,
            frequency_mhz=2412,
            security="wpa2",
            known=True,
            in_use=True,
        )
        return host.WifiScan(networks=[found])

    async def bluetooth_state(self) -> host.BluetoothState:
        return host.BluetoothState(status="offline", last_error="there is no Bluetooth adapter")

    async def bluetooth_devices(self) -> host.BluetoothDevices:
        device = host.BluetoothDevice(addr=ADDR, name=None, paired=False, connected=False, rssi_dbm=-60)
        return host.BluetoothDevices(devices=[device])

    async def command(self, name: str, args: Mapping[str, object], *, confirm: bool, client: str) -> host.CommandAck:
        self.clients.append(client)
        target = args.get("name", args.get("addr", args.get("ssid")))
        if name == "service_restart" and target != UNIT:
            raise CommandRejected(404, "unknown_service", f"name: {str(target)[:80]!r} is not a configured service")
        if name in CONFIRM and not confirm:
            raise CommandRejected(400, "confirm_required", f"confirm: must be true for {name}")
        if name in DANGEROUS and not self.unsafe:
            raise CommandRejected(403, "unsafe_operations_disabled", f"{name} needs safety.allow_unsafe_operations")
        if (name, target) in self.resting:
            raise CommandRejected(429, "cooling_down", f"{name} rests: try again in 10 s", COOL_DOWN_S - 0.5)
        part = PARTS.get(name.split("_", maxsplit=1)[0], "power")
        if part in self.absent:
            raise CommandRejected(409, f"{part}_absent", f"{part} is not there: it is switched off for this test")
        if name == "wifi_connect" and target != NETWORK and not args["hidden"]:
            raise CommandRejected(404, "unknown_network", f"ssid: no network {target!r} is heard")
        if self.cool_downs and name in CONFIRM:
            self.resting.add((name, target))
        self.commands.append((name, dict(args)))
        ack = host.AckData(
            command=name,
            ok=not self.failing,
            reason="the unit did not come up" if self.failing else None,
            command_id=str(uuid.uuid4()),
            target=msgspec.UNSET if target is None else str(target),
        )
        self.stream.emit("COMMAND_ACK", "system", ack)
        return host.CommandAck(timestamp_ms=NOW_MS, data=ack)

    def subscribe(self, queue_events: int) -> Greeted:
        return self.stream.greet(
            queue_events,
            ("LOG_EVENT", "system", {"message": "HELLO"}),
            ("SYSTEM_STATUS", "system", SECTIONS["system"]),
        )

    def events_last(self, limit: int) -> list[bytes]:
        return self.stream.bus.last(limit)


class Server(ScanServer):
    """The System Controller's API on a thread of its own."""

    port: Any

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.port = FakeSystemPort()

    def build(self) -> App:
        return build_system_app(self.port, self.settings, self._clock)


__all__ = ["ADDR", "BOOT_ID", "NETWORK", "SECTIONS", "UNIT", "FakeSystemPort", "Server"]
