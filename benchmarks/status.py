"""`GET /status` of the aggregator beside Sanic's own JSON route of the same size, request for request.

Three servers, each in a process of its own and as the service runs it: the aggregator's API with its guard, error
table and headers; a bare Sanic app whose route encodes the same picture with `sanic.response.json`; and one whose route
returns the encoded picture as ready-made bytes. They take turns; only one is asked at a time.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import time
from contextlib import ExitStack
from typing import Any

import harness
import msgspec
import web_port
import web_server
from sanic import Sanic
from sanic.response import HTTPResponse
from sanic.response import json as json_answer

from ndefender.api.aggregator import build_aggregator_app
from ndefender.api.settings import ApiSettings

CONNECTIONS = 8  # kept alive, each with one request under way
WARM_UP = 2000
PATH = "/api/v1/status"


async def no_questions(_: tuple[Any, ...]) -> object:
    """These servers have nothing to tell."""
    return None


def build_ours() -> tuple[Any, web_server.Ask]:
    """The aggregator's API."""
    settings = ApiSettings(app_name="benchmark-status")
    return build_aggregator_app(web_port.WebPort(), web_port.no_radio(), settings), no_questions


def build_bare_json() -> tuple[Any, web_server.Ask]:
    """A route that encodes the picture for every request, as Sanic's documentation does it."""
    app: Any = Sanic("benchmark-bare-json", configure_logging=False)
    picture = msgspec.to_builtins(web_port.WebPort().snapshot())

    async def answer(_: object) -> HTTPResponse:
        return json_answer(picture)

    app.add_route(answer, PATH)
    return app, no_questions


def build_bare_bytes() -> tuple[Any, web_server.Ask]:
    """A route that returns bytes made once."""
    app: Any = Sanic("benchmark-bare-bytes", configure_logging=False)
    body = msgspec.json.encode(web_port.WebPort().snapshot())

    async def answer(_: object) -> HTTPResponse:
        return HTTPResponse(body, content_type="application/json")

    app.add_route(answer, PATH)
    return app, no_questions


class Asker:
    """Keep-alive connections to one server, one request under way on each."""

    def __init__(self, port: int) -> None:
        self._request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        self._sockets = [socket.create_connection(("127.0.0.1", port), 10.0) for _ in range(CONNECTIONS)]
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head, body = self._whole()
        self.body_bytes = len(body)
        self._answer_bytes = len(head) + len(body)
        assert head.startswith(b"HTTP/1.1 200"), head
        json.loads(body)

    def _whole(self) -> tuple[bytes, bytes]:
        """One answer, taken apart."""
        one = self._sockets[0]
        one.sendall(self._request)
        got = b""
        while b"\r\n\r\n" not in got:
            got += one.recv(65536)
        end = got.index(b"\r\n\r\n") + 4
        length = next(
            int(line.split(b":")[1]) for line in got[:end].lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        while len(got) < end + length:
            got += one.recv(65536)
        return got[:end], got[end:]

    def rate_per_s(self, requests: int) -> float:
        """Answers a second."""
        rounds = requests // CONNECTIONS
        began = time.perf_counter()
        for each in self._sockets:
            each.sendall(self._request)
        for turn in range(rounds):
            for each in self._sockets:
                left = self._answer_bytes
                while left > 0:
                    got = len(each.recv(left))
                    if not got:
                        raise ConnectionError("the server closed a connection")
                    left -= got
                if turn + 1 < rounds:
                    each.sendall(self._request)
        return rounds * CONNECTIONS / (time.perf_counter() - began)

    def close(self) -> None:
        """Hang up."""
        for each in self._sockets:
            each.close()


def main() -> int:
    """Measure, report."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--repeats", type=harness.repeats, default=9)
    parser.add_argument("--requests", type=int, default=8000, help="of each server in each repeat")
    options: argparse.Namespace = parser.parse_args()
    builds = {"ours": build_ours, "bare_json": build_bare_json, "bare_bytes": build_bare_bytes}
    rates: dict[str, list[float]] = {name: [] for name in builds}
    with ExitStack() as stack:
        askers = {name: Asker(stack.enter_context(web_server.served(build)).port) for name, build in builds.items()}
        for asker in askers.values():
            stack.callback(asker.close)
            asker.rate_per_s(min(WARM_UP, options.requests))
        for _ in range(options.repeats):
            for name, asker in askers.items():
                rates[name].append(asker.rate_per_s(options.requests))
        sizes = {name: asker.body_bytes for name, asker in askers.items()}
    versus = {
        name: [ours / bare for ours, bare in zip(rates["ours"], rates[peer], strict=True)]
        for name, peer in (("status_vs_bare", "bare_json"), ("status_vs_ready_bytes", "bare_bytes"))
    }
    spreads = {name: harness.spread(values) for name, values in versus.items()}
    spreads |= {f"{name}_per_s": harness.spread(values) for name, values in rates.items()}
    alike = max(sizes.values()) - min(sizes.values()) <= 0.02 * statistics.mean(sizes.values())
    return harness.report(
        "status",
        {name: each.median for name, each in spreads.items()},
        spreads=spreads,
        facts={"connections": CONNECTIONS, "requests": options.requests, "body_bytes": sizes},
        void=None if alike else "the bodies differ in size",
        json_path=options.json,
    )


if __name__ == "__main__":
    raise SystemExit(main())
