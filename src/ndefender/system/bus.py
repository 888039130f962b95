"""The system bus: calls that are bounded in time, signals as wake-ups, and a connection that comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from dbus_fast import BusType, Message, MessageFlag, MessageType, Variant
from dbus_fast.errors import DBusFastError
from dbus_fast.unpack import unpack_variants

from ndefender.system.actions import missing_right
from ndefender.system.backend import Offline
from ndefender.system.bounded import plain
from ndefender.system.link import DBUS_PATH, GONE, Answer, Connection, Link, Match
from ndefender.system.peers import DBUS, BusError, Denied, Objects, Peer, Props

PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
ABSENT = frozenset(
    f"org.freedesktop.DBus.Error.{name}" for name in ("ServiceUnknown", "NameHasNoOwner", "Disconnected")
)
# What the bus answers where it should have started a service and could not.
CANNOT_START = ("org.freedesktop.DBus.Error.Spawn.", "org.freedesktop.systemd1.")
DENIED = frozenset(
    {
        "org.freedesktop.DBus.Error.AccessDenied",
        "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
        "org.freedesktop.DBus.Error.AuthFailed",
        "org.freedesktop.NetworkManager.PermissionDenied",
        "org.freedesktop.NetworkManager.Settings.PermissionDenied",
        "org.freedesktop.NetworkManager.AgentManager.PermissionDenied",
        "org.bluez.Error.NotAuthorized",
    }
)
# What a bus that is absent, refuses, or speaks another protocol makes the library raise.
CONNECT_ERRORS = (OSError, EOFError, DBusFastError, AttributeError, ValueError)


class SystemBus:
    """One connection to the message bus, made when it is needed and again when it was lost.

    Args:
        address: D-Bus address, empty for the system bus.
        call_timeout_s: longest wait for an answer, and for the connection.
    """

    def __init__(self, address: str = "", call_timeout_s: float = 1.5) -> None:
        self._address = address
        self._call_timeout_s = call_timeout_s
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None
        self._closed = False

    async def _connect(self) -> Link:
        try:
            async with asyncio.timeout(self._call_timeout_s):
                bus = Connection(bus_address=self._address or None, bus_type=BusType.SYSTEM)
                await bus.connect()
        except TimeoutError:
            raise Offline(f"the message bus did not answer within {self._call_timeout_s:g} s") from None
        except CONNECT_ERRORS as error:
            raise Offline(f"no message bus: {str(error) or type(error).__name__}") from error
        self._link = Link(bus)
        return self._link

    async def _linked(self) -> Link:
        if self._closed:
            raise Offline("the connection to the message bus was closed")
        if self._link is not None and self._link.alive:
            return self._link
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.ensure_future(self._connect())
            self._connecting.add_done_callback(_retrieved)
        # Shared by all who wait; one who is cancelled does not take it from the others.
        return await asyncio.shield(self._connecting)

    async def call(
        self,
        peer: Peer,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[object] = (),
        *,
        reply: str = "",
        timeout_s: float | None = None,
    ) -> list[Any]:
        """Call a method.

        Args:
            peer: the service.
            path: the object.
            interface, member: the method.
            signature, body: its arguments. Never part of an error's text, so that secrets stay where they belong.
            reply: the signature its answer must have.
            timeout_s: longest wait, seconds; None for the usual.
        Returns:
            The answer's arguments, variants and all.
        Raises:
            Offline: no bus, no such service, no answer in time, or not the answer it must be.
            Denied: the user may not do that.
            BusError: the service answered with any other error.
        """
        link = await self._linked()
        limit_s = self._call_timeout_s if timeout_s is None else timeout_s
        message = Message(
            destination=peer.name,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            flags=MessageFlag.NONE if peer.starts else MessageFlag.NO_AUTOSTART,
        )
        try:
            async with asyncio.timeout(limit_s):
                answer = await link.ask(message)
        except TimeoutError:
            link.suspect(self._call_timeout_s)
            raise Offline(f"{peer.title} did not answer within {limit_s:g} s") from None
        if answer.message_type is MessageType.ERROR:
            raise _error(peer, interface, member, body, answer)
        if answer.signature != reply:
            raise Offline(f"{peer.title} answers nonsense: {member} gives {answer.signature!r}, not {reply!r}")
        return list(answer.body)

    async def properties(self, peer: Peer, path: str, interface: str, *, timeout_s: float | None = None) -> Props:
        """All properties of an object's interface. Raises as `call`."""
        body = [interface]
        (values,) = await self.call(peer, path, PROPERTIES, "GetAll", "s", body, reply="a{sv}", timeout_s=timeout_s)
        return Props(peer, path, unpack_variants(values))

    async def set(self, peer: Peer, path: str, interface: str, name: str, value: Variant) -> None:
        """Set a property. Raises as `call`."""
        await self.call(peer, path, PROPERTIES, "Set", "ssv", [interface, name, value])

    async def objects(self, peer: Peer, path: str) -> Objects:
        """All objects of a service. Raises as `call`."""
        (tree,) = await self.call(peer, path, OBJECT_MANAGER, "GetManagedObjects", reply="a{oa{sa{sv}}}")
        return Objects(peer, unpack_variants(tree))

    async def watch(
        self, peer: Peer, matches: Sequence[Match], hello: Callable[[], Awaitable[object]] | None = None
    ) -> AsyncIterator[None]:
        """Yield once when it is listened to, and then whenever a service signals a change, comes or goes.

        Args:
            peer: the service. It need not be there yet.
            matches: signals that mean a change.
            hello: what must be said to it before it signals, once for each of its lives.
        Raises:
            Offline: there is no bus, or no more.
        """
        owner = Match(DBUS.name, "NameOwnerChanged", DBUS_PATH, peer.name)
        rules = [owner.rule(DBUS.name), *(match.rule(peer.name) for match in matches)]
        wake = asyncio.Event()
        comes = True

        def heard(message: Message) -> None:
            nonlocal comes
            if owner.fits(message):
                comes = comes or bool(message.body[2])
                wake.set()
            elif any(match.fits(message) for match in matches):
                wake.set()

        link = await self._linked()
        with link.listening(rules, heard, wake.set):
            try:
                async with asyncio.timeout(self._call_timeout_s):
                    for rule in rules:
                        await link.daemon("AddMatch", "s", [rule])
            except TimeoutError:
                link.suspect(self._call_timeout_s)
                raise Offline(f"the message bus did not answer within {self._call_timeout_s:g} s") from None
            # What changed before the rules were in force was not heard.
            wake.set()
            while link.alive:
                await wake.wait()
                wake.clear()
                if not link.alive:
                    break
                if comes and hello is not None:
                    # A service that is not there is greeted when it comes; one that hangs is found out by reading it.
                    with suppress(Offline, BusError):
                        await hello()
                comes = False
                yield
        raise Offline(GONE)

    @asynccontextmanager
    async def answering(self, peer: Peer, path: str, answer: Answer) -> AsyncIterator[None]:
        """Be an object that one service, and nobody else, may call.

        Args:
            peer: the only one that is answered; others get AccessDenied.
            path: of the object.
            answer: quick, never raises.
        Raises:
            Offline: the service is not there.
        """
        registry = Peer(DBUS.name, peer.title)
        (owner,) = await self.call(registry, DBUS_PATH, DBUS.name, "GetNameOwner", "s", [peer.name], reply="s")
        link = await self._linked()

        def guarded(message: Message) -> Message:
            if message.sender != owner:
                return Message.new_error(message, "org.freedesktop.DBus.Error.AccessDenied", "not for you")
            return answer(message)

        with link.answering(path, guarded):
            yield

    async def close(self) -> None:
        """Disconnect for good. Safe to call twice."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._link is not None:
            await self._link.close()


def _error(peer: Peer, interface: str, member: str, body: Sequence[object], answer: Message) -> Offline | BusError:
    name = answer.error_name or ""
    # A foreign text, which may be a traceback of many lines.
    text = plain(answer.body[0]) if answer.body and isinstance(answer.body[0], str) else ""
    if name in ABSENT:
        return Offline(f"{peer.title} is not running")
    if peer.starts and name.startswith(CANNOT_START):
        return Offline(f"{peer.title} cannot be started: {text or name}")
    if name == "org.freedesktop.DBus.Error.NoReply":
        return Offline(f"{peer.title} went away without an answer")
    if name in DENIED:
        set_property = body[1] if (interface, member) == (PROPERTIES, "Set") else None
        what = f"{body[0]}.{set_property}" if set_property else f"{interface}.{member}"
        return Denied(peer, name, missing_right(what) or text or "access denied")
    return BusError(peer, name, text)


def _retrieved(task: asyncio.Task[Link]) -> None:
    if not task.cancelled():
        # Those who waited for it have it; where nobody waits any more, the next call connects again.
        task.exception()
