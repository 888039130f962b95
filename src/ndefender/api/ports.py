"""What the AntSDR Scan API asks of the service: one Protocol. The answers are the Structs of `answers`.

The front process implements `ScanPort`; the API translates between it and HTTP and does nothing else. Every method is
called on the front's event loop and must not block it: the plain ones answer from memory, the `async` ones may wait.
Numbers that are not known are None, never a made-up 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ndefender.api.answers import (
    ContactEvidence,
    Device,
    Evidence,
    Gain,
    GainMode,
    GainRange,
    Health,
    ImpossibleBand,
    PlanState,
    SocketStats,
    Stats,
    SweepState,
    Version,
    WorkerStats,
)
from ndefender.api.requests import ReplayRequest
from ndefender.api.results import CommandResult, ReloadResult, ReplayResult, RunResult

__all__ = [
    "CommandResult",
    "ContactEvidence",
    "Device",
    "Evidence",
    "Gain",
    "GainMode",
    "GainRange",
    "Health",
    "ImpossibleBand",
    "PlanState",
    "ReloadResult",
    "ReplayRequest",
    "ReplayResult",
    "RunResult",
    "ScanPort",
    "SocketStats",
    "Spectrum",
    "Stats",
    "Subscription",
    "SweepState",
    "Version",
    "WorkerStats",
]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Newest averaged and max-hold power over one band.

    Args:
        band: its name.
        start_hz: centre of the first bin.
        bin_hz: distance of two bins.
        mean_db: float32, shape (n,), dB of integer full scale per bin; NaN where a bin was never looked at.
        max_db: float32, shape (n,), the same for the maximum over the dwell.
        timestamp: Unix time of the newest dwell in it, ms.
        simulated: from a simulated or emulated source.
    """

    band: str
    start_hz: float
    bin_hz: float
    mean_db: NDArray[np.float32]
    max_db: NDArray[np.float32]
    timestamp: int
    simulated: bool = False


class Subscription(Protocol):
    """One listener's bounded queue of encoded envelopes."""

    @property
    def dropped(self) -> int:
        """Events dropped from this queue, oldest first, because it was full."""
        ...

    def take(self) -> bytes | None:
        """The next envelope (UTF-8 JSON, shared by all listeners), None where there is none yet."""
        ...

    def notify(self, wake: Callable[[], None] | None) -> None:
        """Have `wake` called after every envelope that is queued from now on; None for nobody. It must be quick."""
        ...

    def close(self) -> None:
        """End the subscription. Safe to call twice."""
        ...


class ScanPort(Protocol):
    """The service behind the AntSDR Scan API.

    Refusals are `CommandRejected(status, code, message)`, raised before anything is changed; the API turns them into
    its error body. `status` is one of 400 (a value is out of its limits), 403, 404 (no such thing), 409 (not in this
    state: no device, already running, not running), 429 (cooling down) or 503 (the capture process is away).
    """

    def health(self) -> Health:
        """State of the service."""
        ...

    def version(self) -> Version:
        """Version of the package."""
        ...

    def stats(self) -> Stats:
        """Counters. `sockets` is left at its default."""
        ...

    def device(self) -> Device:
        """What is known of the radio."""
        ...

    def sweep_state(self) -> SweepState:
        """The plans and where in them the radio is."""
        ...

    def gain(self) -> Gain:
        """Gain and its limits at the present LO."""
        ...

    def config(self) -> Mapping[str, object]:
        """Effective configuration as JSON types. The API shows every `api_key` in it as `***`."""
        ...

    def contacts(self) -> Sequence[msgspec.Struct]:
        """Live RF contacts, newest first: the `data` Structs of RF contact events (`events.types`)."""
        ...

    def evidence(self, contact_id: str) -> ContactEvidence:
        """The numbers behind a contact's class. `CommandRejected(404, "unknown_contact")` where it is not alive."""
        ...

    def bands(self) -> Sequence[str]:
        """Names of the bands of the active plan."""
        ...

    def spectrum(self, band: str) -> Spectrum | None:
        """Assemble the newest spectrum of a band; None before its first dwell.

        Called only when somebody asks or listens, at most `spectrum_fps` times a second a band.

        Raises:
            CommandRejected: 404 `unknown_band`.
        """
        ...

    def events_last(self, limit: int) -> Sequence[bytes]:
        """The newest `limit` envelopes as they were sent, oldest first; restored from the log after a restart."""
        ...

    def subscribe(self, queue_events: int) -> Subscription:
        """Listen to all envelopes from now on, with a queue of `queue_events`, the oldest dropped when full."""
        ...

    async def config_reload(self) -> ReloadResult:
        """Read the configuration again. 409 `scan_running` while a scan runs, 400 `invalid_config`."""
        ...

    async def run_start(self) -> RunResult:
        """Start capture and analysis. 409 `already_running`."""
        ...

    async def run_stop(self) -> RunResult:
        """Stop capture and analysis. 409 `not_running`."""
        ...

    async def run_replay(self, request: ReplayRequest) -> ReplayResult:
        """Replay a log off the loop. 400 `path_not_allowed`, `invalid_log`; 404 `log_not_found`; 409 while one runs."""
        ...

    async def sweep_start(self, plan: str | None) -> CommandResult:
        """Sweep with a plan, None for the active one. 404 `unknown_plan`, 409 `not_connected`."""
        ...

    async def sweep_stop(self) -> CommandResult:
        """Stop sweeping. Never refused for rate."""
        ...

    async def gain_set(self, mode: GainMode, gain_db: float | None) -> CommandResult:
        """Set the gain of every hop. 400 `gain_out_of_range` with the limits, 409 `not_connected`."""
        ...

    async def device_reset(self) -> CommandResult:
        """Close and open the radio again, under a new source epoch."""
        ...

    async def device_calibrate(self, kind: str) -> CommandResult:
        """Run one of the radio's calibrations. 400 `unknown_calibration` names those there are."""
        ...
