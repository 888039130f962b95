"""How an API is put together, for all three: guard, limits and counters first, then routes, sockets and documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ndefender import __version__
from ndefender.api.app import App, add_document, add_routes, new_app
from ndefender.api.asyncapi import Channel, asyncapi_document
from ndefender.api.browser import BrowserAccess
from ndefender.api.browser_handlers import browser_operations
from ndefender.api.errors import ErrorBody
from ndefender.api.guard import Guard
from ndefender.api.openapi import PAGE_CSP, docs_page, openapi_document
from ndefender.api.operations import BASE, Operation
from ndefender.api.rate import Clock, CommandRate
from ndefender.api.session import Listen, SocketCounters, SocketEndpoint
from ndefender.api.settings import ApiSettings
from ndefender.api.writer import Frame

OPENAPI_PATHS = ("/openapi.json", "/docs/openapi.json")
ASYNCAPI_PATH = BASE + "/asyncapi.json"


class Assembly:
    """An API in the making.

    Args:
        settings: bind address, access, bounds; `app_name` must be unique within the process.
        error_body: builds the API's error body from code and message.
        clock: monotonic seconds.
    """

    def __init__(self, settings: ApiSettings, error_body: ErrorBody, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.guard = Guard(
            settings, BrowserAccess(clock, settings.session_s, settings.ticket_s, settings.app_name), clock
        )
        self.rate = CommandRate(
            clock,
            client_per_min=settings.command_rate_per_min,
            client_burst=settings.command_burst,
            global_per_min=settings.global_rate_per_min,
            global_burst=settings.global_burst,
            dangerous_per_min=settings.dangerous_rate_per_min,
            dangerous_burst=settings.dangerous_burst,
        )
        self.counters = SocketCounters()
        self.app: App = new_app(settings, self.guard, error_body)
        self.app.ctx.sockets = self.counters

    def socket(self, listen: Listen, frame: Frame) -> SocketEndpoint:
        """Make a WebSocket of the app.

        Args:
            listen: subscribes a client.
            frame: builds a wire frame from a payload.
        """
        return SocketEndpoint(
            self.app, listen, frame, settings=self._settings, counters=self.counters, clock=self._clock
        )

    def finish(
        self,
        operations: Sequence[Operation],
        sockets: Mapping[str, SocketEndpoint],
        channels: Sequence[Channel],
        *,
        error: type[msgspec.Struct],
        title: str,
    ) -> App:
        """Add the routes, those about browsers with them, and the documents made of them.

        Args:
            operations: the API's own route table.
            sockets: path → WebSocket.
            channels: the sockets as the AsyncAPI document shows them.
            error: Struct of the error body.
            title: of the documents.
        Returns:
            The app, not yet prepared: the caller binds and serves it.
        """
        settings, key_required = self._settings, self.guard.key_required
        table = (*operations, *browser_operations(self.guard))
        add_routes(self.app, table, sockets)
        openapi = openapi_document(table, error, title=title, version=__version__, key_required=key_required)
        asyncapi = asyncapi_document(
            channels,
            title=title,
            version=__version__,
            host=f"{settings.host}:{settings.port}",
            key_required=key_required,
        )
        page = docs_page(openapi, {"OpenAPI": OPENAPI_PATHS[0], "AsyncAPI": ASYNCAPI_PATH})
        for path in OPENAPI_PATHS:
            add_document(self.app, path, msgspec.json.encode(openapi), "application/json")
        add_document(self.app, ASYNCAPI_PATH, msgspec.json.encode(asyncapi), "application/json")
        page_headers = {"Content-Security-Policy": PAGE_CSP}
        add_document(self.app, "/docs", page.encode(), "text/html; charset=utf-8", page_headers)
        return self.app
