"""A serial line on the asyncio loop: pyserial opens and configures, the loop reads and writes, nothing ever blocks it.

Opening and closing may hang in the kernel for seconds when a USB device is dying, so they run on threads of their own
and are given up after a while; reading and writing never wait. docs/adr/0061-esp32-link.md has the reasons.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import termios
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import serial

from ndefender.errors import NdefenderError

T = TypeVar("T")

CHUNK_BYTES = 4096  # of one read; the loop serves others between two
EMPTY_READS = 16  # ready and yet nothing to read, in a row: somebody else reads the same line, or it is gone
_HANG_UP = select.POLLHUP | select.POLLERR | select.POLLNVAL


class PortLost(NdefenderError):
    """The port cannot be opened, or the device behind it went away. Reaction: close it, look for the panel again."""


class _Errand(Generic[T]):
    """One blocking call on a thread of its own, whose result somebody wants, or nobody any more.

    Args:
        call: may block, may raise OSError or termios.error.
        discard: what to do with a result that comes too late.
    """

    def __init__(self, name: str, call: Callable[[], T], discard: Callable[[T], object]) -> None:
        self._call = call
        self._discard = discard
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[T] = self._loop.create_future()
        self._guard = threading.Lock()
        self._abandoned = False
        # Not of an executor: those are joined when the process ends, and a hung one would keep it.
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    async def result(self, timeout_s: float) -> T:
        """Run it; raises TimeoutError, or what the call raised."""
        self.thread.start()
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(self._answer)
        except (TimeoutError, asyncio.CancelledError):
            with self._guard:
                self._abandoned = True
            if not self._answer.done():
                self._answer.cancel()
            elif self._answer.exception() is None:  # it came in the same turn of the loop
                self._throw_away(self._answer.result())
            raise

    def _run(self) -> None:
        value: T | None = None
        failure: OSError | None = None
        try:
            value = self._call()
        except OSError as error:
            failure = error
        except (termios.error, ValueError) as error:  # pyserial lets both through
            failure = OSError(str(error))
        with self._guard:
            if not self._abandoned:
                # A closed loop wants no answer either.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._deliver, value, failure)
                    return
        if value is not None:
            self._discard(value)

    def _deliver(self, value: T | None, failure: OSError | None) -> None:
        if self._answer.done():  # given up between the thread's word and now
            if value is not None:
                self._throw_away(value)
        elif failure is not None:
            self._answer.set_exception(failure)
        else:
            assert value is not None
            self._answer.set_result(value)

    def _throw_away(self, value: T) -> None:
        threading.Thread(target=self._discard, args=(value,), name="discard", daemon=True).start()


_hanging: dict[str, threading.Thread] = {}  # by name: calls that were given up


async def off_loop(
    name: str, call: Callable[[], T], timeout_s: float, discard: Callable[[T], object] = lambda _: None
) -> T:
    """Run a call that may block on a thread of its own.

    Args:
        name: says what it is; while one of a name hangs, it is not begun again, so that threads do not pile up.
        call: may raise OSError or termios.error.
        timeout_s: after this its thread is left to itself.
        discard: gets what that thread may still bring.
    Raises:
        PortLost: it failed, took too long, or an earlier one still hangs.
    """
    hanging = _hanging.pop(name, None)
    if hanging is not None and hanging.is_alive():
        _hanging[name] = hanging
        raise PortLost(f"{name}: an earlier attempt still hangs")
    errand = _Errand(name, call, discard)
    try:
        return await errand.result(timeout_s)
    except TimeoutError:
        _hanging[name] = errand.thread
        raise PortLost(f"{name}: hangs for more than {timeout_s:g} s") from None
    except OSError as error:
        raise PortLost(f"{name}: {_reason(error)}") from error


class SerialPort:
    """An open serial line. Made by `open_port`; all methods on the loop's thread.

    Args:
        device: opened by pyserial, exclusively, non-blocking.
    """

    def __init__(self, device: serial.Serial) -> None:
        self._device = device
        self._fd: int = device.fileno()
        self._loop = asyncio.get_running_loop()
        self._empty = 0
        self._closed = False

    @property
    def path(self) -> str:
        """What was opened."""
        return str(self._device.port)

    async def read(self) -> bytes:
        """Wait for bytes; at least one, at most `CHUNK_BYTES`. Cancellation loses nothing.

        Raises:
            PortLost: the device went away.
        """
        while True:
            # Always by way of the loop, so that a device that never stops talking starves nobody.
            await self._ready(self._loop.add_reader, self._loop.remove_reader)
            try:
                chunk = os.read(self._fd, CHUNK_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise PortLost(f"{self.path}: {error.strerror}") from error
            if chunk:
                self._empty = 0
                return chunk
            self._empty += 1
            if self._hung_up() or self._empty >= EMPTY_READS:
                raise PortLost(f"{self.path}: unplugged, or read by somebody else")

    async def write(self, line: bytes, timeout_s: float) -> None:
        """Give a line to the kernel.

        Raises:
            PortLost: the device went away, or took less than all of it within `timeout_s`.
        """
        rest = memoryview(line)
        try:
            async with asyncio.timeout(timeout_s):
                while rest:
                    try:
                        rest = rest[os.write(self._fd, rest) :]
                    except BlockingIOError:
                        await self._ready(self._loop.add_writer, self._loop.remove_writer)
        except TimeoutError:
            raise PortLost(f"{self.path}: takes no bytes for {timeout_s:g} s") from None
        except OSError as error:
            raise PortLost(f"{self.path}: {error.strerror}") from error

    async def close(self, timeout_s: float) -> None:
        """Close it; at most `timeout_s`, then the kernel is left to finish it. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        name = f"close {self.path} {id(self._device)}"  # of its own: closing is never refused
        with contextlib.suppress(PortLost):  # nothing more can be done
            await off_loop(name, lambda: _close(self._device), timeout_s)

    async def _ready(self, add: Callable[[int, Callable[[], None]], object], remove: Callable[[int], bool]) -> None:
        ready = asyncio.Event()
        add(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self._fd)

    def _hung_up(self) -> bool:
        poll = select.poll()
        poll.register(self._fd, 0)
        return any(event & _HANG_UP for _, event in poll.poll(0))


async def open_port(path: str, baud: int, timeout_s: float) -> SerialPort:
    """Open a port, 8N1, for this process alone; what had come in before is thrown away.

    Raises:
        PortLost: it is not there, busy, forbidden, or does not open within `timeout_s`.
    """
    return SerialPort(await off_loop(f"open {path}", lambda: _open(path, baud), timeout_s, _close))


def _reason(error: OSError) -> str:
    if error.errno in {errno.EBUSY, errno.EAGAIN}:
        return "used by another program"
    return os.strerror(error.errno) if error.errno else str(error)


def _open(path: str, baud: int) -> serial.Serial:
    # DTR and RTS stay as the kernel raises them, both at once: the usual ESP32 board resets when they differ.
    return serial.Serial(path, baud, timeout=0, write_timeout=0, exclusive=True)


def _close(device: serial.Serial) -> bool:
    with contextlib.suppress(OSError, termios.error):
        device.reset_output_buffer()  # else close waits for a device that takes nothing any more
    with contextlib.suppress(OSError):
        device.close()
    return True
