"""`ndefender …`: the table of commands, and how their errors end."""

from __future__ import annotations

import importlib
import sys
from typing import IO, Any

import click

from ndefender.errors import ConfigError, NdefenderError
from ndefender.runtime.exits import EXIT_CONFIG

# name: (file in this room, one line of help). The file's `command` is imported only when it is asked for.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Scan, track and serve until stopped."),
    "scan": ("scan", "Analyse a recording at full speed; JSON lines on standard output."),
    "emulate": ("emulate", "Stand in for a device."),
    "record": ("record", "Record the radio to a SigMF pair."),
    "replay": ("replay", "Send an event log out again, at its own pace or another."),
    "remoteid": ("remoteid", "Hear the Remote ID in a capture again; JSON lines on standard output."),
    "validate": ("validate", "Check event logs line by line."),
    "stats": ("stats", "Summarise event logs."),
    "check-config": ("check_config", "Show the effective configuration, or what is wrong with it."),
    "doctor": ("doctor", "Say what this machine lacks and how to get it."),
    "version": ("version", "Show the version."),
}


class Failure(click.ClickException):
    """An error of the tree, shown as a line instead of a traceback. Exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message to standard error."""
        click.echo(f"ndefender: {self.message}", err=True, file=file)


class ConfigFailure(Failure):
    """A configuration that cannot be used, a line a problem. `EX_CONFIG` of sysexits.h: no restart would cure it."""

    exit_code = EXIT_CONFIG


class Commands(click.Group):
    """A group that imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is none of that name."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        command = importlib.import_module(f"ndefender.cli.{row[0]}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands for `--help` without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[1]) for name, row in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of the tree become one line and an exit code."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise ConfigFailure(str(error)) from error
        except NdefenderError as error:
            raise Failure(" ".join(str(error).split())) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Hear drones: scan the radio bands, track what is there, tell everyone who asks."""


def main() -> None:
    """Entry point of the installed program; ends the process."""
    sys.exit(cli.main(prog_name="ndefender"))
