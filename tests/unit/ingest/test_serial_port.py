from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import tty
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import serial

from ndefender.ingest import serial_port
from ndefender.ingest.serial_port import PortLost, SerialPort, off_loop, open_port


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[tuple[int, SerialPort]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    port = await open_port(path, 115_200, 5.0)
    os.close(slave)
    try:
        yield master, port
    finally:
        await port.close(5.0)
        with contextlib.suppress(OSError):
            os.close(master)


async def test_bytes_go_both_ways() -> None:
    async with pair() as (master, port):
        os.write(master, b"hello\r\n\x00\xff")
        assert await port.read() == b"hello\r\n\x00\xff"
        await port.write(b"line\n", 1.0)
        assert os.read(master, 64) == b"line\n"


async def test_a_device_that_goes_is_a_loss_and_not_a_hang() -> None:
    async with pair() as (master, port):
        reading = asyncio.create_task(port.read())
        await asyncio.sleep(0)
        os.close(master)
        with pytest.raises(PortLost):
            await asyncio.wait_for(reading, 5.0)
        with pytest.raises(PortLost):
            await port.write(b"x", 1.0)


async def test_a_device_that_takes_nothing_does_not_block_the_loop() -> None:
    async with pair() as (_, port):
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.005)

        ticking = asyncio.create_task(tick())
        with pytest.raises(PortLost, match=r"takes no bytes for 0\.2 s"):
            await port.write(b"x" * 1_000_000, 0.2)
        ticking.cancel()
        assert ticks >= 5


async def test_a_cancelled_read_loses_nothing() -> None:
    async with pair() as (master, port):
        reading = asyncio.create_task(port.read())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        os.write(master, b"kept")
        assert await port.read() == b"kept"


async def test_a_port_is_for_one_alone_and_free_again_after_it_is_closed() -> None:
    async with pair() as (_, port):
        with pytest.raises(PortLost, match="used by another program"):
            await open_port(port.path, 115_200, 5.0)
        await port.close(5.0)
        again = await open_port(port.path, 115_200, 5.0)
        await again.close(5.0)
        await again.close(5.0)


async def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, words in (("none", "No such file"), ("", "Is a directory"), ("file", "Inappropriate ioctl")):
        with pytest.raises(PortLost, match=words):
            await open_port(str(tmp_path / name), 115_200, 5.0)


async def test_an_open_that_hangs_is_given_up_and_not_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    release, closed = threading.Event(), threading.Event()
    device = serial.Serial()

    def hang(path: str, baud: int) -> serial.Serial:
        release.wait(30.0)
        return device

    def close(late: serial.Serial) -> bool:
        assert late is device
        closed.set()
        return True

    monkeypatch.setattr(serial_port, "_open", hang)
    monkeypatch.setattr(serial_port, "_close", close)
    with pytest.raises(PortLost, match="hangs for more than"):
        await open_port("/dev/hanging", 115_200, 0.05)
    with pytest.raises(PortLost, match="still hangs"):
        await open_port("/dev/hanging", 115_200, 0.05)
    release.set()
    assert await asyncio.to_thread(closed.wait, 5.0)  # what came too late is not left open
    serial_port._hanging["open /dev/hanging"].join(5.0)


async def test_a_close_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    async with pair() as (_, port):
        monkeypatch.setattr(serial_port, "_close", lambda device: release.wait(30.0))
        await asyncio.wait_for(port.close(0.05), 5.0)
        release.set()


async def test_a_call_off_the_loop_that_fails_is_a_loss() -> None:
    def fail() -> int:
        raise OSError(5, "Input/output error")

    with pytest.raises(PortLost, match="look: Input/output error"):
        await off_loop("look", fail, 5.0)
    assert await off_loop("look", lambda: 7, 5.0) == 7


async def test_a_result_that_nobody_waits_for_any_more_is_discarded() -> None:
    release, discarded = threading.Event(), threading.Event()

    def slow() -> int:
        release.wait(30.0)
        return 7

    waiting = asyncio.create_task(off_loop("look", slow, 30.0, lambda value: discarded.set()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    release.set()
    assert await asyncio.to_thread(discarded.wait, 5.0)
