"""Hurts the whole service in every way a field does, and measures how it takes it.

    .venv/bin/python benchmarks/resilience.py --json resilience.json --kills 20

It takes about a quarter of an hour. Times are from outside: they hold the polling of log and API (10 ms), the
supervisor's look at beats (100 ms) and the statistics' age (200 ms). What else the machine does adds to them.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import harness
from resilience_cases import Figures, first_contacts, radio_gone, slow_client
from resilience_kills import killed_supervisors, kills
from resilience_service import Missed

# Figure: (limit, whether it is an upper one).
BARS: dict[str, tuple[float, bool]] = {
    "first_contact_warm_s": (10.0, True),
    "first_contact_cold_s": (45.0, True),
    "kill_capture_max_s": (3.0, True),
    "kill_worker_max_s": (3.0, True),
    "kill_front_max_s": (3.0, True),
    "kill_supervisor_gone_max_s": (3.0, True),
    "kill_supervisor_ids_lost": (0, True),
    "kill_supervisor_second_new": (0, True),
    "books_off": (0, True),
    "contacts_survived_ratio": (1.0, False),
    "unasked_restarts": (0, True),
    "second_new": (0, True),
    "log_gaps": (0, True),
    "stop_s": (2.0, True),
    "radio_silent_said_away_s": (2.0, True),
    "radio_said_away_s": (2.0, True),
    "radio_contacts_lost_s": (12.0, True),
    "radio_resumed_s": (5.0, True),
    "radio_same_process": (1.0, False),
    "radio_lifecycle_errors": (0, True),
    "slow_client_events_per_s": (200.0, False),
    "slow_client_cut_off_s": (45.0, True),
    "slow_client_counted": (1, False),
    "slow_client_front_growth_mb": (5.0, True),
    "other_client_missed": (0, True),
}


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{text}\n")


def compare(figures: Figures) -> tuple[list[str], dict[str, str]]:
    """Hold figures to their bars: which are missed, and a table of all."""
    missed, table = [], {}
    for key, (limit, upper) in BARS.items():
        if key in figures:
            met = figures[key] <= limit if upper else figures[key] >= limit
            missed += [] if met else [key]
            table[key] = (
                f"{figures[key]:g}, {'at most' if upper else 'at least'} {limit:g}: {'met' if met else 'MISSED'}"
            )
    return missed, table


def end(number: int, _frame: object) -> None:
    """On a signal leave by the exception, so that every service that was started is destroyed."""
    sys.exit(128 + number)


def main() -> int:
    """Run the cases; exit code 1 when a bar is missed."""
    parser = harness.parser("How the whole service takes being hurt.")
    parser.add_argument("--kills", type=int, default=20, help="kills of each process")
    parser.add_argument("--only", nargs="*", default=[], help="of: first kills supervisor radio slow")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    figures: Figures = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="ndefender-resilience-") as name:
        folder = Path(name)
        cases: dict[str, Callable[[], Figures]] = {
            "first": lambda: first_contacts(folder / "first"),
            "kills": lambda: kills(folder / "kills", options.kills, say),
            "supervisor": lambda: killed_supervisors(folder / "supervisor", options.kills, say),
            "radio": lambda: radio_gone(folder / "radio"),
            "slow": lambda: slow_client(folder / "slow"),
        }
        for case, run in cases.items():
            if options.only and case not in options.only:
                continue
            say(case)
            try:
                figures |= run()
            except Missed as error:
                failed[case] = str(error)
                say(f"{case} failed: {error}")
    missed, table = compare(figures)
    facts: dict[str, object] = {"kills": options.kills, **table, **{f"failed: {k}": v for k, v in failed.items()}}
    shown: dict[str, float | None] = dict(figures)
    harness.report("resilience", shown, facts=facts, simulated=True, json_path=options.json)
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
