"""Thresholds from a stated false-alarm probability (the law of noise sums), never from a hand-set number of dB.

The dwell's probability is shared by the families of tests, and within a family by its tests (Šidák).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .noiselaw import patch_law
from .stft import ROW_FRAMES, TILE_BINS

# Shares of the dwell's false-alarm probability; averages are held back by the floor's error anyway.
CELL_SHARE, TILE_SHARE, MEAN_SHARE = 0.45, 0.45, 0.1
GROW_PFA = 1e-3  # a tile beside a detected one belongs to it above this
FLOOR_ERROR_RATIO = 1.12  # the floor is known to about half a dB: integration cannot see below that


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Ratios to the floor per bin (for sums: to the floor times the number of cells).

    Args:
        cell: one cell, exponential.
        tile: sum of one tile.
        grow: sum of one tile next to a detection.
        lasting: power that a column exceeds for nine tenths of the block.
        bin_mean: mean of one bin over the block.
        wide_mean: mean of WIDE_BINS bins over the block.
    """

    cell: float
    tile: float
    grow: float
    lasting: float
    bin_mean: float
    wide_mean: float


WIDE_BINS = 16


def sidak(probability: float, tests: int) -> float:
    """Per-test probability for which `tests` independent tests together reach `probability`."""
    return -math.expm1(math.log1p(-probability) / tests)


def thresholds(n_fft: int, hop: int, frames: int, pfa_dwell: float) -> Thresholds:
    """Compute all thresholds of a block.

    Args:
        n_fft: bins.
        hop: samples between frames.
        frames: frames of the block.
        pfa_dwell: false-alarm probability of the block, all tests together.
    Returns:
        The ratios.
    """
    mean_share = MEAN_SHARE * pfa_dwell / 3
    n_tiles = n_fft * frames // (TILE_BINS * ROW_FRAMES)
    tile = patch_law(n_fft, hop, TILE_BINS, ROW_FRAMES)
    # nine tenths of a lasting column's tiles are loud: about as steady as the mean of a third of them
    lasting = patch_law(n_fft, hop, TILE_BINS, max(1, round(frames / 3)))
    return Thresholds(
        cell=-math.log(sidak(CELL_SHARE * pfa_dwell, n_fft * frames)),
        tile=tile.quantile(sidak(TILE_SHARE * pfa_dwell, n_tiles)),
        grow=tile.quantile(GROW_PFA),
        lasting=lasting.quantile(sidak(mean_share, n_fft // TILE_BINS)),
        bin_mean=FLOOR_ERROR_RATIO * patch_law(n_fft, hop, 1, frames).quantile(sidak(mean_share, n_fft)),
        wide_mean=FLOOR_ERROR_RATIO
        * patch_law(n_fft, hop, WIDE_BINS, frames).quantile(sidak(mean_share, n_fft // WIDE_BINS)),
    )
