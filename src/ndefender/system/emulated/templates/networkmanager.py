"""python-dbusmock's NetworkManager with what it lacks: addresses, wrong passwords, connections that fail."""

from __future__ import annotations

import importlib
import time
import uuid
from typing import Any

dbus = importlib.import_module("dbus")
mockobject = importlib.import_module("dbusmock.mockobject")
glib = importlib.import_module("gi.repository.GLib")

BUS_NAME = "org.freedesktop.NetworkManager"
MAIN_OBJ = "/org/freedesktop"
SYSTEM_BUS = True
IS_OBJECT_MANAGER = True
NM = "org.freedesktop.NetworkManager"
ROOT = "/org/freedesktop/NetworkManager"
DEVICE = f"{NM}.Device"
WIRELESS = f"{DEVICE}.Wireless"
ACTIVE = f"{NM}.Connection.Active"
ACCESS_POINT = f"{NM}.AccessPoint"
SETTINGS = f"{NM}.Settings"
PROFILE = f"{SETTINGS}.Connection"
MOCK = "org.freedesktop.DBus.Mock"
WIFI, SECURITY = "802-11-wireless", "802-11-wireless-security"
WLAN = f"{ROOT}/Devices/wlan0"
ETHERNET = f"{ROOT}/Devices/eth0"
CONNECT_MS = 50
ACTIVATING, ACTIVATED, DEACTIVATED = 1, 2, 4
NO_SECRETS, SSID_NOT_FOUND = 7, 53  # NMDeviceStateReason
# A connection's interfaces come and go with it: their numbers never repeat, as NetworkManager has it.
numbers = iter(range(1, 1 << 30))


def load(mock: Any, parameters: dict[str, Any]) -> None:
    """Called by dbusmock."""
    mock.AddTemplate("networkmanager", parameters)
    mock.AddObject(f"{ROOT}/IP4Config/0", f"{NM}.IP4Config", {"AddressData": rows([])}, [])
    manager = mockobject.objects[ROOT]
    manager.AddProperties(NM, {"PrimaryConnection": dbus.ObjectPath("/"), "PrimaryConnectionType": ""})
    manager.AddMethod(NM, "ActivateConnection", "ooo", "o", activate)
    manager.AddMethod(NM, "AddAndActivateConnection", "a{sa{sv}}oo", "oo", add_and_activate)
    mock.AddMethod(MOCK, "PutWifi", "", "", put_wifi)
    mock.AddMethod(MOCK, "PutEthernet", "ss", "", put_ethernet)
    mock.AddMethod(MOCK, "DropEthernet", "", "", lambda _mock: disconnect(mockobject.objects[ETHERNET]))
    mock.AddMethod(MOCK, "PutAccessPoint", "ssuyuus", "", put_access_point)
    mock.AddMethod(MOCK, "DropAccessPoint", "s", "", drop_access_point)
    mock.AddMethod(MOCK, "DropWifi", "", "", lambda _mock: disconnect(mockobject.objects[WLAN]))


def rows(addresses: list[str]) -> Any:
    """AddressData of a configuration."""
    return dbus.Array([{"address": a, "prefix": dbus.UInt32(24)} for a in addresses], signature="a{sv}")


def thing(path: Any) -> Any:
    """The object of a path."""
    return mockobject.objects[str(path)]


def put_wifi(mock: Any) -> None:
    """Add a Wi-Fi radio that is not connected."""
    mock.AddWiFiDevice("wlan0", "wlan0", 30)
    device = thing(WLAN)
    device.AddProperties(WIRELESS, {"LastScan": dbus.Int64(-1), "ActiveAccessPoint": dbus.ObjectPath("/")})
    device.AddMethod(WIRELESS, "RequestScan", "a{sv}", "", scan)
    device.AddMethod(DEVICE, "Disconnect", "", "", disconnect)
    device.passwords = {}


