"""Whether the system clock is known to be right, by systemd-timedated."""

from __future__ import annotations

from ndefender.system.backend import Offline
from ndefender.system.bus import SystemBus
from ndefender.system.peers import TIMEDATED, BusError

PATH = "/org/freedesktop/timedate1"
INTERFACE = "org.freedesktop.timedate1"


class Clock:
    """The system clock.

    Args:
        bus: the system bus.
    """

    def __init__(self, bus: SystemBus) -> None:
        self._bus = bus

    async def synchronized(self) -> bool | None:
        """Whether it was set from the network, None where nobody can say. Never raises an error of the bus."""
        try:
            return (await self._bus.properties(TIMEDATED, PATH, INTERFACE)).flag("NTPSynchronized")
        except (Offline, BusError):
            return None
