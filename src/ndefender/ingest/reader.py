"""Reads one file of a log from a place on: whole lines, in bounded pieces, while it still is what it was."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ndefender.ingest.files import LogFile
from ndefender.ingest.position import MARK_BYTES, Mark, Place, Position

CHUNK_BYTES = 65_536
_SHOWN_BYTES = 200  # of a line that is too long


class Changed(Exception):
    """What was read is not in the file any more. Reaction: look for it elsewhere."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log.

    Args:
        data: without its newline.
        file: name of the file it is in, as it was when the file was last looked for.
        line_number: in that file, from 1.
        position: where reading goes on after it.
        fault: empty; else why the line is not whole: see `TOO_LONG` (`data` is its beginning) and `TORN`.
    """

    data: bytes
    file: str
    line_number: int
    position: Position
    fault: str = ""


TOO_LONG = "longer than the limit"
TORN = "the file ends within it"


@dataclass(slots=True)
class _Skipped:
    """A line that is too long, as far as it was read."""

    offset: int
    tail: bytes
    shown: bytes


class Reader:
    """One file from a place on.

    Args:
        file: open; `close` closes it.
        place: where to begin.
        older: heads of the files before it.
        ahead: marks of lines after the place that were read before the file was cut back to it; they are not read
            twice if they come back.
        limit_bytes: a longer line is skipped.
    """

    def __init__(
        self, file: LogFile, place: Place, older: tuple[Mark, ...], ahead: tuple[Mark, ...], limit_bytes: int
    ) -> None:
        self.file = file
        self.bytes_read = 0
        self._place = place
        self._older = older
        self._ahead = ahead
        self._limit_bytes = limit_bytes
        self._skipped: _Skipped | None = None
        self._rest = b""  # after the last newline, where the file ends without one
        self._torn: list[Line] = []

    @property
    def begun(self) -> bool:
        """Whether the place is beyond the file's beginning."""
        return self._place.offset > 0

    @property
    def behind(self) -> bool:
        """Whether the place is not as far as what was read before the file was cut back."""
        return bool(self._ahead)

    def position(self) -> Position:
        """Where reading goes on."""
        return self._place.position(self.file.device, self.file.inode, self._older)

    def left_bytes(self) -> int:
        """Bytes that were not read."""
        return max(0, self.file.size() - self._place.offset)

    def read(self) -> list[Line] | None:
        """Read on.

        Returns:
            lines, none if the step only led nearer to some; None at the end of what is there.

        Raises:
            Changed: the file does not hold any more what was read.
            OSError: it cannot be read.
        """
        return self._skip(self._skipped) if self._skipped else self._scan()

    def torn(self) -> list[Line]:
        """What follows the last newline of a file that gets no more; the same when asked again."""
        rest, self._rest = self._rest, b""
        if self._skipped:
            self._torn = [self._too_long(self._skipped, 0)]
        elif rest:
            keep = len(self._place.tail)
            self._place.step(self._place.tail + rest, keep, keep + len(rest), 0)
            self.bytes_read += len(rest)
            self._torn = [self._line(rest, self._place.line + 1, TORN)]
        return self._torn

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self.file.close()

    def _scan(self) -> list[Line] | None:
        place, keep = self._place, len(self._place.tail)
        data = self.file.read_at(place.offset - keep, keep + CHUNK_BYTES)
        if len(data) == keep + CHUNK_BYTES and b"\n" not in data[keep:]:
            # a line is never put together from two reads: the file may have been cut back in between
            data = self.file.read_at(place.offset - keep, keep + max(CHUNK_BYTES, self._limit_bytes + 1))
        if data[:keep] != place.tail or not (keep or data.startswith(self._rest)):
            raise Changed
        hole = _hole(data, keep)
        if hole:
            place.step(data, keep, keep + hole, 0)
            return []
        end = data.rfind(b"\n", keep) + 1
        if end:
            self._rest = b""
            self.bytes_read += end - keep
            return self._lines(data, keep, end)
        self._rest = data[keep:]
        if len(self._rest) <= self._limit_bytes:
            return None
        self._skipped = _Skipped(place.offset + len(data) - keep, data[-MARK_BYTES:], self._rest[:_SHOWN_BYTES])
        return []

    def _lines(self, data: bytes, begin: int, end: int) -> list[Line]:
        found = []
        for piece in data[begin:end].split(b"\n")[:-1]:
            stop = begin + len(piece) + 1
            self._place.step(data, begin, stop)
            begin = stop
            if not piece or self._repeated():
                continue
            if len(piece) > self._limit_bytes:
                found.append(self._line(piece[:_SHOWN_BYTES], self._place.line, TOO_LONG))
            else:
                found.append(self._line(piece, self._place.line))
        return found

    def _repeated(self) -> bool:
        """Whether this line came back as it was read before the file was cut back."""
        if self._ahead and self._place.at not in self._ahead:
            self._ahead = ()
        return bool(self._ahead)

    def _skip(self, line: _Skipped) -> list[Line] | None:
        """Look for the end of a line that is too long."""
        before = self._place.tail
        if self.file.read_at(self._place.offset - len(before), len(before) + len(line.shown)) != before + line.shown:
            raise Changed
        keep = len(line.tail)
        data = self.file.read_at(line.offset - keep, keep + CHUNK_BYTES)
        if data[:keep] != line.tail:
            self._skipped = None  # it was cut back: look at it again from its beginning
            return []
        newline = data.find(b"\n", keep) + 1
        end = newline or len(data)
        line.offset += end - keep
        line.tail = data[max(0, end - MARK_BYTES) : end]
        if newline:
            return [self._too_long(line, 1)]
        return [] if end > keep else None

    def _too_long(self, line: _Skipped, newlines: int) -> Line:
        self._skipped = None
        self._ahead = ()
        self.bytes_read += line.offset - self._place.offset
        self._place.jump(line.offset, line.tail, self.file.read_at(0, MARK_BYTES), newlines)
        return self._line(line.shown, self._place.line + 1 - newlines, TOO_LONG)

    def _line(self, data: bytes, number: int, fault: str = "") -> Line:
        return Line(data=data, file=self.file.name, line_number=number, position=self.position(), fault=fault)


def _hole(data: bytes, begin: int) -> int:
    """Length of the zeros that a truncated file begins with when its writer does not append, or that a power cut left.

    Zeros at the very end of a file may still become something.
    """
    if data[begin : begin + 1] != b"\0":
        return 0
    content = data[begin:]
    zeros = len(content) - len(content.lstrip(b"\0"))
    return zeros if zeros < len(content) or zeros >= CHUNK_BYTES else 0
