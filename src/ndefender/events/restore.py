"""Contacts that were alive when a log ended."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from ndefender import units
from ndefender.events.types import RF_CONTACT_LOST, RF_CONTACT_NEW, RfContactData, RfContactEvent
from ndefender.track import Contact, Restored

# No TTL is longer than five minutes, so a live contact has an event in the last ones of the log; the rest is to find
# its beginning and its rhythm.
_HORIZON_MS = 900_000
_EVENT = msgspec.json.Decoder(RfContactEvent)


@dataclass(slots=True)
class _Story:
    """What going back through the log told about one id."""

    data: RfContactData
    last_ms: int
    first_ms: int
    longest_ms: int = 0
    complete: bool = False


def live_contacts(lines_newest_first: Iterable[bytes]) -> list[Restored]:
    """Find the contacts that have no LOST yet.

    Args:
        lines_newest_first: of the log, back over its rotations. Lines that are no RF contact events are skipped.

    Returns:
        them, oldest first, with the wall-clock times of their first and last event.
    """
    stories: dict[str, _Story | None] = {}  # None: it was lost, or its beginning is found
    found: list[_Story] = []
    newest_ms: int | None = None
    for line in lines_newest_first:
        try:
            event = _EVENT.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        newest_ms = event.timestamp if newest_ms is None else newest_ms
        if newest_ms - event.timestamp > _HORIZON_MS:
            break
        contact_id = event.data.id
        if contact_id not in stories:
            story = None if event.type == RF_CONTACT_LOST else _Story(event.data, event.timestamp, event.timestamp)
            stories[contact_id] = story
            if story is not None:
                found.append(story)
        _extend(stories[contact_id], event)
    found.sort(key=lambda story: (story.first_ms, story.data.bucket_hz))
    return [Restored(_contact(story), story.longest_ms / 1000.0) for story in found]


def _extend(story: _Story | None, event: RfContactEvent) -> None:
    """Take one earlier event of the same id, until the NEW (or an earlier life's LOST) ends the story."""
    if story is None or story.complete:
        return
    if event.type == RF_CONTACT_LOST:
        story.complete = True
        return
    story.longest_ms = max(story.longest_ms, story.first_ms - event.timestamp)
    story.first_ms = min(story.first_ms, event.timestamp)
    story.complete = event.type == RF_CONTACT_NEW


def _contact(story: _Story) -> Contact:
    data, features = story.data, story.data.features
    return Contact(
        contact_id=data.id,
        bucket_hz=data.bucket_hz,
        freq_hz=data.freq_hz,
        band=data.band,
        snr_db=_known(data.snr_db),
        peak_db=_known(data.peak_db),
        noise_floor_db=_known(data.noise_floor_db),
        prominence_db=_known(features.prominence_db),
        cluster_size=features.cluster_size,
        bandwidth_hz=_known(features.bandwidth_est_hz),
        bandwidth_class=data.bandwidth_class,
        confidence=_known(data.confidence),
        class_path=tuple(features.class_path),
        classification_confidence=_known(features.classification_confidence),
        pattern_hint=features.pattern_hint,
        hop_hint=features.hop_hint,
        hop_rate_hz=_known(features.hop_rate_hz),
        burstiness=_known(features.burstiness),
        control_score=_known(features.control_score),
        control_correlation=features.control_correlation,
        simulated=data.simulated is True,
        ttl_s=0.0,
        dwells=0,
        first_seen_unix_ns=story.first_ms * units.NS_PER_MS,
        last_seen_unix_ns=story.last_ms * units.NS_PER_MS,
        tuning_id=0,
    )


def _known(value: float | None) -> float:
    return math.nan if value is None else value
