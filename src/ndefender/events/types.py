"""The RF contact events of the AntSDR Scan API, field by field; the only place that names their keys.

`seq`, `boot_id` and `simulated` are additive: a client that does not know them ignores them. Every number is a finite
Python int or float, or null where it is unknown.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

RF_CONTACT_NEW: Final = "RF_CONTACT_NEW"
RF_CONTACT_UPDATE: Final = "RF_CONTACT_UPDATE"
RF_CONTACT_LOST: Final = "RF_CONTACT_LOST"
RfEventType = Literal["RF_CONTACT_NEW", "RF_CONTACT_UPDATE", "RF_CONTACT_LOST"]
SOURCE_ANTSDR: Final = "antsdr"


class RfFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """`features` of an RF contact.

    Args:
        prominence_db: peak over the floor, dB.
        cluster_size: bins over the threshold.
        pattern_hint: analogue channel, several joined with `|`, else `unknown`.
        hop_hint: `none`, `fhss`, `lora_fhss`, `tdd`.
        bandwidth_est_hz: occupied bandwidth, Hz; of a hopping link that of one burst.
        burstiness: 1 - duty within the dwells that covered it, 0..1.
        hop_rate_hz: hops a second.
        control_score: probability of a control link, 0..1.
        class_path: from the certain to the specific.
        classification_confidence: 0..1.
        control_correlation: a control and a video link appear and fade together.
    """

    prominence_db: float | None
    cluster_size: int
    pattern_hint: str
    hop_hint: str
    bandwidth_est_hz: float | None
    burstiness: float | None
    hop_rate_hz: float | None
    control_score: float | None
    class_path: list[str]
    classification_confidence: float | None
    control_correlation: bool


class RfContactData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of an RF contact event.

    Args:
        id: `rf:<bucket_hz>`.
        freq_hz: centre, Hz.
        bucket_hz: the frequency in the id, Hz.
        band: name of the plan's band, null outside all.
        snr_db: mean in-band SNR over the occupied bandwidth, dB.
        peak_db, noise_floor_db: per bin, dB of integer full scale.
        bandwidth_class: `narrow` or `wide`.
        confidence: probability that there is an emission at all, 0..1.
        features: see there.
        simulated: true where a simulated or emulated source produced it, else absent.
    """

    id: str
    freq_hz: int
    bucket_hz: int
    band: str | None = None
    snr_db: float | None
    peak_db: float | None
    noise_floor_db: float | None
    bandwidth_class: str
    confidence: float | None
    features: RfFeatures
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class RfContactEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope.

    Args:
        type: which step of the contact's life.
        timestamp: milliseconds since the epoch.
        source: always `antsdr`.
        data: the contact.
        seq: counts the envelopes of one writer from 1, without gaps.
        boot_id: which run of the service wrote it.
    """

    type: RfEventType
    timestamp: int
    source: Literal["antsdr"] = SOURCE_ANTSDR
    data: RfContactData
    seq: int | msgspec.UnsetType = msgspec.UNSET
    boot_id: str | msgspec.UnsetType = msgspec.UNSET
