"""What one API is told when it is built. `runtime` maps the configuration onto it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Bind address, access and bounds of one API.

    Args:
        app_name: name of the Sanic app, unique within the process.
        host, port: bind address, for the `Host` check.
        api_key: required in `X-API-Key` when not empty.
        max_clients: WebSocket clients an endpoint takes; the next upgrade gets 429.
        event_buffer: largest `limit` of `/events/last`.
        queue_events: bound of one client's queue; the oldest are dropped and counted.
        slow_client_s: a client that takes nothing for this long is cut off.
        ping_s: interval of server pings; must be below `slow_client_s`.
        max_body_bytes: largest request body.
        max_message_bytes: largest message a WebSocket client may send.
        send_buffer_bytes: bound of one socket's kernel send buffer; the write buffer above it has the same bound.
        allowed_origins: browser origins allowed besides the API's own.
        allowed_hosts: `Host` names allowed besides the bind address and loopback names.
        spectrum_fps: frames a second and band of `WS /spectrum`, at most.
        command_rate_per_min, command_burst: commands of one client; stopping is never limited; 0 a minute: no limit.
        global_rate_per_min, global_burst: commands of all clients together.
        dangerous_rate_per_min, dangerous_burst: commands that need `confirm`, all clients together.
        session_s: life of a browser session.
        ticket_s: life of an unused one-time ticket.
        handler_timeout_s: longest time a request may take.
    """

    app_name: str = "ndefender-antsdr-scan"
    host: str = "127.0.0.1"
    port: int = 8890
    api_key: str = ""
    max_clients: int = 25
    event_buffer: int = 1000
    queue_events: int = 512
    slow_client_s: float = 30.0
    ping_s: float = 10.0
    max_body_bytes: int = 65_536
    max_message_bytes: int = 16_384
    send_buffer_bytes: int = 65_536
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    spectrum_fps: float = 10.0
    command_rate_per_min: float = 60.0
    command_burst: int = 10
    global_rate_per_min: float = 240.0
    global_burst: int = 40
    dangerous_rate_per_min: float = 2.0
    dangerous_burst: int = 2
    session_s: float = 12 * 3600.0
    ticket_s: float = 30.0
    handler_timeout_s: float = 300.0
