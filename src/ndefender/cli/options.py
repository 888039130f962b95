"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

CONFIG_VARIABLE = "NDEFENDER_CONFIG"
ALLOW_UNSAFE = "NDEFENDER_ALLOW_UNSAFE"
NOT_SETTINGS = frozenset({CONFIG_VARIABLE, ALLOW_UNSAFE, "NDEFENDER_PYTHON"})  # the last is the set-up's


def named_config() -> Path | None:
    """The file that NDEFENDER_CONFIG names; None to search for one where `config.load` does."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else None


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--config FILE`; without it, what `named_config` says."""
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        default=named_config,
        show_default=f"${CONFIG_VARIABLE}, ./config.toml, /etc/ndefender/config.toml, else built-in",
        help="Configuration file. NDEFENDER_* variables win over it.",
    )(function)


def environment() -> dict[str, str]:
    """The environment without the variables that are ours but no settings."""
    return {name: value for name, value in os.environ.items() if name not in NOT_SETTINGS}
