"""Answers of the AntSDR Scan API, made from what the front knows. Pure: everything is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

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
    Stats,
    SweepState,
    WorkerStats,
)
from ndefender.ring.board import Row
from ndefender.runtime.messages import CaptureStatus, PlanStatus
from ndefender.runtime.shared import Tally
from ndefender.runtime.wiring import CaptureCount, WorkerCount
from ndefender.track.contact import ContactEvidence as TrackEvidence

_MODES: dict[str, GainMode] = {mode: mode for mode in get_args(GainMode)}
AWAY = "the capture process is away and being started again"


def device_of(status: CaptureStatus | None, uri: str) -> Device:
    """`GET /device`; `status` is None while capture is away."""
    if status is None:
        return Device(
            connected=False, uri=uri, model=None, serial=None, temperature_c=None,
            sample_rate_hz=None, last_error=AWAY, simulated=False,
        )  # fmt: skip
    d = status.device
    return Device(
        connected=d.connected,
        uri=d.uri,
        model=d.model,
        serial=d.serial,
        temperature_c=d.temperature_c,
        sample_rate_hz=d.sample_rate_hz,
        last_error=d.last_error,
        simulated=d.simulated,
        last_command_id=d.last_command_id,
    )


def plan_state(plan: PlanStatus) -> PlanState:
    """One plan."""
    return PlanState(
        name=plan.name,
        start_hz=plan.start_hz,
        stop_hz=plan.stop_hz,
        step_hz=plan.step_hz,
        bands=[band.name for band in plan.bands],
    )


def sweep_of(status: CaptureStatus, *, away: bool) -> SweepState:
    """`GET /sweep/state`: the newest report; nothing runs while capture is away."""
    sweep = status.sweep
    return SweepState(
        running=sweep.running and not away,
        active_plan=sweep.active_plan,
        plans=[plan_state(plan) for plan in sweep.plans],
        hop_index=None if away else sweep.hop_index,
        last_sweep_ms=sweep.last_sweep_ms,
        last_command_id=sweep.last_command_id,
        impossible=[ImpossibleBand(name=name, reason=reason) for name, reason in sweep.impossible],
    )


def gain_of(status: CaptureStatus | None) -> Gain:
    """`GET /gain`."""
    if status is None:
        return Gain(mode=None, gain_db=None, limits=None)
    gain = status.gain
    known = gain.min_db is not None and gain.max_db is not None
    return Gain(
        mode=_MODES.get(gain.mode or ""),
        gain_db=gain.gain_db,
        limits=GainRange(min_db=gain.min_db or 0.0, max_db=gain.max_db or 0.0) if known else None,
        last_command_id=gain.last_command_id,
    )


def stats_of(
    tally: Tally,
    status: CaptureStatus,
    capture: Row,
    workers: Sequence[Row],
    busy_percent: Sequence[float | None],
    restarts: dict[str, int],
) -> Stats:
    """`GET /stats`."""
    overruns = capture.get(CaptureCount.DROPPED)
    duty = status.sweep.duty_ratio
    return Stats(
        frames_processed=tally.frames,
        detections_processed=tally.detections,
        events_emitted=tally.events,
        blocks_captured=tally.published,
        blocks_dropped=overruns + tally.lost,
        overruns=overruns,
        sweep_period_ms=status.sweep.last_sweep_ms,
        duty_percent=None if duty is None else 100.0 * duty,
        workers=[
            WorkerStats(
                index=i,
                pid=row.pid or None,
                dwells=row.get(WorkerCount.TAKEN),
                busy_percent=busy_percent[i],
                restarts=row.restarts,
            )
            for i, row in enumerate(workers)
        ],
        blocks_analysed=tally.analysed,
        timeouts=capture.get(CaptureCount.TIMEOUTS),
        reopens=max(0, capture.get(CaptureCount.OPENED) - 1),
        emissions_truncated=tally.truncated,
        log_errors=tally.log_errors,
        restarts=restarts,
    )


def health_of(
    trouble: Sequence[str],
    *,
    engine_running: bool,
    simulated: bool,
    last_event_unix_ms: int | None,
    now_unix_ms: int,
    boot_id: str,
    seq: int,
) -> Health:
    """`GET /health`."""
    return Health(
        status="degraded" if trouble else "ok",
        engine_running=engine_running,
        last_event_timestamp_ms=last_event_unix_ms,
        timestamp_ms=now_unix_ms,
        simulated=simulated,
        boot_id=boot_id,
        seq=seq,
        detail=list(trouble),
    )


def evidence_of(found: TrackEvidence, now_unix_ms: int) -> ContactEvidence:
    """`GET /contacts/{id}/evidence`: every number that was measured; none is weighed singly."""
    contact = found.contact
    return ContactEvidence(
        id=contact.contact_id,
        class_path=list(contact.class_path),
        classification_confidence=contact.classification_confidence,
        evidence_for=[Evidence(name=name, value=value) for name, value in found.values.items()],
        dwells=contact.dwells,
        alternatives=dict(found.alternatives),
        simulated=contact.simulated,
        timestamp_ms=now_unix_ms,
    )
