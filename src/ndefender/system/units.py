"""systemd's units: state, sub-state, automatic restarts; a restart of those in the configuration, and of no other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

from ndefender.errors import CommandRejected, ConfigError
from ndefender.events.host import ServicesSection, ServiceState
from ndefender.system.arguments import short_name
from ndefender.system.backend import Offline
from ndefender.system.bus import PROPERTIES, SystemBus
from ndefender.system.link import Match
from ndefender.system.peers import SYSTEMD, BusError, CommandFailed

PATH = "/org/freedesktop/systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
UNIT = "org.freedesktop.systemd1.Unit"
SERVICE = "org.freedesktop.systemd1.Service"
# systemd.unit(5): what a unit's name may consist of, and how long it may be.
UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,247}\Z")
JOB = "org.freedesktop.systemd1.Job"
RESTART_TIMEOUT_S = 25.0
JOB_POLL_S = 0.1
LIST_REPLY = "a(ssssssouso)"


class Units:
    """The section `services`.

    Args:
        bus: the system bus.
        names: units, with or without `.service`, in the order they are shown.
        period_s: how often they are read though nothing changed, seconds.
    Raises:
        ConfigError: a name cannot be that of a service.
    """

    name = "services"

    def __init__(self, bus: SystemBus, names: Sequence[str], period_s: float) -> None:
        self._bus = bus
        self.period_s = period_s
        self._names = list(dict.fromkeys(short_name(name) for name in names))
        for index, name in enumerate(self._names):
            if not UNIT_NAME.match(name):
                raise ConfigError(f"host.units[{index}]", f"{name!r} is no name of a systemd service")

    async def read(self) -> ServicesSection:
        """All units now. Raises Offline where systemd is not there or answers nonsense."""
        if not self._names:
            return ServicesSection()
        try:
            (rows,) = await self._bus.call(
                SYSTEMD,
                PATH,
                MANAGER,
                "ListUnitsByNames",
                "as",
                [[unit_name(n) for n in self._names]],
                reply=LIST_REPLY,
            )
            # A unit that systemd could not load has a row too, of state "not-found".
            found = {row[0]: row for row in rows if row[2] not in {"not-found", "error", "bad-setting"}}
            counts = await asyncio.gather(*(self._restarts(row[6]) for row in found.values()))
        except BusError as error:
            raise Offline(str(error)) from error
        restarts = dict(zip(found, counts, strict=True))
        services = []
        for name in self._names:
            row = found.get(unit_name(name))
            if row is None:
                services.append(ServiceState(name=name))
            else:
                services.append(
                    ServiceState(name=name, active_state=row[3], sub_state=row[4], restart_count=restarts[row[0]])
                )
        return ServicesSection(services=services)

    async def _restarts(self, path: str) -> int | None:
        try:
            return (await self._bus.properties(SYSTEMD, path, SERVICE)).integer("NRestarts")
        except BusError as error:
            # The unit was unloaded between the two questions, or is of a kind that is never restarted.
            if error.error.rpartition(".")[2] in {"UnknownObject", "UnknownInterface", "UnknownMethod", "NoSuchUnit"}:
                return None
            raise

    async def watch(self) -> AsyncIterator[None]:
        """Yield when one of the units changes its state. Raises Offline where there is no bus."""
        matches = [
            Match(PROPERTIES, "PropertiesChanged", unit_path(unit_name(name)), interface)
            for name in self._names
            for interface in (UNIT, SERVICE)
        ]

        async def subscribe() -> None:
            # Without a subscriber systemd sends none of its signals.
            await self._bus.call(SYSTEMD, PATH, MANAGER, "Subscribe")

        async for _ in self._bus.watch(SYSTEMD, matches, subscribe):
            yield

    def changed(self, before: ServicesSection, after: ServicesSection) -> bool:
        """Any difference: a unit's state is said at once."""
        return before != after

    async def restart(self, name: str) -> None:
        """Restart a unit; done when systemd says that it is.

        Args:
            name: as in the configuration, with or without `.service`.
        Raises:
            CommandRejected: 404 where it is not in the configuration or systemd does not know it.
            Offline: systemd is not there.
            CommandFailed: systemd refuses, or the unit does not come up.
        """
        if short_name(name) not in self._names:
            raise CommandRejected(404, "unknown_service", f"no service of that name; known: {', '.join(self._names)}")
        await restart_unit(self._bus, name)

    async def close(self) -> None:
        """Nothing is held; the bus is its owner's to close."""


async def restart_unit(bus: SystemBus, name: str) -> None:
    """Restart a unit that the caller has checked against the configuration. Raises as `Units.restart`."""
    unit = unit_name(short_name(name))
    try:
        (job,) = await bus.call(SYSTEMD, PATH, MANAGER, "RestartUnit", "ss", [unit, "replace"], reply="o")
    except BusError as error:
        if error.error.endswith(".NoSuchUnit"):
            raise CommandRejected(404, "unknown_service", f"systemd does not know {unit}") from error
        raise CommandFailed(str(error)) from error
    try:
        async with asyncio.timeout(RESTART_TIMEOUT_S):
            while await _exists(bus, job):
                await asyncio.sleep(JOB_POLL_S)
        state = (await bus.properties(SYSTEMD, unit_path(unit), UNIT)).text("ActiveState")
    except TimeoutError:
        raise CommandFailed(f"{unit} has not come up within {RESTART_TIMEOUT_S:g} s") from None
    except (Offline, BusError) as error:
        raise CommandFailed(f"the restart of {unit} was begun, then: {error}") from error
    if state == "failed":
        raise CommandFailed(f"{unit} failed to start again")


async def _exists(bus: SystemBus, job: str) -> bool:
    try:
        await bus.properties(SYSTEMD, job, JOB)
    except BusError:
        return False  # a job's object goes when it is done
    return True


def unit_name(name: str) -> str:
    """As systemd calls it: with `.service`."""
    return f"{short_name(name)}.service"


def unit_path(unit: str) -> str:
    """Object path of a unit: all but ASCII letters and digits are `_xx`, a leading digit too (sd_bus_path_encode)."""
    escaped = "".join(
        f"_{octet:02x}"
        if not chr(octet).isalnum() or octet > 127 or (index == 0 and chr(octet).isdigit())
        else chr(octet)
        for index, octet in enumerate(unit.encode())
    )
    return f"{PATH}/unit/{escaped}"
