"""`ndefender stats`: what a log says happened."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from ndefender.cli.eventlog import Event, Problem, read_events


@dataclass(slots=True)
class ClassSummary:
    """Contacts of one class. A contact counts under the class it had last.

    Args:
        contacts: how many began.
        updates: how many updates they sent.
        durations_s: from NEW to LOST, of those that ended.
    """

    contacts: int = 0
    updates: int = 0
    durations_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Life:
    name: str
    began_ms: int
    updates: int = 0


class Summary:
    """Counts over a log, fed one event at a time."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.classes: dict[str, ClassSummary] = {}
        self.simulated = 0
        self.unreadable = 0
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        self._lives: dict[str, _Life] = {}

    def feed(self, items: Iterable[Event | Problem]) -> None:
        """Take events; unreadable lines are counted."""
        for item in items:
            if isinstance(item, Problem):
                self.unreadable += 1
            else:
                self._event(item)

    def _event(self, event: Event) -> None:
        envelope = event.envelope
        self.events[envelope.type] += 1
        self.simulated += event.simulated
        self.first_ms = envelope.time_ms if self.first_ms is None else min(self.first_ms, envelope.time_ms)
        self.last_ms = envelope.time_ms if self.last_ms is None else max(self.last_ms, envelope.time_ms)
        if event.contact_id is None:
            return
        name = "/".join(event.rf.features.class_path) if event.rf else envelope.source
        life = self._lives.setdefault(event.contact_id, _Life(name, envelope.time_ms))
        life.name = name
        if envelope.type.endswith("_UPDATE"):
            life.updates += 1
        elif envelope.type.endswith("_LOST"):
            self._end(life).durations_s.append((envelope.time_ms - life.began_ms) / 1000)
            del self._lives[event.contact_id]

    def _end(self, life: _Life) -> ClassSummary:
        row = self.classes.setdefault(life.name, ClassSummary())
        row.contacts += 1
        row.updates += life.updates
        return row

    def result(self) -> dict[str, object]:
        """The summary as plain values; contacts that are still alive count, without a duration."""
        alive = len(self._lives)
        for life in self._lives.values():
            self._end(life)
        self._lives.clear()
        span_ms = 0 if self.first_ms is None or self.last_ms is None else self.last_ms - self.first_ms
        return {
            "events": dict(self.events),
            "simulated_events": self.simulated,
            "unreadable_lines": self.unreadable,
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "span_s": span_ms / 1000,
            "alive_at_end": alive,
            "classes": {
                name: {
                    "contacts": row.contacts,
                    "updates": row.updates,
                    "median_duration_s": statistics.median(row.durations_s) if row.durations_s else None,
                    "longest_duration_s": max(row.durations_s) if row.durations_s else None,
                }
                for name, row in sorted(self.classes.items(), key=lambda pair: (-pair[1].contacts, pair[0]))
            },
        }


def _seconds(value: object) -> str:
    return "-" if value is None else f"{value:.1f} s"


@click.command("stats")
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(logs: tuple[Path, ...], as_json: bool) -> None:
    """Summarise event LOGS: events by type, contacts by class, how long they lived."""
    summary = Summary()
    summary.feed(read_events(logs))
    result = summary.result()
    if as_json:
        click.echo(msgspec.json.encode(result).decode())
        return
    click.echo(
        f"{sum(summary.events.values())} events in {_seconds(result['span_s'])}, "
        f"{result['simulated_events']} of them simulated, {result['unreadable_lines']} lines unreadable"
    )
    for kind, count in sorted(summary.events.items()):
        click.echo(f"  {kind:<24}{count:>8}")
    click.echo(f"{'class':<40}{'contacts':>9}{'updates':>9}{'median':>11}{'longest':>11}")
    for name, row in summary.classes.items():
        longest = max(row.durations_s, default=None)
        median = statistics.median(row.durations_s) if row.durations_s else None
        click.echo(f"{name:<40}{row.contacts:>9}{row.updates:>9}{_seconds(median):>11}{_seconds(longest):>11}")
    click.echo(f"{result['alive_at_end']} contacts alive at the end")
