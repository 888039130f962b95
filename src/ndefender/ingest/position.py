"""Where reading of a log goes on: which file, which byte, and what was there, so that no other file is mistaken for it.

A name says nothing after a rotation, an inode number is reused at once, and a truncated file may have grown beyond an
old offset. What was read is recognised by its content: marks over the bytes before an offset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

MARK_BYTES = 1024  # a mark covers them: the last line or more, with its time and number, so no two places are alike
EXACT_LINES = 8  # a file cut back by fewer lines is resumed at exactly the right one
FAR_LINES = 4096  # a file cut back by more is read from its beginning
OLDER_FILES = 32  # rotated files that a position remembers
_TRAIL_MARKS = 40


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """What stands before an offset of a file.

    Args:
        offset: bytes from the beginning of the file.
        line: lines before it.
        digest: of the up to `MARK_BYTES` bytes before it.
    """

    offset: int
    line: int
    digest: str


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where reading goes on.

    Args:
        device, inode: of the file; they prefer one of several files with the same content, and prove nothing.
        at: the place itself.
        head: of the file's first bytes, as many as `MARK_BYTES` of them were read.
        trail: earlier ends of lines, newest first: the last ones all, then ever fewer. Where the file was cut back
            (repaired after a power cut), the newest that still holds is where it goes on.
        older: heads of the rotated files that were read before this one.
    """

    device: int
    inode: int
    at: Mark
    head: Mark
    trail: tuple[Mark, ...] = ()
    older: tuple[Mark, ...] = ()

    @property
    def offset(self) -> int:
        """Bytes from the beginning of the file."""
        return self.at.offset


def digest(content: bytes) -> str:
    """Short name of up to `MARK_BYTES` bytes."""
    return hashlib.blake2b(content, digest_size=8).hexdigest()


class Place:
    """A place in a file that moves on line by line.

    Args:
        at: where it begins.
        head: first bytes of the file up to there, at most `MARK_BYTES`.
        tail: the bytes before it, at most `MARK_BYTES`.
        trail: earlier places in the same file, newest first.
    """

    def __init__(
        self, at: Mark | None = None, head: bytes = b"", tail: bytes = b"", trail: Sequence[Mark] = ()
    ) -> None:
        self.offset = at.offset if at else 0
        self.line = at.line if at else 0
        self.tail = tail
        self._head = head
        self._head_mark = _head_mark(head)
        self._at = at
        self._trail = list(trail)

    def step(self, data: bytes, begin: int, end: int, lines: int = 1) -> None:
        """Go on to the next place.

        Args:
            data: content of the file from `MARK_BYTES` before this place (or all there is) to the next one or beyond.
            begin: index of this place in it.
            end: index of the next one.
            lines: newlines passed.
        """
        tail = data[max(0, end - MARK_BYTES) : end]
        self.jump(self.offset + end - begin, tail, self._head + data[begin : begin + MARK_BYTES][: end - begin], lines)

    def jump(self, offset: int, tail: bytes, head: bytes, lines: int) -> None:
        """Go on to a place further on.

        Args:
            offset: bytes from the beginning of the file.
            tail: the up to `MARK_BYTES` bytes before it.
            head: first bytes of the file.
            lines: newlines passed.
        """
        if len(self._head) < MARK_BYTES:
            self._head = head[: min(offset, MARK_BYTES)]
            self._head_mark = _head_mark(self._head)
        if self._at is not None:
            self._trail.insert(0, self._at)
        self.offset = offset
        self.line += lines
        self.tail = tail
        self._at = Mark(self.offset, self.line, digest(self.tail))
        if len(self._trail) > _TRAIL_MARKS:
            self._trail = [mark for mark in self._trail if _kept(mark.line, self.line - mark.line)]

    @property
    def at(self) -> Mark:
        """This place's mark."""
        return self._at or Mark(0, 0, digest(b""))

    def position(self, device: int, inode: int, older: tuple[Mark, ...]) -> Position:
        """This place as something to be kept."""
        return Position(
            device=device, inode=inode, at=self.at, head=self._head_mark, trail=tuple(self._trail), older=older
        )


def _head_mark(head: bytes) -> Mark:
    return Mark(len(head), 0, digest(head))


def _kept(line: int, back: int) -> bool:
    """All of the newest, then two for every doubling of the distance."""
    if back < EXACT_LINES:
        return True
    return back < FAR_LINES and line % (1 << (back.bit_length() - 2)) == 0
