"""Tests on the tile grid: which tiles hold a signal, which columns hold a continuous one, and connected components.

Two detectors complement each other: tiles and cells over threshold (bursts), and averages over the whole block
(continuous emissions far below a cell's threshold). Hysteresis: a component needs one tile over the stated
false-alarm threshold and grows over its neighbours at a lower one (J. Canny 1986, sec. III; here in two dimensions).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

MAX_COMPONENTS = 8192
ROW, ROW_END, COL, COL_END, SEEDS, TILES = range(6)  # fields of a component


@kernel
def grade_tiles(
    tiles: NDArray[np.float32],
    peaks: NDArray[np.float32],
    n_rows: int,
    seed_sum: NDArray[np.float32],
    seed_cell: NDArray[np.float32],
    grow_sum: NDArray[np.float32],
    grade: NDArray[np.uint8],
) -> int:
    """Grade tiles: 2 detected, 1 may belong to a detection beside it, 0 noise.

    Args:
        tiles, peaks: float32, shape (rows, columns).
        n_rows: rows in use.
        seed_sum, seed_cell, grow_sum: float32, shape (columns,), thresholds of each column.
        grade: uint8, shape (rows, columns), written.
    Returns:
        Number of detected tiles.
    """
    seeds = 0
    for j in range(n_rows):
        for m in range(tiles.shape[1]):
            hot = (tiles[j, m] > seed_sum[m]) | (peaks[j, m] > seed_cell[m])
            warm = tiles[j, m] > grow_sum[m]
            grade[j, m] = np.uint8(2) if hot else (np.uint8(1) if warm else np.uint8(0))
            seeds += hot
    return seeds


@kernel
def find_root(parent: NDArray[np.int32], node: int) -> int:
    """Root of a union-find node, halving the path on the way."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def collect_runs(grade: NDArray[np.uint8], n_rows: int, runs: NDArray[np.int32], row_first: NDArray[np.int32]) -> int:
    """List maximal runs of graded tiles; a gap of one tile does not end a run.

    Args:
        grade: uint8, shape (rows, columns).
        n_rows: rows in use.
        runs: int32, shape (max_runs, 4): row, first column, end column, seeds.
        row_first: int32, shape (rows + 1,): index of each row's first run.
    Returns:
        Number of runs (at most max_runs; what is beyond is left out).
    """
    count = 0
    columns = grade.shape[1]
    for j in range(n_rows):
        row_first[j] = count
        m = 0
        while m < columns and count < runs.shape[0]:
            if grade[j, m] == 0:
                m += 1
                continue
            start, last, seeds = m, m, 0
            while m < columns and m - last <= 2:
                if grade[j, m] > 0:
                    last = m
                    seeds += grade[j, m] == 2
                m += 1
            runs[count, 0], runs[count, 1], runs[count, 2], runs[count, 3] = j, start, last + 1, seeds
            count += 1
    row_first[n_rows] = count
    return count


@kernel
def join_runs(
    runs: NDArray[np.int32], n_runs: int, row_first: NDArray[np.int32], n_rows: int, parent: NDArray[np.int32]
) -> None:
    """Union runs of neighbouring rows that overlap or touch at a corner.

    Args:
        runs: int32, shape (max_runs, 4), from `collect_runs`.
        n_runs: runs in use.
        row_first: int32, shape (rows + 1,).
        n_rows: rows in use.
        parent: int32, shape (max_runs,), written.
    """
    for r in range(n_runs):
        parent[r] = r
    for j in range(1, n_rows):
        above, above_end = row_first[j - 1], row_first[j]
        for r in range(row_first[j], row_first[j + 1]):
            while above < above_end and runs[above, 2] < runs[r, 1]:
                above += 1
            a = above
            while a < above_end and runs[a, 1] <= runs[r, 2]:
                root_a, root_r = find_root(parent, a), find_root(parent, r)
                if root_a != root_r:
                    parent[max(root_a, root_r)] = min(root_a, root_r)
                a += 1


@kernel
def gather_components(
    runs: NDArray[np.int32],
    n_runs: int,
    parent: NDArray[np.int32],
    slot: NDArray[np.int32],
    components: NDArray[np.int32],
) -> int:
    """Bounding box, seeds and size of each component that holds a detected tile.

    Args:
        runs, parent: from `collect_runs`, `join_runs`.
        n_runs: runs in use.
        slot: int32, shape (max_runs,), scratch.
        components: int32, shape (MAX_COMPONENTS, 6): ROW, ROW_END, COL, COL_END, SEEDS, TILES.
    Returns:
        Number of components.
    """
    for r in range(n_runs):
        slot[r] = 0
    for r in range(n_runs):
        slot[find_root(parent, r)] += runs[r, 3]
    count = 0
    for r in range(n_runs):
        root = find_root(parent, r)
        if root == r:
            if slot[r] == 0 or count >= components.shape[0]:
                slot[r] = -1
                continue
            slot[r] = count
            components[count, 0], components[count, 1] = runs[r, 0], runs[r, 0] + 1
            components[count, 2], components[count, 3] = runs[r, 1], runs[r, 2]
            components[count, 4], components[count, 5] = 0, 0
            count += 1
        c = slot[root]
        if c >= 0:
            components[c, 0] = min(components[c, 0], runs[r, 0])
            components[c, 1] = max(components[c, 1], runs[r, 0] + 1)
            components[c, 2] = min(components[c, 2], runs[r, 1])
            components[c, 3] = max(components[c, 3], runs[r, 2])
            components[c, 4] += runs[r, 3]
            components[c, 5] += runs[r, 2] - runs[r, 1]
    return count


@kernel
def spans_above(
    values: NDArray[np.float32], seed: NDArray[np.float32], grow: NDArray[np.float32], gap: int, out: NDArray[np.int32]
) -> int:
    """Find spans of a spectrum that hold a value over `seed`, extended while over `grow` and across short holes.

    Args:
        values, seed, grow: float32, shape (n,).
        gap: a hole of this many values ends a span.
        out: int32, shape (max_spans, 2): first and end index.
    Returns:
        Number of spans.
    """
    count = 0
    n = values.shape[0]
    i = 0
    while i < n and count < out.shape[0]:
        if values[i] <= grow[i]:
            i += 1
            continue
        start, last, hot = i, i, False
        while i < n and i - last <= gap:
            if values[i] > grow[i]:
                last = i
                hot = hot or values[i] > seed[i]
            i += 1
        if hot:
            out[count, 0], out[count, 1] = start, last + 1
            count += 1
    return count


class Labeller:
    """Owns the scratch memory of component labelling.

    Args:
        rows, columns: size of the largest tile grid.
    """

    def __init__(self, rows: int, columns: int) -> None:
        max_runs = max(4096, rows * columns // 8)
        self.grade = np.zeros((rows, columns), dtype=np.uint8)
        self._runs = np.zeros((max_runs, 4), dtype=np.int32)
        self._row_first = np.zeros(rows + 1, dtype=np.int32)
        self._parent = np.zeros(max_runs, dtype=np.int32)
        self._slot = np.zeros(max_runs, dtype=np.int32)
        self.components = np.zeros((MAX_COMPONENTS, 6), dtype=np.int32)

    def components_of(self, n_rows: int) -> NDArray[np.int32]:
        """Label `grade[:n_rows]`; returns int32, shape (count, 6), valid until the next call."""
        n_runs = collect_runs(self.grade, n_rows, self._runs, self._row_first)
        join_runs(self._runs, n_runs, self._row_first, n_rows, self._parent)
        count = gather_components(self._runs, n_runs, self._parent, self._slot, self.components)
        return self.components[:count]
