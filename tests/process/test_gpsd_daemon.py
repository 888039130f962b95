"""GPS over a real gpsd that `gpsfake` feeds with a flight."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ndefender.events.host import GpsSection
from ndefender.system.backend import Offline
from ndefender.system.emulated import nmea
from ndefender.system.emulated.daemon import DaemonMissing
from ndefender.system.emulated.gpsd import CENTRE_DEG, EmulatedGpsd
from ndefender.system.gps import Gps

DEADLINE_S = 20.0
START = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
N_SECONDS, LOST = 16, range(10, 14)


@pytest.fixture(scope="module")
def daemon() -> Iterator[EmulatedGpsd]:
    with tempfile.TemporaryDirectory(prefix="gpsd-") as path:
        gpsd = EmulatedGpsd(Path(path), START, second_s=0.1, n_seconds=N_SECONDS, lost=LOST)
        try:
            gpsd.start()
        except DaemonMissing as error:
            pytest.skip(str(error))
        yield gpsd
        gpsd.stop()


@pytest.fixture
async def gps(daemon: EmulatedGpsd) -> AsyncIterator[Gps]:
    backend = Gps(*daemon.address)
    yield backend
    daemon.resume()
    await backend.close()


async def reads(gps: Gps, wanted: Callable[[GpsSection], bool]) -> GpsSection:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            with contextlib.suppress(Offline):
                section = await gps.read()
                if wanted(section):
                    return section
            await asyncio.sleep(0.005)


async def test_the_flight_is_followed_field_for_field(gps: Gps) -> None:
    sections: dict[int, GpsSection] = {}
    async with asyncio.timeout(DEADLINE_S):
        async for _ in gps.watch():
            section = await gps.read()
            if section.fix == "3d" and section.fix_time_ms is not None and section.hdop and section.track_deg:
                sections[section.fix_time_ms] = section
            if len(sections) >= 6:
                break
    for fix_time_ms, section in sections.items():
        second = fix_time_ms / 1000 - START.timestamp()
        truth = nmea.circle(second, *CENTRE_DEG)
        assert section.lat == pytest.approx(truth.lat_deg, abs=1e-6)
        assert section.lon == pytest.approx(truth.lon_deg, abs=1e-6)
        assert section.altitude_m == pytest.approx(truth.altitude_m, abs=0.1)
        assert section.speed_m_s == pytest.approx(truth.speed_m_s, abs=0.05)
        assert section.track_deg == pytest.approx(truth.track_deg, abs=0.2)
        assert (section.hdop, section.vdop, section.pdop) == (0.9, 1.32, 1.6)
        assert (section.satellites_seen, section.satellites_used) == (6, 6)
        assert (section.device or "").startswith("/dev/pts/")


async def test_the_fix_is_lost_and_found(gps: Gps) -> None:
    await reads(gps, lambda section: section.fix == "3d")
    lost = await reads(gps, lambda section: section.fix == "none")
    assert (lost.status, lost.lat, lost.lon, lost.altitude_m, lost.fix_time_ms) == ("ok", None, None, None, None)
    await reads(gps, lambda section: section.fix == "3d")


async def test_a_hung_gpsd_is_offline_in_time_and_comes_back(gps: Gps, daemon: EmulatedGpsd) -> None:
    await reads(gps, lambda section: section.fix == "3d")
    daemon.hang()
    hung_s = time.monotonic()
    with pytest.raises(Offline, match="says nothing for"):
        await reads_until_offline(gps)
    assert time.monotonic() - hung_s < 3.0
    daemon.resume()
    await reads(gps, lambda section: section.fix == "3d")


async def test_a_dead_gpsd_is_offline_at_once_and_found_again(gps: Gps, daemon: EmulatedGpsd) -> None:
    await reads(gps, lambda section: section.fix == "3d")
    daemon.kill()
    killed_s = time.monotonic()
    with pytest.raises(Offline):
        await reads_until_offline(gps)
    assert time.monotonic() - killed_s < 1.0
    daemon.start()
    await reads(gps, lambda section: section.fix == "3d")


async def reads_until_offline(gps: Gps) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            await gps.read()
            await asyncio.sleep(0.005)


def test_stopping_leaves_nothing_behind(tmp_path: Path) -> None:
    gpsd = EmulatedGpsd(tmp_path, START)
    try:
        gpsd.start()
    except DaemonMissing as error:
        pytest.skip(str(error))
    assert _processes_with(str(gpsd.port))
    gpsd.stop()
    gpsd.stop()
    assert _processes_with(str(gpsd.port)) == []


def test_a_program_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ndefender.system.emulated.daemon import Daemon

    daemon = Daemon(["no-such-daemon"], {}, tmp_path / "log", lambda: True)
    with pytest.raises(DaemonMissing, match="no-such-daemon is not installed"):
        daemon.start()
    daemon = Daemon(["sh", "-c", "echo it does not work; exit 3"], {}, tmp_path / "log", lambda: False)
    with pytest.raises(DaemonMissing, match="does not start: it does not work"):
        daemon.start()


def _processes_with(word: str) -> list[int]:
    found = []
    for row in Path("/proc").iterdir():
        if row.name.isdigit() and int(row.name) != os.getpid():
            with contextlib.suppress(OSError):
                if word in (row / "cmdline").read_bytes().decode("utf-8", "replace").split("\0"):
                    found.append(int(row.name))
    return found
