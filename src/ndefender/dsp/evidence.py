"""Tests on one narrow emission at zero frequency, and the envelope of any. Each returns a plain number.

Only emissions pay for this, and at most `max_evidence_samples` of each.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft

from .demodulate import demodulate, frequency_moments
from .jit import kernel

LORA_BANDWIDTHS_HZ = (125e3, 203.125e3, 250e3, 406.25e3, 500e3, 812.5e3, 1625e3)  # Semtech SX1276, SX1280 data sheets
LORA_SF_LOW, LORA_SF_HIGH = 5, 10
LEAST_STEADINESS = 0.35  # of the slope: a chirp down to 8 dB SNR keeps half of it, wraps included
LEAST_SLOPES = 64  # values behind the mean of a slope
LOOK_SYMBOLS = 0.2  # a slope shows in part of a symbol


@kernel
def envelope_cv(x: NDArray[np.complex64]) -> float:
    """Standard deviation over mean of |x|; 0 where there is nothing."""
    m1, m2 = 0.0, 0.0
    for n in range(x.shape[0]):
        p = x[n].real * x[n].real + x[n].imag * x[n].imag
        m1 += math.sqrt(p)
        m2 += p
    return math.sqrt(max(0.0, m2 * x.shape[0] / (m1 * m1) - 1.0)) if m1 > 0.0 else 0.0


@kernel
def chirp_slope(x: NDArray[np.complex64], near: int, far: int, out: NDArray[np.float64]) -> None:
    """Mean second phase difference: its angle is the chirp's slope, its length says how constant it is.

    Args:
        x: complex64, shape (n,).
        near: lag of the first difference, samples.
        far: lag of the second.
        out: float64, shape (2,): angle in radians (2π·slope·near·far/rate²), length 0..1.
    """
    re, im, total = 0.0, 0.0, 0.0
    for n in range(x.shape[0] - near - far):
        z0 = x[n + near] * np.conj(x[n])
        z1 = x[n + near + far] * np.conj(x[n + far])
        w = z1 * np.conj(z0)
        re += w.real
        im += w.imag
        total += math.sqrt(w.real * w.real + w.imag * w.imag)
    out[0] = math.atan2(im, re) if total > 0 else 0.0
    out[1] = math.sqrt(re * re + im * im) / total if total > 0 else 0.0


@kernel
def narrow_tests(
    x: NDArray[np.complex64],
    rate_hz: float,
    bandwidth_hz: float,
    lora_hz: float,
    f: NDArray[np.float32],
    slope: NDArray[np.float64],
    out: NDArray[np.float64],
) -> int:
    """All cheap tests of a narrow emission in one call.

    Args:
        x: complex64, shape (n,).
        rate_hz: of x.
        bandwidth_hz: occupied; instantaneous frequencies beyond it are clicks.
        lora_hz: nearest LoRa bandwidth, 0 for none.
        f: float32, shape (>= n,), work space.
        slope: float64, shape (2,), work space.
        out: float64, shape (5,), written: frequency moments as `frequency_moments`.
    Returns:
        LoRa spreading factor whose chirp slope the signal shows, negative for falling chirps, 0 for none.
    """
    n = demodulate(x, 1, f)
    frequency_moments(f, n, 2 * math.pi * 0.6 * bandwidth_hz / rate_hz, out)
    best, best_sf = LEAST_STEADINESS, 0
    if lora_hz > 0.0:
        near = max(1, math.floor(rate_hz / lora_hz + 0.5))
        for sf in range(LORA_SF_LOW, LORA_SF_HIGH + 1):
            symbol = 2.0**sf / lora_hz * rate_hz
            far = max(1, math.floor(symbol / 8 + 0.5))
            if x.shape[0] < max(LOOK_SYMBOLS * symbol, near + far + LEAST_SLOPES):
                break
            chirp_slope(x, near, far, slope)
            expected = 2 * math.pi * lora_hz * lora_hz / 2.0**sf * near * far / (rate_hz * rate_hz)
            if abs(abs(slope[0]) - expected) < 0.25 * expected and slope[1] > best:
                best, best_sf = slope[1], sf if slope[0] > 0 else -sf
    return best_sf


@kernel
def two_level(moments: NDArray[np.float64], rate_hz: float) -> tuple[float, float]:
    """Frequency deviation and bimodality from `frequency_moments`.

    Args:
        moments: float64, shape (5,).
        rate_hz: of the samples.
    Returns:
        (deviation in Hz: standard deviation of the frequency; Sarle's bimodality coefficient 0..1: two levels 1,
        uniform 0.56, Gaussian 0.33).
    """
    count, m2, m3, m4 = moments[0], moments[2], moments[3], moments[4]
    if count < 16 or m2 <= 0 or m4 <= 0:
        return 0.0, 0.0
    return math.sqrt(m2) * rate_hz / (2 * math.pi), min(1.0, (m3 * m3 / m2**3 + 1) * m2 * m2 / m4)


@kernel
def nearest_lora(bandwidth_hz: float) -> float:
    """LoRa bandwidth a measured one may be, 0 for none."""
    nearest = LORA_BANDWIDTHS_HZ[0]
    for width in LORA_BANDWIDTHS_HZ:
        if abs(width - bandwidth_hz) < abs(nearest - bandwidth_hz):
            nearest = width
    return nearest if 0.74 < bandwidth_hz / nearest < 1.35 else 0.0


def dechirp(x: NDArray[np.complex64], rate_hz: float, width_hz: float, spreading: int) -> float:
    """Mean share of a window's power that one dechirped symbol gathers into its two tones.

    Args:
        x: complex64, shape (n,).
        rate_hz: of x.
        width_hz: LoRa bandwidth.
        spreading: spreading factor, negative for falling chirps.
    Returns:
        0..1; for LoRa of that setting 0.28 (data, half a symbol off) to 1 (preamble, aligned), below 0.2 for others.
    """
    symbol = 2.0 ** abs(spreading) / width_hz * rate_hz
    m = int(symbol)
    windows = min(16, len(x) // m)
    if windows == 0:
        return 0.0
    t = np.arange(m) / rate_hz
    slope = math.copysign(width_hz**2 / 2.0 ** abs(spreading), spreading)
    reference = np.exp(-1j * np.pi * slope * t * t).astype(np.complex64)
    block = x[: windows * m].reshape(windows, m)
    size = 2 * m
    spectrum = np.abs(np.asarray(fft(block * reference, size, axis=1)))
    shift = round(width_hz / rate_hz * size)
    gathered = (spectrum + np.roll(spectrum, shift, axis=1)).max(axis=1) ** 2
    power = m * np.sum(np.abs(block) ** 2, axis=1)
    return float(np.mean(np.minimum(1.0, gathered / np.maximum(power, 1e-30))))
