"""How fast the whole path sweeps a plan, what it analyses of it, and whether any sample is stale.

An emulated radio in a process of its own, read through libiio by the service's own capture and workers. The scene is a
tone whose offset names the local oscillator, so samples from before a retune give themselves away.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import harness
import host
import numpy as np
import sweep_front
from harness import Figures, Spread, spread
from msgspec.structs import replace
from numpy.typing import NDArray

from ndefender.config.load import load_settings
from ndefender.config.settings import (
    AggregatorSettings,
    AntsdrApiSettings,
    LogSettings,
    Settings,
    SystemControllerSettings,
)
from ndefender.radio.antsdr import AntSdr
from ndefender.radio.emulated import address
from ndefender.radio.plan import HopPlan
from ndefender.runtime.mapping import band_of, plan_for

BANDS = ("433", "868", "915", "1G2", "2G4", "5G2", "5G8")
LONG_BANDS = ("868", "915", "2G4")
DWELL_S, LONG_DWELL_S = 0.005, 0.010  # at least
BYTES_PER_SAMPLE = 4
LINKS_BYTES_S = (("", 60e6), ("_110", 110e6))
START_S = 180.0  # a first run compiles every kernel


@dataclass(frozen=True, slots=True)
class Seen:
    """What the front saw.

    Args:
        dwells: sweep_front.DWELL, in order of their number.
        facts: counters.
    """

    dwells: NDArray[np.void]
    facts: dict[str, int]


def settings_for(folder: Path, uri: str, options: argparse.Namespace) -> Settings:
    """The built-in configuration with the benchmark's bands and dwells."""
    base = load_settings(None, {})
    bands = []
    for band in base.plan["default"]:
        if band.name in BANDS:
            least_s = LONG_DWELL_S if band.name in LONG_BANDS else DWELL_S
            bands.append(replace(band, dwell_s=max(least_s, options.dwell_ms / 1e3), priority=1.0))
    assert {band.name for band in bands} == set(BANDS)
    return replace(
        base,
        radio=replace(base.radio, uri=uri, settle_s=options.settle_ms / 1e3),
        plan={"default": bands},
        dsp=replace(base.dsp, workers=options.workers),
        log=LogSettings(folder=str(folder / "log")),
        api=AntsdrApiSettings(port=0),
        aggregator=AggregatorSettings(port=0),
        system_controller=SystemControllerSettings(port=0),
    )


