"""Cuts an envelope into bursts: gaps, level steps, edges at half power.

An envelope is short-time power; neighbouring values are nearly independent. A burst's edges are where the power crosses
half of its own plateau, so the smoothing of the envelope does not move them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

GAP_RATIO = 0.08  # 11 dB below both neighbours is a gap: 16 Nyquist samples of OFDM do that once in 1e11
STEP_RATIO = 3.5  # 5.4 dB: two stations, not one fading
STEP_POINTS = 6  # envelope points on each side that must agree
MAX_SEGMENTS = 512


@kernel
def smooth(power: NDArray[np.float32], n: int, length: int, out: NDArray[np.float32]) -> None:
    """Centred moving average.

    Args:
        power: float32, shape (>= n,).
        n: values in use.
        length: odd window length.
        out: float32, shape (>= n,); ends use what there is.
    """
    reach = length // 2
    total = 0.0
    for i in range(min(reach, n)):
        total += power[i]
    count = min(reach, n)
    for i in range(n):
        if i + reach < n:
            total += power[i + reach]
            count += 1
        if i - reach - 1 >= 0:
            total -= power[i - reach - 1]
            count -= 1
        out[i] = max(total, 0.0) / count


@kernel
def mark_on(envelope: NDArray[np.float32], n: int, quiet: float, reach: int, on: NDArray[np.uint8]) -> None:
    """Mark where a signal is on: over `quiet`, and not in a dip below both sides.

    Args:
        envelope: float32, shape (>= n,).
        n: values in use.
        quiet: power below which it is off.
        reach: neighbourhood in which both sides are looked for.
        on: uint8, shape (>= n,), written.
    """
    for i in range(n):
        value = envelope[i]
        if value <= quiet:
            on[i] = 0
            continue
        left, right = value, value
        if value * 12.0 < 1e30:
            for k in range(max(0, i - reach), i):
                left = max(left, envelope[k])
            for k in range(i + 1, min(n, i + reach + 1)):
                right = max(right, envelope[k])
        on[i] = 0 if value < GAP_RATIO * min(left, right) else 1


@kernel
def find_step(envelope: NDArray[np.float32], start: int, stop: int, spacing: int) -> int:
    """Find the sharpest lasting level step inside a burst.

    Args:
        envelope: float32.
        start, stop: the burst.
        spacing: distance of independent points.
    Returns:
        Index of the step, or -1.
    """
    span = STEP_POINTS * spacing
    best, best_at = STEP_RATIO, -1
    i = start + span
    while i <= stop - span:
        low_l, high_l, low_r, high_r = np.inf, 0.0, np.inf, 0.0
        sum_l, sum_r = 0.0, 0.0
        for k in range(1, STEP_POINTS):
            a, b = envelope[i - k * spacing], envelope[i + k * spacing]
            low_l, high_l = min(low_l, a), max(high_l, a)
            low_r, high_r = min(low_r, b), max(high_r, b)
            sum_l += a
            sum_r += b
        ratio = max(sum_l, sum_r) / max(min(sum_l, sum_r), 1e-30)
        apart = low_l > 1.3 * high_r or low_r > 1.3 * high_l
        if apart and ratio > best:
            best, best_at = ratio, i
        i += max(1, spacing // 2)
    return best_at


@kernel
def median_of(
    envelope: NDArray[np.float32], start: int, stop: int, spacing: int, scratch: NDArray[np.float32]
) -> float:
    """Median of at most scratch.size values of envelope[start:stop]."""
    step = max(1, spacing // 2, (stop - start) // scratch.shape[0])
    count = 0
    i = start
    while i < stop and count < scratch.shape[0]:
        scratch[count] = envelope[i]
        count += 1
        i += step
    values = np.sort(scratch[:count])
    return float(values[count // 2])


@kernel
def refine_edges(
    envelope: NDArray[np.float32],
    n: int,
    start: int,
    stop: int,
    spacing: int,
    noise: float,
    scratch: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None:
    """Half-power edges of a burst, interpolated.

    Args:
        envelope: float32, shape (>= n,).
        n: values in use.
        start, stop: coarse burst.
        spacing: distance of independent points.
        noise: noise part of the envelope.
        scratch: float32 work space.
        out: float64, shape (2,): first and end position in envelope points.
    """
    head = median_of(envelope, start, min(stop, start + 24 * spacing), spacing, scratch)
    tail = median_of(envelope, max(start, stop - 24 * spacing), stop, spacing, scratch)
    half = noise + 0.5 * (head - noise)
    i = start
    while i < stop and envelope[i] < half:
        i += 1
    while i > 0 and envelope[i - 1] >= half and i > start - spacing:
        i -= 1
    below = envelope[i - 1] if i > 0 else half
    out[0] = i - (envelope[i] - half) / max(envelope[i] - below, 1e-30) if 0 < i < n and below < half else float(i)
    half = noise + 0.5 * (tail - noise)
    i = stop - 1
    while i > start and envelope[i] < half:
        i -= 1
    while i < n - 1 and envelope[i + 1] >= half and i < stop + spacing:
        i += 1
    below = envelope[i + 1] if i < n - 1 else half
    out[1] = i + (envelope[i] - half) / max(envelope[i] - below, 1e-30) if i < n - 1 and below < half else float(i + 1)


@kernel
def cut(
    envelope: NDArray[np.float32],
    n: int,
    quiet: float,
    noise: float,
    spacing: int,
    on: NDArray[np.uint8],
    scratch: NDArray[np.float32],
    out: NDArray[np.float64],
) -> int:
    """Cut an envelope into bursts.

    Args:
        envelope: float32, shape (>= n,), smoothed power.
        n: values in use.
        quiet: power below which nothing is on.
        noise: noise part of the envelope.
        spacing: distance of independent points (the smoothing length).
        on: uint8 work space, shape (>= n,).
        scratch: float32 work space.
        out: float64, shape (MAX_SEGMENTS, 2): start and end of each burst, in envelope points.
    Returns:
        Number of bursts.
    """
    mark_on(envelope, n, quiet, 10 * spacing, on)
    count = 0
    i = 0
    edges = np.zeros(2)
    while i < n and count < out.shape[0] - 1:
        if on[i] == 0:
            i += 1
            continue
        start = i
        while i < n and on[i] != 0:
            i += 1
        stop = i
        if stop - start < spacing and start > 0 and stop < n:
            continue
        while count < out.shape[0] - 1:
            step = find_step(envelope, start, stop, spacing)
            if step < 0:
                break
            # the first part of the burst up to its earliest step
            earlier = find_step(envelope, start, step, spacing)
            step = earlier if earlier >= 0 else step
            refine_edges(envelope, n, start, step, spacing, noise, scratch, edges)
            out[count, 0] = edges[0] if count == 0 or out[count - 1, 1] < start else float(start)
            out[count, 1] = float(step)
            count += 1
            start = step
        refine_edges(envelope, n, start, stop, spacing, noise, scratch, edges)
        out[count, 0] = edges[0] if count == 0 or out[count - 1, 1] < start else float(start)
        out[count, 1] = edges[1]
        count += 1
    return count
