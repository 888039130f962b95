"""A feed: lines of a followed log in, events out, in order; the position is kept after the event was taken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ndefender.ingest.event import BadLine, FeedEvent, decode
from ndefender.ingest.position import Position
from ndefender.ingest.reader import TOO_LONG, Line
from ndefender.ingest.store import PositionStore
from ndefender.ingest.tail import Tailer

log = logging.getLogger(__name__)

_COMPLAINT_S = 10.0
_SYNC_S = 1.0
_TURN_EVENTS = 16  # then the loop has its turn
_SHOWN_CHARACTERS = 120


@dataclass(slots=True)
class FeedStats:
    """What a feed counted since it began.

    Args:
        lines: read, the bad ones too; empty ones not.
        events: given to the sink.
        bad_lines: skipped.
        bytes: of the lines.
        rotations: changes to a newer file.
        truncations: times that what was read was not there any more.
        lag_bytes: on the disk, and not read yet.
        last_error: why the log cannot be read, empty while it can.
        position_error: why the position cannot be kept, empty while it can.
    """

    lines: int = 0
    events: int = 0
    bad_lines: int = 0
    bytes: int = 0
    rotations: int = 0
    truncations: int = 0
    lag_bytes: int = 0
    last_error: str = ""
    position_error: str = ""


class Feed:
    """Follows one log for as long as it runs.

    Args:
        name: for messages.
        tailer: its lines.
        store: keeps the position; None where the sink does.
        sink: takes each event. What it raises ends the feed, with the position before that event.
        clock_s: monotonic clock.
    """

    def __init__(
        self,
        name: str,
        tailer: Tailer,
        store: PositionStore | None,
        sink: Callable[[FeedEvent], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._tailer = tailer
        self._store = store
        self._sink = sink
        self._clock_s = clock_s
        self._stats = FeedStats()
        self._complained_s = -math.inf
        self._unsaid = 0
        self._moved = asyncio.Event()
        self._position: Position | None = None  # the newest that was not kept yet
        self._keeping = threading.Lock()
        self._synced_s = -math.inf

    def stats(self) -> FeedStats:
        """Counters, now."""
        follower = self._tailer.follower
        stats = self._stats
        stats.bytes, stats.rotations, stats.truncations = follower.bytes_read, follower.rotations, follower.changes
        stats.last_error = follower.error
        with contextlib.suppress(OSError):  # the one before stands: `last_error` says why
            stats.lag_bytes = follower.lag_bytes()
        return stats

    async def run(self) -> None:
        """Follow until cancelled."""
        keeping = asyncio.create_task(self._keep())
        try:
            async for line in self._tailer:
                self._take(line)
                if self._stats.lines % _TURN_EVENTS == 0:
                    await asyncio.sleep(0)
        finally:
            keeping.cancel()
            self._tailer.close()
            self._save_newest()
            if self._store is not None:
                self._store.close()

    def _take(self, line: Line) -> None:
        self._stats.lines += 1
        try:
            event = _decode(line)
        except BadLine as error:
            self._stats.bad_lines += 1
            self._complain(line, str(error))
        else:
            self._sink(event)
            self._stats.events += 1
        self._position = line.position
        self._moved.set()

    async def _keep(self) -> None:
        """Keep the newest position, off the loop: a write waits where the file system is busy with its journal."""
        while self._store is not None:
            try:
                async with asyncio.timeout(_SYNC_S):
                    await self._moved.wait()
            except TimeoutError:
                if not self._store.dirty:
                    continue
            self._moved.clear()
            await asyncio.to_thread(self._save_newest)

    def _save_newest(self) -> None:
        """Keep it, and about once a second bring it to the disk: a power cut costs that much."""
        if self._store is None:
            return
        with self._keeping:
            position, self._position = self._position, None
            try:
                if position is not None:
                    self._store.save(position)
                    self._stats.position_error = ""
                if self._clock_s() - self._synced_s >= _SYNC_S:
                    self._synced_s = self._clock_s()
                    self._store.sync()
            except OSError as error:
                self._position = self._position or position
                self._refused(error)

    def _refused(self, error: OSError) -> None:
        """A position that cannot be kept costs repeated events after a restart; the events of now are worth more."""
        if not self._stats.position_error:
            log.warning("%s: its position cannot be kept: %s", self.name, error)
        self._stats.position_error = str(error)

    def _complain(self, line: Line, reason: str) -> None:
        now_s = self._clock_s()
        if now_s - self._complained_s < _COMPLAINT_S:
            self._unsaid += 1
            return
        shown = line.data[:_SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
        log.warning(
            "%s: %s line %d is no event (%s): %r%s",
            self.name,
            line.file,
            line.line_number,
            reason,
            shown,
            f"; {self._unsaid} more were not shown" if self._unsaid else "",
        )
        self._complained_s, self._unsaid = now_s, 0


def _decode(line: Line) -> FeedEvent:
    if line.fault == TOO_LONG:
        raise BadLine(line.fault)
    try:
        return decode(line.data, line.position)  # a torn line may lack no more than its newline
    except BadLine as error:
        raise BadLine(line.fault or str(error)) from error
