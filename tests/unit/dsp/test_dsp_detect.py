"""Tiles, grades, connected components and spans against numpy and scipy.ndimage."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import plane_twins as twin
from scipy import ndimage

from ndefender.dsp.detect import (
    Labeller,
    collect_runs,
    find_root,
    gather_components,
    grade_tiles,
    join_runs,
    spans_above,
)

RNG = np.random.default_rng


def test_grade_tiles_compares_with_the_thresholds_of_each_column() -> None:
    tiles, peaks = (RNG(i).gamma(4, size=(20, 30)).astype(np.float32) for i in (3, 4))
    seed_sum, seed_cell, grow = (RNG(i).uniform(3, 12, 30).astype(np.float32) for i in (5, 6, 7))
    grade = np.full((20, 30), 9, dtype=np.uint8)
    seeds = grade_tiles(tiles, peaks, 18, seed_sum, seed_cell, grow, grade)
    expected = twin.grades(tiles, peaks, seed_sum, seed_cell, grow)[:18]
    np.testing.assert_array_equal(grade[:18], expected)
    assert seeds == np.count_nonzero(expected == 2)
    assert np.all(grade[18:] == 9)


def _random_grade(seed: int, rows: int, columns: int, density: float) -> np.ndarray:
    rng = RNG(seed)
    return np.where(rng.random((rows, columns)) < density, rng.integers(1, 3, (rows, columns)), 0).astype(np.uint8)


@pytest.mark.parametrize("density", [0.02, 0.15, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(1, 16), (2, 3), (15, 40), (40, 17)])
def test_components_are_those_of_ndimage_label(density: float, shape: tuple[int, int]) -> None:
    for seed in range(8):
        grade = _random_grade(seed, *shape, density)
        labeller = Labeller(*shape)
        labeller.grade[:] = grade
        got = [tuple(map(int, row)) for row in labeller.components_of(shape[0])]
        assert sorted(got) == twin.components(grade)


def test_runs_are_joined_like_labels() -> None:
    grade = _random_grade(11, 12, 30, 0.3)
    runs, first = np.zeros((400, 4), dtype=np.int32), np.zeros(13, dtype=np.int32)
    parent, slot = np.zeros(400, dtype=np.int32), np.zeros(400, dtype=np.int32)
    count = collect_runs(grade, 12, runs, first)
    assert first[0] == 0 and first[12] == count
    labels, _ = ndimage.label(twin.bridged(grade), structure=np.ones((3, 3)))
    join_runs(runs, count, first, 12, parent)
    roots = [find_root(parent, r) for r in range(count)]
    expected = [int(labels[row, column]) for row, column, _, _ in runs[:count]]
    pairs = set(zip(roots, expected, strict=True))
    assert len(pairs) == len(set(roots)) == len(set(expected))
    out = np.zeros((200, 6), dtype=np.int32)
    assert gather_components(runs, count, parent, slot, out) == len(twin.components(grade))


def test_a_table_that_is_full_leaves_the_rest_out() -> None:
    grade = np.zeros((3, 40), dtype=np.uint8)
    grade[:, ::4] = 2
    runs, first = np.zeros((12, 4), dtype=np.int32), np.zeros(4, dtype=np.int32)
    assert collect_runs(grade, 3, runs, first) == 12
    parent, slot, out = (np.zeros(s, dtype=np.int32) for s in (12, 12, (5, 6)))
    join_runs(runs, 12, first, 3, parent)
    assert gather_components(runs, 12, parent, slot, out) == 5


def test_find_root_follows_a_chain() -> None:
    parent = np.array([0, 0, 1, 2, 3, 5], dtype=np.int32)
    assert [find_root(parent, i) for i in range(6)] == [0, 0, 0, 0, 0, 5]


def _spans(values: np.ndarray, seed: np.ndarray, grow: np.ndarray, gap: int) -> list[tuple[int, int]]:
    out = np.zeros((60, 2), dtype=np.int32)
    count = spans_above(values, seed, grow, gap, out)
    return [(a, b) for a, b in out[:count].tolist()]


@pytest.mark.parametrize("gap", [1, 2, 4])
def test_spans_above_are_groups_with_a_seed(gap: int) -> None:
    """`gap` is the longest step from one value over `grow` to the next, so holes are shorter by one."""
    high, low = np.full(60, 2.5, dtype=np.float32), np.full(60, 1.2, dtype=np.float32)
    for seed in range(20):
        values = RNG(seed).gamma(1, size=60).astype(np.float32)
        assert _spans(values, high, low, gap) == twin.spans(values, high, low, gap - 1)


def test_a_hole_of_gap_values_ends_a_span_and_a_shorter_one_does_not() -> None:
    values, ones = np.array([5, 0, 0, 0, 5], dtype=np.float32), np.ones(5, dtype=np.float32)
    assert _spans(values, ones, ones, 3) == [(0, 1), (4, 5)]
    assert _spans(values, ones, ones, 4) == [(0, 5)]


def test_spans_above_stops_when_its_table_is_full() -> None:
    values = np.tile(np.array([5, 0, 0], dtype=np.float32), 10)
    out = np.zeros((4, 2), dtype=np.int32)
    ones = np.ones(30, dtype=np.float32)
    assert spans_above(values, ones, ones, 1, out) == 4
