"""What the capture process wants, and what it knows: the first survives a kill, the second is told to the front."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ndefender.config.settings import BandSettings
from ndefender.radio.plan import HopPlan
from ndefender.radio.source import GainLimits, SourceInfo, Tuning
from ndefender.ring.ledger import Ledger
from ndefender.runtime.messages import (
    CaptureStatus,
    DeviceStatus,
    GainStatus,
    PlanStatus,
    SpanStatus,
    SweepStatus,
)


class Desired(msgspec.Struct):
    """What commands asked for so far; kept in a ledger, so that a capture process that was killed goes on with it.

    Args:
        running: sweep.
        plan: name of the active plan.
        plans: bands by plan.
        gain_mode: gain mode of every hop.
        gain_db: gain of every hop; None for each band's own.
        sweep_command_id, gain_command_id, device_command_id: newest commands carried out.
    """

    running: bool
    plan: str
    plans: dict[str, list[BandSettings]]
    gain_mode: str
    gain_db: float | None = None
    sweep_command_id: str | None = None
    gain_command_id: str | None = None
    device_command_id: str | None = None


def load_desired(ledger: Ledger, default: Desired) -> Desired:
    """Read what a killed predecessor was asked for; `default` when there was none."""
    record = ledger.load()
    return default if record is None else msgspec.msgpack.decode(record, type=Desired)


def save_desired(ledger: Ledger, desired: Desired) -> None:
    """Keep what was asked for."""
    ledger.commit(msgspec.msgpack.encode(desired))


@dataclass(slots=True)
class Known:
    """What is known of the radio and the sweep.

    Args:
        uri: as configured.
        info: what answered, None while the radio is away.
        silent: it is open, but gave nothing when it was last read.
        tuning: as read back last.
        limits: gain limits at that LO.
        common: gain limits that hold at every LO visited since the radio was opened.
        temperature_c: newest.
        last_error: why the radio is away, or what failed last.
        calibrations: kinds the radio offers.
        simulated: whether the radio that answered last said that its samples are not from the air.
        plan: active hop plan, None before a radio was ever opened.
        dirty: something changed that the front should hear of at once.
    """

    uri: str
    info: SourceInfo | None = None
    silent: bool = False
    tuning: Tuning | None = None
    limits: GainLimits | None = None
    common: GainLimits | None = None
    temperature_c: float | None = None
    last_error: str | None = None
    calibrations: tuple[str, ...] = ()
    plan: HopPlan | None = None
    hop_index: int | None = None
    last_sweep_ms: float | None = None
    duty_ratio: float | None = None
    finished: bool = False
    simulated: bool = False
    dirty: bool = True


def plan_status(name: str, bands: list[BandSettings], step_hz: float) -> PlanStatus:
    """Summarise a plan."""
    return PlanStatus(
        name=name,
        start_hz=min((b.start_hz for b in bands), default=0.0),
        stop_hz=max((b.stop_hz for b in bands), default=0.0),
        step_hz=step_hz,
        bands=[SpanStatus(b.name, b.start_hz, b.stop_hz) for b in bands],
    )


def status_of(known: Known, desired: Desired, step_hz: float) -> CaptureStatus:
    """Build the message to the front.

    Args:
        step_hz: widest distance of two tunings.
    """
    info, tuning, plan = known.info, known.tuning, known.plan
    connected = info is not None
    device = DeviceStatus(
        connected=connected and not known.silent,
        uri=known.uri,
        model=(info.model or None) if info else None,
        serial=(info.serial or None) if info else None,
        temperature_c=known.temperature_c if connected else None,
        sample_rate_hz=tuning.rate_hz if connected and tuning else None,
        last_error=known.last_error,
        simulated=known.simulated,
        calibrations=list(known.calibrations),
        last_command_id=desired.device_command_id,
    )
    sweep = SweepStatus(
        running=desired.running and not known.finished,
        active_plan=desired.plan or None,
        plan_id=plan.plan_id if plan else 0,
        plans=[plan_status(name, bands, step_hz) for name, bands in desired.plans.items()],
        hop_index=known.hop_index if desired.running and connected else None,
        hops=len(plan.hops) if plan else 0,
        last_sweep_ms=known.last_sweep_ms,
        duty_ratio=known.duty_ratio,
        impossible=list(plan.impossible) if plan else [],
        last_command_id=desired.sweep_command_id,
    )
    limits, common = (known.limits, known.common) if connected else (None, None)
    gain = GainStatus(
        mode=tuning.gain_mode if connected and tuning else None,
        gain_db=tuning.gain_db if connected and tuning else None,
        min_db=limits.min_db if limits else None,
        max_db=limits.max_db if limits else None,
        common_min_db=common.min_db if common else None,
        common_max_db=common.max_db if common else None,
        last_command_id=desired.gain_command_id,
    )
    return CaptureStatus(device, sweep, gain, known.finished)
