"""Thresholds against the laws they come from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracle import law_twins

from ndefender.dsp.thresholds import (
    CELL_SHARE,
    FLOOR_ERROR_RATIO,
    GROW_PFA,
    MEAN_SHARE,
    TILE_SHARE,
    WIDE_BINS,
    sidak,
    thresholds,
)
from ndefender.dsp.window import blackman_harris


def _stated(share: float, pfa: float, tests: int) -> float:
    return sidak(share * pfa, tests)


def _measured(n_fft: int, bins: int, frames: int, ratio: float) -> float:
    """Probability that the mean of a patch of independent frames exceeds `ratio` of its expectation."""
    weights = law_twins.bin_eigenvalues(blackman_harris(n_fft), bins)
    return law_twins.tail(weights, ratio * frames * float(weights.sum()), frames)


@pytest.mark.parametrize(("probability", "tests"), [(0.1, 1), (0.1, 1000), (1e-4, 10**6)])
def test_sidak_tests_reach_the_stated_probability(probability: float, tests: int) -> None:
    per_test = sidak(probability, tests)
    assert -math.expm1(tests * math.log1p(-per_test)) == pytest.approx(probability, rel=1e-9)
    assert per_test <= probability


def test_the_shares_are_the_whole() -> None:
    assert pytest.approx(1) == CELL_SHARE + TILE_SHARE + MEAN_SHARE


@pytest.mark.parametrize("pfa", [0.03, 1e-4, 1e-9])
def test_a_single_cell_is_exponential(pfa: float) -> None:
    limits = thresholds(256, 256, 40, pfa)
    assert math.exp(-limits.cell) == pytest.approx(_stated(CELL_SHARE, pfa, 256 * 40), rel=1e-9)


@pytest.mark.parametrize(("n_fft", "rows"), [(256, 32), (2048, 75)])
@pytest.mark.parametrize("pfa", [0.1, 1e-2, 1e-4])
def test_a_tile_exceeds_its_threshold_as_often_as_stated(n_fft: int, rows: int, pfa: float) -> None:
    limits = thresholds(n_fft, n_fft, 4 * rows, pfa)
    stated = _stated(TILE_SHARE, pfa, n_fft * rows // 4)
    assert _measured(n_fft, 4, 4, limits.tile) / stated == pytest.approx(1, abs=0.02)
    assert _measured(n_fft, 4, 4, limits.grow) / GROW_PFA == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("frames", [4, 40, 300])
def test_averages_exceed_their_thresholds_less_the_floor_s_error_as_often_as_stated(frames: int) -> None:
    n_fft, pfa = 256, 1e-2
    limits, share = thresholds(n_fft, n_fft, frames, pfa), MEAN_SHARE / 3
    for bins, ratio in ((1, limits.bin_mean), (WIDE_BINS, limits.wide_mean)):
        stated = _stated(share, pfa, n_fft // bins)
        assert _measured(n_fft, bins, frames, ratio / FLOOR_ERROR_RATIO) / stated == pytest.approx(1, abs=0.02)
    a_third = max(1, round(frames / 3))
    stated = _stated(share, pfa, n_fft // 4)
    assert _measured(n_fft, 4, a_third, limits.lasting) / stated == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("hop", [128, 256])
def test_thresholds_rise_with_fewer_false_alarms_and_fall_with_more_averaging(hop: int) -> None:
    loose, strict = (thresholds(256, hop, 40, p) for p in (0.1, 1e-6))
    longer = thresholds(256, hop, 400, 0.1)
    for name in ("cell", "tile", "lasting", "bin_mean", "wide_mean"):
        assert getattr(strict, name) > getattr(loose, name) > 1
    for name in ("lasting", "bin_mean", "wide_mean"):
        assert getattr(longer, name) < getattr(loose, name)
    assert longer.cell > loose.cell and longer.tile > loose.tile
    assert 1 < loose.grow < loose.tile < loose.cell
    assert strict.grow == loose.grow == longer.grow
    assert np.isfinite([loose.wide_mean, strict.cell]).all()
