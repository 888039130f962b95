"""A thread for one blocking library: calls are bounded in time, and one that hangs is left behind, not waited for."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from ndefender.system.backend import Offline

T = TypeVar("T")
R = TypeVar("R")


class Job(Generic[T]):
    """One call, and the future on the loop that waits for it."""

    def __init__(self, function: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        self._function = function
        self._loop = loop
        self.future: asyncio.Future[T] = loop.create_future()
        self.finished = threading.Event()

    def run(self) -> None:
        """Call it, on the worker's thread, and tell the loop."""
        with self:
            self._tell(self.future.set_result, self._function())

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """The outermost level of the thread: whatever went wrong belongs to who asked, and ends no thread."""
        if error is not None:
            self._tell(self.future.set_exception, error)
        return True

    def _tell(self, deliver: Callable[[R], None], outcome: R) -> None:
        def tell() -> None:
            if not self.future.done():
                deliver(outcome)

        self.finished.set()
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
            self._loop.call_soon_threadsafe(tell)


class Worker:
    """One daemon thread, started at the first call, that runs one call at a time.

    A call that outlives its bound keeps the thread: until it comes back every further call fails at once, so that a
    dead device costs one thread and no waiting. Its late result is dropped. The thread never keeps the process alive.

    Args:
        name: of the thing behind it, for the message.
        timeout_s: bound of a call.
        clock: monotonic, seconds.
    """

    def __init__(self, name: str, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self._clock = clock
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._turn = asyncio.Lock()
        self._left_behind: tuple[threading.Event, float] | None = None

    async def call(self, function: Callable[[], T]) -> T:
        """Run `function` on the thread and return what it returns.

        Raises:
            Offline: it, or one before it, did not come back in time.
            Exception: whatever `function` raises.
        """
        async with self._turn:
            self._refuse_while_hung()
            self._start()
            job = Job(function, asyncio.get_running_loop())
            asked_s = self._clock()
            self._jobs.put(job.run)
            try:
                async with asyncio.timeout(self.timeout_s):
                    return await job.future
            except TimeoutError:
                if not job.future.cancelled():  # the function's own
                    raise
                raise Offline(f"{self.name}: no answer for {self.timeout_s:.1f} s") from None
            finally:
                if not job.finished.is_set():
                    self._left_behind = (job.finished, asked_s)

    def close(self) -> None:
        """End the thread when its call returns. Safe to call twice."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread = None

    def _refuse_while_hung(self) -> None:
        if self._left_behind is None:
            return
        finished, since_s = self._left_behind
        if not finished.is_set():
            raise Offline(f"{self.name}: no answer for {self._clock() - since_s:.1f} s")
        self._left_behind = None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"system-{self.name}", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
