"""From `Esp32Link.command` to the panel's acknowledgement, over a pseudo-terminal, and what garbage does to it.

The panel is emulated in a process of its own and answers at once. The peer, in turns with the link, is a bare loop on
the same device: write the line, wait with select, read until the answer's line end. No line rate is simulated: at
115200 baud a command of 85 bytes and its answer of 120 take 18 ms more.
"""

from __future__ import annotations

import asyncio
import os
import select
import statistics
import subprocess
import sys
import time
import tty
import uuid
from typing import Any

import harness
import msgspec

from ndefender.ingest.esp32 import Esp32Link
from ndefender.ingest.esp32_types import LinkSettings, PanelMessage

START_S = 60.0
DEADLINE_S = 30.0
GARBAGE_BYTES = 1_000_000
CMD, ARGS = "VIDEO_SELECT", {"ch": 2}


class Stopwatch:
    """Listens to the link; wakes whoever waits for one answer."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[float]] = {}
        self.failed = 0

    def take(self, message: PanelMessage) -> None:
        """Note when an answer came."""
        if message.kind == "COMMAND_ACK" and (future := self.waiting.pop(message.data["id"], None)) is not None:
            self.failed += not message.data["ok"]
            future.set_result(time.perf_counter())


class Emulator:
    """`ndefender emulate esp32`, with its faults on demand."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "ndefender", "emulate", "esp32", "--scene", "quiet", "--control"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.device = self._line().removeprefix("ready ")

    def tell(self, line: str) -> str:
        """Have a fault; return the device."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        return self._line().split()[-1]

    def end(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(START_S)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


async def link_ms(device: str, count: int, garbage: Emulator | None = None) -> tuple[list[float], int]:
    """Latencies of `count` commands, one after another, and how many failed."""
    watch = Stopwatch()
    link = Esp32Link(LinkSettings(port=device, heartbeat_s=DEADLINE_S), watch.take)
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(START_S):
            while not link.state().connected:
                await asyncio.sleep(0.01)
        latencies = []
        for number in range(count + count // 10):
            if garbage is not None and number == count // 2:
                garbage.tell(f"garbage {GARBAGE_BYTES}")
            command_id = str(uuid.uuid4())
            answered = watch.waiting[command_id] = asyncio.get_running_loop().create_future()
            began = time.perf_counter()
            await link.command(CMD, ARGS, command_id)
            async with asyncio.timeout(DEADLINE_S):
                latencies.append((await answered - began) * 1e3)
        return latencies[count // 10 :], watch.failed
    finally:
        running.cancel()
        await asyncio.wait([running])


def bare_ms(device: str, count: int) -> list[float]:
    """The same commands by hand."""
    fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(fd)
        latencies, buffer = [], b""
        for _ in range(count):
            command_id = str(uuid.uuid4())
            line = msgspec.json.encode({"id": command_id, "cmd": CMD, "args": ARGS}) + b"\n"
            began = time.perf_counter()
            os.write(fd, line)
            answered = False
            while not answered:
                if not select.select([fd], [], [], DEADLINE_S)[0]:
                    raise TimeoutError("no answer")
                buffer += os.read(fd, 4096)
                *ended, buffer = buffer.split(b"\n")
                answered = any(command_id.encode() in line for line in ended)
            latencies.append((time.perf_counter() - began) * 1e3)
        return latencies
    finally:
        os.close(fd)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value with at least so many per cent at or below it."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100.0), len(ordered) - 1)]


def main() -> int:
    """Measure and report."""
    arguments = harness.parser(__doc__ or "")
    arguments.add_argument("--repeats", type=harness.repeats, default=9, help="turns of link and peer")
    arguments.add_argument("--commands", type=int, default=500, help="commands in a turn")
    options = arguments.parse_args()
    rows: dict[str, list[float]] = {"p50_ms": [], "p99_ms": [], "bare_p50_ms": [], "bare_p99_ms": []}
    worst, failed = 0.0, 0
    emulator = Emulator()
    try:
        for _ in range(options.repeats):
            ours, wrong = asyncio.run(link_ms(emulator.device, options.commands))
            bare = bare_ms(emulator.device, options.commands)
            for name, values in (("", ours), ("bare_", bare)):
                rows[f"{name}p50_ms"].append(percentile(values, 50.0))
                rows[f"{name}p99_ms"].append(percentile(values, 99.0))
            worst, failed = max(worst, *ours), failed + wrong
        dirty, wrong = asyncio.run(link_ms(emulator.device, options.commands, emulator))
    finally:
        emulator.end()
    figures: dict[str, float | None] = {name: statistics.median(values) for name, values in rows.items()}
    figures |= {"worst_ms": worst, "garbage_worst_ms": max(dirty)}
    figures["failed"] = float(failed + wrong)
    facts: dict[str, Any] = {"commands": options.commands, "garbage_bytes": GARBAGE_BYTES, "command": CMD}
    return harness.report(
        "panel",
        figures,
        spreads={name: harness.spread(values) for name, values in rows.items()},
        facts=facts,
        void=f"{failed + wrong} commands failed" if failed + wrong else None,
        simulated=True,
        json_path=options.json,
    )


if __name__ == "__main__":
    sys.exit(main())
