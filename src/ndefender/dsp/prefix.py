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
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, rfft

from .jit import kernel

PHASES = 64  # of one symbol ...
FEW_PHASES = 32  # ... and of a short one
SHORT_PERIOD = 512  # samples
FALSE_RATE = 1e-5  # of one test on noise
WINDOW_SHARE = 0.9  # of the prefix: echoes and tapers spoil its begin
POWER_LEAST = 1e-30
BLIND_SHORTEST_S = 6.0e-6  # longer than any echo, and than the repetitions of preambles and chips
BLIND_LONGEST_S = 110.0e-6
NEARLY = 0.55  # of the null's square: noise comes so near once in thirty times
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


@kernel
def window_score(sums: NDArray[np.float64], square: float, width: int, oversampling: float) -> float:
    """Coherence of the best window of a fold over that of the rest and over what noise reaches.

    Args:
        sums: float64, shape (3, phases), see `fold`.
        square: as `fold` returned.
        width: phases of the window, less than half of all.
        oversampling: samples for each independent one.
    Returns:
        0..1; about S/(S+N) for a prefix of that length, 0 for noise but once in 1 / FALSE_RATE.
    """
    phases = sums.shape[1]
    re_all, im_all, power_all = np.sum(sums[0]), np.sum(sums[1]), np.sum(sums[2])
    if power_all <= POWER_LEAST:
        return 0.0
    window = np.zeros((2, phases))
    best, at = -1.0, 0
    for m in range(phases):
        re, im, power = 0.0, 0.0, 0.0
        for k in range(width):
            j = (m + k) % phases
            re += sums[0, j]
            im += sums[1, j]
            power += sums[2, j]
        inside, outside = max(power, POWER_LEAST), max(power_all - power, POWER_LEAST)
        window[0, m], window[1, m] = re / inside, im / inside
        re, im = re / inside - (re_all - re) / outside, im / inside - (im_all - im) / outside
        if re * re + im * im > best:
            best, at = re * re + im * im, m
    share = width / phases
    variance = square * oversampling * share / (share * power_all) ** 2 / (1.0 - share)
    # a tone that sweeps has products that are no noise: its other windows differ from one another as much
    count, re, im, total = 0, 0.0, 0.0, 0.0
    for k in range(width, phases - width + 1):
        u, v = window[0, (at + k) % phases], window[1, (at + k) % phases]
        count += 1
        re += u
        im += v
        total += u * u + v * v
    variance = max(variance, total / count - (re * re + im * im) / (count * count))
    null = math.sqrt(variance * (math.log(2.0 / share) - math.log(FALSE_RATE)))
    return min(1.0, max(0.0, math.sqrt(best) - null))


class PrefixTester:
    """Prefix tests of one emission after another; owns the memory of the fold."""

    def __init__(self) -> None:
        self._sums = np.zeros((3, PHASES))
        self._few = np.zeros((3, FEW_PHASES))

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
        sums = self._sums if period_s * rate_hz > SHORT_PERIOD else self._few
        square = fold(x, lag, period_s * rate_hz, sums)
        width = max(1, round(WINDOW_SHARE * prefix_s / period_s * sums.shape[1]))
        return window_score(sums, square, width, max(1.0, rate_hz / bandwidth_hz))

    def blind(self, pieces: Iterable[NDArray[np.complex64]], rate_hz: float, bandwidth_hz: float) -> Blind:
        """Find a prefix without knowing the symbol.

        Args:
            pieces: complex64, shape (n,) each: stretches of one emission, each of many symbols; the next is only
                asked for where those before leave it open.
            rate_hz: of them.
            bandwidth_hz: occupied.
        Returns:
            Best pair of lag and prefix, or NOTHING: no lag stands out of the autocorrelation, or none of the usual
            prefixes fits it.
        """
        spectrum = np.zeros(0, np.float32)
        for count, piece in enumerate(pieces, 1):
            n = len(piece)
            first, last = round(BLIND_SHORTEST_S * rate_hz), min(round(BLIND_LONGEST_S * rate_hz), n // 4)
            if last <= first:
                break
            line = np.asarray(fft(piece))
            power = line.real**2 + line.imag**2
            np.minimum(power, TONE_RATIO * np.mean(power), out=power)  # a tone is alike at every lag
            spectrum = spectrum + power if len(spectrum) else power
            r = np.asarray(rfft(spectrum))[: last + 1]  # the conjugate of the autocorrelation, around the circle
            square = r[first:].real ** 2 + r[first:].imag ** 2
            at = int(np.argmax(square))
            independent = n * count * min(1.0, bandwidth_hz / rate_hz)
            null = (math.log(len(square)) - math.log(FALSE_RATE)) / independent * float(r[0].real) ** 2
            if square[at] > null:
                return self._fit(piece, rate_hz, bandwidth_hz, first + at)
            if not square[at] > NEARLY * null:
                break
        return NOTHING

    def _fit(self, piece: NDArray[np.complex64], rate_hz: float, bandwidth_hz: float, lag: int) -> Blind:
        """Best of the usual prefixes at a lag or a few samples beside it."""

        def fit(lag: int, ratio: float) -> Blind:
            useful_s = lag / rate_hz
            score = self._one(piece, rate_hz, bandwidth_hz, useful_s, ratio * useful_s)
            return Blind(score, useful_s, ratio * useful_s)

        ratio = max(BLIND_RATIOS, key=lambda r: fit(lag, r).score)
        best = max((fit(lag + k, ratio) for k in range(-BLIND_ASIDE, BLIND_ASIDE + 1)), key=lambda b: b.score)
        return best if best.score > 0.0 else NOTHING
