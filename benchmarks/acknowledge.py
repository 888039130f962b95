"""From a command's request to its acknowledgement on the WebSocket, through the whole service and an emulated panel.

The panel is emulated in a process of its own, on a pseudo-terminal without a line rate, and answers at once; command
limits are off. Once with the radio idle, once while it sweeps the default plan. The clock starts before the request is
sent and stops when `recv` returns the acknowledgement of that `command_id`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import harness
import httpx
from panel import Emulator, percentile
from resilience_service import PATIENCE_S, Missed, Service, await_
from websockets.asyncio.client import ClientConnection, connect

CONFIG = """
[radio]
uri = "emulate:urban"
[scan]
autostart = {sweeping}
[esp32]
port = "{device}"
[ups]
enabled = false
[gps]
enabled = false
[api]
port = 0
[aggregator]
port = 0
command_rate_per_min = 0
[system_controller]
port = 0
"""
COMMAND = {"payload": {"ch": 2}, "confirm": False}


async def outcome(client: ClientConnection, command_id: str) -> tuple[float, bool]:
    """When the acknowledgement came, and whether it was good."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event = json.loads(await client.recv())
            if event["data"].get("command_id") == command_id:
                return time.perf_counter(), bool(event["data"]["ok"])


async def turn(address: str, count: int) -> tuple[list[float], int]:
    """Latencies in milliseconds of `count` commands, one after another, and how many failed."""
    latencies, failed = [], 0
    http = httpx.AsyncClient(base_url=f"http://{address}/api/v1", timeout=PATIENCE_S, trust_env=False)
    async with http, connect(f"ws://{address}/api/v1/ws", max_size=None) as client:
        for number in range(count + count // 10):
            began = time.perf_counter()
            answer = await http.post("/video/select", json=COMMAND)
            at, good = await outcome(client, answer.raise_for_status().json()["command_id"])
            if number >= count // 10:
                latencies.append((at - began) * 1e3)
                failed += not good
    return latencies, failed


def measure(sweeping: bool, repeats: int, count: int) -> tuple[list[list[float]], int]:
    """Turns of one running service."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        panel = Emulator()
        stack.callback(panel.end)
        service = Service(folder, CONFIG.format(sweeping=str(sweeping).lower(), device=panel.device))
        stack.callback(service.destroy)
        service.await_port()
        address = json.loads((folder / "var" / "run" / "service.json").read_text())["aggregator"]

        def ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                connected = httpx.get(f"http://{address}/api/v1/esp32").json()["connected"]
                analysed = (service.get("stats") or {}).get("blocks_analysed", 0)
                return bool(connected and (analysed > 0 or not sweeping))
            return False

        await_(ready, "the panel is connected, and the radio does what it should")
        turns = [asyncio.run(turn(address, count)) for _ in range(repeats)]
        return [values for values, _ in turns], sum(failed for _, failed in turns)


def main() -> int:
    """Measure and report."""
    arguments = harness.parser(__doc__ or "")
    arguments.add_argument("--repeats", type=harness.repeats, default=7, help="turns")
    arguments.add_argument("--commands", type=int, default=300, help="commands in a turn")
    options = arguments.parse_args()
    figures: dict[str, float | None] = {}
    spreads, failed = {}, 0
    for name, sweeping in (("idle", False), ("sweeping", True)):
        try:
            turns, wrong = measure(sweeping, options.repeats, options.commands)
        except Missed as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        failed += wrong
        for percent in (50, 99):
            spreads[f"{name}_p{percent}_ms"] = harness.spread([percentile(values, percent) for values in turns])
            figures[f"{name}_p{percent}_ms"] = spreads[f"{name}_p{percent}_ms"].median
        figures[f"{name}_worst_ms"] = max(max(values) for values in turns)
    figures["failed"] = float(failed)
    facts: dict[str, Any] = {"commands": options.commands, "command": "VIDEO_SELECT"}
    return harness.report(
        "acknowledge",
        figures,
        spreads=spreads,
        facts=facts,
        void=f"{failed} commands failed" if failed else None,
        simulated=True,
        json_path=options.json,
    )


if __name__ == "__main__":
    sys.exit(main())
