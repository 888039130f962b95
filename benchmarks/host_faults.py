"""The System Controller while its host changes and fails: from a change to the socket, from a fault to its report.

Real backends with the default settings in a process of its own; emulated peers and the client in this one. Changes and
faults come at random moments of the controller's periods, drawn from a seed.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import harness
import httpx
from host_client import EVENT_OF, Event, Heard, listening, section_is
from host_rig import UNITS, Fault, Peers, Served, open_folder

from ndefender.system.pulse import PulseSink

DEADLINE_S = 60.0
POLL_S = 0.005
QUIET_S = 10.0
LONGEST_PERIOD_S = 2.0  # of the random pauses
OFFLINE_BAR_S = 3.0
# Daemons die with the thread that started them: those are started from the main one.
OWN_THREAD = frozenset({"gpsd", "audio"})


async def changes_ms(
    heard: Heard, rng: random.Random, count: int, change: Callable[[int], Awaitable[None]], seen: Any
) -> Any:
    """From just before each change to its event at the client, ms.

    Args:
        heard: the client.
        rng: draws the pauses in between.
        count: of changes; the first tenth is left out.
        change: makes the change of that number.
        seen: says of an event and a number whether it tells of that change.
    """
    latencies = []
    for number in range(count + count // 10):
        await asyncio.sleep(rng.uniform(0.15, 1.0))
        since = len(heard.events)
        began_s = time.monotonic()
        await change(number)
        index = await heard.until(lambda event, n=number: seen(event, n), since, DEADLINE_S)
        latencies.append(1e3 * (heard.at_s[index] - began_s))
    return latencies[count // 10 :]


def percentile(values: list[float], percent: float) -> float:
    """The smallest value with at least so many per cent at or below it."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100.0), len(ordered) - 1)]


async def all_changes(peers: Peers, heard: Heard, rng: random.Random, count: int) -> dict[str, list[float]]:
    """Latencies of a unit's state, of the network's address and of the sink's volume."""

    async def unit(number: int) -> None:
        await asyncio.to_thread(peers.bus.unit, UNITS[-1], "activating", "auto-restart", 100 + number)

    def unit_seen(event: Event, number: int) -> bool:
        rows = event["data"].get("services") or [{}]
        return event["type"] == EVENT_OF["services"] and rows[-1].get("restart_count") == 100 + number

    def address(number: int) -> str:
        return f"10.99.{number // 200}.{1 + number % 200}"

    async def plug(number: int) -> None:
        await asyncio.to_thread(peers.bus.ethernet, address(number))

    def network_seen(event: Event, number: int) -> bool:
        return event["type"] == EVENT_OF["network"] and event["data"]["ip_v4"] == address(number)

    def sound_seen(event: Event, number: int) -> bool:
        return event["type"] == EVENT_OF["audio"] and event["data"]["volume_percent"] == 1 + number % 90

    other_program = PulseSink(peers.pulse.address)
    try:
        return {
            "units": await changes_ms(heard, rng, count, unit, unit_seen),
            "network": await changes_ms(heard, rng, count, plug, network_seen),
            "audio": await changes_ms(
                heard, rng, count, lambda number: other_program.volume(1 + number % 90), sound_seen
            ),
        }
    finally:
        await other_program.close()


