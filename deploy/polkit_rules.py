"""Prints the polkit rules for a configuration: `polkit_rules.py RULES CONFIG`. Run with the service's Python."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from ndefender.config.load import load_settings
from ndefender.errors import ConfigError
from ndefender.system.units import unit_name

UNITS = re.compile(r"(?<=    var UNITS = )\[.*\](?=;\n)")


def rules_for(rules: str, config: Path) -> str:
    """The shipped rules, with the units that a configuration names and no others.

    Args:
        rules: the text as shipped.
        config: file of the configuration; the environment does not count, it is not that of the service.
    Raises:
        ConfigError: the configuration cannot be used.
        ValueError: the rules do not have exactly one list of units.
    """
    settings = load_settings(config, {})
    names = list(dict.fromkeys(unit_name(name) for name in [*settings.host.units, settings.gps.unit]))
    text, count = UNITS.subn(lambda _: json.dumps(names), rules)
    if count != 1:
        raise ValueError("the rules do not have one list of units")
    return text


def main(rules: str, config: str) -> int:
    """Print them; 78 where the configuration is wrong."""
    try:
        sys.stdout.write(rules_for(Path(rules).read_text(encoding="utf-8"), Path(config)))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 78
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
