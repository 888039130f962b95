"""The writer of one WebSocket client: whatever room there is, everything goes out once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.protocol import State

from ndefender.api.frames import text_frame
from ndefender.api.writer import Writer
from ndefender.events.bus import Bus

BUFFER_BYTES = 64
DEADLINE_S = 20.0


class Transport:
    """A transport whose other end takes bytes only when the test says so."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self.taken = bytearray()
        self.writes = 0
        self.closing = False
        self.room = asyncio.Event()
        self.room.set()

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.writes += 1
        self.waiting += data
        if len(self.waiting) > BUFFER_BYTES:
            self.room.clear()

    def take(self, count: int) -> None:
        self.taken += self.waiting[:count]
        del self.waiting[:count]
        if len(self.waiting) <= BUFFER_BYTES // 4:
            self.room.set()

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def is_closing(self) -> bool:
        return self.closing


class Client:
    """A writer, its transport and what it listens to."""

    def __init__(self, frame: Callable[[bytes], bytes] = text_frame) -> None:
        self.bus = Bus(10)
        self.subscription = self.bus.subscribe(1000)
        self.transport = Transport()
        self.sent = 0
        self.seq = 0
        self.state = SimpleNamespace(state=State.OPEN)
        io_proto = SimpleNamespace(transport=self.transport, send=self._send)
        ws: Any = SimpleNamespace(io_proto=io_proto, ws_proto=self.state)
        self.task = asyncio.create_task(Writer(ws, self.subscription, frame, BUFFER_BYTES, self._count).run())

    async def _send(self, data: bytes) -> None:
        await self.transport.room.wait()
        self.transport.write(data)

    def _count(self, frames: int) -> None:
        self.sent += frames

    def publish(self, size: int) -> bytes:
        self.seq += 1
        body = f"{self.seq}:".encode() + b"x" * size
        self.bus.publish(body, self.seq)
        return text_frame(body)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 150)),
        st.tuples(st.just("take"), st.integers(1, 300)),
        st.tuples(st.just("turn"), st.integers(1, 3)),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_everything_goes_out_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    asyncio.run(walk(steps))


async def walk(steps: list[tuple[str, int]]) -> None:
    client = Client()
    expected = bytearray()
    longest = 0
    for what, amount in steps:
        if what == "publish":
            frame = client.publish(amount)
            longest = max(longest, len(frame))
            expected += frame
        elif what == "take":
            client.transport.take(amount)
        else:
            for _ in range(amount):
                await asyncio.sleep(0)
        assert len(client.transport.waiting) <= BUFFER_BYTES + longest + longest  # one too many by each of the two ways
    async with asyncio.timeout(DEADLINE_S):
        while len(client.transport.taken) < len(expected):
            client.transport.take(10_000)
            await asyncio.sleep(0)
    assert client.transport.taken == expected
    assert client.sent == client.seq
    await client.end()


async def test_what_is_published_in_one_turn_is_one_write() -> None:
    client = Client()
    await asyncio.sleep(0)
    frames = [client.publish(0) for _ in range(5)]
    await asyncio.sleep(0)
    assert client.transport.waiting == b"".join(frames)
    assert client.transport.writes == 1
    assert client.sent == 5
    await client.end()


async def test_it_ends_with_the_connection_and_then_writes_nothing() -> None:
    client = Client()
    await asyncio.sleep(0)
    client.state.state = State.CLOSING
    client.publish(0)
    await asyncio.wait_for(client.task, DEADLINE_S)
    client.publish(0)
    await asyncio.sleep(0)
    assert client.transport.writes == 0
    assert client.sent == 0


async def test_a_lost_connection_is_not_written_to() -> None:
    client = Client()
    await asyncio.sleep(0)
    client.transport.closing = True
    client.publish(0)
    await asyncio.sleep(0)
    await client.end()
    client.publish(0)
    await asyncio.sleep(0)
    assert client.transport.writes == 0
