"""The files of a log on the disk, the newest NAME and its rotations NAME.1, NAME.2, …, and places in them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ndefender.events.lines import rotations
from ndefender.ingest.position import EXACT_LINES, MARK_BYTES, Mark, Place, Position, digest

# A log is a regular file. O_NONBLOCK: to open a named pipe would otherwise wait for its writer.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_LOOKS = 8
_LEAST_BYTES = 16  # less may stand at the beginning of any file


class Moved(Exception):
    """The files were renamed between two looks at them. Reaction: look again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the log.

    Args:
        index: 0 for the newest, else its number.
        path: name it had.
        device, inode: which file that was.
        size_bytes: its length then.
    """

    index: int
    path: Path
    device: int
    inode: int
    size_bytes: int


class LogFile:
    """An open file of the log. While it is open its inode number cannot be given to another.

    Args:
        path: name of it.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._fd = os.open(path, _FLAGS)
        status = os.fstat(self._fd)
        self.device, self.inode = status.st_dev, status.st_ino
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise OSError(errno.EINVAL, "no regular file", str(path))

    def __enter__(self) -> LogFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_at(self, path: Path) -> bool:
        """Whether that name leads to this file."""
        try:
            status = path.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == (self.device, self.inode)

    def size(self) -> int:
        """Length in bytes, now."""
        return os.fstat(self._fd).st_size

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Up to so many bytes from there; fewer at the end."""
        return os.pread(self._fd, size_bytes, offset)

    def holds(self, mark: Mark) -> bool:
        """Whether what stands before the mark's offset is what stood there."""
        size_bytes = min(mark.offset, MARK_BYTES)
        return digest(self.read_at(mark.offset - size_bytes, size_bytes)) == mark.digest

    def begins_with(self, head: Mark) -> bool:
        """Whether the first bytes are those."""
        return head.offset > 0 and digest(self.read_at(0, head.offset)) == head.digest

    def mark(self, offset: int, line: int) -> Mark:
        """Mark of an offset before which there are so many lines."""
        size_bytes = min(offset, MARK_BYTES)
        return Mark(offset, line, digest(self.read_at(offset - size_bytes, size_bytes)))

    def place(self, at: Mark, trail: Sequence[Mark]) -> Place:
        """A place in this file."""
        size_bytes = min(at.offset, MARK_BYTES)
        return Place(at, self.read_at(0, size_bytes), self.read_at(at.offset - size_bytes, size_bytes), trail)

    def close(self) -> None:
        """Close it. Safe to call twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def entries(path: Path) -> list[Entry]:
    """Files of the log that exist, newest first; empty in the middle of a rotation, which the caller will hear of."""
    found = _look(path)
    for _ in range(_LOOKS):
        before, found = found, _look(path)
        if [(e.index, e.device, e.inode) for e in before] == [(e.index, e.device, e.inode) for e in found]:
            return found
    return []


def _look(path: Path) -> list[Entry]:
    found = []
    for index, name in ((0, path), *rotations(path)):
        try:
            status = name.stat()
        except OSError:
            continue  # it is not there, or not to be reached
        if stat.S_ISREG(status.st_mode):
            found.append(Entry(index, name, status.st_dev, status.st_ino, status.st_size))
    return found


def entry_of(file: LogFile, listing: Iterable[Entry]) -> Entry | None:
    """Where an open file stands among them, None where it has no name any more."""
    return next((entry for entry in listing if (entry.device, entry.inode) == (file.device, file.inode)), None)


def open_entry(entry: Entry) -> LogFile:
    """Open the file that was seen under that name.

    Raises:
        Moved: another file bears the name by now, or none.
        OSError: it cannot be opened.
    """
    try:
        file = LogFile(entry.path)
    except FileNotFoundError as error:
        raise Moved from error
    if (file.device, file.inode) == (entry.device, entry.inode):
        return file
    file.close()
    raise Moved


def heads(listing: Iterable[Entry]) -> list[Mark]:
    """Marks of the first bytes of files; those that are empty or cannot be read are left out.

    Raises:
        Moved: see `open_entry`.
    """
    found = []
    for entry in listing:
        try:
            with open_entry(entry) as file:
                head = file.read_at(0, MARK_BYTES)
        except OSError:
            continue
        if head:
            found.append(Mark(len(head), 0, digest(head)))
    return found


def unread(listing: list[Entry], known: Sequence[Mark]) -> list[Entry]:
    """Files with something in them that were not read, oldest first. The newest is never taken for one that was.

    Raises:
        Moved: see `open_entry`.
    """
    return [entry for entry in reversed(listing) if entry.size_bytes and (entry.index == 0 or not _among(entry, known))]


@dataclass(frozen=True, slots=True)
class Found:
    """A position in the files that are there.

    Args:
        file: open.
        entry: which of them it is.
        place: where it goes on.
        ahead: marks of lines that were read after that place, before the file was cut back.
    """

    file: LogFile
    entry: Entry
    place: Place
    ahead: tuple[Mark, ...] = ()


_Search = Callable[[LogFile, Entry, Position, bool], Found | None]


def find(listing: list[Entry], position: Position) -> Found | None:
    """Look for a position by what was read there.

    First in the file itself, there also where it was cut back since; then in any other, which is a copy: made by a
    rotator before it truncated the file, or by someone who moved the log. A rotated copy that ends before the position
    has nothing new in it.

    Raises:
        Moved: see `open_entry`.
        OSError: one of them cannot be read for now.
    """
    own = [entry for entry in listing if (entry.device, entry.inode) == (position.device, position.inode)]
    others = [entry for entry in listing if entry not in own] if position.head.offset >= _LEAST_BYTES else []
    for group in (own, others):
        for search in (_exactly, _cut_back):
            for entry in group:
                found = _in_file(entry, search, position, group is own)
                if found is not None:
                    return found
    return None


def resume(file: LogFile, entry: Entry, position: Position) -> Found | None:
    """Look for a position in one file, that has taken another's name."""
    return _exactly(file, entry, position, True) or _cut_back(file, entry, position, True)


