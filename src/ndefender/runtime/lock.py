"""The service's state folder: one service at a time, and a file that says where it listens."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from pathlib import Path

import msgspec

from ndefender.config.settings import Settings
from ndefender.errors import NdefenderError

LOCK_FILE = "service.lock"
STATE_FILE = "service.json"

log = logging.getLogger(__name__)


class FolderBusy(NdefenderError):
    """Another service runs on the same state folder. Reaction: do not start; say which process."""


class ServiceState(msgspec.Struct, frozen=True):
    """What `service.json` says of a running service.

    Args:
        pid: its supervisor.
        boot_id: names this run, as in event envelopes.
        host, port: where the AntSDR Scan API really listens.
        started_unix_ms: wall clock of the start.
        aggregator, system: `host:port` of the other two APIs.
    """

    pid: int
    boot_id: str
    host: str
    port: int
    started_unix_ms: int
    aggregator: str = ""
    system: str = ""


def run_folder(settings: Settings) -> Path:
    """Folder of the lock and the state file: as set, or `run` beside the log folder."""
    return Path(settings.runtime.state_folder or Path(settings.log.folder).parent / "run")


class FolderLock:
    """Holds the state folder until `release` or the end of the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            FolderBusy: another process has it.
            OSError: the folder cannot be made or written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / STATE_FILE
        self._descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise FolderBusy(f"{folder} is in use by the service with process id {holder}") from None
        with contextlib.suppress(OSError):  # a full disk must not keep the service from its work: the lock holds
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def write_state(self, state: ServiceState) -> None:
        """Replace the state file, whole or not at all; where the disk refuses, say what that costs."""
        fresh = self._state.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(state) + b"\n")
            fresh.replace(self._state)
        except OSError as error:
            log.warning("%s: %s: other programs here do not learn where the service is", self._state, error.strerror)
            fresh.unlink(missing_ok=True)

    def release(self) -> None:
        """Remove the state file and give the folder free."""
        self._state.unlink(missing_ok=True)
        os.close(self._descriptor)


def read_state(folder: Path) -> ServiceState | None:
    """Read the state of the service on a folder; None when there is none."""
    try:
        return msgspec.json.decode((folder / STATE_FILE).read_bytes(), type=ServiceState)
    except (OSError, msgspec.DecodeError):
        return None
