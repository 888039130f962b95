"""Request bodies and queries: decoded, validated, refused with the path of the offending field."""

from __future__ import annotations

import json
import math
import re
from typing import TypeVar

import msgspec
from sanic.request import Request

from ndefender.api.errors import ApiError

T = TypeVar("T", bound=msgspec.Struct)

_AT = re.compile(r" - at `\$?(?P<path>[^`]*)`$")
_FIELD = re.compile(r"(?:(?:missing required|unknown) field|^field) `(?P<name>[^`]*)`")  # msgspec's words, and ours
ENVELOPE_KEYS = frozenset({"payload", "confirm"})
MAX_WHOLE = 2**53  # up to here a float is the whole number that was written
NAME_CHARS = 64  # longest name (of a plan, a band, a kind) that is looked up at all


def _refuse(error: msgspec.ValidationError, prefix: str) -> ApiError:
    """Turn msgspec's message into ours: the path first, then what is wrong."""
    text = str(error)
    at = _AT.search(text)
    path = prefix + (at["path"] if at else "")
    reason = text[: at.start()] if at else text
    field = _FIELD.search(reason)
    if field:
        path = f"{path}.{field['name']}"
    return ApiError(400, "invalid_body", f"{path}: {reason}")


def _decode(body: bytes) -> dict[str, object]:
    if not body.strip():
        return {}
    try:
        decoded = msgspec.json.decode(body)
    except RecursionError:
        raise ApiError(400, "malformed_json", "body: nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        field = _infinite_field(body)
        if field:
            raise ApiError(400, "malformed_json", f"{field}: not a finite number") from None
        raise ApiError(400, "malformed_json", f"body: {error}") from None
    if not isinstance(decoded, dict):
        raise ApiError(400, "invalid_body", "$: Expected `object`")
    return decoded


def _infinite_field(body: bytes) -> str:
    """Path of the first number that JSON cannot hold (NaN, Infinity, 1e999); empty if that is not what is wrong."""
    try:
        return _infinite_in(json.loads(body), "$")
    except (ValueError, RecursionError):
        return ""


def _infinite_in(value: object, path: str) -> str:
    if isinstance(value, float):
        return "" if math.isfinite(value) else path
    if isinstance(value, dict):
        return next((found for key, one in value.items() if (found := _infinite_in(one, f"{path}.{key}"))), "")
    if isinstance(value, list):
        return next((found for i, one in enumerate(value) if (found := _infinite_in(one, f"{path}[{i}]"))), "")
    return ""


def _whole(fields: dict[str, object]) -> dict[str, object]:
    """Fields with `2.0` as 2: JSON has one kind of number, and many a writer puts a point in each. No body nests."""
    return {
        key: int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_WHOLE else value
        for key, value in fields.items()
    }


def read_command(request: Request, kind: type[T]) -> tuple[T, bool]:
    """Read a command's body, plain or as ``{"payload": {...}, "confirm": false}``. An empty body is ``{}``.

    Args:
        request: its body has been received.
        kind: Struct of the payload.
    Returns:
        The payload, and whether the client confirmed.
    Raises:
        ApiError: 400 `malformed_json` or `invalid_body`, the message begins with the offending field's path.
    """
    fields = _decode(request.body)
    confirm = fields.pop("confirm", False)
    if not isinstance(confirm, bool):
        raise ApiError(400, "invalid_body", "$.confirm: Expected `bool`")
    prefix = "$"
    payload = fields
    if "payload" in fields and fields.keys() <= ENVELOPE_KEYS:
        prefix = "$.payload"
        inner = fields["payload"] if fields["payload"] is not None else {}
        if not isinstance(inner, dict):
            raise ApiError(400, "invalid_body", "$.payload: Expected `object`")
        payload = inner
    try:
        return msgspec.convert(_whole(payload), kind), confirm
    except msgspec.ValidationError as error:
        raise _refuse(error, prefix) from None


def query_value(request: Request, name: str) -> str | None:
    """One query parameter, None where it is not given.

    Raises:
        ApiError: 400 `invalid_query` where it is given twice.
    """
    values = request.get_args(keep_blank_values=True, errors="replace").getlist(name) or []
    if len(values) > 1:
        raise ApiError(400, "invalid_query", f"{name}: given {len(values)} times, allowed once")
    return str(values[0]) if values else None


def query_limit(request: Request, default: int, largest: int) -> int:
    """The `limit` parameter: a plain decimal in 1..`largest`.

    Raises:
        ApiError: 400 `invalid_query` for anything else.
    """
    text = query_value(request, "limit")
    if text is None:
        return min(default, largest)
    if text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= largest:
        return int(text)
    raise ApiError(400, "invalid_query", f"limit: {text[:20]!r} is not a whole number in 1..{largest}")


def query_name(request: Request, name: str) -> str | None:
    """A name parameter of at most `NAME_CHARS` characters.

    Raises:
        ApiError: 400 `invalid_query` where it is empty, too long or given twice.
    """
    text = query_value(request, name)
    if text is not None and not 0 < len(text) <= NAME_CHARS:
        raise ApiError(400, "invalid_query", f"{name}: {len(text)} characters, allowed 1..{NAME_CHARS}")
    return text
