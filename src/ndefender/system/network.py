"""The host's network as NetworkManager sees it: the connection that carries the default route, and its addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ndefender.events.host import NetworkSection
from ndefender.system.backend import Offline
from ndefender.system.bus import PROPERTIES, SystemBus
from ndefender.system.link import Match
from ndefender.system.peers import NETWORK_MANAGER, BusError, Objects, Props

ROOT = "/org/freedesktop"
PATH = "/org/freedesktop/NetworkManager"
MANAGER = "org.freedesktop.NetworkManager"
DEVICE = f"{MANAGER}.Device"
WIRELESS = f"{DEVICE}.Wireless"
ACTIVE = f"{MANAGER}.Connection.Active"
ACCESS_POINT = f"{MANAGER}.AccessPoint"
IP4 = f"{MANAGER}.IP4Config"
IP6 = f"{MANAGER}.IP6Config"
WIFI_DEVICE_TYPE = 2  # NM_DEVICE_TYPE_WIFI
ACTIVATED = 2  # NM_ACTIVE_CONNECTION_STATE_ACTIVATED
KINDS = {
    "802-3-ethernet": "ethernet",
    "802-11-wireless": "wifi",
    "gsm": "mobile",
    "cdma": "mobile",
    "bluetooth": "bluetooth",
    "wireguard": "wireguard",
    "vpn": "vpn",
}


class Network:
    """The section `network`.

    Args:
        bus: the system bus.
        period_s: how often it is read though nothing changed, seconds.
    """

    name = "network"

    def __init__(self, bus: SystemBus, period_s: float) -> None:
        self._bus = bus
        self.period_s = period_s

    async def read(self) -> NetworkSection:
        """The network now. Raises Offline where NetworkManager is not there or answers nonsense."""
        return summary(await networks(self._bus))

    async def watch(self) -> AsyncIterator[None]:
        """Yield when connections, devices or addresses change. Raises Offline where there is no bus."""
        # Access points come, go and fade all the time: only which one is used matters, a property of Device.Wireless.
        matches = [
            *(Match(PROPERTIES, "PropertiesChanged", "", i) for i in (MANAGER, DEVICE, WIRELESS, ACTIVE, IP4, IP6)),
            Match(MANAGER, "StateChanged"),
        ]
        async for _ in self._bus.watch(NETWORK_MANAGER, matches):
            yield

    def changed(self, before: NetworkSection, after: NetworkSection) -> bool:
        """Any difference: none of its values drifts."""
        return before != after

    async def close(self) -> None:
        """Nothing is held; the bus is its owner's to close."""


async def networks(bus: SystemBus) -> Objects:
    """Everything NetworkManager knows, at one moment. Raises Offline where it is not there."""
    try:
        return await bus.objects(NETWORK_MANAGER, ROOT)
    except BusError as error:
        raise Offline(str(error)) from error


def manager(objects: Objects) -> Props:
    """The manager's own properties. Raises Offline where it has none."""
    props = objects.props(PATH, MANAGER)
    if props is None:
        raise Offline("NetworkManager answers nonsense: it has no manager object")
    return props


def summary(objects: Objects) -> NetworkSection:
    """The section of what NetworkManager says. Raises Offline for nonsense."""
    primary = _primary(objects)
    ssid = _ssid(objects)
    if primary is None:
        return NetworkSection(connected=False, ssid=ssid)
    ip_v4, ip_v6 = addresses(objects, primary)
    kind = primary.text("Type")
    interface = None
    for path in primary.paths("Devices")[:1]:
        device = objects.props(path, DEVICE)
        interface = device and (device.text("IpInterface") or device.text("Interface"))
    return NetworkSection(
        connected=ip_v4 is not None or ip_v6 is not None,
        ssid=ssid,
        ip_v4=ip_v4,
        ip_v6=ip_v6,
        interface=interface or None,
        kind=KINDS.get(kind, kind) if kind else None,
    )


def _primary(objects: Objects) -> Props | None:
    """The connection with the default route; on a network without a gateway, the first that is up."""
    props = manager(objects)
    primary = objects.props(props.path("PrimaryConnection"), ACTIVE)
    if primary is not None:
        return primary
    for path in props.paths("ActiveConnections"):
        active = objects.props(path, ACTIVE)
        # NetworkManager ≥ 1.42 lists the loopback device as a connection.
        if active is not None and active.integer("State") == ACTIVATED and active.text("Type") != "loopback":
            return active
    return None


def addresses(objects: Objects, active: Props) -> tuple[str | None, str | None]:
    """First IPv4 and IPv6 address of a connection; a link-local IPv6 address only where there is no other."""
    found: list[str | None] = []
    for name, interface in (("Ip4Config", IP4), ("Ip6Config", IP6)):
        config = objects.props(active.path(name), interface)
        rows = [] if config is None else [row.text("address") for row in config.tables("AddressData")]
        known = sorted((row for row in rows if row), key=lambda row: row.lower().startswith("fe80:"))
        found.append(known[0] if known else None)
    return found[0], found[1]


def wifi_device(objects: Objects) -> tuple[str, Props, Props] | None:
    """Path and properties of the Wi-Fi device: the one that is connected, else the first that is managed."""
    devices = [
        (path, device, wireless)
        for path, device in objects.having(DEVICE)
        if device.integer("DeviceType") == WIFI_DEVICE_TYPE and (wireless := objects.props(path, WIRELESS)) is not None
    ]
    managed = [row for row in devices if row[1].flag("Managed") is not False]
    return min(managed, key=lambda row: row[1].path("ActiveConnection") is None, default=None)


def access_point(objects: Objects, device: Props, wireless: Props) -> Props | None:
    """The access point that the Wi-Fi device is connected to."""
    active = objects.props(device.path("ActiveConnection"), ACTIVE)
    if active is None or active.integer("State") != ACTIVATED:
        return None
    path = wireless.path("ActiveAccessPoint") or active.path("SpecificObject")
    return objects.props(path, ACCESS_POINT)


def ssid_text(access: Props) -> str | None:
    """Name of a network; octets that are no UTF-8 are shown as U+FFFD. None where it is hidden."""
    octets = access.octets("Ssid")
    return octets.decode("utf-8", "replace") if octets and any(octets) else None


def _ssid(objects: Objects) -> str | None:
    found = wifi_device(objects)
    if found is None:
        return None
    access = access_point(objects, found[1], found[2])
    return None if access is None else ssid_text(access)
