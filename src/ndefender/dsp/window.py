"""Analysis window and what it does to noise.

Three-term Blackman-Harris, -70.8 dB side lobes (F. J. Harris, "On the Use of Windows for Harmonic Analysis with the
DFT", Proc. IEEE 66(1), 1978, table 1): the skirts of a signal 60 dB over the floor stay below it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_COEFFICIENTS = (0.42323, -0.49755, 0.07922)


def blackman_harris(n: int) -> NDArray[np.float32]:
    """Return the periodic three-term window, normalised to unit noise power gain.

    Args:
        n: length in samples.
    Returns:
        float32, shape (n,), sum of squares 1: noise of power s² gives s² in every bin.
    """
    angle = 2 * np.pi * np.arange(n) / n
    shape = np.zeros(n)
    for i, coefficient in enumerate(_COEFFICIENTS):
        shape += coefficient * np.cos(i * angle)
    window: NDArray[np.float32] = (shape / np.sqrt(np.sum(shape**2))).astype(np.float32)
    return window


def noise_bandwidth_bins(window: NDArray[np.float32]) -> float:
    """Equivalent noise bandwidth in bins: N·Σw² / (Σw)²."""
    w = window.astype(np.float64)
    return float(len(w) * np.sum(w**2) / np.sum(w) ** 2)


def gamma_shape(window: NDArray[np.float32], hop: int, bins: int, frames: int) -> float:
    """Shape of the Gamma law that a sum of noise cells follows.

    Neighbouring bins are correlated by the window and overlapping frames by the shared samples, so `bins`·`frames`
    cells carry fewer degrees of freedom than their number (second-moment match; P. D. Welch 1967, eq. 9).

    Args:
        window: unit-power window, shape (n,).
        hop: samples between frames.
        bins, frames: size of the summed patch.
    Returns:
        Effective number of independent exponential cells, <= bins·frames.
    """
    w = window.astype(np.float64)
    n = len(w)
    total = 0.0
    for lag in range(min(frames, -(-n // hop))):
        shift = lag * hop
        product = w[shift:] * w[: n - shift]
        spectrum = np.abs(np.fft.fft(product, n)) ** 2
        weight_t = frames if lag == 0 else 2 * (frames - lag)
        for m in range(bins):
            weight_f = bins if m == 0 else 2 * (bins - m)
            total += weight_t * weight_f * spectrum[m]
    return float((bins * frames) ** 2 / total)
