"""BlueZ over a real message bus: state, devices, discovery, and pairing with an agent that answers BlueZ alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from dbus_fast import Message, Variant
from support.host_bus import emulated, until

from ndefender.errors import CommandRejected
from ndefender.events.host import BluetoothDevice, BluetoothState
from ndefender.system.backend import Offline
from ndefender.system.bluetooth import ADAPTER, DEVICE, Bluetooth
from ndefender.system.bluetooth_agent import AGENT, AGENT_PATH
from ndefender.system.bus import SystemBus
from ndefender.system.emulated.services import EmulatedBus
from ndefender.system.peers import BLUEZ, CommandFailed, Denied, Peer

HCI = "/org/bluez/hci0"
PUCK = "02:00:00:00:02:01"
PUCK_PATH = f"{HCI}/dev_{PUCK.replace(':', '_')}"
PIN = "493817"
STOP_ITSELF = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedBus]:
    machine = emulated(tmp_path_factory.mktemp("machine"), ("bluez",))
    yield machine
    machine.stop()


@pytest.fixture
def bare(machine: EmulatedBus) -> EmulatedBus:
    machine.restart("bluez")
    return machine


@pytest.fixture
def host(bare: EmulatedBus) -> EmulatedBus:
    bare.adapter("box")
    bare.device(PUCK, "GPS puck", -58, pin=PIN)
    bare.device("02:00:00:00:02:02", "headset", -41)
    return bare


@pytest.fixture
async def bus(bare: EmulatedBus) -> AsyncIterator[SystemBus]:
    bus = SystemBus(bare.address)
    yield bus
    await bus.close()


async def test_state_and_devices(host: EmulatedBus, bus: SystemBus) -> None:
    bluetooth = Bluetooth(bus)
    assert await bluetooth.state() == BluetoothState(
        enabled=True, discovering=False, address="00:01:02:03:04:05", name="box"
    )
    assert (await bluetooth.devices()).devices == [
        BluetoothDevice(addr="02:00:00:00:02:02", name="headset", paired=False, connected=False, rssi_dbm=-41),
        BluetoothDevice(addr=PUCK, name="GPS puck", paired=False, connected=False, rssi_dbm=-58),
    ]


async def test_discovery_starts_and_stops_twice(host: EmulatedBus, bus: SystemBus) -> None:
    bluetooth = Bluetooth(bus)
    for expected, command in ((True, bluetooth.scan_start), (False, bluetooth.scan_stop)):
        await command()
        assert (await bluetooth.state()).discovering is expected
        await command()
        assert (await bluetooth.state()).discovering is expected


async def test_the_radio_is_switched(host: EmulatedBus, bus: SystemBus) -> None:
    bluetooth = Bluetooth(bus)
    await bluetooth.disable()
    assert (await bluetooth.state()).enabled is False
    with pytest.raises(CommandFailed, match="Bluetooth is switched off"):
        await bluetooth.scan_start()
    with pytest.raises(CommandRejected) as refused:
        await bluetooth.pair(PUCK, PIN)
    assert (refused.value.status, refused.value.code) == (409, "bluetooth_disabled")
    await bluetooth.enable()
    assert (await bluetooth.state()).enabled is True


async def test_paired_with_its_pin_and_forgotten(
    host: EmulatedBus, bus: SystemBus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bluetooth = Bluetooth(bus)
    await bluetooth.pair(PUCK.lower(), PIN)
    assert [d.paired for d in (await bluetooth.devices()).devices if d.addr == PUCK] == [True]
    # Already so: nothing to do.
    await bluetooth.pair(PUCK, PIN)
    await bluetooth.unpair(PUCK)
    assert PUCK not in [d.addr for d in (await bluetooth.devices()).devices]
    with pytest.raises(CommandRejected, match="no device"):
        await bluetooth.unpair(PUCK)
    assert PIN not in caplog.text


async def test_paired_without_a_pin(host: EmulatedBus, bus: SystemBus) -> None:
    await Bluetooth(bus).pair("02:00:00:00:02:02")


@pytest.mark.parametrize("pin", ["000000", None])
async def test_a_wrong_pin_fails_and_leaves_no_agent(host: EmulatedBus, bus: SystemBus, pin: str | None) -> None:
    bluetooth = Bluetooth(bus)
    with pytest.raises(CommandFailed) as failed:
        await bluetooth.pair(PUCK, pin)
    assert failed.value.reason == "the PIN is wrong, or the device refused"
    # A second agent of this connection would be refused, were the first still registered.
    await bluetooth.pair(PUCK, PIN)


@pytest.mark.parametrize(
    ("addr", "pin", "status", "code"),
    [
        ("02:00", PIN, 400, "bad_address"),
        ("", None, 400, "bad_address"),
        ("02:00:00:00:02:0g", None, 400, "bad_address"),
        ("/org/bluez/hci0", None, 400, "bad_address"),
        (PUCK, "x" * 17, 400, "bad_pin"),
        (PUCK, "12\n34", 400, "bad_pin"),
        (PUCK, "\ud800", 400, "bad_pin"),
        ("02:00:00:00:09:09", None, 404, "unknown_device"),
    ],
)
async def test_an_impossible_wish_is_refused(
    host: EmulatedBus, bus: SystemBus, addr: str, pin: str | None, status: int, code: str
) -> None:
    with pytest.raises(CommandRejected) as refused:
        await Bluetooth(bus).pair(addr, pin)
    assert (refused.value.status, refused.value.code) == (status, code)


async def test_nobody_but_bluez_learns_the_pin(host: EmulatedBus, bus: SystemBus) -> None:
    """While a pairing is under way, another process asks the agent for the PIN."""
    host.replace("bluez", PUCK_PATH, DEVICE, "Pair", "", "", STOP_ITSELF)
    pairing = asyncio.ensure_future(Bluetooth(bus).pair(PUCK, PIN))
    link = await until(lambda: _later(bus._link), lambda link: link is not None and AGENT_PATH in link._answers)
    assert link is not None
    stranger = SystemBus(host.address)
    us = Peer(str(link._bus.unique_name), "us")
    for member, path in (("RequestPinCode", PUCK_PATH), ("RequestPasskey", PUCK_PATH), ("Cancel", "")):
        body = [path] if path else []
        with pytest.raises(Denied) as refused:
            await stranger.call(us, AGENT_PATH, AGENT, member, "o" if path else "", body, reply="s")
        assert PIN not in f"{refused.value} {refused.value.text}"
    await stranger.close()
    host.resume("bluez")
    await pairing
    assert AGENT_PATH not in link._answers


async def _later(value: object) -> object:
    return value


async def test_only_one_pairing_at_a_time(host: EmulatedBus, bus: SystemBus) -> None:
    bluetooth = Bluetooth(bus)
    first = asyncio.ensure_future(bluetooth.pair(PUCK, PIN))
    await asyncio.sleep(0)
    with pytest.raises(CommandRejected) as refused:
        await bluetooth.pair(PUCK, PIN)
    assert refused.value.code == "bluetooth_busy"
    await first


async def test_a_pairing_that_fails_is_cancelled(host: EmulatedBus, bus: SystemBus) -> None:
    code = "raise dbus.exceptions.DBusException('in vain', name='org.bluez.Error.AuthenticationTimeout')"
    host.replace("bluez", PUCK_PATH, DEVICE, "Pair", "", "", code)
    with pytest.raises(CommandFailed, match="did not answer the pairing in time"):
        await Bluetooth(bus).pair(PUCK, PIN)
    assert await asyncio.to_thread(host.calls, "bluez", "CancelPairing", PUCK_PATH) == [[]]


async def test_a_bluez_that_hangs_in_the_middle_of_a_pairing(host: EmulatedBus) -> None:
    bus = SystemBus(host.address, call_timeout_s=0.3)
    bluetooth = Bluetooth(bus, pair_timeout_s=0.3)
    assert (await bluetooth.state()).enabled
    host.replace("bluez", PUCK_PATH, DEVICE, "Pair", "", "", STOP_ITSELF)
    with pytest.raises(Offline, match="BlueZ did not answer"):
        await bluetooth.pair(PUCK, PIN)
    host.resume("bluez")
    await until(lambda: _enabled(bluetooth), bool)
    await bus.close()


async def _enabled(bluetooth: Bluetooth) -> bool | None:
    try:
        return (await bluetooth.state()).enabled
    except Offline:
        return None


async def test_without_an_adapter(bare: EmulatedBus, bus: SystemBus) -> None:
    bluetooth = Bluetooth(bus)
    for read in (bluetooth.state, bluetooth.devices):
        with pytest.raises(Offline, match="no Bluetooth adapter"):
            await read()
    for command in (
        bluetooth.enable,
        bluetooth.disable,
        bluetooth.scan_start,
        bluetooth.scan_stop,
        lambda: bluetooth.pair(PUCK),
        lambda: bluetooth.unpair(PUCK),
    ):
        with pytest.raises(CommandRejected) as refused:
            await command()
        assert (refused.value.status, refused.value.code) == (409, "bluetooth_absent")


@pytest.mark.parametrize(
    ("prop", "value"), [("Powered", Variant("s", "yes")), ("Address", Variant("u", 5)), ("Alias", Variant("b", True))]
)
async def test_nonsense_is_offline(host: EmulatedBus, bus: SystemBus, prop: str, value: Variant) -> None:
    host.set("bluez", HCI, ADAPTER, prop, value)
    with pytest.raises(Offline, match=f"BlueZ answers nonsense: {prop} of {HCI}"):
        await Bluetooth(bus).state()


async def test_a_policy_that_keeps_the_user_from_bluez_is_named(tmp_path: Path) -> None:
    refused = "".join(
        f'<deny send_destination="org.bluez" send_interface="{ADAPTER}" send_member="{member}"/>'
        for member in ("StartDiscovery", "StopDiscovery")
    )
    host = emulated(tmp_path, ("bluez",), refused)
    try:
        host.adapter()
        bus = SystemBus(host.address)
        with pytest.raises(CommandFailed, match=r"deploy/dbus/ndefender-bluetooth\.conf"):
            await Bluetooth(bus).scan_start()
        await bus.close()
    finally:
        host.stop()


async def test_without_bluez(tmp_path: Path) -> None:
    host = emulated(tmp_path, ())
    try:
        bus = SystemBus(host.address)
        with pytest.raises(Offline, match="BlueZ is not running"):
            await Bluetooth(bus).state()
        with pytest.raises(Offline, match="BlueZ is not running"):
            async with bus.answering(BLUEZ, AGENT_PATH, Message.new_method_return):
                pass
        await bus.close()
    finally:
        host.stop()
