"""The law of a sum of noise cells: exact weights, saddle-point tails.

Each cell of white Gaussian noise is exponential; the window correlates neighbouring bins, so a sum over a patch is a
sum of exponentials weighted by the eigenvalues of the patch's covariance. Its tail is heavier than that of the Gamma
law of the same variance: 2.5 of four bins' weight sits in one eigenvalue. Tails follow from Lugannani and Rice (1980).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from .window import blackman_harris, gamma_shape

BISECTIONS = 60


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Zero of a rising function between two points, by bisection: scipy.optimize takes long to import."""
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if rising(middle) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


class NoiseLaw:
    """Sum of weighted unit exponentials, scaled to mean 1.

    Args:
        weights: eigenvalues, shape (n,), any scale.
        copies: independent sets of them.
    """

    def __init__(self, weights: NDArray[np.float64], copies: float) -> None:
        kept = weights[weights > 1e-9 * weights.max()]
        self._weights = kept / (kept.sum() * copies)
        self._copies = copies

    def tail(self, ratio: float) -> float:
        """Probability that the sum exceeds `ratio` times its mean."""
        if abs(ratio - 1.0) < 1e-3:
            return 0.5 * (self.tail(1.0 + 2e-3) + self.tail(1.0 - 2e-3))
        w, copies = self._weights, self._copies
        lowest = -10.0 * len(w) * copies / ratio if ratio < 1.0 else 0.0
        highest = 0.0 if ratio < 1.0 else (1.0 - 1e-12) / w.max()
        s = root(lambda t: copies * float(np.sum(w / (1 - w * t))) - ratio, lowest, highest)
        cumulant = -copies * float(np.sum(np.log1p(-w * s)))
        curvature = copies * float(np.sum((w / (1 - w * s)) ** 2))
        r = math.copysign(math.sqrt(max(0.0, 2 * (s * ratio - cumulant))), s)
        u = s * math.sqrt(curvature)
        density = math.exp(-0.5 * r * r) / math.sqrt(2 * math.pi)
        return float(min(1.0, max(0.0, ndtr(-r) + density * (1 / u - 1 / r))))

    def quantile(self, probability: float) -> float:
        """Ratio to the mean that the sum exceeds with `probability`."""
        high = 2.0
        while self.tail(high) > probability:
            high *= 2.0
        return root(lambda x: probability - self.tail(x), 1e-6, high)


@lru_cache(maxsize=256)
def patch_law(n_fft: int, hop: int, bins: int, frames: int) -> NoiseLaw:
    """Law of the sum of a patch of the plane under the analysis window.

    Args:
        n_fft: window length.
        hop: samples between frames.
        bins, frames: size of the patch.
    Returns:
        Exact for frames that do not overlap; with overlap the frames count for as many as their second moment says.
    """
    window = blackman_harris(n_fft).astype(np.float64)
    n = np.arange(n_fft)
    rows = np.array([window * np.exp(-2j * np.pi * k * n / n_fft) for k in range(bins)])
    weights = np.linalg.eigvalsh(rows @ rows.conj().T)
    alone = gamma_shape(window.astype(np.float32), n_fft, bins, 1)
    together = gamma_shape(window.astype(np.float32), hop, bins, frames)
    return NoiseLaw(weights, together / alone)
