"""Contacts that noise alone makes: hours of empty air through pipeline and tracker, over the default plan.

Samples come from the simulated source as fast as they can be drawn, none is used twice; time in the scene advances as
that of a sweep with the radio's link. Every process has a sky and a tracker of its own and does its share of the hours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection, wait

import harness
from harness import Figures
from noise_air import Air, Tally, seeded
from scipy.stats import chi2

from ndefender.config.load import load_settings

CERTAINTY = 0.95
SAY_EVERY_S = 10.0


def upper_per_hour(events: int, hours: float) -> float:
    """Upper bound of a Poisson rate at 95 % (exact, one-sided): chi² quantile of 2(k + 1) degrees over 2T."""
    return float(chi2.ppf(CERTAINTY, 2 * (events + 1)) / 2 / hours)


def listen(link: Connection, seed: int, air_s: float) -> None:
    """Main of a process: sweep noise, tell the tally now and then, at last with True."""
    air = Air(seeded("noise", seed), load_settings(None, {}))
    told_s = time.monotonic()
    for tally in air.run(air_s):
        if time.monotonic() - told_s > SAY_EVERY_S / 2:
            told_s = time.monotonic()
            link.send((tally, False))
    link.send((air.tally, True))


def gather(processes: int, seed: int, air_s: float) -> Tally:
    """Run the processes; their tallies together.

    Raises:
        EOFError: a process failed.
    """
    context = multiprocessing.get_context("spawn")
    links: dict[Connection, Tally] = {}
    for i in range(processes):
        ours, theirs = context.Pipe(duplex=False)
        context.Process(target=listen, args=(theirs, seed + i, air_s / processes), daemon=True).start()
        theirs.close()
        links[ours] = Tally()
    open_links, said_s = set(links), time.monotonic()
    while open_links:
        for link in wait(list(open_links)):
            assert isinstance(link, Connection)
            links[link], done = link.recv()
            open_links -= {link} if done else set()
        if time.monotonic() - said_s > SAY_EVERY_S:
            said_s, heard_s = time.monotonic(), sum(tally.air_s for tally in links.values())
            contacts = sum(tally.contacts for tally in links.values())
            print(f"  {heard_s / 3600:.3f} h of {air_s / 3600:g} h, {contacts} contacts", file=sys.stderr, flush=True)
    total = Tally()
    for tally in links.values():
        total.add(tally)
    return total


def main() -> int:
    """Listen, report."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--hours", type=float, default=3.0, help="of air, all processes together")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=1)
    options: argparse.Namespace = parser.parse_args()
    began_s = time.monotonic()
    tally = gather(options.processes, options.seed, options.hours * 3600)
    hours = tally.air_s / 3600
    figures: Figures = {
        "noise_hours": hours,
        "noise_contacts": float(tally.contacts),
        "noise_upper_per_hour": upper_per_hour(tally.contacts, hours),
        "dwells": float(tally.dwells),
        "emissions": float(tally.emissions),
        "emissions_per_dwell": tally.emissions / tally.dwells,
        "listened_hours": tally.listened_s / 3600,
        "took_hours": (time.monotonic() - began_s) / 3600,
    }
    facts = {"processes": options.processes, "first seed": options.seed, "bound": f"{CERTAINTY:.0%}, one-sided, exact"}
    return harness.report("noise", figures, facts=facts, simulated=True, json_path=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
