"""Follows a log that is hurt at random, and measures how soon an appended line is an event.

    .venv/bin/python benchmarks/tail.py --json tail.json

Two followers get the same kind of operations (`tail_world.py`): one inside this process, step by step, where a seed
that fails can be repeated; one in a process of its own, with the kernel's watch, that is killed with SIGKILL. Then a
writer of the event log's own kind appends at a steady rate to a log that a `Feed` follows.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import harness
from tail_local import LocalFollower
from tail_reader import RemoteFollower
from tail_world import NAME, World

from ndefender.events.log import EventLog
from ndefender.ingest.event import FeedEvent
from ndefender.ingest.feed import Feed
from ndefender.ingest.store import PositionStore
from ndefender.ingest.tail import Tailer

Tortured = tuple[dict[str, int], Counter[str], LocalFollower | RemoteFollower]

_WRONG = ("lost", "repeated", "out_of_order", "made_up")
_GREEDS = (0.1, 0.3, 0.6, 0.9)
_WRITER = """
import json, sys, time
from pathlib import Path
from ndefender.events.log import EventLog
folder, count, rate_hz = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
log = EventLog(folder, max_file_bytes=1_000_000)
log.open()
pad = "x" * 600
began = time.monotonic()
for i in range(count):
    time.sleep(max(0.0, began + i / rate_hz - time.monotonic()))
    data = {"id": "rf:1", "i": i, "pad": pad, "at_ns": time.monotonic_ns()}
    log.append(json.dumps({"type": "T", "timestamp": i, "source": "s", "data": data}).encode())
"""


def torture_here(seed: int, operations: int) -> Tortured:
    """One seed against a follower in this process."""
    with tempfile.TemporaryDirectory(prefix="ndefender-tail-") as name:
        folder = Path(name) / "log"
        subject = LocalFollower(folder / NAME, random.Random(seed + 1), _GREEDS[seed % len(_GREEDS)])
        done = _torture(World(folder, random.Random(seed), subject), operations)
        return *done, subject


def torture_killed(seed: int, operations: int) -> Tortured:
    """One seed against a follower in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="ndefender-tail-") as name:
        folder = Path(name) / "log"
        subject = RemoteFollower(folder / NAME, Path(name))
        try:
            done = _torture(World(folder, random.Random(seed), subject), operations)
        finally:
            subject.close()
        return *done, subject


def _torture(world: World, operations: int) -> tuple[dict[str, int], Counter[str]]:
    try:
        for _ in range(operations):
            world.act()
        world.finish()
        return world.verdict(), Counter(world.operations)
    finally:
        world.close()


async def latencies_ms(events: int, rate_hz: float) -> list[float]:
    """Times from the append to the sink, by one clock, of all events; the writer is another process."""
    found: list[float] = []
    everything = asyncio.Event()

    def sink(event: FeedEvent) -> None:
        at_ns = event.data["at_ns"]
        if isinstance(at_ns, int):
            found.append((time.monotonic_ns() - at_ns) / 1e6)
        if len(found) == events:
            everything.set()

    with tempfile.TemporaryDirectory(prefix="ndefender-tail-") as name:
        folder = Path(name)
        tailer = Tailer(EventLog(folder).path)
        following = asyncio.create_task(Feed("log", tailer, PositionStore(folder / "position"), sink).run())
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WRITER, str(folder), str(events), str(rate_hz), stdin=subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(60.0 + 2 * events / rate_hz):
                await everything.wait()
        finally:
            if writer.returncode is None:
                writer.terminate()
            await writer.wait()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    return found


def main() -> int:
    """Torture and measure; exit code 1 when an event was lost, repeated or out of order."""
    parser = harness.parser("How a log is followed.")
    parser.add_argument("--operations", type=int, default=100_000, help="for each seed, in this process")
    parser.add_argument(
        "--kill-operations", type=int, default=None, help="for each seed, with a process that is killed"
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=20_000, help="of the latency")
    parser.add_argument("--rate-hz", type=float, default=200.0, help="of them")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    figures: harness.Figures = {}
    facts: dict[str, object] = {"seeds": f"{seeds.start} to {seeds.stop - 1}"}
    wrong = _run("torture", torture_here, seeds, options.operations, figures, facts)
    kill_operations = options.operations // 20 if options.kill_operations is None else options.kill_operations
    wrong += _run("killed", torture_killed, seeds, kill_operations, figures, facts)
    if options.events:
        times = sorted(asyncio.run(latencies_ms(options.events, options.rate_hz)))
        figures |= {
            "latency_events": len(times),
            "latency_p50_ms": times[len(times) // 2],
            "latency_p99_ms": times[min(len(times) - 1, len(times) * 99 // 100)],
            "latency_max_ms": times[-1],
        }
        facts["latency"] = f"{options.events} events at {options.rate_hz:g}/s, rotated every megabyte"
    void = f"{wrong} events lost, repeated, out of order or made up" if wrong else None
    return harness.report("tail", figures, facts=facts, void=void, json_path=options.json)


def _run(
    name: str,
    torture: Callable[[int, int], Tortured],
    seeds: range,
    operations: int,
    figures: harness.Figures,
    facts: dict[str, object],
) -> int:
    """One kind of torture over all seeds; how many events went wrong."""
    totals: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for seed in seeds if operations else ():
        try:
            verdict, done, subject = torture(seed, operations)
        except AssertionError as error:  # it never came, or the follower never came to rest: the next seed goes on
            sys.stderr.write(f"{name}, seed {seed}: {error}\n")
            totals["lost"] += 1
            continue
        totals.update(verdict)
        totals.update(operations=sum(done.values()), events=len(subject.taken), kills=subject.kills)
        kinds.update(done)
        if any(verdict.values()):
            sys.stderr.write(f"{name}, seed {seed}: {verdict}\n")
    figures |= {f"{name}_{key}": totals[key] for key in ("operations", "events", "kills", *_WRONG)}
    facts[f"{name}_operations_of_each_kind"] = dict(kinds.most_common())
    return sum(totals[key] for key in _WRONG)


if __name__ == "__main__":
    sys.exit(main())
