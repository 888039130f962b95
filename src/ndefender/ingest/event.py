"""An event of a feed, decoded from a line in every spelling that is met."""

from __future__ import annotations

import math

import msgspec

from ndefender.ingest.position import Position

_LATEST_MS = 253_402_300_799_999  # end of the year 9999


class BadLine(ValueError):
    """A line that is no event: what is wrong with it."""


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a feed.

    Args:
        type: as EVENTS.md has it.
        timestamp_ms: wall clock of the writer, milliseconds since the epoch.
        source: `antsdr`, `remoteid`.
        data: as it was written, but for older spellings of keys.
        seq, boot_id: which event of which run of the writer, None where it does not say.
        simulated: a simulated source produced it.
        position: where reading goes on after it, None where nothing is followed. A consumer that keeps it together
            with what it made of the event meets every event exactly once, whatever is killed when.
    """

    type: str
    timestamp_ms: int
    source: str
    data: dict[str, object]
    seq: int | None
    boot_id: str | None
    simulated: bool
    position: Position | None = None


class _Written(msgspec.Struct):
    """An envelope in every spelling."""

    type: str
    source: str
    data: dict[str, object]
    timestamp: int | float | None = None
    timestamp_ms: int | float | None = None
    seq: int | None = None
    boot_id: str | None = None


_DECODER = msgspec.json.Decoder(_Written)


def decode(data: bytes, position: Position | None = None) -> FeedEvent:
    """Make an event of a line.

    Args:
        data: UTF-8 JSON without a newline.
        position: where reading goes on after it.

    Raises:
        BadLine: it is none.
    """
    try:
        found = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadLine(str(error)) from error
    at = found.timestamp if found.timestamp_ms is None else found.timestamp_ms
    if at is None or not math.isfinite(at) or not 0 <= at <= _LATEST_MS:
        raise BadLine(f"timestamp {at}, must be milliseconds since the epoch")
    content = found.data
    if found.type == "TELEMETRY_UPDATE" and "last_update_ms" in content:
        content.setdefault("last_ts", content.pop("last_update_ms"))
    return FeedEvent(
        type=found.type,
        timestamp_ms=int(at),
        source=found.source,
        data=content,
        seq=found.seq,
        boot_id=found.boot_id,
        simulated=content.get("simulated") is True,
        position=position,
    )
