"""The AntSDR Scan API: the app made of its route table, its sockets and their documents."""

from __future__ import annotations

import time
from typing import get_args

import msgspec

from ndefender import __version__
from ndefender.api.answers import ErrorAnswer
from ndefender.api.app import App, add_document, add_routes, new_app
from ndefender.api.asyncapi import Channel, asyncapi_document, spectrum_channel
from ndefender.api.browser import BrowserAccess
from ndefender.api.errors import nested_body
from ndefender.api.frames import binary_frame, text_frame
from ndefender.api.guard import Guard
from ndefender.api.openapi import PAGE_CSP, docs_page, openapi_document
from ndefender.api.operations import BASE
from ndefender.api.ports import ScanPort
from ndefender.api.rate import Clock, CommandRate
from ndefender.api.scan_handlers import ScanHandlers
from ndefender.api.scan_routes import scan_operations
from ndefender.api.session import SocketCounters, SocketEndpoint
from ndefender.api.settings import ApiSettings
from ndefender.events.types import RfContactEvent, RfEventType

TITLE = "N-Defender AntSDR Scan API"
OPENAPI_PATHS = ("/openapi.json", "/docs/openapi.json")
ASYNCAPI_PATH = BASE + "/asyncapi.json"
EVENTS = Channel(
    "events",
    "/events",
    "No snapshot on connect: load `GET /events/last`, then connect. `seq` has no gaps "
    "unless this client was too slow for its queue.",
    dict.fromkeys(get_args(RfEventType), RfContactEvent),
)


def build_scan_app(port: ScanPort, settings: ApiSettings, clock: Clock = time.monotonic) -> App:
    """Build the AntSDR Scan API.

    Args:
        port: the service behind it.
        settings: bind address, access, bounds; `app_name` must be unique within the process.
        clock: monotonic seconds.
    Returns:
        The app, not yet prepared: the caller binds and serves it.
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
    handlers = ScanHandlers(port, settings, guard=guard, rate=rate, counters=counters)
    app = new_app(settings, guard, nested_body)
    app.ctx.sockets = counters
    events = SocketEndpoint(app, handlers.listen_events, text_frame, settings=settings, counters=counters, clock=clock)
    spectrum = SocketEndpoint(
        app, handlers.listen_spectrum, binary_frame, settings=settings, counters=counters, clock=clock
    )
    operations = scan_operations(handlers, settings)
    add_routes(app, operations, {"/events": events, "/spectrum": spectrum})

    openapi = openapi_document(
        operations, ErrorAnswer, title=TITLE, version=__version__, key_required=guard.key_required
    )
    asyncapi = asyncapi_document(
        (EVENTS, spectrum_channel("/spectrum")),
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
