"""From the last sample of the dwell that confirms a contact, in the ring, to the event's bytes at a WebSocket client.

The whole service runs on an emulated radio. Emitters of the scene are switched on one after another, each for some
seconds at a place of its own, so each becomes a new contact. Both ends read CLOCK_MONOTONIC of this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from multiprocessing.context import SpawnProcess
from pathlib import Path

import harness
import host
import latency_front
import numpy as np
from harness import Figures
from msgspec.structs import replace
from websockets.asyncio.client import connect

from ndefender.config.load import load_settings
from ndefender.config.settings import (
    AggregatorSettings,
    AntsdrApiSettings,
    BandSettings,
    LogSettings,
    Settings,
    SystemControllerSettings,
)
from ndefender.runtime.lock import read_state, run_folder

START_S = 240.0  # a first run compiles every kernel
SETTLE_S = 10.0  # of scene time before the first emitter: the service is up by then, and misses nobody if it is not
LEAST_EVENTS = 200
BANDS_HZ = (("1G2", 1080e6, 1360e6), ("5G8", 5635e6, 5960e6))  # where emitters are put
DWELL_S = 0.005
NOISE_DBFS_HZ = -132.0
SNR_DB = 22.0
WIDTHS_HZ = (1.0e6, 2.5e6, 4.0e6)
PERIOD_S, AIR_S = 0.002, 0.0004  # every dwell hears two bursts
PLACES = 36  # emitters follow one another at so many places
EVERY_S = 0.6  # one is switched on
ON_S = 8.0
EMITTERS = 250  # at most, in one scene


def scene(count: int) -> str:
    """TOML of emitters that come and go."""
    lines = ["[scene]", 'name = "comings and goings"', f"seed = {count}", f"noise_dbfs_hz = {NOISE_DBFS_HZ}"]
    spots = [
        low + (high - low) * (i + 0.5) / (PLACES // len(BANDS_HZ))
        for i in range(PLACES // len(BANDS_HZ))
        for _, low, high in BANDS_HZ
    ]
    for i in range(count):
        width_hz = WIDTHS_HZ[i % len(WIDTHS_HZ)]
        start_s = SETTLE_S + EVERY_S * i
        lines += [
            "[[emitter]]",
            'kind = "noise_burst"',
            f'name = "emitter {i}"',
            f"center_hz = {spots[i % PLACES]:.1f}",
            f"bandwidth_hz = {width_hz}",
            f"period_s = {PERIOD_S}",
            f"air_s = {AIR_S}",
            f"level_dbfs = {NOISE_DBFS_HZ + SNR_DB + 10 * np.log10(width_hz):.2f}",
            f"start_s = {start_s:.3f}",
            f"stop_s = {start_s + ON_S:.3f}",
        ]
    return "\n".join(lines) + "\n"


def settings_for(folder: Path, options: argparse.Namespace) -> Settings:
    """The built-in configuration with two bands, the scene, and contacts that are soon forgotten."""
    base = load_settings(None, {})
    bands = [BandSettings(name, low, high, DWELL_S) for name, low, high in BANDS_HZ]
    return replace(
        base,
        radio=replace(base.radio, uri=f"emulate:{folder / 'scene.toml'}"),
        plan={"default": bands},
        dsp=replace(base.dsp, workers=options.workers),
        tracker=replace(base.tracker, ttl_s=3.0),
        log=LogSettings(folder=str(folder / "log")),
        api=AntsdrApiSettings(port=0),
        aggregator=AggregatorSettings(port=0),
        system_controller=SystemControllerSettings(port=0),
    )


async def listen(port: int, seconds: float, events: int) -> dict[int, tuple[int, str]]:
    """Arrival (monotonic ns) and type of every event, by its number, until enough are NEW or time is up."""
    arrived: dict[int, tuple[int, str]] = {}
    new = 0
    end_s = time.monotonic() + seconds
    async with connect(f"ws://127.0.0.1:{port}/api/v1/events", compression=None) as socket:
        while new < events and (left_s := end_s - time.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(socket.recv(), left_s)
            except TimeoutError:
                break
            now_ns = time.monotonic_ns()
            event = json.loads(message)
            if "seq" in event:
                arrived[int(event["seq"])] = (now_ns, str(event["type"]))
                new += event["type"] == "RF_CONTACT_NEW"
    return arrived


def port_of(settings: Settings, process: SpawnProcess) -> int:
    """Port of the service once it listens."""

    def look() -> int | None:
        state = read_state(run_folder(settings))
        return state.port if state is not None else None

    return host.await_value(look, "the API", process, START_S)


def main() -> int:
    """Measure, report."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--events", type=int, default=LEAST_EVENTS, help="new contacts to wait for")
    parser.add_argument("--workers", type=int, default=0, help="0: as the service decides")
    options: argparse.Namespace = parser.parse_args()
    count = min(EMITTERS, round(options.events * 1.25))
    limit_s = START_S + SETTLE_S + EVERY_S * count + ON_S + 20.0
    with tempfile.TemporaryDirectory(prefix="ndefender-latency-") as name:
        folder = Path(name)
        (folder / "scene.toml").write_text(scene(count), encoding="utf-8")
        settings = settings_for(folder, options)
        with host.running(settings, "latency_front:main", folder) as process:
            arrived = asyncio.run(listen(port_of(settings, process), limit_s, options.events))
        path = folder / latency_front.NOTES
        if not path.exists():
            raise host.NeverHappenedError(f"the front left no notes:\n{host.tail(folder)}")
        notes = json.loads(path.read_text(encoding="utf-8"))
    taken: dict[str, list[float]] = {kind: [] for kind in ("new", "update")}  # of those that a dwell caused
    for seq, kind, captured_ns in notes:
        if captured_ns and seq in arrived:
            taken[kind].append((arrived[seq][0] - captured_ns) / 1e6)
    figures = figures_of(taken["new"]) | {f"{k}_updates": v for k, v in figures_of(taken["update"]).items()}
    enough = len(taken["new"]) >= LEAST_EVENTS
    return harness.report(
        "latency",
        figures,
        facts={"emitters": count, "bands": [band for band, *_ in BANDS_HZ]},
        void=None if enough else f"{len(taken['new'])} new contacts, at least {LEAST_EVENTS} are needed",
        simulated=True,
        json_path=options.json,
    )


def figures_of(taken_ms: list[float]) -> Figures:
    """Middle and tail."""
    if not taken_ms:
        return {"p50_ms": None, "p99_ms": None, "max_ms": None, "n": 0.0}
    return {
        "p50_ms": float(np.percentile(taken_ms, 50)),
        "p99_ms": float(np.percentile(taken_ms, 99)),
        "max_ms": max(taken_ms),
        "n": float(len(taken_ms)),
    }


if __name__ == "__main__":
    raise SystemExit(main())
