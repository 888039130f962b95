"""Instantaneous frequency of a baseband signal, and its moments."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

F = np.float32
A2, A4, A6, A8 = F(-0.3333314528), F(0.1999355085), F(-0.1420889944), F(0.1065626393)
A10, A12, A14, A16 = F(-0.0752896400), F(0.0429096138), F(-0.0161657367), F(0.0028662257)
HALF_TURN, QUARTER_TURN = F(math.pi), F(math.pi / 2)
TINIEST = F(1e-37)  # makes 0/0 a 0


@kernel
def angle(im: np.float32, re: np.float32) -> np.float32:
    """Angle of re + i·im in radians to 2e-7, without branches so that loops over it vectorise; 0 for 0.

    Arc tangent by the polynomial of M. Abramowitz & I. Stegun, Handbook of Mathematical Functions, 4.4.49.
    """
    across, along = abs(im), abs(re)
    larger = across if across > along else along
    smaller = along if across > along else across
    t = smaller / (larger + TINIEST)
    s = t * t
    high = ((A16 * s + A14) * s + A12) * s + A10
    total = ((((high * s + A8) * s + A6) * s + A4) * s + A2) * s * t + t
    total = QUARTER_TURN - total if across > along else total
    total = HALF_TURN - total if re < np.float32(0.0) else total
    return -total if im < np.float32(0.0) else total


@kernel
def demodulate(x: NDArray[np.complex64], group: int, out: NDArray[np.float32]) -> int:
    """Instantaneous frequency in radians per sample, averaged over groups of samples.

    Args:
        x: complex64, shape (n,).
        group: samples per output.
        out: float32, shape (>= (n - 1) // group,).
    Returns:
        Number of outputs.
    """
    count: int = (x.shape[0] - 1) // group
    if group == 1:
        for m in range(count):
            a, b = x[m + 1], x[m]
            out[m] = angle(a.imag * b.real - a.real * b.imag, a.real * b.real + a.imag * b.imag)
        return count
    for m in range(count):
        re, im = np.float32(0.0), np.float32(0.0)
        for k in range(group):
            a, b = x[m * group + k + 1], x[m * group + k]
            re += a.real * b.real + a.imag * b.imag
            im += a.imag * b.real - a.real * b.imag
        out[m] = angle(im, re)
    return count


@kernel
def frequency_moments(f: NDArray[np.float32], n: int, limit: float, out: NDArray[np.float64]) -> None:
    """Mean and central moments 2, 3, 4 of the instantaneous frequency, clicks beyond ±limit left out.

    Args:
        f: float32, shape (>= n,), radians per sample.
        n: values in use.
        limit: radians per sample.
        out: float64, shape (5,): count, mean, moments.
    """
    count, mean = 0, 0.0
    for i in range(n):
        if abs(f[i]) < limit:
            count += 1
            mean += f[i]
    mean /= max(count, 1)
    m2, m3, m4 = 0.0, 0.0, 0.0
    for i in range(n):
        if abs(f[i]) < limit:
            c = f[i] - mean
            m2 += c * c
            m3 += c * c * c
            m4 += c * c * c * c
    out[0], out[1] = count, mean
    out[2], out[3], out[4] = m2 / max(count, 1), m3 / max(count, 1), m4 / max(count, 1)
