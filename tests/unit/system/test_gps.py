"""The connection to gpsd, over a real socket: half lines, garbage, silence, loss, and the way back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest

from ndefender.events.host import GpsSection
from ndefender.system.backend import Offline
from ndefender.system.gps import ASK, GREETING_S, MAX_BAD_LINES, SILENT_S, WATCH, Gps

DEADLINE_S = 15.0
GREETING = b'{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}\r\n'
DEVICES = (
    b'{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/gps0","activated":"2026-11-22T12:00:00Z"}]}\r\n'
)


def tpv(lat: float = 37.5, mode: int = 3) -> bytes:
    return b'{"class":"TPV","device":"/dev/gps0","mode":%d,"lat":%r,"lon":-122.0}\r\n' % (mode, lat)


class Server:
    """gpsd's place: each connection is handed to `talk`, and what it hears is kept."""

    def __init__(self) -> None:
        self.heard = b""
        self.writers: list[asyncio.StreamWriter] = []
        self.greeting = GREETING + DEVICES
        self.answers = True
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(self.greeting)
        with contextlib.suppress(OSError):
            while chunk := await reader.read(4096):
                self.heard += chunk
                if self.answers and ASK in chunk:
                    writer.write(GREETING)
        writer.close()

    def say(self, data: bytes) -> None:
        self.writers[-1].write(data)

    async def close(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers.clear()
        if self._server is not None:
            self._server.close()
            self._server = None


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    fake = Server()
    await fake.open()
    yield fake
    await fake.close()


@pytest.fixture
async def gps(server: Server) -> AsyncIterator[Gps]:
    backend = Gps("127.0.0.1", server.port)
    yield backend
    await backend.close()


async def reads(gps: Gps, wanted: Callable[[GpsSection], bool]) -> GpsSection:
    """Wait for a reading."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            with contextlib.suppress(Offline):
                section = await gps.read()
                if wanted(section):
                    return section
            await asyncio.sleep(0.005)


async def goes_offline(gps: Gps) -> str:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await gps.read()
            except Offline as error:
                return error.reason
            await asyncio.sleep(0.005)


async def test_it_asks_to_watch_and_reads(gps: Gps, server: Server) -> None:
    assert (await gps.read()).fix is None
    server.say(tpv())
    section = await reads(gps, lambda section: section.fix == "3d")
    assert (section.lat, section.lon, section.device) == (37.5, -122.0, "/dev/gps0")
    assert server.heard.startswith(WATCH)


async def test_every_report_wakes_the_watch_at_once(gps: Gps, server: Server) -> None:
    await gps.read()
    woken = asyncio.Queue[float]()

    async def follow() -> None:
        async for _ in gps.watch():
            woken.put_nowait(time.monotonic())

    following = asyncio.create_task(follow())
    await asyncio.sleep(0)
    for number in range(5):
        said_s = time.monotonic()
        server.say(tpv(lat=37.0 + number))
        async with asyncio.timeout(DEADLINE_S):
            heard_s = await woken.get()
        assert heard_s - said_s < 0.2
        assert (await gps.read()).lat == 37.0 + number
    await server.close()
    async with asyncio.timeout(DEADLINE_S):
        await woken.get()  # the loss too
    assert "closed the connection" in await goes_offline(gps)
    following.cancel()


async def test_half_lines_and_many_at_once(gps: Gps, server: Server) -> None:
    await gps.read()
    for byte in tpv(lat=1.5):
        server.say(bytes([byte]))
        await asyncio.sleep(0)
    await reads(gps, lambda section: section.lat == 1.5)
    server.say(b"".join(tpv(lat=float(number)) for number in range(50)))
    await reads(gps, lambda section: section.lat == 49.0)


async def test_garbage_between_is_skipped_and_counted(gps: Gps, server: Server) -> None:
    await gps.read()
    server.say(b"\x00\xff\xfe\n{]\n$GPGGA*00\n" + b"x" * 200_000 + b"\n" + tpv(lat=2.5))
    await reads(gps, lambda section: section.lat == 2.5)
    assert gps.bad_lines == 3


async def test_an_impossible_position_is_not_passed_on(gps: Gps, server: Server) -> None:
    await gps.read()
    server.say(tpv(lat=3.5) + tpv(lat=123.0))
    await reads(gps, lambda section: section.lat == 3.5)
    server.say(tpv(lat=-91.0) + tpv(lat=4.5))
    await reads(gps, lambda section: section.lat == 4.5)
    assert gps.bad_lines == 2


async def test_silence_with_an_answer_is_no_hang(server: Server) -> None:
    gps = Gps("127.0.0.1", server.port, clock=lambda: 2 * time.monotonic())  # twice as fast
    await gps.read()
    section = await reads(gps, lambda section: section.status == "degraded")  # 5 s without a position
    assert section.last_error == "no position from /dev/gps0 for 5 s"
    assert server.heard.count(ASK) >= 2
    assert len(server.writers) == 1
    server.say(tpv())
    assert (await reads(gps, lambda section: section.fix == "3d")).status == "ok"
    await gps.close()


async def test_a_hung_gpsd_is_offline_within_three_seconds(gps: Gps, server: Server) -> None:
    await gps.read()
    server.say(tpv())
    await reads(gps, lambda section: section.fix == "3d")
    server.answers = False
    started_s = time.monotonic()
    assert "says nothing for" in await goes_offline(gps)
    assert SILENT_S - 0.5 < time.monotonic() - started_s < 3.0
    server.answers = True
    await reads(gps, lambda section: section.status == "ok")


async def test_one_that_never_greets_stays_offline(gps: Gps, server: Server) -> None:
    server.greeting, server.answers = b"", False
    started_s = time.monotonic()
    assert "says nothing for" in await goes_offline(gps)
    assert time.monotonic() - started_s < GREETING_S + 1.0
    async with asyncio.timeout(DEADLINE_S):
        while len(server.writers) < 2:  # and being tried again does not make it good
            with pytest.raises(Offline):
                await gps.read()
            await asyncio.sleep(0.005)
    server.greeting = GREETING
    await reads(gps, lambda section: section.status == "ok")


@pytest.mark.parametrize(
    "greeting",
    [b"HTTP/1.1 400 Bad Request\r\n" * (MAX_BAD_LINES + 1), b"\xff\n" * 5000, b'{"class":"TPV","mode":9}\n' * 500],
)
async def test_what_is_not_gpsd_is_left_alone(gps: Gps, server: Server, greeting: bytes) -> None:
    server.greeting = greeting
    assert "does not speak gpsd's JSON" in await goes_offline(gps)


async def test_a_flood_does_not_keep_the_loop(gps: Gps, server: Server) -> None:
    await gps.read()
    server.say(tpv() * 20_000 + tpv(lat=9.5))
    longest_s, then_s, arrived = 0.0, time.monotonic(), False
    async with asyncio.timeout(DEADLINE_S):
        while not arrived:
            await asyncio.sleep(0)
            now_s = time.monotonic()
            longest_s, then_s = max(longest_s, now_s - then_s), now_s
            arrived = (await gps.read()).lat == 9.5
    assert longest_s < 0.1


async def test_it_comes_back_on_the_same_port(gps: Gps, server: Server) -> None:
    await gps.read()
    await server.close()
    assert "gpsd at 127.0.0.1" in await goes_offline(gps)
    await asyncio.sleep(0.3)  # at least one attempt is refused meanwhile
    with pytest.raises(Offline):
        await gps.read()
    await server.open()
    await reads(gps, lambda section: section.status == "ok")


@pytest.mark.parametrize("host", ["127.0.0.1", "nonexistent.invalid"])
async def test_nobody_there(host: str) -> None:
    gps = Gps(host, 1)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(Offline, match="cannot be reached"):
            await gps.read()
    await gps.close()
    await gps.close()


async def test_old_positions_do_not_survive_a_new_connection(gps: Gps, server: Server) -> None:
    await gps.read()
    server.say(tpv())
    await reads(gps, lambda section: section.fix == "3d")
    server.writers[-1].close()
    async with asyncio.timeout(DEADLINE_S):
        while len(server.writers) < 2:
            await asyncio.sleep(0.005)
    section = await reads(gps, lambda section: section.status == "ok")
    assert (section.fix, section.lat) == (None, None)


def test_what_is_news() -> None:
    gps = Gps()
    here = GpsSection(fix="3d", lat=37.0, lon=-122.0, device="a")
    for after, news in (
        (here, False),
        (GpsSection(fix="3d", lat=37.000001, lon=-122.0, device="a"), False),
        (GpsSection(fix="3d", lat=37.00002, lon=-122.0, device="a"), True),
        (GpsSection(fix="2d", lat=37.0, lon=-122.0, device="a"), True),
        (GpsSection(fix="3d", lat=37.0, lon=-122.0, device="b"), True),
        (GpsSection(status="degraded"), True),
    ):
        assert gps.changed(here, after) is news, after
