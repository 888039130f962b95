"""`ndefender run`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ndefender.cli.options import config_option, environment
from ndefender.config.load import load_settings
from ndefender.runtime.run import run


@click.command("run")
@config_option
def command(config: Path | None) -> None:
    """Scan, track and serve until Ctrl-C or SIGTERM.

    With the built-in configuration the radio is an emulated one that plays a simulated scene, and everything it leads
    to is marked `simulated`. Set radio.uri for a real one.
    """
    sys.exit(run(load_settings(config, environment())))
