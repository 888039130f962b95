"""The handlers of the AntSDR Scan API: translation between HTTP and the port, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray
from sanic.request import Request
from sanic.response import HTTPResponse

from ndefender.api import requests
from ndefender.api.answers import SpectrumAnswer
from ndefender.api.bodies import NAME_CHARS, query_limit, query_name, read_command
from ndefender.api.errors import ApiError
from ndefender.api.ports import ScanPort, Subscription
from ndefender.api.rate import CommandRate
from ndefender.api.replies import reply
from ndefender.api.session import SocketCounters
from ndefender.api.settings import ApiSettings
from ndefender.api.spectrum import SpectrumFeed

DEFAULT_LIMIT = 50
HIDDEN = "***"
SECRET_NAMES = frozenset({"api_key"})
JSON_DECIMALS = 2  # of a spectrum's dB: finer than any receiver's calibration


def without_secrets(value: object) -> object:
    """Copy a configuration with every secret hidden, set or not."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if key in SECRET_NAMES else without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return value


def _levels(levels_db: NDArray[np.float32]) -> list[float | None]:
    """float32 dB → JSON numbers; msgspec writes what is not finite as null."""
    rounded: list[float | None] = np.round(levels_db.astype(np.float64), JSON_DECIMALS).tolist()
    return rounded


class ScanHandlers:
    """One method an operation.

    Args:
        port: the service.
        settings: bounds.
        rate: command limits.
        counters: of the API's sockets.
    """

    def __init__(self, port: ScanPort, settings: ApiSettings, *, rate: CommandRate, counters: SocketCounters) -> None:
        self._port = port
        self._settings = settings
        self._rate = rate
        self._counters = counters
        self.feed = SpectrumFeed(port, settings.spectrum_fps)

    # --- reading --------------------------------------------------------------------------------------------------
    async def health(self, _: Request) -> HTTPResponse:
        """`GET /health`."""
        connected = self._counters.snapshot().clients > 0
        return reply(msgspec.structs.replace(self._port.health(), ws_backend_connected=connected))

    async def version(self, _: Request) -> HTTPResponse:
        """`GET /version`."""
        return reply(self._port.version())

    async def stats(self, _: Request) -> HTTPResponse:
        """`GET /stats`."""
        return reply(msgspec.structs.replace(self._port.stats(), sockets=self._counters.snapshot()))

    async def device(self, _: Request) -> HTTPResponse:
        """`GET /device`."""
        return reply(self._port.device())

    async def sweep_state(self, _: Request) -> HTTPResponse:
        """`GET /sweep/state`."""
        return reply(self._port.sweep_state())

    async def gain(self, _: Request) -> HTTPResponse:
        """`GET /gain`."""
        return reply(self._port.gain())

    async def config(self, _: Request) -> HTTPResponse:
        """`GET /config`."""
        return reply(without_secrets(self._port.config()))

    async def contacts(self, _: Request) -> HTTPResponse:
        """`GET /contacts`."""
        return reply({"contacts": list(self._port.contacts())})

    async def evidence(self, _: Request, contact_id: str) -> HTTPResponse:
        """`GET /contacts/{id}/evidence`."""
        if len(contact_id) > NAME_CHARS:
            raise ApiError(404, "unknown_contact", f"no contact has an id of more than {NAME_CHARS} characters")
        return reply(self._port.evidence(contact_id))

    async def spectrum(self, request: Request) -> HTTPResponse:
        """`GET /spectrum?band=NAME`."""
        band = query_name(request, "band")
        if band is None:
            raise ApiError(400, "invalid_query", f"band: missing; one of {', '.join(self._port.bands())}")
        self._known_band(band)
        found = self._port.spectrum(band)
        if found is None:
            raise ApiError(404, "no_spectrum_yet", f"band {band} has not been looked at yet")
        return reply(
            SpectrumAnswer(
                band=found.band,
                start_hz=found.start_hz,
                bin_hz=found.bin_hz,
                mean_db=_levels(found.mean_db),
                max_db=_levels(found.max_db),
                timestamp=found.timestamp,
                simulated=found.simulated,
            )
        )

    async def events_last(self, request: Request) -> HTTPResponse:
        """`GET /events/last?limit=N`."""
        limit = query_limit(request, DEFAULT_LIMIT, self._settings.event_buffer)
        return reply({"events": [msgspec.Raw(event) for event in self._port.events_last(limit)]})

    # --- commands -------------------------------------------------------------------------------------------------
    def _charge(self, request: Request) -> None:
        self._rate.charge(request.ip, dangerous=False)

    def _charge_dangerous(self, request: Request, *, confirmed: bool) -> None:
        if not confirmed:
            raise ApiError(400, "confirm_required", f"{request.path} needs confirm: true")
        self._rate.charge(request.ip, dangerous=True)

    async def config_reload(self, request: Request) -> HTTPResponse:
        """`POST /config/reload`."""
        read_command(request, requests.Nothing)
        self._charge(request)
        return reply(await self._port.config_reload())

    async def run_start(self, request: Request) -> HTTPResponse:
        """`POST /run/start`."""
        read_command(request, requests.Nothing)
        self._charge(request)
        return reply(await self._port.run_start())

    async def run_stop(self, request: Request) -> HTTPResponse:
        """`POST /run/stop`: never limited."""
        read_command(request, requests.Nothing)
        return reply(await self._port.run_stop())

    async def run_replay(self, request: Request) -> HTTPResponse:
        """`POST /run/replay`."""
        body, _ = read_command(request, requests.ReplayRequest)
        self._charge(request)
        return reply(await self._port.run_replay(body))

    async def sweep_start(self, request: Request) -> HTTPResponse:
        """`POST /sweep/start`."""
        body, _ = read_command(request, requests.SweepStart)
        self._charge(request)
        return reply(await self._port.sweep_start(body.plan))

    async def sweep_stop(self, request: Request) -> HTTPResponse:
        """`POST /sweep/stop`: never limited."""
        read_command(request, requests.Nothing)
        return reply(await self._port.sweep_stop())

    async def gain_set(self, request: Request) -> HTTPResponse:
        """`POST /gain/set`."""
        body, _ = read_command(request, requests.GainSet)
        self._charge(request)
        return reply(await self._port.gain_set(body.mode, body.gain_db))

    async def device_reset(self, request: Request) -> HTTPResponse:
        """`POST /device/reset`."""
        _, confirmed = read_command(request, requests.Nothing)
        self._charge_dangerous(request, confirmed=confirmed)
        return reply(await self._port.device_reset())

    async def device_calibrate(self, request: Request) -> HTTPResponse:
        """`POST /device/calibrate`."""
        body, confirmed = read_command(request, requests.Calibrate)
        self._charge_dangerous(request, confirmed=confirmed)
        return reply(await self._port.device_calibrate(body.kind))

    # --- sockets --------------------------------------------------------------------------------------------------
    def listen_events(self, _: Request) -> Subscription:
        """`WS /events`."""
        return self._port.subscribe(self._settings.queue_events)

    def listen_spectrum(self, request: Request) -> Subscription:
        """`WS /spectrum`."""
        band = query_name(request, "band")
        if band is not None:
            self._known_band(band)
        return self.feed.join(band)

    def _known_band(self, band: str) -> None:
        if band not in self._port.bands():
            raise ApiError(404, "unknown_band", f"no band {band!r}; there are {', '.join(self._port.bands())}")
