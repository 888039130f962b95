"""What the tracker gives out: immutable snapshots of contacts and the changes of their lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ChangeKind = Literal["new", "update", "lost"]


@dataclass(frozen=True, slots=True)
class Contact:
    """One emitter as known at one moment. Every number is a finite Python int or float.

    Args:
        contact_id: `rf:<bucket_hz>`, fixed for its life.
        bucket_hz: the frequency in its id.
        freq_hz: centre; of a hopping link the centre of its hop set.
        band: name of the plan's band that contains the centre, None outside all and where there is no centre.
        snr_db: mean in-band SNR over the occupied bandwidth, newest dwell, strongest emission; likewise
            `peak_db`, `noise_floor_db` (per bin, dB of integer full scale), `prominence_db`, `cluster_size`.
        bandwidth_hz: occupied bandwidth, of a hopping link that of one burst.
        bandwidth_class: `narrow` or `wide`.
        confidence: probability that there is an emission at all, over the dwells of the confirmation window.
        class_path, classification_confidence: from all dwells' votes.
        pattern_hint: analogue channel, several joined with `|`, else `unknown`.
        hop_hint: `none`, `fhss`, `lora_fhss`, `tdd`.
        hop_rate_hz: hops a second, corrected for the time the scanner looked elsewhere.
        burstiness: 1 - duty within the dwells that covered it.
        control_score: probability that it is a control link.
        control_correlation: a control link and a video link appear and fade together.
        simulated: a simulated or emulated source produced it.
        ttl_s: silence after which it is lost.
        dwells: dwells it was heard in.
        first_seen_unix_ns, last_seen_unix_ns: wall clock.
        tuning_id: tuning under which it was heard last.
    """

    contact_id: str
    bucket_hz: int
    freq_hz: int
    band: str | None
    snr_db: float
    peak_db: float
    noise_floor_db: float
    prominence_db: float
    cluster_size: int
    bandwidth_hz: float
    bandwidth_class: str
    confidence: float
    class_path: tuple[str, ...]
    classification_confidence: float
    pattern_hint: str
    hop_hint: str
    hop_rate_hz: float
    burstiness: float
    control_score: float
    control_correlation: bool
    simulated: bool
    ttl_s: float
    dwells: int
    first_seen_unix_ns: int
    last_seen_unix_ns: int
    tuning_id: int


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a contact's life.

    Args:
        kind: `new`, `update`, `lost`.
        contact: as of now.
        unix_ns: wall clock of the change.
        dwell_seq: dwell that caused it, 0 for the passing of time.
        captured_ns: CLOCK_MONOTONIC when that dwell's last sample was in the ring, 0 for the passing of time.
    """

    kind: ChangeKind
    contact: Contact
    unix_ns: int
    dwell_seq: int = 0
    captured_ns: int = 0


@dataclass(frozen=True, slots=True)
class Restored:
    """A contact that was alive when the log ended.

    Args:
        contact: as last logged.
        longest_silence_s: longest time between two of its events, from which its rhythm is known again.
    """

    contact: Contact
    longest_silence_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ContactEvidence:
    """The numbers behind a contact's class.

    Args:
        contact: as of now.
        values: newest measurement of each of `records.EVIDENCE_NAMES`, from the strongest emission.
        alternatives: share of the votes of every class path joined with `/`.
        patterns: share of the votes of every analogue channel hint.
    """

    contact: Contact
    values: Mapping[str, float]
    alternatives: Mapping[str, float]
    patterns: Mapping[str, float]


@dataclass(slots=True)
class TrackCounters:
    """What the tracker did so far.

    Args:
        dwells: taken.
        duplicates: dwells that had been taken before.
        emissions: offered.
        invalid: emissions with unusable numbers.
        truncated: emissions beyond the bound of a dwell.
        images, splatter: emissions explained by a much stronger one.
        explained: emissions explained by a contact without being counted as hearing it.
        candidates_dropped: candidates pushed out by the bound.
        contacts_refused: confirmations that had to wait because of the bound.
    """

    dwells: int = 0
    duplicates: int = 0
    emissions: int = 0
    invalid: int = 0
    truncated: int = 0
    images: int = 0
    splatter: int = 0
    explained: int = 0
    candidates_dropped: int = 0
    contacts_refused: int = 0
