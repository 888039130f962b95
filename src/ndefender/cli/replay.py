"""`ndefender replay`: a log, sent out again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import click

from ndefender.cli.eventlog import Event, Problem, read_events


def paced(
    events: Iterable[Event], speed: float, now_s: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[Event]:
    """Yield events when they are due.

    Args:
        events: in the order of the log. One that is stamped earlier than the one before it (a clock step) is due at
            once, and time goes on from there.
        speed: 2 is twice as fast as it happened; 0 is as fast as it goes.
        now_s: a monotonic clock.
        sleep: waits for so many seconds.
    """
    due_s = now_s()
    before_ms: int | None = None
    for event in events:
        if speed > 0 and before_ms is not None:
            due_s += max(event.envelope.time_ms - before_ms, 0) / 1000 / speed
            if (wait_s := due_s - now_s()) > 0:
                sleep(wait_s)
        before_ms = event.envelope.time_ms
        yield event


def _good(items: Iterable[Event | Problem]) -> Iterator[Event]:
    for item in items:
        if isinstance(item, Problem):
            click.echo(f"skipped {item}", err=True)
        else:
            yield item


@click.command("replay")
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--speed", type=click.FloatRange(min=0), default=1.0, show_default=True, help="0: as fast as it goes.")
@click.option(
    "--output",
    type=click.File("ab", lazy=False),
    default="-",
    help="Append to this file.",
    show_default="standard output",
)
def command(log: Path, speed: float, output: BinaryIO) -> None:
    """Send the events of LOG out again, byte for byte, at their own pace or another.

    Lines that are no events are skipped, with a word on standard error.
    """
    for event in paced(_good(read_events([log])), speed, time.monotonic, time.sleep):
        output.write(event.raw + b"\n")
        output.flush()
