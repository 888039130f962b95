"""The header of a dwell in the I/Q ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ndefender.radio.plan import Hop
from ndefender.radio.source import BlockMeta, SourceInfo
from ndefender.records import BLOCK_CONTIGUOUS, BLOCK_LAST, BLOCK_NO_CENTER, BLOCK_SIMULATED


@dataclass(frozen=True, slots=True)
class DwellFacts:
    """What the loop knows of a dwell beside what the source says.

    Args:
        seq: its number in the ring.
        dwells_lost_before: dropped since the dwell published before it.
        captured_ns: monotonic time when its last sample was in the ring.
        plan_id, sweep_index: where in which plan.
        source_epoch: openings of the radio so far, over restarts of the process.
        after_gap: something was dropped or retuned between the dwell before and this one.
    """

    seq: int
    dwells_lost_before: int
    captured_ns: int
    plan_id: int
    sweep_index: int
    source_epoch: int
    after_gap: bool


def fill_header(block: np.void, meta: BlockMeta, info: SourceInfo, hop: Hop, facts: DwellFacts) -> None:
    """Write a `records.BLOCK` in place."""
    tuning = meta.tuning
    block["seq"] = facts.seq
    block["first_sample"] = meta.first_sample
    block["n_samples"] = meta.n_samples
    block["dwells_lost_before"] = facts.dwells_lost_before
    block["host_ns"] = meta.host_ns
    block["host_uncertainty_ns"] = meta.host_uncertainty_ns
    block["unix_ns"] = meta.unix_ns
    block["captured_ns"] = facts.captured_ns
    block["center_hz"] = tuning.center_hz
    block["rate_hz"] = tuning.rate_hz
    block["bandwidth_hz"] = tuning.bandwidth_hz
    block["use_low_hz"] = hop.use_low_hz
    block["use_high_hz"] = hop.use_high_hz
    block["own_low_hz"] = hop.own_low_hz
    block["own_high_hz"] = hop.own_high_hz
    block["gain_db"] = tuning.gain_db
    block["full_scale"] = info.full_scale
    block["tuning_id"] = tuning.tuning_id
    block["plan_id"] = facts.plan_id
    block["hop_index"] = hop.index
    block["band_index"] = hop.band_index
    block["sweep_index"] = facts.sweep_index & 0xFFFFFFFF
    block["source_epoch"] = facts.source_epoch & 0xFFFFFFFF
    block["flags"] = (
        (BLOCK_SIMULATED if info.simulated else 0)
        | (BLOCK_CONTIGUOUS if meta.contiguous and not facts.after_gap else 0)
        | (BLOCK_LAST if meta.last else 0)
        | (BLOCK_NO_CENTER if meta.no_center else 0)
    )
    block["clipped_samples"] = meta.clipped_samples
