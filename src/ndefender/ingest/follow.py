"""Follows a log through everything that happens to its files, step by step: each step reads a bounded piece.

No clock, no loop, no waiting: the same steps serve the tailer, the tests and a tool.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from ndefender.ingest.files import Entry, Found, Moved, entries, entry_of, find, heads, open_entry, resume, unread
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
        self._lag_bytes = 0
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
            before = self._reader
            step = self._step(before) if before else self._begin()
            if self._reader and self._reader is not before:
                step = [*(step or ()), *self._first(self._reader)]
        except Moved:
            return []
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
        """Bytes that are there and were not read; the figure before where the files are just being renamed.

        Raises:
            OSError: the files cannot be looked at.
        """
        with contextlib.suppress(Moved):
            listing = entries(self.path)
            if self._reader is None:
                left, newer = 0, unread(listing, self._from.older if self._from else ())
            else:
                left, newer = self._reader.left_bytes(), self._newer(self._reader, listing)
            self._lag_bytes = left + sum(entry.size_bytes for entry in newer)
        return self._lag_bytes

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
        position = self._from
        older = position.older if position else ()
        found = find(listing, position) if position else None
        if found is not None:
            self._switch(found, listing, older)
            return []
        rest = self._open_to_us(unread(listing, older))
        if not rest:
            return None
        found = self._enter(rest[0], None)
        if found is not None:
            if position and (found.file.device, found.file.inode) == (position.device, position.inode):
                found = replace(found, ahead=(position.at, *position.trail))  # cut back to within its first line
            self._switch(found, listing, older)
            self._from = position if found.ahead else None
        return []

    def _step(self, reader: Reader) -> list[Line] | None:
        before = None if reader.begun else self._from if reader.behind else reader.position()
        lines = reader.read()
        if before is not None and not self._is_next(reader):
            self._from = before
            self._leave()
            return []
        return self._end(reader) if lines is None else lines

    def _first(self, reader: Reader) -> list[Line]:
        """Read from a file that was just opened: what nothing is known of cannot be told from what replaces it."""
        with contextlib.suppress(Moved, Changed, OSError):  # the next step meets it again
            return self._step(reader) or []
        return []

    def _is_next(self, reader: Reader) -> bool:
        """Whether a file that was read for the first time is the next one.

        As long as nothing of it was read a truncation cannot be told, but what stood there before is in a copy then.
        """
        try:
            listing = entries(self.path)
            here = entry_of(reader.file, listing)
            later = unread(listing, reader.position().older) if here else []
        except (Moved, OSError):
            return False
        return here is None or not self._open_to_us([entry for entry in later if entry.index > here.index])

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
        return self._next(reader, listing, newer[0])

    def _next(self, reader: Reader, listing: list[Entry], entry: Entry) -> list[Line]:
        """Leave a file for the next one, or for a copy that someone put in its place."""
        position = reader.position()
        copy = find(listing, position) if entry_of(reader.file, listing) is None else None
        found = copy or self._enter(entry, position)
        if found is None:
            return []
        if found.place.offset:
            self._switch(found, listing, position.older)
            self._from = position
            return []
        torn = reader.torn()
        self._switch(found, listing, (reader.position().head, *position.older))
        self._from = None
        self.rotations += 1
        return torn

    def _newer(self, reader: Reader, listing: list[Entry]) -> list[Entry]:
        """Files with something in them that come after this one, oldest first."""
        here = entry_of(reader.file, listing)
        if here is None:  # deleted, or rotated away
            return self._open_to_us(unread(listing, reader.position().older))
        reader.file.name = here.path.name
        return self._open_to_us([entry for entry in reversed(listing) if entry.index < here.index and entry.size_bytes])

    def _enter(self, entry: Entry, before: Position | None) -> Found | None:
        """Open another file: at its beginning, or where it repeats what was read in the one before."""
        try:
            file = open_entry(entry)
        except PermissionError:
            if entry.index == 0:
                raise
            self._refused.add((entry.device, entry.inode))  # better without it than without all that follows
            return None
        return (resume(file, entry, before) if before else None) or Found(file, entry, Place())

    def _switch(self, found: Found, listing: list[Entry], known: tuple[Mark, ...]) -> None:
        """Read on there.

        Args:
            found: where.
            listing: of the files.
            known: heads of files that were read before; all that are older are added to them.
        """
        try:
            older = heads([other for other in listing if other.index > found.entry.index])
        except Moved:
            found.file.close()
            raise
        older += [mark for mark in known if mark.offset and mark not in older]
        self._leave()
        self._reader = Reader(found.file, found.place, tuple(older[:OLDER_FILES]), found.ahead, self._limit_bytes)
        self._ending = False

    def _leave(self) -> None:
        if self._reader is not None:
            self._read_bytes += self._reader.bytes_read
            self._reader.close()
        self._reader = None

    def _open_to_us(self, listing: list[Entry]) -> list[Entry]:
        return [entry for entry in listing if (entry.device, entry.inode) not in self._refused]
