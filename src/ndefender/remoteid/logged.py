"""Replay of a log: the contacts that its events tell of, said again as a replay."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from ndefender.remoteid.contact_data import LostReason
from ndefender.remoteid.frames.heard import CaptureUnreadable

_PREFIX: Final = "CONTACT_"
_STEPS: Final[dict[str, Literal["NEW", "UPDATE", "LOST"]]] = {"NEW": "NEW", "UPDATE": "UPDATE", "LOST": "LOST"}
_MAX_LINE_BYTES: Final = 262_144
_LATEST_MS: Final = 253_402_300_799_999  # end of the year 9999


class LoggedStep(NamedTuple):
    """One contact event of a log. `step`, `data`, `unix_ms` as in `tracker.Change`; `time_s` the same in seconds."""

    step: Literal["NEW", "UPDATE", "LOST"]
    data: dict[str, Any]
    unix_ms: int
    time_s: float


class _Line(msgspec.Struct):
    type: str
    data: dict[str, Any]
    timestamp: int | float | None = None
    timestamp_ms: int | float | None = None


class LogFile:
    """A log of the feed, read once and line by line.

    Args:
        path: of one file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.position = 0
        self.bad_lines = 0

    def total(self) -> int | None:
        """Lines of the file; None where it is no file but a pipe."""
        if not self._path.is_file():
            return None
        with self._path.open("rb") as lines:
            return sum(1 for _ in iter(lambda: lines.readline(_MAX_LINE_BYTES), b""))

    def counted(self) -> dict[str, int]:
        """What was read."""
        return {"lines": self.position, "bad_lines": self.bad_lines}

    def __iter__(self) -> Iterator[LoggedStep]:
        """The contact events; the feed's own state is said anew by whoever replays it.

        Raises:
            CaptureUnreadable: it cannot be read.
        """
        decoder = msgspec.json.Decoder(_Line)
        try:
            with self._path.open("rb") as lines:
                for line in iter(lambda: lines.readline(_MAX_LINE_BYTES), b""):
                    self.position += 1
                    found = _step(decoder, line)
                    if found is None:
                        self.bad_lines += 1
                    elif isinstance(found, LoggedStep):
                        yield found
        except OSError as error:
            raise CaptureUnreadable(str(self._path), error.strerror or str(error)) from error


def _step(decoder: msgspec.json.Decoder[_Line], line: bytes) -> LoggedStep | Literal["other"] | None:
    """A contact's step; "other" for another event, None for what is none."""
    try:
        found = decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    at = found.timestamp if found.timestamp_ms is None else found.timestamp_ms
    if at is None or not math.isfinite(at) or not 0 <= at <= _LATEST_MS:
        return None
    step = _STEPS.get(found.type.removeprefix(_PREFIX)) if found.type.startswith(_PREFIX) else None
    if step is None:
        return "other"
    if not isinstance(found.data.get("id"), str):
        return None
    return LoggedStep(step, found.data, int(at), at / 1000)


class Logged:
    """The contacts of a log that is replayed; whatever the log has, NEW, UPDATE…, LOST holds for what is said."""

    def __init__(self) -> None:
        self._alive: dict[str, dict[str, Any]] = {}

    @property
    def contacts_active(self) -> int:
        """Contacts that were told of and are not lost."""
        return len(self._alive)

    def take(self, item: LoggedStep, now_ns: int) -> list[LoggedStep]:
        """Take an event of the log: a repeated NEW is an UPDATE, an orphan UPDATE a NEW, an orphan LOST nothing."""
        contact = item.data["id"]
        alive = contact in self._alive
        said = item.data | {"replay": True}
        if item.step == "LOST":
            if not alive:
                return []
            del self._alive[contact]
            return [item._replace(data=said)]
        self._alive[contact] = said
        return [item._replace(step="UPDATE" if alive else "NEW", data=said)]

    def tick(self, now_ns: int, unix_ms: int) -> list[LoggedStep]:
        """Nothing: the log has its own LOST events."""
        return []

    def again(self, now_ns: int, unix_ms: int) -> list[LoggedStep]:
        """Tell of every contact once more, as it is."""
        return [LoggedStep("UPDATE", data, unix_ms, unix_ms / 1000) for data in self._alive.values()]

    def end(self, reason: LostReason, now_ns: int, unix_ms: int) -> list[LoggedStep]:
        """Lose every contact."""
        ended = [
            LoggedStep("LOST", data | {"lost_reason": reason}, unix_ms, unix_ms / 1000) for data in self._alive.values()
        ]
        self._alive.clear()
        return ended
