"""Exact law of a sum of noise cells, where the chain uses a Gamma law of the same mean and variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq


def bin_eigenvalues(window: NDArray[np.float32], bins: int) -> NDArray[np.float64]:
    """Eigenvalues of the covariance of neighbouring bins of white noise: weights of the exponentials in their sum."""
    n = np.arange(len(window))
    rows = np.array([window * np.exp(-2j * np.pi * k * n / len(window)) for k in range(bins)])
    return np.asarray(np.linalg.eigvalsh(rows @ rows.conj().T))


def tail(weights: NDArray[np.float64], threshold: float) -> float:
    """P(sum of weighted unit exponentials > threshold), by inverting the Laplace transform through its saddle point."""
    slope = brentq(lambda s: np.sum(weights / (1 - weights * s)) - threshold, 0, (1 - 1e-12) / weights.max())
    y = np.linspace(-300, 300, 400_001) / threshold
    s = slope + 1j * y
    log_mgf = -np.log(1 - weights[:, None] * s).sum(axis=0)
    return float(np.trapezoid((np.exp(log_mgf - s * threshold) / s).real, y) / (2 * np.pi))
