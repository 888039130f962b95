"""One row of the process table, and how a child of it begins."""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ndefender.errors import ConfigError
from ndefender.ring.board import Board, Row
from ndefender.ring.segment import attach
from ndefender.runtime import logs
from ndefender.runtime.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_ORPHANED
from ndefender.runtime.wiring import Wiring

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """How one process is started, watched and stopped.

    Args:
        name: shown in logs and statistics.
        entry: `module:function`; imported in the child only. It takes a `Child` and returns an exit code.
        rows: board rows whose beats must all go on.
        start_order: processes of a lower order are started first.
        stop_order: processes of a lower order are stopped first.
        beat_timeout_s: without progress for this long it is killed.
        start_timeout_s: time until its first beat.
        stop_timeout_s: time to end after SIGTERM.
        gate: processes of a higher order wait for its first beat.
        index: tells equal processes apart.
        serves: the service is ready once it is up.
    """

    name: str
    entry: str
    rows: tuple[int, ...]
    start_order: int
    stop_order: int
    beat_timeout_s: float
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 5.0
    gate: bool = False
    index: int = 0
    serves: bool = False


class StopFlag:
    """Set by SIGTERM."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the main loop to end."""
        self._event.set()

    def is_set(self) -> bool:
        """Tell whether the main loop should end."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until asked to end, at most `timeout_s`."""
        return self._event.wait(timeout_s)


@dataclass(frozen=True, slots=True)
class Child:
    """What the main loop of a child gets.

    Args:
        row: its own row of the board (the first of its spec).
    """

    spec: ProcessSpec
    wiring: Wiring
    board: Board
    row: Row
    stop: StopFlag


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent dies; end at once when it is dead already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        os._exit(EXIT_ORPHANED)


def child_main(spec: ProcessSpec, wiring: Wiring, parent_pid: int) -> None:
    """Begin a child: tie it to its parent, set it up, run its entry, end with the entry's exit code."""
    die_with_parent(parent_pid)
    os.setpgid(0, 0)  # a terminal's Ctrl-C is the supervisor's to handle
    stop = StopFlag()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))  # blocked by the supervisor till now
    logs.set_up(spec.name, wiring.settings.runtime.log_level, wiring.settings.runtime.log_format)
    board = Board(attach(wiring.layout.board))
    module, _, function = spec.entry.partition(":")
    try:
        entry: Callable[[Child], int] = getattr(importlib.import_module(module), function)
        code = entry(Child(spec, wiring, board, board.row(spec.rows[0]), stop))
    except Exception as error:  # outermost level of the process: every error becomes an exit code
        code = exit_code_for(error)
        if code == EXIT_CONFIG:  # told to whoever wrote it, not to whoever wrote this
            log.error("%s", error)
        else:
            log.exception("ends with exit code %d", code)
    logging.shutdown()
    sys.exit(code)


def exit_code_for(error: Exception) -> int:
    """Tell an error that no restart cures from one that a restart may cure."""
    return EXIT_CONFIG if isinstance(error, ConfigError) else EXIT_FAILED
