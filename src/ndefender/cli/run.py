"""`ndefender run`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ndefender.cli.options import NOT_SETTINGS, config_option, environment
from ndefender.config.load import find_config, load_settings
from ndefender.runtime.run import run


@click.command("run")
@config_option
def command(config: Path | None) -> None:
    """Scan, track and serve until Ctrl-C or SIGTERM.

    With the built-in configuration the radio is an emulated one that plays a simulated scene, and everything it leads
    to is marked `simulated`. Set radio.uri for a real one.
    """
    settings = load_settings(config, environment())
    for name in NOT_SETTINGS:  # a reload reads the environment again, in a child
        os.environ.pop(name, None)
    path = find_config(config)
    sys.exit(run(settings, None if path is None else path.absolute()))
