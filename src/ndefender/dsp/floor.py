"""Noise floor of every tile column, robust to bursts (order statistic over time) and to wide continuous signals
(local median over frequency, capped by the quietest part of the band).

A tile is four frames by four bins. Bias of the order statistic is removed with the law of a tile sum
(`noiselaw`), so the floor is the mean noise power per bin, not a quantile of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .noiselaw import NoiseLaw
from .stft import ROW_FRAMES, TILE_BINS

TILE_CELLS = TILE_BINS * ROW_FRAMES
QUANTILE = 0.1  # bursts may fill nine tenths of the dwell before they raise the floor
CAP_RATIO = 1.26  # +1 dB: ripple of a real front end over its flat part; more than that is a signal
QUIET_QUANTILE = 0.1  # the quietest tenth of the columns is taken to be free of continuous signals
RANK_MANTISSA = 8  # mantissa bits decided: half a per cent is a fiftieth of a decibel
RANK_BITS = 8 + RANK_MANTISSA  # and the exponent


@kernel
def undecided(bits: NDArray[np.int32], n_rows: int, step: int) -> tuple[int, int]:
    """Highest bit in which values differ, and what all of them have above it: a radio's noise spans few exponents.

    Args:
        bits: int32 view of float32 values >= 0, shape (rows, columns).
        n_rows, step: rows in use and their stride.
    Returns:
        (bit, common prefix); 30 - RANK_BITS where they agree in all that is decided.
    """
    lowest, highest = bits[0, 0], bits[0, 0]
    for j in range(n_rows // step):
        row = bits[j * step]
        for c in range(bits.shape[1]):
            lowest, highest = min(lowest, row[c]), max(highest, row[c])
    bit = 30
    while bit > 30 - RANK_BITS and (lowest ^ highest) >> bit == 0:
        bit -= 1
    return bit, (lowest >> (bit + 1)) << (bit + 1)


@kernel
def column_ranked(bits: NDArray[np.int32], n_rows: int, step: int, rank: int, out: NDArray[np.int32]) -> None:
    """Take the rank-th smallest value of every column, by bisection on the bits of positive floats.

    Positive IEEE 754 numbers sort like their bits; deciding the upper RANK_BITS of them one by one needs only counting,
    which vectorises over columns where a selection does not. The result is low by at most 2^-RANK_MANTISSA.

    Args:
        bits: int32 view of float32 values >= 0, shape (rows, columns).
        n_rows: rows in use.
        step: row stride; bounds the cost of long blocks.
        rank: 0-based order.
        out: int32, shape (columns,), view of float32.
    """
    columns = bits.shape[1]
    count = np.zeros(columns, dtype=np.int32)
    highest, prefix = undecided(bits, n_rows, step)
    found = np.full(columns, np.int32(prefix), dtype=np.int32)
    for bit in range(highest, 30 - RANK_BITS, -1):
        mask = np.int32(1 << bit)
        count[:] = 0
        for j in range(n_rows // step):
            row = bits[j * step]
            for c in range(columns):
                count[c] += np.int32(row[c] < (found[c] | mask))
        for c in range(columns):
            if count[c] <= rank:
                found[c] |= mask
    out[:] = found


@kernel
def local_median(bits: NDArray[np.int32], reach: int, stride: int, out: NDArray[np.int32]) -> None:
    """Median over ±reach neighbours, every stride-th of them, by bisection on bits; fewer at the ends.

    Args:
        bits: int32 view of float32 values >= 0, shape (columns,).
        reach: columns on each side, a multiple of stride.
        stride: distance of the columns looked at.
        out: int32, shape (columns,), view of float32.
    """
    n = bits.shape[0]
    padded = np.full(n + 2 * reach, np.int32(2147483647), dtype=np.int32)
    padded[reach : reach + n] = bits
    count = np.zeros(n, dtype=np.int32)
    highest, prefix = undecided(bits.reshape(1, n), 1, 1)
    found = np.full(n, np.int32(prefix), dtype=np.int32)
    middle = np.zeros(n, dtype=np.int32)
    for m in range(n):
        middle[m] = (min(reach, m) // stride + min(reach, n - 1 - m) // stride + 1) // 2
    for bit in range(highest, 30 - RANK_BITS, -1):
        count[:] = 0
        for w in range(0, 2 * reach + 1, stride):
            window = padded[w : w + n]
            for m in range(n):
                count[m] += np.int32(window[m] < (found[m] | np.int32(1 << bit)))
        for m in range(n):
            if count[m] <= middle[m]:
                found[m] |= np.int32(1 << bit)
    out[:] = found


class FloorEstimator:
    """Estimates the floor of one block; owns its scratch memory.

    Args:
        columns: tile columns, n_fft // 4.
        law: of the sum of one tile.
        quantisation_power: mean power per cell of the quantisation noise: the floor of an input without noise.
    """

    MAX_ROWS_USED = 32

    def __init__(self, columns: int, law: NoiseLaw, quantisation_power: float) -> None:
        self._law = law
        self._least = quantisation_power
        self._stride = max(1, columns // 128)
        self._reach = max(4, columns // 10 // self._stride * self._stride)
        self.steady = np.zeros(columns, dtype=np.float32)  # power per bin that is there for nine tenths of the block
        self._local = np.zeros(columns, dtype=np.float32)
        self._flat: dict[float, tuple[slice, int]] = {}
        self._bias: dict[tuple[int, int], float] = {}

    def estimate(
        self, tiles: NDArray[np.float32], n_rows: int, flat_ratio: float, quiet_power: float, out: NDArray[np.float32]
    ) -> None:
        """Write the noise power per bin of every tile column.

        Args:
            tiles: float32, shape (rows, columns), tile sums.
            n_rows: rows in use.
            flat_ratio: part of the rate over which the receiver is flat: what is quieter beyond it is its roll-off.
            quiet_power: power per bin that the floor cannot exceed, from another source; infinity for none.
            out: float32, shape (columns,).
        """
        step = max(1, n_rows // self.MAX_ROWS_USED)
        used = n_rows // step
        rank = min(used - 1, int(QUANTILE * used))
        column_ranked(tiles.view(np.int32), n_rows, step, rank, self.steady.view(np.int32))
        self.steady *= np.float32((1.0 + 0.5 ** (RANK_MANTISSA + 1)) / (TILE_CELLS * self._quantile_ratio(used, rank)))
        local_median(self.steady.view(np.int32), self._reach, self._stride, self._local.view(np.int32))
        flat, rank = self._flat_part(flat_ratio)
        quiet = min(float(np.partition(self._local[flat], rank)[rank]), quiet_power)
        np.minimum(self._local, np.float32(quiet * CAP_RATIO), out=out)
        np.maximum(out, np.float32(self._least), out=out)

    def _flat_part(self, flat_ratio: float) -> tuple[slice, int]:
        """Columns in the flat part, and the rank of QUIET_QUANTILE among them."""
        if flat_ratio not in self._flat:
            columns = len(self._local)
            margin = min(round((1 - flat_ratio) / 2 * columns), columns // 2 - 1)
            self._flat[flat_ratio] = slice(margin, columns - margin), int(QUIET_QUANTILE * (columns - 2 * margin))
        return self._flat[flat_ratio]

    def _quantile_ratio(self, used: int, rank: int) -> float:
        """Expected order statistic over mean, Blom's plotting position (G. Blom 1958)."""
        key = (used, rank)
        if key not in self._bias:
            position = (rank + 1 - 0.375) / (used + 0.25)
            self._bias[key] = self._law.quantile(1 - position)
        return self._bias[key]
