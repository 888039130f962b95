"""A real gpsd on a port of its own, fed by `gpsfake` with a flight that loses its fix now and then."""

from __future__ import annotations

import datetime
import socket
from pathlib import Path

from ndefender.system.emulated import nmea
from ndefender.system.emulated.daemon import Daemon

HOST = "127.0.0.1"
SENTENCES_A_SECOND = 5
FLIGHT_S = 118  # once round the circle
LOST = range(100, 110)
CENTRE_DEG = (37.4275, -122.1697)


class EmulatedGpsd:
    """gpsd, gpsfake and a pseudo-terminal between them.

    Args:
        folder: for the log, gpsfake's socket and the sentences; exists.
        start: the receiver's own time of the first sentence, UTC; the flight is repeated with the same times.
        second_s: how long one of the receiver's seconds takes.
        n_seconds: of the flight.
        lost: seconds without a fix.
    """

    def __init__(
        self,
        folder: Path,
        start: datetime.datetime,
        second_s: float = 1.0,
        n_seconds: int = FLIGHT_S,
        lost: range = LOST,
    ) -> None:
        self._sentences = folder / "flight.nmea"
        epochs = nmea.flight(start, n_seconds, lost, *CENTRE_DEG)
        self._sentences.write_text("".join(line for epoch in epochs for line in epoch), encoding="ascii", newline="")
        self._folder = folder
        self._second_s = second_s
        self._daemon: Daemon | None = None
        self.port = 0

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of its JSON socket; the port stays the same over a restart."""
        return HOST, self.port

    def start(self) -> None:
        """Start both. Raises DaemonMissing where they are not installed."""
        if not self.port:
            with socket.create_server((HOST, 0)) as free:
                self.port = free.getsockname()[1]
        pause_s = self._second_s / SENTENCES_A_SECOND
        command = ["gpsfake", "-q", "-n", "-P", str(self.port), "-c", f"{pause_s:.4f}", str(self._sentences)]
        environment = {"TMPDIR": str(self._folder), "HOME": str(self._folder)}
        self._daemon = Daemon(command, environment, self._folder / "gpsd.log", self._answers)
        self._daemon.start()

    def stop(self) -> None:
        """End both. Safe to call twice."""
        if self._daemon is not None:
            self._daemon.stop()

    def kill(self) -> None:
        """End both as a crash would."""
        if self._daemon is not None:
            self._daemon.kill()

    def hang(self) -> None:
        """Let gpsd answer nobody."""
        if self._daemon is not None:
            self._daemon.hang()

    def resume(self) -> None:
        """Let gpsd go on."""
        if self._daemon is not None:
            self._daemon.resume()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(self.address, timeout=1.0) as client:
                return client.recv(64).startswith(b'{"class":"VERSION"')
        except OSError:
            return False
