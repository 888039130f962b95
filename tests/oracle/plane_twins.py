"""Twins of what works on the time-frequency plane: frames, powers, rows, tiles, boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[Any]


def frames(iq: Array, start: int, hop: int, window: Array, count: int) -> Array:
    """Windowed complex frames, shape (count, n_fft)."""
    x = iq[0::2].astype(np.float64) + 1j * iq[1::2]
    return np.array([x[start + f * hop : start + f * hop + len(window)] * window for f in range(count)])


def power(x: Array) -> Array:
    """|FFT|² of each frame, ascending frequency."""
    return np.abs(np.fft.fftshift(np.fft.fft(x, axis=1), axes=1)) ** 2


def stft_plane(iq: Array, n_samples: int, window: Array, hop: int) -> Array:
    """Power plane in groups of four frames; the last group ends with the last whole frame of the block."""
    span = len(window) + 3 * hop
    rows = max(1, -(-(n_samples - len(window) + hop) // (4 * hop)))
    starts = [max(0, min(4 * hop * r, n_samples - span)) for r in range(rows)]
    return np.concatenate([power(frames(iq, s, hop, window, 4)) for s in starts])


def rows_of(plane: Array) -> tuple[Array, Array]:
    """Sum and maximum of every four frames."""
    grouped = plane.reshape(-1, 4, plane.shape[1])
    return grouped.sum(axis=1), grouped.max(axis=1)


def tiles_of(sum4: Array, max4: Array) -> tuple[Array, Array, Array, Array]:
    """Tile sums, tile peaks, mean cell, highest cell."""
    shape = (sum4.shape[0], -1, 4)
    return (
        sum4.reshape(shape).sum(axis=2),
        max4.reshape(shape).max(axis=2),
        sum4.mean(axis=0) / 4,
        max4.max(axis=0),
    )


def grades(tiles: Array, peaks: Array, seed_sum: Array, seed_cell: Array, grow_sum: Array) -> Array:
    """2 detected, 1 warm, 0 noise."""
    hot = (tiles > seed_sum) | (peaks > seed_cell)
    return np.where(hot, 2, np.where(tiles > grow_sum, 1, 0)).astype(np.uint8)


def bridged(grade: Array) -> Array:
    """Graded tiles and the single gaps between two of them in a row."""
    on = grade > 0
    gap = np.zeros_like(on)
    gap[:, 1:-1] = ~on[:, 1:-1] & on[:, :-2] & on[:, 2:]
    return on | gap


def components(grade: Array) -> list[tuple[int, ...]]:
    """(row, row_end, col, col_end, seeds, tiles) of each eight-connected component with a detected tile, sorted."""
    on = bridged(grade)
    labels, _ = ndimage.label(on, structure=np.ones((3, 3)))
    found = []
    for i, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels == i
        seeds = int(np.count_nonzero(inside & (grade == 2)))
        if seeds:
            found.append((rows.start, rows.stop, columns.start, columns.stop, seeds, int(inside.sum())))
    return sorted(found)


def spans(values: Array, seed: Array, grow: Array, gap: int) -> list[tuple[int, int]]:
    """Groups of indices over `grow`, holes of at most `gap`, that hold one over `seed`."""
    on = np.flatnonzero(values > grow)
    groups = np.split(on, np.flatnonzero(np.diff(on) > gap + 1) + 1) if len(on) else []
    return [(int(g[0]), int(g[-1]) + 1) for g in groups if np.any(values[g] > seed[g])]


def occupied(spectrum: Array, floor_bins: Array, outside: float = 0.01) -> tuple[float, float]:
    """Edges of the 99 % occupied band by interpolating the cumulative power; no excess is thrown away."""
    excess = np.maximum(spectrum - floor_bins, 0.0).astype(np.float64)
    cumulative = np.concatenate([[0.0], np.cumsum(excess)])
    low, high = np.interp(
        [outside / 2 * cumulative[-1], (1 - outside / 2) * cumulative[-1]], cumulative, range(len(cumulative))
    )
    return float(low), float(high)


def unexplained(mean: Array, floor: Array, grade: Array, boxes: Array) -> tuple[Array, Array]:
    """Excess of bins outside boxes and outside columns with a detected tile; floor of each bin."""
    per_bin = np.repeat(floor, 4)
    excess = mean - per_bin
    excess[np.repeat(np.any(grade == 2, axis=0), 4)] = 0
    for low, high in boxes:
        excess[low:high] = 0
    return excess, per_bin
