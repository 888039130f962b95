"""Commands to the panel: their arguments with limits, and their lines. Pure.

The firmware drops a line over 512 bytes without a word and acts twice on a command sent twice, so everything is checked
here, before it is on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from ndefender.errors import CommandRejected

MAX_LINE_BYTES = 512  # of the firmware's receive buffer; its LF is counted here to stay on the safe side
MAX_ID_CHARS = 63
MAX_EXACT = 2**53 - 1  # largest integer that every JSON reader keeps exact

Receiver = Annotated[int, Meta(ge=1, le=3)]
Switch = Annotated[int, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1, le=MAX_EXACT)]


class Args(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Arguments of a command that has none, and root of the others."""

    def problem(self) -> str | None:
        """Say which two fields contradict each other, path first, or None."""
        return None


class SetVrxFreq(Args, frozen=True, kw_only=True):
    """`SET_VRX_FREQ`: tune one receiver."""

    vrx_id: Receiver
    freq_hz: Annotated[int, Meta(ge=1_000_000, le=6_500_000_000)]


class StartScan(Args, frozen=True, kw_only=True):
    """`START_SCAN`: walk from `start_hz` to `stop_hz` and begin again."""

    dwell_ms: Annotated[int, Meta(ge=10, le=5000)]
    step_hz: Positive
    start_hz: Positive
    stop_hz: Positive

    def problem(self) -> str | None:
        """The range must not be empty."""
        if self.start_hz < self.stop_hz:
            return None
        return f"$.stop_hz: {self.stop_hz}, must be above start_hz {self.start_hz}"


class LockStrongest(Args, frozen=True, kw_only=True):
    """`LOCK_STRONGEST`: tune a receiver, or the one in use, to the strongest frequency of the scan."""

    vrx_id: Receiver | None = None


class VideoSelect(Args, frozen=True, kw_only=True):
    """`VIDEO_SELECT`: show one receiver's picture."""

    ch: Receiver


class SetLeds(Args, frozen=True, kw_only=True):
    """`SET_LEDS`: red, green, yellow."""

    r: Switch
    g: Switch
    y: Switch


COMMANDS: dict[str, type[Args]] = {
    "SET_VRX_FREQ": SetVrxFreq,
    "START_SCAN": StartScan,
    "STOP_SCAN": Args,
    "LOCK_STRONGEST": LockStrongest,
    "VIDEO_SELECT": VideoSelect,
    "SET_LEDS": SetLeds,
    "GET_STATUS": Args,
}
# Twice is not once for these: a second START_SCAN begins anew, a second LOCK_STRONGEST may find another winner.
NOT_IDEMPOTENT = frozenset({"START_SCAN", "LOCK_STRONGEST"})

_ID = re.compile(r"[!-~]+")  # printable ASCII, so that a character is a byte
_AT = re.compile(r" - at `(?P<path>[^`]*)`$")
_FIELD = re.compile(r"(?:missing required|unknown) field `(?P<name>[^`]*)`")


def encode_command(cmd: str, args: Mapping[str, object], command_id: str) -> bytes:
    """Check a command and return its line, LF included.

    Args:
        cmd: one of `COMMANDS`.
        args: its arguments; a float that is a whole number passes as one.
        command_id: 1..63 printable ASCII characters without blanks.
    Raises:
        CommandRejected: 400 `unknown_cmd`, `invalid_command_id`, `invalid_args` (the message begins with the offending
            field's path) or `line_too_long`.
    """
    kind = COMMANDS.get(cmd)
    if kind is None:
        raise CommandRejected(400, "unknown_cmd", f"cmd: {cmd[:80]!r} is none of {', '.join(COMMANDS)}")
    if len(command_id) > MAX_ID_CHARS or not _ID.fullmatch(command_id):
        raise CommandRejected(
            400, "invalid_command_id", f"id: {command_id[:80]!r}, must be 1..{MAX_ID_CHARS} printable ASCII characters"
        )
    whole = {key: int(v) if isinstance(v, float) and v.is_integer() else v for key, v in args.items()}
    try:
        checked = msgspec.convert(whole, kind)
    except msgspec.ValidationError as error:
        raise CommandRejected(400, "invalid_args", _explain(error, whole)) from None
    problem = checked.problem()
    if problem:
        raise CommandRejected(400, "invalid_args", problem)
    line = msgspec.json.encode({"id": command_id, "cmd": cmd, "args": checked}) + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise CommandRejected(400, "line_too_long", f"{len(line)} bytes, the panel takes {MAX_LINE_BYTES}")
    return line


def _explain(error: msgspec.ValidationError, args: Mapping[str, object]) -> str:
    """Turn msgspec's message into ours: path, value, limit."""
    text = str(error)
    at = _AT.search(text)
    reason = text[: at.start()] if at else text
    named = _FIELD.search(reason)
    path = f"$.{named['name']}" if named else at["path"] if at else "$"
    name = path.removeprefix("$.")
    given = args.get(name)
    # A number of thousands of digits cannot even be printed.
    shown = isinstance(given, float) or (isinstance(given, int) and given.bit_length() <= 64)
    return f"{path}: {reason}{f' (is {given})' if shown else ''}"
