"""The event log: one envelope a line, in files of bounded size, ground truth for everyone who reads later.

Durability. `append` hands the line to the kernel in one write before it returns, so a crash of the process loses
nothing. A power cut loses at most `fsync_s` of events: the file is synced by the first `append` or `maintain` after
that time (`fsync_s` 0: by every `append`), before every rotation and on `close`; the folder is synced when a file is
made or renamed. A line half written by a power cut is repaired on open.

A disk that refuses degrades the log and stops nothing: `append` raises, what was half written is taken back, and after
`retry_s` the next `append` tries again. What was refused is counted, not kept.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from ndefender import units
from ndefender.errors import LogUnavailable
from ndefender.events.lines import lines_back, repair, rotations
from ndefender.events.restore import live_contacts
from ndefender.track import Restored

_FILE_MODE = 0o640
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


LOG_NAME = "antsdr_scan.jsonl"


class EventLog:
    """One log and its rotations `NAME.1` (newest) to `NAME.<max_files>`. One writer, one thread at a time.

    Args:
        folder: made if missing.
        name: of the newest file.
        max_file_bytes: a file is rotated before it grows beyond this.
        max_files: rotated files kept: the log never takes more than (max_files + 1) · max_file_bytes.
        fsync_s: longest time an event may sit in the page cache; 0 syncs every event.
        retry_s: pause after a refusal.
        clock_ns: monotonic clock.
        write: the system call.
    """

    def __init__(
        self,
        folder: Path,
        name: str = LOG_NAME,
        *,
        max_file_bytes: int = 16_000_000,
        max_files: int = 8,
        fsync_s: float = 1.0,
        retry_s: float = 1.0,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self.path = folder / name
        self._max_file_bytes = max_file_bytes
        self._max_files = max_files
        self._fsync_ns = units.s_to_ns(fsync_s)
        self._retry_ns = units.s_to_ns(retry_s)
        self._clock_ns = clock_ns
        self._write = write
        self._fd = -1
        self._size = 0
        self._dirty_ns: int | None = None  # oldest event not synced yet
        self._refused_ns: int | None = None
        self._error: str | None = None
        self._refused = 0
        self._appended = 0
        self._repaired_bytes = 0

    @property
    def available(self) -> bool:
        """Whether the newest attempt to write went well."""
        return self._error is None

    @property
    def last_error(self) -> str | None:
        """Why the log cannot be written, None while it can."""
        return self._error

    @property
    def appended(self) -> int:
        """Events written by this object."""
        return self._appended

    @property
    def refused(self) -> int:
        """Events that could not be written."""
        return self._refused

    @property
    def repaired_bytes(self) -> int:
        """Bytes of torn lines cut off on open."""
        return self._repaired_bytes

    def open(self) -> None:
        """Make the folder and the file if missing, repair a torn last line, drop files beyond the bound.

        Raises:
            LogUnavailable: the disk refuses; `append` will try again.
        """
        try:
            self._open()
        except OSError as error:
            raise self._unavailable(error) from error

    def append(self, body: bytes) -> None:
        """Write one event.

        Args:
            body: the envelope, without a newline in it.

        Raises:
            LogUnavailable: it was not written (or not synced, where the disk failed then: a reader may meet it twice).
            ValueError: the line would not fit into a file, or is none.
        """
        line = body + b"\n"
        if line.count(b"\n") != 1 or len(line) > self._max_file_bytes:
            raise ValueError(f"an event of {len(line)} bytes, must be one line of at most {self._max_file_bytes}")
        now_ns = self._clock_ns()
        if self._refused_ns is not None and now_ns - self._refused_ns < self._retry_ns:
            self._refused += 1
            raise LogUnavailable(self._error or "")
        try:
            self._append(line, now_ns)
        except OSError as error:
            self._refused += 1
            raise self._unavailable(error) from error
        self._error = None
        self._refused_ns = None
        self._appended += 1

    def maintain(self) -> None:
        """Sync what has waited for `fsync_s`, and notice that the file was taken away. Call it about once a second.

        Raises:
            LogUnavailable: the disk refuses.
        """
        try:
            if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:
                self._close()
                self._open()
            if self._dirty_ns is not None and self._clock_ns() - self._dirty_ns >= self._fsync_ns:
                self._sync()
        except OSError as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Sync and close. Safe to call twice.

        Raises:
            LogUnavailable: the last events may not be on the disk.
        """
        try:
            self._sync()
        except OSError as error:
            raise self._unavailable(error) from error
        finally:
            self._close()

    def read_back(self, limit: int) -> list[bytes]:
        """The newest `limit` lines over all rotations, oldest first; empty where nothing can be read."""
        newest: list[bytes] = []
        try:
            for line in lines_back(self.path):
                if len(newest) >= limit:
                    break
                newest.append(line)
        except OSError:
            pass  # what was read is what there is
        return newest[::-1]

    def live_contacts(self) -> list[Restored]:
        """Contacts that were alive when the log ended, for `Tracker.restore`."""
        try:
            return live_contacts(lines_back(self.path))
        except OSError:
            return []

    def _append(self, line: bytes, now_ns: int) -> None:
        if self._fd < 0:
            self._open()
        if self._size and self._size + len(line) > self._max_file_bytes:
            self._rotate()
        done = 0
        try:
            while done < len(line):
                written = self._write(self._fd, line[done:])
                if written <= 0:
                    raise OSError(errno.EIO, "nothing was written")
                done += written
        except OSError:
            self._take_back()
            raise
        self._size += len(line)
        if self._dirty_ns is None:
            self._dirty_ns = now_ns
        if now_ns - self._dirty_ns >= self._fsync_ns:
            self._sync()

    def _take_back(self) -> None:
        """Cut off what was half written; where even that fails, the next open repairs it."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._close()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, _FLAGS, _FILE_MODE)
        try:
            self._repaired_bytes += repair(fd)
            self._size = os.fstat(fd).st_size
            for number, other in rotations(self.path):
                if number > self._max_files:
                    other.unlink()
            self._sync_folder()
        except OSError:
            os.close(fd)
            raise
        self._fd = fd

    def _rotate(self) -> None:
        self._sync()
        self._close()
        kept = rotations(self.path)
        for number, other in reversed(kept):
            if number >= self._max_files:
                other.unlink()
            else:
                other.rename(self._rotated(number + 1))
        if self._max_files:
            self.path.rename(self._rotated(1))
        else:
            self.path.unlink()
        self._open()

    def _rotated(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _sync(self) -> None:
        if self._fd >= 0 and self._dirty_ns is not None:
            os.fsync(self._fd)
        self._dirty_ns = None

    def _sync_folder(self) -> None:
        fd = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _unavailable(self, error: OSError) -> LogUnavailable:
        code = errno.errorcode.get(error.errno or 0, "OSError")
        self._error = f"{self.path.name} cannot be written: {error.strerror or error} ({code})"
        self._refused_ns = self._clock_ns()
        return LogUnavailable(self._error)
