"""A client of the System Controller that keeps all it is told, with the time at which it came."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

Event = dict[str, Any]
EVENT_OF = {
    "system": "SYSTEM_STATUS",
    "ups": "UPS_UPDATE",
    "services": "SERVICE_UPDATE",
    "network": "NETWORK_UPDATE",
    "audio": "AUDIO_UPDATE",
}


class Heard:
    """Events as they come.

    Args:
        connection: open.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.events: list[Event] = []
        self.at_s: list[float] = []
        self._connection = connection
        self._more = asyncio.Condition()

    async def listen(self) -> None:
        """Take events until the connection ends."""
        async for text in self._connection:
            at_s = time.monotonic()
            async with self._more:
                self.events.append(json.loads(text))
                self.at_s.append(at_s)
                self._more.notify_all()

    async def until(self, wanted: Callable[[Event], bool], since: int = 0, within_s: float = 20.0) -> int:
        """Wait for an event.

        Args:
            wanted: which.
            since: index of the first that counts.
            within_s: how long.
        Returns:
            Its index.
        Raises:
            AssertionError: it did not come.
        """
        looked = since
        try:
            async with asyncio.timeout(within_s), self._more:
                while True:
                    while looked < len(self.events):
                        if wanted(self.events[looked]):
                            return looked
                        looked += 1
                    await self._more.wait()
        except TimeoutError:
            seen = [(event["type"], event["data"]) for event in self.events[since:]][-5:]
            raise AssertionError(f"it did not come within {within_s:g} s; the last that came: {seen}") from None

    def of(self, kind: str, since: int = 0) -> list[Event]:
        """All of a type."""
        return [event for event in self.events[since:] if event["type"] == kind]


@contextlib.asynccontextmanager
async def listening(address: str) -> AsyncIterator[Heard]:
    """Connect and listen while the body runs."""
    async with connect(address, max_queue=None) as connection:
        heard = Heard(connection)
        task = asyncio.create_task(heard.listen())
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.wait([task])


def section_is(name: str, status: str) -> Callable[[Event], bool]:
    """An update of a section with that status."""
    return lambda event: event["type"] == EVENT_OF[name] and event["data"]["status"] == status
