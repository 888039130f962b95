"""Listening on an interface: a pair of sockets stands for it where none is in monitor mode."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable

import pytest
from pyroute2.netlink.exceptions import NetlinkError
from support.odid_frames import SENDER, pack
from support.virtual_time import run_virtually

from ndefender.remoteid.frames import live, make, nl80211
from ndefender.remoteid.frames.channels import FIRST, WALK, ChannelRefused, Hopper, Stay, rounds
from ndefender.remoteid.frames.extract import LINK_RADIOTAP
from ndefender.remoteid.frames.heard import Found, FrameCounters
from ndefender.remoteid.frames.live import InterfaceUnusable, Monitor

BEACON = make.radiotap(make.beacon(SENDER, make.odid_element(7, pack())), rssi_dbm=-61, freq_mhz=2437)


class Ether:
    """A monitor on one end of a pair of sockets."""

    def __init__(self) -> None:
        self.air, self._tap = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._tap.setblocking(False)
        self.found: list[Found] = []
        self.counters = FrameCounters()
        self.monitor = Monitor("mon0", self.found.append, self.counters, lambda _: (self._tap, LINK_RADIOTAP))

    async def during(self, work: Callable[[], Awaitable[None]]) -> None:
        running = asyncio.create_task(self.monitor.run())
        try:
            await work()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            self.air.close()

    async def heard(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.counters.frames < count:
                await asyncio.sleep(0.001)


async def test_frames_come_as_they_arrive() -> None:
    ether = Ether()

    async def work() -> None:
        for number in range(1, 301):
            ether.air.send(BEACON if number % 3 else b"noise")
            if not number % 100:
                await ether.heard(number)

    before_s = time.time()
    await ether.during(work)
    assert ether.counters.odid == len(ether.found) == 200
    assert ether.counters.malformed == 100
    assert all(before_s - 1 <= item.time_s <= time.time() + 1 for item in ether.found)
    assert ether.monitor.dropped() == 0


async def test_a_frame_too_long_for_the_buffer_is_cut() -> None:
    ether = Ether()
    elements = make.odid_element(7, pack()) + make.element(48, bytes(200)) * 90

    async def work() -> None:
        ether.air.send(make.radiotap(make.beacon(SENDER, elements), rssi_dbm=-61, freq_mhz=2437))
        await ether.heard(1)

    await ether.during(work)
    # It is still heard, and not held for corrupted because its check sequence is missing.
    assert (ether.counters.odid, ether.counters.bad_fcs) == (1, 0)


async def test_an_interface_that_goes_down_ends_it_with_the_reason() -> None:
    class Gone(socket.socket):
        def recvmsg_into(self, *_: object) -> tuple[int, list[object], int, object]:
            raise OSError(100, "Network is down")

    air, tap = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    gone = Gone(fileno=tap.detach())
    monitor = Monitor("mon0", lambda _: None, FrameCounters(), lambda _: (gone, LINK_RADIOTAP))
    air.send(b"x")
    with air, pytest.raises(InterfaceUnusable, match="mon0: the interface is down"):
        await asyncio.wait_for(monitor.run(), 10)
    assert gone.fileno() == -1


async def test_what_cannot_be_listened_on_says_why() -> None:
    for interface in ("lo", "none-such"):
        with pytest.raises(InterfaceUnusable, match=r"not in monitor mode|no such interface|not permitted"):
            await Monitor(interface, lambda _: None, FrameCounters()).run()


async def test_a_packet_socket_gives_times_and_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real kind of socket, on an interface that every machine has."""
    monkeypatch.setitem(live._LINK_TYPES, 772, LINK_RADIOTAP)
    try:
        listener, _ = live.open_socket("lo")
    except InterfaceUnusable as error:
        pytest.skip(f"no packet socket: {error}")
    counters = FrameCounters()
    found: list[Found] = []
    monitor = Monitor("lo", found.append, counters, lambda _: (listener, LINK_RADIOTAP))
    running = asyncio.create_task(monitor.run())
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind(("lo", 0))
            # The first byte of the header is the version: nothing else on this interface begins with it and fits.
            sender.send(BEACON)
        async with asyncio.timeout(10):
            while not found:
                await asyncio.sleep(0.001)
        assert abs(found[0].time_s - time.time()) < 5
        assert monitor.dropped() == 0
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class FakeTuner:
    def __init__(self, refused: dict[int, str] | None = None) -> None:
        self.refused = refused or {}
        self.went: list[tuple[float, int]] = []

    async def tune(self, freq_mhz: int) -> None:
        if freq_mhz in self.refused:
            raise ChannelRefused(freq_mhz, self.refused[freq_mhz])
        self.went.append((round(asyncio.get_running_loop().time(), 3), freq_mhz))


