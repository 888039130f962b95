"""python-dbusmock's BlueZ with what it lacks: power that can be off, pairing that asks the caller's agent."""

from __future__ import annotations

import importlib
from typing import Any

dbus = importlib.import_module("dbus")
mockobject = importlib.import_module("dbusmock.mockobject")

BUS_NAME = "org.bluez"
MAIN_OBJ = "/"
SYSTEM_BUS = True
IS_OBJECT_MANAGER = True
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
AGENT = "org.bluez.Agent1"
AGENT_MANAGER = "org.bluez.AgentManager1"
MOCK = "org.freedesktop.DBus.Mock"
PROPERTIES = "org.freedesktop.DBus.Properties"


def load(mock: Any, parameters: dict[str, Any]) -> None:
    """Called by dbusmock."""
    mock.AddTemplate("bluez5", parameters)
    manager = mockobject.objects["/org/bluez"]
    manager.agents = {}
    mock.AddMethod(MOCK, "PutAdapter", "ss", "", put_adapter)
    mock.AddMethod(MOCK, "PutDevice", "ssns", "", put_device)
    # dbusmock's own do not know who called; an agent has to be asked where it registered.
    register = dbus.service.method(AGENT_MANAGER, in_signature="os", out_signature="", sender_keyword="sender")
    manager.methods[AGENT_MANAGER]["RegisterAgent"] = ("os", "", "", register(register_agent))
    unregister = dbus.service.method(AGENT_MANAGER, in_signature="o", out_signature="", sender_keyword="sender")
    manager.methods[AGENT_MANAGER]["UnregisterAgent"] = ("o", "", "", unregister(unregister_agent))


def fail(name: str, text: str) -> Exception:
    """One of BlueZ's errors."""
    error: Exception = dbus.exceptions.DBusException(text, name=f"org.bluez.Error.{name}")
    return error


def register_agent(self: Any, path: str, capability: str, sender: str) -> None:
    """Remember whom to ask."""
    if sender in self.agents:
        raise fail("AlreadyExists", "Already Exists")
    self.agents[sender] = (path, capability)


def unregister_agent(self: Any, path: str, sender: str) -> None:
    """Forget whom to ask."""
    if self.agents.get(sender, ("",))[0] != path:
        raise fail("DoesNotExist", "Does Not Exist")
    del self.agents[sender]


def put_adapter(mock: Any, name: str, alias: str) -> None:
    """Add an adapter that is on."""
    mock.AddAdapter(name, alias)
    adapter = mockobject.objects[f"/org/bluez/{name}"]
    adapter.AddMethod(ADAPTER, "StartDiscovery", "", "", start_discovery)
    adapter.AddMethod(ADAPTER, "StopDiscovery", "", "", stop_discovery)


def put_device(mock: Any, address: str, name: str, rssi: int, pin: str) -> None:
    """Add a device of the first adapter; it wants that PIN, none if empty."""
    path = str(mock.AddDevice("hci0", address, name))
    device = mockobject.objects[path]
    device.pin = str(pin)
    device.props[DEVICE]["RSSI"] = dbus.Int16(rssi, variant_level=1)
    decorate = dbus.service.method(
        DEVICE, in_signature="", out_signature="", sender_keyword="sender", async_callbacks=("done", "failed")
    )
    device.methods[DEVICE]["Pair"] = ("", "", "", decorate(pair))


def say(thing: Any, interface: str, values: dict[str, Any]) -> None:
    """Set properties and signal them."""
    thing.props[interface].update(values)
    thing.EmitSignal(
        PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, dbus.Dictionary(values, signature="sv"), []]
    )


def start_discovery(adapter: Any) -> None:
    """Discovery needs power, and is not begun twice."""
    if not adapter.props[ADAPTER]["Powered"]:
        raise fail("NotReady", "Resource Not Ready")
    if adapter.props[ADAPTER]["Discovering"]:
        raise fail("InProgress", "Operation already in progress")
    say(adapter, ADAPTER, {"Discovering": dbus.Boolean(True)})


def stop_discovery(adapter: Any) -> None:
    """Only what was begun can be stopped."""
    if not adapter.props[ADAPTER]["Discovering"]:
        raise fail("Failed", "No discovery started")
    say(adapter, ADAPTER, {"Discovering": dbus.Boolean(False)})


def pair(self: Any, sender: str, done: Any, failed: Any) -> None:
    """Ask the agent of the caller for the PIN, compare, and be paired or not."""
    agents = mockobject.objects["/org/bluez"].agents

    def right(pin: str = "") -> None:
        if str(pin) != self.pin:
            failed(fail("AuthenticationFailed", "Authentication Failed"))
            return
        say(self, DEVICE, {"Paired": dbus.Boolean(True)})
        done()

    if not self.pin:
        right()
    elif sender not in agents or agents[sender][1] == "NoInputNoOutput":
        failed(fail("AuthenticationFailed", "Authentication Failed"))
    else:
        connection = self.connection
        connection.call_async(
            sender,
            agents[sender][0],
            AGENT,
            "RequestPinCode",
            "o",
            (dbus.ObjectPath(self.path),),
            right,
            lambda error: failed(fail("AuthenticationRejected", "Authentication Rejected")),
        )
