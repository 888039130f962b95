"""One life of a connection to the message bus: calls and their answers, signals, and calls from others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from ndefender.system.backend import Offline
from ndefender.system.peers import DBUS

DBUS_PATH = "/org/freedesktop/DBus"
GONE = "the message bus went away"

Listener = Callable[[Message], None]
Answer = Callable[[Message], Message]


@dataclass(frozen=True)
class Match:
    """Which signals of a service are of interest.

    Args:
        interface, member: of the signal.
        path: of the object that sends it, empty for any.
        arg0: its first argument, empty for any. For PropertiesChanged: the interface whose properties changed.
    """

    interface: str
    member: str
    path: str = ""
    arg0: str = ""

    def rule(self, sender: str) -> str:
        """As the bus wants to be told."""
        parts = {
            "type": "signal",
            "sender": sender,
            "interface": self.interface,
            "member": self.member,
            "path": self.path,
            "arg0": self.arg0,
        }
        return ",".join(f"{key}='{value}'" for key, value in parts.items() if value)

    def fits(self, message: Message) -> bool:
        """Whether a signal is one of these. The sender was the bus's to check."""
        return (
            message.interface == self.interface
            and message.member == self.member
            and self.path in {"", message.path}
            and (not self.arg0 or (bool(message.body) and message.body[0] == self.arg0))
        )


class Connection(MessageBus):
    """The library's connection, but for the future of a message that cannot be written.

    The library sets its exception and then raises from `send`, so that nobody has the future to look at it and the
    loop complains of an exception that was never retrieved.
    """

    # Any: the library's own classes disagree on what this gives, None in one and a future in the other.
    def send(self, msg: Message) -> Any:
        """Send a message; gives the future of its writing. Raises OSError where the connection breaks over it."""
        if not msg.serial:
            msg.serial = self.next_serial()
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.add_done_callback(_forget)
        if self._writer is None:
            raise ConnectionError(GONE)
        self._writer.schedule_write(msg, sent)
        return sent


class Link:
    """A connected message bus.

    Keeps its own table of calls that wait for an answer, so that one that is given up leaves nothing behind.

    Args:
        bus: connected.
    """

    def __init__(self, bus: Connection) -> None:
        self._bus = bus
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._listeners: dict[Listener, Callable[[], None]] = {}
        self._answers: dict[str, Answer] = {}
        self._pinger: asyncio.Task[None] | None = None
        bus.add_message_handler(self._take)
        disconnected: Callable[[], Coroutine[Any, Any, None]] = bus.wait_for_disconnect
        self._end = asyncio.ensure_future(disconnected())
        self._end.add_done_callback(self._ended)

    @property
    def alive(self) -> bool:
        """Whether calls can be sent."""
        return bool(self._bus.connected) and not self._end.done()

    def _take(self, message: Message) -> Message | bool | None:
        if message.message_type in {MessageType.METHOD_RETURN, MessageType.ERROR}:
            future = self._waiting.pop(message.reply_serial or 0, None)
            if future is not None and not future.done():
                future.set_result(message)
            return True
        if message.message_type is MessageType.SIGNAL:
            for listener in tuple(self._listeners):
                listener(message)
            return None
        answer = self._answers.get(message.path or "")
        return None if answer is None else answer(message)

    def _ended(self, end: asyncio.Future[None]) -> None:
        if not end.cancelled():
            # Whatever ended it, the reaction is the same: everybody who waits is told, and the next call reconnects.
            end.exception()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Offline(GONE))
        self._waiting.clear()
        for gone in tuple(self._listeners.values()):
            gone()

    def tell(self, message: Message) -> None:
        """Send a message and forget it. Raises Offline where the connection is lost."""
        if not self.alive:
            raise Offline(GONE)
        try:
            self._bus.send(message)
        except OSError as error:
            raise Offline(GONE) from error

    async def ask(self, message: Message) -> Message:
        """Send a call and wait for its answer, an error or not. Not bounded in time; cancelling leaves nothing behind.

        Raises:
            Offline: the connection is lost.
        """
        message.serial = self._bus.next_serial()
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[message.serial] = future
        try:
            self.tell(message)
            return await future
        finally:
            self._waiting.pop(message.serial, None)

    async def daemon(self, member: str, signature: str, body: Sequence[object]) -> Message:
        """Call the bus itself. Raises Offline where the connection is lost."""
        return await self.ask(_to_daemon(member, signature, body))

    @contextmanager
    def listening(self, rules: Sequence[str], heard: Listener, gone: Callable[[], None]) -> Iterator[None]:
        """Have signals delivered; the rules themselves are asked for by the caller, and withdrawn here.

        Args:
            rules: what the caller asks the bus for.
            heard: called with every signal that arrives, whoever asked for it.
            gone: called when the connection is lost.
        """
        self._listeners[heard] = gone
        try:
            yield
        finally:
            self._listeners.pop(heard, None)
            for rule in rules:
                if self.alive:
                    self.tell(_to_daemon("RemoveMatch", "s", [rule], MessageFlag.NO_REPLY_EXPECTED))

    @contextmanager
    def answering(self, path: str, answer: Answer) -> Iterator[None]:
        """Be an object that others call. `answer` is quick and never raises."""
        self._answers[path] = answer
        try:
            yield
        finally:
            self._answers.pop(path, None)

    def suspect(self, limit_s: float) -> None:
        """A call was not answered: find out whether the bus itself still does, and hang up if not."""
        if self._pinger is None or self._pinger.done():
            self._pinger = asyncio.ensure_future(self._ping(limit_s))

    async def _ping(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self.daemon("GetId", "", [])
        except (TimeoutError, Offline):
            self.hang_up()

    def hang_up(self) -> None:
        """Disconnect. Everybody who waits is told."""
        if self.alive:
            self._bus.disconnect()

    async def close(self) -> None:
        """Disconnect and wait until that is done."""
        self.hang_up()
        if self._pinger is not None:
            self._pinger.cancel()
        await asyncio.wait([self._end], timeout=1.0)


def _to_daemon(member: str, signature: str, body: Sequence[object], flags: MessageFlag = MessageFlag.NONE) -> Message:
    return Message(
        destination=DBUS.name,
        path=DBUS_PATH,
        interface=DBUS.name,
        member=member,
        signature=signature,
        body=list(body),
        flags=flags,
    )


def _forget(sent: asyncio.Future[None]) -> None:
    if not sent.cancelled():
        # A failed write also ends the connection, which tells everybody who waits.
        sent.exception()