async def hop(hopper: Hopper, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hopper.run(), seconds)


def test_the_plan_is_three_channels_and_a_walk() -> None:
    tuner = FakeTuner()
    run_virtually(hop(Hopper("mon0", tuner), 6.0))
    assert tuner.went == [
        (0.0, 2437),
        (1.2, 5220),
        (1.8, 5745),
        (2.4, 2412),
        (2.7, 2437),
        (3.9, 5220),
        (4.5, 5745),
        (5.1, 2462),
        (5.4, 2437),
    ]


def test_the_walk_comes_to_every_channel_and_begins_anew() -> None:
    stays = rounds()
    walked = [[next(stays) for _ in range(4)][3] for _ in range(len(WALK) + 1)]
    assert walked == [*WALK, WALK[0]]
    assert {stay.freq_mhz for stay in WALK}.isdisjoint(stay.freq_mhz for stay in FIRST)
    assert len({stay.freq_mhz for stay in WALK}) == len(WALK)


def test_refused_channels_are_left_out() -> None:
    tuner = FakeTuner({5220: "Invalid argument", 2412: "Device or resource busy"})
    hopper = Hopper("mon0", tuner, walk=(Stay(2412, 0.3), Stay(2462, 0.3)))
    run_virtually(hop(hopper, 10.0))
    assert {freq_mhz for _, freq_mhz in tuner.went} == {2437, 5745, 2462}
    assert hopper.refused == tuner.refused


def test_an_adapter_that_refuses_everything_is_unusable() -> None:
    tuner = FakeTuner({2437: "Invalid argument", 2412: "Invalid argument"})
    hopper = Hopper("mon0", tuner, first=(Stay(2437, 1.0),), walk=(Stay(2412, 0.3),))
    with pytest.raises(InterfaceUnusable, match="goes to none of the channels: Invalid argument"):
        run_virtually(hopper.run())


def test_a_plan_without_channels_is_an_error() -> None:
    with pytest.raises(ValueError, match="no channel"):
        Hopper("mon0", FakeTuner(), first=(), walk=())


def test_the_request_is_what_iw_sends() -> None:
    message = nl80211.request(index=20, freq_mhz=2447)
    message.encode()
    # Command 2 (set wiphy), then interface, frequency and "no HT", each with length and number.
    assert bytes(message.data[16:20]) == b"\x02\x00\x00\x00"
    assert bytes(message.data[20:44]) == struct.pack("<HHIHHIHHI", 8, 3, 20, 8, 0x26, 2447, 8, 0x27, 0)


async def test_a_tuner_of_what_is_no_wifi_says_why() -> None:
    with pytest.raises(InterfaceUnusable, match="no such interface"):
        async with nl80211.opened("none-such"):
            pass
    with pytest.raises(InterfaceUnusable, match="lo: "):
        async with nl80211.opened("lo") as tuner:
            await tuner.tune(2437)


class FakeNetlink:
    prid = 36

    def __init__(self, code: int) -> None:
        self._code = code
        self.requests: list[object] = []

    async def nlm_request(self, message: object, msg_type: int, msg_flags: int) -> object:
        self.requests.append((msg_type, msg_flags))
        code = self._code

        async def answers() -> object:
            if code:
                raise NetlinkError(code)
            for item in ():
                yield item

        return answers()


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        (1, InterfaceUnusable, "CAP_NET_ADMIN"),
        (19, InterfaceUnusable, "no such interface"),
        (95, InterfaceUnusable, "driver"),
        (22, ChannelRefused, "Invalid argument"),
        (16, ChannelRefused, "busy"),
    ],
)
async def test_what_the_kernel_says_is_told(code: int, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        await nl80211.Nl80211Tuner("mon0", 20, FakeNetlink(code)).tune(2437)


async def test_a_request_wants_an_acknowledgement() -> None:
    netlink = FakeNetlink(0)
    await nl80211.Nl80211Tuner("mon0", 20, netlink).tune(2437)
    assert netlink.requests == [(36, 5)]
