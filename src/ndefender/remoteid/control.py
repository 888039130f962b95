"""Pause, resume and stop a replay: from another thread, or from a signal handler."""

from __future__ import annotations

import contextlib
import os
import select
from collections import deque
from typing import Literal

Command = Literal["pause", "resume", "toggle", "stop"]


class Control:
    """Commands to a replay, and the waiting that they interrupt.

    A pipe wakes the waiter, since a lock or a condition must not be touched in a signal handler.
    """

    def __init__(self) -> None:
        self._commands: deque[Command] = deque()
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._read_fd, select.POLLIN)

    @property
    def pending(self) -> bool:
        """Whether a command waits."""
        return bool(self._commands)

    def send(self, command: Command) -> None:
        """Give a command. Safe in a signal handler and from any thread."""
        self._commands.append(command)
        with contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups: it will be seen
            os.write(self._write_fd, b"!")

    def wait(self, timeout_s: float) -> Command | None:
        """Wait for a command.

        Args:
            timeout_s: at most so long; 0 does not wait.
        Returns:
            the oldest one, None where none came.
        """
        if self._poll.poll(0.0 if self._commands else max(timeout_s, 0.0) * 1000.0):
            os.read(self._read_fd, 4096)
        return self._commands.popleft() if self._commands else None

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._read_fd)
        os.close(self._write_fd)
