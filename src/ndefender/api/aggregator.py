"""The Backend Aggregator's API: the app made of its route table, its sockets and their documents."""

from __future__ import annotations

import time

from ndefender.api.aggregator_answers import EVENTS
from ndefender.api.aggregator_handlers import AggregatorHandlers
from ndefender.api.aggregator_ports import AggregatorPort
from ndefender.api.aggregator_routes import aggregator_operations, metrics_operation
from ndefender.api.app import App, add_routes
from ndefender.api.assembly import Assembly
from ndefender.api.asyncapi import Channel, spectrum_channel
from ndefender.api.envelopes import ErrorMessage
from ndefender.api.errors import detail_body
from ndefender.api.frames import binary_frame, text_frame
from ndefender.api.ports import ScanPort
from ndefender.api.rate import Clock
from ndefender.api.scan_handlers import ScanHandlers
from ndefender.api.settings import ApiSettings

TITLE = "N-Defender Backend Aggregator"
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
    api = Assembly(settings, detail_body, clock)
    handlers = AggregatorHandlers(port, scan, settings, rate=api.rate, counters=api.counters, clock=clock)
    shared = ScanHandlers(scan, settings, rate=api.rate, counters=api.counters)
    add_routes(api.app, [metrics_operation(handlers)], {}, base="")
    return api.finish(
        aggregator_operations(handlers, shared),
        {
            STREAM.address: api.socket(handlers.listen, text_frame),
            SPECTRUM_PATH: api.socket(shared.listen_spectrum, binary_frame),
        },
        (STREAM, spectrum_channel(SPECTRUM_PATH)),
        error=ErrorMessage,
        title=TITLE,
    )
