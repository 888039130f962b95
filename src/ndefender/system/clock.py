"""Whether the system clock is known to be right, by systemd-timedated."""

from __future__ import annotations

import time
from collections.abc import Callable

from ndefender.system.backend import Offline
from ndefender.system.bus import SystemBus
from ndefender.system.peers import TIMEDATED, BusError

PATH = "/org/freedesktop/timedate1"
INTERFACE = "org.freedesktop.timedate1"
TIMEOUT_S = 0.5  # it is an ornament of a section that must not go offline with it
INTERVAL_S = 10.0


class Clock:
    """The system clock.

    Args:
        bus: the system bus.
        interval_s: an answer, also that nobody knows, is good for so long.
        clock: monotonic seconds.
    """

    def __init__(
        self, bus: SystemBus, interval_s: float = INTERVAL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bus = bus
        self._interval_s = interval_s
        self._clock = clock
        self._asked_s: float | None = None
        self._known: bool | None = None

    async def synchronized(self) -> bool | None:
        """Whether it was set from the network, None where nobody can say. Never raises an error of the bus."""
        now_s = self._clock()
        if self._asked_s is None or now_s - self._asked_s >= self._interval_s:
            self._asked_s = now_s
            try:
                props = await self._bus.properties(TIMEDATED, PATH, INTERFACE, timeout_s=TIMEOUT_S)
                self._known = props.flag("NTPSynchronized")
            except (Offline, BusError):
                self._known = None
        return self._known
