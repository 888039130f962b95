"""The feed's events on their way out: numbered, encoded once, in the log before they are anywhere else."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from ndefender.errors import LogUnavailable, NdefenderError
from ndefender.events.log import EventLog
from ndefender.events.stream import Envelope
from ndefender.remoteid.desk import Event

SOURCE: Final = "remoteid"
LOG_NAME: Final = "remoteid.jsonl"

log = logging.getLogger(__name__)


class FeedBusy(NdefenderError):
    """Another process writes this log. Reaction: say so; two writers would tell two stories."""


class FeedLog:
    """`remoteid.jsonl` and the lock that keeps a second writer away.

    A log that cannot be written stops nothing: `trouble` says why, and events still go where else they go.

    Args:
        path: newest file of the log.

    Raises:
        FeedBusy: another process writes it.
        LogUnavailable: it cannot be written at all.
    """

    def __init__(self, path: Path) -> None:
        self._log = EventLog(path.parent, path.name)
        self._lock_fd = _lock(path)
        try:
            self._log.open()
        except LogUnavailable:
            os.close(self._lock_fd)
            raise

    @property
    def trouble(self) -> str | None:
        """Why it cannot be written now, None while it can."""
        return self._log.last_error

    def append(self, body: bytes) -> None:
        """Write one event; where the disk refuses, it is counted and said once."""
        before = self._log.last_error
        try:
            self._log.append(body)
        except LogUnavailable as error:
            if before is None:
                log.error("%s", error)

    def maintain(self) -> None:
        """Sync what is due. About once a second."""
        try:
            self._log.maintain()
        except LogUnavailable as error:
            log.error("%s", error)

    def close(self) -> None:
        """Sync and close."""
        try:
            self._log.close()
        except LogUnavailable as error:
            log.error("%s", error)
        finally:
            os.close(self._lock_fd)


def _lock(path: Path) -> int:
    """Hold `NAME.lock` until its descriptor is closed, or the process ends however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise LogUnavailable(f"{path}: {error.strerror or error}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise FeedBusy(f"{path}: another process writes it") from error
    return fd


class FeedWriter:
    """Numbers and encodes the feed's events. One thread at a time.

    Args:
        boot_id: names this run in every envelope.
        outputs: take each encoded envelope, in this order: the log first.
    """

    def __init__(self, boot_id: str, *outputs: Callable[[bytes], None]) -> None:
        self._boot_id = boot_id
        self._outputs = outputs
        self._seq = 0
        self._encoder = msgspec.json.Encoder()

    def say(self, events: list[Event]) -> None:
        """Send events out."""
        for event in events:
            self._seq += 1
            envelope = Envelope(
                type=event.type,
                timestamp_ms=event.unix_ms,
                source=SOURCE,
                data=event.data,
                seq=self._seq,
                boot_id=self._boot_id,
            )
            body = self._encoder.encode(envelope)
            for output in self._outputs:
                output(body)
