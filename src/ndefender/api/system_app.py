"""The System Controller's API: the app made of its route table, its socket and their documents."""

from __future__ import annotations

import time

from ndefender.api.app import App
from ndefender.api.assembly import Assembly
from ndefender.api.asyncapi import Channel
from ndefender.api.envelopes import ErrorMessage
from ndefender.api.errors import detail_body
from ndefender.api.frames import text_frame
from ndefender.api.rate import Clock
from ndefender.api.settings import ApiSettings
from ndefender.api.system_events import EVENTS
from ndefender.api.system_handlers import SystemHandlers
from ndefender.api.system_ports import SystemPort
from ndefender.api.system_routes import system_operations

TITLE = "N-Defender System Controller"
STREAM = Channel(
    "ws",
    "/ws",
    "First LOG_EVENT `HELLO`, then SYSTEM_STATUS, whose `seq` is the number of the newest event before it; then every "
    "event after it. `seq` has no gaps unless this client was too slow for its queue: then, and after a new "
    "connection, load `GET /status` again. What a client sends is read and ignored.",
    {str(kind): event for kind, event in EVENTS.items()},
)


def build_system_app(port: SystemPort, settings: ApiSettings, clock: Clock = time.monotonic) -> App:
    """Build the System Controller's API.

    Args:
        port: the service behind it.
        settings: bind address, access, bounds; `app_name` must be unique within the process.
        clock: monotonic seconds.
    Returns:
        The app, not yet prepared: the caller binds and serves it. `ctx.sockets` counts its WebSocket clients.
    """
    api = Assembly(settings, detail_body, clock)
    handlers = SystemHandlers(port, settings, rate=api.rate)
    return api.finish(
        system_operations(handlers, settings),
        {STREAM.address: api.socket(handlers.listen, text_frame)},
        (STREAM,),
        error=ErrorMessage,
        title=TITLE,
    )
