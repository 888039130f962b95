"""A log as an endless stream of lines, each as soon as it is written."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

from ndefender.ingest.follow import Follower
from ndefender.ingest.position import Position
from ndefender.ingest.reader import Line
from ndefender.ingest.wake import Wake


class Tailer:
    """Asynchronous iterator over the lines of a log; it never ends by itself.

    Between two lines the loop is kept for one bounded read (64 KiB, or a longest line) of a local file system; a read
    that hangs in the kernel hangs the loop. Cancellation loses nothing. One consumer, on one loop.

    Args:
        path: newest file of the log; neither it nor its folder need exist.
        start: where to go on; None for the beginning of the oldest file.
        poll_s: a look at the files even where the kernel told of no change.
        max_line_bytes: a longer line is skipped, and given with its fault.
    """

    def __init__(
        self, path: Path, start: Position | None = None, poll_s: float = 1.0, max_line_bytes: int = 262_144
    ) -> None:
        self.follower = Follower(path, start, max_line_bytes)
        self._wake = Wake(path, poll_s)
        self._lines: deque[Line] = deque()
        self._open = False

    def __aiter__(self) -> Tailer:
        return self

    async def __anext__(self) -> Line:
        """Wait for the next line."""
        while not self._lines:
            if not self._open:
                self._wake.open()  # before the first look, so that nothing comes between
                self._open = True
            lines = self.follower.read()
            if lines:
                self._lines.extend(lines)
            elif lines is None:
                await self._wake.wait()
            else:
                await asyncio.sleep(0)
        return self._lines.popleft()

    def close(self) -> None:
        """Stop watching, close the file. Safe to call twice."""
        self._wake.close()
        self._open = False
        self.follower.close()
