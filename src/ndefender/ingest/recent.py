"""Events that a log already held when following began: what is restored instead of told again."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from ndefender.ingest.event import BadLine, FeedEvent, decode
from ndefender.ingest.files import LogFile, Moved, entries, find, heads, lines_before, open_entry, unread
from ndefender.ingest.position import MARK_BYTES, OLDER_FILES, Place, Position

_BLOCK_BYTES = 1 << 18
_OLDER_IN_A_ROW = 64  # a wall clock that stepped back makes single events look old
_MOST_EVENTS = 100_000
_LOOKS = 20

Value = TypeVar("Value")


def _settled(read: Callable[[], Value]) -> Value:
    """Read again where the files were renamed meanwhile."""
    for _ in range(_LOOKS):
        try:
            return read()
        except Moved:
            continue
    raise OSError(errno.EBUSY, "its files are renamed all the time")


def end_position(path: Path) -> Position | None:
    """Where the last complete line of a log ends, None where there is none: a first start begins there.

    Raises:
        OSError: the log cannot be read.
    """
    return _settled(lambda: _end_position(path))


def _end_position(path: Path) -> Position | None:
    listing = entries(path)
    for entry in listing:
        with open_entry(entry) as file:
            end = _end_of_lines(file)
            if end:
                older = heads(other for other in listing if other.index > entry.index)
                return _end_place(file, end).position(file.device, file.inode, tuple(older[:OLDER_FILES]))
    return None


def read_recent(path: Path, since_ms: int, until: Position | None = None) -> list[FeedEvent]:
    """Read the events of a log that were written before a position, back over its rotations. Blocks.

    Args:
        path: newest file of the log.
        since_ms: events from before that are left out, milliseconds since the epoch; reading back ends where only such
            are left.
        until: where following goes on; what comes after it is left to that. None for all there is.

    Returns:
        them, oldest first; without the lines that are no events.

    Raises:
        OSError: the log cannot be read.
    """
    return _settled(lambda: _read_recent(path, since_ms, until))


def _read_recent(path: Path, since_ms: int, until: Position | None) -> list[FeedEvent]:
    found: list[FeedEvent] = []
    older = 0
    for line in _lines_back(path, until):
        try:
            event = decode(line)
        except BadLine:
            continue
        if event.timestamp_ms >= since_ms:
            older = 0
            found.append(event)
        else:
            older += 1
        if older >= _OLDER_IN_A_ROW or len(found) >= _MOST_EVENTS:
            break
    return found[::-1]


def _lines_back(path: Path, until: Position | None) -> Iterator[bytes]:
    listing = entries(path)
    found = find(listing, until) if until else None
    if found is not None:
        with found.file as file:
            yield from lines_before(file, found.place.offset)
        listing = [entry for entry in listing if entry.index > found.entry.index]
    elif until is not None:
        # its file is gone; what will be followed then is not read here
        later = unread(listing, until.older)
        listing = [entry for entry in listing if entry not in later]
    for entry in listing:
        try:
            file = open_entry(entry)
        except PermissionError:
            continue
        with file:
            yield from lines_before(file, file.size())


def _end_of_lines(file: LogFile) -> int:
    """Offset after the last newline, 0 if there is none."""
    end = file.size()
    while end > 0:
        begin = max(0, end - _BLOCK_BYTES)
        newline = file.read_at(begin, end - begin).rfind(b"\n") + 1
        if newline:
            return begin + newline
        end = begin
    return 0


def _end_place(file: LogFile, end: int) -> Place:
    """The place there, with its trail: the file may be cut back before the first line is read."""
    begin = max(0, end - _BLOCK_BYTES)
    data = file.read_at(begin, end - begin)
    at = data.find(b"\n", MARK_BYTES) + 1 if begin else 0
    before = begin + at
    place = file.place(file.mark(before, _newlines(file, before)), ()) if before else Place()
    while at < len(data):
        stop = data.index(b"\n", at) + 1
        place.step(data, at, stop)
        at = stop
    return place


def _newlines(file: LogFile, end: int) -> int:
    return sum(
        file.read_at(offset, min(_BLOCK_BYTES, end - offset)).count(b"\n") for offset in range(0, end, _BLOCK_BYTES)
    )
