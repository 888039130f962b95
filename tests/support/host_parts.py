"""Parts of a host that do what a test tells them, the worst included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar, cast

from ndefender.events.host import Section

S = TypeVar("S", bound=Section)


class FakePart(Generic[S]):
    """A backend whose `act` is what reading it does; counts how often, and never twice at once.

    Args:
        name: of the section.
        section: what it reads while nothing is wrong.
        period_s: of its updates.
    """

    def __init__(self, name: str, section: S, period_s: float = 2.0) -> None:
        self.name = name
        self.period_s = period_s
        self.section = section
        self.act: Callable[[], Awaitable[object]] | None = None
        self.latency_s = 0.0
        self.reads_s: list[float] = []
        self.at_once = 0
        self.most_at_once = 0
        self.watches = 0
        self.closed = 0
        self.signals: asyncio.Queue[BaseException | None] = asyncio.Queue()
        self.changed_by: Callable[[S, S], object] = lambda before, after: before != after

    async def read(self) -> S:
        self.reads_s.append(asyncio.get_running_loop().time())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.act is not None:
                return cast(S, await self.act())
            await asyncio.sleep(self.latency_s)
            return self.section
        finally:
            self.at_once -= 1

    async def watch(self) -> AsyncIterator[None]:
        self.watches += 1
        while True:
            signal = await self.signals.get()
            if signal is not None:
                raise signal
            yield

    def changed(self, before: S, after: S) -> bool:
        return bool(self.changed_by(before, after))

    async def close(self) -> None:
        self.closed += 1


async def hang() -> object:
    """Never answer; gives up when cancelled."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


class Stubborn:
    """Never answers, and swallows so many cancellations.

    Args:
        cancellations: how many, before it gives up.
    """

    def __init__(self, cancellations: int) -> None:
        self.left = cancellations
        self.swallowed = 0

    async def __call__(self) -> object:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if self.swallowed >= self.left:
                    raise
                self.swallowed += 1


def raising(error: BaseException) -> Callable[[], Awaitable[object]]:
    """Raise it."""

    async def act() -> object:
        raise error

    return act


def returning(reading: object) -> Callable[[], Awaitable[object]]:
    """Return it."""

    async def act() -> object:
        return reading

    return act


class Unshowable(Exception):
    """An error that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__
