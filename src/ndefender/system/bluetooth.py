"""The Bluetooth radio, by BlueZ: state, devices, on and off, discovery, pairing with a PIN."""

from __future__ import annotations

import asyncio
import re

from dbus_fast import Variant

from ndefender.errors import CommandRejected
from ndefender.events.host import BluetoothDevice, BluetoothDevices, BluetoothState
from ndefender.system.backend import Offline
from ndefender.system.bluetooth_agent import AGENT_MANAGER, AGENT_PATH, BLUEZ_PATH, Agent
from ndefender.system.bus import SystemBus
from ndefender.system.peers import BLUEZ, BusError, CommandFailed, Objects, Props

ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}\Z")
PIN = re.compile(r"[!-~]{1,16}\Z")  # Bluetooth core 5.4, vol. 3 part C §3.2.3: up to 16 octets
POWER_TIMEOUT_S = 4.0  # switching a controller on loads its firmware
# What BlueZ calls the outcomes, as people do.
REASONS = {
    "AuthenticationCanceled": "the device cancelled the pairing",
    "AuthenticationFailed": "the PIN is wrong, or the device refused",
    "AuthenticationRejected": "the device rejected the pairing",
    "AuthenticationTimeout": "the device did not answer the pairing in time",
    "ConnectionAttemptFailed": "the device cannot be reached",
    "NotReady": "Bluetooth is switched off",
    "Blocked": "Bluetooth is blocked (rfkill)",
    "InProgress": "BlueZ is busy with the same",
}


