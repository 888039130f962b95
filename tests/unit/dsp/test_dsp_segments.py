"""Cutting envelopes: made-up ones whose bursts are known, and naive twins of the kernels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from oracle import line_twins as twin

from ndefender.dsp.segments import (
    GAP_RATIO,
    MAX_SEGMENTS,
    cut,
    find_step,
    mark_on,
    median_of,
    refine_edges,
    smooth,
)

NOISE = 1.0
SPACING = 5


def _envelope(n: int, *bursts: tuple[int, int, float], seed: int | None = None) -> np.ndarray:
    """Noise of power 1 and bursts (start, stop, power), smoothed over SPACING points."""
    power = np.full(n, NOISE)
    for start, stop, level in bursts:
        power[start:stop] += level
    if seed is not None:
        power *= np.random.default_rng(seed).gamma(16, 1 / 16, n)
    out = np.zeros(n, dtype=np.float32)
    smooth(power.astype(np.float32), n, SPACING, out)
    return out


def _cut(envelope: np.ndarray) -> list[tuple[float, float]]:
    n = len(envelope)
    out = np.zeros((MAX_SEGMENTS, 2))
    on, scratch = np.zeros(n, dtype=np.uint8), np.zeros(512, dtype=np.float32)
    count = cut(envelope, n, NOISE * (1 + 6 / np.sqrt(16 * SPACING)), NOISE, SPACING, on, scratch, out)
    return [(a, b) for a, b in out[:count].tolist()]


@pytest.mark.parametrize(("n", "length"), [(1, 1), (3, 7), (50, 1), (50, 5), (200, 31)])
def test_smooth_is_a_moving_average(n: int, length: int) -> None:
    values = np.random.default_rng(n).gamma(1, size=n).astype(np.float32)
    out = np.zeros(n, dtype=np.float32)
    smooth(values, n, length, out)
    np.testing.assert_allclose(out, twin.moving_average(values, length), rtol=1e-5)


@pytest.mark.parametrize("reach", [1, 4, 30])
def test_mark_on_finds_what_is_over_quiet_and_no_dip(reach: int) -> None:
    envelope = (10.0 ** np.random.default_rng(8).uniform(-1, 3, 200)).astype(np.float32)
    on = np.full(200, 7, dtype=np.uint8)
    mark_on(envelope, 200, 0.5, reach, on)
    np.testing.assert_array_equal(on, twin.on_mask(envelope, 0.5, reach, GAP_RATIO))


def test_median_of_is_the_median_of_what_it_takes() -> None:
    values = np.random.default_rng(2).gamma(2, size=300).astype(np.float32)
    scratch = np.zeros(512, dtype=np.float32)
    assert median_of(values, 10, 211, 1, scratch) == np.sort(values[10:211])[100]
    assert median_of(values, 10, 211, 8, scratch) == np.sort(values[10:211:4])[len(values[10:211:4]) // 2]
    few = np.zeros(16, dtype=np.float32)
    assert median_of(values, 0, 300, 1, few) == np.sort(values[:300:18][:16])[8]


@pytest.mark.parametrize("level", [3.0, 30.0, 1e4])
@pytest.mark.parametrize(("start", "stop"), [(40, 140), (51, 60), (100, 101 + SPACING)])
def test_a_rectangle_is_cut_at_its_edges(start: int, stop: int, level: float) -> None:
    ((a, b),) = _cut(_envelope(200, (start, stop, level)))
    assert a == pytest.approx(start, abs=2)
    assert b == pytest.approx(stop, abs=2)


def test_refine_edges_is_where_the_power_is_half() -> None:
    """A ramp of 20 points from 0 to the plateau crosses half of it in its middle."""
    ramp = np.concatenate([np.zeros(30), np.linspace(0, 1, 21), np.ones(100), np.linspace(1, 0, 21), np.zeros(30)])
    envelope = (NOISE + 100 * ramp).astype(np.float32)
    out, scratch = np.zeros(2), np.zeros(512, dtype=np.float32)
    refine_edges(envelope, len(envelope), 32, 170, 10, NOISE, scratch, out)
    assert out[0] == pytest.approx(40, abs=0.2)
    assert out[1] == pytest.approx(len(envelope) - 1 - 40, abs=0.2)


def test_noise_alone_and_silence_are_not_cut() -> None:
    assert _cut(_envelope(500, seed=4)) == []
    assert _cut(np.zeros(100, dtype=np.float32)) == []


def test_bursts_with_a_gap_are_two() -> None:
    found = _cut(_envelope(300, (40, 120, 50.0), (130, 250, 40.0), seed=1))
    assert np.allclose(found, [(40, 120), (130, 250)], atol=2)


def test_a_burst_over_the_whole_block_has_the_block_s_edges() -> None:
    assert _cut(_envelope(100, (0, 100, 50.0))) == [(0.0, 100.0)]


def test_a_level_step_of_ten_decibels_is_two_stations() -> None:
    found = _cut(_envelope(300, (40, 140, 30.0), (140, 260, 300.0), seed=2))
    assert len(found) == 2
    assert found[0][1] == found[1][0] == pytest.approx(140, abs=SPACING)
    assert (found[0][0], found[1][1]) == pytest.approx((40, 260), abs=2)


THREE_LEVELS = ((50, 150, 500.0), (150, 250, 40.0), (250, 350, 500.0))


def test_three_levels_are_three_in_order() -> None:
    found = _cut(_envelope(400, *THREE_LEVELS, seed=3))
    assert np.allclose(found, [(50, 150), (150, 250), (250, 350)], atol=2 * SPACING)


def test_pieces_of_three_levels_do_not_overlap() -> None:
    found = _cut(_envelope(400, *THREE_LEVELS, seed=3))
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(found))


def test_a_step_of_three_decibels_is_fading() -> None:
    envelope = _envelope(300, (40, 140, 100.0), (140, 260, 200.0), seed=5)
    assert find_step(envelope, 40, 260, SPACING) == -1
    assert len(_cut(envelope)) == 1


def test_find_step_finds_the_sharpest() -> None:
    envelope = _envelope(300, (0, 100, 10.0), (100, 200, 60.0), (200, 300, 6000.0))
    assert find_step(envelope, 0, 300, SPACING) == pytest.approx(200, abs=SPACING)


def test_a_full_table_stops_the_cut() -> None:
    envelope = _envelope(400, *((s, s + 12, 100.0) for s in range(5, 380, 40)))
    out = np.zeros((4, 2))
    on, scratch = np.zeros(400, dtype=np.uint8), np.zeros(512, dtype=np.float32)
    assert cut(envelope, 400, 2.0, 1.0, SPACING, on, scratch, out) == 3
