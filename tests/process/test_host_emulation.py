"""The emulated services: everything ends with them, also where the parent is killed; the demo is furnished."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.host_bus import emulated, until

from ndefender.system.backend import Offline
from ndefender.system.bluetooth import Bluetooth
from ndefender.system.bus import SystemBus
from ndefender.system.clock import Clock
from ndefender.system.emulated.bus_daemon import EmulationError
from ndefender.system.emulated.services import EmulatedBus
from ndefender.system.network import Network
from ndefender.system.units import Units
from ndefender.system.wifi import Wifi

PARENT = """
import sys
from pathlib import Path
from ndefender.system.emulated.services import EmulatedBus
host = EmulatedBus(Path(sys.argv[1]))
host.start()
print("ready", flush=True)
sys.stdin.read()
"""


async def test_a_furnished_host_has_something_of_everything(tmp_path: Path) -> None:
    host = await asyncio.to_thread(emulated, tmp_path)
    bus = SystemBus(host.address)
    try:
        await asyncio.to_thread(host.furnish, ["ndefender", "gpsd.service"])
        units = (await Units(bus, ["ndefender", "gpsd"], 5.0).read()).services
        assert [unit.active_state for unit in units] == ["active", "active"]
        assert (await Network(bus, 3.0).read()).kind == "ethernet"
        assert len((await Wifi(bus).scan()).networks) == 2
        assert len((await Bluetooth(bus).devices()).devices) == 1
        assert await Clock(bus).synchronized() is True
    finally:
        await bus.close()
        await asyncio.to_thread(host.stop)


async def test_nothing_is_left_after_stop(tmp_path: Path) -> None:
    host = await asyncio.to_thread(emulated, tmp_path)
    children = psutil.Process().children(recursive=True)
    assert len(children) >= 6
    host.hang("bluez")
    host.hang_bus()
    await asyncio.to_thread(host.stop)
    await asyncio.to_thread(host.stop)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    bus = SystemBus(host.address)
    with pytest.raises(Offline):
        await Bluetooth(bus).state()
    await bus.close()


async def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    emulated(tmp_path / "probe", ()).stop()
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "host")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert await asyncio.to_thread(parent.stdout.readline) == b"ready\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) >= 6
        os.kill(parent.pid, signal.SIGKILL)
        try:
            await until(lambda: _alive(children), lambda alive: not alive)
        finally:
            for child in children:
                if child.is_running():
                    child.kill()


async def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_a_bus_in_a_folder_with_a_long_name(tmp_path: Path) -> None:
    host = emulated(tmp_path / ("x" * 100) / "y", ("timedated",))
    socket = Path(host.address.removeprefix("unix:path="))
    assert socket.exists()
    host.stop()
    assert not socket.parent.exists()


def test_without_dbus_daemon_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    host = EmulatedBus(tmp_path)
    with pytest.raises(EmulationError, match="dbus-daemon is not installed"):
        host.start()
    with pytest.raises(EmulationError, match="not started"):
        host.unit("ndefender")
