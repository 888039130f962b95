"""What one connection may take, below HTTP: a seat among a bounded number, and a bounded time to say what it wants.

Sanic bounds the silence within a request, not the request: a client that sends a byte now and then holds on for ever.
"""

from __future__ import annotations

import logging
from asyncio import BaseTransport
from collections.abc import Callable, Collection
from typing import Any

from sanic import Sanic
from sanic.http.constants import Stage
from sanic.server.protocols.websocket_protocol import WebSocketProtocol

from ndefender.api.guard import is_loopback
from ndefender.api.rate import TokenBucket

log = logging.getLogger(__name__)

SPARE = 64  # connections that serve requests, beside those that may be sockets
SOCKETS_OF_A_CLIENT = 2  # paths that a client may have a socket on
LOGGED_PER_S = 0.2
MAX_CHECKS = 4  # looks, half a request's time-out apart, at which one and the same request may still be coming in

# Sanic's own have no types.
_made: Callable[..., None] = WebSocketProtocol.connection_made
_lost: Callable[..., None] = WebSocketProtocol.connection_lost
_check: Callable[..., None] = WebSocketProtocol.check_timeouts


class Seats:
    """How many connections an API takes.

    Args:
        max_clients: WebSocket clients on one path.
    """

    def __init__(self, max_clients: int) -> None:
        self.total = SOCKETS_OF_A_CLIENT * max_clients + SPARE
        self.of_an_address = self.total // 2  # so that one host cannot shut all others out
        self.refused = 0
        self._logged = TokenBucket(LOGGED_PER_S, 1, 0.0)

    def full(self, address: str, taken: Collection[object]) -> bool:
        """Whether there is no seat for one more connection.

        Args:
            address: where it comes from.
            taken: the connections there are, each with its own `address`.
        """
        if len(taken) < self.of_an_address or (len(taken) < self.total and is_loopback(address)):
            return False
        own = sum(1 for other in taken if getattr(other, "address", None) == address)
        return len(taken) >= self.total or own >= self.of_an_address

    def refuse(self, address: str, now_s: float) -> None:
        """Count a refused connection, and say so now and then."""
        self.refused += 1
        if self._logged.wait_s(now_s) == 0.0:
            self._logged.take()
            log.warning("too many connections: %s refused, %d in all so far", address, self.refused)


class BoundedProtocol(WebSocketProtocol):
    """One connection. Its app's `ctx.seats` are the API's `Seats`."""

    __slots__ = ("_checks", "_request_number", "_seated", "address")

    def __init__(self, *args: Any, app: Sanic[Any, Any], **kwargs: Any) -> None:
        super().__init__(*args, app=app, **kwargs)
        self.address = ""
        self._seated = False
        self._checks = 0
        self._request_number = -1

    def connection_made(self, transport: BaseTransport) -> None:
        """Take a seat, or be cut off."""
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        seats: Seats = self.app.ctx.seats
        if seats.full(self.address, self.connections):
            seats.refuse(self.address, self.loop.time())
            transport.close()
            return
        self._seated = True
        _made(self, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the seat."""
        if self._seated:
            _lost(self, exc)

    def check_timeouts(self) -> None:
        """Called every few seconds while the connection lives; cut it off where one request takes too long to come."""
        number = int(self.state["requests_count"])
        http = self._http
        if http is None:  # the last request was answered, and the connection is about to be lost
            return
        # Only a request that a handler has is sure to know whether it has a body, and whether all of it is there.
        coming = http.stage is Stage.REQUEST or (http.stage is Stage.HANDLER and bool(http.request_body))
        self._checks = self._checks + 1 if coming and number == self._request_number else 0
        self._request_number = number
        if self._checks >= MAX_CHECKS:
            log.info("%s took too long to send a request: cut off", self.address)
            if self.transport is not None:
                self.transport.abort()
            return
        _check(self)
