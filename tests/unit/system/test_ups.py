"""The UPS backend over an emulated bus: what it reads, what it does when the bus fails, and its keep-alive."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest

from ndefender.system import upsmap
from ndefender.system.backend import Offline
from ndefender.system.emulated.ups import (
    BROWNOUT,
    MAINS,
    NO_SUPPLY,
    EmulatedBus,
    EmulatedUps,
    Fault,
    mains_with_cuts,
)
from ndefender.system.ups import CALL_TIMEOUT_S, I2cBus, Ups

DEADLINE_S = 10.0


class Clock:
    """Seconds that pass on command."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


async def until(condition: Callable[[], object], what: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.005)
    assert condition(), what


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def device(clock: Clock) -> EmulatedUps:
    return EmulatedUps(clock)


@pytest.fixture
async def ups(device: EmulatedUps) -> AsyncIterator[Ups]:
    backend = Ups(lambda: EmulatedBus(device), keep_alive_s=0.02)
    yield backend
    device.fail(Fault.NONE)
    await backend.close()


async def test_it_charges_and_is_full_at_last(ups: Ups, device: EmulatedUps, clock: Clock) -> None:
    first = await ups.read()
    assert (first.status, first.state, first.soc_percent) == ("ok", "FAST_CHARGING", 78)
    assert first.current_a is not None
    assert first.current_a > 0
    assert first.time_to_empty_s is None
    assert first.time_to_full_s is not None
    clock.now_s += 600
    later = await ups.read()
    assert later.state == "CHARGING"  # over 80 %, gently
    assert later.soc_percent is not None
    assert later.soc_percent > 80
    clock.now_s += 10 * 3600
    await ups.read()
    full = await ups.read()
    assert (full.state, full.soc_percent, full.current_a) == ("IDLE", 100, 0.0)
    assert full.input_vbus_v == 15.0


async def test_it_discharges_when_the_supply_goes(ups: Ups, device: EmulatedUps, clock: Clock) -> None:
    before = await ups.read()
    device.supply = lambda now_s: NO_SUPPLY
    after = await ups.read()
    assert (after.state, after.input_vbus_v, after.time_to_full_s) == ("DISCHARGING", 0.0, None)
    assert after.time_to_empty_s is not None
    assert after.time_to_empty_s > 3600
    assert ups.changed(before, after)
    clock.now_s += after.time_to_empty_s / 2
    half = await ups.read()
    assert half.soc_percent == pytest.approx(39, abs=2)
    assert half.pack_voltage_v is not None
    assert after.pack_voltage_v is not None
    assert half.pack_voltage_v < after.pack_voltage_v


async def test_a_brown_out_draws_on_the_battery(ups: Ups, device: EmulatedUps) -> None:
    device.supply = lambda now_s: BROWNOUT
    section = await ups.read()
    assert (section.state, section.input_vbus_v, section.input_power_w) == ("DISCHARGING", 4.1, 2.0)


def test_mains_with_cuts_fail_at_the_end_of_each_period() -> None:
    supply = mains_with_cuts(10.0, 3.0)
    assert [supply(now_s) for now_s in (0.0, 6.9, 7.0, 9.9, 10.0)] == [MAINS, MAINS, NO_SUPPLY, NO_SUPPLY, MAINS]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.NO_ACKNOWLEDGE, "nobody answers at address 0x2D: No such device or address"),
        (Fault.REMOTE_IO, "nobody answers at address 0x2D: Remote I/O error"),
        (Fault.ONES, "impossible readings: pack 65.535 V"),
        (Fault.ZEROS, "impossible readings: pack 0 V"),
        (Fault.SHORT, "register 0x02 gave 0 bytes of 1"),
    ],
)
async def test_a_failing_bus_is_offline_and_comes_back(
    ups: Ups, device: EmulatedUps, fault: Fault, reason: str
) -> None:
    assert (await ups.read()).status == "ok"
    device.fail(fault)
    with pytest.raises(Offline) as caught:
        await ups.read()
    assert reason in caught.value.reason
    device.fail(Fault.NONE)
    assert (await ups.read()).status == "ok"


@pytest.mark.parametrize(
    ("fault", "words", "gone"),
    [(Fault.SOC_400, "state of charge 400 %", "soc_percent"), (Fault.CELL_65V, "cell 1 65.535 V", "per_cell_v")],
)
async def test_one_impossible_word_degrades(ups: Ups, device: EmulatedUps, fault: Fault, words: str, gone: str) -> None:
    device.fail(fault)
    section = await ups.read()
    assert section.status == "degraded"
    assert words in (section.last_error or "")
    assert getattr(section, gone) is None
    assert section.input_vbus_v == 15.0


async def test_noise_never_passes_for_a_reading(ups: Ups, device: EmulatedUps) -> None:
    device.fail(Fault.NOISE)
    for _ in range(200):
        try:
            section = await ups.read()
        except Offline as error:
            assert "impossible" in error.reason
        else:
            assert section.status == "degraded"


