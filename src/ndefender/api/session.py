"""One WebSocket session, for every API: a slow or dead client costs a bounded queue and time, and nobody else.

Three things run beside one another and the first to end ends the session: the reader (client messages are read and
ignored, so that pongs and closes are seen), the writer (see there), and the pinger. A watch cuts off a client that
answered no ping for `slow_client_s`: a pong comes after everything that was sent before its ping, so it proves that the
client takes what it is sent. The cut is a reset: what the kernel still holds for that client is freed at once.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sanic import Sanic
from sanic.exceptions import RequestCancelled, WebsocketClosed
from sanic.request import Request
from sanic.server.protocols.websocket_protocol import WebSocketProtocol
from sanic.server.websockets.impl import WebsocketImplProtocol
from websockets.exceptions import ConnectionClosed

from ndefender.api.errors import ApiError
from ndefender.api.guard import is_upgrade
from ndefender.api.ports import SocketStats, Subscription
from ndefender.api.rate import Clock
from ndefender.api.settings import ApiSettings
from ndefender.api.writer import Frame, Writer

log = logging.getLogger(__name__)

LINGER_NONE = struct.pack("ii", 1, 0)  # close() resets the connection and drops what was not taken
GONE = (ConnectionClosed, WebsocketClosed, RequestCancelled, ConnectionError)
CODE_GOING_AWAY = 1001
FAREWELL_S = 2.0  # longest time a client may take to say goodbye: below that of a stop, or it would be cut off untidily
TICKS_PER_LIMIT = 20  # how finely `slow_client_s` is watched
MAX_TICK_S = 0.5

Listen = Callable[[Request], Subscription]


class SocketCounters:
    """What became of the clients of one API's sockets."""

    def __init__(self) -> None:
        self.accepted = 0
        self.rejected = 0
        self.cut_off = 0
        self.events_sent = 0
        self._dropped = 0
        self._live: set[Subscription] = set()

    def sent(self, events: int) -> None:
        """Events were handed to a socket."""
        self.events_sent += events

    def joined(self, listening: Subscription) -> None:
        """A client's subscription began."""
        self.accepted += 1
        self._live.add(listening)

    def left(self, listening: Subscription) -> None:
        """A client's subscription ended."""
        self._live.discard(listening)
        self._dropped += listening.dropped

    def snapshot(self) -> SocketStats:
        """The counters now, those of live clients included."""
        return SocketStats(
            clients=len(self._live),
            accepted=self.accepted,
            rejected=self.rejected,
            cut_off=self.cut_off,
            events_sent=self.events_sent,
            events_dropped=self._dropped + sum(each.dropped for each in self._live),
        )


