"""Tells when something may have changed about a log: the kernel's word at once, a slow look as a net under it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

from asyncinotify import Event, Inotify, Mask, Watch

log = logging.getLogger(__name__)

_MASK = (
    Mask.MODIFY
    | Mask.ATTRIB
    | Mask.CREATE
    | Mask.DELETE
    | Mask.MOVED_FROM
    | Mask.MOVED_TO
    | Mask.DELETE_SELF
    | Mask.MOVE_SELF
    | Mask.ONLYDIR
)
_LOST = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT | Mask.IGNORED | Mask.Q_OVERFLOW
_EVENTS_AT_ONCE = 64


class Wake:
    """Watches the folder of a log, and while it does not exist the nearest one above it that does.

    Where the kernel gives no watch (limits, a file system without them) the polling is what remains; that a link leads
    to a file in another folder, or that the network changed it, is seen by polling only. To be opened, used and closed
    on one loop.

    Args:
        path: newest file of the log.
        poll_s: longest wait.
    """

    def __init__(self, path: Path, poll_s: float) -> None:
        self._path = path.absolute()
        self._poll_s = poll_s
        self._changed = asyncio.Event()
        self._inotify: Inotify | None = None
        self._watch: Watch | None = None
        self._folder: tuple[Path, int, int] | None = None  # what is watched
        self._told = False

    @property
    def watching(self) -> Path | None:
        """Folder that is watched, None if the kernel gives no watch."""
        return self._folder[0] if self._folder else None

    def open(self) -> None:
        """Begin to watch. What changes from now on ends the next `wait`."""
        if self._inotify is None:
            try:
                self._inotify = Inotify(cache_size=_EVENTS_AT_ONCE, sync_timeout=0)
            except OSError as error:
                self._complain(error)
                return
            asyncio.get_running_loop().add_reader(self._inotify.fd, self._ready)
        self._arm()

    async def wait(self) -> None:
        """Return when something may have changed since the return before, or after `poll_s`."""
        try:
            async with asyncio.timeout(self._poll_s):
                await self._changed.wait()
        except TimeoutError:
            self.open()  # the folder may be another one by now, or there may be a watch again
        self._changed.clear()

    def close(self) -> None:
        """Stop watching. Safe to call twice."""
        inotify, self._inotify = self._inotify, None
        self._watch = self._folder = None
        if inotify is not None:
            asyncio.get_running_loop().remove_reader(inotify.fd)
            inotify.close()

    def _ready(self) -> None:
        """The kernel has something to tell."""
        inotify = self._inotify
        if inotify is None:
            return
        again = False
        for _ in range(_EVENTS_AT_ONCE):  # the rest at the loop's next turn
            event = inotify.sync_get()
            if event is None:
                break
            again |= self._note(event)
        if again:
            self._arm()

    def _note(self, event: Event) -> bool:
        """Take one event; whether the watch may be in the wrong place now."""
        above = self.watching != self._path.parent
        if above or event.mask & _LOST:
            self._changed.set()
            return True
        if event.name is None or event.name.name.startswith(self._path.name):
            self._changed.set()
        return False

    def _arm(self) -> None:
        """Watch the deepest folder there is on the way to the file."""
        if self._inotify is None:
            return
        for folder in self._path.parents:
            if self._folder is not None and self._folder == _identity(folder):
                return
            try:
                watch = self._inotify.add_watch(folder, _MASK)
            except OSError as error:
                if not isinstance(error, FileNotFoundError | NotADirectoryError):
                    self._complain(error)
                continue
            self._change(watch, folder)
            if folder == self._path.parent or not self._path.parent.exists():
                return
            self._arm()  # it was made while we looked further up
            return

    def _change(self, watch: Watch, folder: Path) -> None:
        if self._watch is not None and self._watch is not watch and self._inotify is not None:
            with contextlib.suppress(OSError):  # the kernel took it away with the folder
                self._inotify.rm_watch(self._watch)
        self._watch, self._folder = watch, _identity(folder)
        self._changed.set()

    def _complain(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            log.warning("%s is looked at every %g s only: %s", self._path, self._poll_s, error)


def _identity(folder: Path) -> tuple[Path, int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return folder, status.st_dev, status.st_ino
