"""The services of the host that are spoken to over D-Bus, and what can go wrong with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ndefender.errors import NdefenderError
from ndefender.system.backend import Offline


@dataclass(frozen=True)
class Peer:
    """A service on the bus.

    Args:
        name: its well-known bus name.
        title: as people call it.
        starts: the bus may start it to answer. Only for those that stop by themselves when idle; a service that its
            owner stopped is not started by looking at it.
    """

    name: str
    title: str
    starts: bool = False


DBUS = Peer("org.freedesktop.DBus", "the message bus")
SYSTEMD = Peer("org.freedesktop.systemd1", "systemd")
LOGIND = Peer("org.freedesktop.login1", "systemd-logind", starts=True)
NETWORK_MANAGER = Peer("org.freedesktop.NetworkManager", "NetworkManager")
BLUEZ = Peer("org.bluez", "BlueZ")
TIMEDATED = Peer("org.freedesktop.timedate1", "systemd-timedated", starts=True)


class BusError(NdefenderError):
    """A service answered a call with an error. Reaction of a command: it failed; of a reading: offline.

    Args:
        peer: who.
        error: the error's D-Bus name.
        text: its message.
    """

    def __init__(self, peer: Peer, error: str, text: str) -> None:
        super().__init__(f"{peer.title}: {text or error}")
        self.peer = peer
        self.error = error
        self.text = text


class Denied(BusError):
    """The service's user lacks the right to do that. Reaction: say which one."""


class CommandFailed(NdefenderError):
    """A command was accepted and did not work out. Reaction: acknowledge it with `ok: false` and the reason.

    Args:
        reason: in plain words, without secrets.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Props:
    """Properties of one interface of one object, each read as the type it must have.

    A property that is missing is None: services of different ages have different ones. One of a wrong type is
    nonsense, and nothing that comes from the service is believed then.

    Args:
        peer: whose.
        path: the object.
        values: by name, without variants.
    """

    def __init__(self, peer: Peer, path: str, values: Mapping[str, object]) -> None:
        self._peer = peer
        self._path = path
        self._values = values

    def _nonsense(self, name: str, wanted: str) -> Offline:
        found = type(self._values[name]).__name__
        return Offline(f"{self._peer.title} answers nonsense: {name} of {self._path} is {found}, not {wanted}")

    def text(self, name: str) -> str | None:
        """A string. Raises Offline for anything else."""
        value = self._values.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self._nonsense(name, "a string")

    def integer(self, name: str) -> int | None:
        """A number without a fraction. Raises Offline for anything else."""
        value = self._values.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise self._nonsense(name, "an integer")

    def flag(self, name: str) -> bool | None:
        """A truth value. Raises Offline for anything else."""
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise self._nonsense(name, "a boolean")

    def path(self, name: str) -> str | None:
        """An object path; None for `/`, which stands for no object. Raises Offline for anything else."""
        value = self.text(name)
        return None if value in {None, "", "/"} else value

    def paths(self, name: str) -> list[str]:
        """Object paths. Raises Offline for anything else."""
        value = self._values.get(name, [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return list(value)
        raise self._nonsense(name, "a list of objects")

    def octets(self, name: str) -> bytes | None:
        """A byte array. Raises Offline for anything else."""
        value = self._values.get(name)
        if value is None or isinstance(value, bytes):
            return value
        if isinstance(value, Sequence) and all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return bytes(value)
        raise self._nonsense(name, "bytes")

    def tables(self, name: str) -> list[Props]:
        """A list of dictionaries. Raises Offline for anything else."""
        value = self._values.get(name, [])
        if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            return [Props(self._peer, self._path, item) for item in value]
        raise self._nonsense(name, "a list of tables")


class Objects:
    """All objects of a service at one moment (`org.freedesktop.DBus.ObjectManager`).

    Args:
        peer: whose.
        tree: path → interface → property → value, without variants.
    """

    def __init__(self, peer: Peer, tree: Mapping[str, Mapping[str, Mapping[str, object]]]) -> None:
        self._peer = peer
        self._tree = tree

    def props(self, path: str | None, interface: str) -> Props | None:
        """Properties of an object's interface, None where it has none."""
        values = self._tree.get(path or "", {}).get(interface)
        return None if values is None else Props(self._peer, path or "", values)

    def having(self, interface: str) -> list[tuple[str, Props]]:
        """All objects with that interface, by path."""
        return [
            (path, Props(self._peer, path, interfaces[interface]))
            for path, interfaces in sorted(self._tree.items())
            if interface in interfaces
        ]
