"""`ndefender check-config`."""

from __future__ import annotations

from pathlib import Path

import click

from ndefender.cli.options import environment, find_config
from ndefender.cli.toml import to_toml
from ndefender.config.load import load_settings


@click.command("check-config")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def command(file: Path | None) -> None:
    """Show the effective configuration as TOML: FILE, the environment over it, defaults for the rest.

    Without FILE: NDEFENDER_CONFIG, else ./config.toml if it is there. If something is wrong with it, say what; exit
    code 78.
    """
    click.echo(to_toml(load_settings(file or find_config(), environment())), nl=False)
