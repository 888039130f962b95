"""What the AntSDR Scan API asks of the service: one Protocol, and one Struct for every answer.

The front process implements `ScanPort`; the API translates between it and HTTP and does nothing else. Every method is
called on the front's event loop and must not block it: the plain ones answer from memory, the `async` ones may wait.
Numbers that are not known are None, never a made-up 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

GainMode = Literal["manual", "slow_attack", "fast_attack"]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /health`.

    Args:
        status: `ok`, or `degraded` with reasons in `detail`.
        engine_running: capture and analysis run.
        ws_backend_connected: somebody listens on `WS /events`. The API fills it.
        last_event_timestamp_ms: wall clock of the newest event, None before the first.
        timestamp_ms: wall clock now.
        simulated: the source says that its samples are not from the air.
        boot_id: names this run of the service; the one in the event envelopes.
        seq: number of the newest event envelope, 0 before the first.
        detail: why it is degraded, in plain words.
    """

    status: Literal["ok", "degraded"]
    engine_running: bool
    ws_backend_connected: bool = False
    last_event_timestamp_ms: int | None
    timestamp_ms: int
    simulated: bool
    boot_id: str
    seq: int
    detail: list[str] = []


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /version`."""

    version: str


class WorkerStats(msgspec.Struct, frozen=True, kw_only=True):
    """One analysis worker.

    Args:
        index: its number.
        pid: its process, None while it is not running.
        dwells: dwells it analysed.
        busy_percent: share of the time it was analysing, of late.
        restarts: times it was started again.
    """

    index: int
    pid: int | None
    dwells: int
    busy_percent: float | None = None
    restarts: int = 0


class SocketStats(msgspec.Struct, frozen=True, kw_only=True):
    """What became of WebSocket clients since the start. The API fills it.

    Args:
        clients: connected now.
        accepted: upgrades accepted.
        rejected: upgrades refused for want of room (429).
        cut_off: clients disconnected for taking nothing.
        events_sent: frames handed to sockets.
        events_dropped: events dropped from full client queues.
    """

    clients: int = 0
    accepted: int = 0
    rejected: int = 0
    cut_off: int = 0
    events_sent: int = 0
    events_dropped: int = 0


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /stats`. Counters run from the start of the service and survive the restart of any child process.

    Args:
        frames_processed: STFT frames analysed.
        detections_processed: emissions that reached the tracker.
        events_emitted: envelopes published.
        blocks_captured: dwells published by capture.
        blocks_dropped: dwells lost, wherever: not admitted, overwritten, or taken by a worker that died.
        blocks_analysed: dwells whose result arrived.
        overruns: dwells not admitted because the workers were behind.
        sweep_period_ms: time of the newest whole sweep, None before the first.
        duty_percent: share of the time that samples were taken, None before the first sweep.
        workers: one row each.
        timeouts: reads of the radio that gave nothing.
        reopens: times the radio was opened again.
        emissions_truncated: emissions beyond the bound of a dwell.
        log_errors: events that could not be written to the log.
        restarts: restarts of child processes, by process name.
        sockets: WebSocket clients.
    """

    frames_processed: int
    detections_processed: int
    events_emitted: int
    blocks_captured: int
    blocks_dropped: int
    overruns: int
    sweep_period_ms: float | None
    duty_percent: float | None
    workers: list[WorkerStats]
    blocks_analysed: int = 0
    timeouts: int = 0
    reopens: int = 0
    emissions_truncated: int = 0
    log_errors: int = 0
    restarts: dict[str, int] = {}
    sockets: SocketStats = SocketStats()


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /device`.

    Args:
        last_error: why it is not connected or what failed last, None when nothing did.
        last_command_id: newest `/device/*` command that was carried out.
    """

    connected: bool
    uri: str
    model: str | None
    serial: str | None
    temperature_c: float | None
    sample_rate_hz: float | None
    last_error: str | None
    simulated: bool
    last_command_id: str | None = None


class PlanState(msgspec.Struct, frozen=True, kw_only=True):
    """One plan: from the lowest edge of its bands to the highest, in tunings `step_hz` apart (the widest hop)."""

    name: str
    start_hz: float
    stop_hz: float
    step_hz: float
    bands: list[str] = []


class ImpossibleBand(msgspec.Struct, frozen=True, kw_only=True):
    """A band that the radio at hand cannot receive, and why."""

    name: str
    reason: str


class SweepState(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /sweep/state`.

    Args:
        running: a sweep runs.
        active_plan: name, None where no plan was ever active.
        hop_index: within the active plan, None while nothing runs.
        last_sweep_ms: time of the newest whole sweep.
        last_command_id: newest `/sweep/*` command that was carried out.
    """

    running: bool
    active_plan: str | None
    plans: list[PlanState]
    hop_index: int | None
    last_sweep_ms: float | None
    last_command_id: str | None = None
    impossible: list[ImpossibleBand] = []


class GainRange(msgspec.Struct, frozen=True, kw_only=True):
    """Gain range of the band the LO is in, dB, inclusive."""

    min_db: float
    max_db: float


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /gain`. `mode`, `gain_db` and `limits` are None while no radio is open."""

    mode: GainMode | None
    gain_db: float | None
    limits: GainRange | None
    last_command_id: str | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One number behind a class.

    Args:
        name: which measurement, see `records.EVIDENCE_NAMES`.
        value: its value.
        weight: what it adds to (or, negative, takes from) the log-likelihood of the class, None where not weighed.
    """

    name: str
    value: float
    weight: float | None = None


class ContactEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /contacts/{id}/evidence`: the numbers behind a contact's class.

    Args:
        against: the same for what speaks against the class.
        dwells: dwells it was heard in.
        alternatives: other class paths (joined with `/`) with their probability.
    """

    id: str
    class_path: list[str]
    classification_confidence: float
    evidence_for: list[Evidence] = msgspec.field(name="for", default_factory=list)
    against: list[Evidence] = []
    dwells: int = 0
    alternatives: dict[str, float] = {}
    simulated: bool
    timestamp_ms: int


class CommandResult(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a command: accepted now; carried out when the state shows `command_id` as `last_command_id`.

    Args:
        command: for example `sweep/start`.
        command_id: uuid4.
        accepted: always true here: a refusal is an error answer.
        detail: in plain words, None where there is nothing to say.
        timestamp_ms: wall clock now.
    """

    command: str
    command_id: str
    accepted: bool
    detail: str | None
    timestamp_ms: int


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /run/start` and `/run/stop`: a CommandResult with the engine's new `status`."""

    status: Literal["started", "stopped"]
    command: str
    command_id: str
    accepted: bool
    detail: str | None
    timestamp_ms: int


class ReloadResult(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /config/reload`: `changed` names the settings (dotted paths) that changed."""

    status: Literal["reloaded"]
    changed: list[str]
    timestamp_ms: int


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /run/replay`: feed a log of events, under the configured log folder, through the event path once more.

    Args:
        log_path: JSONL file, relative to the log folder or absolute inside it.
        output_path: where the replayed events go, same rule; None for nowhere.
        max_events: stop after this many.
    """

    log_path: str
    output_path: str | None = None
    max_events: int | None = None


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /run/replay`."""

    status: Literal["completed"]
    frames: int
    detections: int
    events_emitted: int


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

    async def get(self) -> bytes:
        """Wait for the next envelope (UTF-8 JSON, shared by all listeners). Cancellation loses nothing."""
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
