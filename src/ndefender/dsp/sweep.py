"""A carrier that sweeps slowly: the magnetron of a microwave oven.

While its anode voltage is up a magnetron is one carrier whose frequency follows the mains voltage: over megahertz in
milliseconds, but only tens of kilohertz within the tens of microseconds of one look (Kamerman and Erkoçević, "Microwave
oven interference on wireless LANs operating in the 2.4 GHz ISM band", PIMRC 1997). So each look, freed of the slope,
gathers its power in one line, and the lines of looks apart lie apart. Null: the highest of n bins of noise holds about
ln(n)/n of a look's power; modulated carriers spread theirs as wide in a look as over all looks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, fftfreq

LOOKS = 24
LOOK_S = 20e-6
LINE_BINS = 1  # to each side: a line between bins, and what it sweeps within a look
PADDING = 2
LEAST_RATIO = 0.15  # of the occupied band that the lines of all looks must cover
HIGHEST_HZ_PER_S = 2.0e10  # 20 MHz in a millisecond; half a mains period holds a whole sweep
POWER_LEAST = 1e-30


class Sweep(NamedTuple):
    """Share of the looks whose power is one line, 0..1, and how far the lines lie apart, Hz."""

    score: float
    span_hz: float


def sweep(looks: list[NDArray[np.complex64]], times_s: list[float], rate_hz: float, bandwidth_hz: float) -> Sweep:
    """Measure whether an emission is one slowly sweeping carrier.

    Args:
        looks: complex64, shape (n,) each, short stretches all over the emission, ascending.
        times_s: of each.
        rate_hz: of them.
        bandwidth_hz: occupied by the whole emission.
    Returns:
        Score and span; (0, 0) where there are fewer than four looks.
    """
    n = min((len(x) for x in looks), default=0)
    if len(looks) < 4 or n < 16:
        return Sweep(0.0, 0.0)
    size = PADDING * n
    lines = np.abs(np.asarray(fft(np.stack([x[:n] for x in looks]) * np.hanning(n).astype(np.float32), size))) ** 2
    top = np.argmax(lines, axis=1)
    reach = PADDING * (1 + LINE_BINS)
    around = (top[:, None] + np.arange(-reach, reach + 1)) % size
    total = lines.sum(axis=1)
    share = np.take_along_axis(lines, around, axis=1).sum(axis=1) / np.maximum(total, POWER_LEAST)
    expected = (2 * reach + 1) / size
    frequency = fftfreq(size, 1.0 / rate_hz)[top]
    slope = np.abs(np.diff(frequency)) / np.maximum(np.diff(times_s), 1e-9)
    steady = float(np.mean(slope < HIGHEST_HZ_PER_S))
    span = float(np.quantile(frequency, 0.9) - np.quantile(frequency, 0.1))
    if span < LEAST_RATIO * bandwidth_hz:
        return Sweep(0.0, span)
    return Sweep(max(0.0, float(np.median(share)) - expected) / (1.0 - expected) * steady, span)
