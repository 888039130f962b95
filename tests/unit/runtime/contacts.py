"""Contacts and changes made by hand."""

from __future__ import annotations

from typing import Any

from ndefender.track.contact import Change, ChangeKind, Contact


def contact(bucket_hz: int, **more: Any) -> Contact:
    values: dict[str, Any] = {
        "contact_id": f"rf:{bucket_hz}", "bucket_hz": bucket_hz, "freq_hz": bucket_hz, "band": "A", "snr_db": 20.0,
        "peak_db": -40.0, "noise_floor_db": -80.0, "prominence_db": 40.0, "cluster_size": 9, "bandwidth_hz": 6e6,
        "bandwidth_class": "wide", "confidence": 0.99, "class_path": ("Analog", "Video"),
        "classification_confidence": 0.9, "pattern_hint": "unknown", "hop_hint": "none", "hop_rate_hz": 0.0,
        "burstiness": 0.0, "control_score": 0.0, "control_correlation": False, "simulated": False, "ttl_s": 10.0,
        "dwells": 3, "first_seen_unix_ns": 10**18, "last_seen_unix_ns": 10**18, "tuning_id": 1,
    }  # fmt: skip
    return Contact(**(values | more))


def change(kind: ChangeKind, bucket_hz: int, unix_ms: int = 10**12, **more: Any) -> Change:
    return Change(kind, contact(bucket_hz, **more), unix_ms * 1_000_000, 7, 99)
