"""`ndefender validate`: is a log what the contract says?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ndefender.cli.eventlog import Grammar, Problem, read_events


@click.command("validate")
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--continued", is_flag=True, help="The log goes on from an earlier one: ids may be alive at its start.")
def command(logs: tuple[Path, ...], continued: bool) -> None:
    """Check event LOGS line by line, in the order given (of a rotated log the oldest first).

    Every line must be an event envelope, every id must go NEW, UPDATE…, LOST, and every writer's numbers must have
    no gap. Problems go to standard output as FILE:LINE: MESSAGE. Exit code 1 if there is any.
    """
    grammar = Grammar(continued)
    lines = problems = 0
    for item in read_events(logs):
        lines += 1
        found = [item] if isinstance(item, Problem) else [Problem(item.path, item.line, m) for m in grammar.feed(item)]
        for problem in found:
            click.echo(str(problem))
        problems += len(found)
    click.echo(f"{lines} lines, {problems} problems", err=True)
    sys.exit(1 if problems else 0)
