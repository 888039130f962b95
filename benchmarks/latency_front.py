"""The service's own front, with a note of when each event's dwell was captured; the note is written down at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from ndefender.config.settings import LogSettings
from ndefender.runtime import front
from ndefender.runtime.journal import Journal, Told
from ndefender.runtime.process import Child
from ndefender.track.contact import Change

NOTES = "notes.json"


class NotingJournal(Journal):
    """A journal that remembers (seq, kind, captured_ns) of every event."""

    def __init__(self, settings: LogSettings, boot_id: str, remember: int) -> None:
        super().__init__(settings, boot_id, remember)
        self.notes: list[tuple[int, str, int]] = []

    def write(self, changes: Sequence[Change]) -> list[Told]:
        """Log changes as ever, and note where they came from."""
        told = super().write(changes)
        for one, change in zip(told, changes, strict=True):
            self.notes.append((one.seq, change.kind, change.captured_ns))
        return told

    def close(self) -> None:
        """Write the notes down, too."""
        super().close()
        Path(NOTES).write_text(json.dumps(self.notes), encoding="utf-8")


def main(child: Child) -> int:
    """Entry: the front, unchanged but for its journal."""
    with mock.patch.object(front, "Journal", NotingJournal):
        return front.main(child)