def scan(device: Any, _options: Any) -> None:
    """A scan takes a moment."""

    def done() -> bool:
        device.Set(WIRELESS, "LastScan", dbus.Int64(time.monotonic_ns() // 1_000_000))
        return False

    glib.timeout_add(CONNECT_MS, done)


def put_access_point(
    mock: Any, ssid: str, bssid: str, frequency_mhz: int, strength: int, wpa: int, rsn: int, password: str
) -> None:
    """Add an access point, or change the strength of one."""
    name = str(bssid).replace(":", "")
    path = f"{ROOT}/AccessPoint/{name}"
    if path in mockobject.objects:
        thing(path).Set(ACCESS_POINT, "Strength", dbus.Byte(strength))
        return
    mock.AddAccessPoint(WLAN, name, ssid, bssid, 2, frequency_mhz, 270_000, dbus.Byte(strength), wpa | rsn)
    props = thing(path).props[ACCESS_POINT]
    props.update(WpaFlags=dbus.UInt32(wpa), RsnFlags=dbus.UInt32(rsn))
    if password:
        # WEP has neither flags of WPA nor of RSN, only the wish for privacy.
        props["Flags"] = dbus.UInt32(1)
    thing(WLAN).passwords[str(ssid)] = str(password)


def drop_access_point(mock: Any, bssid: str) -> None:
    """An access point goes out of range."""
    mock.RemoveAccessPoint(WLAN, f"{ROOT}/AccessPoint/{str(bssid).replace(':', '')}")


def add_profile(settings: Any) -> str:
    """Store a connection."""
    store = thing(f"{ROOT}/Settings")
    path = f"{ROOT}/Settings/{next(numbers)}"
    settings["connection"].setdefault("uuid", str(uuid.uuid4()))
    store.AddObject(path, PROFILE, {"Unsaved": False}, [])
    profile = thing(path)
    profile.settings = settings
    profile.AddMethod(PROFILE, "GetSettings", "", "a{sa{sv}}", without_secrets)
    profile.AddMethod(PROFILE, "Update", "a{sa{sv}}", "", update)
    profile.AddMethod(PROFILE, "Delete", "", "", delete)
    store.Set(SETTINGS, "Connections", [*store.props[SETTINGS]["Connections"], dbus.ObjectPath(path)])
    return path


def without_secrets(profile: Any) -> Any:
    """Settings as everybody may see them."""
    shown = {section: dict(values) for section, values in profile.settings.items()}
    for secret in ("psk", "wep-key0"):
        shown.get(SECURITY, {}).pop(secret, None)
    return dbus.Dictionary(
        {section: dbus.Dictionary(values, signature="sv") for section, values in shown.items()}, signature="sa{sv}"
    )


def update(profile: Any, settings: Any) -> None:
    """Replace a stored connection."""
    profile.settings = settings


def delete(profile: Any) -> None:
    """Forget a stored connection."""
    store = thing(f"{ROOT}/Settings")
    left = [path for path in store.props[SETTINGS]["Connections"] if str(path) != profile.path]
    store.Set(SETTINGS, "Connections", dbus.Array(left, signature="o"))
    store.RemoveObject(profile.path)


def add_and_activate(_manager: Any, settings: Any, device: str, access: str) -> Any:
    """Store a connection and bring it up."""
    profile = add_profile({str(section): dict(values) for section, values in settings.items()})
    return dbus.ObjectPath(profile), activate(_manager, profile, device, access)


def activate(manager: Any, profile: str, device: str, access: str) -> Any:
    """Begin to bring up a connection; the outcome follows."""
    settings = thing(profile).settings
    radio = thing(device)
    ssid = bytes(bytearray(settings[WIFI]["ssid"])).decode()
    if str(access) == "/":
        found = [
            p for p in radio.access_points if bytes(bytearray(thing(p).props[ACCESS_POINT]["Ssid"])) == ssid.encode()
        ]
        access = found[0] if found else "/"
    wanted = radio.passwords.get(ssid, "")
    security = settings.get(SECURITY, {})
    given = str(security.get("psk", security.get("wep-key0", "")))
    fault = SSID_NOT_FOUND if ssid not in radio.passwords else NO_SECRETS if wanted != given else 0
    path = bring_up(manager, WLAN, profile, WIFI, ssid, access, ["192.168.7.23"], ACTIVATING)

    def outcome() -> bool:
        if path in mockobject.objects:
            if fault:
                radio.props[DEVICE]["StateReason"] = dbus.Struct((dbus.UInt32(120), dbus.UInt32(fault)), signature="uu")
                disconnect(radio)
            else:
                radio.Set(WIRELESS, "ActiveAccessPoint", dbus.ObjectPath(access))
                up(manager, path, WIFI)
        return False

    glib.timeout_add(CONNECT_MS, outcome)
    return dbus.ObjectPath(path)


def bring_up(
    manager: Any, device: str, profile: str, kind: str, name: str, specific: str, addresses: list[str], state: int
) -> str:
    """An active connection with its addresses."""
    number = next(numbers)
    path = f"{ROOT}/ActiveConnection/{number}"
    if thing(device).props[DEVICE]["ActiveConnection"] != "/":
        disconnect(thing(device))
    configs = {}
    for version in ("4", "6"):
        configs[version] = f"{ROOT}/IP{version}Config/{number}"
        mine = [address for address in addresses if (":" in address) == (version == "6")]
        manager.AddObject(configs[version], f"{NM}.IP{version}Config", {"AddressData": rows(mine)}, [])
    props = {
        "Type": kind,
        "Id": name,
        "Devices": dbus.Array([dbus.ObjectPath(device)], signature="o"),
        "Connection": dbus.ObjectPath(profile),
        "SpecificObject": dbus.ObjectPath(specific),
        "State": dbus.UInt32(state),
        "Ip4Config": dbus.ObjectPath(configs["4"]),
        "Ip6Config": dbus.ObjectPath(configs["6"]),
    }
    manager.AddObject(path, ACTIVE, props, [])
    thing(device).Set(DEVICE, "ActiveConnection", dbus.ObjectPath(path))
    active = [*manager.props[NM]["ActiveConnections"], dbus.ObjectPath(path)]
    manager.Set(NM, "ActiveConnections", dbus.Array(active, signature="o"))
    return path


def up(manager: Any, path: str, kind: str) -> None:
    """A connection is complete; a cable takes the default route from the air."""
    thing(path).Set(ACTIVE, "State", dbus.UInt32(ACTIVATED))
    current = str(manager.props[NM]["PrimaryConnection"])
    if current not in mockobject.objects or kind != WIFI:
        manager.Set(NM, "PrimaryConnection", dbus.ObjectPath(path))
        manager.Set(NM, "PrimaryConnectionType", kind)
    manager.EmitSignal(NM, "StateChanged", "u", [dbus.UInt32(70)])


def disconnect(device: Any) -> None:
    """Take down what the device carries."""
    manager = thing(ROOT)
    path = str(device.props[DEVICE]["ActiveConnection"])
    if path == "/":
        raise dbus.exceptions.DBusException("This device is not active", name=f"{DEVICE}.NotActive")
    device.Set(DEVICE, "ActiveConnection", dbus.ObjectPath("/"))
    if WIRELESS in device.props:
        device.Set(WIRELESS, "ActiveAccessPoint", dbus.ObjectPath("/"))
    left = [other for other in manager.props[NM]["ActiveConnections"] if str(other) != path]
    manager.Set(NM, "ActiveConnections", dbus.Array(left, signature="o"))
    if str(manager.props[NM]["PrimaryConnection"]) == path:
        manager.Set(NM, "PrimaryConnection", left[0] if left else dbus.ObjectPath("/"))
    number = path.rpartition("/")[2]
    for gone in (path, f"{ROOT}/IP4Config/{number}", f"{ROOT}/IP6Config/{number}"):
        manager.RemoveObject(gone)
    manager.EmitSignal(NM, "StateChanged", "u", [dbus.UInt32(70 if left else 20)])


def put_ethernet(mock: Any, ip_v4: str, ip_v6: str) -> None:
    """A cable is plugged in."""
    if ETHERNET not in mockobject.objects:
        mock.AddEthernetDevice("eth0", "eth0", 100)
        thing(ETHERNET).AddMethod(DEVICE, "Disconnect", "", "", disconnect)
    profile = add_profile({"connection": {"id": "cable", "type": "802-3-ethernet"}})
    addresses = [str(address) for address in (ip_v4, ip_v6) if address]
    manager = thing(ROOT)
    path = bring_up(manager, ETHERNET, profile, "802-3-ethernet", "cable", "/", addresses, ACTIVATING)
    up(manager, path, "802-3-ethernet")
