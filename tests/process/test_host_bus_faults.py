"""What breaks on a message bus: services hang, die, come back, the bus itself too. The reader says so and recovers."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.host_bus import Wakes, emulated, until

from ndefender.events.host import ServicesSection
from ndefender.system.backend import Offline
from ndefender.system.bus import SystemBus
from ndefender.system.emulated.services import EmulatedBus
from ndefender.system.monitor import Monitor
from ndefender.system.network import Network
from ndefender.system.units import Units

OFFLINE_WITHIN_S = 3.0
CHANGE_WITHIN_S = 0.2
STALL_S = 0.02
BLOCKED_S = 0.5


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedBus]:
    machine = emulated(tmp_path_factory.mktemp("machine"), ("systemd", "networkmanager"))
    yield machine
    machine.stop()


@pytest.fixture
def host(machine: EmulatedBus) -> EmulatedBus:
    machine.restart_bus()
    machine.unit("ndefender")
    machine.ethernet("10.1.2.3")
    return machine


@pytest.fixture
async def bus(host: EmulatedBus) -> AsyncIterator[SystemBus]:
    bus = SystemBus(host.address, call_timeout_s=0.8)
    yield bus
    await bus.close()


class Stalls:
    """The longest time for which the event loop did not get round to a task that only sleeps."""

    def __init__(self) -> None:
        self._busy_s = self._longest_s = 0.0
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            busy_s, now_s = time.thread_time(), time.monotonic()
            await asyncio.sleep(0.002)
            self._busy_s = max(self._busy_s, time.thread_time() - busy_s)
            self._longest_s = max(self._longest_s, time.monotonic() - now_s)

    async def none(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        # Processor time of this very thread: what other processes on a busy machine take is not counted.
        assert self._busy_s < STALL_S
        # A call that blocks uses no processor time; on something that hangs it lasts at least as long as a time-out.
        assert self._longest_s < BLOCKED_S


async def offline(units: Units | Network) -> str:
    began = time.monotonic()
    with pytest.raises(Offline) as error:
        await units.read()
    assert time.monotonic() - began < OFFLINE_WITHIN_S
    return error.value.reason


def works(section: ServicesSection) -> bool:
    return bool(section.services) and section.services[0].active_state == "active"


async def readable(units: Units) -> ServicesSection:
    try:
        return await units.read()
    except Offline:
        return ServicesSection()


async def test_a_service_that_hangs_is_offline_and_others_are_not(host: EmulatedBus, bus: SystemBus) -> None:
    units, network = Units(bus, ["ndefender"], 5.0), Network(bus, 3.0)
    assert works(await units.read())
    stalls = Stalls()
    host.hang("systemd")
    reason, other = await asyncio.gather(offline(units), network.read())
    assert reason == "systemd did not answer within 0.8 s"
    assert other.ip_v4 == "10.1.2.3"
    host.resume("systemd")
    await until(lambda: readable(units), works)
    await stalls.none()


async def test_calls_that_were_given_up_leave_nothing_behind(host: EmulatedBus, bus: SystemBus) -> None:
    units = Units(SystemBus(host.address, call_timeout_s=0.05), ["ndefender"], 5.0)
    host.hang("systemd")
    for _ in range(20):
        await offline(units)
    link = units._bus._link
    assert link is not None
    assert link._waiting == {}
    host.resume("systemd")
    await until(lambda: readable(units), works)
    await units._bus.close()


async def test_a_service_that_dies_wakes_its_watcher_and_so_does_its_return(host: EmulatedBus, bus: SystemBus) -> None:
    units = Units(bus, ["ndefender"], 5.0)
    wakes = Wakes(units.watch())
    await wakes.next()
    await asyncio.to_thread(host.kill, "systemd")
    await wakes.next()
    assert await offline(units) == "systemd is not running"
    await asyncio.to_thread(host.restart, "systemd")
    await wakes.next()
    assert not wakes.task.done()
    # The new systemd has to be subscribed to again, or its units change unheard.
    await asyncio.to_thread(host.unit, "ndefender")
    await until(lambda: readable(units), works)
    heard = wakes.count
    await asyncio.to_thread(host.unit, "ndefender", "failed", "failed")
    await until(lambda: _counted(wakes), lambda count: count > heard)
    await wakes.stop()


async def _counted(wakes: Wakes) -> int:
    return wakes.count


async def test_a_service_that_dies_during_a_call_is_offline_at_once(host: EmulatedBus, bus: SystemBus) -> None:
    units = Units(bus, ["ndefender"], 5.0)
    await units.read()
    host.hang("systemd")
    reading = asyncio.ensure_future(offline(units))
    await asyncio.sleep(0)
    await asyncio.to_thread(host.kill, "systemd")
    assert await reading in {"systemd went away without an answer", "systemd is not running"}


async def test_a_bus_that_dies_and_comes_back(host: EmulatedBus, bus: SystemBus) -> None:
    units, network = Units(bus, ["ndefender"], 5.0), Network(bus, 3.0)
    wakes = Wakes(units.watch())
    await wakes.next()
    await asyncio.to_thread(host.kill_bus)
    async with asyncio.timeout(OFFLINE_WITHIN_S):
        await asyncio.wait([wakes.task])
    assert isinstance(wakes.task.exception(), Offline)
    assert (await offline(units)).startswith("no message bus: ")
    assert (await offline(network)).startswith("no message bus: ")
    await asyncio.to_thread(host.restart_bus)
    await asyncio.to_thread(host.unit, "ndefender")
    await until(lambda: readable(units), works)
    assert (await network.read()).connected is False


async def test_a_bus_that_hangs_and_goes_on(host: EmulatedBus, bus: SystemBus) -> None:
    units = Units(bus, ["ndefender"], 5.0)
    await units.read()
    stalls = Stalls()
    host.hang_bus()
    assert await offline(units) == "systemd did not answer within 0.8 s"
    # The link is suspected, given up, and a new one does not come about.
    reasons = await until(lambda: offline(units), lambda reason: reason.startswith("the message bus"))
    assert reasons == "the message bus did not answer within 0.8 s"
    host.resume_bus()
    await until(lambda: readable(units), works)
    await stalls.none()


async def test_watched_as_the_service_does_it(host: EmulatedBus, bus: SystemBus) -> None:
    """Change to publication at once; hang to offline within the contract's time; recovery by itself."""
    seen: list[ServicesSection] = []
    # A period longer than the test: what is published came by a signal, or because it was offline.
    monitor = Monitor(Units(bus, ["ndefender"], 60.0), ServicesSection, seen.append, 1.0)
    monitor.start()

    async def newest() -> ServicesSection:
        return seen[-1] if seen else ServicesSection()

    await until(newest, works)
    host.unit("ndefender", "failed", "failed")
    began = time.monotonic()
    await until(newest, lambda section: section.services[0].active_state == "failed")
    assert time.monotonic() - began < CHANGE_WITHIN_S
    host.hang("systemd")
    began = time.monotonic()
    hung = await until(newest, lambda section: section.status == "offline")
    assert time.monotonic() - began < OFFLINE_WITHIN_S
    assert hung.last_error == "systemd did not answer within 0.8 s"
    assert hung.services == []
    host.resume("systemd")
    await until(newest, lambda section: section.status == "ok")
    await monitor.stop()


