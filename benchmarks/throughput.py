"""Samples a second through the whole signal chain, beside the bare FFT, a second worker, and GNU Radio."""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import dwells
import harness
import numpy as np
from chain import BATCHES, Chain, Transform, serve
from harness import Figures, Spread, seconds, spread
from numpy.typing import NDArray

from ndefender.config.load import load_settings
from ndefender.dsp import DspConfig
from ndefender.runtime.analysis import dsp_config

WARM_UP = 3  # dwells
CONTINUOUS_SPS = 61.44e6  # what a radio would deliver without a pause
PEER_S = 1.0
PEER = Path(__file__).with_name("gnuradio_peer.py")


@dataclass(slots=True)
class Result:
    """What was measured so far."""

    figures: Figures = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)

    def put(self, name: str, values: list[float]) -> None:
        """Enter a figure with its repeats."""
        self.spreads[name] = spread(values)
        self.figures[name] = self.spreads[name].median


def in_turns(first: Callable[[], object], second: Callable[[], object], repeats: int) -> list[tuple[float, float]]:
    """Times of two calls that take turns, so that whatever slows the machine slows both; the first turn is warm-up."""
    return [(seconds(first), seconds(second)) for _ in range(repeats + 1)][1:]


def chain_against_transform(result: Result, config: DspConfig, repeats: int, times: int) -> None:
    """Chain and bare transform on one core, the transform in whatever batches are quickest here."""
    chain, forms = Chain(config), [Transform(config, batch) for batch in BATCHES]
    for name, iq in (("quiet", dwells.quiet()), ("busy", dwells.busy())):
        emissions = chain.run(iq, WARM_UP)
        best = quickest(forms, iq, times)
        pairs = in_turns(partial(best.run, iq, times), partial(chain.run, iq, times), repeats)
        result.facts[f"frames in a batch of the bare transform, {name}"] = best.batch
        result.put(f"chain_vs_fft_{name}", [bare / whole for bare, whole in pairs])
        result.put(f"fft_msps_{name}", [times * dwells.N_SAMPLES / bare / 1e6 for bare, _ in pairs])
        result.put(f"chain_msps_{name}", [times * dwells.N_SAMPLES / whole / 1e6 for _, whole in pairs])
        result.figures[f"emissions_{name}"] = float(emissions)
        result.figures[f"realtime_factor_{name}"] = (result.figures[f"chain_msps_{name}"] or 0.0) * 1e6 / CONTINUOUS_SPS
    result.figures["fft_msps"] = result.figures["fft_msps_quiet"]
    result.figures["chain_msps"] = result.figures["chain_msps_quiet"]
    result.figures["realtime_factor"] = result.figures["realtime_factor_busy"]


def quickest(forms: list[Transform], iq: NDArray[np.int16], times: int) -> Transform:
    """The transform that is quickest on this machine; forms take turns, the best of five counts."""
    shortest = [float("inf")] * len(forms)
    for _ in range(5):
        for i, form in enumerate(forms):
            form.run(iq, 1)
            shortest[i] = min(shortest[i], seconds(partial(form.run, iq, times)))
    return forms[shortest.index(min(shortest))]


def second_worker(result: Result, config: DspConfig, repeats: int, times: int, cpus: list[int]) -> None:
    """Two processes with a dwell each, begun together, against one of them alone; each on a core of its own."""
    names = {False: "two_workers_vs_one", True: "two_workers_vs_one_busy"}
    if len(cpus) < 2:
        result.figures.update(dict.fromkeys(names.values()))
        result.facts["second worker"] = "only one cpu"
        return
    with workers(config, cpus[:2]) as links:
        for busy, name in names.items():
            ratios = []
            for turn in range(repeats + 1):
                alone_s = run_all([links[turn % 2]], busy, times)
                both_s = run_all(links, busy, times)
                ratios.append(2 * alone_s / both_s)
            result.put(name, ratios[1:])


