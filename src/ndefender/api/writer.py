"""What writes to one WebSocket client: a callback on the loop while there is room, a task while there is none.

What is published is written when the loop comes round, all of it in one piece, since waking a task for every client and
event costs more than the write itself. A task takes over while the transport is full, and is held back by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from sanic.server.websockets.impl import OPEN, WebsocketImplProtocol

from ndefender.api.ports import Subscription

Frame = Callable[[bytes], bytes]


class Wire(Protocol):
    """What a writer needs of the connection below it."""

    async def send(self, data: bytes) -> None:
        """Write, held back while the transport's buffer is full."""
        ...


class Writer:
    """Writes what one client is sent.

    Args:
        ws: the accepted socket.
        listening: what the client is sent.
        frame: builds a wire frame from a payload; the same object for equal payloads.
        buffer_bytes: what may wait in the transport's buffer.
        sent: told how many frames were handed over.
    """

    def __init__(
        self,
        ws: WebsocketImplProtocol,
        listening: Subscription,
        frame: Frame,
        buffer_bytes: int,
        sent: Callable[[int], None],
    ) -> None:
        assert ws.io_proto is not None and ws.io_proto.transport is not None
        self._ws = ws
        self._wire: Wire = ws.io_proto
        self._transport = ws.io_proto.transport
        self._listening = listening
        self._frame = frame
        self._buffer_bytes = buffer_bytes
        self._sent = sent
        self._loop = asyncio.get_running_loop()
        self._due = False  # a turn of `_pump` is due
        self._by_task = True  # the task is in charge, the callback is not
        self._handed_over = asyncio.Event()

    async def run(self) -> None:
        """Write until the client goes.

        Raises:
            RequestCancelled, ConnectionError: it is gone.
        """
        self._listening.notify(self._queued)
        try:
            while self._ws.ws_proto.state is OPEN:
                payload = self._listening.take()
                if payload is not None:
                    await self._wire.send(self._frame(payload))
                    self._sent(1)
                    continue
                self._by_task = False
                await self._handed_over.wait()
                self._handed_over.clear()
        finally:
            self._by_task = True
            self._listening.notify(None)

    def _queued(self) -> None:
        """Something was queued: see to it when the loop comes round, together with what else will be there by then."""
        if not self._due and not self._by_task:
            self._due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Write what is queued as far as there is room; hand over to the task when there is none left, or no client."""
        self._due = False
        if self._by_task:
            return
        room_bytes = self._buffer_bytes - self._transport.get_write_buffer_size()
        if self._ws.ws_proto.state is not OPEN or self._transport.is_closing():
            room_bytes = 0
        frames: list[bytes] = []
        while room_bytes > 0 and (payload := self._listening.take()) is not None:
            frames.append(self._frame(payload))
            room_bytes -= len(frames[-1])
        if frames:
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
            self._sent(len(frames))
        if room_bytes <= 0:
            self._by_task = True
            self._handed_over.set()
