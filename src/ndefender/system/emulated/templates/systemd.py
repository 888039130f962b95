"""python-dbusmock's systemd with what it lacks: units by name, restarts, and signals for subscribers only."""

from __future__ import annotations

import importlib
from typing import Any

# Run by Debian's interpreter, which has dbus-python and dbusmock; nothing of ours is on its path.
dbus = importlib.import_module("dbus")
mockobject = importlib.import_module("dbusmock.mockobject")

BUS_NAME = "org.freedesktop.systemd1"
MAIN_OBJ = "/org/freedesktop/systemd1"
MAIN_IFACE = "org.freedesktop.systemd1.Manager"
UNIT = "org.freedesktop.systemd1.Unit"
SERVICE = "org.freedesktop.systemd1.Service"
MOCK = "org.freedesktop.DBus.Mock"
SYSTEM_BUS = True
PROPERTIES = "org.freedesktop.DBus.Properties"


def load(mock: Any, parameters: dict[str, Any]) -> None:
    """Called by dbusmock."""
    mock.AddTemplate("systemd", parameters)
    mock.subscribed = False
    mock.AddMethod(MAIN_IFACE, "Subscribe", "", "", subscribe)
    mock.AddMethod(MAIN_IFACE, "ListUnitsByNames", "as", "a(ssssssouso)", list_units_by_names)
    mock.AddMethod(MAIN_IFACE, "RestartUnit", "ss", "o", restart_unit)
    mock.AddMethod(MOCK, "PutUnit", "sssu", "", put_unit)


def escaped(name: str) -> str:
    """A unit's name as systemd makes an object path of it."""
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(c if c in plain and not (i == 0 and c.isdigit()) else f"_{ord(c):02x}" for i, c in enumerate(name))


def subscribe(mock: Any) -> None:
    """Signals are sent from now on."""
    mock.subscribed = True


def put_unit(mock: Any, name: str, active: str, sub: str, restarts: int) -> None:
    """Add a unit, or change one."""
    path = f"{MAIN_OBJ}/unit/{escaped(str(name))}"
    unit = {"ActiveState": dbus.String(active), "SubState": dbus.String(sub)}
    service = {"NRestarts": dbus.UInt32(restarts)}
    if str(name) not in mock.units:
        mock.units[str(name)] = path
        fixed = {"Id": name, "Names": [name], "LoadState": "loaded", "Description": f"Emulated {name}"}
        mock.AddObject(path, UNIT, {**fixed, **unit}, [])
        mockobject.objects[path].AddProperties(SERVICE, service)
        return
    for interface, values in ((UNIT, unit), (SERVICE, service)):
        mockobject.objects[path].props[interface].update(values)
        if mock.subscribed:
            mockobject.objects[path].EmitSignal(
                PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, dbus.Dictionary(values, signature="sv"), []]
            )


def list_units_by_names(mock: Any, names: list[str]) -> list[Any]:
    """Rows of units; those that do not exist are `not-found`, as systemd has it."""
    rows = []
    for name in names:
        path = mock.units.get(str(name))
        if path is None:
            path, load, active, sub = f"{MAIN_OBJ}/unit/{escaped(str(name))}", "not-found", "inactive", "dead"
        else:
            props = mockobject.objects[path].props[UNIT]
            load, active, sub = props["LoadState"], props["ActiveState"], props["SubState"]
        job = (dbus.UInt32(0), "", dbus.ObjectPath("/"))
        rows.append((name, f"Emulated {name}", load, active, sub, "", dbus.ObjectPath(path), *job))
    return rows


def restart_unit(mock: Any, name: str, _mode: str) -> Any:
    """The unit goes through deactivating and activating; its automatic restarts count from 0 again."""
    if str(name) not in mock.units:
        raise dbus.exceptions.DBusException(f"Unit {name} not found.", name="org.freedesktop.systemd1.NoSuchUnit")
    put_unit(mock, name, "deactivating", "stop-sigterm", 0)
    put_unit(mock, name, "activating", "start", 0)
    put_unit(mock, name, "active", "running", 0)
    mock.next_job_id += 1
    return dbus.ObjectPath(f"{MAIN_OBJ}/job/{mock.next_job_id}")
