"""The front's side of the AntSDR Scan API: answers from memory, commands sent to capture."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ndefender import __version__
from ndefender.api import ports
from ndefender.config.load import load_settings
from ndefender.config.settings import Settings
from ndefender.errors import CommandRejected, ConfigError
from ndefender.events.encode import contact_data
from ndefender.runtime import replies
from ndefender.runtime.messages import CaptureCommand, CaptureStatus, CommandKind, Link
from ndefender.runtime.replay import Replayer
from ndefender.runtime.shared import Shared
from ndefender.runtime.spectra import SpectrumStore
from ndefender.runtime.vitals import Vitals
from ndefender.units import NS_PER_MS, NS_PER_S

STALE_NS = 2 * NS_PER_S  # capture reports twice a second
PROOF_S = 1.0  # a command that stops or starts waits this long for capture to say that it did
PROOF_POLL_S = 0.01


class EventFeed(Protocol):
    """What the port needs of `events.bus.Bus`."""

    def subscribe(self, queue_events: int) -> ports.Subscription:
        """Listen from now on."""
        ...

    def last(self, limit: int) -> Sequence[bytes]:
        """Newest envelopes, oldest first."""
        ...

    @property
    def seq(self) -> int | None:
        """Number of the newest envelope, None before the first."""
        ...


class FrontPort:
    """Implements `api.ports.ScanPort` on the event loop.

    Args:
        settings: as the service was started with.
        config_path: file that a reload reads, None for the usual places.
        shared, spectra: what the tracker thread shows.
        vitals: who is alive, how busy, restarted how often.
        link: to capture.
        feed: events.
        replayer: plays logs again.
        boot_id: of this run.
        last_seq: number of the newest event before this process began.
    """

    def __init__(
        self,
        settings: Settings,
        config_path: Path | None,
        shared: Shared,
        spectra: SpectrumStore,
        vitals: Vitals,
        link: Link,
        feed: EventFeed,
        replayer: Replayer,
        boot_id: str,
        last_seq: int,
    ) -> None:
        self._settings = settings
        self._config_path = config_path
        self._shared = shared
        self._spectra = spectra
        self._vitals = vitals
        self._link = link
        self._feed = feed
        self._replayer = replayer
        self._boot_id = boot_id
        self._last_seq = last_seq

    # --- reading ---------------------------------------------------------------------------------------------------

    def health(self) -> ports.Health:
        """State of the service."""
        status, shared = self._present(), self._shared
        trouble = []
        if status is None:
            trouble.append(replies.AWAY)
        elif not status.device.connected:
            trouble.append(f"radio offline: {status.device.last_error or 'not opened yet'}")
        if not self._vitals.any_worker:
            trouble.append("no analysis worker is running")
        if shared.log_trouble:
            trouble.append(f"events are not logged: {shared.log_trouble}")
        running = bool(status and status.device.connected and status.sweep.running and self._vitals.any_worker)
        return replies.health_of(
            trouble,
            engine_running=running,
            simulated=shared.status.device.simulated,
            last_event_unix_ms=shared.last_event_unix_ms,
            now_unix_ms=_now_ms(),
            boot_id=self._boot_id,
            seq=self._feed.seq or self._last_seq,
        )

    def version(self) -> ports.Version:
        """Version of the package."""
        return ports.Version(version=__version__)

    def stats(self) -> ports.Stats:
        """Counters."""
        vitals = self._vitals
        return replies.stats_of(
            self._shared.tally,
            self._shared.status,
            vitals.capture,
            vitals.workers,
            vitals.busy_percent(),
            vitals.restarts(),
        )

    def device(self) -> ports.Device:
        """What is known of the radio."""
        return replies.device_of(self._present(), self._settings.radio.uri)

    def sweep_state(self) -> ports.SweepState:
        """The plans and where in them the radio is."""
        return replies.sweep_of(self._shared.status, away=self._present() is None)

    def gain(self) -> ports.Gain:
        """Gain and its limits at the present LO."""
        return replies.gain_of(self._present())

    def config(self) -> Mapping[str, object]:
        """Effective configuration."""
        shown: Mapping[str, object] = msgspec.to_builtins(self._settings)
        return shown

    def contacts(self) -> Sequence[msgspec.Struct]:
        """Live contacts, newest first."""
        return [contact_data(contact) for contact in self._shared.contacts]

    def evidence(self, contact_id: str) -> ports.ContactEvidence:
        """The numbers behind a contact's class."""
        found = self._shared.evidence.get(contact_id)
        if found is None:
            raise CommandRejected(404, "unknown_contact", f"no live contact has the id {contact_id}")
        return replies.evidence_of(found, _now_ms())

    def bands(self) -> Sequence[str]:
        """Names of the bands of the active plan."""
        return list(self._spans())

    def spectrum(self, band: str) -> ports.Spectrum | None:
        """Newest spectrum of a band."""
        span = self._spans().get(band)
        if span is None:
            there = ", ".join(self._spans()) or "none"
            raise CommandRejected(404, "unknown_band", f"no band {band}; there are: {there}")
        return self._spectra.over(band, *span)

    def events_last(self, limit: int) -> Sequence[bytes]:
        """Newest envelopes, oldest first."""
        return self._feed.last(limit)

    def subscribe(self, queue_events: int) -> ports.Subscription:
        """Listen from now on."""
        return self._feed.subscribe(queue_events)

    # --- commands --------------------------------------------------------------------------------------------------

    async def config_reload(self) -> ports.ReloadResult:
        """Read the configuration again; plans take effect at once, the rest with the next start."""
        if self._require_capture().sweep.running:
            raise CommandRejected(409, "scan_running", "stop the scan before reloading its configuration")
        try:
            fresh = await asyncio.to_thread(load_settings, self._config_path, _environment())
        except ConfigError as error:
            raise CommandRejected(400, "invalid_config", str(error)) from error
        changed = _differences("", msgspec.to_builtins(self._settings), msgspec.to_builtins(fresh))
        applied = [path for path in changed if path.split(".")[0] in {"plan", "scan"}]
        if applied:
            plans = msgspec.to_builtins(fresh.plan)
            self._send("plan", {"plans": plans, "active": fresh.scan.plan})
            self._settings = msgspec.structs.replace(self._settings, plan=fresh.plan, scan=fresh.scan)
        return ports.ReloadResult(status="reloaded", changed=applied, timestamp_ms=_now_ms())

    async def run_start(self) -> ports.RunResult:
        """Start capture and analysis."""
        if self._require_capture().sweep.running:
            raise CommandRejected(409, "already_running", "the scan runs already")
        command_id = await self._proven("start", {})
        return _run_result("started", "run/start", command_id)

    async def run_stop(self) -> ports.RunResult:
        """Stop capture and analysis."""
        if not self._require_capture().sweep.running:
            raise CommandRejected(409, "not_running", "no scan runs")
        command_id = await self._proven("stop", {})
        return _run_result("stopped", "run/stop", command_id)

    async def run_replay(self, request: ports.ReplayRequest) -> ports.ReplayResult:
        """Replay a log off the loop."""
        return await self._replayer.run(request)

    async def sweep_start(self, plan: str | None) -> ports.CommandResult:
        """Sweep with a plan."""
        status = self._require_capture()
        if plan is not None and plan not in {p.name for p in status.sweep.plans}:
            names = ", ".join(p.name for p in status.sweep.plans)
            raise CommandRejected(404, "unknown_plan", f"no plan {plan}; there are {names or 'none'}")
        self._require_radio(status)
        return _accepted("sweep/start", self._send("start", {} if plan is None else {"plan": plan}))

    async def sweep_stop(self) -> ports.CommandResult:
        """Stop sweeping."""
        self._require_capture()
        return _accepted("sweep/stop", self._send("stop", {}))

    async def gain_set(self, mode: ports.GainMode, gain_db: float | None) -> ports.CommandResult:
        """Set the gain of every hop."""
        status = self._require_capture()
        self._require_radio(status)
        low, high = status.gain.common_min_db, status.gain.common_max_db
        if gain_db is not None and low is not None and high is not None and not low <= gain_db <= high:
            message = f"gain_db {gain_db:g} is outside {low:g}..{high:g}, what every band of the plan allows"
            raise CommandRejected(400, "gain_out_of_range", message)
        return _accepted("gain/set", self._send("gain", {"mode": mode, "gain_db": gain_db}))

    async def device_reset(self) -> ports.CommandResult:
        """Close and open the radio again."""
        self._require_capture()
        return _accepted("device/reset", self._send("reset", {}))

    async def device_calibrate(self, kind: str) -> ports.CommandResult:
        """Run one of the radio's calibrations."""
        status = self._require_capture()
        self._require_radio(status)
        kinds = status.device.calibrations
        if kind not in kinds:
            there = ", ".join(kinds) or "none on this radio"
            raise CommandRejected(400, "unknown_calibration", f"no calibration {kind}; there are: {there}")
        return _accepted("device/calibrate", self._send("calibrate", {"kind": kind}))

    # --- inside ----------------------------------------------------------------------------------------------------

    def _present(self) -> CaptureStatus | None:
        """Newest report of capture, None while it is away."""
        shared = self._shared
        fresh = shared.status_ns and time.monotonic_ns() - shared.status_ns < STALE_NS
        return shared.status if fresh and self._vitals.capture.pid else None

    def _require_capture(self) -> CaptureStatus:
        status = self._present()
        if status is None:
            raise CommandRejected(503, "capture_away", replies.AWAY)
        return status

    def _require_radio(self, status: CaptureStatus) -> None:
        if not status.device.connected:
            raise CommandRejected(409, "not_connected", f"radio offline: {status.device.last_error or 'not open'}")

    def _spans(self) -> dict[str, tuple[float, float]]:
        """Bands of the active plan: as capture says, before that as configured."""
        sweep = self._shared.status.sweep
        for plan in sweep.plans:
            if plan.name == sweep.active_plan:
                return {band.name: (band.start_hz, band.stop_hz) for band in plan.bands}
        configured = self._settings.plan.get(self._settings.scan.plan, [])
        return {band.name: (band.start_hz, band.stop_hz) for band in configured}

    def _send(self, kind: CommandKind, args: dict[str, Any]) -> str:
        """Send a command; its id."""
        command_id = str(uuid.uuid4())
        if not self._link.send(CaptureCommand(command_id, kind, args)):
            raise CommandRejected(503, "capture_away", "the capture process takes no commands at the moment")
        return command_id

    async def _proven(self, kind: CommandKind, args: dict[str, Any]) -> str:
        """Send a command to the sweep and wait a moment for capture to say that it is carried out."""
        command_id = self._send(kind, args)
        deadline_s = time.monotonic() + PROOF_S
        while self._shared.status.sweep.last_command_id != command_id and time.monotonic() < deadline_s:
            await asyncio.sleep(PROOF_POLL_S)
        return command_id


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS


def _environment() -> dict[str, str]:
    """The environment without the variable that names the file."""
    return {name: value for name, value in os.environ.items() if name != "NDEFENDER_CONFIG"}


def _accepted(command: str, command_id: str) -> ports.CommandResult:
    return ports.CommandResult(
        command=command, command_id=command_id, accepted=True, detail=None, timestamp_ms=_now_ms()
    )


def _run_result(status: Any, command: str, command_id: str) -> ports.RunResult:
    return ports.RunResult(
        status=status, command=command, command_id=command_id, accepted=True, detail=None, timestamp_ms=_now_ms()
    )


def _differences(path: str, before: object, after: object) -> list[str]:
    """Dotted paths of what differs between two trees of JSON types."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted({*before, *after})
        return [
            each
            for key in keys
            for each in _differences(f"{path}.{key}" if path else str(key), before.get(key), after.get(key))
        ]
    return [] if before == after else [path]
