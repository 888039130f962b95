"""The real service as a process of the benchmark: its own supervisor, capture and workers, a front of one's choice."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TypeVar

from ndefender.config.settings import Settings
from ndefender.runtime.run import run
from ndefender.runtime.table import process_table

LOG_NAME = "service.log"
LOOK_S = 0.05
Value = TypeVar("Value")


class NeverHappenedError(Exception):
    """What was waited for did not come within its time."""


def serve(settings: Settings, front: str, folder: str) -> None:
    """Main of the process: run the service, its log into a file.

    Args:
        settings: the configuration.
        front: `module:function` that takes the front's place.
        folder: for the log; also the working folder.
    """
    os.chdir(folder)
    log = os.open(LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stderr.fileno())
    os.dup2(log, sys.stdout.fileno())
    table = [replace(spec, entry=front) if spec.name == "front" else spec for spec in process_table(settings)]
    sys.exit(run(settings, None, table))


@contextlib.contextmanager
def running(settings: Settings, front: str, folder: Path) -> Iterator[SpawnProcess]:
    """Run the service while the body runs; SIGTERM and wait afterwards."""
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(settings, front, str(folder)))
    process.start()
    try:
        yield process
    finally:
        if process.is_alive() and process.pid:
            os.kill(process.pid, signal.SIGTERM)
        process.join(30.0)
        if process.is_alive():
            process.kill()
            process.join()


def await_value(look: Callable[[], Value | None], what: str, process: SpawnProcess, limit_s: float) -> Value:
    """Wait for a state while a process lives.

    Raises:
        NeverHappenedError: time is up, or the process ended.
    """
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if (value := look()) is not None:
            return value
        if not process.is_alive():
            if (value := look()) is not None:
                return value
            raise NeverHappenedError(f"{what}: the service ended with exit code {process.exitcode}")
        time.sleep(LOOK_S)
    raise NeverHappenedError(f"{what}: not within {limit_s:g} s")


def tail(folder: Path, lines: int = 15) -> str:
    """End of the service's log, for messages."""
    path = folder / LOG_NAME
    return "\n".join(path.read_text(encoding="utf-8").splitlines()[-lines:]) if path.exists() else "no log"
