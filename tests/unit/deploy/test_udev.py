from __future__ import annotations

import re
from pathlib import Path

from ndefender.ingest.esp32_discovery import USB_IDS

RULES = Path(__file__).parents[3] / "deploy" / "udev" / "60-ndefender.rules"
PART = re.compile(r'[A-Z]+(\{\w+\})?(==|\+=|=)"[^"]*"')


def rules() -> list[str]:
    lines = RULES.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_every_usb_id_that_is_looked_for_has_the_stable_name_and_the_group() -> None:
    for vendor, product in USB_IDS:
        [rule] = [line for line in rules() if f'"{vendor:04x}"' in line and f'"{product:04x}"' in line]
        assert 'SYMLINK+="ndefender-panel"' in rule
        assert 'GROUP="dialout"' in rule


def test_the_ups_bus_belongs_to_its_group() -> None:
    [rule] = [line for line in rules() if 'SUBSYSTEM=="i2c-dev"' in line]
    assert 'GROUP="i2c"' in rule


def test_every_rule_is_well_formed() -> None:
    assert all(PART.fullmatch(part) for rule in rules() for part in rule.split(", "))
