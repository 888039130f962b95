"""`ndefender check-config`."""

from __future__ import annotations

from pathlib import Path

import click

from ndefender.cli.options import environment, named_config
from ndefender.cli.toml import to_toml
from ndefender.config.load import describe, load_settings


@click.command("check-config")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def command(file: Path | None) -> None:
    """Show the effective configuration as TOML: FILE, the environment over it, defaults for the rest.

    Without FILE, as --config of the other commands. If anything is wrong with it, every problem is named; exit code 78.
    """
    click.echo(to_toml(describe(load_settings(file or named_config(), environment()))), nl=False)