@contextlib.contextmanager
def workers(config: DspConfig, cpus: list[int]) -> Iterator[list[Connection]]:
    """Processes that run the chain on request."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(cpus))
    ends, processes = [], []
    for cpu in cpus:
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(theirs, barrier, cpu, config), daemon=True))
        processes[-1].start()
        theirs.close()
        ends.append(ours)
    for end in ends:
        end.recv()
    yield ends
    for end, process in zip(ends, processes, strict=True):
        end.send(None)
        process.join()


def run_all(links: list[Connection], busy: bool, times: int) -> float:
    """Let workers run at the same time; seconds from the first to begin to the last to end."""
    for link in links:
        link.send((busy, times, len(links) > 1))
    spans = [link.recv() for link in links]
    return float(max(ended for _, ended in spans) - min(began for began, _ in spans))


def chain_against_gnuradio(result: Result, config: DspConfig, repeats: int, times: int, python: str, cpu: int) -> None:
    """Chain and GNU Radio in turns on the same core."""
    names = ("chain_vs_gnuradio", "chain_vs_gnuradio_busy", "gnuradio_msps")
    with contextlib.ExitStack() as stack:
        try:
            peer = stack.enter_context(
                subprocess.Popen(
                    [python, str(PEER), str(cpu)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            result.facts["gnuradio"] = answer(peer)["version"]
        except (OSError, ValueError) as error:
            result.figures.update(dict.fromkeys(names))
            result.facts["gnuradio"] = f"absent: {error}"
            return
        chain, quiet, busy = Chain(config), dwells.quiet(), dwells.busy()
        rows = []
        for _ in range(repeats + 1):
            print(PEER_S, file=peer.stdin, flush=True)
            peer_sps = float(str(answer(peer)["samples_s"]))
            chain_sps = [times * dwells.N_SAMPLES / seconds(partial(chain.run, iq, times)) for iq in (quiet, busy)]
            rows.append((chain_sps[0] / peer_sps, chain_sps[1] / peer_sps, peer_sps / 1e6))
        for name, column in zip(names, zip(*rows[1:], strict=True), strict=True):
            result.put(name, list(column))


def answer(peer: subprocess.Popen[str]) -> dict[str, object]:
    """Next answer of the peer.

    Raises:
        ValueError: it ended instead; the message is its last word.
    """
    assert peer.stdout is not None
    assert peer.stderr is not None
    line = peer.stdout.readline()
    if not line:
        raise ValueError((peer.stderr.read().strip().splitlines() or ["no answer"])[-1])
    decoded: dict[str, object] = json.loads(line)
    return decoded


def main() -> int:
    """Measure, report."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--repeats", type=harness.repeats, default=15)
    parser.add_argument("--dwells", type=int, default=20, help="dwells in one repeat")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="core for all that runs on one")
    parser.add_argument("--gnuradio-python", default="/usr/bin/python3", help="Python that GNU Radio is installed for")
    options: argparse.Namespace = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    config = dsp_config(load_settings(None, {}))
    result = Result()
    result.facts |= {
        "n_fft": config.n_fft,
        "overlap_ratio": config.overlap_ratio,
        "samples_in_a_dwell": dwells.N_SAMPLES,
        "dwells_in_a_repeat": options.dwells,
        "expected emissions, busy": dwells.BUSY_EMISSIONS,
    }
    second_worker(result, config, options.repeats, options.dwells, cpus)
    os.sched_setaffinity(0, {options.cpu})
    chain_against_transform(result, config, options.repeats, options.dwells)
    chain_against_gnuradio(result, config, options.repeats, options.dwells, options.gnuradio_python, options.cpu)
    os.sched_setaffinity(0, cpus)
    return harness.report(
        "throughput", result.figures, spreads=result.spreads, facts=result.facts, json_path=options.json
    )


if __name__ == "__main__":
    raise SystemExit(main())