async def test_many_who_ask_a_dead_bus_share_one_attempt(tmp_path: Path) -> None:
    nowhere = SystemBus(f"unix:path={tmp_path / 'nothing'}")
    backends = [Units(nowhere, ["ndefender"], 5.0) for _ in range(10)]
    reasons = await asyncio.gather(*(offline(units) for units in backends))
    assert len(set(reasons)) == 1
    with pytest.raises(Offline):
        async for _ in backends[0].watch():
            pass
    await nowhere.close()
    await nowhere.close()
    assert await offline(backends[0]) == "the connection to the message bus was closed"


@pytest.mark.parametrize("address", ["nonsense", "unix:abstract", "tcp:host=localhost,port=x", "kernel:path=/x"])
async def test_an_address_that_is_none_is_offline(address: str) -> None:
    bus = SystemBus(address)
    assert (await offline(Units(bus, ["ndefender"], 5.0))).startswith("no message bus: ")
    await bus.close()


async def test_a_peer_that_speaks_another_protocol_is_offline(tmp_path: Path) -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50)
        writer.close()

    server = await asyncio.start_unix_server(rude, tmp_path / "rude")
    bus = SystemBus(f"unix:path={tmp_path / 'rude'}", call_timeout_s=0.5)
    assert "bus" in await offline(Units(bus, ["ndefender"], 5.0))
    await bus.close()
    server.close()
    await server.wait_closed()


async def test_a_reader_that_is_cancelled_takes_the_connection_from_nobody(host: EmulatedBus) -> None:
    bus = SystemBus(host.address)
    units = Units(bus, ["ndefender"], 5.0)
    first, second = asyncio.ensure_future(units.read()), asyncio.ensure_future(units.read())
    await asyncio.sleep(0)
    first.cancel()
    assert works(await second)
    assert first.cancelled()
    await bus.close()


async def test_a_life_of_faults_leaves_no_complaint_and_no_task(
    host: EmulatedBus, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    before = asyncio.all_tasks()
    bus = SystemBus(host.address, call_timeout_s=0.3)
    units = Units(bus, ["ndefender"], 5.0)
    wakes = Wakes(units.watch())
    await wakes.next()
    host.hang("systemd")
    await offline(units)
    await asyncio.to_thread(host.kill_bus)
    await asyncio.wait([wakes.task], timeout=OFFLINE_WITHIN_S)
    await offline(units)
    await bus.close()
    assert wakes.task.exception() is not None
    del wakes
    # What nobody retrieved complains when it is collected.
    gc.collect()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert [record.getMessage() for record in caplog.records] == []
