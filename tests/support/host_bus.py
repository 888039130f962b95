"""A private message bus with emulated services for tests, and how to wait for what it signals."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from ndefender.system.emulated.mock_process import dbusmock_missing
from ndefender.system.emulated.services import ALL, EmulatedBus, Name

T = TypeVar("T")
DEADLINE_S = 10.0


def emulated(folder: Path, services: tuple[Name, ...] = ALL, refused: str = "") -> EmulatedBus:
    """A started bus; skips the test where this machine lacks what it takes."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    if missing := dbusmock_missing():
        pytest.skip(missing)
    bus = EmulatedBus(folder, services, refused)
    bus.start()
    return bus


async def until(read: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """Read again and again until it is as wanted."""
    seen = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                seen = await read()
                if wanted(seen):
                    return seen
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not as wanted within {DEADLINE_S:g} s: {seen}") from None


class Wakes:
    """Counts what `watch` yields."""

    def __init__(self, watch: AsyncIterator[None]) -> None:
        self.count = 0
        self._watch = watch
        self._more = asyncio.Event()
        self.task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        async for _ in self._watch:
            self.count += 1
            self._more.set()

    async def next(self) -> None:
        """Wait for a wake-up that was not waited for yet; the first says that everything after it will be heard."""
        async with asyncio.timeout(DEADLINE_S):
            await self._more.wait()
        self._more.clear()

    async def stop(self) -> None:
        """Stop listening."""
        self.task.cancel()
        await asyncio.wait([self.task])
