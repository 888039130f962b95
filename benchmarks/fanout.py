"""Fan-out of events to 50 WebSocket clients beside a bare Sanic loop that sends ready-made frames.

Two servers, each in a process of its own: the aggregator's API, which numbers, encodes and publishes every event on its
bus, from where each client's session takes it; and a Sanic app that knows its sockets and writes frames made beforehand
to one after another. Both give the loop a turn after every event, and their frames are equally long. They take turns;
the clients read in one other process, which takes the frames apart when the time is up: every number, once, in order.
"""

from __future__ import annotations

import argparse
import asyncio
import selectors
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import harness
import web_client
import web_port
import web_server
from sanic import Sanic

from ndefender.api.aggregator import build_aggregator_app
from ndefender.api.frames import text_frame
from ndefender.api.settings import ApiSettings

CLIENTS = 50
FIRST_SEQ = 1_000_000  # numbers of equal length, so that frames are
QUEUE_EVENTS = 512
AHEAD_EVENTS = 128  # the publisher is at most so far ahead of what the sessions took: nothing is dropped
PATH = "/api/v1/ws"
KIND, SOURCE, AT_MS = "RF_CONTACT_UPDATE", "antsdr", 1_700_000_000_000
EVENT = {"id": "rf:5658000000", **web_port.CONTACT_DATA}
LIMIT_S = 60.0


def build_ours() -> tuple[Any, web_server.Ask]:
    """The aggregator's API, and a publisher on its loop."""
    port = web_port.WebPort()
    port.stream.bus.publish(b"{}", FIRST_SEQ)
    settings = ApiSettings(app_name="benchmark-fanout", max_clients=CLIENTS, queue_events=QUEUE_EVENTS)
    app = build_aggregator_app(port, web_port.no_radio(), settings)

    async def asked(request: tuple[Any, ...]) -> object:
        what, events = request
        if what != "go":
            return None
        before = app.ctx.sockets.events_sent
        for number in range(events):
            port.stream.emit(KIND, SOURCE, EVENT, AT_MS)
            await asyncio.sleep(0)
            while app.ctx.sockets.events_sent - before < CLIENTS * (number - AHEAD_EVENTS):
                await asyncio.sleep(0)
        return None

    return app, asked


def build_bare() -> tuple[Any, web_server.Ask]:
    """Sanic, its sockets in a list, and frames that are ready before anybody waits for them."""
    app: Any = Sanic("benchmark-bare-fanout", configure_logging=False)
    sockets: list[Any] = []
    ready: list[bytes] = []
    made = web_port.WebPort().stream
    made.bus.publish(b"{}", FIRST_SEQ)

    async def listen(_: object, ws: Any) -> None:
        await ws.io_proto.send(text_frame(b'{"seq":0,"greeting":true}'))
        sockets.append(ws)
        try:
            while True:
                await ws.recv()
        finally:
            sockets.remove(ws)

    async def asked(request: tuple[Any, ...]) -> object:
        what, events = request
        if what != "go":
            ready.clear()
            for _ in range(events):
                made.emit(KIND, SOURCE, EVENT, AT_MS)
                ready.append(text_frame(made.bus.last(1)[0]))
            return None
        for frame in ready:
            for ws in sockets:
                await ws.io_proto.send(frame)
            await asyncio.sleep(0)
        return None

    app.add_websocket_route(listen, PATH)
    return app, asked


class Audience:
    """The clients of one server."""

    def __init__(self, server: web_server.Served) -> None:
        self._server = server
        self._seqs: list[list[int]] = [[] for _ in range(CLIENTS)]
        self._readers = [web_client.Reader(server.port, PATH, self._listener(seqs)) for seqs in self._seqs]
        self._selector = selectors.DefaultSelector()
        for number, reader in enumerate(self._readers):
            while not self._seqs[number]:  # the greeting
                reader.read()
            self._selector.register(reader.socket, selectors.EVENT_READ, number)
            self._seqs[number].clear()
        self._last = FIRST_SEQ
        self.frame_bytes = 0

    @staticmethod
    def _listener(seqs: list[int]) -> Callable[[bytes], None]:
        return lambda message: seqs.append(web_client.seq_of(message))

    def frames_per_s(self, events: int, frame_bytes: int) -> float:
        """Frames a second that reached the clients, all together.

        Raises:
            AssertionError: a client missed or doubled an event.
        """
        self._server.ask("ready", events)
        chunks: list[list[bytes]] = [[] for _ in self._readers]
        left = CLIENTS * events * frame_bytes
        began = time.perf_counter()
        self._server.pipe.send(("go", events))
        while left > 0:
            ready = self._selector.select(LIMIT_S)
            assert ready, f"{left} bytes did not come within {LIMIT_S:g} s"
            for key, _ in ready:
                got = self._readers[key.data].socket.recv(web_client.READ_BYTES)
                assert got, "a connection ended"
                chunks[key.data].append(got)
                left -= len(got)
        took_s = time.perf_counter() - began
        self._server.answer()
        expected = list(range(self._last + 1, self._last + 1 + events))
        self._last += events
        for reader, seqs, got in zip(self._readers, self._seqs, chunks, strict=True):
            reader.take(b"".join(got))
            assert seqs == expected, "a client missed or doubled an event"
            seqs.clear()
        return CLIENTS * events / took_s

    def close(self) -> None:
        """Hang up."""
        for reader in self._readers:
            reader.close()


def frame_bytes() -> int:
    """Length of one frame, the same in both servers."""
    stream = web_port.WebPort().stream
    stream.bus.publish(b"{}", FIRST_SEQ)
    stream.emit(KIND, SOURCE, EVENT, AT_MS)
    return len(text_frame(stream.bus.last(1)[0]))


def main() -> int:
    """Measure, report."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--repeats", type=harness.repeats, default=9)
    parser.add_argument("--events", type=int, default=1000, help="of each server in each repeat")
    options: argparse.Namespace = parser.parse_args()
    size = frame_bytes()
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    with ExitStack() as stack:
        audiences = {}
        for name, build in (("ours", build_ours), ("bare", build_bare)):
            audiences[name] = Audience(stack.enter_context(web_server.served(build)))
            stack.callback(audiences[name].close)
            audiences[name].frames_per_s(min(200, options.events), size)  # warm-up
        for _ in range(options.repeats):
            for name, audience in audiences.items():
                rates[name].append(audience.frames_per_s(options.events, size))
    versus = [ours / bare for ours, bare in zip(rates["ours"], rates["bare"], strict=True)]
    spreads = {"fanout_vs_bare": harness.spread(versus)}
    spreads |= {f"{name}_frames_per_s": harness.spread(values) for name, values in rates.items()}
    return harness.report(
        "fanout",
        {name: each.median for name, each in spreads.items()},
        spreads=spreads,
        facts={"clients": CLIENTS, "events": options.events, "frame_bytes": size},
        json_path=options.json,
    )


if __name__ == "__main__":
    raise SystemExit(main())
