"""Tells the service manager how the service is, as in sd_notify(3): one datagram of `NAME=value` at a time."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, MutableMapping

SOCKET = "NOTIFY_SOCKET"
WATCHDOG_USEC, WATCHDOG_PID = "WATCHDOG_USEC", "WATCHDOG_PID"
US_PER_S = 1e6
MARGIN = 4.0  # this many signs of life in the time within which systemd wants one

log = logging.getLogger(__name__)


class Notifier:
    """Sends to `NOTIFY_SOCKET`; where there is none, every call does nothing.

    It takes its variables out of the environment: what the service starts is not to speak in its name. A message that
    cannot be sent is dropped, since the service works without; the next sign of life is tried again at once.

    Args:
        environ: the environment.
        pid: of this process; the watchdog may be meant for another one.
        clock: monotonic, seconds.
    """

    def __init__(
        self,
        environ: MutableMapping[str, str],
        pid: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._socket: socket.socket | None = None
        self._status = ""
        self._ready = False
        self._due_s = 0.0
        address = environ.pop(SOCKET, "")
        interval_us = environ.pop(WATCHDOG_USEC, "")
        meant_for = environ.pop(WATCHDOG_PID, "")
        mine = not meant_for or meant_for == str(os.getpid() if pid is None else pid)
        self._interval_s = int(interval_us) / US_PER_S / MARGIN if mine and interval_us.isdecimal() else 0.0
        if address:
            self._connect(address)

    @property
    def interval_s(self) -> float:
        """Time between two signs of life, seconds; 0 where nobody waits for them."""
        return self._interval_s if self._socket is not None else 0.0

    def ready(self) -> None:
        """The service serves. Only the first call counts."""
        if not self._ready:
            self._ready = self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent when it is another one than before."""
        line = " ".join(text.split())
        if line != self._status and self._send(f"STATUS={line}"):
            self._status = line

    def alive(self) -> None:
        """A sign of life for the watchdog. Call it as often as you like from the loop that works."""
        now_s = self._clock()
        if self._interval_s and now_s >= self._due_s and self._send("WATCHDOG=1"):
            self._due_s = now_s + self._interval_s

    def stopping(self) -> None:
        """The service has begun to stop."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Send nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self, address: str) -> None:
        if address[0] not in "/@":
            log.warning("%s=%s is no socket that is known here: the service manager is told nothing", SOCKET, address)
            return
        # An abstract socket's name begins with a zero byte, which no variable can hold.
        path = f"\0{address[1:]}" if address[0] == "@" else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(path)
        except OSError as error:
            log.warning("%s=%s: %s: the service manager is told nothing", SOCKET, address, error)
            self.close()

    def _send(self, text: str) -> bool:
        """Send, without waiting; tell whether it was taken, which it also is where nobody wants to hear it."""
        if self._socket is None:
            return True
        try:
            self._socket.send(text.encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError as error:
            log.debug("%s not told: %s", text, error)
            return False
        return True
