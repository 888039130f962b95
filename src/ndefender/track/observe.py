"""A dwell as the tracker sees it: bounded, cleaned, in an order of its own, images and skirts marked.

Nothing after this file depends on the order in which the emissions of a dwell arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ndefender import records, taxonomy, units
from ndefender.track.policy import TrackPolicy, family_of

_CHIRP = records.EVIDENCE_NAMES.index("chirp_score")
_DEVIATION = records.EVIDENCE_NAMES.index("fm_deviation_hz")
_NUMBERS = (
    "start_s",
    "duration_s",
    "center_hz",
    "bandwidth_hz",
    "snr_db",
    "peak_db",
    "noise_floor_db",
    "prominence_db",
    "confidence",
    "classification_confidence",
    "pattern_mask",
    "class_id",
    "cluster_size",
    "flags",
)
Row = tuple[Any, ...]  # `_NUMBERS` of one emission, then the tuple of its evidence
_CUT_HZ = records.EMISSION_EDGE_LOW | records.EMISSION_EDGE_HIGH
_CUT_S = records.EMISSION_CUT_START | records.EMISSION_CUT_END


class Sighting(NamedTuple):
    """One emission in Python numbers: fields of `records.EMISSION`, all finite.

    Args:
        may_found: False where a much stronger emission explains it: it may belong to a contact, not make one.
    """

    start_s: float
    duration_s: float
    center_hz: float
    bandwidth_hz: float
    snr_db: float
    peak_db: float
    noise_floor_db: float
    prominence_db: float
    confidence: float
    class_confidence: float
    pattern_mask: int
    class_id: int
    cluster_size: int
    flags: int
    evidence: tuple[float, ...]
    may_found: bool

    @property
    def low_hz(self) -> float:
        """Low edge of the occupied band."""
        return self.center_hz - self.bandwidth_hz / 2

    @property
    def high_hz(self) -> float:
        """High edge of the occupied band."""
        return self.center_hz + self.bandwidth_hz / 2

    @property
    def edge_low(self) -> bool:
        """It goes on below what the hop can see."""
        return bool(self.flags & records.EMISSION_EDGE_LOW)

    @property
    def edge_high(self) -> bool:
        """It goes on above what the hop can see."""
        return bool(self.flags & records.EMISSION_EDGE_HIGH)

    @property
    def cut(self) -> bool:
        """Its band is not seen whole."""
        return bool(self.flags & _CUT_HZ)

    @property
    def whole_burst(self) -> bool:
        """Both its ends are inside the dwell."""
        return not self.flags & _CUT_S

    @property
    def continuous(self) -> bool:
        """On for (nearly) the whole dwell."""
        return bool(self.flags & records.EMISSION_CONTINUOUS)

    @property
    def conclusive(self) -> bool:
        """Its evidence confirms a contact in one dwell."""
        return bool(self.flags & records.EMISSION_CONCLUSIVE)

    @property
    def family(self) -> str:
        """Modulation family, see `policy.family_of`; an unclassified burst with a clear chirp counts as LoRa."""
        return family_of(self.class_id) or ("lora" if self.chirp >= 0.6 else "")

    @property
    def hopping(self) -> bool:
        """Its class changes frequency from burst to burst."""
        return taxonomy.CLASSES[self.class_id].hopping

    @property
    def chirp(self) -> float:
        """Dechirp gain, 0..1."""
        return self.evidence[_CHIRP]

    @property
    def deviation_hz(self) -> float:
        """Frequency deviation of a two-level FSK, 0 if none."""
        return self.evidence[_DEVIATION]


@dataclass(frozen=True, slots=True)
class Dwell:
    """One dwell's circumstances and its sightings, strongest first.

    Args:
        key: (source epoch, sequence number): which dwell.
        t_ns: monotonic time of its end, never later than now.
        duration_s: its length.
        low_hz, high_hz: what it answers for.
        centred: frequencies are absolute.
        offered, invalid, truncated, images, splatter: counts.
    """

    key: tuple[int, int]
    t_ns: int
    duration_s: float
    low_hz: float
    high_hz: float
    centred: bool
    simulated: bool
    tuning_id: int
    captured_ns: int
    sightings: tuple[Sighting, ...]
    offered: int
    invalid: int
    truncated: int
    images: int
    splatter: int


def observe(summary: np.void, emissions: NDArray[np.void], now_ns: int, policy: TrackPolicy) -> Dwell:
    """Read one result.

    Args:
        summary: a `records.SUMMARY`.
        emissions: `records.EMISSION`, shape (n,), any order.
        now_ns: monotonic time now.
        policy: bounds and tolerances.
    """
    block = summary["block"]
    rate_hz = float(block["rate_hz"])
    duration_s = int(block["n_samples"]) / rate_hz if np.isfinite(rate_hz) and rate_hz > 0 else 0.0
    end_ns = int(block["host_ns"]) + units.s_to_ns(duration_s)
    rows, invalid = _clean(emissions)
    order = sorted(range(len(rows)), key=lambda i: _rank(rows[i]))
    kept = [rows[i] for i in order[: policy.max_emissions_per_dwell]]
    image, skirt = _shadows(kept, float(block["center_hz"]), float(summary["bin_hz"]), policy)
    allowed = ~skirt & _owned(kept, float(block["own_low_hz"]), float(block["own_high_hz"]))
    if float(summary["clipped_ppm"]) > policy.overload_ppm and kept:
        peaks = np.array([row[5] for row in kept])
        allowed &= peaks >= peaks.max() - policy.splatter_db
    sightings = tuple(Sighting._make((*row, bool(allowed[i]))) for i, row in enumerate(kept) if not image[i])
    return Dwell(
        key=(int(block["source_epoch"]), int(block["seq"])),
        t_ns=min(max(end_ns, now_ns - units.s_to_ns(policy.max_lag_s)), now_ns),
        duration_s=duration_s,
        low_hz=float(block["use_low_hz"]),
        high_hz=float(block["use_high_hz"]),
        centred=not int(block["flags"]) & records.BLOCK_NO_CENTER,
        simulated=bool(int(block["flags"]) & records.BLOCK_SIMULATED),
        tuning_id=int(block["tuning_id"]),
        captured_ns=int(block["captured_ns"]),
        sightings=sightings,
        offered=len(emissions),
        invalid=invalid,
        truncated=len(order) - len(kept),
        images=int(image.sum()),
        splatter=int((skirt & ~image).sum()),
    )


def _clean(emissions: NDArray[np.void]) -> tuple[list[Row], int]:
    """Turn rows into tuples of finite numbers (order of `_NUMBERS`, then evidence); drop unusable ones."""
    good = np.ones(len(emissions), bool)
    for name in ("start_s", "duration_s", "center_hz", "bandwidth_hz"):
        good &= np.isfinite(emissions[name])
    good &= (emissions["bandwidth_hz"] > 0) & (emissions["duration_s"] >= 0)
    usable = emissions[good]
    columns = []
    for name in _NUMBERS:
        column = usable[name]
        if column.dtype.kind == "f":
            column = np.nan_to_num(column, nan=0.0, posinf=300.0, neginf=-300.0) if "hz" not in name else column
        if "confidence" in name:
            column = column.clip(0.0, 1.0)
        if name == "class_id":
            column = np.where(column < len(taxonomy.CLASSES), column, taxonomy.UNKNOWN)
        columns.append(column.tolist())
    evidence = [
        np.nan_to_num(usable["evidence"][name], posinf=0.0, neginf=0.0).tolist() for name in records.EVIDENCE_NAMES
    ]
    return list(zip(*columns, zip(*evidence, strict=True), strict=True)), int((~good).sum())


def _owned(rows: list[Row], low_hz: float, high_hz: float) -> NDArray[np.bool_]:
    """Whether each emission's centre lies where this hop has the best view; everywhere if the hop does not say."""
    if not high_hz > low_hz:
        return np.ones(len(rows), bool)
    return np.array([low_hz <= row[2] <= high_hz for row in rows], dtype=bool)


