"""The rights that the D-Bus backends need, one row for each thing they do that an ordinary user may not.

`deploy/polkit/49-ndefender.rules` grants the polkit actions, `deploy/dbus/ndefender-bluetooth.conf` the way to BlueZ,
which asks no polkit. Tests hold both against this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

POLKIT_RULES = "deploy/polkit/49-ndefender.rules"
BLUETOOTH_POLICY = "deploy/dbus/ndefender-bluetooth.conf"


@dataclass(frozen=True)
class Need:
    """One right.

    Args:
        what: interface and method, or interface and property that is set.
        action: polkit's name of it.
        details: what the service tells polkit beside it; `{unit}` stands for a unit of the configuration.
    """

    what: str
    action: str
    details: Mapping[str, str] = field(default_factory=dict)


_NM = "org.freedesktop.NetworkManager"
_LOGIN = "org.freedesktop.login1"

NEEDS = (
    Need(
        "org.freedesktop.systemd1.Manager.RestartUnit",
        "org.freedesktop.systemd1.manage-units",
        {"unit": "{unit}", "verb": "restart"},
    ),
    Need(f"{_LOGIN}.Manager.Reboot", f"{_LOGIN}.reboot"),
    Need(f"{_LOGIN}.Manager.Reboot", f"{_LOGIN}.reboot-multiple-sessions"),
    Need(f"{_LOGIN}.Manager.PowerOff", f"{_LOGIN}.power-off"),
    Need(f"{_LOGIN}.Manager.PowerOff", f"{_LOGIN}.power-off-multiple-sessions"),
    Need(f"{_NM}.WirelessEnabled", f"{_NM}.enable-disable-wifi"),
    Need(f"{_NM}.Device.Wireless.RequestScan", f"{_NM}.wifi.scan"),
    Need(f"{_NM}.ActivateConnection", f"{_NM}.network-control"),
    Need(f"{_NM}.Device.Disconnect", f"{_NM}.network-control"),
    Need(f"{_NM}.AddAndActivateConnection", f"{_NM}.network-control"),
    Need(f"{_NM}.AddAndActivateConnection", f"{_NM}.settings.modify.system"),
    Need(f"{_NM}.Settings.Connection.Update", f"{_NM}.settings.modify.system"),
    Need(f"{_NM}.Settings.Connection.Delete", f"{_NM}.settings.modify.system"),
)


def missing_right(what: str) -> str:
    """Which right is missing where `what` was refused, empty where this table does not know it.

    Args:
        what: interface and method, or interface and property that was to be set.
    """
    actions = [need.action for need in NEEDS if need.what == what]
    if actions:
        return f"polkit refuses {' and '.join(actions)} to this user; {POLKIT_RULES} grants it"
    if what.startswith("org.bluez."):
        return f"this user may not talk to BlueZ; {BLUETOOTH_POLICY} or membership of the group bluetooth allows it"
    return ""
