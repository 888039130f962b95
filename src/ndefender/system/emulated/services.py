"""A host's D-Bus services, emulated: systemd, logind, NetworkManager, BlueZ and timedated on a private bus.

Code under test, or in the demo, sees nothing but the address of a bus.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from dbus_fast import Variant

from ndefender.system.backend import Offline
from ndefender.system.bus import PROPERTIES, SystemBus
from ndefender.system.emulated.bus_daemon import START_TIMEOUT_S, BusDaemon, EmulationError
from ndefender.system.emulated.mock_process import MockProcess
from ndefender.system.peers import BLUEZ, LOGIND, NETWORK_MANAGER, SYSTEMD, TIMEDATED, Peer

Name = Literal["systemd", "logind", "networkmanager", "bluez", "timedated"]
T = TypeVar("T")
MOCK = "org.freedesktop.DBus.Mock"
PEERS: dict[Name, tuple[Peer, str]] = {
    "systemd": (SYSTEMD, "/org/freedesktop/systemd1"),
    "logind": (LOGIND, "/org/freedesktop/login1"),
    "networkmanager": (NETWORK_MANAGER, "/org/freedesktop"),
    "bluez": (BLUEZ, "/"),
    "timedated": (TIMEDATED, "/org/freedesktop/timedate1"),
}
ALL: tuple[Name, ...] = tuple(PEERS)
CONTROL_TIMEOUT_S = 5.0
POLL_S = 0.02


class EmulatedBus:
    """A private message bus with emulated services on it.

    Its methods block for some milliseconds (`start` for about a second); they may be called from any thread, in an
    event loop by `asyncio.to_thread`. What it starts dies with it, also where this process is killed.

    Args:
        folder: for configuration, logs and the socket.
        services: which ones are there.
        refused: D-Bus policy in XML of what the bus refuses, for tests of missing rights.
    """

    def __init__(self, folder: Path, services: Sequence[Name] = ALL, refused: str = "") -> None:
        self._daemon = BusDaemon(folder, refused)
        self.address = self._daemon.address
        self._mocks = {name: MockProcess(name, self.address, folder / f"{name}.log") for name in services}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._bus: SystemBus | None = None

    def start(self) -> None:
        """Start everything and wait until it answers. Raises EmulationError where it does not."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), name="emulated-bus", daemon=True)
        self._thread.start()
        ready.wait(START_TIMEOUT_S)
        complete = False
        try:
            self._run(self._start())
            complete = True
        finally:
            # Half an emulation is none, also after an interrupt in between.
            if not complete:
                self.stop()

    def _serve(self, ready: threading.Event) -> None:
        # One thread for the life of the emulation: the processes die with the thread that started them.
        self._loop = asyncio.new_event_loop()
        self._loop.call_soon(ready.set)
        self._loop.run_forever()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise EmulationError("the emulated bus is not started")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * START_TIMEOUT_S)

    async def _start(self) -> None:
        self._daemon.start()
        self._bus = SystemBus(self.address, CONTROL_TIMEOUT_S)
        for mock in self._mocks.values():
            mock.start()
        for name in self._mocks:
            await self._answers(name)

    async def _answers(self, name: Name) -> None:
        """Wait until a service answers: its template is loaded then."""
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await self._reached(name):
                    if not self._mocks[name].running:
                        raise EmulationError(f"the emulated {name} does not start")
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise EmulationError(f"the emulated {name} did not answer within {START_TIMEOUT_S:g} s") from None

    async def _reached(self, name: Name) -> bool:
        try:
            await self._call(name, "GetCalls", reply="a(tsav)")
        except Offline:
            return False
        return True

    async def _call(
        self,
        name: Name,
        member: str,
        signature: str = "",
        body: Sequence[object] = (),
        *,
        path: str = "",
        reply: str = "",
    ) -> list[Any]:
        if self._bus is None:
            raise EmulationError("the emulated bus is not started")
        peer, root = PEERS[name]
        return await self._bus.call(peer, path or root, MOCK, member, signature, body, reply=reply)

    def stop(self) -> None:
        """Kill everything. Safe to call twice."""
        if self._loop is not None and self._thread is not None:
            if self._bus is not None:
                self._run(self._bus.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(START_TIMEOUT_S)
            self._loop = self._bus = None
        for mock in self._mocks.values():
            mock.resume()
            mock.kill()
        self._daemon.resume()
        self._daemon.stop()

    # Faults

    def hang(self, name: Name) -> None:
        """A service answers nothing any more, but keeps its name."""
        self._mocks[name].hang()

    def resume(self, name: Name) -> None:
        """It goes on where it stopped."""
        self._mocks[name].resume()

    def kill(self, name: Name) -> None:
        """A service dies."""
        self._mocks[name].kill()

    def restart(self, name: Name) -> None:
        """A service comes (back), as new: without the units, devices and access points it had."""
        self.kill(name)
        self._run(self._restart(name))

    async def _restart(self, name: Name) -> None:
        self._mocks[name].start()
        await self._answers(name)

    def hang_bus(self) -> None:
        """The message bus itself answers nothing any more."""
        self._daemon.hang()

    def resume_bus(self) -> None:
        """It goes on."""
        self._daemon.resume()

    def kill_bus(self) -> None:
        """The message bus dies, and every service with it."""
        self._daemon.kill()
        for mock in self._mocks.values():
            mock.kill()

    def restart_bus(self) -> None:
        """The message bus and its services come back, on the same address."""
        self.kill_bus()
        self._run(self._start_again())

    async def _start_again(self) -> None:
        if self._bus is not None:
            await self._bus.close()
        await self._start()

    # What the services have

    def calls(self, name: Name, member: str, path: str = "") -> list[list[Any]]:
        """Arguments of every call of a method so far."""
        (rows,) = self._run(self._call(name, "GetMethodCalls", "s", [member], path=path, reply="a(tav)"))
        return [[argument.value for argument in arguments] for _, arguments in rows]

    def set(self, name: Name, path: str, interface: str, prop: str, value: Variant) -> None:
        """Set any property, to nonsense too; it is signalled."""
        peer, _ = PEERS[name]
        bus = self._bus
        if bus is None:
            raise EmulationError("the emulated bus is not started")
        self._run(bus.call(peer, path, PROPERTIES, "Set", "ssv", [interface, prop, value]))

    def replace(
        self, name: Name, path: str, interface: str, member: str, signature: str, reply: str, code: str
    ) -> None:
        """From now on a method does this instead, Python that dbusmock runs; `ret` is what it returns."""
        self._run(self._call(name, "AddMethod", "sssss", [interface, member, signature, reply, code], path=path))

    def fail(self, name: Name, path: str, interface: str, member: str, signature: str, error: str) -> None:
        """From now on a method answers with that D-Bus error."""
        code = f"raise dbus.exceptions.DBusException('as told', name={error!r})"
        self.replace(name, path, interface, member, signature, "", code)

    def unit(self, name: str, active: str = "active", sub: str = "running", restarts: int = 0) -> None:
        """Add a unit, or change its state."""
        self._run(self._call("systemd", "PutUnit", "sssu", [f"{name}.service", active, sub, restarts]))

    def ethernet(self, ip_v4: str = "10.0.0.5", ip_v6: str = "") -> None:
        """Plug in a cable."""
        self._run(self._call("networkmanager", "PutEthernet", "ss", [ip_v4, ip_v6]))

    def unplug(self) -> None:
        """Pull the cable out."""
        self._run(self._call("networkmanager", "DropEthernet"))

    def wifi(self) -> None:
        """Add a Wi-Fi radio."""
        self._run(self._call("networkmanager", "PutWifi"))

    def access_point(
        self,
        ssid: str,
        bssid: str,
        *,
        frequency_mhz: int = 2437,
        signal_percent: int = 60,
        wpa: int = 0,
        rsn: int = 0,
        password: str = "",
    ) -> None:
        """Add an access point, or change how strong it is heard; `wpa` and `rsn` are NM80211ApSecurityFlags."""
        body = [ssid, bssid, frequency_mhz, signal_percent, wpa, rsn, password]
        self._run(self._call("networkmanager", "PutAccessPoint", "ssuyuus", body))

    def drop_access_point(self, bssid: str) -> None:
        """An access point goes out of range."""
        self._run(self._call("networkmanager", "DropAccessPoint", "s", [bssid]))

    def drop_wifi(self) -> None:
        """The Wi-Fi connection breaks."""
        self._run(self._call("networkmanager", "DropWifi"))

    def adapter(self, alias: str = "ndefender") -> None:
        """Add a Bluetooth adapter that is on."""
        self._run(self._call("bluez", "PutAdapter", "ss", ["hci0", alias]))

    def device(self, address: str, name: str, rssi_dbm: int = -60, pin: str = "") -> None:
        """Add a Bluetooth device that is heard; it asks for that PIN, for none if empty."""
        self._run(self._call("bluez", "PutDevice", "ssns", [address, name, rssi_dbm, pin]))

    def furnish(self, units: Sequence[str]) -> None:
        """Put in what a box in the field has: those units, a cable, a few networks, a Bluetooth puck."""
        for unit in units:
            self.unit(unit.removesuffix(".service"))
        self.ethernet("10.20.0.14", "fd12:3456::14")
        self.wifi()
        psk = 0x100
        self.access_point("field-net", "02:00:00:00:01:01", signal_percent=78, rsn=psk, password="correct horse")
        self.access_point("visitors", "02:00:00:00:01:02", frequency_mhz=5180, signal_percent=54)
        self.adapter()
        self.device("02:00:00:00:02:01", "GPS puck", -58, pin="0000")
