"""Starts, watches, restarts and stops the processes of a table. It knows nothing of what they do.

Everything happens on the main thread: parent-death signals follow the thread that spawned, and signal handlers run
there.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from ndefender.ring.board import Board
from ndefender.runtime.exits import EXIT_CONFIG, EXIT_FINISHED, EXIT_GAVE_UP, EXIT_OK
from ndefender.runtime.notify import Notifier
from ndefender.runtime.process import ProcessSpec, child_main
from ndefender.runtime.restart import History, RestartPolicy, after_death
from ndefender.runtime.wiring import Wiring
from ndefender.units import NS_PER_S

POLL_S = 0.1  # beats are looked at this often; deaths and signals wake at once
KILL_WAIT_S = 5.0  # SIGKILL needs no consent, only a scheduler
IMPATIENT_S = 1.0  # signals closer together are one wish: timeout(1) and others signal the process, then its group
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Managed:
    """A row of the table in action."""

    spec: ProcessSpec
    process: SpawnProcess | None = None
    started_ns: int = 0
    first_beat_ns: int = 0
    due_s: float | None = None
    history: History = field(default_factory=History)
    done: bool = False
    was_up: bool = False

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.exitcode is None


class Supervisor:
    """Runs a table of processes until it is told to stop, one finishes the work, or one cannot be kept alive.

    Args:
        table: the processes.
        wiring: given to every child.
        board: where they beat.
        policy: when a dead one is started again.
        notifier: told how the service is; None to tell the service manager that the environment names, if any.
    """

    def __init__(
        self,
        table: Sequence[ProcessSpec],
        wiring: Wiring,
        board: Board,
        policy: RestartPolicy,
        notifier: Notifier | None = None,
    ) -> None:
        self._managed = [Managed(spec) for spec in table]
        self._notifier = Notifier(os.environ) if notifier is None else notifier
        self._wiring = wiring
        self._board = board
        self._policy = policy
        self._context = multiprocessing.get_context("spawn")
        self._first_signal_s: float | None = None
        self._no_mercy = False
        self._exit_code: int | None = None
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(self._wake_w, False)

    def run(self) -> int:
        """Run to the end.

        Returns:
            exit code of the service.
        """
        old_wake = signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        old = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        try:
            while self._exit_code is None:
                self._start_due()
                self._wait(POLL_S)
                self._reap()
                self._watch_beats()
                self._tell()
        finally:
            self._notifier.stopping()
            self._stop_all()
            self._notifier.close()
            signal.set_wakeup_fd(old_wake)
            heard = self._first_signal_s is not None  # then the process ends: one more must not cut cleaning up short
            for number, handler in old.items():
                signal.signal(number, signal.SIG_IGN if heard else handler)
            os.close(self._wake_r)
            os.close(self._wake_w)
        return self._exit_code

    def _on_signal(self, number: int, _frame: object) -> None:
        """Stop; a second signal, when it is a second wish, stops without mercy."""
        now_s = time.monotonic()
        if self._first_signal_s is None:
            self._first_signal_s = now_s
        elif now_s - self._first_signal_s >= IMPATIENT_S:
            self._no_mercy = True
        if self._exit_code is None:
            log.info("%s: stopping", signal.Signals(number).name)
            self._exit_code = EXIT_OK

    def _tell(self) -> None:
        """Tell the service manager how things are. It is ready when those are up that serve; all, where none does."""
        serving = [m for m in self._managed if m.spec.serves] or self._managed
        if all(m.was_up for m in serving):
            self._notifier.ready()
        waiting = [m.spec.name for m in self._managed if not m.done and not (m.alive and m.first_beat_ns)]
        up = f"{len(self._managed) - len(waiting)} of {len(self._managed)} processes up"
        self._notifier.status(f"{up}; waiting for {', '.join(waiting)}" if waiting else up)

    def _wait(self, timeout_s: float) -> None:
        """Sleep until a process ends, a signal comes, a start is due, or the time is over.

        Both loops pass here, that of the service and that of its end: each round is a sign of life.
        """
        self._notifier.alive()
        now_s = time.monotonic()
        due = [m.due_s - now_s for m in self._managed if m.due_s is not None]
        sentinels = [m.process.sentinel for m in self._managed if m.process is not None and m.alive]
        wait([*sentinels, self._wake_r], max(0.0, min([timeout_s, *due])))
        try:
            os.read(self._wake_r, 4096)
        except BlockingIOError:
            return

    # --- start -----------------------------------------------------------------------------------------------------

    def _start_due(self) -> None:
        """Start what is due: restarts at their time, first starts in order."""
        now_s = time.monotonic()
        closed = (m.spec.start_order for m in self._managed if m.spec.gate and not m.was_up)
        barrier = min(closed, default=None)
        for managed in self._managed:
            if managed.alive or managed.done:
                continue
            first = managed.process is None
            if first and barrier is not None and managed.spec.start_order > barrier:
                continue
            if first or (managed.due_s is not None and now_s >= managed.due_s):
                self._start(managed)

    def _start(self, managed: Managed) -> None:
        """Spawn one process."""
        for row in managed.spec.rows:
            self._board.row(row).beat_ns = 0  # nobody else writes it while the process is dead
        process = self._context.Process(
            target=child_main, args=(managed.spec, self._wiring, os.getpid()), name=managed.spec.name
        )
        managed.started_ns, managed.first_beat_ns, managed.due_s = time.monotonic_ns(), 0, None
        # The child inherits the mask and lifts it when it has handlers: a signal to the group ends no child half begun
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        managed.process = process
        for row in managed.spec.rows:
            self._board.row(row).pid = process.pid or 0

    # --- watch -----------------------------------------------------------------------------------------------------

    def _reap(self) -> None:
        """Look at every process that ended and decide what follows."""
        for managed in self._managed:
            if managed.process is None or managed.done or managed.due_s is not None or managed.alive:
                continue
            code = managed.process.exitcode
            assert code is not None
            self._forget(managed)
            if self._exit_code is None:
                self._after_end(managed, code)

    def _forget(self, managed: Managed) -> None:
        """Clear the rows of a process that is gone."""
        for row in managed.spec.rows:
            self._board.row(row).pid = 0

    def _after_end(self, managed: Managed, code: int) -> None:
        """React to an exit code."""
        name = managed.spec.name
        if code == EXIT_FINISHED:
            log.info("%s has finished its work: stopping", name)
            managed.done = True
            self._exit_code = EXIT_OK
        elif code == EXIT_CONFIG:
            log.error("%s cannot work with this configuration: stopping", name)
            self._exit_code = EXIT_CONFIG
        else:
            self._restart(managed, code)

    def _restart(self, managed: Managed, code: int) -> None:
        """Plan the next start of a process that died, or give up."""
        last_ns = max(self._board.row(row).beat_ns for row in managed.spec.rows)
        worked_s = (last_ns - managed.first_beat_ns) / NS_PER_S if managed.first_beat_ns else 0.0
        now_s = time.monotonic()
        verdict = after_death(self._policy, managed.history, now_s, worked_s)
        managed.history = verdict.history
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        if verdict.at_s is None:
            log.error(
                "%s ended with %s, after %d restarts in %g s: giving up",
                managed.spec.name, cause, len(verdict.history.restarts_s), self._policy.window_s,
            )  # fmt: skip
            self._exit_code = EXIT_GAVE_UP
            return
        row = self._board.row(managed.spec.rows[0])
        row.restarts += 1
        managed.due_s = verdict.at_s
        log.warning("%s ended with %s: starting it again in %.2f s", managed.spec.name, cause, verdict.at_s - now_s)

    def _watch_beats(self) -> None:
        """Kill what makes no progress."""
        now_ns = time.monotonic_ns()
        for managed in self._managed:
            if not managed.alive or managed.process is None:
                continue
            beats = [self._board.row(row).beat_ns for row in managed.spec.rows]
            if not managed.first_beat_ns and all(beats):
                managed.first_beat_ns, managed.was_up = now_ns, True
                log.info("%s is up (process %d)", managed.spec.name, managed.process.pid or 0)
            oldest_ns = min(beats)
            silent_s = (now_ns - (oldest_ns or managed.started_ns)) / NS_PER_S
            limit_s = managed.spec.beat_timeout_s if oldest_ns else managed.spec.start_timeout_s
            if silent_s > limit_s:
                name = managed.spec.name
                log.error("%s made no progress for %.1f s (limit %g s): killing it", name, silent_s, limit_s)
                managed.process.kill()

    # --- stop ------------------------------------------------------------------------------------------------------

    def _stop_all(self) -> None:
        """Stop everything, lowest stop order first, then kill what is left."""
        for order in sorted({m.spec.stop_order for m in self._managed}):
            group = [m for m in self._managed if m.spec.stop_order == order and m.alive]
            for managed in group:
                if managed.process is not None and managed.first_beat_ns:
                    managed.process.terminate()
                elif managed.process is not None:  # still being set up: it has nothing to finish
                    managed.process.kill()
            self._await_end(group, max((m.spec.stop_timeout_s for m in group), default=0.0))
        self._kill(self._managed)
        for managed in self._managed:
            if managed.process is not None:
                self._forget(managed)

    def _await_end(self, group: Iterable[Managed], timeout_s: float) -> None:
        """Wait until all of a group ended, at most `timeout_s`; kill what did not."""
        deadline_s = time.monotonic() + timeout_s
        left = [m for m in group if m.alive]
        while left and time.monotonic() < deadline_s and not self._no_mercy:
            self._wait(min(POLL_S, deadline_s - time.monotonic()))
            left = [m for m in left if m.alive]
        cause = "at a second signal" if self._no_mercy else f"in {timeout_s:g} s"
        for managed in left:
            log.warning("%s did not end %s: killing it", managed.spec.name, cause)
        self._kill(left)

    def _kill(self, group: Iterable[Managed]) -> None:
        """Kill and collect."""
        for managed in group:
            if managed.process is not None and managed.alive:
                managed.process.kill()
                managed.process.join(KILL_WAIT_S)
