"""Twins of what works on one line of numbers: order statistics, averages, filters, correlations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
KEPT_BITS = ~np.int32((1 << 15) - 1)  # sign, exponent and eight mantissa bits of a float32


def cut_short(values: Array) -> Array:
    """float32 with its mantissa cut to eight bits."""
    return (np.ascontiguousarray(values, dtype=np.float32).view(np.int32) & KEPT_BITS).view(np.float32)


def ranked(values: Array, step: int, rank: int) -> Array:
    """rank-th smallest of every column of every step-th row."""
    used = values[: values.shape[0] // step * step : step]
    return cut_short(np.partition(used, rank, axis=0)[rank])


def medians(values: Array, reach: int, stride: int = 1) -> Array:
    """Upper median over every stride-th of ±reach."""
    n = len(values)
    around = range(-reach, reach + 1, stride)
    windows = [values[[i + k for k in around if 0 <= i + k < n]] for i in range(n)]
    return cut_short(np.array([np.sort(w)[len(w) // 2] for w in windows]))


def moving_average(values: Array, length: int) -> Array:
    """Centred mean of what there is."""
    reach = length // 2
    return np.array([np.mean(values[max(0, i - reach) : i + reach + 1]) for i in range(len(values))])


def zero_padded_mean(values: Array, length: int) -> Array:
    """Centred mean over ±length // 2 with zeros beyond the ends."""
    kernel = np.ones(2 * (length // 2) + 1)
    return np.convolve(values, kernel / len(kernel), mode="same")


def on_mask(envelope: Array, quiet: float, reach: int, gap_ratio: float) -> Array:
    """Over `quiet`, and no dip below `gap_ratio` of the highest on each side."""
    marks = []
    for i, value in enumerate(envelope):
        left = np.max(envelope[max(0, i - reach) : i + 1])
        right = np.max(envelope[i : i + reach + 1])
        marks.append(value > quiet and value >= gap_ratio * min(left, right))
    return np.array(marks, dtype=np.uint8)


def mixed_down(iq: Array, start: int, prototype: Array, step: int, omega: float, n_out: int) -> Array:
    """Mix every sample to zero, filter by direct convolution, keep every step-th."""
    x = iq[0::2].astype(np.float64) + 1j * iq[1::2]
    y = x * np.exp(-1j * omega * np.arange(len(x)))
    pieces = (y[start + m * step : start + m * step + len(prototype)] for m in range(n_out))
    return np.array([np.sum(p * prototype) for p in pieces])


def folded_products(x: Array, lag: int, period: float, phases: int) -> Array:
    """Sums of x[n + lag]·x*[n] and of the mean power of both, by phase within a period; shape (3, phases)."""
    a, b = x[lag:].astype(np.complex128), x[: len(x) - lag].astype(np.complex128)
    edges = np.ceil((np.arange(int(len(a) / period * phases) + 2) + 1) * (period / phases))
    phase = np.searchsorted(edges, np.arange(len(a)), side="right") % phases
    products, power = a * np.conj(b), 0.5 * (np.abs(a) ** 2 + np.abs(b) ** 2)
    return np.array([np.bincount(phase, v, phases) for v in (products.real, products.imag, power)])


def autocorrelation(f: Array, lag: int) -> float:
    """Normalised product of f with itself moved."""
    a, b = f[: len(f) - lag].astype(np.float64), f[lag:].astype(np.float64)
    scale = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.sum(a * b) / scale) if scale > 0 else 0.0


def instantaneous(x: Array, group: int) -> Array:
    """Angle of the summed one-sample products of each group."""
    z = x[1:].astype(np.complex128) * np.conj(x[:-1])
    count = len(z) // group
    return np.angle(z[: count * group].reshape(count, group).sum(axis=1))


def second_difference(x: Array, near: int, far: int) -> tuple[float, float]:
    """Angle and concentration of the second phase difference."""
    z = x[near:].astype(np.complex128) * np.conj(x[:-near])
    w = z[far:] * np.conj(z[:-far])
    return float(np.angle(w.sum())), float(np.abs(w.sum()) / np.abs(w).sum())


def central_moments(f: Array, limit: float) -> Array:
    """Count, mean and central moments 2, 3, 4 of what lies inside ±limit."""
    kept = f[np.abs(f) < limit].astype(np.float64)
    c = kept - kept.mean()
    return np.array([len(kept), kept.mean(), np.mean(c**2), np.mean(c**3), np.mean(c**4)])
