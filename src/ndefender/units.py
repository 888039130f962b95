"""The one place where decibels meet linear power, and where seconds meet nanoseconds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
MIN_POWER = 1e-30  # keeps log10 finite for exact zeros in the input: -300 dB, below any real floor


def to_db(power_ratio: float) -> float:
    """Convert a linear power ratio to decibels.

    Args:
        power_ratio: power, linear, >= 0.
    Returns:
        10·log10(power), floored at -300 dB so that exact zeros stay finite.
    """
    return 10.0 * math.log10(max(power_ratio, MIN_POWER))


def from_db(level_db: float) -> float:
    """Convert decibels to a linear power ratio."""
    return float(10.0 ** (level_db / 10.0))


def ns_to_s(duration_ns: int) -> float:
    """Convert nanoseconds to seconds."""
    return duration_ns / NS_PER_S


def s_to_ns(duration_s: float) -> int:
    """Convert seconds to whole nanoseconds, rounded to nearest."""
    return round(duration_s * NS_PER_S)


def to_db_array(power_ratio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert linear power ratios to decibels, elementwise.

    Args:
        power_ratio: float32, any shape, linear, >= 0; NaN stays NaN.
    Returns:
        float32, same shape, floored at -300 dB.
    """
    return (10.0 * np.log10(np.maximum(power_ratio, MIN_POWER))).astype(np.float32)
