"""`ndefender run`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import msgspec

from ndefender.cli.options import ALLOW_UNSAFE, NOT_SETTINGS, config_option, environment
from ndefender.config.load import find_config, load_settings
from ndefender.runtime.run import run


@click.command("run")
@config_option
@click.option(
    "--demo", is_flag=True, help="Let emulated peers stand in for the parts that this host does not have, and say so."
)
def command(config: Path | None, demo: bool) -> None:
    """Scan, track and serve until Ctrl-C or SIGTERM.

    With the built-in configuration the radio is an emulated one that plays a simulated scene, and everything it leads
    to is marked `simulated`. Set radio.uri for a real one.
    """
    settings = load_settings(config, environment())
    if os.environ.get(ALLOW_UNSAFE, "").lower() == "true":
        safety = msgspec.structs.replace(settings.safety, allow_unsafe_operations=True)
        settings = msgspec.structs.replace(settings, safety=safety)
    for name in NOT_SETTINGS:  # a reload reads the environment again, in a child
        os.environ.pop(name, None)
    path = find_config(config)
    sys.exit(run(settings, None if path is None else path.absolute(), demo=demo))
