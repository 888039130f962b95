"""The sample source behind an address."""

from __future__ import annotations

from pathlib import Path

from ndefender.config.settings import Settings
from ndefender.radio.antsdr import AntSdr
from ndefender.radio.recording import RecordingSource
from ndefender.radio.source import Source
from ndefender.radio.wrappers import PacedSource
from ndefender.runtime.mapping import FILE_SCHEME, is_recording


def make_source(settings: Settings, uri: str) -> Source:
    """Give a fresh, closed source: a recording at its own pace for `file:PATH`, else a radio behind libiio."""
    if is_recording(uri):
        return PacedSource(RecordingSource(Path(uri.removeprefix(FILE_SCHEME))))
    return AntSdr(uri, settings.radio.settle_s, settings.radio.timeout_s)
