"""Zadoff-Chu symbols: sequences whose correlation with themselves is one sharp line.

c[n] = exp(-jπ·u·n·(n+1) / N) on N neighbouring carriers of one OFDM symbol, the one on the empty DC left out (3GPP TS
36.211 §5.5.1, §6.11.1). The statistic is the share of a symbol's energy that lies along the known waveform,
|Σ x·s*|² / (Σ|x|²·Σ|s|²), at the best time and carrier offset: S/(S+N) for that symbol. Null: for noise of N
independent values it is exponential with mean 1/N, and the best of k passes r with probability k·exp(-N·r).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, ifft

SPACING_HZ = 15_000.0
FALSE_RATE = 1e-6
OFFSETS = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)  # carriers that the centre may be off; a line bears a quarter
ENERGY_LEAST = 1e-30


class Sequence(NamedTuple):
    """One symbol: root and length (odd) of its sequence."""

    root: int
    length: int


# Schiller et al., "Drone Security and the Mysterious Case of DJI's DroneID" (NDSS 2023), §IV: symbols 4 and 6
DRONEID = (Sequence(600, 601), Sequence(147, 601))
LTE_PSS = (Sequence(25, 63), Sequence(29, 63), Sequence(34, 63))  # 3GPP TS 36.211 table 6.11.1.1-1


@functools.lru_cache(maxsize=64)
def symbol(sequence: Sequence, rate_hz: float) -> NDArray[np.complex64]:
    """One useful symbol at a sample rate, complex64, unit energy."""
    n = round(rate_hz / SPACING_HZ)
    k = np.arange(sequence.length)
    values = np.exp(-1j * np.pi * sequence.root * k * (k + 1) / sequence.length)
    half = sequence.length // 2
    t = np.arange(n) / rate_hz
    carriers = np.exp(2j * np.pi * SPACING_HZ * np.outer(t, np.delete(k - half, half)))
    wave = carriers @ np.delete(values, half)
    return np.asarray(wave / np.sqrt(np.sum(np.abs(wave) ** 2)), np.complex64)


def correlate(x: NDArray[np.complex64], rate_hz: float, sequences: tuple[Sequence, ...]) -> list[float]:
    """Best correlation with each sequence, less what noise reaches.

    Args:
        x: complex64, shape (n,), at zero frequency within one carrier and a half.
        rate_hz: of x, at least the sequence's bandwidth.
        sequences: what to look for.
    Returns:
        For each 0..1: amplitude share, sqrt of the statistic, of a symbol's energy; 0 where noise explains it.
    """
    n = round(rate_hz / SPACING_HZ)
    if len(x) < n:
        return [0.0] * len(sequences)
    size = 1 << (len(x) + n - 1).bit_length()
    places = len(x) - n + 1
    energy = np.concatenate(([0.0], np.cumsum(x.real.astype(np.float64) ** 2 + x.imag.astype(np.float64) ** 2)))
    window = np.maximum(energy[n:] - energy[:places], 1e-3 * energy[-1] * n / len(x) + ENERGY_LEAST)
    spectra = [np.conj(np.asarray(fft(symbol(s, rate_hz), size))) for s in sequences]
    best = [0.0] * len(sequences)
    line_of_x = np.asarray(fft(x, size))
    for offset in OFFSETS:
        moved = np.roll(line_of_x, -round(offset * SPACING_HZ / rate_hz * size))
        for i, spectrum in enumerate(spectra):
            line = np.asarray(ifft(moved * spectrum))[:places]
            best[i] = max(best[i], float(np.max((line.real**2 + line.imag**2) / window)))
    out = []
    for value, s in zip(best, sequences, strict=True):
        looks = max(1.0, places * s.length / n) * len(OFFSETS)
        null = (math.log(looks) - math.log(FALSE_RATE)) / (s.length - 1)
        out.append(math.sqrt(min(1.0, value)) if value > null else 0.0)
    return out


def droneid_score(x: NDArray[np.complex64], rate_hz: float) -> float:
    """Both symbols of a DroneID burst: the lesser correlation, 0..1."""
    return min(correlate(x, rate_hz, DRONEID))


def lte_score(x: NDArray[np.complex64], rate_hz: float) -> float:
    """Primary synchronisation signal of an LTE cell: the best of its three roots, 0..1."""
    return max(correlate(x, rate_hz, LTE_PSS))
