"""Statistics of the host: what the kernel says at once, what sensors say, and the disk, each on a thread of its own."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

import psutil

from ndefender.events.host import SystemSection
from ndefender.system import throttle
from ndefender.system.backend import Offline
from ndefender.system.threaded import Worker

PART_TIMEOUT_S = 0.8  # of each part; together well under a reading's bound
# The processor's own sensors by the names of their drivers, the first that is there; a disk's or a radio's is not it.
CPU_SENSORS = (
    *("cpu_thermal", "cpu-thermal", "soc_thermal", "cpu0_thermal", "coretemp", "k10temp", "zenpower", "scpi_sensors"),
)
THERMAL_ZONE = Path("/sys/class/thermal/thermal_zone0/temp")
CPU_TEMP_LIMITS_C = (-40.0, 150.0)  # outside: the sensor is not there, or not read

T = TypeVar("T")


class Kernel(NamedTuple):
    """What `/proc` says: never slow."""

    uptime_s: float
    usage_percent: float
    load: tuple[float, float, float]
    ram_used_bytes: int
    ram_total_bytes: int


class Sensors(NamedTuple):
    """What drivers and firmware say, and what they failed at."""

    cpu_temp_c: float | None
    throttled_flags: int | None
    trouble: str | None


class Disk(NamedTuple):
    """Use of a file system, bytes."""

    used_bytes: int
    total_bytes: int


def read_kernel() -> Kernel:
    """Statistics of the kernel; the CPU's use is that since the last call."""
    memory = psutil.virtual_memory()
    return Kernel(
        uptime_s=time.clock_gettime(time.CLOCK_BOOTTIME),  # no step of the wall clock moves it
        usage_percent=psutil.cpu_percent(interval=None),
        load=os.getloadavg(),
        ram_used_bytes=memory.total - memory.available,
        ram_total_bytes=memory.total,
    )


def cpu_temperature_c(zone: Path = THERMAL_ZONE) -> float | None:
    """Temperature of the processor: the hottest of its own sensors, else the first thermal zone; None without."""
    sensors = psutil.sensors_temperatures()
    for name in CPU_SENSORS:
        if (hottest := _hottest(row.current for row in sensors.get(name, []))) is not None:
            return hottest
    try:
        return _hottest([int(zone.read_text(encoding="ascii")) / 1000])
    except (OSError, ValueError):  # no zone, or one whose sensor is off
        return None


def read_sensors(flags: Callable[[], int | None] = throttle.read_flags) -> Sensors:
    """Temperature and throttling. May block: both ask other chips."""
    try:
        return Sensors(cpu_temperature_c(), flags(), None)
    except Offline as error:
        return Sensors(cpu_temperature_c(), None, error.reason)


def read_disk(path: str) -> Disk:
    """Use of the file system that holds `path`, as `df` shows it. May block for as long as a dead server likes."""
    usage = psutil.disk_usage(path)
    return Disk(usage.used, usage.total)


class Host:
    """Section `system`. Without signals: polled.

    Args:
        period_s: of the readings.
        disk_path: the file system whose use is shown.
        synchronized: whether the clock is right, None where nobody can say; may raise Offline.
        kernel, sensors, disk: where the values come from; may block.
    """

    name = "system"

    def __init__(
        self,
        period_s: float,
        disk_path: str,
        synchronized: Callable[[], Awaitable[bool | None]] | None = None,
        *,
        kernel: Callable[[], Kernel] = read_kernel,
        sensors: Callable[[], Sensors] = read_sensors,
        disk: Callable[[str], Disk] = read_disk,
    ) -> None:
        self.period_s = period_s
        self._disk_path = disk_path
        self._synchronized = synchronized
        self._kernel, self._sensors, self._disk = kernel, sensors, disk
        self._workers = [Worker(name, PART_TIMEOUT_S) for name in ("statistics", "sensors", "disk use")]

    async def read(self) -> SystemSection:
        """Read all parts at the same time; one that hangs or fails leaves its values out and says so.

        Raises:
            Offline: not even the kernel's statistics are there.
        """
        statistics, sensors, disk = self._workers
        # Started before any is waited for: the slowest, not the sum, is what a reading takes.
        parts = await asyncio.gather(
            _part("statistics", statistics.call(self._kernel)),
            _part("sensors", sensors.call(self._sensors)),
            _part(f"disk use of {self._disk_path}", disk.call(lambda: self._disk(self._disk_path))),
            _part("clock", self._clock_synchronized()),
        )
        (kernel, why_kernel), (felt, why_sensors), (used, why_disk), (right, why_clock) = parts
        if kernel is None:
            raise Offline(why_kernel or "statistics: none")
        trouble = [why for why in (why_sensors, felt.trouble if felt else None, why_disk, why_clock) if why]
        return SystemSection(
            status="degraded" if trouble else "ok",
            last_error="; ".join(trouble) or None,
            uptime_s=round(kernel.uptime_s, 1),
            cpu_temp_c=felt.cpu_temp_c if felt else None,
            cpu_usage_percent=kernel.usage_percent,
            load_1m=round(kernel.load[0], 2),
            load_5m=round(kernel.load[1], 2),
            load_15m=round(kernel.load[2], 2),
            ram_used_mb=round(kernel.ram_used_bytes / 1e6, 1),
            ram_total_mb=round(kernel.ram_total_bytes / 1e6, 1),
            disk_used_gb=round(used.used_bytes / 1e9, 3) if used else None,
            disk_total_gb=round(used.total_bytes / 1e9, 3) if used else None,
            throttled_flags=felt.throttled_flags if felt else None,
            clock_synchronized=right,
        )

    async def watch(self) -> AsyncGenerator[None, None]:
        """Wait for ever: nothing of this is signalled."""
        await asyncio.Event().wait()
        yield

    def changed(self, before: SystemSection, after: SystemSection) -> bool:
        """Throttling and the clock's state at once; use of CPU, memory and load never."""
        return (before.status, before.throttled_flags, before.clock_synchronized) != (
            after.status,
            after.throttled_flags,
            after.clock_synchronized,
        )

    async def close(self) -> None:
        """End the threads; one that hangs is left to the process's end."""
        for worker in self._workers:
            worker.close()

    async def _clock_synchronized(self) -> bool | None:
        if self._synchronized is None:
            return None
        try:
            async with asyncio.timeout(PART_TIMEOUT_S):
                return await self._synchronized()
        except (Offline, TimeoutError):
            return None  # nobody to ask is not a fault of the host: null, as documented


async def _part(what: str, answer: Awaitable[T]) -> tuple[T | None, str | None]:
    """What a part answered, and why it did not."""
    try:
        return await answer, None
    except Offline as error:
        return None, error.reason
    except OSError as error:
        return None, f"{what}: {error.strerror or error}"


def _hottest(values_c: Iterable[float]) -> float | None:
    least, most = CPU_TEMP_LIMITS_C
    possible = [value for value in values_c if math.isfinite(value) and least <= value <= most and value != 0.0]
    return round(max(possible), 1) if possible else None
