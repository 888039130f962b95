"""From changes to bytes, once: the same bytes go to the log and to every client."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from ndefender import units
from ndefender.events.types import (
    RF_CONTACT_LOST,
    RF_CONTACT_NEW,
    RF_CONTACT_UPDATE,
    RfContactData,
    RfContactEvent,
    RfEventType,
    RfFeatures,
)
from ndefender.track import Change, ChangeKind, Contact

_TYPES: dict[ChangeKind, RfEventType] = {
    "new": RF_CONTACT_NEW,
    "update": RF_CONTACT_UPDATE,
    "lost": RF_CONTACT_LOST,
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """One event on its way out.

    Args:
        seq: its number.
        body: UTF-8 JSON without a newline.
        event: the same, decoded.
        dwell_seq: dwell that caused it, 0 for the passing of time.
        captured_ns: CLOCK_MONOTONIC when that dwell's last sample was in the ring, 0 for the passing of time.
    """

    seq: int
    body: bytes
    event: RfContactEvent
    dwell_seq: int
    captured_ns: int


class EventEncoder:
    """Numbers and encodes changes. One thread at a time.

    Args:
        boot_id: which run of the service this is.
        first_seq: number of the first event.
    """

    def __init__(self, boot_id: str, first_seq: int = 1) -> None:
        self._boot_id = boot_id
        self._next = first_seq
        self._encoder = msgspec.json.Encoder()

    def encode(self, change: Change) -> Encoded:
        """Encode the next event."""
        seq = self._next
        event = RfContactEvent(
            type=_TYPES[change.kind],
            timestamp=change.unix_ns // units.NS_PER_MS,
            data=contact_data(change.contact),
            seq=seq,
            boot_id=self._boot_id,
        )
        body = self._encoder.encode(event)
        self._next = seq + 1
        return Encoded(seq, body, event, change.dwell_seq, change.captured_ns)


def contact_data(contact: Contact) -> RfContactData:
    """Put a contact into the words of the wire; plain finite numbers only."""
    return RfContactData(
        id=contact.contact_id,
        freq_hz=int(contact.freq_hz),
        bucket_hz=int(contact.bucket_hz),
        band=contact.band,
        snr_db=finite(contact.snr_db),
        peak_db=finite(contact.peak_db),
        noise_floor_db=finite(contact.noise_floor_db),
        bandwidth_class=contact.bandwidth_class,
        confidence=finite(contact.confidence, 4),
        features=RfFeatures(
            prominence_db=finite(contact.prominence_db),
            cluster_size=int(contact.cluster_size),
            pattern_hint=contact.pattern_hint,
            hop_hint=contact.hop_hint,
            bandwidth_est_hz=finite(contact.bandwidth_hz, 0),
            burstiness=finite(contact.burstiness, 4),
            hop_rate_hz=finite(contact.hop_rate_hz),
            control_score=finite(contact.control_score, 4),
            class_path=list(contact.class_path),
            classification_confidence=finite(contact.classification_confidence, 4),
            control_correlation=bool(contact.control_correlation),
        ),
        simulated=True if contact.simulated else msgspec.UNSET,
    )


def finite(value: float, digits: int = 2) -> float | None:
    """Make a plain float of a number, rounded to what a reader can use; None where it is not finite."""
    plain = float(value)
    return round(plain, digits) if math.isfinite(plain) else None
