"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

CONFIG_NAME = "config.toml"
CONFIG_VARIABLE = "NDEFENDER_CONFIG"


def find_config() -> Path | None:
    """The file named by NDEFENDER_CONFIG, else `config.toml` of the working directory, else None: built-in defaults."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    here = Path(CONFIG_NAME)
    return here if here.is_file() else None


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--config FILE`; without it, what `find_config` finds."""
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        default=find_config,
        show_default=f"${CONFIG_VARIABLE}, else ./{CONFIG_NAME} if it is there, else built-in",
        help="Configuration file. NDEFENDER_* variables win over it.",
    )(function)


def environment() -> dict[str, str]:
    """The environment without what only the command line understands."""
    return {name: value for name, value in os.environ.items() if name != CONFIG_VARIABLE}
