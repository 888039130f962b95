"""Which columns of the spectrum are on for the whole block: continuous emissions, found before any burst is.

Two signs: columns that stay over the floor for nine tenths of the block, and wide runs of the mean spectrum whose
envelope is constant. The second is how a frequency-modulated carrier shows: it sweeps over its band, so each column
comes and goes, but the whole does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .detect import spans_above
from .features import FeatureExtractor
from .floor import TILE_CELLS
from .jit import kernel
from .stft import TILE_BINS, Stft

SEED = 1.8  # 2.6 dB over the floor
GROW = 1.3  # skirts
GAP_COLUMNS = 3
RUN_COLUMNS = 16  # narrower runs are not worth a look at their envelope
STEADY_CV = 0.3  # envelope of a single frequency-modulated carrier
SILENT_RATIO = 0.25  # a row 6 dB below the band's mean is silence
SILENT_SHARE = 0.06  # of rows; a lasting emission fades, but not that often
MAX_SPANS = 256


@kernel
def keep_lasting(
    tiles: NDArray[np.float32],
    n_rows: int,
    floor: NDArray[np.float32],
    spans: NDArray[np.int32],
    count: int,
    power: NDArray[np.float32],
) -> int:
    """Drop spans whose band falls silent now and then: they are bursts, however close together.

    Args:
        tiles: float32, shape (rows, columns), tile sums.
        n_rows: rows in use.
        floor: float32, shape (columns,), noise per bin.
        spans: int32, shape (MAX_SPANS, 2), compacted in place.
        count: spans in use.
        power: float32, shape (>= n_rows,), work space.
    Returns:
        Number of spans left.
    """
    kept = 0
    for i in range(count):
        low, high = int(spans[i, 0]), int(spans[i, 1])  # 32-bit bounds would keep loops from vectorising
        noise, mean = 0.0, 0.0
        for m in range(low, high):
            noise += floor[m] * TILE_CELLS
        for j in range(n_rows):
            power[j] = np.sum(tiles[j, low:high])
            mean += (power[j] - noise) / n_rows
        silent = 0
        for j in range(n_rows):
            silent += power[j] - noise < SILENT_RATIO * mean
        if silent <= SILENT_SHARE * n_rows:
            spans[kept, 0], spans[kept, 1] = low, high
            kept += 1
    return kept


class LastingFinder:
    """Finds what lasts; owns scratch memory.

    Args:
        stft: of the pipeline.
        features: measures envelopes.
    """

    def __init__(self, stft: Stft, features: FeatureExtractor) -> None:
        columns = stft.tiles.shape[1]
        self._stft = stft
        self._features = features
        self._column = np.zeros((3, columns), dtype=np.float32)
        self._runs = np.zeros((MAX_SPANS, 2), dtype=np.int32)
        self._spans = np.zeros((2 * MAX_SPANS, 2), dtype=np.int32)
        self._power = np.zeros(stft.tiles.shape[0], dtype=np.float32)

    def find(
        self,
        iq: NDArray[np.int16],
        n: int,
        n_rows: int,
        floor: NDArray[np.float32],
        steady: NDArray[np.float32],
        least: float,
        seen: slice,
    ) -> NDArray[np.int32]:
        """Find spans of columns that are on for the whole block.

        Args:
            iq: int16, shape (2·n,).
            n: complex samples.
            n_rows: rows in use.
            floor: float32, shape (columns,), noise per bin.
            steady: float32, shape (columns,), power per bin that is there for nine tenths of the block.
            least: ratio to the floor that noise does not reach (`Thresholds.lasting`).
            seen: columns inside the receiver's bandwidth.
        Returns:
            int32, shape (m, 2): first and end column, ascending.
        """
        seed, grow, inside = self._column
        np.multiply(floor, np.float32(max(SEED, least)), out=seed)
        np.multiply(floor, np.float32(GROW), out=grow)
        inside[:] = 0
        mean = self._stft.mean
        inside[seen] = (mean[0::TILE_BINS] + mean[1::TILE_BINS] + mean[2::TILE_BINS] + mean[3::TILE_BINS])[seen]
        inside *= np.float32(1.0 / TILE_BINS)
        runs = self._runs[: spans_above(inside, seed, grow, GAP_COLUMNS, self._runs)]
        sweeping = [run for run in runs if self._sweeps(iq, n, n_rows, floor, run)]
        inside[seen] = steady[seen]
        for low, high in sweeping:
            inside[low:high] = 0
        count = spans_above(inside, seed, grow, GAP_COLUMNS, self._spans[:MAX_SPANS])
        count = keep_lasting(self._stft.tiles, n_rows, floor, self._spans, count, self._power)
        if not sweeping:
            return self._spans[:count]
        spans = np.concatenate([self._spans[:count], np.array(sweeping, dtype=np.int32)])
        return np.asarray(spans[np.argsort(spans[:, 0], kind="stable")])

    def _sweeps(
        self, iq: NDArray[np.int16], n: int, n_rows: int, floor: NDArray[np.float32], run: NDArray[np.int32]
    ) -> bool:
        """Whether a run of the mean spectrum is one carrier that sweeps and never stops."""
        low, high = int(run[0]), int(run[1])
        if high - low < RUN_COLUMNS:
            return False
        only = run.reshape(1, 2).copy()
        if keep_lasting(self._stft.tiles, n_rows, floor, only, 1, self._power) == 0:
            return False
        columns = len(floor)
        return (
            self._features.envelope_cv(iq, 0, n, (low + high) / 2 / columns - 0.5, (high - low) / columns) < STEADY_CV
        )
