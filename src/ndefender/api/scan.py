"""The AntSDR Scan API: the app made of its route table, its sockets and their documents."""

from __future__ import annotations

import time
from typing import get_args

from ndefender.api.answers import ErrorAnswer
from ndefender.api.app import App
from ndefender.api.assembly import Assembly
from ndefender.api.asyncapi import Channel, spectrum_channel
from ndefender.api.errors import nested_body
from ndefender.api.frames import binary_frame, text_frame
from ndefender.api.ports import ScanPort
from ndefender.api.rate import Clock
from ndefender.api.scan_handlers import ScanHandlers
from ndefender.api.scan_routes import scan_operations
from ndefender.api.settings import ApiSettings
from ndefender.events.types import RfContactEvent, RfEventType

TITLE = "N-Defender AntSDR Scan API"
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
    api = Assembly(settings, nested_body, clock)
    handlers = ScanHandlers(port, settings, rate=api.rate, counters=api.counters)
    return api.finish(
        scan_operations(handlers, settings),
        {
            "/events": api.socket(handlers.listen_events, text_frame),
            "/spectrum": api.socket(handlers.listen_spectrum, binary_frame),
        },
        (EVENTS, spectrum_channel("/spectrum")),
        error=ErrorAnswer,
        title=TITLE,
    )
