"""What each command does to the capture process."""

from __future__ import annotations

import logging
from typing import Protocol

import msgspec

from ndefender.config.settings import BandSettings
from ndefender.errors import SourceError, SourceLost
from ndefender.ring.ledger import Ledger
from ndefender.runtime.capture_state import Desired, Known, save_desired
from ndefender.runtime.keeper import Calibrates, RadioKeeper
from ndefender.runtime.messages import CaptureCommand

log = logging.getLogger(__name__)


class Obeys(Protocol):
    """What a command may touch."""

    desired: Desired
    known: Known
    keeper: RadioKeeper

    def replan(self) -> None:
        """Lay the hops out anew."""
        ...


def carry_out(command: CaptureCommand, capture: Obeys, ledger: Ledger) -> None:
    """Do what a command says; its id shows up in the status once that is done."""
    try:
        _ACTIONS[command.kind](command, capture)
    except (SourceError, msgspec.ValidationError, KeyError) as error:
        log.error("command %s (%s) failed: %s", command.kind, command.command_id, error)
        capture.known.last_error = f"{command.kind}: {error}"
        if isinstance(error, SourceLost):
            capture.keeper.lost(error)
    save_desired(ledger, capture.desired)
    capture.known.dirty = True


def _start(command: CaptureCommand, capture: Obeys) -> None:
    desired, plan = capture.desired, command.args.get("plan")
    if plan is not None and plan != desired.plan:
        if plan not in desired.plans:
            raise KeyError(f"no plan of the name {plan}")
        desired.plan = plan
        capture.replan()
    desired.running, desired.sweep_command_id = True, command.command_id
    log.info("sweep started, plan %s", desired.plan)


def _stop(command: CaptureCommand, capture: Obeys) -> None:
    capture.desired.running, capture.desired.sweep_command_id = False, command.command_id
    log.info("sweep stopped")


def _plan(command: CaptureCommand, capture: Obeys) -> None:
    desired = capture.desired
    desired.plans = msgspec.convert(command.args["plans"], dict[str, list[BandSettings]])
    desired.plan = str(command.args["active"])
    desired.sweep_command_id = command.command_id
    capture.replan()


def _gain(command: CaptureCommand, capture: Obeys) -> None:
    desired, gain_db = capture.desired, command.args.get("gain_db")
    desired.gain_mode = str(command.args["mode"])
    desired.gain_db = None if gain_db is None else float(gain_db)
    desired.gain_command_id = command.command_id
    log.info("gain: %s%s", desired.gain_mode, "" if gain_db is None else f", {gain_db} dB")


def _reset(command: CaptureCommand, capture: Obeys) -> None:
    capture.keeper.close()
    capture.desired.device_command_id = command.command_id
    log.info("radio reset: opening it again")


def _calibrate(command: CaptureCommand, capture: Obeys) -> None:
    source = capture.keeper.source
    if not isinstance(source, Calibrates):
        raise SourceError("this radio has no calibrations")
    source.calibrate(str(command.args["kind"]))
    capture.desired.device_command_id = command.command_id
    log.info("radio calibrated: %s", command.args["kind"])


_ACTIONS = {
    "start": _start,
    "stop": _stop,
    "plan": _plan,
    "gain": _gain,
    "reset": _reset,
    "calibrate": _calibrate,
}
