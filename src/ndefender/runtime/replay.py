"""Reads an event log once more, checks every envelope, and writes what is one to another file. Off the event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import BinaryIO

import msgspec

from ndefender.api.ports import ReplayRequest, ReplayResult
from ndefender.errors import CommandRejected
from ndefender.events.types import RfContactEvent

MAX_LINE_BYTES = 1 << 20
SHOWN_CHARS = 80  # of a path that is none


class Replayer:
    """Replays logs below one folder, one at a time.

    Args:
        folder: the log folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._busy = False

    async def run(self, request: ReplayRequest) -> ReplayResult:
        """Replay on a thread.

        Raises:
            CommandRejected: 400 `path_not_allowed`, `invalid_log`; 404 `log_not_found`; 409 `replay_running`.
        """
        if self._busy:
            raise CommandRejected(409, "replay_running", "one replay at a time")
        source = self._inside(request.log_path)
        target = None if request.output_path is None else self._inside(request.output_path)
        if not source.is_file():
            raise CommandRejected(404, "log_not_found", f"no log {request.log_path}")
        if target is not None and target.exists():
            raise CommandRejected(400, "path_not_allowed", f"{request.output_path} exists: logs are never overwritten")
        self._busy = True
        try:
            return await asyncio.to_thread(replay, source, target, request.max_events)
        except OSError as error:
            raise CommandRejected(400, "invalid_log", f"{error.strerror or error}") from error
        finally:
            self._busy = False

    def _inside(self, name: str) -> Path:
        """Resolve a path, links and all, and insist that it stays below the log folder."""
        try:
            path = (self._folder / name).resolve()
            path.exists()  # raises where the file system takes no such name
        except (OSError, ValueError) as error:
            raise CommandRejected(400, "path_not_allowed", f"{name[:SHOWN_CHARS]!r} is no path") from error
        if not path.is_relative_to(self._folder):
            raise CommandRejected(400, "path_not_allowed", f"{name} is outside the log folder")
        return path


def replay(source: Path, target: Path | None, max_events: int | None) -> ReplayResult:
    """Copy the envelopes of a log.

    Args:
        source: JSONL.
        target: new file; None only counts.
        max_events: stop after this many.
    Returns:
        `frames`: lines read; `detections`: contacts heard (NEW and UPDATE); `events_emitted`: envelopes passed on.
    Raises:
        CommandRejected: 400 `invalid_log` with the line that is no envelope.
    """
    lines = heard = events = 0
    output: BinaryIO | None = target.open("xb") if target is not None else None
    try:
        with source.open("rb") as stream:
            while max_events is None or events < max_events:
                line = stream.readline(MAX_LINE_BYTES)
                if not line.endswith(b"\n"):
                    break  # the end, or a line that is still being written
                lines += 1
                try:
                    event = msgspec.json.decode(line, type=RfContactEvent)
                except msgspec.DecodeError as error:
                    raise CommandRejected(400, "invalid_log", f"{source.name}:{lines}: {error}") from error
                heard += event.type != "RF_CONTACT_LOST"
                events += 1
                if output is not None:
                    output.write(line)
    finally:
        if output is not None:
            output.close()
    return ReplayResult(status="completed", frames=lines, detections=heard, events_emitted=events)