class Bluetooth:
    """The Bluetooth radio: the first adapter.

    Args:
        bus: the system bus. Discovery lasts as long as its connection: BlueZ ends it for a client that goes.
        pair_timeout_s: longest wait for a pairing.
    """

    def __init__(self, bus: SystemBus, pair_timeout_s: float = 25.0) -> None:
        self._bus = bus
        self._pair_timeout_s = pair_timeout_s
        self._pairing = asyncio.Lock()

    async def state(self) -> BluetoothState:
        """The radio now. Raises Offline where BlueZ or an adapter is not there."""
        _, adapter = _adapter(await self._objects())
        return BluetoothState(
            enabled=adapter.flag("Powered"),
            discovering=adapter.flag("Discovering"),
            address=adapter.text("Address"),
            name=adapter.text("Alias") or adapter.text("Name"),
        )

    async def devices(self) -> BluetoothDevices:
        """Devices that the adapter knows. Raises as `state`."""
        objects = await self._objects()
        path, _ = _adapter(objects)
        rows = [
            BluetoothDevice(
                addr=address,
                name=device.text("Name") or device.text("Alias"),
                paired=bool(device.flag("Paired")),
                connected=bool(device.flag("Connected")),
                rssi_dbm=device.integer("RSSI"),
            )
            for _, device in _devices(objects, path)
            if (address := device.text("Address"))
        ]
        heard_last = -1000
        rows.sort(key=lambda row: (-(heard_last if row.rssi_dbm is None else row.rssi_dbm), row.addr))
        return BluetoothDevices(devices=rows)

    async def enable(self) -> None:
        """Switch the radio on.

        Raises:
            CommandRejected: 409 where there is no adapter.
            Offline: BlueZ is not there.
            CommandFailed: BlueZ refuses.
        """
        await self._power(True)

    async def disable(self) -> None:
        """Switch the radio off. Raises as `enable`."""
        await self._power(False)

    async def _power(self, on: bool) -> None:
        path, _ = await self._present()
        try:
            body = [ADAPTER, "Powered", Variant("b", on)]
            properties = "org.freedesktop.DBus.Properties"
            await self._bus.call(BLUEZ, path, properties, "Set", "ssv", body, timeout_s=POWER_TIMEOUT_S)
        except BusError as error:
            raise CommandFailed(_plain(error)) from error

    async def scan_start(self) -> None:
        """Look for devices until `scan_stop`. Raises as `enable`; CommandFailed where the radio is off."""
        path, _ = await self._present()
        try:
            await self._bus.call(BLUEZ, path, ADAPTER, "StartDiscovery")
        except BusError as error:
            if not error.error.endswith(".InProgress"):
                raise CommandFailed(_plain(error)) from error

    async def scan_stop(self) -> None:
        """Stop looking; nothing happens where nobody looks. Raises as `enable`."""
        path, adapter = await self._present()
        try:
            await self._bus.call(BLUEZ, path, ADAPTER, "StopDiscovery")
        except BusError as error:
            if adapter.flag("Discovering"):
                raise CommandFailed(_plain(error)) from error

    async def pair(self, addr: str, pin: str | None = None) -> None:
        """Pair with a device, and wait until that is done. Nothing happens where it is paired already.

        Args:
            addr: `AA:BB:CC:DD:EE:FF`.
            pin: what the device asks for, or shows; None for one that asks for nothing.
        Raises:
            CommandRejected: 400 for an impossible address or PIN, 404 for a device that is not known, 409 where there
                is no adapter, it is off, or a pairing is going on.
            Offline: BlueZ is not there.
            CommandFailed: the pairing failed.
        """
        address = check_address(addr)
        if pin and not PIN.match(pin):
            raise CommandRejected(400, "bad_pin", "pin: must be 1..16 printable ASCII characters")
        if self._pairing.locked():
            raise CommandRejected(409, "bluetooth_busy", "a pairing is going on")
        async with self._pairing:
            objects, (adapter_path, adapter) = await self._found()
            if adapter.flag("Powered") is False:
                raise CommandRejected(409, "bluetooth_disabled", "Bluetooth is switched off")
            path, device = _device(objects, adapter_path, address)
            if device.flag("Paired"):
                return
            try:
                await self._pair(path, pin or None)
            except BusError as error:
                raise CommandFailed(_plain(error)) from error

    async def _pair(self, path: str, pin: str | None) -> None:
        agent = Agent(path, pin)
        async with self._bus.answering(BLUEZ, AGENT_PATH, agent.answer):
            await self._bus.call(
                BLUEZ, BLUEZ_PATH, AGENT_MANAGER, "RegisterAgent", "os", [AGENT_PATH, agent.capability]
            )
            done = False
            try:
                # BlueZ asks the agent of whoever calls Pair, so that it need not become the default one.
                await self._bus.call(BLUEZ, path, DEVICE, "Pair", timeout_s=self._pair_timeout_s)
                done = True
            finally:
                await asyncio.shield(self._after(path, cancel=not done))

    async def _after(self, path: str, cancel: bool) -> None:
        steps = [(BLUEZ_PATH, AGENT_MANAGER, "UnregisterAgent", "o", [AGENT_PATH])]
        if cancel:
            steps.insert(0, (path, DEVICE, "CancelPairing", "", []))
        for where, interface, member, signature, body in steps:
            try:
                await self._bus.call(BLUEZ, where, interface, member, signature, body)
            except (BusError, Offline):
                continue  # it ended by itself, or BlueZ is gone and everything with it

    async def unpair(self, addr: str) -> None:
        """Forget a device.

        Raises:
            CommandRejected: 400 for an impossible address, 404 for a device that is not known, 409 where there is no
                adapter.
            Offline: BlueZ is not there.
            CommandFailed: BlueZ refuses.
        """
        address = check_address(addr)
        objects, (adapter_path, _) = await self._found()
        path, _ = _device(objects, adapter_path, address)
        try:
            await self._bus.call(BLUEZ, adapter_path, ADAPTER, "RemoveDevice", "o", [path])
        except BusError as error:
            raise CommandFailed(_plain(error)) from error

    async def _objects(self) -> Objects:
        try:
            return await self._bus.objects(BLUEZ, "/")
        except BusError as error:
            raise Offline(str(error)) from error

    async def _found(self) -> tuple[Objects, tuple[str, Props]]:
        objects = await self._objects()
        if not objects.having(ADAPTER):
            raise CommandRejected(409, "bluetooth_absent", "there is no Bluetooth adapter")
        return objects, _adapter(objects)

    async def _present(self) -> tuple[str, Props]:
        return (await self._found())[1]


def check_address(addr: str) -> str:
    """A device's address in BlueZ's spelling. Raises CommandRejected 400 where it is none."""
    address = addr.strip().upper().replace("-", ":")
    if not ADDRESS.match(address):
        raise CommandRejected(400, "bad_address", "addr: must be like AA:BB:CC:DD:EE:FF")
    return address


def _adapter(objects: Objects) -> tuple[str, Props]:
    adapters = objects.having(ADAPTER)
    if not adapters:
        raise Offline("there is no Bluetooth adapter")
    return adapters[0]


def _devices(objects: Objects, adapter_path: str) -> list[tuple[str, Props]]:
    return [(path, props) for path, props in objects.having(DEVICE) if path.startswith(f"{adapter_path}/")]


def _device(objects: Objects, adapter_path: str, address: str) -> tuple[str, Props]:
    for path, props in _devices(objects, adapter_path):
        if (props.text("Address") or "").upper() == address:
            return path, props
    raise CommandRejected(404, "unknown_device", f"addr: no device {address} is known; was a scan made?")


def _plain(error: BusError) -> str:
    kind = error.error.rpartition(".")[2]
    return REASONS[kind] if error.error.startswith("org.bluez.Error.") and kind in REASONS else str(error)
