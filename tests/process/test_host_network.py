"""NetworkManager over a real message bus: summary, Wi-Fi state, scan, connect and disconnect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from dbus_fast import Variant
from support.host_bus import Wakes, emulated, until

from ndefender.errors import CommandRejected
from ndefender.events.host import NetworkSection, WifiState
from ndefender.system.backend import Offline
from ndefender.system.bus import SystemBus
from ndefender.system.emulated.services import EmulatedBus
from ndefender.system.network import DEVICE, IP4, MANAGER, PATH, WIRELESS, Network
from ndefender.system.peers import NETWORK_MANAGER, CommandFailed
from ndefender.system.wifi import Wifi

PSK, SAE, ENTERPRISE = 0x100, 0x400, 0x200
WLAN = f"{PATH}/Devices/wlan0"
SETTINGS = f"{PATH}/Settings"
SECRET = "correct horse battery"
AP = {"home": "02:00:00:00:01:01", "home-5": "02:00:00:00:01:02", "open": "02:00:00:00:01:03"}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedBus]:
    machine = emulated(tmp_path_factory.mktemp("machine"), ("networkmanager",))
    yield machine
    machine.stop()


@pytest.fixture
def host(machine: EmulatedBus) -> EmulatedBus:
    machine.restart("networkmanager")
    return machine


@pytest.fixture
def air(host: EmulatedBus) -> EmulatedBus:
    host.wifi()
    host.access_point("home", AP["home"], signal_percent=40, rsn=PSK, password=SECRET)
    host.access_point("home", AP["home-5"], frequency_mhz=5180, signal_percent=70, rsn=PSK | SAE, password=SECRET)
    host.access_point("café", AP["open"], signal_percent=55)
    return host


@pytest.fixture
async def bus(host: EmulatedBus) -> AsyncIterator[SystemBus]:
    bus = SystemBus(host.address)
    yield bus
    await bus.close()


async def test_nothing_is_connected(bus: SystemBus) -> None:
    assert await Network(bus, 3.0).read() == NetworkSection(connected=False)


async def test_a_cable_is_seen_at_once_and_so_is_its_loss(host: EmulatedBus, bus: SystemBus) -> None:
    network = Network(bus, 3.0)
    before = await network.read()
    wakes = Wakes(network.watch())
    await wakes.next()
    await asyncio.to_thread(host.ethernet, "10.20.0.14", "fe80::1")
    await wakes.next()
    after = await until(network.read, lambda seen: bool(seen.connected))
    assert after == NetworkSection(
        connected=True, ip_v4="10.20.0.14", ip_v6="fe80::1", interface="eth0", kind="ethernet"
    )
    assert network.changed(before, after)
    await asyncio.to_thread(host.unplug)
    await until(network.read, lambda seen: seen == NetworkSection(connected=False))
    await wakes.stop()


async def test_wifi_is_the_network_until_a_cable_comes(air: EmulatedBus, bus: SystemBus) -> None:
    await Wifi(bus).connect("café")
    network = Network(bus, 3.0)
    assert await network.read() == NetworkSection(
        connected=True, ssid="café", ip_v4="192.168.7.23", interface="wlan0", kind="wifi"
    )
    await asyncio.to_thread(air.ethernet, "10.20.0.14")
    seen = await network.read()
    assert (seen.kind, seen.ssid, seen.ip_v4) == ("ethernet", "café", "10.20.0.14")


async def test_what_is_heard_is_one_row_a_name_strongest_first(air: EmulatedBus, bus: SystemBus) -> None:
    scan = await Wifi(bus).scan()
    assert [(n.ssid, n.bssid, n.signal_percent, n.frequency_mhz, n.security) for n in scan.networks] == [
        ("home", AP["home-5"], 70, 5180, "wpa2"),
        ("café", AP["open"], 55, 2437, "open"),
    ]
    assert not any(n.known or n.in_use for n in scan.networks)
    assert len(air.calls("networkmanager", "RequestScan", WLAN)) == 1


@pytest.mark.parametrize(
    ("wpa", "rsn", "password", "security"),
    [
        (0, 0, "", "open"),
        (0, 0, "abcde", "wep"),
        (PSK, 0, SECRET, "wpa"),
        (PSK, PSK, SECRET, "wpa2"),
        (0, SAE, SECRET, "wpa3"),
        (0, ENTERPRISE, SECRET, "enterprise"),
    ],
)
async def test_security_is_named(
    host: EmulatedBus, bus: SystemBus, wpa: int, rsn: int, password: str, security: str
) -> None:
    host.wifi()
    host.access_point("one", AP["home"], wpa=wpa, rsn=rsn, password=password)
    assert [n.security for n in (await Wifi(bus).scan()).networks] == [security]
    if security == "enterprise":
        with pytest.raises(CommandRejected, match="user name") as refused:
            await Wifi(bus).connect("one", password)
        assert refused.value.status == 400
    else:
        # The emulation compares the password with what arrived in the key of that kind of network.
        await Wifi(bus).connect("one", password)
        assert (await Wifi(bus).state()).connected


async def test_connected_with_a_password_and_known_from_then_on(air: EmulatedBus, bus: SystemBus) -> None:
    wifi = Wifi(bus)
    assert await wifi.state() == WifiState(enabled=True, connected=False, interface="wlan0")
    await wifi.connect("home", SECRET)
    assert await wifi.state() == WifiState(
        enabled=True,
        connected=True,
        ssid="home",
        bssid=AP["home-5"],
        signal_percent=70,
        frequency_mhz=5180,
        ip_v4="192.168.7.23",
        interface="wlan0",
    )
    (row,) = (n for n in (await wifi.scan()).networks if n.ssid == "home")
    assert (row.known, row.in_use) == (True, True)
    await wifi.disconnect()
    await wifi.disconnect()
    assert (await wifi.state()).connected is False
    await wifi.connect("home")
    assert (await wifi.state()).connected is True
    assert len(await stored(bus)) == 1


async def stored(bus: SystemBus) -> list[str]:
    (paths,) = await bus.call(NETWORK_MANAGER, SETTINGS, f"{MANAGER}.Settings", "ListConnections", reply="ao")
    return list(paths)


async def test_a_wrong_password_fails_says_so_and_leaves_no_connection(
    air: EmulatedBus, bus: SystemBus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wifi = Wifi(bus)
    with pytest.raises(CommandFailed) as failed:
        await wifi.connect("home", "wrong but long enough")
    assert failed.value.reason == "the connection did not come up: the password is wrong or missing"
    assert await stored(bus) == []
    await wifi.connect("home", SECRET)
    with pytest.raises(CommandFailed):
        await wifi.connect("home", "changed and still wrong")
    # The stored one is the user's: it stays, and the right password heals it.
    assert len(await stored(bus)) == 1
    await wifi.connect("home", SECRET)
    assert (await wifi.state()).connected
    assert "wrong" not in caplog.text.replace("the password is wrong", "")
    assert SECRET not in caplog.text


async def test_a_hidden_network(air: EmulatedBus, bus: SystemBus) -> None:
    await Wifi(bus).connect("home", SECRET, hidden=True)
    with pytest.raises(CommandFailed, match="not found"):
        await Wifi(bus).connect("nobody", SECRET, hidden=True)


async def test_an_error_that_quotes_the_password_is_shown_without_it(air: EmulatedBus, bus: SystemBus) -> None:
    code = f"raise dbus.exceptions.DBusException('psk: {SECRET} is bad', name='{MANAGER}.InvalidProperty')"
    air.replace("networkmanager", PATH, MANAGER, "AddAndActivateConnection", "a{sa{sv}}oo", "oo", code)
    with pytest.raises(CommandFailed) as failed:
        await Wifi(bus).connect("home", SECRET)
    error: BaseException | None = failed.value
    assert "psk: *** is bad" in str(error)
    # Not in the traceback either.
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("ssid", "password", "status", "code"),
    [
        ("", None, 400, "bad_ssid"),
        ("x" * 33, None, 400, "bad_ssid"),
        ("ä" * 17, None, 400, "bad_ssid"),
        ("\ud800", None, 400, "bad_ssid"),
        ("nobody", None, 404, "unknown_network"),
        ("home", None, 400, "password_required"),
        ("home", "short", 400, "bad_password"),
        ("home", "x" * 65, 400, "bad_password"),
        ("home", "nul\0nul\0nul", 400, "bad_password"),
        ("home", "\ud800\ud800\ud800\ud800\ud800\ud800\ud800\ud800", 400, "bad_password"),
        ("café", "not needed", 400, "bad_password"),
    ],
)
async def test_an_impossible_wish_is_refused(
    air: EmulatedBus, bus: SystemBus, ssid: str, password: str | None, status: int, code: str
) -> None:
    with pytest.raises(CommandRejected) as refused:
        await Wifi(bus).connect(ssid, password)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert not password or password not in refused.value.message
    assert await stored(bus) == []


async def test_only_one_connection_is_made_at_a_time(air: EmulatedBus, bus: SystemBus) -> None:
    wifi = Wifi(bus)
    first = asyncio.ensure_future(wifi.connect("home", SECRET))
    await asyncio.sleep(0)
    with pytest.raises(CommandRejected) as refused:
        await wifi.connect("café")
    assert refused.value.code == "wifi_busy"
    await first


async def test_the_radio_is_switched(air: EmulatedBus, bus: SystemBus) -> None:
    wifi = Wifi(bus)
    await wifi.disable()
    assert (await wifi.state()).enabled is False
    with pytest.raises(Offline, match="switched off"):
        await wifi.scan()
    with pytest.raises(CommandRejected) as refused:
        await wifi.connect("café")
    assert (refused.value.status, refused.value.code) == (409, "wifi_disabled")
    await wifi.enable()
    assert (await wifi.state()).enabled is True
    air.set("networkmanager", PATH, MANAGER, "WirelessHardwareEnabled", Variant("b", False))
    with pytest.raises(CommandFailed, match="hardware switch"):
        await wifi.enable()


async def test_without_a_radio(host: EmulatedBus, bus: SystemBus) -> None:
    wifi = Wifi(bus)
    for read in (wifi.state, wifi.scan):
        with pytest.raises(Offline, match="no Wi-Fi device"):
            await read()
    for command in (wifi.enable, wifi.disable, wifi.disconnect, lambda: wifi.connect("home")):
        with pytest.raises(CommandRejected) as refused:
            await command()
        assert (refused.value.status, refused.value.code) == (409, "wifi_absent")


@pytest.mark.parametrize(
    ("path", "interface", "prop", "value"),
    [
        (PATH, MANAGER, "PrimaryConnection", Variant("u", 7)),
        (PATH, MANAGER, "ActiveConnections", Variant("s", "none")),
        (f"{PATH}/Devices/eth0", DEVICE, "Interface", Variant("ai", [1])),
        (f"{PATH}/Devices/eth0", DEVICE, "DeviceType", Variant("b", True)),
        (f"{PATH}/IP4Config/2", IP4, "AddressData", Variant("s", "10.0.0.1")),
    ],
)
async def test_nonsense_is_offline(
    host: EmulatedBus, bus: SystemBus, path: str, interface: str, prop: str, value: Variant
) -> None:
    host.ethernet()
    if prop == "Interface":
        host.set("networkmanager", path, interface, "IpInterface", Variant("s", ""))
    if prop == "ActiveConnections":
        host.set("networkmanager", path, interface, "PrimaryConnection", Variant("o", "/"))
    host.set("networkmanager", path, interface, prop, value)
    with pytest.raises(Offline, match=f"NetworkManager answers nonsense: {prop} "):
        await Network(bus, 3.0).read()


async def test_a_tree_of_another_type_is_offline(host: EmulatedBus, bus: SystemBus) -> None:
    manager = "org.freedesktop.DBus.ObjectManager"
    host.replace("networkmanager", "/org/freedesktop", manager, "GetManagedObjects", "", "s", 'ret = "x"')
    with pytest.raises(Offline, match=r"GetManagedObjects gives 's', not 'a\{oa\{sa\{sv\}\}\}'"):
        await Network(bus, 3.0).read()


async def test_names_that_are_no_text_are_shown_all_the_same(air: EmulatedBus, bus: SystemBus) -> None:
    path = f"{PATH}/AccessPoint/{AP['open'].replace(':', '')}"
    access = "org.freedesktop.NetworkManager.AccessPoint"
    air.set("networkmanager", path, access, "Ssid", Variant("ay", b"caf\xe9"))
    assert "caf\ufffd" in [n.ssid for n in (await Wifi(bus).scan()).networks]
    air.set("networkmanager", path, access, "Ssid", Variant("ay", bytes(7)))
    assert [n.ssid for n in (await Wifi(bus).scan()).networks] == ["home"]
    air.set("networkmanager", path, access, "Ssid", Variant("ai", [1, 2, 300]))
    with pytest.raises(Offline, match="Ssid"):
        await Wifi(bus).scan()


async def test_rights_that_are_missing_are_named(air: EmulatedBus, bus: SystemBus) -> None:
    denied = "org.freedesktop.NetworkManager.PermissionDenied"
    air.fail("networkmanager", WLAN, WIRELESS, "RequestScan", "a{sv}", denied)
    with pytest.raises(Offline, match=r"org\.freedesktop\.NetworkManager\.wifi\.scan .*49-ndefender\.rules"):
        await Wifi(bus).scan()
    air.fail("networkmanager", PATH, MANAGER, "AddAndActivateConnection", "a{sa{sv}}oo", denied)
    with pytest.raises(CommandFailed, match=r"network-control and .*settings\.modify\.system"):
        await Wifi(bus).connect("café")
    # Set is a method of an interface that all share: what was to be set decides.
    air.fail("networkmanager", PATH, "org.freedesktop.DBus.Properties", "Set", "ssv", denied)
    with pytest.raises(CommandFailed, match="enable-disable-wifi"):
        await Wifi(bus).disable()


async def test_a_scan_too_soon_after_another_gives_what_is_known(air: EmulatedBus, bus: SystemBus) -> None:
    soon = "org.freedesktop.NetworkManager.Device.NotAllowed"
    air.fail("networkmanager", WLAN, WIRELESS, "RequestScan", "a{sv}", soon)
    assert len((await Wifi(bus).scan()).networks) == 2


async def test_a_service_that_dies_while_it_connects_is_a_failure(air: EmulatedBus, bus: SystemBus) -> None:
    connecting = asyncio.ensure_future(Wifi(bus).connect("home", SECRET))
    await until(lambda: asyncio.to_thread(air.calls, "networkmanager", "AddAndActivateConnection", PATH), bool)
    await asyncio.to_thread(air.kill, "networkmanager")
    with pytest.raises((CommandFailed, Offline), match="NetworkManager"):
        await connecting
