"""A foreign daemon in a session of its own: started, stopped, hung, killed, always reaped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ndefender.errors import NdefenderError

START_S = 20.0  # a busy machine
STOP_S = 3.0
POLL_S = 0.02


class DaemonMissing(NdefenderError):
    """The program is not installed, or does not start. Reaction: do without, and say so."""


class Daemon:
    """One process group.

    Start it from a thread that stays: where `setpriv` is installed the daemon is told to end when that thread does,
    so that none is left over when the service is killed.

    Args:
        command: program and arguments.
        environment: added to PATH and LANG; nothing else is handed on.
        log_path: where its output goes.
        ready: whether it can be talked to.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log_path: Path, ready: Callable[[], bool]
    ) -> None:
        self._command = list(command)
        self._environment = {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin", "LANG": "C", **environment}
        self._log_path = log_path
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it can be talked to.

        Raises:
            DaemonMissing: no such program, or it ended or did not get ready.
        """
        program = shutil.which(self._command[0], path=self._environment["PATH"])
        if program is None:
            raise DaemonMissing(f"{self._command[0]} is not installed")
        setpriv = shutil.which("setpriv")
        tied = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        with self._log_path.open("ab") as output:
            self._process = subprocess.Popen(
                [*tied, program, *self._command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )
        end_s = time.monotonic() + START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > end_s:
                self.stop()
                last = self._log_path.read_text(errors="replace").strip().splitlines()[-1:]
                raise DaemonMissing(f"{program} does not start: {''.join(last) or 'it says nothing'}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it and all it started. Safe to call twice."""
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        self.kill()

    def kill(self) -> None:
        """End it without a word to anyone, as a crash would."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def hang(self) -> None:
        """Let it answer nobody; its sockets stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
