"""The Backend Aggregator's API: the app made of its route table, its sockets and their documents."""

from __future__ import annotations

import time

import msgspec

from ndefender import __version__
from ndefender.api.aggregator_answers import EVENTS, ErrorMessage
from ndefender.api.aggregator_handlers import AggregatorHandlers
from ndefender.api.aggregator_ports import AggregatorPort
from ndefender.api.aggregator_routes import aggregator_operations, metrics_operation
from ndefender.api.app import App, add_document, add_routes, new_app
from ndefender.api.asyncapi import Channel, asyncapi_document, spectrum_channel
from ndefender.api.browser import BrowserAccess
from ndefender.api.errors import detail_body
from ndefender.api.frames import binary_frame, text_frame
from ndefender.api.guard import Guard
from ndefender.api.openapi import PAGE_CSP, docs_page, openapi_document
from ndefender.api.operations import BASE
from ndefender.api.ports import ScanPort
from ndefender.api.rate import Clock, CommandRate
from ndefender.api.scan_handlers import ScanHandlers
from ndefender.api.session import SocketCounters, SocketEndpoint
from ndefender.api.settings import ApiSettings

TITLE = "N-Defender Backend Aggregator"
OPENAPI_PATHS = ("/openapi.json", "/docs/openapi.json")
ASYNCAPI_PATH = BASE + "/asyncapi.json"
SPECTRUM_PATH = "/rf/spectrum"
STREAM = Channel(
    "ws",
    "/ws",
    "First SYSTEM_UPDATE with the whole picture, whose `seq` is the number of the newest event it accounts for; then "
    "every event after it. `seq` has no gaps unless this client was too slow for its queue: then, and after a new "
    "connection, load `GET /status` again. What a client sends is read and ignored.",
    EVENTS,
)


def build_aggregator_app(
    port: AggregatorPort, scan: ScanPort, settings: ApiSettings, clock: Clock = time.monotonic
) -> App:
    """Build the Backend Aggregator's API.

    Args:
        port: the service behind it.
        scan: the service behind the AntSDR Scan API, for what is forwarded to it.
        settings: bind address, access, bounds; `app_name` must be unique within the process, `spectrum_fps` above 0.
        clock: monotonic seconds.
    Returns:
        The app, not yet prepared: the caller binds and serves it. `ctx.sockets` counts its WebSocket clients.
    """
    browser = BrowserAccess(clock, settings.session_s, settings.ticket_s, settings.app_name)
    guard = Guard(settings, browser)
    rate = CommandRate(
        clock,
        client_per_min=settings.command_rate_per_min,
        client_burst=settings.command_burst,
        global_per_min=settings.global_rate_per_min,
        global_burst=settings.global_burst,
        dangerous_per_min=settings.dangerous_rate_per_min,
        dangerous_burst=settings.dangerous_burst,
    )
    counters = SocketCounters()
    handlers = AggregatorHandlers(port, scan, settings, rate=rate, counters=counters, clock=clock)
    shared = ScanHandlers(scan, settings, guard=guard, rate=rate, counters=counters)
    app = new_app(settings, guard, detail_body)
    app.ctx.sockets = counters
    stream = SocketEndpoint(app, handlers.listen, text_frame, settings=settings, counters=counters, clock=clock)
    spectrum = SocketEndpoint(
        app, shared.listen_spectrum, binary_frame, settings=settings, counters=counters, clock=clock
    )
    operations = aggregator_operations(handlers, shared)
    add_routes(app, operations, {STREAM.address: stream, SPECTRUM_PATH: spectrum})
    add_routes(app, [metrics_operation(handlers)], {}, base="")

    openapi = openapi_document(
        operations, ErrorMessage, title=TITLE, version=__version__, key_required=guard.key_required
    )
    asyncapi = asyncapi_document(
        (STREAM, spectrum_channel(SPECTRUM_PATH)),
        title=TITLE,
        version=__version__,
        host=f"{settings.host}:{settings.port}",
        key_required=guard.key_required,
    )
    page = docs_page(openapi, {"OpenAPI": OPENAPI_PATHS[0], "AsyncAPI": ASYNCAPI_PATH})
    for path in OPENAPI_PATHS:
        add_document(app, path, msgspec.json.encode(openapi), "application/json")
    add_document(app, ASYNCAPI_PATH, msgspec.json.encode(asyncapi), "application/json")
    add_document(app, "/docs", page.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": PAGE_CSP})
    return app
