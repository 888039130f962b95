"""Ten clients that hammer the System Controller with commands: cool-downs and rates to the letter, nothing twice.

Three parts of a minute, each with a controller of its own over emulated services. In the first there are no rate
limits: units are restarted, the host rebooted and switched off, by ten clients at once without a pause. In the others
the default limits hold and every client has an address of its own: ten clients reach the limit of all together, three
their own. What was done is counted at the services.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import harness
import httpx
import msgspec
from host_client import Heard, listening
from host_rig import UNITS, Peers, Served, open_folder

from ndefender.config.settings import Settings

CLIENTS = 10
DEADLINE_S = 30.0
FEW = 3  # clients that together stay below the limit of all
ADAPTER = "/org/bluez/hci0"
SCAN = "/network/bluetooth/scan/start"
VOLUME = "/audio/volume"
ALL_CLIENTS = 4  # the limit of all clients is that of so many
RESTART_S, POWER_S = 10.0, 30.0  # REST.md §2
SLACK_S = 0.5  # a hammer takes a moment to come by again
PATHS = {
    **{f"/services/{name}/restart": RESTART_S for name in UNITS if name != "gpsd"},  # that has a path of its own
    "/gps/restart": RESTART_S,
    "/system/reboot": POWER_S,
    "/system/shutdown": POWER_S,
}


@dataclass
class Tally:
    """What came back.

    Args:
        answers: how many of each path and status.
        accepted_s: when each accepted command was asked for and answered, by path.
        ids: of their acknowledgements.
        wrong: answers that are not as they must be.
    """

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    accepted_s: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def ask(self, client: httpx.AsyncClient, path: str, body: dict[str, object]) -> httpx.Response:
        """Send one command and note what came."""
        asked_s = time.monotonic()
        answer = await client.post(path, json=body)
        self.answers[path, answer.status_code] += 1
        if answer.status_code == 200:
            self.accepted_s.setdefault(path, []).append((asked_s, time.monotonic()))
            self.ids.append(answer.json()["data"]["command_id"])
            if not answer.json()["data"]["ok"]:
                self.wrong.append(answer.text)
        elif answer.status_code == 429:
            if not 1 <= int(answer.headers.get("Retry-After", "0")) <= POWER_S:
                self.wrong.append(f"Retry-After: {answer.headers.get('Retry-After')} of {path}")
        else:
            self.wrong.append(f"{answer.status_code} {answer.text}")
        return answer

    def of(self, status: int, *paths: str) -> int:
        """How many answers of a status, of these paths or of all."""
        return sum(n for (path, code), n in self.answers.items() if code == status and (not paths or path in paths))


def settings(peers: Peers, **limits: float) -> Settings:
    """The defaults, with other limits, and dangerous commands allowed."""
    made = peers.settings()
    return msgspec.structs.replace(
        made,
        system_controller=msgspec.structs.replace(made.system_controller, **limits),
        safety=msgspec.structs.replace(made.safety, allow_unsafe_operations=True),
    )


async def ready(served: Served) -> None:
    """Wait until every part was read."""
    async with httpx.AsyncClient(base_url=served.http) as client, asyncio.timeout(DEADLINE_S):
        while (await client.get("/health")).json()["offline"]:
            await asyncio.sleep(0.05)


async def acknowledged(heard: Heard, tally: Tally) -> list[str]:
    """Ids on the socket, when as many came as commands were accepted, or when no more come."""
    ids = [event["data"]["command_id"] for event in heard.of("COMMAND_ACK")]
    while len(ids) < len(tally.ids):
        await heard.until(lambda event: event["type"] == "COMMAND_ACK", len(heard.events), DEADLINE_S)
        ids = [event["data"]["command_id"] for event in heard.of("COMMAND_ACK")]
    return ids


def clients(served: Served) -> list[httpx.AsyncClient]:
    """Ten, each with an address of its own."""
    return [
        httpx.AsyncClient(
            base_url=served.http,
            timeout=DEADLINE_S,
            transport=httpx.AsyncHTTPTransport(local_address=f"127.0.0.{2 + number}"),
        )
        for number in range(CLIENTS)
    ]


async def cool_downs(served: Served, seconds: float) -> tuple[Tally, list[str]]:
    """Everything that rests, by all clients at once, without a pause."""
    tally = Tally()
    body = {"confirm": True}

    async def hammer(client: httpx.AsyncClient, first: int, end_s: float) -> None:
        paths = list(PATHS)
        for path in itertools.cycle(paths[first:] + paths[:first]):
            if time.monotonic() > end_s:
                return
            await tally.ask(client, path, body)

    async with listening(served.socket) as heard:
        end_s, ten = time.monotonic() + seconds, clients(served)
        await asyncio.gather(*(hammer(client, i % len(PATHS), end_s) for i, client in enumerate(ten)))
        ids = await acknowledged(heard, tally)
        for client in ten:
            await client.aclose()
    return tally, ids


def cool_down_faults(tally: Tally, ids: list[str], done: Counter[str], seconds: float) -> list[str]:
    """What is not as it must be."""
    wrong = list(tally.wrong)
    if sorted(ids) != sorted(tally.ids) or len(set(ids)) != len(ids):
        wrong.append(f"{len(tally.ids)} accepted, {len(ids)} acknowledged, {len(set(ids))} of them different")
    for path, rest_s in PATHS.items():
        times = tally.accepted_s.get(path, [])
        if done[path] != len(times):
            wrong.append(f"{path}: accepted {len(times)} times, done {done[path]} times")
        for (asked_s, _), (_, answered_s) in itertools.pairwise(times):
            # Accepted somewhere between question and answer, so the true distance is at least the smaller one.
            if answered_s - asked_s < rest_s:
                wrong.append(f"{path}: again after {answered_s - asked_s:.3f} s")
        least = int(seconds // (rest_s + SLACK_S)) + 1
        most = int(seconds // rest_s) + 1
        if not least <= len(times) <= most:
            wrong.append(f"{path}: accepted {len(times)} times in {seconds:g} s, must be {least} to {most}")
    return wrong


async def rates(served: Served, n_clients: int, seconds: float) -> tuple[Tally, list[str], list[int]]:
    """Commands that do not rest, as often as can be.

    The first client has Bluetooth look for devices, which is counted at BlueZ; the others set volumes of their own.

    Returns:
        What came back, the ids on the socket, and how many commands of each client passed.
    """
    tally = Tally()
    passed = [0] * n_clients

    async def hammer(number: int, client: httpx.AsyncClient, end_s: float) -> None:
        for turn in itertools.count():
            if time.monotonic() > end_s:
                return
            if number == 0:
                answer = await tally.ask(client, SCAN, {})
            else:
                answer = await tally.ask(client, VOLUME, {"volume_percent": 10 * number + turn % 10})
            passed[number] += answer.status_code == 200
            if answer.status_code == 429 and "too many commands" not in answer.text:
                tally.wrong.append(answer.text)

    async with listening(served.socket) as heard:
        some = clients(served)[:n_clients]
        end_s = time.monotonic() + seconds
        await asyncio.gather(*(hammer(i, client, end_s) for i, client in enumerate(some)))
        ids = await acknowledged(heard, tally)
        for client in some:
            await client.aclose()
    return tally, ids, passed


def rate_faults(
    tally: Tally, ids: list[str], passed: list[int], n_scans: int, seconds: float, per_min: float, burst: int
) -> list[str]:
    """What is not as it must be."""
    wrong = list(tally.wrong)
    if sorted(ids) != sorted(tally.ids) or len(set(ids)) != len(ids):
        wrong.append(f"{len(tally.ids)} accepted, {len(ids)} acknowledged, {len(set(ids))} of them different")
    if n_scans != passed[0]:
        wrong.append(f"{passed[0]} scans accepted, {n_scans} done")
    together = len(passed) > FEW
    counts, factor = ([sum(passed)], ALL_CLIENTS) if together else (passed, 1)
    for count in counts:
        most = factor * (burst + per_min * (seconds + SLACK_S) / 60.0)
        least = factor * (burst + per_min * (seconds - SLACK_S) / 60.0) - 1
        if not least <= count <= most:
            wrong.append(f"{count} commands passed in {seconds:g} s, must be {least:.1f} to {most:.1f}")
    return wrong


def counted(peers: Peers) -> Counter[str]:
    """What was done at the services, by path."""
    bus = peers.bus
    restarts = Counter(str(name).removesuffix(".service") for name, _ in bus.calls("systemd", "RestartUnit"))
    done = Counter({f"/services/{name}/restart": count for name, count in restarts.items() if name != "gpsd"})
    done["/gps/restart"] = restarts["gpsd"]
    done["/system/reboot"] = len(bus.calls("logind", "Reboot"))
    done["/system/shutdown"] = len(bus.calls("logind", "PowerOff"))
    return done


def main() -> int:
    """Hammer and report."""
    arguments = harness.parser(__doc__ or "")
    arguments.add_argument("--seconds", type=float, default=60.0, help="of each part")
    options = arguments.parse_args()
    figures: dict[str, float | None] = {}
    wrong: list[str] = []
    with open_folder() as folder, contextlib.ExitStack() as stack:
        peers = Peers(folder)
        stack.callback(peers.stop)
        peers.start()

        def controller(name: str, **limits: float) -> Served:
            served = Served(settings(peers, **limits), folder / name)
            stack.callback(served.stop)
            served.start()
            asyncio.run(ready(served))
            return served

        free = controller("free.log", command_rate_per_min=0.0)
        tally, ids = asyncio.run(cool_downs(free, options.seconds))
        done = counted(peers)
        wrong += cool_down_faults(tally, ids, done, options.seconds)
        free.stop()
        figures |= {
            "cool_down_requests": float(sum(tally.answers.values())),
            "cool_down_accepted": float(tally.of(200)),
            "cool_down_done": float(sum(done.values())),
        }
        limits = settings(peers).system_controller
        scans = len(peers.bus.calls("bluez", "StartDiscovery", ADAPTER))
        for name, n_clients in (("all", CLIENTS), ("each", FEW)):
            limited = controller(f"{name}.log")
            tally, ids, passed = asyncio.run(rates(limited, n_clients, options.seconds))
            limited.stop()
            before, scans = scans, len(peers.bus.calls("bluez", "StartDiscovery", ADAPTER))
            rate, burst = limits.command_rate_per_min, limits.command_burst
            wrong += rate_faults(tally, ids, passed, scans - before, options.seconds, rate, burst)
            figures[f"rate_{name}_requests"] = float(sum(tally.answers.values()))
            figures[f"rate_{name}_passed"] = float(sum(passed))
    figures["wrong"] = float(len(wrong))
    return harness.report(
        "hammer",
        figures,
        facts={"clients": CLIENTS, "seconds": options.seconds, "wrong": wrong[:20]},
        void="; ".join(wrong[:5]) or None,
        simulated=True,
        json_path=options.json,
    )


if __name__ == "__main__":
    sys.exit(main())
