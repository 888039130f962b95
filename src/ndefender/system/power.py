"""Reboot and power-off of the host, by systemd-logind."""

from __future__ import annotations

from ndefender.system.bus import SystemBus
from ndefender.system.peers import LOGIND, BusError, CommandFailed

PATH = "/org/freedesktop/login1"
MANAGER = "org.freedesktop.login1.Manager"


class Power:
    """Power of the host.

    Args:
        bus: the system bus.
    """

    def __init__(self, bus: SystemBus) -> None:
        self._bus = bus

    async def reboot(self) -> None:
        """Reboot. Raises Offline where logind is not there, CommandFailed where it refuses."""
        await self._call("Reboot")

    async def power_off(self) -> None:
        """Power off. Raises as `reboot`."""
        await self._call("PowerOff")

    async def _call(self, member: str) -> None:
        try:
            # False: nobody is at hand whom polkit could ask for a password.
            await self._bus.call(LOGIND, PATH, MANAGER, member, "b", [False])
        except BusError as error:
            raise CommandFailed(str(error)) from error
