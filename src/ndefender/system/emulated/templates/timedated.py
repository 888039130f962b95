"""python-dbusmock's timedated as it is."""

from __future__ import annotations

from typing import Any

BUS_NAME = "org.freedesktop.timedate1"
MAIN_OBJ = "/org/freedesktop/timedate1"
MAIN_IFACE = "org.freedesktop.timedate1"
SYSTEM_BUS = True


def load(mock: Any, parameters: dict[str, Any]) -> None:
    """Called by dbusmock."""
    mock.AddTemplate("timedated", parameters)
