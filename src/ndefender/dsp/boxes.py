"""From tests to boxes: which rectangles of the time-frequency plane hold one emission each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .detect import COL, COL_END, ROW, ROW_END, SEEDS, Labeller, grade_tiles, spans_above
from .floor import TILE_CELLS
from .jit import kernel
from .spans import (
    B_HIGH,
    B_KIND,
    B_LOW,
    B_ROW,
    B_ROW_END,
    B_SEEDS,
    BOX_COLUMNS,
    BURST_BOX,
    CONTINUOUS_BOX,
    INTEGRATED_BOX,
    MAX_BOXES,
)
from .stft import TILE_BINS
from .thresholds import WIDE_BINS, Thresholds

RIDE_RATIO = 5.0  # a burst on top of a continuous emission must stand 7 dB over it
SAME_BAND = 0.7
PAD_BINS = 2 * TILE_BINS  # skirts below the growing threshold that still count as occupied
MAX_SPANS = 256


@kernel
def append_continuous(spans: NDArray[np.int32], count: int, n_rows: int, n_fft: int, boxes: NDArray[np.int32]) -> int:
    """Write a whole-block box for each span of columns; returns the number of boxes."""
    for i in range(count):
        boxes[i, B_ROW], boxes[i, B_ROW_END] = 0, n_rows
        boxes[i, B_LOW] = max(0, spans[i, 0] * TILE_BINS - PAD_BINS)
        boxes[i, B_HIGH] = min(n_fft, spans[i, 1] * TILE_BINS + PAD_BINS)
        boxes[i, B_KIND], boxes[i, B_SEEDS] = CONTINUOUS_BOX, 0
    return count


@kernel
def append_bursts(
    components: NDArray[np.int32], order: NDArray[np.int64], n_fft: int, boxes: NDArray[np.int32], count: int
) -> int:
    """Add a box for each component that is not merely a level change of a continuous emission of the same width.

    Args:
        components: int32, shape (n, 6), from the labeller.
        order: int64, shape (n,), most detected tiles first.
        n_fft: bins.
        boxes: int32, shape (MAX_BOXES, BOX_COLUMNS).
        count: boxes in use; the continuous ones come first.
    Returns:
        Number of boxes.
    """
    continuous = count
    for c in order:
        low = max(0, components[c, COL] * TILE_BINS - PAD_BINS)
        high = min(n_fft, components[c, COL_END] * TILE_BINS + PAD_BINS)
        rides = False
        for b in range(continuous):
            common = min(high, boxes[b, B_HIGH]) - max(low, boxes[b, B_LOW])
            either = max(high, boxes[b, B_HIGH]) - min(low, boxes[b, B_LOW])
            rides = rides or common > SAME_BAND * either
        if not rides and count < boxes.shape[0]:
            boxes[count, B_ROW], boxes[count, B_ROW_END] = components[c, ROW], components[c, ROW_END]
            boxes[count, B_LOW], boxes[count, B_HIGH] = low, high
            boxes[count, B_KIND], boxes[count, B_SEEDS] = BURST_BOX, components[c, SEEDS]
            count += 1
    return count


@kernel
def raise_under_continuous(
    spans: NDArray[np.int32],
    count: int,
    steady: NDArray[np.float32],
    cell: float,
    seed_sum: NDArray[np.float32],
    seed_cell: NDArray[np.float32],
    grow_sum: NDArray[np.float32],
) -> None:
    """Raise the tile thresholds where a continuous emission lies, so that only what stands on top of it is a burst."""
    for i in range(count):
        for m in range(spans[i, 0], spans[i, 1]):
            ride = steady[m] * RIDE_RATIO
            seed_cell[m] = max(seed_cell[m], ride * cell)
            seed_sum[m] = max(seed_sum[m], ride * TILE_CELLS)
            grow_sum[m] = max(grow_sum[m], ride * TILE_CELLS)


@kernel
def unexplained_excess(
    mean: NDArray[np.float32],
    floor: NDArray[np.float32],
    grade: NDArray[np.uint8],
    n_rows: int,
    boxes: NDArray[np.int32],
    count: int,
    excess: NDArray[np.float32],
    per_bin: NDArray[np.float32],
) -> None:
    """Mean power above the floor in bins that neither a box nor a single detected tile explains.

    Args:
        mean: float32, shape (n_fft,).
        floor: float32, shape (columns,).
        grade: uint8, shape (rows, columns).
        n_rows: rows in use, 0 where no tile was detected.
        boxes: int32, shape (MAX_BOXES, BOX_COLUMNS).
        count: boxes in use.
        excess, per_bin: float32, shape (n_fft,), written: excess, and the floor of each bin.
    """
    n = mean.shape[0]
    bursty = np.zeros(floor.shape[0], dtype=np.uint8)
    for j in range(n_rows):
        row = grade[j]
        for m in range(bursty.shape[0]):
            bursty[m] |= row[m] & np.uint8(2)
    for i in range(n):
        per_bin[i] = floor[i // TILE_BINS]
        excess[i] = np.float32(0.0) if bursty[i // TILE_BINS] else mean[i] - per_bin[i]
    for b in range(count):
        for i in range(boxes[b, B_LOW], boxes[b, B_HIGH]):
            excess[i] = 0.0


@kernel
def running_mean(values: NDArray[np.float32], length: int, out: NDArray[np.float32]) -> None:
    """Centred mean over `length` values, one more if that is even (zeros beyond the ends)."""
    n = values.shape[0]
    total = 0.0
    for i in range(min(length // 2, n)):
        total += values[i]
    for i in range(n):
        if i + length // 2 < n:
            total += values[i + length // 2]
        if i - length // 2 - 1 >= 0:
            total -= values[i - length // 2 - 1]
        out[i] = total / (2 * (length // 2) + 1)


@kernel
def append_integrated(
    narrow: NDArray[np.int32],
    n_narrow: int,
    wide: NDArray[np.int32],
    n_wide: int,
    n_rows: int,
    n_fft: int,
    boxes: NDArray[np.int32],
    count: int,
) -> int:
    """Add boxes for what only averaging shows; a wide span that is one narrow line, smeared, stays narrow.

    Args:
        narrow, wide: int32, shape (MAX_SPANS, 2), spans of bins from the two resolutions.
        n_narrow, n_wide: in use.
        n_rows: rows in use.
        boxes: int32, shape (MAX_BOXES, BOX_COLUMNS).
        count: boxes in use.
    Returns:
        Number of boxes.
    """
    for w in range(n_wide):
        inside, only = 0, -1
        for i in range(n_narrow):
            if narrow[i, 0] >= wide[w, 0] - WIDE_BINS and narrow[i, 1] <= wide[w, 1] + WIDE_BINS:
                inside += 1
                only = i
        if inside == 1 and narrow[only, 1] - narrow[only, 0] <= WIDE_BINS // 2:
            wide[w, 1] = wide[w, 0]
            continue
        for i in range(n_narrow):
            if narrow[i, 0] >= wide[w, 0] - WIDE_BINS and narrow[i, 1] <= wide[w, 1] + WIDE_BINS:
                narrow[i, 1] = narrow[i, 0]
    for table in (narrow[:n_narrow], wide[:n_wide]):
        for i in range(table.shape[0]):
            if table[i, 1] > table[i, 0] and count < boxes.shape[0]:
                boxes[count, B_ROW], boxes[count, B_ROW_END] = 0, n_rows
                boxes[count, B_LOW], boxes[count, B_HIGH] = (
                    max(0, table[i, 0] - PAD_BINS),
                    min(n_fft, table[i, 1] + PAD_BINS),
                )
                boxes[count, B_KIND], boxes[count, B_SEEDS] = INTEGRATED_BOX, 0
                count += 1
    return count


class BoxFinder:
    """Applies the tests of a block and returns its boxes; owns scratch memory.

    Args:
        max_rows: rows of the longest block.
        n_fft: bins.
    """

    def __init__(self, max_rows: int, n_fft: int) -> None:
        columns = n_fft // TILE_BINS
        self._labeller = Labeller(max_rows, columns)
        self.boxes = np.zeros((MAX_BOXES, BOX_COLUMNS), dtype=np.int32)
        self._narrow_spans = np.zeros((MAX_SPANS, 2), dtype=np.int32)
        self._wide_spans = np.zeros((MAX_SPANS, 2), dtype=np.int32)
        self._column = np.zeros((3, columns), dtype=np.float32)
        self._bin = np.zeros((3, n_fft), dtype=np.float32)

    def find(
        self,
        tiles: NDArray[np.float32],
        peaks: NDArray[np.float32],
        n_rows: int,
        floor: NDArray[np.float32],
        steady: NDArray[np.float32],
        mean: NDArray[np.float32],
        limits: Thresholds,
        spans: NDArray[np.int32],
        seen: slice,
    ) -> int:
        """Find all boxes of a block and leave them in `boxes`, continuous ones first.

        Args:
            tiles, peaks: float32, shape (rows, columns), tile sums and tile peaks.
            n_rows: rows in use.
            floor: float32, shape (columns,), noise per bin.
            steady: float32, shape (columns,), power per bin that is there for nine tenths of the block.
            mean: float32, shape (n_fft,), mean spectrum.
            limits: thresholds.
            spans: int32, shape (n, 2), columns of what lasts for the whole block.
            seen: columns inside the receiver's bandwidth.
        Returns:
            Number of boxes.
        """
        seed_sum, seed_cell, grow_sum = self._column
        count = append_continuous(spans, len(spans), n_rows, len(mean), self.boxes)
        np.multiply(floor, np.float32(limits.cell), out=seed_cell)
        np.multiply(floor, np.float32(limits.tile * TILE_CELLS), out=seed_sum)
        np.multiply(floor, np.float32(limits.grow * TILE_CELLS), out=grow_sum)
        raise_under_continuous(spans, len(spans), steady, limits.cell, seed_sum, seed_cell, grow_sum)
        for threshold in self._column:
            threshold[: seen.start] = np.inf
            threshold[seen.stop :] = np.inf
        graded_rows = 0
        if grade_tiles(tiles, peaks, n_rows, seed_sum, seed_cell, grow_sum, self._labeller.grade):
            graded_rows = n_rows
            components = self._labeller.components_of(n_rows)
            order = np.argsort(-components[:, SEEDS], kind="stable")
            count = append_bursts(components, order, len(mean), self.boxes, count)
        return self._integrated(mean, floor, limits, n_rows, graded_rows, count, seen)

    def _integrated(
        self,
        mean: NDArray[np.float32],
        floor: NDArray[np.float32],
        limits: Thresholds,
        n_rows: int,
        graded_rows: int,
        count: int,
        seen: slice,
    ) -> int:
        excess, per_bin, work = self._bin
        unexplained_excess(mean, floor, self._labeller.grade, graded_rows, self.boxes, count, excess, per_bin)
        excess[: seen.start * TILE_BINS] = 0
        excess[seen.stop * TILE_BINS :] = 0
        seed, grow = np.float32(limits.bin_mean - 1), np.float32((limits.bin_mean - 1) / 2)
        narrow = spans_above(excess, per_bin * seed, per_bin * grow, 1, self._narrow_spans)
        running_mean(excess, WIDE_BINS, work)
        seed, grow = np.float32(limits.wide_mean - 1), np.float32((limits.wide_mean - 1) / 2)
        wide = spans_above(work, per_bin * seed, per_bin * grow, WIDE_BINS, self._wide_spans)
        return append_integrated(
            self._narrow_spans, narrow, self._wide_spans, wide, n_rows, len(mean), self.boxes, count
        )
