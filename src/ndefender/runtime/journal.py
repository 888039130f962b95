"""What the engine needs of whoever turns changes into envelopes and logs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ndefender.track.contact import Change


class Journal(Protocol):
    """Numbers, encodes and logs events. A log that cannot be written stops nothing."""

    def write(self, changes: Sequence[Change]) -> list[bytes]:
        """Log the envelopes of changes, then give them out to be sent."""
        ...

    def keep(self) -> None:
        """Do what is due by time: sync, try a log again that could not be written."""
        ...

    def close(self) -> None:
        """Sync and close."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why events are not being logged, None while they are."""
        ...

    def take_errors(self) -> int:
        """How many events could not be logged since this was last asked."""
        ...
