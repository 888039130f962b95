"""Twins of the bookkeeping of boxes and bursts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def frames_inside(start: float, stop: float, n_fft: int, hop: int, n_frames: int) -> list[int]:
    """Frames whose middle lies inside start..stop."""
    return [k for k in range(n_frames) if start <= k * hop + n_fft / 2 <= stop]


def overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Length that two intervals share; negative for the gap between them."""
    return min(a[1], b[1]) - max(a[0], b[0])


def absorbed(
    times: list[tuple[float, float]],
    bands: list[tuple[float, float]],
    skirts: list[tuple[float, float]],
    order: list[int],
    inside_time: float,
    inside_band: float,
) -> list[int]:
    """1 for what survives: nothing kept earlier in the order holds most of its time and of its band."""
    keep = [0] * len(times)
    for position, i in enumerate(order):
        keep[i] = int(
            not any(
                keep[k]
                and overlap(times[i], times[k]) > inside_time * (times[i][1] - times[i][0])
                and overlap(bands[i], skirts[k]) > inside_band * (bands[i][1] - bands[i][0])
                for k in order[:position]
            )
        )
    return keep


def valley(spectrum: Array, ratio: float, lobe_ratio: float, least_lobe: int) -> int:
    """Deepest smoothed bin below `ratio` of the lobes on both sides, with a neighbour as low; -1 for none."""
    n = len(spectrum)
    smooth = np.array([np.mean(spectrum[max(0, i - 1) : i + 2]) for i in range(n)], dtype=np.float32)
    depths = {}
    for i in range(least_lobe, n - least_lobe):
        left, right = smooth[:i].max(), smooth[i + 1 :].max()
        smaller = min(left, right)
        low = smooth[i] < ratio * smaller and min(smooth[i - 1], smooth[i + 1]) < ratio * smaller
        if low and smaller > lobe_ratio * max(left, right):
            depths[i] = smooth[i] / smaller
    return min(depths, key=lambda i: (depths[i], i)) if depths else -1
