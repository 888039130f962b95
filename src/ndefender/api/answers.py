"""One Struct for every answer of the AntSDR Scan API. OpenAPI is generated from them.

Numbers that are not known are None, never a made-up 0. Frequencies are Hz, time-stamps integer Unix milliseconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ndefender.events.types import RfContactData, RfContactEvent

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


class SpectrumAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /spectrum`: power over a band, dB of integer full scale per bin; null where a bin was never looked at."""

    band: str
    start_hz: float
    bin_hz: float
    mean_db: list[float | None]
    max_db: list[float | None]
    timestamp: int
    simulated: bool


class ContactsAnswer(msgspec.Struct, frozen=True):
    """`GET /contacts`: live RF contacts, newest first."""

    contacts: list[RfContactData]


class EventsAnswer(msgspec.Struct, frozen=True):
    """`GET /events/last`: the newest envelopes, oldest first."""

    events: list[RfContactEvent]


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /session`: `expires_in_s` is None where no key is configured and no session is needed."""

    key_required: bool
    expires_in_s: float | None


class TicketAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /session/ticket`: good for one upgrade, as `?ticket=`."""

    ticket: str
    expires_in_s: float


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong: a machine-readable code, and a sentence."""

    code: str
    message: str


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every error answer."""

    error: ErrorDetail
