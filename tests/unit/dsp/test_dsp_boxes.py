"""Boxes: what the tests of a block make of columns, components and averages."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import line_twins, plane_twins

from ndefender.dsp.boxes import (
    PAD_BINS,
    RIDE_RATIO,
    append_bursts,
    append_continuous,
    append_integrated,
    raise_under_continuous,
    running_mean,
    unexplained_excess,
)
from ndefender.dsp.spans import (
    B_HIGH,
    B_KIND,
    B_LOW,
    B_ROW,
    B_ROW_END,
    BOX_COLUMNS,
    BURST_BOX,
    CONTINUOUS_BOX,
    INTEGRATED_BOX,
)

N_FFT = 256


def _boxes(rows: int = 8) -> np.ndarray:
    return np.zeros((rows, BOX_COLUMNS), dtype=np.int32)


def _bands(boxes: np.ndarray, count: int) -> list[tuple[int, int]]:
    return [(int(b[B_LOW]), int(b[B_HIGH])) for b in boxes[:count]]


def test_append_continuous_pads_and_clips() -> None:
    boxes = _boxes()
    spans = np.array([[0, 3], [20, 30], [60, 64]], dtype=np.int32)
    assert append_continuous(spans, 3, 9, N_FFT, boxes) == 3
    assert _bands(boxes, 3) == [(0, 12 + PAD_BINS), (80 - PAD_BINS, 120 + PAD_BINS), (240 - PAD_BINS, N_FFT)]
    assert set(boxes[:3, B_KIND]) == {CONTINUOUS_BOX}
    assert set(boxes[:3, B_ROW]) == {0} and set(boxes[:3, B_ROW_END]) == {9}


def test_append_bursts_drops_level_changes_of_a_continuous_emission() -> None:
    boxes = _boxes()
    count = append_continuous(np.array([[20, 30]], dtype=np.int32), 1, 9, N_FFT, boxes)
    components = np.array([[2, 4, 20, 31, 9, 9], [3, 5, 24, 26, 8, 8], [1, 7, 50, 52, 3, 3]], dtype=np.int32)
    count = append_bursts(components, np.arange(3), N_FFT, boxes, count)
    assert _bands(boxes, count)[1:] == [(96 - PAD_BINS, 104 + PAD_BINS), (200 - PAD_BINS, 208 + PAD_BINS)]
    assert set(boxes[1:count, B_KIND]) == {BURST_BOX}
    assert [tuple(b[[B_ROW, B_ROW_END]]) for b in boxes[1:count]] == [(3, 5), (1, 7)]


def test_append_bursts_stops_when_the_table_is_full() -> None:
    components = np.tile(np.array([2, 4, 20, 31, 9, 9], dtype=np.int32), (12, 1))
    assert append_bursts(components, np.arange(12), N_FFT, _boxes(8), 3) == 8


def test_raise_under_continuous() -> None:
    steady = np.linspace(1, 2, 16).astype(np.float32)
    seed_sum, seed_cell, grow = np.full((3, 16), 20.0, dtype=np.float32)
    raise_under_continuous(np.array([[4, 9]], dtype=np.int32), 1, steady, 10.0, seed_sum, seed_cell, grow)
    inside = np.arange(4, 9)
    for got, cells in ((seed_sum, 16), (seed_cell, 10), (grow, 16)):
        expected = np.full(16, 20.0)
        expected[inside] = np.maximum(20, steady[inside] * RIDE_RATIO * cells)
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_unexplained_excess() -> None:
    rng = np.random.default_rng(1)
    mean, floor = rng.gamma(9, size=N_FFT).astype(np.float32), rng.uniform(1, 3, N_FFT // 4).astype(np.float32)
    grade = (rng.random((7, N_FFT // 4)) < 0.05).astype(np.uint8) * rng.integers(1, 3, (7, N_FFT // 4)).astype(np.uint8)
    boxes = _boxes()
    append_continuous(np.array([[5, 9], [40, 41]], dtype=np.int32), 2, 6, N_FFT, boxes)
    excess, per_bin = np.zeros((2, N_FFT), dtype=np.float32)
    unexplained_excess(mean, floor, grade, 6, boxes, 2, excess, per_bin)
    expected = plane_twins.unexplained(mean, floor, grade[:6], boxes[:2][:, [B_LOW, B_HIGH]])
    np.testing.assert_allclose(excess, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(per_bin, expected[1])


@pytest.mark.parametrize(("n", "length"), [(64, 1), (64, 2), (64, 5), (64, 16), (20, 31), (20, 30)])
def test_running_mean_is_the_mean_with_zeros_beyond_the_ends(n: int, length: int) -> None:
    values, out = np.random.default_rng(2).normal(size=n).astype(np.float32), np.zeros(n, dtype=np.float32)
    running_mean(values, length, out)
    padded = np.concatenate([np.zeros(length), values, np.zeros(length)])
    expected = line_twins.zero_padded_mean(padded, length)[length:-length]
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("length", [15, 16])
def test_running_mean_of_a_constant_is_the_constant(length: int) -> None:
    out = np.zeros(64, dtype=np.float32)
    running_mean(np.ones(64, dtype=np.float32), length, out)
    assert out[32] == pytest.approx(1)


def _integrated(narrow: list[list[int]], wide: list[list[int]]) -> list[tuple[int, int]]:
    tables = [np.zeros((8, 2), dtype=np.int32) for _ in range(2)]
    for table, rows in zip(tables, (narrow, wide), strict=True):
        table[: len(rows)] = np.array(rows, dtype=np.int32).reshape(-1, 2)
    boxes = _boxes()
    count = append_integrated(tables[0], len(narrow), tables[1], len(wide), 5, N_FFT, boxes, 0)
    assert set(boxes[:count, B_KIND]) <= {INTEGRATED_BOX}
    return _bands(boxes, count)


def test_a_smeared_line_stays_a_line() -> None:
    assert _integrated([[100, 102]], [[93, 109]]) == [(100 - PAD_BINS, 102 + PAD_BINS)]


def test_lines_of_one_wide_emission_become_one() -> None:
    assert _integrated([[100, 102], [110, 111], [125, 126]], [[95, 130]]) == [(95 - PAD_BINS, 130 + PAD_BINS)]


def test_spans_of_one_resolution_only_stay() -> None:
    assert _integrated([[20, 22]], [[100, 140]]) == [(20 - PAD_BINS, 22 + PAD_BINS), (100 - PAD_BINS, 140 + PAD_BINS)]
