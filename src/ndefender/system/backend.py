"""What a part of the host must be able to do to be watched: be read, signal changes, say what counts as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, Protocol, TypeVar

from ndefender.errors import NdefenderError
from ndefender.events.host import Section

S = TypeVar("S", bound=Section)


class Offline(NdefenderError):
    """A part of the host is not there. Reaction: its section is offline, and is asked again.

    Args:
        reason: why, in plain words; becomes the section's `last_error`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Backend(Protocol[S]):
    """One part of the host behind one section of the status."""

    @property
    def name(self) -> str:
        """Name of the section: `system`, `ups`, `services`, `network`, `audio` or `gps`."""
        ...

    @property
    def period_s(self) -> float:
        """How often it is read though nothing changed, seconds."""
        ...

    async def read(self) -> S:
        """Read it now.

        May be slow: the caller bounds it in time by cancelling it, so it must be cancellable; work that is not (a
        blocking library) belongs on a thread of its own.

        Returns:
            A section whose status is `ok` or `degraded`.
        Raises:
            Offline: it is not there.
        """
        ...

    def watch(self) -> AsyncIterator[None]:
        """Yield once for every change the service signals, without reading it.

        Cheap; bursts are joined by the caller. A backend without signals never yields. Ends, or raises, when the
        service goes; it is then asked for again.

        Raises:
            Offline: it is not there.
        """
        ...

    def changed(self, before: S, after: S) -> bool:
        """Whether the values differ by more than the documented dead band, so that clients must know at once."""
        ...

    async def close(self) -> None:
        """Let go of it. Safe to call twice."""
        ...


class Absent(Generic[S]):
    """Stands for a part that the configuration leaves out.

    Args:
        name: of the section.
        reason: why it is left out.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.period_s = 5.0
        self._reason = reason

    async def read(self) -> S:
        """Raise Offline with the reason."""
        raise Offline(self._reason)

    async def watch(self) -> AsyncIterator[None]:
        """Signal nothing."""
        await asyncio.Event().wait()
        yield

    def changed(self, before: S, after: S) -> bool:
        """Say no: nothing ever changes."""
        return False

    async def close(self) -> None:
        """Do nothing."""