@contextlib.contextmanager
def emulated_radio(link_bytes_s: float, retune_s: float, scene: str) -> Iterator[str]:
    """Run an emulated radio; gives its URI."""
    arguments = ["--scene", scene, "--host", address.free_loopback_host()]
    arguments += ["--link-bytes-s", str(link_bytes_s), "--retune-s", str(retune_s)]
    with subprocess.Popen(
        [sys.executable, "-m", "ndefender", "emulate", "radio", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("ready "):
                raise host.NeverHappenedError(f"the emulated radio did not start: {line!r}")
            yield line.split()[1]
        finally:
            process.terminate()


def hop_plan(settings: Settings) -> HopPlan:
    """The plan that capture will make for that radio."""
    source = AntSdr(settings.radio.uri)
    try:
        bands = [band_of(band) for band in settings.plan["default"]]
        return plan_for(settings, 1, "default", bands, source.open())
    finally:
        source.close()


def watch(settings: Settings, plan: HopPlan, folder: Path, options: argparse.Namespace, ideal_s: float) -> Seen:
    """Run the service until it has swept often enough."""
    order = {
        "sweeps": options.sweeps,
        "warm_up": options.warm_up,
        "centers_hz": [hop.center_hz for hop in plan.hops],
    }
    (folder / sweep_front.ORDER).write_text(json.dumps(order), encoding="utf-8")
    limit_s = START_S + 4 * ideal_s * (options.sweeps + options.warm_up + 1)
    with host.running(settings, "sweep_front:main", folder) as process:
        process.join(limit_s)
    path = folder / sweep_front.SEEN
    if not path.exists():
        raise host.NeverHappenedError(f"{options.sweeps} sweeps not within {limit_s:.0f} s:\n{host.tail(folder)}")
    with np.load(path) as stored:
        return Seen(np.sort(stored["dwells"], order="seq"), json.loads(str(stored["facts"])))


def ideal_sweep_s(plan: HopPlan, retune_s: float, settle_s: float, link_bytes_s: float) -> float:
    """Σ(tune + settle + capture + transfer) over the hops."""
    return sum(
        retune_s + settle_s + hop.dwell_samples * (1 / plan.rate_hz + BYTES_PER_SAMPLE / link_bytes_s)
        for hop in plan.hops
    )


def measured(
    seen: Seen, plan: HopPlan, ideal_s: float, options: argparse.Namespace
) -> tuple[Figures, dict[str, Spread]]:
    """Figures of one run.

    Raises:
        NeverHappenedError: no whole sweep was seen.
    """
    first, last = options.warm_up, options.warm_up + options.sweeps
    ends = {
        int(number): seen.dwells[seen.dwells["sweep"] == number]["captured_ns"].max(initial=0)
        for number in range(first - 1, last)
    }
    took_s = [(ends[k] - ends[k - 1]) / 1e9 for k in range(first, last) if ends[k] and ends[k - 1]]
    if not took_s:
        raise host.NeverHappenedError("no whole sweep was seen")
    rows = seen.dwells[(seen.dwells["sweep"] >= first) & (seen.dwells["sweep"] < last)]
    wanted = options.sweeps * sum(hop.dwell_samples for hop in plan.hops)
    waited_ms = (rows["done_ns"] - rows["captured_ns"]) / 1e6
    spreads = {"revisit_s": spread(took_s), "bound_fraction": spread([ideal_s / each for each in took_s])}
    figures: Figures = {
        "revisit_s": spreads["revisit_s"].median,
        "bound_fraction": spreads["bound_fraction"].median,
        "ideal_s": ideal_s,
        "analysed_fraction": int(rows["n_samples"].sum()) / wanted,
        "stale_samples": float(rows["stale_samples"].sum()),
        "dwells_without_own_tone": float(np.count_nonzero(rows["heard"] == 0)),
        "dwells_with_foreign_tone": float(np.count_nonzero(rows["foreign"])),
        "dwells": float(len(rows)),
        "hops": float(len(plan.hops)),
        "analysis_ms_p99": float(np.percentile(waited_ms, 99)),
        "worker_busy_ratio": float(rows["busy_ns"].sum()) / 1e9 / sum(took_s),
        "emulator_late": float(seen.facts["late"]),
        "dwells_dropped": float(seen.facts["dropped"]),
        "heads_not_seen": float(seen.facts["unseen_heads"]),
    }
    return figures, spreads


def main() -> int:
    """Measure at both link rates, report."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--sweeps", type=harness.repeats, default=30, help="sweeps that are measured")
    parser.add_argument("--warm-up", type=int, default=3, help="sweeps before them, at least 1")
    parser.add_argument("--retune-ms", type=float, default=1.0)
    parser.add_argument("--settle-ms", type=float, default=0.5)
    parser.add_argument("--dwell-ms", type=float, default=0.0, help="longer dwells than 5 ms and 10 ms")
    parser.add_argument("--workers", type=int, default=0, help="0: as the service decides")
    options: argparse.Namespace = parser.parse_args()
    options.warm_up = max(1, options.warm_up)
    figures: Figures = {}
    spreads: dict[str, Spread] = {}
    late = 0.0
    for suffix, link_bytes_s in LINKS_BYTES_S:
        with (
            tempfile.TemporaryDirectory(prefix="ndefender-sweep-") as name,
            emulated_radio(link_bytes_s, options.retune_ms / 1e3, "tone") as uri,
        ):
            settings = settings_for(Path(name), uri, options)
            plan = hop_plan(settings)
            ideal_s = ideal_sweep_s(plan, options.retune_ms / 1e3, options.settle_ms / 1e3, link_bytes_s)
            seen = watch(settings, plan, Path(name), options, ideal_s)
            of_link, spread_of_link = measured(seen, plan, ideal_s, options)
        figures |= {key + suffix: value for key, value in of_link.items()}
        spreads |= {key + suffix: value for key, value in spread_of_link.items()}
        late += of_link["emulator_late"] or 0.0
    return harness.report(
        "sweep",
        figures,
        spreads=spreads,
        facts={
            "bands": " ".join(BANDS),
            "link bytes/s": [rate for _, rate in LINKS_BYTES_S],
            "retune ms, settle ms": [options.retune_ms, options.settle_ms],
            "sweeps": options.sweeps,
        },
        void=f"the emulated radio was late {late:.0f} times" if late else None,
        simulated=True,
        json_path=options.json,
    )


if __name__ == "__main__":
    raise SystemExit(main())
