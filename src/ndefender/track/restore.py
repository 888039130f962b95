"""Contacts from the log, taken up again after a restart."""

from __future__ import annotations

from ndefender import taxonomy, units
from ndefender.track.contact import Restored
from ndefender.track.link import Link
from ndefender.track.policy import TrackPolicy, family_of
from ndefender.track.station import Station
from ndefender.track.track import Track

_SEED_DWELLS = 5.0  # what was known weighs as much as so many new dwells
_RHYTHM = 2.0  # an emitter may be silent for as many times its longest silence in the log


def revive(logged: Restored, serial: int, now_ns: int, unix_ns: int, policy: TrackPolicy) -> Track:
    """Make a live track of a logged contact.

    The log has wall-clock times only, so the age of a contact is known as well as that clock; a contact from the
    future counts as heard just now.
    """
    contact = logged.contact
    heard_ns = now_ns - max(unix_ns - contact.last_seen_unix_ns, 0)
    lived_ns = max(contact.last_seen_unix_ns - contact.first_seen_unix_ns, 0)
    family = _family(contact.class_path)
    width_hz = contact.bandwidth_hz if contact.bandwidth_hz > 0 else policy.min_tolerance_hz  # not a number: unknown
    confidence = contact.classification_confidence if contact.classification_confidence >= 0 else 0.0
    track: Station | Link
    if family in ("lora", "bluetooth", "fhss") and width_hz <= policy.narrow_hz:
        track = Link(serial, heard_ns, family, contact.band)
        track.set_band(float(contact.freq_hz), width_hz)
        track.restored = contact.hop_hint != "none"
    else:
        track = Station(serial, heard_ns)
        track.set_band(contact.freq_hz - width_hz / 2, contact.freq_hz + width_hz / 2)
    track.votes.seed(_row_path(contact.class_path), confidence, contact.pattern_hint, _SEED_DWELLS)
    track.name_family()
    track.contact = contact
    track.bucket_hz = contact.bucket_hz
    track.confirmed = track.announced = True
    track.first_ns = heard_ns - lived_ns
    track.heard_ns = heard_ns
    track.event_ns = heard_ns
    track.dwells = max(contact.dwells, 100)  # long enough known not to be taken for a part of something wider
    track.simulated = contact.simulated
    ttl_s = max(policy.class_ttl_s(contact.class_path), min(_RHYTHM * logged.longest_silence_s, policy.ttl_max_s))
    track.deadline_ns = heard_ns + units.s_to_ns(ttl_s)
    return track


def _row_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """Cut what the taxonomy does not have (the channel's name) off a class path."""
    for length in range(len(path), 0, -1):
        if any(row.path[:length] == path[:length] for row in taxonomy.CLASSES):
            return path[:length]
    return taxonomy.CLASSES[taxonomy.UNKNOWN].path


def _family(path: tuple[str, ...]) -> str:
    kept = _row_path(path)
    for class_id, row in enumerate(taxonomy.CLASSES):
        if row.path[: len(kept)] == kept:
            return family_of(class_id)
    return ""
