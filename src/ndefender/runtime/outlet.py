"""From the tracker thread to the loop: events in order, and which of them no log holds."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ndefender.events.bus import Bus
from ndefender.runtime.journal import Told


def _nobody(_: list[bytes]) -> None:
    """Nobody takes them."""


@dataclass(slots=True)
class Outlet:
    """Where the tracker thread's events go: to the bus, once there is a loop.

    Args:
        bus: on the loop's thread only.
        unlogged: takes, on the loop, those that the log could not hold.
        loop: None until the server runs; events before that wait.
    """

    bus: Bus
    unlogged: Callable[[list[bytes]], None] = field(default=_nobody)
    loop: asyncio.AbstractEventLoop | None = None
    waiting: deque[Told] = field(default_factory=deque)

    def send(self, events: list[Told]) -> None:
        """Hand events over; called from the tracker thread."""
        self.waiting.extend(events)
        if self.loop is not None:
            # The service ends: the thread's last events are in the log, and nobody listens any more.
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.publish)

    def publish(self) -> None:
        """Publish what waits; called on the loop."""
        unlogged = []
        while self.waiting:
            told = self.waiting.popleft()
            self.bus.publish(told.body, told.seq)
            if not told.logged:
                unlogged.append(told.body)
        if unlogged:
            self.unlogged(unlogged)
