"""Watches one part of the host: reads it in time, publishes it at its period and at once when it changed."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

from ndefender.events.host import Section
from ndefender.system.backend import Backend
from ndefender.system.bounded import GRACE_S, Bounded, Failure, in_background, reason_of
from ndefender.system.sections import NOT_READ_YET, checked, offline, stamped

log = logging.getLogger(__name__)

S = TypeVar("S", bound=Section)

REPORT_S = 2.8  # from a fault to its report, below the 3 s of the contract
MIN_INTERVAL_S = 0.2  # between reads where the time-out leaves less than that
MIN_GAP_S = 0.1  # between reads, however often the service signals
EARLY_S = 0.01  # a timer may fire this much early
WATCH_RETRY_S = 1.0  # before a watch that ended is begun again
SIGNALS_A_TURN = 64  # signals taken in before the loop may do something else
SIGNALS_A_GAP = 2000  # signals taken in before the watch is given a pause
CLOSE_S = 1.0


class Monitor(Generic[S]):
    """One task that reads a backend, one that follows its signals.

    It reads more often than it publishes: a part that hangs between two updates signals nothing, and must be reported
    within 3 s all the same. `timeout_s` and the interval together keep below that.

    Args:
        backend: the part.
        kind: its section's class.
        publish: called on the loop for every section that clients are to see; must not raise.
        timeout_s: a read that takes longer makes the section offline; at most 2.6 for the 3 s to hold.
        clock: monotonic seconds, at the pace of the loop's own.
        simulated: the peer is emulated.
    """

    def __init__(
        self,
        backend: Backend[S],
        kind: type[S],
        publish: Callable[[S], None],
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        simulated: bool = False,
    ) -> None:
        self.section: S = offline(kind, NOT_READ_YET, simulated=simulated)
        self._backend = backend
        self._kind = kind
        self._publish = publish
        self._clock = clock
        self._simulated = simulated
        self._name = backend.name
        self._period_s = backend.period_s
        # A whole number of reads a period, so that every update is fresh when it is due.
        longest_s = max(MIN_INTERVAL_S, REPORT_S - timeout_s)
        self._interval_s = self._period_s / math.ceil(self._period_s / longest_s)
        self._reading = Bounded(self._read, timeout_s)
        self._published: S | None = None
        self._due_s = -math.inf
        self._woken = asyncio.Event()
        self._watch_ended_by = ""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def read_yet(self) -> bool:
        """Whether the section says anything about the part."""
        return self._published is not None

    def start(self) -> None:
        """Begin to read and to follow. On the loop's thread."""
        in_background(self._read_on(), self._tasks)
        in_background(self._watch_on(), self._tasks)

    async def stop(self) -> None:
        """End both tasks and close the backend; waits for a backend that hangs no longer than about a second."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_S)
        await self._reading.close()
        closing = await Bounded(self._backend.close, CLOSE_S).ask()
        if isinstance(closing, Failure):
            log.warning("%s: closing failed: %s", self._name, closing.reason)

    async def _read(self) -> tuple[S, bool]:
        """Read, check and compare: all that the backend has a hand in happens inside the bounded task."""
        section = stamped(checked(await self._backend.read(), self._kind), simulated=self._simulated)
        before = self._published
        if before is None or before.status == "offline" or section.status == "offline":
            return section, False
        return section, bool(self._backend.changed(before, section))

    async def _read_on(self) -> None:
        while True:
            started_s = self._clock()
            self._woken.clear()
            answer = await self._reading.ask()
            if isinstance(answer, Failure):
                self._take(offline(self._kind, answer.reason, simulated=self._simulated), started_s, changed=False)
            else:
                self._take(answer[0], started_s, changed=answer[1])
            await self._pause(started_s)

    def _take(self, section: S, started_s: float, *, changed: bool) -> None:
        before = self._published
        self.section = section
        if before is None or (before.status, before.last_error) != (section.status, section.last_error):
            changed = True
            self._tell(before, section)
        if changed or self._clock() >= self._due_s - EARLY_S:
            self._published = section
            self._due_s = started_s + self._period_s
            self._publish(section)

    def _tell(self, before: S | None, section: S) -> None:
        """Write the operator's log when the part comes, goes or is impaired."""
        if before is not None and before.status == section.status:
            return
        if section.status == "ok":
            log.info("%s: ok", self._name)
        else:
            log.warning("%s: %s: %s", self._name, section.status, section.last_error)

    async def _pause(self, started_s: float) -> None:
        """Wait until the next read is due or the service signalled, and for the least gap in any case."""
        wait_s = min(started_s + self._interval_s, self._due_s) - self._clock()
        if wait_s > 0.0:
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                pass  # nothing was signalled: the usual case
        # Even 0: a backend that always answers at once must not keep the loop for itself.
        await asyncio.sleep(max(0.0, started_s + MIN_GAP_S - self._clock()))

    async def _watch_on(self) -> None:
        while True:
            watching: set[asyncio.Task[None]] = set()
            watch = in_background(self._follow(), watching)
            try:
                await asyncio.wait({watch})
            finally:
                if not watch.done():
                    watch.cancel()
                    await asyncio.wait({watch}, timeout=GRACE_S)
            self._watch_over(watch)
            # A watch ends because its service went: the read tells whether it did.
            self._woken.set()
            await asyncio.sleep(WATCH_RETRY_S)

    def _watch_over(self, watch: asyncio.Task[None]) -> None:
        """Say why a watch ended, once for each reason in a row."""
        error = None if watch.cancelled() else watch.exception()
        reason = reason_of(error) if error is not None else "its signals ended"
        if reason != self._watch_ended_by:
            self._watch_ended_by = reason
            log.info("%s: watching anew every %g s: %s", self._name, WATCH_RETRY_S, reason)

    async def _follow(self) -> None:
        """Take in signals: bounded in number, so that a watch that never pauses costs little and stalls nobody."""
        signals = self._backend.watch()
        taken, since_s = 0, self._clock()
        try:
            async for _ in signals:
                self._woken.set()
                self._watch_ended_by = ""
                taken += 1
                if taken % SIGNALS_A_TURN == 0:
                    await asyncio.sleep(0)
                    now_s = self._clock()
                    if now_s - since_s >= MIN_GAP_S:
                        taken, since_s = 0, now_s
                if taken >= SIGNALS_A_GAP:
                    await asyncio.sleep(MIN_GAP_S)
                    taken, since_s = 0, self._clock()
        finally:
            if isinstance(signals, AsyncGenerator):
                await signals.aclose()
