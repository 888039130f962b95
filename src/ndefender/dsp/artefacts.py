"""What the receiver itself makes: IQ images, the DC line, splatter of a keyed carrier, products of clipping.

Each is recognised by the stronger emission that causes it, never by blanking a part of the band.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Measured:
    """One emission's place in the block, as far as artefacts care.

    Args:
        start, stop: samples.
        low_hz, high_hz: occupied band relative to the LO.
        level_db: in-band power.
        continuous: on for the whole block.
    """

    start: float
    stop: float
    low_hz: float
    high_hz: float
    level_db: float
    continuous: bool


IMAGE_DB = 22.0  # an uncalibrated AD9361 rejects its image by at least this much
SPLATTER_DB = 20.0  # skirts of a keyed or clipped signal lie at least this far below it
CLIP_DB = 6.0  # products of clipping
DC_BINS = 3.0


def overlap_ratio(a: Measured, b: Measured) -> float:
    """Share of a's time that b is on too."""
    common = min(a.stop, b.stop) - max(a.start, b.start)
    return max(0.0, common) / max(a.stop - a.start, 1e-9)


def is_artefact(weak: Measured, strong: Measured, frame_samples: float, bin_hz: float, clipped: bool) -> bool:
    """Whether `weak` exists only because `strong` does.

    Args:
        weak, strong: two emissions of one block.
        frame_samples: time resolution.
        bin_hz: frequency resolution.
        clipped: the block holds clipped samples.
    """
    below = strong.level_db - weak.level_db
    if below < CLIP_DB or overlap_ratio(weak, strong) < 0.8:
        return False
    if clipped and not (weak.continuous and not strong.continuous):
        return True
    mirrored = min(weak.high_hz, -strong.low_hz) - max(weak.low_hz, -strong.high_hz)
    if below > IMAGE_DB and mirrored > 0.6 * (weak.high_hz - weak.low_hz):
        return True
    near = weak.high_hz > strong.low_hz - 0.5 * (strong.high_hz - strong.low_hz) - 8 * bin_hz and (
        weak.low_hz < strong.high_hz + 0.5 * (strong.high_hz - strong.low_hz) + 8 * bin_hz
    )
    brief = weak.stop - weak.start <= 3 * frame_samples
    at_edge = min(abs(weak.start - strong.start), abs(weak.stop - strong.stop)) <= 4 * frame_samples
    return below > SPLATTER_DB and ((near and not weak.continuous) or (brief and at_edge))


def is_dc(m: Measured, bin_hz: float) -> bool:
    """Whether a continuous line sits exactly on the LO."""
    center = 0.5 * (m.low_hz + m.high_hz)
    return m.continuous and abs(center) < DC_BINS * bin_hz and m.high_hz - m.low_hz < 2 * DC_BINS * bin_hz
