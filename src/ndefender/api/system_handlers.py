"""The handlers of the System Controller's API: translation between HTTP and the port, and nothing else."""

from __future__ import annotations

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from ndefender.api.bodies import query_limit, read_command
from ndefender.api.errors import ApiError
from ndefender.api.operations import Handler
from ndefender.api.ports import Subscription
from ndefender.api.rate import CommandRate
from ndefender.api.replies import client_of, reply
from ndefender.api.settings import ApiSettings
from ndefender.api.system_ports import SystemPort

DEFAULT_LIMIT = 50
UNIT_CHARS = 255  # longest name of a systemd unit


class SystemHandlers:
    """One method an operation, and one handler a command.

    Args:
        port: the service.
        settings: bounds.
        rate: command limits.
    """

    def __init__(self, port: SystemPort, settings: ApiSettings, *, rate: CommandRate) -> None:
        self._port = port
        self._settings = settings
        self._rate = rate

    async def health(self, _: Request) -> HTTPResponse:
        """`GET /health`."""
        return reply(self._port.health())

    async def status(self, _: Request) -> HTTPResponse:
        """`GET /status`."""
        return reply(self._port.status())

    def section(self, name: str) -> Handler:
        """Make the handler of one section."""

        async def answer(_: Request) -> HTTPResponse:
            return reply(self._port.section(name))

        return answer

    async def wifi_state(self, _: Request) -> HTTPResponse:
        """`GET /network/wifi/state`."""
        return reply(await self._port.wifi_state())

    async def wifi_scan(self, _: Request) -> HTTPResponse:
        """`GET /network/wifi/scan`."""
        return reply(await self._port.wifi_scan())

    async def bluetooth_state(self, _: Request) -> HTTPResponse:
        """`GET /network/bluetooth/state`."""
        return reply(await self._port.bluetooth_state())

    async def bluetooth_devices(self, _: Request) -> HTTPResponse:
        """`GET /network/bluetooth/devices`."""
        return reply(await self._port.bluetooth_devices())

    async def events_last(self, request: Request) -> HTTPResponse:
        """`GET /events/last?limit=N`."""
        limit = query_limit(request, DEFAULT_LIMIT, self._settings.event_buffer)
        return reply({"events": [msgspec.Raw(event) for event in self._port.events_last(limit)]})

    def command(self, name: str, body: type[msgspec.Struct], *, limited: bool, dangerous: bool) -> Handler:
        """Make the handler of one command. What the path and the body name become its arguments.

        Args:
            name: of the command.
            body: Struct of its payload.
            limited: it counts against the client's rate.
            dangerous: it counts against the rate of dangerous commands too, unless it is refused.
        """

        async def carry_out(request: Request, **path: str) -> HTTPResponse:
            for key, value in path.items():
                if len(value) > UNIT_CHARS:
                    raise ApiError(404, "not_found", f"{key}: nothing has a name of more than {UNIT_CHARS} characters")
            payload, confirmed = read_command(request, body)
            args = {**path, **msgspec.structs.asdict(payload)}
            if not limited:
                return reply(await self._port.command(name, args, confirm=confirmed, client=client_of(request)))
            with self._rate.charged(request.ip, dangerous=dangerous):
                return reply(await self._port.command(name, args, confirm=confirmed, client=client_of(request)))

        return carry_out

    def listen(self, _: Request) -> Subscription:
        """`WS /ws`."""
        return self._port.subscribe(self._settings.queue_events)
