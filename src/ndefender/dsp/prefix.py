"""Cyclic prefixes: what repeats after a useful symbol, and only in a part of every symbol.

The tail of an OFDM symbol is sent before it as well, so x[n + L]·x*[n] has a mean of S·exp(j2π·cfo·L) during the
prefix and of zero outside it (van de Beek, Sandell, Börjesson, "ML estimation of time and frequency offset in OFDM
systems", IEEE Trans. Signal Processing 45, 1997). Folded at the symbol's period, the prefix is a window of the fold;
the statistic is the coherence inside the best window less that outside, so tones, echoes and lines, which repeat all
the time, give none.
Null: without a prefix the window's coherence squared is exponential with mean 1/n, n its independent products, and the
best of k windows passes a threshold r with probability k·exp(-n·r²).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, ifft

from .jit import kernel

PHASES = 64  # of one symbol
FALSE_RATE = 1e-5  # of one test on noise
WINDOW_SHARE = 0.9  # of the prefix: echoes and tapers spoil its begin
POWER_LEAST = 1e-30
BLIND_SHORTEST_S = 6.0e-6  # longer than any echo, and than the repetitions of preambles and chips
BLIND_LONGEST_S = 110.0e-6
BLIND_ASIDE = 3  # samples: noise moves the peak by as much
TONE_RATIO = 8.0  # of the mean of the spectrum: a few pieces of noise do not reach it in more than a few bins
BLIND_RATIOS = (1 / 4, 1 / 8, 1 / 16, 9 / 128, 1 / 32)  # prefixes that are in use, of a useful symbol


class Numerology(NamedTuple):
    """One way of cutting time into symbols.

    Args:
        useful_s: useful symbol, the lag of the prefix.
        prefixes_s: prefixes in use.
    """

    useful_s: float
    prefixes_s: tuple[float, ...]


# 3GPP TS 36.211 sec. 6.12: 7 symbols in 0.5 ms (the first prefix is longer by a tenth of one; the mean serves)
LTE = Numerology(1 / 15_000, (0.5e-3 / 7 - 1 / 15_000,))
WIFI = Numerology(3.2e-6, (0.8e-6, 0.4e-6))  # IEEE 802.11-2020 tables 17-5 and 19-6
WIFI_AX = Numerology(12.8e-6, (0.8e-6, 1.6e-6, 3.2e-6))  # IEEE 802.11ax-2021 table 27-12


class Blind(NamedTuple):
    """A prefix at a lag that no standard here has: coherence over its null 0..1, useful symbol, prefix."""

    score: float
    useful_s: float
    prefix_s: float


NOTHING = Blind(0.0, 0.0, 0.0)


@kernel
def fold(x: NDArray[np.complex64], lag: int, period: float, out: NDArray[np.float64]) -> float:
    """Sum the lag products of a signal by their phase within a period.

    Args:
        x: complex64, shape (n,).
        lag: samples.
        period: samples, at least PHASES / 4.
        out: float64, shape (3, phases), written: real part, imaginary part, mean power of both factors.
    Returns:
        Sum of the squared magnitudes of all products.
    """
    phases = out.shape[1]
    out[:, :] = 0.0
    n = x.shape[0] - lag
    square, at, k = 0.0, 0, 0
    step = period / phases
    while at < n:
        stop = min(n, math.ceil((k + 1) * step))
        re, im, power, spread = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for i in range(at, stop):
            a, b = x[i + lag], x[i]
            c = a.real * b.real + a.imag * b.imag
            s = a.imag * b.real - a.real * b.imag
            re += c
            im += s
            spread += c * c + s * s
            power += (a.real * a.real + a.imag * a.imag) + (b.real * b.real + b.imag * b.imag)
        m = k % phases
        out[0, m] += re
        out[1, m] += im
        out[2, m] += np.float32(0.5) * power
        square += float(spread)
        at, k = max(at, stop), k + 1
    return square


def window_score(sums: NDArray[np.float64], square: float, width: int, oversampling: float) -> float:
    """Coherence of the best window of a fold over that of the rest and over what noise reaches.

    Args:
        sums: float64, shape (3, phases), see `fold`.
        square: as `fold` returned.
        width: phases of the window.
        oversampling: samples for each independent one.
    Returns:
        0..1; about S/(S+N) for a prefix of that length, 0 for noise but once in 1 / FALSE_RATE.
    """
    phases = sums.shape[1]
    total = sums.sum(axis=1)
    if total[2] <= POWER_LEAST:
        return 0.0
    around = np.concatenate((sums, sums[:, :width]), axis=1).cumsum(axis=1)
    window = around[:, width : width + phases] - around[:, :phases]
    rest = total[:, None] - window
    inside = np.maximum(window[2], POWER_LEAST)
    outside = np.maximum(rest[2], POWER_LEAST)
    re, im = window[0] / inside - rest[0] / outside, window[1] / inside - rest[1] / outside
    coherence = re * re + im * im
    at = int(np.argmax(coherence))
    best = math.sqrt(float(coherence[at]))
    share = width / phases
    variance = square * oversampling * share / (share * float(total[2])) ** 2 / (1.0 - share)
    # a tone that sweeps has products that are no noise: its other windows differ from one another as much
    others = np.take((window[0] + 1j * window[1]) / inside, np.arange(at + width, at + phases - width + 1), mode="wrap")
    variance = max(variance, float(np.var(others)))
    null = math.sqrt(variance * (math.log(2.0 / share) - math.log(FALSE_RATE)))
    return min(1.0, max(0.0, best - null))


class PrefixTester:
    """Prefix tests of one emission after another; owns the memory of the fold."""

    def __init__(self) -> None:
        self._sums = np.zeros((3, PHASES))

    def score(self, x: NDArray[np.complex64], rate_hz: float, bandwidth_hz: float, numerology: Numerology) -> float:
        """Best score over the prefixes of a numerology.

        Args:
            x: complex64, shape (n,).
            rate_hz: of x.
            bandwidth_hz: occupied.
            numerology: what to look for.
        Returns:
            0..1, see `window_score`; 0 where x is shorter than two symbols.
        """
        return max(self._one(x, rate_hz, bandwidth_hz, numerology.useful_s, p) for p in numerology.prefixes_s)

    def _one(
        self, x: NDArray[np.complex64], rate_hz: float, bandwidth_hz: float, useful_s: float, prefix_s: float
    ) -> float:
        period_s = useful_s + prefix_s
        lag = round(useful_s * rate_hz)
        if len(x) < lag + period_s * rate_hz or prefix_s * bandwidth_hz < 2.0:
            return 0.0
        square = fold(x, lag, period_s * rate_hz, self._sums)
        width = max(1, round(WINDOW_SHARE * prefix_s / period_s * PHASES))
        return window_score(self._sums, square, width, max(1.0, rate_hz / bandwidth_hz))

    def blind(self, pieces: list[NDArray[np.complex64]], rate_hz: float, bandwidth_hz: float) -> Blind:
        """Find a prefix without knowing the symbol.

        Args:
            pieces: complex64, shape (n,) each: stretches of one emission, each of many symbols.
            rate_hz: of them.
            bandwidth_hz: occupied.
        Returns:
            Best pair of lag and prefix, or NOTHING: no lag stands out of the autocorrelation, or none of the usual
            prefixes fits it.
        """
        n = min(len(piece) for piece in pieces)
        first, last = round(BLIND_SHORTEST_S * rate_hz), min(round(BLIND_LONGEST_S * rate_hz), n // 4)
        if last <= first:
            return NOTHING
        size = 1 << (n + last - 1).bit_length()
        spectrum = np.zeros(size, np.float32)
        for piece in pieces:
            line = np.asarray(fft(piece[:n], size))
            spectrum += line.real**2 + line.imag**2
        np.minimum(spectrum, TONE_RATIO * np.mean(spectrum), out=spectrum)  # a tone is alike at every lag
        r = np.asarray(ifft(spectrum))[: last + 1]
        power = np.abs(r[first:]) ** 2 / (1.0 - np.arange(first, last + 1) / n) ** 2
        at = int(np.argmax(power))
        independent = n * len(pieces) * min(1.0, bandwidth_hz / rate_hz)
        null = (math.log(len(power)) - math.log(FALSE_RATE)) / independent
        if not power[at] > null * abs(float(r[0].real)) ** 2:
            return NOTHING
        lag, piece = first + at, pieces[len(pieces) // 2]

        def fit(lag: int, ratio: float) -> Blind:
            useful_s = lag / rate_hz
            score = self._one(piece, rate_hz, bandwidth_hz, useful_s, ratio * useful_s)
            return Blind(score, useful_s, ratio * useful_s)

        ratio = max(BLIND_RATIOS, key=lambda r: fit(lag, r).score)
        best = max((fit(lag + k, ratio) for k in range(-BLIND_ASIDE, BLIND_ASIDE + 1)), key=lambda b: b.score)
        return best if best.score > 0.0 else NOTHING
