"""From a track to what is told about it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ndefender import records
from ndefender.track.contact import Contact, ContactEvidence
from ndefender.track.ledger import contact_id
from ndefender.track.link import Link
from ndefender.track.policy import BandSpan, TrackPolicy, band_of
from ndefender.track.station import Station
from ndefender.track.track import Track

_MAX_CONFIDENCE = 0.9999  # no detector knows more
_DJI = ("Digital", "Video", "DJI")
_TDD_BURSTS = 2.0  # bursts a dwell from which a shared channel is seen to alternate


def snapshot(track: Track, bands: Sequence[BandSpan], now_ns: int, unix_ns: int, policy: TrackPolicy) -> Contact:
    """Tell what is known of a track now.

    Args:
        track: heard at least once, or restored.
        bands: of the active plan.
        now_ns, unix_ns: the two clocks, read together.
        policy: limits.
    """
    before = track.contact
    best = track.best
    if best is None:  # restored and not heard since
        assert before is not None
        return before
    verdict = track.votes.verdict(track.center_hz)
    center_hz = track.center_hz
    return Contact(
        contact_id=contact_id(track.bucket_hz),
        bucket_hz=track.bucket_hz,
        freq_hz=round(center_hz),
        band=band_of(bands, center_hz) if track.centred else None,
        snr_db=best.snr_db,
        peak_db=best.peak_db,
        noise_floor_db=best.noise_floor_db,
        prominence_db=best.prominence_db,
        cluster_size=best.cluster_size,
        bandwidth_hz=track.bandwidth_hz,
        bandwidth_class="wide" if track.bandwidth_hz >= policy.wide_hz else "narrow",
        confidence=_confidence(track, before),
        class_path=verdict.path,
        classification_confidence=verdict.confidence,
        pattern_hint=verdict.pattern_hint,
        hop_hint=_hop_hint(track, verdict.path),
        hop_rate_hz=track.hop_rate_hz if isinstance(track, Link) else 0.0,
        burstiness=track.presence.burstiness,
        control_score=verdict.control,
        control_correlation=track.correlated,
        simulated=track.simulated,
        ttl_s=track.ttl_s,
        dwells=track.dwells,
        first_seen_unix_ns=max(unix_ns - (now_ns - track.first_ns), 0),
        last_seen_unix_ns=max(unix_ns - (now_ns - track.heard_ns), 0),
        tuning_id=track.tuning_id,
    )


def evidence(track: Track) -> ContactEvidence | None:
    """The numbers behind an announced contact's class, None where it is not announced."""
    if track.contact is None:
        return None
    values = track.best.evidence if track.best else ()
    return ContactEvidence(
        contact=track.contact,
        values=dict(zip(records.EVIDENCE_NAMES, values, strict=False)),
        alternatives=track.votes.shares(),
        patterns=track.votes.patterns(),
    )


def _confidence(track: Track, before: Contact | None) -> float:
    """Combine the dwells of the confirmation window as independent looks."""
    if not track.hits:
        return before.confidence if before else 0.0
    log_odds = sum(hit.log_odds for hit in track.hits)
    return min(1.0 / (1.0 + math.exp(-min(max(log_odds, -50.0), 50.0))), _MAX_CONFIDENCE)


def _hop_hint(track: Track, path: tuple[str, ...]) -> str:
    if isinstance(track, Link):
        return track.hop_hint
    if isinstance(track, Station) and path[:3] == _DJI and 0.05 < track.presence.burstiness < 0.95:
        bursts = track.bursts / max(len(track.hits), 1)
        return "tdd" if bursts >= _TDD_BURSTS else "none"
    return "none"
