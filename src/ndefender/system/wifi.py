"""The Wi-Fi radio, by NetworkManager: state, scan, on and off, connect and disconnect.

A password travels inside a D-Bus message and nowhere else: no log, no command line, no error.
"""

from __future__ import annotations

import asyncio

from dbus_fast import Variant

from ndefender.errors import CommandRejected
from ndefender.events.host import WifiNetwork, WifiScan, WifiState
from ndefender.system.backend import Offline
from ndefender.system.bus import SystemBus
from ndefender.system.network import (
    ACCESS_POINT,
    DEVICE,
    MANAGER,
    PATH,
    WIRELESS,
    access_point,
    addresses,
    manager,
    networks,
    ssid_text,
    wifi_device,
)
from ndefender.system.network import ACTIVE as ACTIVE_CONNECTION
from ndefender.system.peers import NETWORK_MANAGER, BusError, CommandFailed, Objects, Props
from ndefender.system.wifi_profiles import Activation, Profiles, activate
from ndefender.system.wifi_security import check_password, check_ssid, profile, security

SCAN_WAIT_S = 4.0  # a scan of both bands takes two to three seconds
SCAN_POLL_S = 0.2


class Wifi:
    """The Wi-Fi radio.

    Args:
        bus: the system bus.
        connect_timeout_s: longest wait until a connection is up, with its address.
    """

    def __init__(self, bus: SystemBus, connect_timeout_s: float = 25.0) -> None:
        self._bus = bus
        self._connect_timeout_s = connect_timeout_s
        self._profiles = Profiles(bus)
        self._connecting = asyncio.Lock()

    async def state(self) -> WifiState:
        """The radio now. Raises Offline where NetworkManager or a Wi-Fi device is not there."""
        objects = await networks(self._bus)
        _, device, wireless = _device(objects)
        enabled = manager(objects).flag("WirelessEnabled")
        interface = device.text("Interface")
        access = access_point(objects, device, wireless)
        if access is None:
            return WifiState(enabled=enabled, connected=False, interface=interface)
        active = objects.props(device.path("ActiveConnection"), ACTIVE_CONNECTION)
        return WifiState(
            enabled=enabled,
            connected=True,
            ssid=ssid_text(access),
            bssid=access.text("HwAddress"),
            signal_percent=access.integer("Strength"),
            frequency_mhz=access.integer("Frequency"),
            ip_v4=None if active is None else addresses(objects, active)[0],
            interface=interface,
        )

    async def scan(self) -> WifiScan:
        """Scan, wait for its result for a few seconds, and say what is heard.

        Where the radio was scanned a moment ago NetworkManager declines; what it knows is the answer then.

        Raises:
            Offline: NetworkManager or a Wi-Fi device is not there, or the radio is off.
        """
        objects = await networks(self._bus)
        path, _, wireless = _device(objects)
        if manager(objects).flag("WirelessEnabled") is False:
            raise Offline("Wi-Fi is switched off")
        objects = await self._scanned(path, wireless.integer("LastScan")) or objects
        known = await self._profiles.names()
        _, device, wireless = _device(objects)
        return WifiScan(networks=heard(objects, wireless, access_point(objects, device, wireless), known))

    async def _scanned(self, path: str, before_ms: int | None) -> Objects | None:
        try:
            await self._bus.call(NETWORK_MANAGER, path, WIRELESS, "RequestScan", "a{sv}", [{}])
        except BusError as error:
            if error.error.endswith(".NotAllowed"):
                return None
            raise Offline(str(error)) from error
        try:
            async with asyncio.timeout(SCAN_WAIT_S):
                while True:
                    props = await self._bus.properties(NETWORK_MANAGER, path, WIRELESS)
                    if props.integer("LastScan") != before_ms or before_ms is None:
                        break
                    await asyncio.sleep(SCAN_POLL_S)
        except TimeoutError:
            pass  # what was heard so far is the answer
        except BusError as error:
            raise Offline(str(error)) from error
        return await networks(self._bus)

    async def enable(self) -> None:
        """Switch the radio on. Raises as `disable`; CommandFailed too where a hardware switch holds it off."""
        if manager(await self._present()).flag("WirelessHardwareEnabled") is False:
            raise CommandFailed("Wi-Fi is switched off by a hardware switch")
        await self._set_enabled(True)

    async def disable(self) -> None:
        """Switch the radio off.

        Raises:
            CommandRejected: 409 where there is no Wi-Fi device.
            Offline: NetworkManager is not there.
            CommandFailed: NetworkManager refuses.
        """
        await self._present()
        await self._set_enabled(False)

    async def _set_enabled(self, enabled: bool) -> None:
        try:
            await self._bus.set(NETWORK_MANAGER, PATH, MANAGER, "WirelessEnabled", Variant("b", enabled))
        except BusError as error:
            raise CommandFailed(str(error)) from error

    async def _present(self) -> Objects:
        objects = await networks(self._bus)
        if wifi_device(objects) is None:
            raise CommandRejected(409, "wifi_absent", "there is no Wi-Fi device")
        return objects

    async def connect(self, ssid: str, password: str | None = None, hidden: bool = False) -> None:
        """Connect, and wait until the connection is up.

        A stored connection of that name is used, with the new password if one is given; else a new one is made, and
        removed again if it does not come up.

        Args:
            ssid: name of the network.
            password: empty or None for an open network, or for the stored one.
            hidden: the network does not say its name.
        Raises:
            CommandRejected: 400 for an impossible name or password, 404 for a network that is not heard, 409 where
                there is no Wi-Fi device, it is off, or a connection is being made already.
            Offline: NetworkManager is not there.
            CommandFailed: it did not come up.
        """
        octets = check_ssid(ssid)
        if self._connecting.locked():
            raise CommandRejected(409, "wifi_busy", "a connection is being made already")
        async with self._connecting:
            try:
                await self._connect(ssid, octets, password or "", hidden)
            except BusError as error:
                raise CommandFailed(_without(str(error), password)) from None

    async def _connect(self, ssid: str, octets: bytes, password: str, hidden: bool) -> None:
        objects = await self._present()
        if manager(objects).flag("WirelessEnabled") is False:
            raise CommandRejected(409, "wifi_disabled", "Wi-Fi is switched off")
        device, _, wireless = _device(objects)
        found = _strongest(objects, wireless, octets)
        if found is None and not hidden:
            again = await self._scanned(device, wireless.integer("LastScan")) or objects
            found = _strongest(again, _device(again)[2], octets)
            if found is None:
                raise CommandRejected(404, "unknown_network", f"ssid: no network {ssid!r} is heard; is it hidden?")
        kind = security(found[1]) if found else ("wpa2" if password else "open")
        access = found[0] if found else "/"
        if kind == "enterprise":
            raise CommandRejected(400, "unsupported_security", f"ssid: {ssid!r} wants a user name (802.1X)")
        if password:
            check_password(kind, password)
        stored = await self._profiles.find(octets)
        if stored is not None:
            if password:
                await self._profiles.renew(stored, kind, password)
            activation = await activate(self._bus, stored, device, access)
        elif kind != "open" and not password:
            raise CommandRejected(400, "password_required", f"password: {ssid!r} needs one")
        else:
            activation = await self._profiles.add(profile(ssid, octets, kind, password, hidden), device, access)
        await self._settle(activation, device, made=stored is None)

    async def _settle(self, activation: Activation, device: str, made: bool) -> None:
        up = False
        try:
            await activation.wait(self._bus, device, self._connect_timeout_s)
            up = True
        finally:
            if made and not up:
                await self._profiles.forget(activation.connection)

    async def disconnect(self) -> None:
        """Disconnect; NetworkManager does not connect again by itself until told. Nothing happens where it is not.

        Raises:
            CommandRejected: 409 where there is no Wi-Fi device.
            Offline: NetworkManager is not there.
            CommandFailed: NetworkManager refuses.
        """
        path, device, _ = _device(await self._present())
        if device.path("ActiveConnection") is None:
            return
        try:
            await self._bus.call(NETWORK_MANAGER, path, DEVICE, "Disconnect")
        except BusError as error:
            if not error.error.endswith(".NotActive"):
                raise CommandFailed(str(error)) from error


