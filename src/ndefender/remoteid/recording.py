"""What can be replayed, and the time in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final, Protocol, TypeVar

from ndefender import units
from ndefender.remoteid.frames.capture import records
from ndefender.remoteid.frames.extract import frames
from ndefender.remoteid.frames.heard import CaptureUnreadable, Found, FrameCounters

# Longer silence is not waited for: every contact is lost, and the feed has said that it is silent.
MAX_GAP_S: Final = 60.0
JITTER_S: Final = (
    1.0  # frames of two receivers in one capture are this much out of order at most; more is a clock's step
)


class Timed(Protocol):
    """Something with a time: seconds since 1970 by the clock of who received it."""

    @property
    def time_s(self) -> float:
        """When."""


Item_co = TypeVar("Item_co", bound=Timed, covariant=True)


class Recording(Protocol[Item_co]):
    """What is replayed."""

    @property
    def position(self) -> int:
        """Frames or lines read so far."""

    def total(self) -> int | None:
        """Frames or lines in all; None where nobody can know."""

    def counted(self) -> dict[str, int]:
        """What was counted while reading."""

    def __iter__(self) -> Iterator[Item_co]:
        """Everything in it that matters, in its order."""


class CaptureFile:
    """A capture file, read once.

    Args:
        path: pcap or pcapng.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counters = FrameCounters()

    @property
    def position(self) -> int:
        """Frames read so far."""
        return self._counters.frames

    def total(self) -> int | None:
        """Frames in the file; None for a pipe."""
        return sum(1 for _ in records(self._path, FrameCounters())) if self._path.is_file() else None

    def counted(self) -> dict[str, int]:
        """What was counted while reading."""
        return asdict(self._counters)

    def __iter__(self) -> Iterator[Found]:
        """What is announced in it."""
        return frames(self._path, self._counters)


class Timeline:
    """The time of a recording: from 0 on, without steps back and without silence that nobody waits for."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.skipped_s = 0.0
        self._last_s: float | None = None

    def place(self, time_s: float) -> int:
        """Say when something happens; ns, never before an earlier one.

        Args:
            time_s: by the recording's own clock, seconds since 1970.
        """
        if self._last_s is None:
            self._last_s = time_s
        ahead_s = time_s - self._last_s
        if ahead_s > MAX_GAP_S:
            self.skipped_s += ahead_s - MAX_GAP_S
            ahead_s = MAX_GAP_S
        elif -JITTER_S <= ahead_s < 0.0:
            return self.now_ns
        self._last_s = time_s
        self.now_ns += units.s_to_ns(max(ahead_s, 0.0))
        return self.now_ns


def is_log(path: Path) -> bool:
    """Whether a file is a log. A pipe is a capture: what was read of it cannot be read again."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(1) == b"{"
    except OSError as error:
        raise CaptureUnreadable(str(path), error.strerror or str(error)) from error
