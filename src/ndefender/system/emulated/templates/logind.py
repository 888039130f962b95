"""python-dbusmock's logind as it is: what was called can be asked of it."""

from __future__ import annotations

from typing import Any

BUS_NAME = "org.freedesktop.login1"
MAIN_OBJ = "/org/freedesktop/login1"
MAIN_IFACE = "org.freedesktop.login1.Manager"
SYSTEM_BUS = True


def load(mock: Any, parameters: dict[str, Any]) -> None:
    """Called by dbusmock."""
    mock.AddTemplate("logind", parameters)
