"""Chips of 802.11b: 11 Mchip/s, Barker symbols at 1 and 2 Mbit/s and in every preamble, CCK symbols at 11 Mbit/s.

Barker: a filter matched to the 11 chips gathers a symbol's energy into one chip of eleven; its output power, folded at
the symbol's 1 µs, has one peak (IEEE 802.11-2020 §15.4.6.4). Noise folds flat: the mean of m symbols in a phase is
Gamma(m) / m, and the highest of 22 phases passes 1 + t with a probability of about 22·exp(-m·t²/2).
CCK: of the eight chips of a symbol (§16.4.6.6, equation 16-1) c0·c1*, -c2·c3*, c4·c5* and -c6·c7* are all exp(j·phi2):
the six products of one with another's conjugate add up; for anything else they have random phases.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CHIP_HZ = 11.0e6
BARKER = (1, -1, 1, 1, -1, 1, 1, 1, -1, -1, -1)
PER_CHIP = 2  # samples after resampling
CCK_CHIPS = 8
CCK_SIGNS = np.array((1.0, -1.0, 1.0, -1.0), np.float32)
FALSE_RATE = 1e-5
LEAST_SYMBOLS = 12
POWER_LEAST = 1e-30


def at_chip_rate(x: NDArray[np.complex64], rate_hz: float) -> NDArray[np.complex64]:
    """Resample to PER_CHIP samples a chip between neighbours."""
    n = int((len(x) - 1) / rate_hz * CHIP_HZ * PER_CHIP)
    at = np.arange(n) * (rate_hz / (CHIP_HZ * PER_CHIP))
    whole = at.astype(np.int64)
    part = (at - whole).astype(np.float32)
    return np.asarray(x[whole] * (1 - part) + x[np.minimum(whole + 1, len(x) - 1)] * part, np.complex64)


def barker_score(chips: NDArray[np.complex64]) -> float:
    """Peak of the folded matched filter over what noise reaches.

    Args:
        chips: complex64, shape (n,), see `at_chip_rate`.
    Returns:
        0..1: excess of the best phase over the mean, of the ten that clean Barker symbols have, less the null's.
    """
    period = len(BARKER) * PER_CHIP
    code = np.zeros(period)
    code[::PER_CHIP] = BARKER
    y = np.convolve(chips, code[::-1].astype(np.float32), "valid")
    symbols = len(y) // period
    if symbols < LEAST_SYMBOLS:
        return 0.0
    power = y.real**2 + y.imag**2
    folded = power[: symbols * period].reshape(symbols, len(BARKER), PER_CHIP).mean(axis=0)
    mean = folded.mean(axis=0)  # for each phase within a chip: the power of chips varies with it
    if np.min(mean) <= POWER_LEAST:
        return 0.0
    null = math.sqrt(2.0 * (math.log(period) - math.log(FALSE_RATE)) / symbols)
    return min(1.0, max(0.0, (float(np.max(folded / mean)) - 1.0 - null) / (len(BARKER) - 1)))


def cck_score(chips: NDArray[np.complex64]) -> float:
    """Agreement of the four differences within a CCK symbol, at the best alignment, over what noise reaches.

    Args:
        chips: complex64, shape (n,), see `at_chip_rate`.
    Returns:
        0..1: about (S / (S+N))² for 11 Mbit/s, 0 for others.
    """
    best = 0.0
    for phase in range(PER_CHIP):
        one = chips[phase::PER_CHIP]
        pairs = one[:-1] * np.conj(one[1:])
        count = (len(pairs) - CCK_CHIPS) // CCK_CHIPS
        if count < LEAST_SYMBOLS:
            return 0.0
        for start in range(CCK_CHIPS):
            rows = pairs[start : start + count * CCK_CHIPS].reshape(count, CCK_CHIPS)[:, ::2] * CCK_SIGNS
            square = rows.real**2 + rows.imag**2
            power = float(np.sum(square))
            if power <= POWER_LEAST:
                return 0.0
            # |Σ|² - Σ||² holds the twelve ordered products of different differences
            whole = np.abs(np.sum(rows, axis=1)) ** 2
            agreement = float(np.sum(whole) - power) / (3.0 * power)
            null = math.sqrt(2.0 * (math.log(PER_CHIP * CCK_CHIPS) - math.log(FALSE_RATE)) / (3.0 * count))
            best = max(best, agreement - null)
    return min(1.0, best)
