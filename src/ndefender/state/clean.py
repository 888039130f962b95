"""What feeds say, made fit for the wire: JSON types only, finite numbers, times since the epoch, bounded size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

# A line of a log may be 256 KB; no contact has that much to say, and a thousand of them must fit into memory.
MAX_DATA_BYTES: Final = 16_384
MAX_ID_CHARS: Final = 128
_MAX_DEPTH: Final = 12
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1

# Milliseconds of 2000-01-01: a smaller number is a clock since boot, or seconds.
_EPOCH_MIN_MS: Final = 946_684_800_000
_AHEAD_MS: Final = 2_000  # clocks of two boxes may differ by this without being called wrong
_SECONDS_WITHIN_MS: Final = 86_400_000

Shape = Literal["int", "float", "str", "object"]


def plain(value: object, depth: int = 0) -> Any:
    """Copy a value as JSON types.

    Args:
        value: anything.
        depth: levels above it.
    Returns:
        the same; null in place of NaN, infinities, integers over 64 bits, what no JSON has, and levels too deep.
    """
    if isinstance(value, Mapping | list | tuple):
        if depth >= _MAX_DEPTH:
            return None
        if isinstance(value, Mapping):
            return {_text(key): plain(item, depth + 1) for key, item in value.items() if isinstance(key, str)}
        return [plain(item, depth + 1) for item in value]
    return _scalar(value)


def event_data(value: object) -> dict[str, Any] | None:
    """Copy the `data` of an event as JSON types; None where it is no object, or larger than any should be."""
    if not isinstance(value, Mapping):
        return None
    data: dict[str, Any] = plain(value)
    return data if len(msgspec.json.encode(data)) <= MAX_DATA_BYTES else None


def shaped(data: dict[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Make a known field that has not its type null: a client relies on the types.

    Args:
        data: of an event.
        shapes: type of each known field; others are left alone.
    """
    return {key: _as(shapes[key], item) if key in shapes else item for key, item in data.items()}


def contact_id(data: Mapping[str, Any]) -> str | None:
    """Read the `id`, None where it is no usable one."""
    found = data.get("id")
    return found if isinstance(found, str) and 0 < len(found) <= MAX_ID_CHARS else None


def epoch_ms(said: object, unix_ms: int) -> tuple[int, bool]:
    """Make milliseconds since the epoch of what a feed calls a time.

    Args:
        said: what it said.
        unix_ms: this box's own clock, milliseconds since the epoch.
    Returns:
        a time that is not after `unix_ms`, and whether what was said is nonsense: in the future, since some boot,
        no number. Seconds are understood where they mean the last day.
    """
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        return unix_ms, True
    at_ms = int(said)
    if at_ms > unix_ms:
        return unix_ms, at_ms > unix_ms + _AHEAD_MS
    if at_ms >= _EPOCH_MIN_MS:
        return at_ms, False
    from_seconds_ms = int(said * 1000)
    if unix_ms - _SECONDS_WITHIN_MS <= from_seconds_ms <= unix_ms + _AHEAD_MS:
        return min(from_seconds_ms, unix_ms), True
    return unix_ms, True


def _scalar(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if _INT_MIN <= value <= _INT_MAX else None
    return float(value) if isinstance(value, float) and math.isfinite(value) else None


def _as(shape: Shape, value: Any) -> Any:
    if shape == "str":
        return value if isinstance(value, str) else None
    if shape == "object":
        return value if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value) if shape == "int" and abs(value) <= _INT_MAX // 2 else value if shape == "float" else None


def _text(value: str) -> str:
    # A lone surrogate cannot be encoded as UTF-8.
    return str(value) if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
