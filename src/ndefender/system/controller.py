"""The System Controller: all parts of the host watched at once, their updates on one stream, commands to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from ndefender.errors import CommandRejected
from ndefender.events.host import (
    AudioSection,
    BluetoothDevices,
    BluetoothState,
    CommandAck,
    GpsSection,
    NetworkSection,
    Section,
    ServicesSection,
    SystemHealth,
    SystemSection,
    SystemStatus,
    UpsSection,
    WifiScan,
    WifiState,
)
from ndefender.events.stream import Greeted, Stream
from ndefender.system.audit import Audit
from ndefender.system.backend import Absent, Backend
from ndefender.system.bounded import Bounded, plain
from ndefender.system.command_table import command_table
from ndefender.system.commands import Commander
from ndefender.system.monitor import CLOSE_S, Monitor
from ndefender.system.parts import Parts
from ndefender.system.question import Question
from ndefender.system.sections import EVENTS, NOT_READ_YET

S = TypeVar("S", bound=Section)

SOURCE = "system"
SCAN_S = 15.0  # a Wi-Fi radio looks at all its channels


class Controller:
    """Watches the parts, publishes, answers and carries out. Everything is called on the loop's thread.

    A part that hangs, dies or talks nonsense costs its own section and nothing else: each has tasks of its own.

    Args:
        parts: what there is of the host.
        stream: where the events go.
        version: of the service.
        now_ms: wall clock, milliseconds since the epoch.
        clock: monotonic seconds, at the pace of the loop's own.
        timeout_s: longest wait for a part's answer.
        allow_unsafe: dangerous commands are possible at all.
        dry_run: drill: commands are checked, acknowledged and audited, and nothing is done.
        audit: where commands are written.
    """

    def __init__(
        self,
        parts: Parts,
        stream: Stream,
        *,
        version: str,
        now_ms: Callable[[], int],
        clock: Callable[[], float],
        timeout_s: float,
        allow_unsafe: bool,
        dry_run: bool,
        audit: Audit,
    ) -> None:
        self.on_section: list[Callable[[str, Section], None]] = []
        self._parts = parts
        self._stream = stream
        self._version = version
        self._now_ms = now_ms
        self._clock = clock
        self._timeout_s = timeout_s
        self._monitors: list[Monitor[Any]] = []
        self._system = self._watched("system", parts.system, SystemSection)
        self._ups = self._watched("ups", parts.ups, UpsSection)
        self._services = self._watched("services", parts.services, ServicesSection)
        self._network = self._watched("network", parts.network, NetworkSection)
        self._audio = self._watched("audio", parts.audio, AudioSection)
        self._gps = self._watched("gps", parts.gps, GpsSection)
        self._sections: dict[str, Callable[[], Section]] = {
            "system": lambda: self._system.section,
            "ups": lambda: self._ups.section,
            "services": lambda: self._services.section,
            "network": lambda: self._network.section,
            "audio": lambda: self._audio.section,
            "gps": lambda: self._gps.section,
        }
        wifi, bluetooth = parts.wifi, parts.bluetooth
        self._wifi_state = self._question("wifi", wifi.state if wifi else None, WifiState)
        self._wifi_scan = self._question("wifi", wifi.scan if wifi else None, WifiScan, SCAN_S)
        self._bluetooth_state = self._question("bluetooth", bluetooth.state if bluetooth else None, BluetoothState)
        self._bluetooth_devices = self._question(
            "bluetooth", bluetooth.devices if bluetooth else None, BluetoothDevices
        )
        self._commander = Commander(
            command_table(parts),
            clock=clock,
            now_ms=now_ms,
            allow_unsafe=allow_unsafe,
            dry_run=dry_run,
            audit=audit,
            why_offline=self._why_offline,
            why_absent=parts.why_absent,
            simulated=parts.simulated,
        )
        self._commander.on_ack.append(self._acknowledge)

    @property
    def on_ack(self) -> list[Callable[[CommandAck], None]]:
        """Called with every acknowledgement, after it went to the stream."""
        return self._commander.on_ack

    async def start(self) -> None:
        """Begin to watch. Returns at once; what was not read yet says so."""
        for monitor in self._monitors:
            monitor.start()

    async def stop(self) -> None:
        """Stop watching and close every backend; takes a few seconds at most, whatever hangs."""
        await self._commander.stop()
        questions = (self._wifi_state, self._wifi_scan, self._bluetooth_state, self._bluetooth_devices)
        await asyncio.gather(*(question.close() for question in questions))
        await asyncio.gather(*(monitor.stop() for monitor in self._monitors))
        await asyncio.gather(*(Bounded(close, CLOSE_S).ask() for close in self._parts.close))

    def health(self) -> SystemHealth:
        """`/health`: the service works if it can answer this."""
        gone = [name for name, section in self._sections.items() if section().status == "offline"]
        return SystemHealth(ok=True, timestamp_ms=self._now_ms(), version=self._version, offline=gone)

    def status(self) -> SystemStatus:
        """`/status`: every section as it was read last, and the number after which the stream goes on."""
        return SystemStatus(
            timestamp_ms=self._now_ms(),
            system=self._system.section,
            ups=self._ups.section,
            services=self._services.section,
            network=self._network.section,
            audio=self._audio.section,
            gps=self._gps.section,
            seq=self._stream.seq,
            boot_id=self._stream.boot_id,
        )

    def section(self, name: str) -> Section:
        """One section as it was read last.

        Raises:
            CommandRejected: 404, there is none of that name.
        """
        if name not in self._sections:
            raise CommandRejected(404, "unknown_section", f"there is no section {plain(name, 40)!r}")
        return self._sections[name]()

    async def wifi_state(self) -> WifiState:
        """What the Wi-Fi radio is connected to; an offline answer where nobody knows, never an error."""
        return await self._wifi_state.answer()

    async def wifi_scan(self) -> WifiScan:
        """The networks on the air; likewise. Clients that ask at once share one scan."""
        return await self._wifi_scan.answer()

    async def bluetooth_state(self) -> BluetoothState:
        """The Bluetooth adapter; likewise."""
        return await self._bluetooth_state.answer()

    async def bluetooth_devices(self) -> BluetoothDevices:
        """The devices that the adapter knows; likewise."""
        return await self._bluetooth_devices.answer()

    async def command(self, name: str, args: Mapping[str, object], *, confirm: bool, client: str) -> CommandAck:
        """Carry out a command; see `Commander.command`.

        Raises:
            CommandRejected: it was not accepted, nothing was done.
        """
        return await self._commander.command(name, args, confirm=confirm, client=client)

    def subscribe(self, queue_events: int) -> Greeted:
        """Listen to the stream: HELLO, the system's status, then every update.

        Args:
            queue_events: bound of the queue, the oldest dropped when full.
        """
        return self._stream.greet(
            queue_events,
            ("LOG_EVENT", SOURCE, {"message": "HELLO"}),
            ("SYSTEM_STATUS", SOURCE, self._system.section),
        )

    def events_last(self, limit: int) -> list[bytes]:
        """The newest `limit` envelopes, oldest first."""
        return self._stream.bus.last(limit)

    def _watched(self, name: str, backend: Backend[S] | None, kind: type[S]) -> Monitor[S]:
        part: Backend[S] = Absent(name, self._parts.why_absent(name)) if backend is None else backend
        monitor = Monitor(
            part,
            kind,
            lambda section: self._publish(name, section),
            self._timeout_s,
            self._clock,
            simulated=name in self._parts.simulated,
        )
        self._monitors.append(monitor)
        return monitor

    def _question(
        self, part: str, ask: Callable[[], Awaitable[S]] | None, kind: type[S], timeout_s: float | None = None
    ) -> Question[S]:
        return Question(
            ask,
            kind,
            timeout_s or self._timeout_s,
            self._parts.why_absent(part),
            simulated=part in self._parts.simulated,
        )

    def _why_offline(self, name: str) -> str | None:
        section = self._sections[name]()
        # Before the first reading nothing is known: the command finds out by itself.
        if section.status != "offline" or section.last_error == NOT_READ_YET:
            return None
        return section.last_error

    def _publish(self, name: str, section: Section) -> None:
        if name in EVENTS:
            self._stream.emit(EVENTS[name], SOURCE, section)
        loop = asyncio.get_running_loop()
        for listener in self.on_section:
            # In order, but not inside the monitor: what a listener raises is the loop's to report, not its end.
            loop.call_soon(listener, name, section)

    def _acknowledge(self, ack: CommandAck) -> None:
        self._stream.emit("COMMAND_ACK", SOURCE, ack.data, ack.timestamp_ms)
