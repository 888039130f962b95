"""Work of a backend bounded in time: whatever it does, there is an answer, and it never runs beside itself."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ndefender.errors import NdefenderError

T = TypeVar("T")

GRACE_S = 0.05  # what a cancelled task gets to end in before it counts as stuck
MAX_REASON_CHARS = 240


@dataclass(frozen=True)
class Failure:
    """Work that did not succeed.

    Args:
        reason: why, in plain words.
        error: what it raised, None where it did not answer in time.
    """

    reason: str
    error: BaseException | None = None


def plain(text: str, limit_chars: int = MAX_REASON_CHARS) -> str:
    """Make a foreign text fit for one line of a log and for JSON: printable characters only, bounded."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    clean = " ".join("".join(c if c.isprintable() else " " for c in clean[: 4 * limit_chars]).split())
    return clean if len(clean) <= limit_chars else clean[: limit_chars - 1] + "…"


def text_of(error: BaseException) -> str:
    """All that an exception says, as it is. Never raises, even where the exception's `str` does."""
    # format_exception_only copes with exceptions that cannot be shown.
    shown = traceback.format_exception_only(error)[-1]
    # Ours are written for people, who need not know the name of a class.
    return shown.partition(": ")[2] if isinstance(error, NdefenderError) else shown


def reason_of(error: BaseException) -> str:
    """Say what an exception means, in one bounded line."""
    return plain(text_of(error)) or "no reason given"


class Bounded(Generic[T]):
    """One kind of work of a backend, at most one at a time; who asks while it runs shares its answer.

    It runs in a task of its own, so that any exception at all is just its outcome, and a cancelled asker does not
    tear it down. When the time is over it is cancelled and the askers are answered. One that swallows its
    cancellation is not started a second time beside itself: until it ended, the answer is a failure.

    Args:
        work: what to do; called on the loop.
        timeout_s: how long it may take.
    """

    def __init__(self, work: Callable[[], Awaitable[T]], timeout_s: float) -> None:
        self._work = work
        self._timeout_s = timeout_s
        self._task: asyncio.Task[T] | None = None
        self._answer: asyncio.Future[T | Failure] | None = None

    @property
    def task(self) -> asyncio.Task[T] | None:
        """The task of the newest work while it has not ended, else None."""
        return self._task if self._task is not None and not self._task.done() else None

    async def ask(self) -> T | Failure:
        """Do the work, or join the one under way.

        Returns:
            What it returned; a failure at the latest after the time-out (the grace included: 50 ms more).
        """
        stuck = self.task if self._answer is not None and self._answer.done() else None
        if stuck is not None:
            stuck.cancel()
            await asyncio.wait({stuck}, timeout=GRACE_S)
            if not stuck.done():
                return Failure(f"no answer within {self._timeout_s:g} s, and it does not give up")
        if self._answer is None or self._answer.done():
            self._answer = self._start()
        return await asyncio.shield(self._answer)

    async def close(self) -> None:
        """Cancel what runs; waits for it no longer than the grace."""
        running = self.task
        if running is not None:
            running.cancel()
            await asyncio.wait({running}, timeout=GRACE_S)

    def _start(self) -> asyncio.Future[T | Failure]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T | Failure] = loop.create_future()
        # A coroutine around the call: work that raises before its first await fails in the task too.
        task = loop.create_task(self._carry_out())
        timer = loop.call_later(self._timeout_s, self._give_up, task, answer)

        def ended(task: asyncio.Task[T]) -> None:
            timer.cancel()
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            if answer.done():
                return
            if error is None:
                answer.set_result(task.result())
            else:
                answer.set_result(Failure("cancelled" if task.cancelled() else reason_of(error), error))

        task.add_done_callback(ended)
        self._task = task
        return answer

    def _give_up(self, task: asyncio.Task[T], answer: asyncio.Future[T | Failure]) -> None:
        task.cancel()
        if not answer.done():
            answer.set_result(Failure(f"no answer within {self._timeout_s:g} s"))

    async def _carry_out(self) -> T:
        return await self._work()


def in_background(work: Coroutine[Any, Any, None], keep: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    """Start a task that is kept from the garbage collector until it ended."""
    task = asyncio.get_running_loop().create_task(work)
    keep.add(task)
    task.add_done_callback(keep.discard)
    return task
