"""A private message bus: a dbus-daemon with its own configuration and socket, in its own process group."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from ndefender.errors import NdefenderError

START_TIMEOUT_S = 10.0
MAX_SOCKET_PATH = 100  # sun_path holds 108 octets
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow send_type="method_call"/>
    <allow receive_sender="*"/>
    {extra}
  </policy>
</busconfig>
"""


class EmulationError(NdefenderError):
    """An emulated peer cannot be started or does not answer. Reaction: do without it, and say so."""


def guarded(command: list[str]) -> list[str]:
    """A command line whose process dies with the thread that started it, where util-linux is installed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command


class BusDaemon:
    """dbus-daemon on a socket of its own.

    Args:
        folder: for its configuration and, where the path is short enough for one, its socket.
        extra: more policy, as XML: what the bus refuses.
    """

    def __init__(self, folder: Path, extra: str = "") -> None:
        self._folder = folder
        self._extra = extra
        self._own_folder: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        socket = folder / "bus"
        if len(os.fsencode(socket)) > MAX_SOCKET_PATH:
            self._own_folder = tempfile.mkdtemp(prefix="ndefender-bus-")
            socket = Path(self._own_folder) / "bus"
        self._socket = socket
        self.address = f"unix:path={socket}"

    def start(self) -> None:
        """Start it and wait until it listens. Raises EmulationError where it cannot."""
        program = shutil.which("dbus-daemon")
        if program is None:
            raise EmulationError("dbus-daemon is not installed")
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "bus.conf"
        config.write_text(CONFIG.format(socket=escape(str(self._socket)), extra=self._extra), encoding="utf-8")
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            guarded([program, "--nofork", "--nopidfile", "--nosyslog", f"--config-file={config}", "--print-address=1"]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=(self._folder / "bus.log").open("ab"),
            start_new_session=True,
        )
        # It prints its address when it listens; where it fails it ends, and so does the pipe.
        if self._process.stdout is None or not self._process.stdout.readline():
            self.stop()
            raise EmulationError(f"dbus-daemon does not start: see {self._folder / 'bus.log'}")

    def hang(self) -> None:
        """Stop the process in its tracks."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it; `start` brings it back on the same address."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait(START_TIMEOUT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def stop(self) -> None:
        """Kill it for good. Safe to call twice."""
        self.kill()
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
