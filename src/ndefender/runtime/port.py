"""Commands of the AntSDR Scan API: checked against what is known, sent to capture, proven by its reports."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from pathlib import Path
from typing import Any, Literal

import msgspec

from ndefender.api import ports
from ndefender.config.load import load_settings
from ndefender.errors import CommandRejected, ConfigError
from ndefender.runtime import replies
from ndefender.runtime.messages import CaptureCommand, CaptureStatus, CommandKind, Link
from ndefender.runtime.replay import Replayer
from ndefender.runtime.view import FrontView, Seen, now_ms

PROOF_S = 1.0  # a command that stops or starts waits this long for capture to say that it did
PROOF_POLL_S = 0.01


class FrontPort(FrontView):
    """Implements `api.ports.ScanPort` on the event loop.

    Args:
        seen: what the reading half needs.
        config_path: file that a reload reads, None for the usual places.
        link: to capture.
        replayer: plays logs again.
    """

    def __init__(self, seen: Seen, config_path: Path | None, link: Link, replayer: Replayer) -> None:
        super().__init__(seen)
        self._config_path = config_path
        self._link = link
        self._replayer = replayer

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
        return ports.ReloadResult(status="reloaded", changed=applied, timestamp_ms=now_ms())

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

    # --- inside ---------------------------------------------------------------------------------------------------

    def _require_capture(self) -> CaptureStatus:
        status = self._present()
        if status is None:
            raise CommandRejected(503, "capture_away", replies.AWAY)
        return status

    def _require_radio(self, status: CaptureStatus) -> None:
        if not status.device.connected:
            raise CommandRejected(409, "not_connected", f"radio offline: {status.device.last_error or 'not open'}")

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


def _environment() -> dict[str, str]:
    """The environment without the variable that names the file."""
    return {name: value for name, value in os.environ.items() if name != "NDEFENDER_CONFIG"}


def _accepted(command: str, command_id: str) -> ports.CommandResult:
    return ports.CommandResult(
        command=command, command_id=command_id, accepted=True, detail=None, timestamp_ms=now_ms()
    )


def _run_result(status: Literal["started", "stopped"], command: str, command_id: str) -> ports.RunResult:
    return ports.RunResult(
        status=status, command=command, command_id=command_id, accepted=True, detail=None, timestamp_ms=now_ms()
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
