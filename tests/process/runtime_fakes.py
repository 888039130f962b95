"""Children with nothing in them, for the supervisor to handle. Named by `module:function` in a process table."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ndefender.runtime.exits import EXIT_CONFIG, EXIT_FINISHED, EXIT_OK
from ndefender.runtime.process import Child


def note(child: Child, word: str) -> None:
    """Append a line to a file that the test reads: the order of things."""
    folder = Path(child.wiring.settings.log.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "notes.txt").open("a") as stream:
        stream.write(f"{child.spec.name} {word}\n")


def steady(child: Child) -> int:
    """Beat until told to stop."""
    note(child, "begins")
    while not child.stop.wait(0.02):
        child.row.beat_ns = time.monotonic_ns()
    note(child, "ends")
    return EXIT_OK


def crash(child: Child) -> int:
    """Die at once."""
    note(child, "begins")
    raise RuntimeError("crashed on purpose")


def thorough(child: Child) -> int:
    """Finish a piece of work after it is told to stop."""
    note(child, "begins")
    while not child.stop.wait(0.02):
        child.row.beat_ns = time.monotonic_ns()
    note(child, "finishes")
    time.sleep(0.3)  # the work
    note(child, "ends")
    return EXIT_OK


def stubborn(child: Child) -> int:
    """Beat and never stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(child, "begins")
    while True:
        child.row.beat_ns = time.monotonic_ns()
        time.sleep(0.02)  # the work


def finish(child: Child) -> int:
    """Have nothing left to do."""
    note(child, "begins")
    return EXIT_FINISHED


def misconfigured(child: Child) -> int:
    """Find the configuration wanting."""
    note(child, "begins")
    return EXIT_CONFIG


def ignorant(child: Child) -> int:
    """Check that a terminal's Ctrl-C does not reach children, then finish."""
    assert os.getpgid(0) == os.getpid()
    os.kill(os.getpid(), signal.SIGINT)
    return EXIT_FINISHED


def told_to_begin(child: Child) -> int:
    """Be busy with the start until a file `go` is there, as a worker is that compiles."""
    go = Path(child.wiring.settings.log.folder) / "go"
    while not go.exists():
        if child.stop.wait(0.02):
            return EXIT_OK
    return steady(child)


def tell_environment(child: Child) -> int:
    """Note the names of the environment's variables."""
    note(child, f"environment {' '.join(sorted(os.environ))}")
    return steady(child)
