"""Statistics of the host: where they come from, and that a part which hangs costs only itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import psutil
import pytest

from ndefender.system import host
from ndefender.system.backend import Offline
from ndefender.system.host import PART_TIMEOUT_S, Disk, Host, Kernel, Sensors

KERNEL = Kernel(3600.04, 12.5, (0.5, 0.25, 0.125), 2_000_000_000, 8_000_000_000)
SENSORS = Sensors(45.2, 0, None)
DISK = Disk(20_000_000_000, 64_000_000_000)


def make(**parts: Any) -> Host:
    values: dict[str, Any] = {"kernel": lambda: KERNEL, "sensors": lambda: SENSORS, "disk": lambda path: DISK}
    synchronized = parts.pop("synchronized", None)
    return Host(2.0, "/var", synchronized, **(values | parts))


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_all_of_it() -> None:
    async def right() -> bool:
        return True

    backend = make(synchronized=right)
    section = await backend.read()
    assert msgspec.to_builtins(section) == {
        "status": "ok",
        "last_error": None,
        "uptime_s": 3600.0,
        "cpu_temp_c": 45.2,
        "cpu_usage_percent": 12.5,
        "load_1m": 0.5,
        "load_5m": 0.25,
        "load_15m": 0.12,
        "ram_used_mb": 2000.0,
        "ram_total_mb": 8000.0,
        "disk_used_gb": 20.0,
        "disk_total_gb": 64.0,
        "throttled_flags": 0,
        "clock_synchronized": True,
    }
    await backend.close()


async def test_this_machine() -> None:
    backend = Host(2.0, "/")
    section = await backend.read()
    assert section.status == "ok"
    assert section.uptime_s is not None
    assert section.ram_used_mb is not None
    assert section.ram_total_mb is not None
    assert section.disk_used_gb is not None
    assert section.disk_total_gb is not None
    assert 0 < section.ram_used_mb < section.ram_total_mb
    assert 0 < section.disk_used_gb < section.disk_total_gb
    assert section.uptime_s == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=5)
    assert section.ram_total_mb == pytest.approx(psutil.virtual_memory().total / 1e6, abs=1)
    await backend.close()
    await backend.close()


@pytest.mark.parametrize(
    ("part", "words", "gone", "kept"),
    [
        ("disk", "disk use: no answer for", "disk_used_gb", "cpu_temp_c"),
        ("sensors", "sensors: no answer for", "cpu_temp_c", "disk_used_gb"),
    ],
)
async def test_a_part_that_hangs_costs_only_itself(
    gate: threading.Event, part: str, words: str, gone: str, kept: str
) -> None:
    good = {"disk": DISK, "sensors": SENSORS}[part]

    def hang(*path: str) -> object:
        gate.wait()
        return good

    backend = make(**{part: hang})
    started_s = time.monotonic()
    section = await backend.read()
    assert time.monotonic() - started_s < PART_TIMEOUT_S + 0.6
    assert section.status == "degraded"
    assert words in (section.last_error or "")
    assert getattr(section, gone) is None
    assert getattr(section, kept) is not None
    assert section.load_1m == 0.5
    started_s = time.monotonic()
    assert (await backend.read()).status == "degraded"
    assert time.monotonic() - started_s < PART_TIMEOUT_S / 2  # known to hang: not waited for again
    gate.set()
    async with asyncio.timeout(10.0):
        while (await backend.read()).status != "ok":
            await asyncio.sleep(0.005)
    await backend.close()


async def test_parts_are_read_beside_one_another(gate: threading.Event) -> None:
    both = threading.Barrier(2, timeout=10.0)

    def sensors() -> Sensors:
        both.wait()
        return SENSORS

    def disk(path: str) -> Disk:
        both.wait()
        return DISK

    backend = make(sensors=sensors, disk=disk)
    assert (await backend.read()).status == "ok"
    await backend.close()


async def test_a_disk_that_is_not_there_is_said() -> None:
    backend = Host(2.0, "/nonexistent/folder")
    section = await backend.read()
    assert section.status == "degraded"
    assert section.last_error == "disk use of /nonexistent/folder: No such file or directory"
    assert section.disk_total_gb is None
    assert section.ram_total_mb is not None
    await backend.close()


async def test_without_statistics_it_is_offline(gate: threading.Event) -> None:
    def broken() -> Kernel:
        raise OSError(5, "Input/output error")

    backend = make(kernel=broken)
    with pytest.raises(Offline, match="statistics: Input/output error"):
        await backend.read()
    await backend.close()


async def test_throttling_that_cannot_be_asked_is_said_and_the_temperature_kept() -> None:
    def flags() -> int | None:
        raise Offline("throttling: /dev/vcio: Permission denied")

    backend = make(sensors=lambda: host.read_sensors(flags)._replace(cpu_temp_c=50.0))
    section = await backend.read()
    assert (section.status, section.cpu_temp_c, section.throttled_flags) == ("degraded", 50.0, None)
    assert "Permission denied" in (section.last_error or "")
    await backend.close()


async def test_a_clock_nobody_can_judge_is_null() -> None:
    async def nobody() -> bool | None:
        raise Offline("no timedated")

    backend = make(synchronized=nobody)
    section = await backend.read()
    assert (section.status, section.clock_synchronized) == ("ok", None)
    await backend.close()


async def test_what_is_news() -> None:
    backend = make()
    section = await backend.read()
    for change, news in (
        ({"cpu_usage_percent": 99.0, "load_1m": 9.0, "cpu_temp_c": 80.0}, False),
        ({"throttled_flags": 0x50005}, True),
        ({"clock_synchronized": False}, True),
        ({"status": "degraded"}, True),
    ):
        assert backend.changed(section, msgspec.structs.replace(section, **change)) is news, change
    await backend.close()


def sensor(*values_c: float) -> list[SimpleNamespace]:
    return [SimpleNamespace(current=value) for value in values_c]


@pytest.mark.parametrize(
    ("sensors", "zone", "wanted"),
    [
        ({"cpu_thermal": sensor(45.23)}, None, 45.2),
        ({"coretemp": sensor(40.0, 55.0, 41.0)}, "30000", 55.0),
        ({"nvme": sensor(70.0), "iwlwifi_1": sensor(60.0)}, "48312\n", 48.3),
        ({"nvme": sensor(70.0)}, None, None),
        ({"k10temp": sensor(float("nan"))}, "44000", 44.0),
        ({"cpu_thermal": sensor(-273.15), "coretemp": sensor(47.0)}, None, 47.0),
        ({}, "-274000", None),
        ({}, "0", None),
        ({}, "999999999", None),
        ({}, "warm", None),
        ({}, "", None),
        ({}, None, None),
    ],
)
def test_which_temperature(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sensors: dict[str, Any], zone: str | None, wanted: float | None
) -> None:
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: sensors)
    path = tmp_path / "temp"
    if zone is not None:
        path.write_text(zone, encoding="ascii")
    assert host.cpu_temperature_c(path) == wanted
