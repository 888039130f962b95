"""Connections that NetworkManager stores, and one being brought up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dbus_fast import Variant

from ndefender.system.backend import Offline
from ndefender.system.bus import SystemBus
from ndefender.system.network import ACTIVATED, ACTIVE, DEVICE, MANAGER, PATH
from ndefender.system.peers import NETWORK_MANAGER, BusError, CommandFailed
from ndefender.system.wifi_security import SECTION, Settings, secured

SETTINGS_PATH = f"{PATH}/Settings"
SETTINGS = f"{MANAGER}.Settings"
PROFILE = f"{SETTINGS}.Connection"
WIFI = "802-11-wireless"
DEACTIVATED = 4  # NM_ACTIVE_CONNECTION_STATE_DEACTIVATED
POLL_S = 0.1
# NMDeviceStateReason, those that a user can do something about.
REASONS = {
    5: "no address could be obtained (DHCP)",
    7: "the password is wrong or missing",
    8: "the access point hung up; is the password right?",
    9: "the access point's security does not suit",
    10: "the Wi-Fi supplicant failed",
    11: "the access point did not let us in in time; is the password right?",
    15: "DHCP failed to start",
    16: "DHCP failed",
    17: "no address could be obtained (DHCP)",
    35: "the radio was taken away",
    36: "the device is asleep",
    37: "the connection was removed",
    38: "the user asked to disconnect",
    39: "the cable or carrier is gone",
    53: "the network was not found",
    60: "another connection took its place",
}


@dataclass(frozen=True)
class Activation:
    """A connection that is being brought up.

    Args:
        connection: path of the stored connection.
        active: path of the activation.
    """

    connection: str
    active: str

    async def wait(self, bus: SystemBus, device: str, timeout_s: float) -> None:
        """Wait until it is up. Raises CommandFailed where it does not come up, or nobody can say any more."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    try:
                        state = (await bus.properties(NETWORK_MANAGER, self.active, ACTIVE)).integer("State")
                    except BusError:
                        state = DEACTIVATED  # the object goes with the activation
                    if state == ACTIVATED:
                        return
                    if state == DEACTIVATED:
                        raise CommandFailed(await _why(bus, device))
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise CommandFailed(f"the connection was not up within {timeout_s:g} s") from None
        except Offline as error:
            raise CommandFailed(f"the connection was begun, then: {error.reason}") from error


async def _why(bus: SystemBus, device: str) -> str:
    try:
        (value,) = await bus.call(
            NETWORK_MANAGER,
            device,
            "org.freedesktop.DBus.Properties",
            "Get",
            "ss",
            [DEVICE, "StateReason"],
            reply="v",
        )
    except (BusError, Offline):
        return "the connection did not come up"
    code = value.value[1] if value.signature == "(uu)" else 0
    return f"the connection did not come up: {REASONS.get(code, f'reason {code} of NetworkManager')}"


async def activate(bus: SystemBus, connection: str, device: str, access: str) -> Activation:
    """Bring up a stored connection. Raises Offline or BusError."""
    (active,) = await bus.call(
        NETWORK_MANAGER, PATH, MANAGER, "ActivateConnection", "ooo", [connection, device, access], reply="o"
    )
    return Activation(connection, active)


class Profiles:
    """The stored connections.

    Args:
        bus: the system bus.
    """

    def __init__(self, bus: SystemBus) -> None:
        self._bus = bus

    async def _all(self) -> dict[str, Settings]:
        """Wi-Fi connections by path, without secrets. Raises Offline or BusError."""
        (paths,) = await self._bus.call(NETWORK_MANAGER, SETTINGS_PATH, SETTINGS, "ListConnections", reply="ao")
        rows = await asyncio.gather(*(self._settings(path) for path in paths))
        return {path: row for path, row in zip(paths, rows, strict=True) if WIFI in row}

    async def _settings(self, path: str) -> Settings:
        try:
            (settings,) = await self._bus.call(NETWORK_MANAGER, path, PROFILE, "GetSettings", reply="a{sa{sv}}")
        except BusError:
            return {}  # removed since it was listed, or another user's
        found: Settings = settings
        return found

    async def names(self) -> frozenset[bytes]:
        """Names of the networks that have a stored connection. Raises Offline."""
        try:
            return frozenset(_ssid(row) for row in (await self._all()).values())
        except BusError as error:
            raise Offline(str(error)) from error

    async def find(self, octets: bytes) -> str | None:
        """Path of the connection of that network that was used last. Raises Offline or BusError."""
        rows = {path: row for path, row in (await self._all()).items() if _ssid(row) == octets}
        return max(rows, key=lambda path: _last_used_s(rows[path]), default=None)

    async def renew(self, path: str, kind: str, password: str) -> None:
        """Store another password. Raises Offline or BusError."""
        settings = await self._settings(path)
        if not settings:
            raise CommandFailed("the stored connection is gone")
        settings[SECTION] = {**settings.get(SECTION, {}), **secured(kind, password)}
        await self._bus.call(NETWORK_MANAGER, path, PROFILE, "Update", "a{sa{sv}}", [settings])

    async def add(self, settings: Settings, device: str, access: str) -> Activation:
        """Store a connection and bring it up. Raises Offline or BusError."""
        connection, active = await self._bus.call(
            NETWORK_MANAGER,
            PATH,
            MANAGER,
            "AddAndActivateConnection",
            "a{sa{sv}}oo",
            [settings, device, access],
            reply="oo",
        )
        return Activation(connection, active)

    async def forget(self, path: str) -> None:
        """Remove a connection; where that fails it stays, which harms nobody. Raises nothing of the bus."""
        try:
            await self._bus.call(NETWORK_MANAGER, path, PROFILE, "Delete")
        except (BusError, Offline):
            return


def _ssid(settings: Settings) -> bytes:
    value = settings[WIFI].get("ssid", Variant("ay", b""))
    return value.value if isinstance(value.value, bytes) else b""


def _last_used_s(settings: Settings) -> int:
    value = settings.get("connection", {}).get("timestamp")
    return value.value if value is not None and isinstance(value.value, int) else 0