class Session:
    """One client.

    Args:
        ws: the accepted socket.
        listening: what it is sent.
        frame: builds a wire frame from a payload; the same object for equal payloads.
        settings: bounds.
        counters: shared by the API's sockets.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        ws: WebsocketImplProtocol,
        listening: Subscription,
        frame: Frame,
        *,
        settings: ApiSettings,
        counters: SocketCounters,
        clock: Clock,
    ) -> None:
        assert ws.io_proto is not None and ws.io_proto.transport is not None
        self._ws = ws
        self._transport = ws.io_proto.transport
        self._listening = listening
        self._writer = Writer(ws, listening, frame, settings.send_buffer_bytes, counters.sent)
        self._settings = settings
        self._counters = counters
        self._clock = clock
        self._heard_s = clock()
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer_bytes)

    async def run(self) -> None:
        """Serve the client until it goes, or must go."""
        watch = asyncio.create_task(self._watch())
        others = [asyncio.create_task(part()) for part in (self._read, self._write, self._ping)]
        try:
            await asyncio.wait([watch, *others], return_when=asyncio.FIRST_COMPLETED)
            if watch.done():
                self._cut_off()
        finally:
            for task in (watch, *others):
                task.cancel()
            await asyncio.gather(watch, *others, return_exceptions=True)

    async def _read(self) -> None:
        await self._until_gone(self._read_forever)

    async def _write(self) -> None:
        await self._until_gone(self._writer.run)

    async def _ping(self) -> None:
        await self._until_gone(self._ping_forever)

    @staticmethod
    async def _until_gone(part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except GONE:
            return

    async def _read_forever(self) -> None:
        while True:
            await self._ws.recv()

    async def _ping_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.ping_s)
            answered = await self._ws.ping()
            await answered
            self._heard_s = self._clock()

    async def _watch(self) -> None:
        """Return when the client took nothing for too long. Meanwhile read nothing from one that takes nothing."""
        limit_s = self._settings.slow_client_s
        tick_s = min(MAX_TICK_S, limit_s / TICKS_PER_LIMIT)
        paused = False
        while self._clock() - self._heard_s <= limit_s - tick_s:
            await asyncio.sleep(tick_s)
            if self._transport.is_closing():
                return
            full = self._transport.get_write_buffer_size() >= self._settings.send_buffer_bytes
            if full and not paused:
                self._transport.pause_reading()
            elif paused and not full:
                self._transport.resume_reading()
            paused = full

    def _cut_off(self) -> None:
        if self._transport.is_closing():
            return
        self._counters.cut_off += 1
        log.warning(
            "WebSocket client %s took nothing for %.1f s: cut off, %d events dropped",
            self._transport.get_extra_info("peername"),
            self._clock() - self._heard_s,
            self._listening.dropped,
        )
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        self._transport.abort()


class SocketEndpoint:
    """One WebSocket path of an API: its seats, and the upgrade.

    Args:
        app: the app it belongs to.
        listen: subscribes a client, before the upgrade is accepted so that nothing is missed; may raise ApiError.
        frame: builds a wire frame from a payload.
        settings: bounds.
        counters: shared by the API's sockets.
        clock: monotonic seconds.
    """

    is_websocket = True  # Sanic expects no HTTP answer from a handler that says so

    def __init__(
        self,
        app: Sanic[Any, Any],
        listen: Listen,
        frame: Frame,
        *,
        settings: ApiSettings,
        counters: SocketCounters,
        clock: Clock,
    ) -> None:
        self._app = app
        self._settings = settings
        self._counters = counters
        self._clock = clock
        self._listen = listen
        self._frame = frame
        self._taken = 0

    async def __call__(self, request: Request) -> None:
        """Upgrade and serve one client.

        Raises:
            ApiError: 426 without an upgrade, 429 `too_many_clients`, or what `listen` raises.
        """
        if not is_upgrade(request):
            raise ApiError(426, "upgrade_required", "this is a WebSocket", {"Upgrade": "websocket"})
        with self._seat():
            listening = self._listen(request)
            try:
                await self._serve(request, listening)
            finally:
                listening.close()

    async def _serve(self, request: Request, listening: Subscription) -> None:
        assert request.transport is not None
        protocol = request.transport.get_protocol()
        assert isinstance(protocol, WebSocketProtocol)
        ws = await protocol.websocket_handshake(request)
        ws.close_timeout = FAREWELL_S
        self._counters.joined(listening)
        session = Session(
            ws, listening, self._frame, settings=self._settings, counters=self._counters, clock=self._clock
        )
        task = asyncio.create_task(session.run())
        self._app.websocket_tasks.add(task)
        try:
            await task
        except asyncio.CancelledError:  # the connection is lost or the server stops: there is no answer to give
            log.debug("WebSocket session cancelled")
        finally:
            self._app.websocket_tasks.discard(task)
            self._counters.left(listening)
            ws.end_connection(CODE_GOING_AWAY)

    @contextmanager
    def _seat(self) -> Iterator[None]:
        limit = self._settings.max_clients
        if self._taken >= limit:
            self._counters.rejected += 1
            raise ApiError(
                429, "too_many_clients", f"{limit} clients are connected, which is the limit", {"Retry-After": "5"}
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
