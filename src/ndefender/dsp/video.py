"""Analogue video on a frequency-modulated carrier: its line rate, and the carrier's centre.

The demodulated signal repeats from line to line (15 625 Hz, ITU-R BT.470; 15 734.27 Hz, BT.1700): synchronisation and
blanking do exactly, the picture nearly. The score is the autocorrelation at one line less that a few microseconds
beside it; several lines on, the same peak tells the two rates apart. Null: for noise of n independent values each
autocorrelation is normal with standard deviation sqrt(1 / n).

The centre is the middle of the swing from synchronisation to white. A transmitter that couples its picture through a
capacitor keeps the mean of the swing on its channel instead, so the mean bounds the error on that side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .demodulate import demodulate
from .jit import kernel

PAL_LINE_S = 64.0e-6  # ITU-R BT.470: 15 625 Hz
NTSC_LINE_S = 1.001 / 15750  # ITU-R BT.1700: 15 734.27 Hz
SHORTEST_LINE_S, LONGEST_LINE_S = 62.6e-6, 65.0e-6  # of an oscillator 1.5 % off
FIRST_LOOK_LINES = 14  # enough for a strong carrier
LONG_LOOK_LINES = 60
LEAST_LINES = 5
BASEBAND_HZ = 3.0e6  # of the demodulated signal; synchronisation needs no more
SWING_HZ = 6.0e6  # of 5.8 GHz transmitters, peak to peak, with room for their colour
ASIDE_S = 5.0e-6  # longer than a synchronisation pulse
TIP_SHARE = 0.03  # of the time: half of the share of the synchronisation pulses, 4.7 µs of a line
CENTER_ERROR_HZ = 100e3  # 95 %: of the middle of the swing at 15 dB


class Line(NamedTuple):
    """Line rate in Hz and score 0..1; (0, 0) where nothing repeats at a line rate."""

    rate_hz: float
    score: float


class Center(NamedTuple):
    """Of a video carrier, relative to zero frequency: middle of its swing, and its mean, Hz."""

    middle_hz: float
    mean_hz: float


@kernel
def autocorrelation(f: NDArray[np.float32], n: int, lag: int) -> float:
    """Normalised autocorrelation of f[:n] (mean already removed) at a lag, -1..1."""
    cross, left, right = 0.0, 0.0, 0.0
    for i in range(n - lag):
        a, b = float(f[i]), float(f[i + lag])
        cross += a * b
        left += a * a
        right += b * b
    return cross / np.sqrt(left * right) if left > 0 and right > 0 else 0.0


def video_line(x: NDArray[np.complex64], rate_hz: float, scratch: NDArray[np.float32]) -> Line:
    """Line rate of frequency-modulated video.

    Args:
        x: complex64, shape (n,).
        rate_hz: of x.
        scratch: float32, shape (>= n,), written: the demodulated signal.
    """
    group = max(1, int(rate_hz / BASEBAND_HZ))
    step_s = group / rate_hz
    n = demodulate(x, group, scratch)
    if n * step_s < LEAST_LINES * PAL_LINE_S:
        return Line(0.0, 0.0)
    f = scratch[:n]
    f -= np.float32(np.mean(f))
    lags = np.arange(int(SHORTEST_LINE_S / step_s), int(LONGEST_LINE_S / step_s) + 2)
    values = [autocorrelation(f, n, int(lag)) for lag in lags]
    best = int(np.argmax(values))
    aside = round(ASIDE_S / step_s)
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
    return Line(lines / ((float(many[top]) + shift) * step_s), score)


def swing_center(x: NDArray[np.complex64], rate_hz: float, scratch: NDArray[np.float32]) -> Center:
    """Where a video carrier's channel is.

    Args:
        x: complex64, shape (n,), some tens of lines, wide enough for the whole swing.
        rate_hz: of x.
        scratch: float32, shape (>= n,), work space.
    """
    group = max(1, int(rate_hz / BASEBAND_HZ))
    n = demodulate(x, group, scratch)
    f = scratch[:n]
    low, high = np.quantile(f, (TIP_SHARE, 1.0 - TIP_SHARE))
    hertz = rate_hz / (2.0 * np.pi)
    inside = f[(f >= 2 * low - high) & (f <= 2 * high - low)]  # clicks left out
    return Center(0.5 * (float(low) + float(high)) * hertz, float(np.mean(inside)) * hertz)
