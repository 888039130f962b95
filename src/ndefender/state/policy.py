"""What the aggregator is told once: its limits; and what it counts."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """Limits of the aggregator's picture.

    Args:
        ttl_rf_s, ttl_remote_id_s, ttl_fpv_s: a contact not heard of for this long is removed.
        fpv_over_floor_raw: a receiver hears video when its RSSI is this far over its own floor, ADC counts.
        fpv_spread_raw: floors of two receivers differ by less than this, ADC counts; see `state.fpv`.
        max_contacts: bound of each kind; the one heard of longest ago goes first.
        max_labels: bound of the labels.
        remote_id_silence_s: a Remote ID feed that says nothing for this long is offline.
    """

    ttl_rf_s: float = 330.0
    ttl_remote_id_s: float = 30.0
    ttl_fpv_s: float = 5.0
    fpv_over_floor_raw: int = 40
    fpv_spread_raw: int = 20
    max_contacts: int = 1024
    max_labels: int = 10_000
    remote_id_silence_s: float = 60.0


@dataclass(slots=True)
class Counters:
    """What came in and was put right, since the start.

    Args:
        rf_events, remote_id_events, panel_events: taken.
        garbage: events without a usable id or data, receivers with impossible readings; nothing was said of them.
        duplicates: RF events that had come the other way before.
        unknown_events: events of a type that no feed should have; not passed on.
        times_corrected: times in the future, in seconds, or since some boot.
        repeated_new, orphan_updates, orphan_losts: steps out of the lifecycle grammar, put right.
        expired: contacts removed by their TTL.
        evicted: contacts removed for want of room.
        restored: contacts brought back from the logs.
        last_unknown_type: for the caller's log.
    """

    rf_events: int = 0
    remote_id_events: int = 0
    panel_events: int = 0
    garbage: int = 0
    duplicates: int = 0
    unknown_events: int = 0
    times_corrected: int = 0
    repeated_new: int = 0
    orphan_updates: int = 0
    orphan_losts: int = 0
    expired: int = 0
    evicted: int = 0
    restored: int = 0
    last_unknown_type: str = ""

    def begin(self, restored: int) -> None:
        """Count from nothing: what was counted so far was the past."""
        for field in fields(self):
            setattr(self, field.name, field.default)
        self.restored = restored
