"""Events on their way out: numbered, encoded once, logged, and only then given to be sent."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ndefender.config.settings import LogSettings
from ndefender.errors import LogUnavailable
from ndefender.events.encode import EventEncoder
from ndefender.events.log import EventLog
from ndefender.events.types import RfContactEvent
from ndefender.track.contact import Change, Restored

SIMULATED_FOLDER = "simulated"  # of the log folder: what no antenna ever heard stays apart


class Told(NamedTuple):
    """An envelope on its way out.

    Args:
        seq: its number.
        body: encoded.
        logged: it is in the log, so that whoever follows the log learns of it there.
    """

    seq: int
    body: bytes
    logged: bool


log = logging.getLogger(__name__)


class Journal:
    """The event log of real sources, and beside it that of simulated ones. One thread at a time.

    A log that cannot be written stops nothing: the events go out all the same, and `trouble` says why.

    Args:
        settings: `[log]`.
        boot_id: names this run in every envelope.
        remember: newest envelopes to be had from `earlier`.
    """

    def __init__(self, settings: LogSettings, boot_id: str, remember: int) -> None:
        folder = Path(settings.folder)
        self._real = _log(folder, settings)
        self._simulated = _log(folder / SIMULATED_FOLDER, settings)
        self._logs = [each for each in (self._real, self._simulated) if each.path.exists()]
        self._errors = 0
        self._trouble: str | None = None
        for each in self._logs:
            try:
                each.open()
            except LogUnavailable as error:
                self._note(str(error))
            if each.repaired_bytes:
                log.warning("%s ended in half an event: %d bytes cut off", each.path, each.repaired_bytes)
        self.earlier = self._read_back(max(1, remember))
        own = [event.seq for event, _ in self.earlier if event.boot_id == boot_id and isinstance(event.seq, int)]
        self.last_seq = max(own, default=0)
        self._encoder = EventEncoder(boot_id, self.last_seq + 1)

    def _read_back(self, limit: int) -> list[tuple[RfContactEvent, bytes]]:
        """Newest envelopes of both logs, oldest first."""
        found = []
        for each in self._logs:
            for line in each.read_back(limit):
                try:
                    found.append((msgspec.json.decode(line, type=RfContactEvent), line))
                except msgspec.DecodeError:
                    continue  # somebody else's line: whoever validates logs reports it
        found.sort(key=lambda pair: (pair[0].timestamp, pair[0].seq if isinstance(pair[0].seq, int) else 0))
        return found[-limit:]

    def live_contacts(self) -> list[Restored]:
        """Contacts that were alive when the logs ended."""
        return [contact for each in self._logs for contact in each.live_contacts()]

    def write(self, changes: Sequence[Change]) -> list[Told]:
        """Log the envelopes of changes, then give them out with their numbers."""
        out = []
        for change in changes:
            encoded = self._encoder.encode(change)
            target = self._simulated if change.contact.simulated else self._real
            if target not in self._logs:
                self._logs.append(target)
            logged = True
            try:
                target.append(encoded.body)
            except LogUnavailable as error:
                logged = False
                self._errors += 1
                self._note(str(error))
            out.append(Told(encoded.seq, encoded.body, logged))
        self._check()
        return out

    def keep(self) -> None:
        """Sync what is due, notice files that were taken away."""
        for each in self._logs:
            try:
                each.maintain()
            except LogUnavailable as error:
                self._note(str(error))
        self._check()

    def close(self) -> None:
        """Sync and close."""
        for each in self._logs:
            try:
                each.close()
            except LogUnavailable as error:
                self._note(str(error))

    @property
    def trouble(self) -> str | None:
        """Why events are not being logged, None while they are."""
        return self._trouble

    def take_errors(self) -> int:
        """How many events could not be logged since this was last asked."""
        errors, self._errors = self._errors, 0
        return errors

    def _note(self, reason: str) -> None:
        """Say once that a log cannot be written."""
        if self._trouble != reason:
            log.error("events are not being logged: %s", reason)
        self._trouble = reason

    def _check(self) -> None:
        """Say once that logs can be written again."""
        if self._trouble is not None and all(each.available for each in self._logs):
            log.info("events are being logged again")
            self._trouble = None


def _log(folder: Path, settings: LogSettings) -> EventLog:
    return EventLog(
        folder,
        max_file_bytes=settings.max_file_bytes,
        max_files=settings.max_files,
        fsync_s=settings.fsync_s,
    )
