"""Measures one box of the time-frequency plane: occupied bandwidth, centre, levels, envelope.

Occupied bandwidth is the ITU-R SM.443 one: all but `OUTSIDE_RATIO` of the power above the floor, half of the rest on
each side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

OUTSIDE_RATIO = 0.01  # ITU-R SM.328: 99 % occupied bandwidth
LOW, HIGH, POWER, NOISE, PEAK, FLATNESS, WIDTH_6DB, EDGE, CENTROID = range(9)  # fields of a measurement
FIELDS = 9
LOG_EVERY = 32  # factors of 1e-4 to 1 whose product is still a number; one logarithm for all of them


@kernel
def box_spectrum(
    sums: NDArray[np.float32],
    row: int,
    row_end: int,
    low: int,
    high: int,
    out: NDArray[np.float32],
    frames_per_row: int,
) -> None:
    """Mean power per cell of the rows of a box.

    Args:
        sums: float32, shape (rows, n_fft), each row the sum of `frames_per_row` frames.
        row, row_end: rows of the box.
        low, high: bins of the box.
        out: float32, shape (>= high - low,).
        frames_per_row: frames in each row.
    """
    mean = out[: high - low]
    mean[:] = 0.0
    for j in range(row, row_end):
        cells = sums[j, low:high]  # a slice lets the compiler drop the wrap-around checks and vectorise
        for i in range(cells.shape[0]):
            mean[i] += cells[i]
    mean *= np.float32(1.0 / (frames_per_row * (row_end - row)))


@kernel
def box_envelope(
    plane: NDArray[np.float32], frame: int, frame_end: int, low: int, high: int, out: NDArray[np.float32]
) -> None:
    """Power in bins low..high of each frame, summed.

    Args:
        plane: float32, shape (frames, n_fft).
        frame, frame_end: frames of the box.
        low, high: bins of the box.
        out: float32, shape (>= frame_end - frame,).
    """
    for k in range(frame, frame_end):
        total = np.float32(0.0)
        cells = plane[k, low:high]
        for i in range(cells.shape[0]):
            total += cells[i]
        out[k - frame] = total


@kernel
def solid_excess(power: float, floor: float, peak: float) -> float:
    """Power above the floor, 0 where it is both close to the floor and 17 dB below the box's peak.

    Impulse noise during a burst raises every bin a little; over many bins that little would pass for bandwidth.
    """
    excess = power - floor
    return 0.0 if excess < 0.5 * floor and excess < 0.02 * peak else max(excess, 0.0)


@kernel
def occupied(
    spectrum: NDArray[np.float32], n: int, floor: NDArray[np.float32], low: int, out: NDArray[np.float64]
) -> None:
    """Occupied band, in-band power, noise and shape of a box's spectrum.

    Args:
        spectrum: float32, shape (>= n,), mean power per cell.
        n: bins in use.
        floor: float32, shape (columns,), noise per bin of each group of four bins.
        low: absolute index of the first bin.
        out: float64, shape (FIELDS,): LOW and HIGH edge in fractional bins relative to `low`, POWER above the floor and
            NOISE inside them (sums over bins), PEAK cell mean, FLATNESS 0..1, WIDTH_6DB in bins, EDGE in dB per bin,
            CENTROID of what is within 6 dB of the peak.
    """
    total = 0.0
    peak = 0.0
    for i in range(n):
        peak = max(peak, float(spectrum[i] - floor[(low + i) // 4]))
    for i in range(n):
        total += solid_excess(spectrum[i], floor[(low + i) // 4], peak)
    tail = 0.5 * OUTSIDE_RATIO * total
    run, first, first_part = 0.0, 0, 0.0
    for i in range(n):
        excess = solid_excess(spectrum[i], floor[(low + i) // 4], peak)
        if run + excess >= tail:
            first, first_part = i, (tail - run) / max(excess, 1e-30)
            break
        run += excess
    run, last, last_part = 0.0, n - 1, 0.0
    for i in range(n - 1, -1, -1):
        excess = solid_excess(spectrum[i], floor[(low + i) // 4], peak)
        if run + excess >= tail:
            last, last_part = i, (tail - run) / max(excess, 1e-30)
            break
        run += excess
    power, noise, log_sum, wide = 0.0, 0.0, 0.0, 0
    moment, weight = 0.0, 0.0
    least, unit, product = 1e-4 * peak + 1e-30, 1.0 / (peak + 1e-30), 1.0
    for i in range(first, last + 1):
        excess = max(spectrum[i] - floor[(low + i) // 4], 1e-30)
        power += excess
        noise += floor[(low + i) // 4]
        product *= max(excess, least) * unit
        if i % LOG_EVERY == 0:
            log_sum += np.log(product)
            product = 1.0
        if excess > 0.25 * peak:
            wide += 1
            moment += excess * (i + 0.5)
            weight += excess
    count = last - first + 1
    out[0] = first + first_part
    out[1] = last + 1 - last_part
    out[2] = power
    out[3] = noise
    out[4] = peak
    geometric = np.exp((log_sum + np.log(product)) / count) * (peak + 1e-30)
    out[5] = min(1.0, geometric / max(power / count, 1e-30))
    out[6] = wide
    out[8] = moment / max(weight, 1e-30)
    out[7] = edge_slope(spectrum, n, floor, low, first, last, power / count)


@kernel
def edge_slope(
    spectrum: NDArray[np.float32], n: int, floor: NDArray[np.float32], low: int, first: int, last: int, level: float
) -> float:
    """Mean steepness of both spectral edges in dB per bin, from -3 dB to -13 dB of the in-band mean.

    Args:
        spectrum, n, floor, low: as in `occupied`.
        first, last: occupied bins.
        level: mean excess inside them.
    """
    middle = (first + last) // 2
    a = middle
    while a > 0 and not (spectrum[a] - floor[(low + a) // 4] < 0.5 * level and a < first + 3):
        a -= 1
    b = a
    while b > 0 and spectrum[b] - floor[(low + b) // 4] > 0.05 * level:
        b -= 1
    c = middle
    while c < n - 1 and not (spectrum[c] - floor[(low + c) // 4] < 0.5 * level and c > last - 3):
        c += 1
    d = c
    while d < n - 1 and spectrum[d] - floor[(low + d) // 4] > 0.05 * level:
        d += 1
    return 10.0 / max(0.5 * ((a - b) + (d - c)), 0.5)


@kernel
def highest_cell(plane: NDArray[np.float32], frame: int, frame_end: int, low: int, high: int) -> float:
    """Highest cell of a box."""
    best = np.float32(0.0)
    for k in range(frame, frame_end):
        for i in range(low, high):
            best = max(best, plane[k, i])
    return float(best)
