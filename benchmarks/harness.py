"""What every benchmark shares: where it ran, how it repeats, how it reports."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Figures = dict[str, float | None]

LEAST_REPEATS = 7
TOP = Path(__file__).resolve().parents[1]
PACKAGES = (
    "ndefender",
    "numpy",
    "numba",
    "llvmlite",
    "pyfftw",
    "pyadi-iio",
    "pylibiio",
    "sanic",
    "msgspec",
    "websockets",
)


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over its repeats.

    Args:
        median, low, high: middle, smallest and largest value.
        repeats: number of values.
    """

    median: float
    low: float
    high: float
    repeats: int

    def __str__(self) -> str:
        return f"{self.median:10.3f}   {self.low:.3f} to {self.high:.3f}, n = {self.repeats}"


def spread(values: Sequence[float]) -> Spread:
    """Median and spread of repeats."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def parser(description: str) -> argparse.ArgumentParser:
    """Arguments that every benchmark has: `--json FILE`."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return made


def repeats(text: str) -> int:
    """Argument type: a number of repeats that gives a median worth having."""
    value = int(text)
    if value < LEAST_REPEATS:
        raise argparse.ArgumentTypeError(f"{value} repeats, at least {LEAST_REPEATS}")
    return value


def seconds(action: Callable[[], object]) -> float:
    """Time that a call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def machine() -> dict[str, object]:
    """What the figures depend on: processor, its caches and threads, memory, system, versions, commit."""
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cpus_usable": len(os.sched_getaffinity(0)),
        "threads_of_cpu_0": _text("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list"),
        "caches": _caches(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load_1min": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
    }


def commit() -> str:
    """Commit of the tree that is measured, with `+changes` when files differ from it."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def report(
    name: str,
    figures: Figures,
    *,
    spreads: Mapping[str, Spread] | None = None,
    facts: Mapping[str, object] | None = None,
    void: str | None = None,
    simulated: bool = False,
    json_path: Path | None = None,
) -> int:
    """Print a table, write the JSON file.

    Args:
        name: of the benchmark.
        figures: name to number; None where a peer or a second core is absent.
        spreads: of those figures that are medians.
        facts: settings and circumstances, as JSON.
        void: why nothing of this counts.
        simulated: whether samples came from a simulation.
        json_path: file to be written.
    Returns:
        exit code: 1 when the measurement is void.
    """
    spreads = spreads or {}
    host = machine()
    result = {
        "benchmark": name,
        "figures": figures,
        "spreads": {key: vars_of(value) for key, value in spreads.items()},
        "void": void,
        "simulated": simulated,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "unix_s": round(time.time()),
        "facts": dict(facts or {}),
        "machine": host,
    }
    print(f"\n{name}{' (simulated radio)' if simulated else ''}")
    print(f"  {host['processor']}, {host['cpus_usable']} cpus, load {host['load_1min']}, commit {commit()[:20]}")
    for key, value in (facts or {}).items():
        print(f"  {key}: {value}")
    width = max((len(key) for key in figures), default=0)
    for key, figure in figures.items():
        shown = "         -" if figure is None else f"{figure:10.3f}"
        print(f"  {key:{width}}  {spreads[key] if key in spreads and figure is not None else shown}")
    if void:
        print(f"  VOID: {void}")
    if json_path is not None:
        json_path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if void else 0


def vars_of(value: Spread) -> dict[str, float]:
    """A spread as JSON."""
    return {"median": value.median, "low": value.low, "high": value.high, "repeats": value.repeats}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(TOP), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _processor() -> str:
    for line in _text("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"}:
            return value.strip()
    return platform.processor() or "unknown"


def _caches() -> dict[str, str]:
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (_text(str(index / part)) for part in ("level", "type", "size"))
        found[f"L{level} {kind.lower()}"] = size
    return found
