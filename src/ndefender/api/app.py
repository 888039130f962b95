"""What every API's Sanic app has in common: bounds, guard, error body, and routes made of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sanic import Sanic
from sanic.compat import Header
from sanic.config import Config
from sanic.exceptions import BadURL, URITooLong
from sanic.models.protocol_types import TransportProtocol
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.server.async_server import AsyncioServer

from ndefender.api.connections import BoundedProtocol, Seats
from ndefender.api.errors import ErrorBody, error_handler
from ndefender.api.guard import Guard, is_upgrade
from ndefender.api.operations import BASE, Handler, Operation
from ndefender.api.session import SocketEndpoint
from ndefender.api.settings import ApiSettings


class App(Sanic[Config, SimpleNamespace]):
    """A Sanic app whose connections are bounded, whoever serves it."""

    def prepare(self, *args: Any, **kwargs: Any) -> None:
        """As Sanic's."""
        super().prepare(*args, **{"protocol": BoundedProtocol, **kwargs})

    async def create_server(self, *args: Any, **kwargs: Any) -> AsyncioServer | None:
        """As Sanic's."""
        return await super().create_server(*args, **{"protocol": BoundedProtocol, **kwargs})


IDLE_S = 75  # keep-alive of an idle connection
REQUEST_S = 15  # longest time a client may take to send a request
SHUTDOWN_S = 3.0  # longest time open connections may hold up a stop


class AnswerableRequest(Request):
    """A request that can be answered even where its URL cannot be parsed.

    Sanic makes a second, empty request to answer such an error with, and gives it the same URL: that fails once more,
    and the client gets a closed connection instead of a 400.
    """

    def __init__(
        self,
        url_bytes: bytes,
        headers: Header,
        version: str,
        method: str,
        transport: TransportProtocol,
        app: App,
        head: bytes = b"",
        stream_id: int = 0,
    ) -> None:
        try:
            super().__init__(url_bytes, headers, version, method, transport, app, head, stream_id)
        except (BadURL, URITooLong):
            if head:  # the client's own
                raise
            super().__init__(b"*", headers, version, method, transport, app, head, stream_id)


def new_app(settings: ApiSettings, guard: Guard, error_body: ErrorBody) -> App:
    """Make an app with bounds, guard and error body, and no routes.

    Args:
        settings: name and bounds.
        guard: checks every request and finishes every answer.
        error_body: builds the API's error body from code and message.
    """
    app = App(settings.app_name, configure_logging=False, env_prefix=None, request_class=AnswerableRequest)
    app.config.update(
        AUTO_EXTEND=False,  # extensions would add routes and headers of their own
        ACCESS_LOG=False,
        REQUEST_MAX_SIZE=settings.max_body_bytes,
        REQUEST_TIMEOUT=REQUEST_S,
        RESPONSE_TIMEOUT=settings.handler_timeout_s,
        KEEP_ALIVE_TIMEOUT=IDLE_S,
        GRACEFUL_SHUTDOWN_TIMEOUT=SHUTDOWN_S,
        WEBSOCKET_MAX_SIZE=settings.max_message_bytes,
        WEBSOCKET_PING_INTERVAL=0,  # the session pings, since it must know when a pong came
    )
    app.enable_websocket()
    app.ctx.seats = Seats(settings.max_clients)
    app.register_middleware(guard.check, "request")
    app.register_middleware(guard.finish, "response")
    app.error_handler.add(Exception, error_handler(error_body))
    return app


def add_routes(
    app: App, operations: Sequence[Operation], sockets: Mapping[str, SocketEndpoint], *, base: str = BASE
) -> None:
    """Add an API's routes: HEAD beside every GET, OPTIONS on every path.

    Args:
        app: the app.
        operations: its route table.
        sockets: path → WebSocket; where the table has a GET of that path too, an upgrade goes to the socket.
        base: what every path begins with.
    """
    by_path: dict[str, dict[str, Any]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation.handler
    for path, handlers in by_path.items():
        if path in sockets:
            handlers["GET"] = _Either(sockets[path], handlers["GET"])
        _add(app, base + path, handlers)
    for path, socket in sockets.items():
        if path not in by_path:
            _add(app, base + path, {"GET": socket}, head=False)


class _Either:
    """One path, two answers: a WebSocket to an upgrade, JSON to everything else."""

    is_websocket = True

    def __init__(self, socket: SocketEndpoint, plain: Handler) -> None:
        self._socket = socket
        self._plain = plain

    async def __call__(self, request: Request) -> HTTPResponse | None:
        if not is_upgrade(request):
            return await self._plain(request)
        await self._socket(request)
        return None


def add_document(app: App, path: str, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
    """Add a document that was made once."""
    _add(app, path, {"GET": _Document(body, content_type, dict(headers or {}))})


class _Document:
    def __init__(self, body: bytes, content_type: str, headers: dict[str, str]) -> None:
        self._body = body
        self._content_type = content_type
        self._headers = headers

    async def __call__(self, _: Request) -> HTTPResponse:
        return HTTPResponse(self._body, content_type=self._content_type, headers=dict(self._headers))


class _Options:
    """`OPTIONS` of one path: what it allows."""

    def __init__(self, methods: set[str]) -> None:
        self._allow = ", ".join(sorted(methods))

    async def __call__(self, _: Request, **__: object) -> HTTPResponse:
        return HTTPResponse(status=204, headers={"Allow": self._allow})


def _add(app: App, path: str, handlers: Mapping[str, Any], *, head: bool = True) -> None:
    uri = path.replace("{", "<").replace("}", ":str>")
    name = "".join(char if char.isalnum() else "_" for char in path.strip("/"))
    allowed = {*handlers, "OPTIONS"}
    if head and "GET" in handlers:
        allowed.add("HEAD")
    for method, handler in handlers.items():
        served = [method, "HEAD"] if method == "GET" and "HEAD" in allowed else [method]
        app.add_route(handler, uri, methods=served, name=f"{method.lower()}_{name}", unquote=True)
    app.add_route(_Options(allowed), uri, methods=["OPTIONS"], name=f"options_{name}", unquote=True)
