"""Work and wake-ups over pipes, whose ends pass to spawned children.

The work queue is one pipe of 8-byte numbers that all workers read: the kernel gives each number to exactly one of
them, whoever is free first, and a killed worker takes with it only what it had taken. Whoever creates a queue keeps
both ends open for as long as the processes that use it may be restarted.
"""

from __future__ import annotations

import array
import fcntl
import os
import select
import struct
import termios
import time
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext

_NUMBER = struct.Struct("=Q")
_DRAIN_BYTES = 4096


class WorkQueue:
    """A first-in first-out queue of numbers between one writer and any number of readers."""

    def __init__(self, context: SpawnContext) -> None:
        self._reader: Connection
        self._writer: Connection
        self._reader, self._writer = context.Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)  # shared by every process that holds the pipe
        os.set_blocking(self._writer.fileno(), False)

    def put(self, seq: int) -> bool:
        """Append a number without waiting. False when the pipe is full."""
        try:
            os.write(self._writer.fileno(), _NUMBER.pack(seq))
        except BlockingIOError:
            return False
        return True

    def get(self, timeout_s: float) -> int | None:
        """Take the oldest number, waiting at most `timeout_s`; None when there was none."""
        deadline = time.monotonic() + timeout_s
        poller = select.poll()
        poller.register(self._reader.fileno(), select.POLLIN)
        while True:
            try:
                data = os.read(self._reader.fileno(), _NUMBER.size)
                return int(_NUMBER.unpack(data)[0])
            except BlockingIOError:  # empty, or another worker was quicker
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return None
                poller.poll(max(1, int(left_s * 1000)))

    def pending(self) -> int:
        """How many numbers wait to be taken."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self._reader.fileno(), termios.FIONREAD, waiting)
        return waiting[0] // _NUMBER.size

    def fileno(self) -> int:
        """Descriptor that is readable while numbers wait."""
        return self._reader.fileno()

    def close(self) -> None:
        """Close both ends in this process."""
        self._reader.close()
        self._writer.close()


class Wake:
    """A bell: any number of processes ring it, one waits on its descriptor. Rings may merge."""

    def __init__(self, context: SpawnContext) -> None:
        self._reader: Connection
        self._writer: Connection
        self._reader, self._writer = context.Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        os.set_blocking(self._writer.fileno(), False)

    def ring(self) -> None:
        """Make the descriptor readable, without waiting."""
        try:
            os.write(self._writer.fileno(), b"\0")
        except BlockingIOError:  # full of rings nobody heard yet: it is readable anyway
            return

    def clear(self) -> None:
        """Forget the rings so far. Look for work after this, not before."""
        try:
            while len(os.read(self._reader.fileno(), _DRAIN_BYTES)) == _DRAIN_BYTES:
                pass
        except BlockingIOError:
            return

    def fileno(self) -> int:
        """Descriptor that is readable after a ring."""
        return self._reader.fileno()

    def close(self) -> None:
        """Close both ends in this process."""
        self._reader.close()
        self._writer.close()
