"""Follows a log through everything that happens to its files, step by step: each step reads a bounded piece.

No clock, no loop, no waiting: the same steps serve the tailer, the tests and a tool.
"""

from __future__ import annotations

from pathlib import Path

from ndefender.ingest.files import Entry, LogFile, entries, entry_of, find, heads, open_entry, resume, unread
from ndefender.ingest.position import OLDER_FILES, Mark, Place, Position
from ndefender.ingest.reader import Changed, Line, Reader


class Follower:
    """Reads a log in order, each line once.

    Args:
        path: its newest file; rotated ones are `path.1` (newest), `path.2`, …
        start: where to go on; None for the beginning of the oldest file.
        max_line_bytes: a longer line is skipped.
    """

    def __init__(self, path: Path, start: Position | None = None, max_line_bytes: int = 262_144) -> None:
        self.path = path
        self.error = ""  # why nothing can be read, empty while it can
        self.rotations = 0  # changes to a newer file
        self.changes = 0  # times that what was read was not there any more
        self._limit_bytes = max_line_bytes
        self._from = start  # where to go on while no file is open
        self._reader: Reader | None = None
        self._read_bytes = 0  # of the files that were left
        self._ending = False  # a newer file holds something, so this one gets no more
        self._refused: set[tuple[int, int]] = set()

    @property
    def bytes_read(self) -> int:
        """Bytes of the lines that were read."""
        return self._read_bytes + (self._reader.bytes_read if self._reader else 0)

    def read(self) -> list[Line] | None:
        """Do one step.

        Returns:
            lines, none if the step only led nearer to some; None when there is nothing until the files change.
        """
        try:
            step = self._step(self._reader) if self._reader else self._begin()
        except Changed:
            self.changes += 1
            self.close()
            return []
        except OSError as error:
            self.error = f"{error.filename or self.path} cannot be read: {error.strerror or error}"
            self.close()
            return None
        self.error = ""
        return step

    def lag_bytes(self) -> int:
        """Bytes that are there and were not read.

        Raises:
            OSError: the files cannot be looked at.
        """
        listing = entries(self.path)
        if self._reader is None:
            return sum(entry.size_bytes for entry in unread(listing, _known(self._from)))
        newer = self._newer(self._reader, listing)
        return self._reader.left_bytes() + sum(entry.size_bytes for entry in newer)

    def close(self) -> None:
        """Close the file. Reading on opens it again, and goes on there."""
        if self._reader is None:
            return
        if not self._reader.behind:
            self._from = self._reader.position()
        self._leave()

    def _begin(self) -> list[Line] | None:
        """Open the file where reading goes on: that of the position, else the oldest that was not read."""
        listing = entries(self.path)
        found = find(listing, self._from) if self._from else None
        if found is not None:
            self._take(found.file, found.place, _older(listing, found.entry), found.ahead)
            return []
        for entry in self._open_to_us(unread(listing, _known(self._from))):
            if self._enter(entry, listing, None):
                return []
        return None

    def _step(self, reader: Reader) -> list[Line] | None:
        lines = reader.read()
        return self._end(reader) if lines is None else lines

    def _end(self, reader: Reader) -> list[Line] | None:
        """At the end of a file: stay, or go on to the next newer one.

        A writer writes to one file at a time. Once a newer file has something in it the old one is complete; so it is
        read once more, and then left.
        """
        if reader.file.is_at(self.path):
            self._ending = False
            return None
        listing = entries(self.path)
        newer = self._newer(reader, listing)
        if not newer:
            self._ending = False
            return None
        if not self._ending:
            self._ending = True
            return []
        torn = reader.torn()
        if self._enter(newer[0], listing, reader.position()):
            self.rotations += 1
        return torn

    def _newer(self, reader: Reader, listing: list[Entry]) -> list[Entry]:
        """Files with something in them that come after this one, oldest first."""
        here = entry_of(reader.file, listing)
        if here is None:  # deleted, or rotated away
            return self._open_to_us(unread(listing, _known(reader.position())))
        reader.file.name = here.path.name
        return self._open_to_us([entry for entry in reversed(listing) if entry.index < here.index and entry.size_bytes])

    def _enter(self, entry: Entry, listing: list[Entry], before: Position | None) -> bool:
        """Change to another file: to its beginning, or to where it repeats what was read in the one before."""
        try:
            file = open_entry(entry)
        except PermissionError:
            if entry.index == 0:
                raise
            self._refused.add((entry.device, entry.inode))  # better without it than without all that follows
            return False
        if file is None:
            return False
        found = resume(file, entry, before) if before else None
        self._from = before if found else None
        older = _older(listing, entry)
        self._take(file, found.place if found else Place(), older, found.ahead if found else ())
        return True

    def _take(self, file: LogFile, place: Place, older: tuple[Mark, ...], ahead: tuple[Mark, ...]) -> None:
        self._leave()
        self._reader = Reader(file, place, older, ahead, self._limit_bytes)
        self._ending = False

    def _leave(self) -> None:
        if self._reader is not None:
            self._read_bytes += self._reader.bytes_read
            self._reader.close()
        self._reader = None

    def _open_to_us(self, listing: list[Entry]) -> list[Entry]:
        return [entry for entry in listing if (entry.device, entry.inode) not in self._refused]


def _older(listing: list[Entry], entry: Entry) -> tuple[Mark, ...]:
    """Heads of the files before one: they were read, or are left out for good."""
    return heads([other for other in listing if other.index > entry.index][:OLDER_FILES])


def _known(position: Position | None) -> tuple[Mark, ...]:
    """Heads of the files that a position comes after, and of its own."""
    return (position.head, *position.older) if position else ()
