"""From tests to boxes: which rectangles of the time-frequency plane hold one emission each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .detect import COL, COL_END, ROW, ROW_END, SEEDS, Labeller, grade_tiles, spans_above
from .floor import TILE_BINS, TILE_CELLS
from .thresholds import WIDE_BINS, Thresholds

CONTINUOUS_SEED = 1.8  # a column that stays 2.6 dB over the floor for four fifths of the block is on all the time
CONTINUOUS_GROW = 1.3  # its skirts
CONTINUOUS_GAP = 3  # columns; an FM spectrum has holes between its lines
RIDE_RATIO = 5.0  # a burst on top of a continuous emission must stand 7 dB over it
SAME_BAND = 0.7
MAX_SPANS = 256


@dataclass(slots=True)
class Box:
    """One rectangle of the plane.

    Args:
        row, row_end: rows of four frames.
        low, high: bins.
        continuous: on for the whole block.
        integrated: found by averaging only.
        seeds: detected tiles.
    """

    row: int
    row_end: int
    low: int
    high: int
    continuous: bool
    integrated: bool
    seeds: int


class BoxFinder:
    """Applies the tests of a block and returns its boxes; owns scratch memory.

    Args:
        max_rows: rows of the longest block.
        n_fft: bins.
    """

    def __init__(self, max_rows: int, n_fft: int) -> None:
        columns = n_fft // TILE_BINS
        self._labeller = Labeller(max_rows, columns)
        self._spans = np.zeros((MAX_SPANS, 2), dtype=np.int32)
        self._seed_sum = np.zeros(columns, dtype=np.float32)
        self._seed_cell = np.zeros(columns, dtype=np.float32)
        self._grow_sum = np.zeros(columns, dtype=np.float32)

    def find(
        self,
        tiles: NDArray[np.float32],
        peaks: NDArray[np.float32],
        n_rows: int,
        floor: NDArray[np.float32],
        steady: NDArray[np.float32],
        mean: NDArray[np.float32],
        limits: Thresholds,
    ) -> list[Box]:
        """Find all boxes of a block.

        Args:
            tiles, peaks: float32, shape (rows, columns), tile sums and tile peaks.
            n_rows: rows in use.
            floor: float32, shape (columns,), noise per bin.
            steady: float32, shape (columns,), power per bin that is there for four fifths of the block.
            mean: float32, shape (n_fft,), mean spectrum.
            limits: thresholds.
        Returns:
            Boxes, continuous ones first.
        """
        count = spans_above(
            steady,
            floor * np.float32(CONTINUOUS_SEED),
            floor * np.float32(CONTINUOUS_GROW),
            CONTINUOUS_GAP,
            self._spans,
        )
        boxes = [
            Box(0, n_rows, int(low) * TILE_BINS, int(high) * TILE_BINS, True, False, 0)
            for low, high in self._spans[:count]
        ]
        np.multiply(floor, np.float32(limits.cell), out=self._seed_cell)
        np.multiply(floor, np.float32(limits.tile * TILE_CELLS), out=self._seed_sum)
        np.multiply(floor, np.float32(limits.grow * TILE_CELLS), out=self._grow_sum)
        for low, high in self._spans[:count]:
            ride = steady[low:high] * np.float32(RIDE_RATIO)
            self._seed_cell[low:high] = np.maximum(self._seed_cell[low:high], ride * np.float32(limits.cell))
            self._seed_sum[low:high] = np.maximum(self._seed_sum[low:high], ride * np.float32(TILE_CELLS))
            self._grow_sum[low:high] = np.maximum(self._grow_sum[low:high], ride * np.float32(TILE_CELLS))
        bursts = self._bursts(tiles, peaks, n_rows)
        boxes += [b for b in bursts if not _rides_on(b, boxes)]
        return boxes + self._integrated(mean, floor, limits, boxes, n_rows)

    def _bursts(self, tiles: NDArray[np.float32], peaks: NDArray[np.float32], n_rows: int) -> list[Box]:
        seeds = grade_tiles(tiles, peaks, n_rows, self._seed_sum, self._seed_cell, self._grow_sum, self._labeller.grade)
        if seeds == 0:
            return []
        return [
            Box(
                int(c[ROW]),
                int(c[ROW_END]),
                int(c[COL]) * TILE_BINS,
                int(c[COL_END]) * TILE_BINS,
                False,
                False,
                int(c[SEEDS]),
            )
            for c in self._labeller.components_of(n_rows)
        ]

    def _integrated(
        self, mean: NDArray[np.float32], floor: NDArray[np.float32], limits: Thresholds, boxes: list[Box], n_rows: int
    ) -> list[Box]:
        per_bin = np.repeat(floor, TILE_BINS)
        excess = mean - per_bin
        bursty = self._labeller.grade[:n_rows].max(axis=0) == 2  # an average says nothing where single tiles stand out
        excess[np.repeat(bursty, TILE_BINS)] = 0.0
        for b in boxes:  # what is explained already is not tested again
            excess[max(0, b.low - 2 * TILE_BINS) : b.high + 2 * TILE_BINS] = 0.0
        zero = np.zeros_like(excess)
        found = []
        narrow = spans_above(
            excess,
            per_bin * np.float32(limits.bin_mean - 1),
            per_bin * np.float32((limits.bin_mean - 1) / 2),
            1,
            self._spans,
        )
        found += [(int(a), int(b)) for a, b in self._spans[:narrow]]
        smooth = np.convolve(excess, np.full(WIDE_BINS, 1 / WIDE_BINS, dtype=np.float32), mode="same").astype(
            np.float32
        )
        wide = spans_above(
            smooth,
            per_bin * np.float32(limits.wide_mean - 1),
            np.maximum(zero, per_bin * np.float32((limits.wide_mean - 1) / 2)),
            WIDE_BINS,
            self._spans,
        )
        for a, b in self._spans[:wide]:
            inside = [f for f in found if f[0] >= a - WIDE_BINS and f[1] <= b + WIDE_BINS]
            if len(inside) == 1 and inside[0][1] - inside[0][0] <= WIDE_BINS // 2:
                continue  # one narrow line, smeared by the wide test
            found = [f for f in found if f not in inside]
            found.append((int(a), int(b)))
        return [Box(0, n_rows, a, b, True, True, 0) for a, b in found]


def _rides_on(burst: Box, continuous: list[Box]) -> bool:
    """Whether a burst is a level change of a continuous emission of the same width rather than another emitter."""
    for box in continuous:
        common = min(burst.high, box.high) - max(burst.low, box.low)
        either = max(burst.high, box.high) - min(burst.low, box.low)
        if common > SAME_BAND * either:
            return True
    return False
