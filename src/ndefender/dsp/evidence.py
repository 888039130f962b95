"""Tests on one emission at zero frequency. Each returns a plain number with a known range; the classifier weighs them.

Only emissions pay for this, and at most `max_evidence_samples` of each.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft

from .demodulate import demodulate, frequency_moments
from .jit import kernel

PAL_LINE_S = 64.0e-6  # ITU-R BT.470: 15 625 Hz
NTSC_LINE_S = 1.001 / 15750  # ITU-R BT.1700: 15 734.27 Hz
LTE_LAG_S = 1 / 15_000  # 3GPP TS 36.211 sec. 6.12: useful symbol of 15-kHz subcarriers
WIFI_LAG_S = 3.2e-6  # IEEE 802.11-2020 table 17-5
WIFI_AX_LAG_S = 12.8e-6  # IEEE 802.11ax-2021 table 27-12
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
def lag_correlation(x: NDArray[np.complex64], lag: int) -> float:
    """|Σ x[n+lag]·x*[n]| / Σ|x|², 0..1."""
    re, im, power = np.float32(0.0), np.float32(0.0), np.float32(0.0)  # summed in several lanes: no precision is lost
    for n in range(x.shape[0] - lag):
        a, b = x[n + lag], x[n]
        re += a.real * b.real + a.imag * b.imag
        im += a.imag * b.real - a.real * b.imag
        power += (a.real * a.real + a.imag * a.imag) + (b.real * b.real + b.imag * b.imag)
    return float(2.0 * math.sqrt(re * re + im * im) / power) if power > 0 else 0.0


@kernel
def autocorrelation(f: NDArray[np.float32], n: int, lag: int) -> float:
    """Normalised autocorrelation of f[:n] (mean already removed) at a lag, -1..1."""
    cross, left, right = 0.0, 0.0, 0.0
    for i in range(n - lag):
        a, b = float(f[i]), float(f[i + lag])
        cross += a * b
        left += a * a
        right += b * b
    return cross / math.sqrt(left * right) if left > 0 and right > 0 else 0.0


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
def cyclic_prefix(x: NDArray[np.complex64], rate_hz: float, bandwidth_hz: float, lag_s: float) -> float:
    """Correlation at an OFDM symbol's lag, above what nearby lags show.

    Args:
        x: complex64, shape (n,).
        rate_hz: of x.
        bandwidth_hz: occupied.
        lag_s: useful symbol length.
    Returns:
        0..1; about the cyclic prefix's share of a symbol for such OFDM, 0 where the block is too short.
    """
    lag: int = round(lag_s * rate_hz)
    apart: int = max(2, round(1.5 * rate_hz / bandwidth_hz))
    if lag < 3 * apart or x.shape[0] < 2 * lag:
        return 0.0
    control = max(lag_correlation(x, lag - apart), lag_correlation(x, lag + apart))
    return max(0.0, lag_correlation(x, lag) - control)


def video_line(x: NDArray[np.complex64], rate_hz: float, scratch: NDArray[np.float32]) -> tuple[float, float]:
    """Line rate of frequency-modulated video.

    The demodulated signal repeats from line to line: its autocorrelation peaks at one line and at eight lines; the
    second tells 15 625 Hz from 15 734 Hz.

    Args:
        x: complex64, shape (n,).
        rate_hz: of x.
        scratch: float32, shape (>= n,).
    Returns:
        (line rate in Hz, score 0..1); (0, 0) where nothing repeats at a line rate.
    """
    group = max(1, int(rate_hz / 3e6))
    step_s = group / rate_hz
    n = demodulate(x, group, scratch)
    if n * step_s < 5 * PAL_LINE_S:
        return 0.0, 0.0
    f = scratch[:n]
    f -= np.float32(np.mean(f))
    lags = np.arange(int(62.6e-6 / step_s), int(65.0e-6 / step_s) + 2)
    values = [autocorrelation(f, n, int(lag)) for lag in lags]
    best = int(np.argmax(values))
    aside = round(5e-6 / step_s)
    beside = max(autocorrelation(f, n, int(lags[best]) - aside), autocorrelation(f, n, int(lags[best]) + aside))
    score = max(0.0, min(1.0, values[best] - max(0.0, beside)))
    lines = min(8, int(n * step_s / PAL_LINE_S) - 3)
    many = np.arange(int(lines * 63.3e-6 / step_s), int(lines * 64.3e-6 / step_s) + 2)
    far = [autocorrelation(f, n, int(lag)) for lag in many]
    top = int(np.argmax(far))
    shift = 0.0
    if 0 < top < len(far) - 1:
        a, b, c = far[top - 1], far[top], far[top + 1]
        shift = 0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c != 0 else 0.0
    return lines / ((float(many[top]) + shift) * step_s), score


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
