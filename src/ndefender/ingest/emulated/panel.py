"""An ESP32 panel on a pseudo-terminal: a real peer for the link, with the faults a real one has."""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
import time
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ndefender.ingest.emulated.firmware import Firmware, Reply, Rssi

CHUNK_BYTES = 4096
IDLE_S = 60.0
KEPT_COMMANDS = 10_000


class Panel:
    """A panel in a thread of this process. Its methods may be called from any other.

    Args:
        rssi: what a receiver measures at a frequency (Hz) and time (s since `start`), 0..4095.
        link: a name that always leads to its device while it is plugged in, as udev would make one; None for none.
        period_s, older, not_implemented, first_stamp_ms: see `Firmware`.
        answer_after_s: how long a command takes; 0 answers at once.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        rssi: Rssi,
        *,
        link: Path | None = None,
        period_s: float = 1.0,
        older: bool = False,
        not_implemented: frozenset[str] = frozenset(),
        first_stamp_ms: int = 0,
        answer_after_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._firmware = Firmware(
            rssi, period_s=period_s, older=older, not_implemented=not_implemented, first_stamp_ms=first_stamp_ms
        )
        self._link = link
        self._answer_after_s = answer_after_s
        self._clock = clock
        self._began_s = clock()
        self._guard = threading.RLock()
        self._master: int | None = None
        self._slave: int | None = None
        self._path = ""
        self._unsent = bytearray()
        self._answers: deque[tuple[float, Reply]] = deque()
        self._muted = False
        self._silent = False
        self._ending = False
        self._wake_in, self._wake_out = os.pipe()
        self._thread = threading.Thread(target=self._run, name="emulated-panel", daemon=True)
        self.received: deque[bytes] = deque(maxlen=KEPT_COMMANDS)  # what the host wrote, as it came
        self.dropped_lines = 0  # said while nobody read

    @property
    def path(self) -> str:
        """Device to open: the link where there is one; "" while unplugged and without a link."""
        return str(self._link) if self._link is not None else self._path

    @property
    def long_lines(self) -> int:
        """Lines of the host that were too long and dropped."""
        return self._firmware.long_lines

    def start(self) -> None:
        """Plug it in and boot it.

        Raises:
            OSError: no pseudo-terminal is left, or the link's place is taken by something that is no link.
        """
        self.replug()
        self._thread.start()

    def stop(self) -> None:
        """Unplug it for good; safe to call twice."""
        with self._guard:
            if self._ending:
                return
            self._ending = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()
        self.unplug()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def unplug(self) -> None:
        """Take it off the host: the device goes, whoever has it open gets a hang-up."""
        with self._guard:
            if self._link is not None and self._link.is_symlink():
                self._link.unlink()
            for fd in (self._master, self._slave):
                if fd is not None:
                    os.close(fd)
            self._master = self._slave = None
            self._path = ""
            self._unsent.clear()
            self._answers.clear()
        self._wake()

    def replug(self) -> None:
        """Plug it in (again): a new device, and the panel, which has its power from there, boots."""
        with self._guard:
            self.unplug()
            self._master, self._slave = os.openpty()
            # Its own end stays open, so that the device outlives a host that closes it.
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self._path = os.ttyname(self._slave)
            if self._link is not None:
                _link(self._link, self._path)
            self._say(self._firmware.boot(self._now_s()))
        self._wake()

    def reset(self, first_stamp_ms: int = 0) -> None:
        """Press its reset button: it boots, its clock begins anew, the device stays."""
        with self._guard:
            self._answers.clear()
            self._say(self._firmware.boot(self._now_s(), first_stamp_ms))
        self._wake()

    def garbage(self, data: bytes) -> None:
        """Put bytes on the line that no firmware would; all of them get out, however slowly they are read."""
        with self._guard:
            self._unsent += data
        self._wake()

    def mute(self, muted: bool = True) -> None:
        """Answer no command (and forget them), though all else goes on; or answer again."""
        with self._guard:
            self._muted = muted
            self._answers.clear()

    def silence(self, silent: bool = True) -> None:
        """Say nothing at all, as if it hung; or speak again."""
        with self._guard:
            self._silent = silent
        self._wake()

    def _now_s(self) -> float:
        return self._clock() - self._began_s

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # already stopped
            os.write(self._wake_out, b"\0")

    def _run(self) -> None:
        while True:
            with self._guard:
                if self._ending:
                    return
                master, wait_s = self._master, self._wait_s()
                writable = [master] if master is not None and self._unsent else []
            readable = [self._wake_in] if master is None else [self._wake_in, master]
            try:
                ready, _, _ = select.select(readable, writable, [], wait_s)
            except (OSError, ValueError):
                continue  # unplugged meanwhile
            if self._wake_in in ready:
                os.read(self._wake_in, CHUNK_BYTES)
            with self._guard:
                self._step()

    def _wait_s(self) -> float:
        if self._master is None:
            return IDLE_S
        due_s = min(self._firmware.due_s, self._answers[0][0]) if self._answers else self._firmware.due_s
        return min(max(due_s - self._now_s(), 0.0), IDLE_S)

    def _step(self) -> None:
        """Do what is due: read, answer, speak."""
        if self._master is None:
            return
        now_s = self._now_s()
        with contextlib.suppress(OSError):  # nothing there
            chunk = os.read(self._master, CHUNK_BYTES)
            self.received.append(chunk)
            for reply in self._firmware.receive(chunk, now_s):
                if not self._muted:
                    self._answers.append((now_s + self._answer_after_s, reply))
        while self._answers and self._answers[0][0] <= now_s:
            self._say([self._answers.popleft()[1]])
        self._say(self._firmware.tick(now_s))
        self._flush()

    def _say(self, replies: list[Reply]) -> None:
        """Write lines; a UART without flow control loses what nobody takes, whole lines here."""
        for reply in replies:
            if self._silent:
                continue
            if self._unsent:
                self.dropped_lines += 1
                continue
            self._unsent += json.dumps(reply, separators=(",", ":")).encode() + b"\n"
            self._flush()

    def _flush(self) -> None:
        if self._master is not None and self._unsent:
            with contextlib.suppress(BlockingIOError):
                del self._unsent[: os.write(self._master, self._unsent)]


def _link(link: Path, target: str) -> None:
    """Make a symbolic link, replacing an older one in one step."""
    if link.exists() and not link.is_symlink():
        raise FileExistsError(17, "there is something that is no link", str(link))
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.rename(link)
