"""Exact law of a sum of noise cells, where the chain uses an approximation at the saddle point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq


def bin_eigenvalues(window: NDArray[np.float32], bins: int) -> NDArray[np.float64]:
    """Eigenvalues of the covariance of neighbouring bins of white noise: weights of the exponentials in their sum."""
    n = np.arange(len(window))
    rows = np.array([window * np.exp(-2j * np.pi * k * n / len(window)) for k in range(bins)])
    return np.asarray(np.linalg.eigvalsh(rows @ rows.conj().T))


def tail(weights: NDArray[np.float64], threshold: float, copies: int = 1) -> float:
    """P(sum of weighted unit exponentials > threshold), by inverting the Laplace transform through its saddle point.

    Args:
        weights: of one set of exponentials.
        threshold: more than the sum's mean.
        copies: independent sets.
    """
    slope = brentq(lambda s: copies * np.sum(weights / (1 - weights * s)) - threshold, 0, (1 - 1e-12) / weights.max())
    y = np.linspace(-300, 300, 60_001) / threshold
    s = slope + 1j * y
    log_mgf = sum(-copies * np.log(1 - w * s) for w in weights)
    return float(np.trapezoid((np.exp(log_mgf - s * threshold) / s).real, y) / (2 * np.pi))