def heard(objects: Objects, wireless: Props, used: Props | None, known: frozenset[bytes]) -> list[WifiNetwork]:
    """Networks with a name, strongest first, each by the access point in use or else its strongest.

    Args:
        objects: of NetworkManager.
        wireless: the radio.
        used: the access point it is connected to.
        known: names of stored connections.
    """
    in_use = used.text("HwAddress") if used else None
    best: dict[str, WifiNetwork] = {}
    for path in wireless.paths("AccessPoints"):
        access = objects.props(path, ACCESS_POINT)
        if access is None or (name := ssid_text(access)) is None:
            continue
        row = WifiNetwork(
            ssid=name,
            bssid=access.text("HwAddress") or "",
            signal_percent=access.integer("Strength") or 0,
            frequency_mhz=access.integer("Frequency") or 0,
            security=security(access),
            known=(access.octets("Ssid") or b"") in known,
            in_use=in_use is not None and access.text("HwAddress") == in_use,
        )
        other = best.get(name)
        if other is None or (row.in_use, row.signal_percent) > (other.in_use, other.signal_percent):
            best[name] = row
    return sorted(best.values(), key=lambda row: (-row.signal_percent, row.ssid))


def _device(objects: Objects) -> tuple[str, Props, Props]:
    found = wifi_device(objects)
    if found is None:
        raise Offline("there is no Wi-Fi device")
    return found


def _strongest(objects: Objects, wireless: Props, octets: bytes) -> tuple[str, Props] | None:
    rows = [
        (path, access)
        for path in wireless.paths("AccessPoints")
        if (access := objects.props(path, ACCESS_POINT)) is not None and access.octets("Ssid") == octets
    ]
    return max(rows, key=lambda row: row[1].integer("Strength") or 0, default=None)


def _without(text: str, secret: str | None) -> str:
    """A service's message, should it quote the secret."""
    return text.replace(secret, "***") if secret else text
