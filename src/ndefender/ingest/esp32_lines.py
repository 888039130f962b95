"""One line of the panel: decoded, checked for sense, ready to be passed on. Pure.

The line has no checksum, so a damaged digit looks like a value: what lies outside what the panel can mean is nonsense.
Fields that this version does not know pass through.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

MAX_DEPTH = 8  # of nested arrays and objects that are passed on
INT64 = 2**63

Stamp = Annotated[int, Meta(ge=0, lt=2**32)]
Channel = Annotated[int, Meta(ge=1, le=3)]
Switch = Annotated[int, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(max_length=63)]


class BadLine(ValueError):
    """A line that is no message of the panel. Reaction: count it, go on with the next."""


class _Receiver(msgspec.Struct):
    id: Channel
    freq_hz: Annotated[int, Meta(ge=1_000_000, le=6_500_000_000)]
    rssi_raw: Annotated[int, Meta(ge=0, le=4095)]  # a 12-bit ADC's mean


class _Video(msgspec.Struct):
    selected: Channel | UnsetType = UNSET


class _Leds(msgspec.Struct):
    r: Switch | UnsetType = UNSET
    y: Switch | UnsetType = UNSET
    g: Switch | UnsetType = UNSET


class _System(msgspec.Struct):
    uptime_ms: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    heap: Annotated[int, Meta(ge=0)] | UnsetType = UNSET


class _Message(msgspec.Struct, tag_field="type"):
    timestamp_ms: Stamp


class Telemetry(_Message, tag="telemetry"):
    """The heartbeat. Only `timestamp_ms` and `vrx` must be there."""

    vrx: Annotated[list[_Receiver], Meta(min_length=1, max_length=3)]
    sel: Channel | UnsetType = UNSET
    video: _Video | UnsetType = UNSET
    led: _Leds | UnsetType = UNSET
    sys: _System | UnsetType = UNSET
    fw_version: Name | UnsetType = UNSET
    simulated: bool | UnsetType = UNSET


class Ack(_Message, tag="command_ack"):
    """Answer to a command. Older firmware leaves `data` out, and says "unknown" for an id it did not get."""

    id: Name
    ok: bool
    err: Name | None = None
    data: dict[str, Any] | None = None


class Log(_Message, tag="log_event"):
    """Something the panel wants to have said."""

    message: str


Message = Telemetry | Ack | Log


def parse_line(line: bytes) -> tuple[Message, dict[str, Any]]:
    """Read one line.

    Args:
        line: without its end.
    Returns:
        The message, and all of its fields as they go out: integers that the panel wrote as `5.74e9` are integers again.
    Raises:
        BadLine: not JSON, not UTF-8, not a message, or values that make no sense; says which.
    """
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadLine(f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadLine("not an object")
    fields = _plain(fields, 1)
    try:
        message = msgspec.convert(fields, Message)
    except msgspec.ValidationError as error:
        raise BadLine(str(error)) from None
    if isinstance(message, Telemetry) and len({receiver.id for receiver in message.vrx}) != len(message.vrx):
        raise BadLine("two receivers with one id - at `$.vrx`")
    return message, fields


def _plain(value: Any, depth: int) -> Any:
    """Copy JSON with whole numbers as integers; refuse what our own encoder or a reader would choke on."""
    if depth > MAX_DEPTH:
        raise BadLine(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, int) and not -INT64 <= value < INT64:
        raise BadLine("a number beyond 64 bits")
    return value
