"""The handlers of the Backend Aggregator: translation between HTTP and the port, and nothing else.

What the AntSDR Scan API answers too (evidence, spectra, sweep, gain) is answered by its handlers.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from ndefender.api import aggregator_requests as requests
from ndefender.api.aggregator_answers import RadioAnswer
from ndefender.api.aggregator_ports import AggregatorPort
from ndefender.api.bodies import NAME_CHARS, T, query_limit, read_command
from ndefender.api.errors import ApiError
from ndefender.api.metrics import CONTENT_TYPE, MetricsText, MetricsView
from ndefender.api.operations import Handler
from ndefender.api.ports import ScanPort, Subscription
from ndefender.api.rate import Clock, CommandRate
from ndefender.api.replies import Answer, client_of, reply
from ndefender.api.requests import Nothing
from ndefender.api.results import CommandResult
from ndefender.api.session import SocketCounters
from ndefender.api.settings import ApiSettings

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000
OWN_API = "aggregator"  # label of its sockets in the metrics
PICTURE_AGE_S = 1.0  # a picture is taken anew after this, though nothing changed but the time it tells


class Picture:
    """The snapshot, encoded once for everybody until something changed.

    Args:
        port: where it comes from.
        clock: monotonic seconds.
    """

    def __init__(self, port: AggregatorPort, clock: Clock) -> None:
        self._port = port
        self._clock = clock
        self._encoder = msgspec.json.Encoder()
        self._revision: object = None
        self._until_s = clock()
        self._body = b""

    def body(self) -> bytes:
        """JSON of the snapshot now."""
        revision = self._port.revision()
        now_s = self._clock()
        if not self._body or now_s >= self._until_s or revision != self._revision:
            self._body = self._encoder.encode(self._port.snapshot())
            self._revision = revision
            self._until_s = now_s + PICTURE_AGE_S
        return self._body


class AggregatorHandlers:
    """One method an operation.

    Args:
        port: the service.
        scan: the service behind the AntSDR Scan API.
        settings: bounds.
        rate: command limits.
        counters: of the API's sockets.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        port: AggregatorPort,
        scan: ScanPort,
        settings: ApiSettings,
        *,
        rate: CommandRate,
        counters: SocketCounters,
        clock: Clock,
    ) -> None:
        self._port = port
        self._scan = scan
        self._settings = settings
        self._rate = rate
        self._counters = counters
        self._picture = Picture(port, clock)
        self._metrics = MetricsText(self._numbers)

    # --- reading --------------------------------------------------------------------------------------------------
    async def health(self, _: Request) -> HTTPResponse:
        """`GET /health`."""
        return reply(self._port.health())

    async def status(self, _: Request) -> HTTPResponse:
        """`GET /status`."""
        return Answer(self._picture.body())

    def section(self, name: str) -> Handler:
        """Make the handler of one section: exactly what the snapshot holds under that name."""

        async def answer(_: Request) -> HTTPResponse:
            return reply(getattr(self._port.snapshot(), name))

        return answer

    async def contacts(self, _: Request) -> HTTPResponse:
        """`GET /contacts`."""
        return reply({"contacts": list(self._port.contacts())})

    async def gps(self, _: Request) -> HTTPResponse:
        """`GET /gps`."""
        return reply(self._port.gps())

    async def esp32(self, _: Request) -> HTTPResponse:
        """`GET /esp32`."""
        return reply(self._port.esp32())

    async def antsdr(self, _: Request) -> HTTPResponse:
        """`GET /antsdr`."""
        device = msgspec.structs.asdict(self._scan.device())
        return reply(RadioAnswer(**device, sweep=self._scan.sweep_state(), gain=self._scan.gain()))

    async def events_last(self, request: Request) -> HTTPResponse:
        """`GET /events/last?limit=N`."""
        limit = query_limit(request, DEFAULT_LIMIT, MAX_LIMIT)
        return reply({"events": [msgspec.Raw(event) for event in self._port.events_last(limit)]})

    async def metrics(self, _: Request) -> HTTPResponse:
        """`GET /metrics`."""
        return HTTPResponse(self._metrics.render(), content_type=CONTENT_TYPE)

    def _numbers(self) -> MetricsView:
        view = self._port.metrics()
        return msgspec.structs.replace(view, sockets={**view.sockets, OWN_API: self._counters.snapshot()})

    # --- the panel ------------------------------------------------------------------------------------------------
    def panel(self, cmd: str, body: type[T], *, stops: bool = False) -> Handler:
        """Make the handler of one command of the panel.

        Args:
            cmd: its name in the firmware.
            body: Struct of its arguments; those that are None are left out.
            stops: it stops something, and is never limited.
        """

        async def answer(request: Request) -> HTTPResponse:
            payload, _ = read_command(request, body)
            if not stops:
                self._rate.charge(request.ip, dangerous=False)
            args = {name: value for name, value in msgspec.structs.asdict(payload).items() if value is not None}
            return _accepted(request, await self._port.panel_command(cmd, args))

        return answer

    # --- the host -------------------------------------------------------------------------------------------------
    def host(self, name: str) -> Handler:
        """Make the handler of one dangerous command of the host."""

        async def answer(request: Request) -> HTTPResponse:
            _, confirmed = read_command(request, Nothing)
            if not confirmed:
                raise ApiError(400, "confirm_required", f"{request.path} needs confirm: true")
            if not self._port.unsafe_allowed():  # first, so that one who must not is not told to try again later
                raise ApiError(
                    403, "unsafe_operations_disabled", f"{name}: not allowed by safety.allow_unsafe_operations"
                )
            with self._rate.charged(request.ip, dangerous=True):
                result = await self._port.system_command(name, confirm=True, client=client_of(request))
            return _accepted(request, result)

        return answer

    # --- contacts -------------------------------------------------------------------------------------------------
    async def label(self, request: Request, contact_id: str) -> HTTPResponse:
        """`POST /contacts/{id}/label`."""
        body, _ = read_command(request, requests.LabelRequest)
        if len(contact_id) > NAME_CHARS:
            raise ApiError(404, "unknown_contact", f"no contact has an id of more than {NAME_CHARS} characters")
        self._rate.charge(request.ip, dangerous=False)
        return reply(await self._port.label(contact_id, body.label, body.note))

    # --- sockets --------------------------------------------------------------------------------------------------
    def listen(self, _: Request) -> Subscription:
        """`WS /ws`."""
        return self._port.subscribe(self._settings.queue_events)


def _accepted(request: Request, result: CommandResult) -> HTTPResponse:
    """Answer a command; every API names it by its path."""
    route: Any = request.route
    return reply(msgspec.structs.replace(result, command=str(route.path).removeprefix("api/v1/")))
