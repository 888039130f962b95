"""systemd, logind and timedated over a real message bus: what is read, what is signalled, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from dbus_fast import Variant
from support.host_bus import Wakes, emulated, until

from ndefender.errors import CommandRejected, ConfigError
from ndefender.events.host import ServicesSection, ServiceState
from ndefender.system.backend import Offline
from ndefender.system.bus import SystemBus
from ndefender.system.clock import Clock
from ndefender.system.emulated.services import EmulatedBus
from ndefender.system.peers import CommandFailed
from ndefender.system.power import Power
from ndefender.system.units import PATH, SERVICE, Units, unit_path

LOGIND_PATH = "/org/freedesktop/login1"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedBus]:
    host = emulated(tmp_path_factory.mktemp("host"), ("systemd", "logind", "timedated"))
    yield host
    host.stop()


@pytest.fixture
async def bus(host: EmulatedBus) -> AsyncIterator[SystemBus]:
    bus = SystemBus(host.address)
    yield bus
    await bus.close()


async def test_units_are_shown_in_the_configuration_s_order_and_unknown_ones_with_nulls(
    host: EmulatedBus, bus: SystemBus
) -> None:
    host.unit("ndefender-b", "active", "running", 2)
    host.unit("gpsd", "failed", "failed", 5)
    units = Units(bus, ["gpsd.service", "no-such-thing", "ndefender-b"], 5.0)
    assert await units.read() == ServicesSection(
        services=[
            ServiceState(name="gpsd", active_state="failed", sub_state="failed", restart_count=5),
            ServiceState(name="no-such-thing"),
            ServiceState(name="ndefender-b", active_state="active", sub_state="running", restart_count=2),
        ]
    )


async def test_without_units_nobody_is_asked() -> None:
    assert await Units(SystemBus("unix:path=/nowhere"), [], 5.0).read() == ServicesSection()


async def test_a_change_wakes_who_watches(host: EmulatedBus, bus: SystemBus) -> None:
    host.unit("watched")
    units = Units(bus, ["watched"], 5.0)
    wakes = Wakes(units.watch())
    await wakes.next()
    before = await units.read()
    await asyncio.to_thread(host.unit, "watched", "failed", "failed", 3)
    await wakes.next()
    after = await until(units.read, lambda seen: seen.services[0].restart_count == 3)
    assert after.services[0].active_state == "failed"
    assert units.changed(before, after)
    assert not units.changed(after, after)
    await wakes.stop()


async def test_a_change_of_another_unit_wakes_nobody(host: EmulatedBus, bus: SystemBus) -> None:
    host.unit("mine")
    host.unit("theirs")
    wakes = Wakes(Units(bus, ["mine"], 5.0).watch())
    await wakes.next()
    await asyncio.to_thread(host.unit, "theirs", "failed", "failed")
    await asyncio.to_thread(host.unit, "mine", "failed", "failed")
    await wakes.next()
    # The change of the state and of the restarts are a signal each; both may come as one wake-up.
    assert wakes.count in {2, 3}
    await wakes.stop()


async def test_a_restart_reaches_systemd(host: EmulatedBus, bus: SystemBus) -> None:
    host.unit("restarted", "failed", "failed", 7)
    units = Units(bus, ["restarted"], 5.0)
    await units.restart("restarted.service")
    assert (await units.read()).services == [
        ServiceState(name="restarted", active_state="active", sub_state="running", restart_count=0)
    ]
    assert ["restarted.service", "replace"] in host.calls("systemd", "RestartUnit")


@pytest.mark.parametrize("name", ["ssh", "../ndefender", "ndefender.service.service", "NDEFENDER", "", "*"])
async def test_a_unit_that_is_not_configured_is_not_restarted(host: EmulatedBus, bus: SystemBus, name: str) -> None:
    before = len(host.calls("systemd", "RestartUnit"))
    with pytest.raises(CommandRejected) as refused:
        await Units(bus, ["ndefender"], 5.0).restart(name)
    assert (refused.value.status, refused.value.code) == (404, "unknown_service")
    assert len(host.calls("systemd", "RestartUnit")) == before


async def test_a_configured_unit_that_systemd_does_not_know_is_404(bus: SystemBus) -> None:
    with pytest.raises(CommandRejected, match=r"does not know absent\.service") as refused:
        await Units(bus, ["absent"], 5.0).restart("absent")
    assert refused.value.status == 404


async def test_a_name_that_is_none_is_refused_at_once() -> None:
    for name in ("a/b", "a b", "", "x" * 300, "ä"):
        with pytest.raises(ConfigError, match=r"host\.units\[1\]"):
            Units(SystemBus(""), ["fine", name], 5.0)


async def test_paths_are_escaped_as_systemd_does() -> None:
    assert unit_path("ndefender.service") == f"{PATH}/unit/ndefender_2eservice"
    assert unit_path("3proxy-x@a_b.service") == f"{PATH}/unit/_33proxy_2dx_40a_5fb_2eservice"


@pytest.mark.parametrize(
    ("interface", "name", "value"),
    [(SERVICE, "NRestarts", Variant("s", "many")), (SERVICE, "NRestarts", Variant("as", ["x"]))],
)
async def test_nonsense_makes_the_section_offline_and_sense_brings_it_back(
    host: EmulatedBus, bus: SystemBus, interface: str, name: str, value: Variant
) -> None:
    host.unit("odd")
    units = Units(bus, ["odd"], 5.0)
    host.set("systemd", unit_path("odd.service"), interface, name, value)
    with pytest.raises(Offline, match=r"systemd answers nonsense: NRestarts of .* not an integer"):
        await units.read()
    host.set("systemd", unit_path("odd.service"), interface, name, Variant("u", 4))
    assert (await units.read()).services[0].restart_count == 4


async def test_a_unit_that_does_not_come_up_is_a_failure_of_the_command(host: EmulatedBus, bus: SystemBus) -> None:
    host.unit("broken", "failed", "failed")
    # systemd takes the job, and the unit stays as it is.
    host.replace("systemd", PATH, "org.freedesktop.systemd1.Manager", "RestartUnit", "ss", "o", 'ret = "/job"')
    with pytest.raises(CommandFailed, match=r"broken\.service failed to start again"):
        await Units(bus, ["broken"], 5.0).restart("broken")


async def test_a_right_that_is_missing_is_named(host: EmulatedBus, bus: SystemBus) -> None:
    host.unit("locked")
    denied = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
    host.fail("systemd", PATH, "org.freedesktop.systemd1.Manager", "RestartUnit", "ss", denied)
    with pytest.raises(CommandFailed) as failed:
        await Units(bus, ["locked"], 5.0).restart("locked")
    assert "org.freedesktop.systemd1.manage-units" in failed.value.reason
    assert "deploy/polkit/49-ndefender.rules" in failed.value.reason


async def test_power(host: EmulatedBus, bus: SystemBus) -> None:
    await Power(bus).reboot()
    await Power(bus).power_off()
    # False: not interactive, nobody is there to be asked for a password.
    assert host.calls("logind", "Reboot") == [[False]]
    assert host.calls("logind", "PowerOff") == [[False]]
    manager = "org.freedesktop.login1.Manager"
    host.fail("logind", LOGIND_PATH, manager, "PowerOff", "b", "org.freedesktop.DBus.Error.AccessDenied")
    with pytest.raises(CommandFailed, match=r"org\.freedesktop\.login1\.power-off"):
        await Power(bus).power_off()


async def test_the_clock_is_right_wrong_or_nobody_knows(host: EmulatedBus, bus: SystemBus, tmp_path: Path) -> None:
    clock = Clock(bus, interval_s=0.0)
    path, interface = "/org/freedesktop/timedate1", "org.freedesktop.timedate1"
    assert await clock.synchronized() is True
    host.set("timedated", path, interface, "NTPSynchronized", Variant("b", False))
    assert await clock.synchronized() is False
    host.set("timedated", path, interface, "NTPSynchronized", Variant("s", "maybe"))
    assert await clock.synchronized() is None
    nowhere = SystemBus(f"unix:path={tmp_path / 'nothing'}")
    assert await Clock(nowhere).synchronized() is None
    await nowhere.close()


async def test_the_clock_s_keeper_is_asked_now_and_then_only(host: EmulatedBus, bus: SystemBus) -> None:
    now_s = [100.0]
    clock = Clock(bus, interval_s=10.0, clock=lambda: now_s[0])
    path, interface = "/org/freedesktop/timedate1", "org.freedesktop.timedate1"
    host.set("timedated", path, interface, "NTPSynchronized", Variant("b", True))
    assert await clock.synchronized() is True
    host.set("timedated", path, interface, "NTPSynchronized", Variant("b", False))
    now_s[0] = 109.9
    assert await clock.synchronized() is True
    now_s[0] = 110.0
    assert await clock.synchronized() is False