def _rank(row: Row) -> Row:
    """Total order within a dwell: what must never be crowded out first, then by strength, then by everything else."""
    first = row[13] & (records.EMISSION_CONTINUOUS | records.EMISSION_CONCLUSIVE)
    return (not first, -row[5], *row)


def _shadows(
    rows: list[Row], lo_hz: float, bin_hz: float, policy: TrackPolicy
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mark what a much stronger emission of the same moment explains.

    An image lies mirrored about the LO with the shape of its origin; a skirt stands beside its origin, within one
    bandwidth of it. A continuous carrier of a bin or two at the LO itself is the receiver's own.

    Returns:
        images and skirts, bool, shape (len(rows),) each.
    """
    if not rows:
        return np.zeros(0, bool), np.zeros(0, bool)
    start, length, center, width, peak = (np.array([row[i] for row in rows]) for i in (0, 1, 2, 3, 5))
    known = np.array([row[11] != taxonomy.UNKNOWN for row in rows])
    flags = np.array([row[13] for row in rows])
    below_db = peak[None, :] - peak[:, None]  # [i, j]: how far i stands below j
    together = np.minimum((start + length)[:, None], (start + length)[None, :]) - np.maximum(start[:, None], start)
    at_once = together >= 0.5 * length[:, None]
    from_mirror = np.abs(center[:, None] - (2 * lo_hz - center[None, :]))
    piece = ~known[:, None] & (from_mirror + width[:, None] / 2 <= width[None, :] / 2)
    image = (from_mirror <= np.maximum(0.15 * width[None, :], 3 * bin_hz)) | piece
    image &= at_once & (below_db >= policy.image_db)
    gap = np.abs(center[:, None] - center[None, :]) - (width[:, None] + width[None, :]) / 2
    skirt = (gap <= np.maximum(width[None, :], 3 * bin_hz)) & at_once
    skirt &= below_db >= np.where(known, policy.splatter_sure_db, policy.splatter_db)[:, None]
    spike = (np.abs(center - lo_hz) <= 1.5 * bin_hz) & (width <= 3 * bin_hz)
    spike &= (flags & records.EMISSION_CONTINUOUS) != 0
    return np.asarray(image.any(axis=1)), np.asarray(skirt.any(axis=1) | spike)
