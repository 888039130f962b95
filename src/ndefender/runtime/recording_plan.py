"""The plan of a recording: one hop, where and as wide as it was recorded."""

from __future__ import annotations

from collections.abc import Sequence

from ndefender.radio.plan import Band, Hop, HopPlan
from ndefender.radio.source import Source, Tuning

DWELL_S = 0.02  # long enough for a video line correlation, short enough to be told of twice a tenth of a second


def plan_for_recording(plan_id: int, name: str, bands: Sequence[Band], source: Source, slot_samples: int) -> HopPlan:
    """Ask a recording where it was made and cover exactly that.

    Args:
        plan_id, name: of the plan that stays nominally active.
        bands: of that plan; they name what is found.
        source: open and finite: tuning changes nothing and tells the truth.
        slot_samples: longest dwell.
    """
    asked = Tuning(0.0, 0.0, 0.0, "manual", 0.0, "", slot_samples)
    tuning = source.tune(asked)
    samples = max(1, min(slot_samples, round(DWELL_S * tuning.rate_hz)))
    half_hz = tuning.rate_hz / 2
    band_index = next((i for i, b in enumerate(bands) if b.start_hz <= tuning.center_hz <= b.stop_hz), -1)
    hop = Hop(
        index=0,
        band_index=band_index,
        center_hz=tuning.center_hz,
        use_low_hz=tuning.center_hz - half_hz,
        use_high_hz=tuning.center_hz + half_hz,
        own_low_hz=tuning.center_hz - half_hz,
        own_high_hz=tuning.center_hz + half_hz,
        dwell_samples=samples,
        every=1,
        gain_db=tuning.gain_db,
        rx_port="",
    )
    return HopPlan(plan_id, name, tuning.rate_hz, tuning.bandwidth_hz, tuple(bands), (hop,), ())