async def test_one_disturbed_transfer_is_no_news(device: EmulatedUps) -> None:
    class Once(EmulatedBus):
        spoilt = 0

        def read_i2c_block_data(self, i2c_addr: int, register: int, length: int, /) -> list[int]:
            if not Once.spoilt:
                Once.spoilt += 1
                raise OSError(121, "Remote I/O error")
            return super().read_i2c_block_data(i2c_addr, register, length)

    backend = Ups(lambda: Once(device))
    assert (await backend.read()).status == "ok"
    assert Once.spoilt == 1
    await backend.close()


async def test_a_hung_bus_is_given_up_in_time_and_taken_back(ups: Ups, device: EmulatedUps) -> None:
    assert (await ups.read()).status == "ok"
    device.fail(Fault.HANG)
    started_s = time.monotonic()
    with pytest.raises(Offline, match="no answer for"):
        await ups.read()
    assert time.monotonic() - started_s < 2 * CALL_TIMEOUT_S + 1.0
    started_s = time.monotonic()
    for _ in range(20):  # at once, and without another thread
        with pytest.raises(Offline, match="no answer for"):
            await ups.read()
    assert time.monotonic() - started_s < CALL_TIMEOUT_S
    device.fail(Fault.NONE)

    async def back() -> bool:
        try:
            return (await ups.read()).status == "ok"
        except Offline:
            return False

    async with asyncio.timeout(DEADLINE_S):
        while not await back():
            await asyncio.sleep(0.005)


async def test_no_bus_at_all() -> None:
    def open_bus() -> I2cBus:
        raise FileNotFoundError(2, "No such file or directory")

    backend = Ups(open_bus)
    with pytest.raises(Offline, match="I2C bus: No such file"):
        await backend.read()
    await backend.close()
    await backend.close()


async def test_another_address_is_nobody(device: EmulatedUps) -> None:
    backend = Ups(lambda: EmulatedBus(device), address=0x36)
    with pytest.raises(Offline, match="nobody answers at address 0x36"):
        await backend.read()
    await backend.close()


async def test_keep_alives_go_on_through_faults(ups: Ups, device: EmulatedUps) -> None:
    await ups.read()
    await until(lambda: len(device.keep_alives_s) >= 3, "three keep-alives without another reading")
    device.fail(Fault.NO_ACKNOWLEDGE)
    with pytest.raises(Offline):
        await ups.read()
    heard = len(device.keep_alives_s)
    device.fail(Fault.NONE)
    await until(lambda: len(device.keep_alives_s) >= heard + 3, "keep-alives after the fault")
    await ups.close()
    told = len(device.keep_alives_s)
    await asyncio.sleep(0.1)  # five periods: nothing more may come
    assert len(device.keep_alives_s) == told


@pytest.mark.parametrize("fault", [Fault.ONES, Fault.ZEROS, Fault.SOC_400])
async def test_what_is_not_known_to_be_a_ups_is_written_nothing(device: EmulatedUps, fault: Fault) -> None:
    device.fail(fault)
    backend = Ups(lambda: EmulatedBus(device), keep_alive_s=0.001)
    for _ in range(5):
        with contextlib.suppress(Offline):
            await backend.read()
        await asyncio.sleep(0.005)
    assert device.keep_alives_s == []
    device.fail(Fault.NONE)
    await backend.read()
    await until(lambda: device.keep_alives_s, "keep-alives after a good reading")
    await backend.close()


async def test_it_can_be_read_without_a_word_to_it(device: EmulatedUps) -> None:
    backend = Ups(lambda: EmulatedBus(device), keep_alive_s=None)
    assert (await backend.read()).status == "ok"
    await backend.close()
    assert device.keep_alives_s == []


async def test_closing_closes_the_bus_and_waits_for_no_hung_one(device: EmulatedUps) -> None:
    buses: list[EmulatedBus] = []

    def open_bus() -> EmulatedBus:
        buses.append(EmulatedBus(device))
        return buses[-1]

    backend = Ups(open_bus)
    await backend.read()
    await backend.close()
    assert [bus.closed for bus in buses] == [True]
    backend = Ups(open_bus)
    await backend.read()
    device.fail(Fault.HANG)
    with pytest.raises(Offline):
        await backend.read()
    started_s = time.monotonic()
    await backend.close()
    assert time.monotonic() - started_s < CALL_TIMEOUT_S + 0.5
    device.fail(Fault.NONE)


def test_the_keep_alive_is_the_documented_byte_every_five_seconds() -> None:
    from ndefender.system.ups import KEEP_ALIVE_S

    assert (upsmap.KEEP_ALIVE_REGISTER, upsmap.KEEP_ALIVE_VALUE, KEEP_ALIVE_S) == (0x01, 0x55, 5.0)


async def test_small_moves_are_not_news(ups: Ups) -> None:
    import msgspec

    section = await ups.read()
    assert not ups.changed(section, section)
    assert section.pack_voltage_v is not None
    for change, news in (
        ({"pack_voltage_v": section.pack_voltage_v + 0.05}, False),
        ({"pack_voltage_v": section.pack_voltage_v - 0.15}, True),
        ({"soc_percent": 77}, True),
        ({"time_to_full_s": 1}, False),
        ({"state": "IDLE"}, True),
        ({"input_vbus_v": None}, True),
    ):
        assert ups.changed(section, msgspec.structs.replace(section, **change)) is news, change
