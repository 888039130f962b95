"""Main loop of the capture process: tune, read a dwell into the ring, publish; between dwells obey and report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from ndefender.errors import EndOfRecording, SourceError, SourceLost, SourceTimeout, TuningRejected
from ndefender.radio.plan import Band, HopPlan
from ndefender.radio.source import GainMode, Source, SourceInfo, Tuning
from ndefender.ring.board import Row
from ndefender.ring.ledger import Ledger
from ndefender.ring.queue import WorkQueue
from ndefender.ring.ring import RingWriter
from ndefender.runtime.admission import Admission
from ndefender.runtime.capture_commands import carry_out
from ndefender.runtime.capture_state import Desired, Known, load_desired, status_of
from ndefender.runtime.exits import EXIT_FINISHED, EXIT_OK
from ndefender.runtime.header import DwellFacts, fill_header
from ndefender.runtime.keeper import RadioKeeper
from ndefender.runtime.mapping import band_of
from ndefender.runtime.messages import CaptureCommand, Link
from ndefender.runtime.recording_plan import plan_for_recording
from ndefender.runtime.sweep import Sweep
from ndefender.runtime.wiring import CaptureCount
from ndefender.runtime.worker import block_view
from ndefender.units import NS_PER_S

STATUS_EVERY_NS = NS_PER_S // 2
IDLE_S = 0.25  # longest sleep while there is nothing to do; also the beat of an idle loop

log = logging.getLogger(__name__)

Planner = Callable[[int, str, Sequence[Band], SourceInfo], HopPlan]


@dataclass(frozen=True, slots=True)
class CaptureParts:
    """What the loop works with.

    Args:
        make_source: gives a fresh, closed source.
        planner: (plan number, name, bands, what the radio can do) → hops.
        ring, queue: where dwells go.
        row: beat and counters.
        link: to the front.
        ledger: keeps what was asked for over a kill.
        workers_ready: whether anybody is there to work; asked until it says yes once.
        admission: whole dwells in or out.
        default: what to do when nothing was asked for yet.
        uri: shown as the radio's address.
        step_hz: widest distance of two tunings.
        slot_samples: longest dwell.
        timeout_s: no samples for this long is a loss.
        reopen_max_s: longest pause between attempts to reopen.
        clock_ns: monotonic.
        pause: waits for a command, at most so many seconds.
    """

    make_source: Callable[[], Source]
    planner: Planner
    ring: RingWriter
    queue: WorkQueue
    row: Row
    link: Link
    ledger: Ledger
    workers_ready: Callable[[], bool]
    admission: Admission
    default: Desired
    uri: str
    step_hz: float
    slot_samples: int
    timeout_s: float
    reopen_max_s: float
    clock_ns: Callable[[], int]
    pause: Callable[[float], None]


class Capture:
    """The loop and its state."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts
        self.desired = load_desired(parts.ledger, parts.default)
        self.known = Known(parts.uri)
        self.keeper = RadioKeeper(parts.make_source, self.known, parts.row, parts.reopen_max_s, parts.clock_ns)
        self._sweep: Sweep | None = None
        self._status_ns = 0
        self._workers_seen = False
        self._gap = True

    def run(self, stopping: Callable[[], bool]) -> int:
        """Work until asked to stop or until a recording ends.

        Returns:
            exit code: EXIT_OK, or EXIT_FINISHED at the end of a recording.
        Raises:
            RecordingError: the recording cannot be used.
        """
        try:
            while not stopping() and not self.known.finished:
                self._parts.row.beat_ns = self._parts.clock_ns()
                self._obey()
                self._report()
                self._turn()
        finally:
            self.keeper.close()
        self.known.dirty = True
        self._report()
        return EXIT_FINISHED if self.known.finished else EXIT_OK

    def _turn(self) -> None:
        """Do the next thing: open, idle, or take a dwell."""
        if self.keeper.source is None:
            if self.keeper.try_open():
                self.replan()
            else:
                self._idle(min(IDLE_S, self.keeper.wait_s() or IDLE_S))
            return
        if not self._workers_seen:
            self._workers_seen = self._parts.workers_ready()
        sweep = self._sweep
        if not self.desired.running or sweep is None or not self._workers_seen:
            self._idle(0.02 if self.desired.running and not self._workers_seen else IDLE_S)
            if self._sweep is not None:
                self._sweep.interrupted()
            return
        try:
            self.keeper.read_temperature()
            self._dwell(sweep)
        except SourceTimeout as error:
            self.keeper.timed_out(error)
        except TuningRejected as error:
            self.keeper.rejected(error, sweep.hop.index)
            self._advance(sweep)
        except EndOfRecording:
            self.known.finished = True
        except SourceLost as error:
            self.keeper.lost(error)
        except SourceError as error:  # whatever else a source reports: it cannot be worked with as it is
            self.keeper.lost(error)

    def _idle(self, timeout_s: float) -> None:
        """Wait for a command."""
        self._parts.pause(timeout_s)

    # --- one dwell -------------------------------------------------------------------------------------------------

    def _dwell(self, sweep: Sweep) -> None:
        """Take one dwell at the present hop; publish it or, when the workers are behind, drop it whole."""
        parts, hop, source, info = self._parts, sweep.hop, self.keeper.source, self.known.info
        assert source is not None
        assert info is not None
        n_samples = min(hop.dwell_samples, parts.slot_samples)
        self._gap |= self.keeper.tune(self._tuning(sweep, n_samples))
        admitted = parts.admission.admits(parts.queue.pending())
        block, samples = block_view(parts.ring.reserve())
        parts.row.add(CaptureCount.BEGUN)
        meta = source.read_into(samples[:n_samples], parts.timeout_s / 2)
        self.keeper.delivered()
        self.known.hop_index, self.known.tuning = hop.index, meta.tuning
        sweep.sampled(meta.n_samples, meta.tuning.rate_hz)
        if admitted:
            fill_header(block, meta, info, hop, self._facts(sweep))
            parts.queue.put(parts.ring.publish())
            self._gap = False
        else:
            parts.row.add(CaptureCount.DROPPED)
            self._gap = True
        self._advance(sweep)
        if meta.last:
            raise EndOfRecording(f"{info.uri} ends")

    def _facts(self, sweep: Sweep) -> DwellFacts:
        """Number the dwell, and tell what was dropped since the one before it."""
        row = self._parts.row
        dropped = row.get(CaptureCount.DROPPED)
        lost_before = dropped - row.get(CaptureCount.REPORTED)
        row.counters[CaptureCount.REPORTED] = dropped
        return DwellFacts(
            seq=self._parts.ring.newest() + 1,
            dwells_lost_before=lost_before,
            captured_ns=self._parts.clock_ns(),
            plan_id=sweep.plan.plan_id,
            sweep_index=sweep.number,
            source_epoch=row.get(CaptureCount.OPENED),
            after_gap=self._gap,
        )

    def _tuning(self, sweep: Sweep, n_samples: int) -> Tuning:
        """What the present hop asks of the radio."""
        hop, plan, desired = sweep.hop, sweep.plan, self.desired
        modes: dict[str, GainMode] = {"slow_attack": "slow_attack", "fast_attack": "fast_attack"}
        return Tuning(
            center_hz=hop.center_hz,
            rate_hz=plan.rate_hz,
            bandwidth_hz=plan.bandwidth_hz,
            gain_mode=modes.get(desired.gain_mode, "manual"),
            gain_db=hop.gain_db if desired.gain_db is None else desired.gain_db,
            rx_port=hop.rx_port,
            dwell_samples=n_samples,
        )

    def _advance(self, sweep: Sweep) -> None:
        """Go on to the next hop; a sweep on which the radio refused everything is followed by a rest."""
        number = sweep.number
        barren = sweep.advance(self._parts.clock_ns())
        if sweep.number != number:
            self._parts.row.counters[CaptureCount.SWEEPS] = sweep.number
            self.known.last_sweep_ms, self.known.duty_ratio = sweep.last_sweep_ms, sweep.duty_ratio
        if barren:
            self._idle(IDLE_S)

    # --- plan, commands, reports -----------------------------------------------------------------------------------

    def replan(self) -> None:
        """Lay out the hops of the active plan for the radio at hand."""
        info, source, row = self.known.info, self.keeper.source, self._parts.row
        if info is None or source is None:
            return
        row.add(CaptureCount.PLANS)
        plan_id, name = row.get(CaptureCount.PLANS), self.desired.plan
        bands = tuple(band_of(band) for band in self.desired.plans.get(name, []))
        if info.finite:
            plan = plan_for_recording(plan_id, name, bands, source, self._parts.slot_samples)
        else:
            plan = self._parts.planner(plan_id, name, bands, info)
        self.known.plan, self.known.hop_index, self.known.dirty = plan, None, True
        for band_name, reason in plan.impossible:
            log.warning("band %s cannot be watched: %s", band_name, reason)
        for note in plan.notes:
            log.warning("plan %s: %s", name, note)
        log.info("plan %s: %d bands in %d hops", name, len(plan.bands), len(plan.hops))
        self._sweep = Sweep(plan, row.get(CaptureCount.SWEEPS), self._parts.clock_ns()) if plan.hops else None
        if self._sweep is None:
            self.known.last_error = f"plan {name} has nothing that this radio can receive"

    def _obey(self) -> None:
        """Carry out all commands that wait."""
        while (message := self._parts.link.receive()) is not None:
            try:
                command = msgspec.json.decode(message, type=CaptureCommand)
            except msgspec.DecodeError as error:
                log.error("command not understood: %s", error)
                continue
            carry_out(command, self, self._parts.ledger)

    def _report(self) -> None:
        """Tell the front how things are, twice a second and at once after a change."""
        now_ns = self._parts.clock_ns()
        if self.known.dirty or now_ns - self._status_ns >= STATUS_EVERY_NS:
            self._parts.link.send(status_of(self.known, self.desired, self._parts.step_hz))
            self._status_ns, self.known.dirty = now_ns, False
