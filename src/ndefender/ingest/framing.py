"""Bytes in, lines out: LF ends a line, CR is ignored, memory is bounded whatever comes in."""

from __future__ import annotations


class LineFramer:
    """Cuts a byte stream into lines. Works on bytes, so that a character split over two reads stays whole.

    Args:
        max_line_bytes: longest line without its LF; a longer one is skipped up to its LF, and counted.
    """

    def __init__(self, max_line_bytes: int) -> None:
        if max_line_bytes < 1:
            raise ValueError(f"max_line_bytes {max_line_bytes}, must be at least 1")
        self._max = max_line_bytes
        self._partial = bytearray()
        self._skipping = False
        self.overlong_lines = 0
        self.discarded_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of the line that has not ended; at most `max_line_bytes`."""
        return len(self._partial)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take what was read; return the lines it completes, without line ends, empty ones left out."""
        lines: list[bytes] = []
        *ended, rest = chunk.replace(b"\r", b"").split(b"\n")
        for part in ended:
            self._append(part)
            if self._skipping:
                self._skipping = False
            elif self._partial:
                lines.append(bytes(self._partial))
            self._partial.clear()
        self._append(rest)
        return lines

    def reset(self) -> None:
        """Forget the line that has not ended: the stream was interrupted."""
        self._partial.clear()
        self._skipping = False

    def _append(self, part: bytes) -> None:
        if self._skipping:
            self.discarded_bytes += len(part)
        elif len(self._partial) + len(part) > self._max:
            self._skipping = True
            self.overlong_lines += 1
            self.discarded_bytes += len(self._partial) + len(part)
            self._partial.clear()
        else:
            self._partial += part
