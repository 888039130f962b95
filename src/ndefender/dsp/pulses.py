"""Trains of pulses: radar.

A radar repeats one pulse at a steady interval (ITU-R M.1638-1: 0.2 to 100 µs, 200 to 4000 pulses a second, plain or
with a chirp). Packets do not: their lengths and pauses vary. So three pulses or more of one frequency and width whose
intervals are all whole multiples of the shortest are a train. Null: an interval of random pulses is such a multiple to
within e of itself by chance with probability 2e.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LONGEST_S = 130e-6  # of a pulse, with what a frame adds to it
SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S = 0.2e-3, 6.0e-3
LEAST_PULSES = 3
TOLERANCE_S = 4e-6  # of an interval; pulses are placed to a microsecond or two
MOST_MISSING = 3  # intervals that may hold a pulse that was not heard
SAME_PLACE = 0.35  # of the wider one's width


def train(middles_s: NDArray[np.float64], centers_hz: NDArray[np.float64], widths_hz: NDArray[np.float64]) -> float:
    """Steady interval of pulses of one frequency.

    Args:
        middles_s: float64, shape (n,): when each pulse has half its energy, ascending.
        centers_hz, widths_hz: float64, shape (n,).
    Returns:
        Interval in seconds, 0 where they are no train.
    """
    if len(middles_s) < LEAST_PULSES:
        return 0.0
    spread = np.ptp(centers_hz)
    gaps = np.diff(middles_s)
    shortest = float(np.min(gaps))
    if spread > SAME_PLACE * float(np.max(widths_hz)) or not SHORTEST_INTERVAL_S < shortest < LONGEST_INTERVAL_S:
        return 0.0
    times = np.rint(gaps / shortest)
    if np.max(times) > MOST_MISSING + 1:
        return 0.0
    interval = float(np.sum(gaps) / np.sum(times))
    return interval if np.max(np.abs(gaps - times * interval)) < TOLERANCE_S else 0.0


def energy_middle(x: NDArray[np.complex64]) -> tuple[float, float]:
    """When a pulse is: the middle of its energy above the surroundings, and how long.

    Args:
        x: complex64, shape (n,), with as much silence as pulse around it.
    Returns:
        (middle, length) in samples; length is energy over peak power.
    """
    power = x.real.astype(np.float64) ** 2 + x.imag.astype(np.float64) ** 2
    power = np.convolve(power, np.ones(5) / 5, "same")
    above = np.maximum(power - 4.0 * np.median(power), 0.0)
    total = float(np.sum(above))
    if total <= 0.0:
        return len(x) / 2.0, 0.0
    return float(np.sum(above * np.arange(len(x))) / total), total / float(np.max(above))