def _in_file(entry: Entry, search: _Search, position: Position, own: bool) -> Found | None:
    try:
        file = open_entry(entry)
    except PermissionError:
        return None  # what cannot be looked into is not where the position is
    found = None
    try:
        found = search(file, entry, position, own)
    finally:
        if found is None:
            file.close()
    return found


def _exactly(file: LogFile, entry: Entry, position: Position, _own: bool) -> Found | None:
    if position.at.offset >= _LEAST_BYTES and file.holds(position.at) and file.begins_with(position.head):
        return Found(file, entry, file.place(position.at, position.trail))
    return None


def _cut_back(file: LogFile, entry: Entry, position: Position, own: bool) -> Found | None:
    for number, mark in enumerate(position.trail):
        whole = mark.offset <= MARK_BYTES or file.begins_with(position.head)  # the mark covers it from its beginning
        if mark.offset >= _LEAST_BYTES and whole and file.holds(mark):
            if own or entry.index == 0 or number < EXACT_LINES - 1:
                ahead = (position.at, *position.trail[:number])
                return Found(file, entry, file.place(mark, position.trail[number + 1 :]), ahead)
            end = file.mark(file.size(), mark.line)
            return Found(file, entry, file.place(end, ()))
    return None


def _among(entry: Entry, known: Sequence[Mark]) -> bool:
    try:
        with open_entry(entry) as file:
            return any(file.begins_with(head) for head in known if head.offset in {MARK_BYTES, entry.size_bytes})
    except OSError:
        return False


def lines_before(file: LogFile, end: int, block_bytes: int = 1 << 18) -> Iterator[bytes]:
    """Complete lines that end at or before an offset, newest first, without their newlines; empty ones are left out."""
    rest: bytes | None = None  # beginning of a line that ends after `end`; None before the last newline is found
    while end > 0:
        step = min(block_bytes, end)
        end -= step
        pieces = file.read_at(end, step).split(b"\n")
        if len(pieces) == 1:
            rest = None if rest is None else pieces[0] + rest
            continue
        pieces[-1] = b"" if rest is None else pieces[-1] + rest  # what follows the last newline is torn or nothing
        yield from (line for line in reversed(pieces[1:]) if line)
        rest = pieces[0]
    if rest:
        yield rest
