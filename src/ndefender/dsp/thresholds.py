"""Thresholds from a stated false-alarm probability (Gamma law of noise sums), never from a hand-set number of dB.

The dwell's probability is shared equally by the families of tests, and within a family by its tests (Šidák).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv

from .stft import ROW_FRAMES, TILE_BINS
from .window import gamma_shape

FAMILIES = 3  # cells, tiles, integrated bins
GROW_PFA = 1e-3  # a tile beside a detected one belongs to it above this
FLOOR_ERROR_RATIO = 1.12  # the floor is known to about half a dB: integration cannot see below that


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Ratios to the floor per bin (for sums: to the floor times the number of cells).

    Args:
        cell: one cell, exponential.
        tile: sum of one tile.
        grow: sum of one tile next to a detection.
        bin_mean: mean of one bin over the block.
        wide_mean: mean of WIDE_BINS bins over the block.
    """

    cell: float
    tile: float
    grow: float
    bin_mean: float
    wide_mean: float


WIDE_BINS = 16


def sidak(probability: float, tests: int) -> float:
    """Per-test probability for which `tests` independent tests together reach `probability`."""
    return -math.expm1(math.log1p(-probability) / tests)


def mean_ratio(shape: float, probability: float) -> float:
    """Ratio to its mean that a Gamma(shape) variable exceeds with `probability`."""
    return float(gammainccinv(shape, probability) / shape)


def thresholds(window: NDArray[np.float32], hop: int, frames: int, pfa_dwell: float) -> Thresholds:
    """Compute all thresholds of a block.

    Args:
        window: analysis window, shape (n_fft,).
        hop: samples between frames.
        frames: frames of the block.
        pfa_dwell: false-alarm probability of the block, all tests together.
    Returns:
        The ratios.
    """
    n_fft = len(window)
    share = pfa_dwell / FAMILIES
    tile_shape = gamma_shape(window, hop, TILE_BINS, ROW_FRAMES)
    n_tiles = n_fft * frames // (TILE_BINS * ROW_FRAMES)
    return Thresholds(
        cell=-math.log(sidak(share, n_fft * frames)),
        tile=mean_ratio(tile_shape, sidak(share, n_tiles)),
        grow=mean_ratio(tile_shape, GROW_PFA),
        bin_mean=FLOOR_ERROR_RATIO * mean_ratio(gamma_shape(window, hop, 1, frames), sidak(share / 2, n_fft)),
        wide_mean=FLOOR_ERROR_RATIO
        * mean_ratio(gamma_shape(window, hop, WIDE_BINS, frames), sidak(share / 2, n_fft // WIDE_BINS)),
    )
