"""What operators said of contacts: in memory while the service runs, in one JSON file over restarts.

The file is written beside itself, synced and renamed, so that a power cut leaves the old one or the new one. A file
that cannot be read as labels is set aside, not overwritten. The calls block on the disk: not for an event loop.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ndefender.errors import CommandRejected, NdefenderError
from ndefender.events.snapshot import Label
from ndefender.state.clean import plain

_FILE_MODE = 0o640
_MAX_FILE_BYTES = 64_000_000  # ten thousand labels with the longest notes take a quarter of it
_MAX_NOTE_CHARS = 1000
_MAX_ASIDE = 100  # files set aside; from there on the last one is replaced


class LabelsUnavailable(NdefenderError):
    """The labels cannot be kept over a restart. Reaction: go on with those in memory, and say so."""


class LabelEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator said of one contact.

    Args:
        label: null where there is only a note.
        note: free text.
        set_ms: when, milliseconds since the epoch.
    """

    label: Label | None = None
    note: str | None = None
    set_ms: int = 0


def label_entry(label: Label | None, note: str | None, set_ms: int) -> LabelEntry | None:
    """Make an entry of what an operator says; None where it says nothing any more.

    Raises:
        CommandRejected: 400 for a label or note that cannot be.
    """
    if label not in {None, "friendly", "known", "hostile"}:
        raise CommandRejected(400, "label_unknown", f"label: {label!r}, must be friendly, known, hostile or null")
    if note is not None and (len(note) > _MAX_NOTE_CHARS or plain(note) != note):
        raise CommandRejected(400, "note_invalid", f"note: at most {_MAX_NOTE_CHARS} characters of valid Unicode")
    return LabelEntry(label=label, note=note or None, set_ms=set_ms) if label or note else None


class _File(msgspec.Struct, frozen=True, kw_only=True):
    version: int = 1
    labels: dict[str, LabelEntry] = {}


class LabelStore:
    """The file. Any thread; one `save` at a time.

    Args:
        path: of the file; its folder is made if missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble: str | None = None
        self._lock = threading.Lock()
        self._saved_revision = -1

    def load(self) -> dict[str, LabelEntry]:
        """Read the labels.

        Returns:
            them; none where there is no file, or none that is labels: `trouble` then says what became of it.
        """
        self.trouble = None
        try:
            with self.path.open("rb") as file:
                content = file.read(_MAX_FILE_BYTES)
            return msgspec.json.decode(content, type=_File).labels
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.trouble = self._set_aside(str(error))
        except OSError as error:  # set aside too, or the next `save` would end what may still be rescued
            self.trouble = self._set_aside(f"cannot be read: {error.strerror}")
        return {}

    def save(self, labels: Mapping[str, LabelEntry], revision: int) -> None:
        """Write the labels; they are on the disk when this returns.

        Args:
            labels: all of them, a copy that does not change any more.
            revision: which state of them; one older than what is on the disk is not written.

        Raises:
            LabelsUnavailable: the disk refuses. What was there is still there.
        """
        content = msgspec.json.format(msgspec.json.encode(_File(labels=dict(labels))), indent=1)
        with self._lock:
            if revision <= self._saved_revision:
                return
            try:
                self._write(content)
            except OSError as error:
                raise LabelsUnavailable(f"{self.path}: cannot be written: {error.strerror}") from error
            self._saved_revision = revision

    def _write(self, content: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(self.path.name + ".new")
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE_MODE)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(fd)
            beside.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _set_aside(self, reason: str) -> str:
        number = next((n for n in range(1, _MAX_ASIDE) if not self._aside(n).exists()), _MAX_ASIDE)
        try:
            self.path.replace(self._aside(number))
        except OSError as error:
            return f"{self.path}: holds no labels ({reason}) and cannot be set aside: {error.strerror}"
        return f"{self.path}: held no labels ({reason}); set aside as {self._aside(number).name}"

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.corrupt-{number}")
