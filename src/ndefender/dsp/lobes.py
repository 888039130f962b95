"""Tells two transmitters on neighbouring channels from one with a notch or two tones.

Two bursts that are on together make one component when their skirts touch. Their spectrum has two lobes with a deep
valley, and their sum beats: its envelope is not constant, while that of each lobe alone may be. Frequency-shift keying
with a wide deviation has the same two lobes but a constant envelope.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

VALLEY_RATIO = 0.03  # 15 dB below both lobes
LEAST_LOBE_BINS = 3
LEAST_VALLEY_BINS = 2
LOBE_RATIO = 0.01  # a lobe 20 dB below the other is its skirt
SMOOTH_BINS = 3


@kernel
def deepest_valley(spectrum: NDArray[np.float32], n: int) -> int:
    """Bin of the deepest valley between two lobes, or -1.

    Args:
        spectrum: float32, shape (>= n,), power above the floor or noise.
        n: bins in use.
    Returns:
        Index of the valley's lowest (smoothed) bin.
    """
    smooth = np.zeros(n, dtype=np.float32)
    for i in range(n):
        low, high = max(0, i - SMOOTH_BINS // 2), min(n, i + SMOOTH_BINS // 2 + 1)
        for k in range(low, high):
            smooth[i] += spectrum[k] / (high - low)
    best, best_at = 1.0, -1
    for i in range(LEAST_LOBE_BINS, n - LEAST_LOBE_BINS):
        left, right = np.float32(0.0), np.float32(0.0)
        for k in range(i):
            left = max(left, smooth[k])
        for k in range(i + 1, n):
            right = max(right, smooth[k])
        smaller = min(left, right)
        depth = smooth[i] / max(smaller, np.float32(1e-30))
        wide = smooth[i + 1] < VALLEY_RATIO * smaller or smooth[i - 1] < VALLEY_RATIO * smaller
        if depth < VALLEY_RATIO and wide and smaller > LOBE_RATIO * max(left, right) and depth < best:
            best, best_at = depth, i
    return best_at