async def until(look: Callable[[], Awaitable[bool]], what: str) -> float:
    """Wait; the time at which it was so."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not await look():
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise SystemExit(f"void: {what} not within {DEADLINE_S:g} s") from None
    return time.monotonic()


class Hurt:
    """Hurts one part after the other and looks when that is told.

    Args:
        served: the controller.
        heard: client of its socket.
        http: client of its API.
    """

    def __init__(self, served: Served, heard: Heard, http: httpx.AsyncClient) -> None:
        self._served, self._heard, self._http = served, heard, http
        self.disturbed: list[str] = []

    async def status(self, name: str) -> str:
        """Of a section."""
        return str((await self._http.get(f"/{name}")).json()["status"])

    async def is_so(self, names: frozenset[str], status: str, since: int) -> float:
        """Time at which the last of the sections was told to be so; gps has no event, and is asked."""
        at_s = []
        for name in names:
            if name in EVENT_OF:
                index = await self._heard.until(section_is(name, status), since, DEADLINE_S)
                at_s.append(self._heard.at_s[index])
            else:

                async def look(name: str = name) -> bool:
                    return await self.status(name) == status

                at_s.append(await until(look, f"{name} {status}"))
        return max(at_s)

    async def all_well(self) -> None:
        """Wait until nothing is offline."""

        async def look() -> bool:
            return not (await self._http.get("/health")).json()["offline"]

        await until(look, "all well")

    async def go_through(self, fault: Fault) -> tuple[float, float, dict[str, float]]:
        """One fault: seconds to its report and, after its end, to the recovery; the loop's stalls, ms."""
        await self.all_well()
        self._served.ask("stalls")
        since, began_s = len(self._heard.events), time.monotonic()
        await self._act(fault.part, fault.begin)
        offline_s = await self.is_so(fault.sections, "offline", since) - began_s
        back = len(self._heard.events)
        await self._act(fault.part, fault.end)
        ended_s = time.monotonic()
        recovery_s = await self.is_so(fault.sections, "ok", back) - ended_s
        for name in EVENT_OF.keys() - fault.sections:
            if any(event["data"]["status"] != "ok" for event in self._heard.of(EVENT_OF[name], since)):
                self.disturbed.append(f"{name} by {fault.part} {fault.kind}")
        return offline_s, max(0.0, recovery_s), self._served.ask("stalls")

    async def _act(self, part: str, act: Callable[[], object]) -> None:
        if part in OWN_THREAD:
            act()
        else:
            await asyncio.to_thread(act)


async def measure(peers: Peers, served: Served, count: int, rounds: int, seed: int) -> tuple[Any, Any, Any]:
    """All of it: figures, facts, and why it is void."""
    rng = random.Random(seed)
    figures: dict[str, float | None] = {}
    async with (
        listening(served.socket) as heard,
        httpx.AsyncClient(base_url=served.http, timeout=DEADLINE_S) as http,
    ):
        hurt = Hurt(served, heard, http)
        await hurt.all_well()
        served.ask("stalls")
        await asyncio.sleep(QUIET_S)
        quiet = served.ask("stalls")
        for name, latencies in (await all_changes(peers, heard, rng, count)).items():
            figures[f"change_ms_p50_{name}"] = percentile(latencies, 50.0)
            figures[f"change_ms_p99_{name}"] = percentile(latencies, 99.0)
        stalls = [served.ask("stalls")]
        rows: dict[str, list[tuple[float, float]]] = {}
        for _ in range(rounds):
            faults = peers.faults(served)
            rng.shuffle(faults)
            for fault in faults:
                await asyncio.sleep(rng.uniform(0.0, LONGEST_PERIOD_S))
                offline_s, recovery_s, late = await hurt.go_through(fault)
                rows.setdefault(f"{fault.part}_{fault.kind}", []).append((offline_s, recovery_s))
                stalls.append(late)
    for name, times in sorted(rows.items()):
        figures[f"offline_s_{name}"] = max(offline for offline, _ in times)
        figures[f"recovery_s_{name}"] = max(recovery for _, recovery in times)
    figures["offline_s_max"] = max(offline for times in rows.values() for offline, _ in times)
    figures["recovery_s_max"] = max(recovery for times in rows.values() for _, recovery in times)
    figures["stall_ms_max"] = max(late["late_ms"] for late in stalls)
    figures["stall_ms_median"] = statistics.median(late["late_ms"] for late in stalls)
    figures["stall_ms_max_quiet"] = quiet["late_ms"]
    figures["busy_ms_max"] = max(late["busy_ms"] for late in stalls)
    facts = {"changes": count, "rounds": rounds, "seed": seed, "disturbed": hurt.disturbed}
    return figures, facts, f"others were disturbed: {hurt.disturbed}" if hurt.disturbed else None


def main() -> int:
    """Measure and report."""
    arguments = harness.parser(__doc__ or "")
    arguments.add_argument("--changes", type=int, default=100, help="of each kind")
    arguments.add_argument("--repeats", type=harness.repeats, default=7, help="of each fault; the worst counts")
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    with open_folder() as folder:
        peers = Peers(folder)
        served = None
        try:
            peers.start()
            served = Served(peers.settings(), folder / "log")
            served.start()
            figures, facts, void = asyncio.run(measure(peers, served, options.changes, options.repeats, options.seed))
            log = served.log()
        finally:
            if served is not None:
                served.stop()
            peers.stop()
    if "Traceback" in log:
        void = f"{void or ''} the controller's log has a traceback: {log[log.index('Traceback') :][:500]}".strip()
    return harness.report("host_faults", figures, facts=facts, void=void, simulated=True, json_path=options.json)


if __name__ == "__main__":
    sys.exit(main())
