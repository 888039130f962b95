"""A real PulseAudio daemon with a null sink on a private socket: no D-Bus, no hardware, nobody's settings."""

from __future__ import annotations

import socket
from pathlib import Path

from ndefender.system.emulated.daemon import Daemon

SINK = "speaker"


class EmulatedPulse:
    """The daemon.

    Args:
        folder: its home, with a path short enough for a socket's name (108 bytes); exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "native"
        self._daemon: Daemon | None = None

    @property
    def address(self) -> str:
        """What clients call its socket."""
        return f"unix:{self._socket}"

    def start(self) -> None:
        """Start it. Raises DaemonMissing where it is not installed."""
        self._socket.unlink(missing_ok=True)  # left over by a crash
        command = [
            *("pulseaudio", "-n", "--daemonize=no", "--system=false", "--use-pid-file=no", "--exit-idle-time=-1"),
            *("--disable-shm=yes", "--realtime=no", "--high-priority=no", "--log-target=stderr", "--log-level=warn"),
            f"--load=module-null-sink sink_name={SINK}",
            "--load=module-always-sink",
            f"--load=module-native-protocol-unix socket={self._socket} auth-anonymous=1",
        ]
        home = str(self._folder)
        environment = {"HOME": home, "XDG_RUNTIME_DIR": home, "PULSE_RUNTIME_PATH": home}
        self._daemon = Daemon(command, environment, self._folder / "pulse.log", self._answers)
        self._daemon.start()

    def stop(self) -> None:
        """End it. Safe to call twice."""
        if self._daemon is not None:
            self._daemon.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        if self._daemon is not None:
            self._daemon.kill()

    def hang(self) -> None:
        """Let it answer nobody."""
        if self._daemon is not None:
            self._daemon.hang()

    def resume(self) -> None:
        """Let it go on."""
        if self._daemon is not None:
            self._daemon.resume()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.settimeout(1.0)
                client.connect(str(self._socket))
            except OSError:
                return False
        return True
