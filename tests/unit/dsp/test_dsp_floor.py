"""Order statistics by bisection against sorting, and the floor that is made of them."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import law_twins
from oracle import line_twins as twin

from ndefender.dsp.floor import (
    CAP_RATIO,
    RANK_BITS,
    RANK_MANTISSA,
    TILE_CELLS,
    FloorEstimator,
    column_ranked,
    local_median,
    undecided,
)
from ndefender.dsp.noiselaw import patch_law
from ndefender.dsp.window import blackman_harris


def _spread(shape: tuple[int, ...], seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = (rng.gamma(16, size=shape) * 10.0 ** rng.uniform(-6, 9, shape)).astype(np.float32)
    values[rng.random(shape) < 0.05] = 0
    return values


@pytest.mark.parametrize("columns", [1, 16, 33, 128])
@pytest.mark.parametrize(("rows", "step", "rank"), [(1, 1, 0), (7, 1, 6), (40, 1, 8), (41, 3, 2), (100, 7, 13)])
def test_column_ranked_is_a_partition(columns: int, rows: int, step: int, rank: int) -> None:
    values, out = _spread((rows + 3, columns)), np.zeros(columns, dtype=np.float32)
    column_ranked(values.view(np.int32), rows, step, rank, out.view(np.int32))
    np.testing.assert_array_equal(out, twin.ranked(values[:rows], step, rank))
    exact = np.partition(values[:rows][: rows // step * step : step], rank, axis=0)[rank]
    assert np.all(out <= exact) and np.all(out >= exact * (1 - 2.0**-RANK_MANTISSA))


@pytest.mark.parametrize(
    ("n", "reach", "stride"), [(1, 4, 1), (5, 4, 1), (16, 4, 2), (64, 1, 1), (200, 12, 1), (200, 12, 4)]
)
def test_local_median_is_the_median_of_the_neighbours(n: int, reach: int, stride: int) -> None:
    values, out = _spread((n,)), np.zeros(n, dtype=np.float32)
    local_median(values.view(np.int32), reach, stride, out.view(np.int32))
    np.testing.assert_array_equal(out, twin.medians(values, reach, stride))


LAW = patch_law(256, 256, 4, 4)
WEIGHTS = np.repeat(law_twins.bin_eigenvalues(blackman_harris(256), 4), 4)


def _estimate(tiles: np.ndarray, flat_ratio: float = 1.0, quiet_power: float = np.inf) -> tuple[np.ndarray, np.ndarray]:
    estimator = FloorEstimator(tiles.shape[1], LAW, 2 / 12)
    out = np.zeros(tiles.shape[1], dtype=np.float32)
    estimator.estimate(tiles, len(tiles), flat_ratio, quiet_power, out)
    return out, estimator.steady


def _noise_tiles(rows: int = 48, columns: int = 128) -> np.ndarray:
    """Tile sums of white noise of power 100: exponentials weighted as the window correlates neighbouring bins."""
    draws = np.random.default_rng(9).exponential(size=(rows, columns, TILE_CELLS))
    return (100 * draws @ WEIGHTS).astype(np.float32)


def test_the_floor_is_the_mean_power_per_bin() -> None:
    floor, _ = _estimate(_noise_tiles())
    assert 10 * np.log10(floor.mean() / 100) == pytest.approx(0, abs=0.15)


def test_bursts_over_two_thirds_of_the_time_do_not_raise_the_floor() -> None:
    tiles = _noise_tiles()
    tiles[:32] *= 1000
    floor, _ = _estimate(tiles)
    assert 10 * np.log10(floor.mean() / 100) < 1.6


def test_a_continuous_signal_over_half_the_band_leaves_the_floor() -> None:
    tiles = _noise_tiles()
    tiles[:, 30:94] *= 100
    floor, steady = _estimate(tiles)
    assert 10 * np.log10(floor.max() / 100) < 1.7
    assert steady[40:80].mean() == pytest.approx(100 * 100, rel=0.1)


def test_the_floor_of_silence_is_the_quantisation() -> None:
    floor, _ = _estimate(np.zeros((10, 32), dtype=np.float32))
    np.testing.assert_allclose(floor, 2 / 12, rtol=1e-6)


def test_a_roll_off_beyond_the_flat_part_does_not_pull_the_floor_down() -> None:
    tiles = _noise_tiles()
    tiles[:, :16] *= 1e-4
    tiles[:, -16:] *= 1e-4
    floor, _ = _estimate(tiles, flat_ratio=0.7)
    assert 10 * np.log10(floor[24:104].mean() / 100) == pytest.approx(0, abs=0.15)


def test_a_quieter_moment_caps_the_floor() -> None:
    floor, _ = _estimate(_noise_tiles(), quiet_power=10.0)
    assert floor.max() == pytest.approx(10 * CAP_RATIO, rel=1e-5)


def test_undecided_is_the_highest_bit_that_differs() -> None:
    bits = np.array([[0b1011 << 20, 0b1001 << 20], [7, 0b1000 << 20], [0b1010 << 20, 0b1111 << 20]], dtype=np.int32)
    assert undecided(np.concatenate([bits, bits[1:2]]), 4, 2) == (22, 0b1000 << 20)  # row 1 is stepped over
    assert undecided(bits, 1, 1) == (21, 0b1000 << 20)
    same = np.full((2, 5), 0x3F812345, dtype=np.int32)
    assert undecided(same, 2, 1) == (30 - RANK_BITS, 0x3F812345 >> (31 - RANK_BITS) << (31 - RANK_BITS))
