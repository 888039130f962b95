"""What capture and front tell one another, and the socket they do it over."""

from __future__ import annotations

import select
import socket
from typing import Any, Literal

import msgspec

MAX_MESSAGE_BYTES = 1 << 16

CommandKind = Literal["start", "stop", "plan", "gain", "reset", "calibrate"]


class CaptureCommand(msgspec.Struct, frozen=True):
    """One order to the capture process.

    Args:
        command_id: shows up as `last_command_id` once it is carried out.
        kind: which.
        args: `start`: `{plan?}`; `plan`: `{plans, active}`; `gain`: `{mode, gain_db?}`; `calibrate`: `{kind}`.
    """

    command_id: str
    kind: CommandKind
    args: dict[str, Any] = {}


class DeviceStatus(msgspec.Struct, frozen=True):
    """What is known of the radio. `calibrations` names those it offers."""

    connected: bool = False
    uri: str = ""
    model: str | None = None
    serial: str | None = None
    temperature_c: float | None = None
    sample_rate_hz: float | None = None
    last_error: str | None = None
    simulated: bool = False
    calibrations: list[str] = []
    last_command_id: str | None = None


class SpanStatus(msgspec.Struct, frozen=True):
    """A band of the active plan."""

    name: str
    start_hz: float
    stop_hz: float


class PlanStatus(msgspec.Struct, frozen=True):
    """A plan by name; see `api.answers.PlanState`."""

    name: str
    start_hz: float
    stop_hz: float
    step_hz: float
    bands: list[SpanStatus]


class SweepStatus(msgspec.Struct, frozen=True):
    """Where in which plan the radio is. `impossible`: (band, reason). `duty_ratio`: of the newest sweep."""

    running: bool = False
    active_plan: str | None = None
    plan_id: int = 0
    plans: list[PlanStatus] = []
    hop_index: int | None = None
    hops: int = 0
    last_sweep_ms: float | None = None
    duty_ratio: float | None = None
    impossible: list[tuple[str, str]] = []
    last_command_id: str | None = None


class GainStatus(msgspec.Struct, frozen=True):
    """Gain as read back, its limits at the present LO; None while no radio is open.

    Args:
        common_min_db, common_max_db: limits that hold at every LO of the plan visited so far.
    """

    mode: str | None = None
    gain_db: float | None = None
    min_db: float | None = None
    max_db: float | None = None
    common_min_db: float | None = None
    common_max_db: float | None = None
    last_command_id: str | None = None


class CaptureStatus(msgspec.Struct, frozen=True):
    """Everything capture says of itself, twice a second and at once when it changes.

    Args:
        finished: a recording came to its end.
    """

    device: DeviceStatus = DeviceStatus()
    sweep: SweepStatus = SweepStatus()
    gain: GainStatus = GainStatus()
    finished: bool = False


class Link:
    """One end of the socket pair between front and capture: whole messages, never waits.

    Args:
        end: a non-blocking SOCK_SEQPACKET socket.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        end.setblocking(False)

    def fileno(self) -> int:
        """Descriptor that is readable when a message waits."""
        return self._end.fileno()

    def send(self, message: CaptureCommand | CaptureStatus) -> bool:
        """Send a message; False when the other end has not read for so long that there is no room."""
        try:
            self._end.send(msgspec.json.encode(message))
        except BlockingIOError:
            return False
        return True

    def receive(self) -> bytes | None:
        """Take the oldest message, None when there is none."""
        try:
            return self._end.recv(MAX_MESSAGE_BYTES) or None
        except BlockingIOError:
            return None

    def wait(self, timeout_s: float) -> None:
        """Sleep until a message waits, at most `timeout_s`."""
        select.select([self._end], [], [], timeout_s)


def link_pair() -> tuple[socket.socket, socket.socket]:
    """Create the two ends: (front's, capture's)."""
    front, capture = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return front, capture
