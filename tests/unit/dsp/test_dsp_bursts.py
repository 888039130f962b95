"""Bursts of made-up planes whose contents are known to the cell."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import box_twins, line_twins, plane_twins

from ndefender.dsp import measure as m
from ndefender.dsp.bursts import ROW_FRAMES, burst_box, bursts_of, cut_frames, frames_of, measure_span
from ndefender.dsp.spans import (
    B_HIGH,
    B_KIND,
    B_LOW,
    B_ROW,
    B_ROW_END,
    BOX_COLUMNS,
    BURST_BOX,
    BURST_COLUMNS,
    CONTINUOUS_BOX,
    FIRST,
    HIGH,
    KIND,
    LAST,
    LOW,
    NOISE,
    POWER,
    START,
    STOP,
)

N_FFT, ROWS = 128, 20
FRAMES = ROWS * ROW_FRAMES
SAMPLES = FRAMES * N_FFT
FLOOR = np.ones(N_FFT // 4, dtype=np.float32)


def _plane(*rectangles: tuple[int, int, int, int, float], seed: int = 1) -> np.ndarray:
    """Noise of power 1 and rectangles (first frame, end frame, low, high, power per cell)."""
    plane = np.ones((FRAMES, N_FFT))
    for first, last, low, high, level in rectangles:
        plane[first:last, low:high] += level
    return (plane * np.random.default_rng(seed).gamma(8, 1 / 8, plane.shape)).astype(np.float32)


def _box(row: int, row_end: int, low: int, high: int, kind: int = BURST_BOX) -> np.ndarray:
    box = np.zeros(BOX_COLUMNS, dtype=np.int32)
    box[[B_ROW, B_ROW_END, B_LOW, B_HIGH, B_KIND]] = row, row_end, low, high, kind
    return box


def _scratch() -> tuple[np.ndarray, ...]:
    return (
        np.zeros(512, dtype=np.float32),
        np.zeros(512, dtype=np.float32),
        np.zeros(512, dtype=np.uint8),
        np.zeros(512, dtype=np.float32),
        np.zeros((64, 2)),
    )


def _bursts(plane: np.ndarray, *boxes: np.ndarray, table: int = 16) -> np.ndarray:
    sum4, _ = plane_twins.rows_of(plane)
    out = np.zeros((table, BURST_COLUMNS))
    count = bursts_of(
        plane,
        sum4.astype(np.float32),
        FLOOR,
        ROWS,
        N_FFT,
        N_FFT,
        SAMPLES,
        np.array(boxes),
        len(boxes),
        *_scratch(),
        out,
    )
    return out[:count]


@pytest.mark.parametrize("hop", [64, 128])
def test_frames_of_are_those_whose_middles_lie_inside(hop: int) -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        start = rng.uniform(0, 60 * hop)
        stop = start + rng.uniform(0, 20 * hop)
        first, last = frames_of(start, stop, 128, hop, 64)
        inside = box_twins.frames_inside(start, stop, 128, hop, 64)
        assert 0 <= first < last <= 64
        assert list(range(first, last)) == inside if inside else last - first == 1
        if not inside:
            middle = min(max((start + stop) / 2, 64), 63 * hop + 64)
            assert abs(first * hop + 64 - middle) <= hop / 2 + 1e-9


@pytest.mark.parametrize(("first", "last"), [(4, 10), (8, 44), (5, 39)])
def test_measure_span_measures_the_mean_spectrum(first: int, last: int) -> None:
    """Up to 32 frames are averaged one by one, longer spans by whole rows inside them."""
    plane = _plane((0, FRAMES, 40, 60, 50.0))
    sum4, _ = plane_twins.rows_of(plane)
    out, field = np.zeros(BURST_COLUMNS), np.zeros(m.FIELDS)
    box = _box(0, ROWS, 30, 70)
    work = np.zeros(N_FFT, dtype=np.float32)
    assert measure_span(plane, sum4.astype(np.float32), FLOOR, box, first, last, work, field, out)
    rows = slice(-(-first // 4) * 4, last // 4 * 4) if last - first > 32 else slice(first, last)
    spectrum = plane[rows, 30:70].mean(axis=0)
    low, high = plane_twins.occupied(np.where(np.arange(30, 70) // 20 == 2, spectrum, 1), np.ones(40))
    assert (out[LOW], out[HIGH]) == pytest.approx((30 + low, 30 + high), abs=0.05)
    assert out[POWER] == pytest.approx((spectrum[10:30] - 1).sum(), rel=0.02)
    assert out[NOISE] == 20
    assert (out[FIRST], out[LAST], out[KIND]) == (first, last, BURST_BOX)


def test_measure_span_of_nothing_is_nothing() -> None:
    plane = np.zeros((FRAMES, N_FFT), dtype=np.float32)
    out, field, work = np.zeros(BURST_COLUMNS), np.zeros(m.FIELDS), np.zeros(N_FFT, dtype=np.float32)
    measure_span(plane, plane[:ROWS], FLOOR, _box(0, ROWS, 30, 70), 0, 8, work, field, out)
    assert np.isfinite(out).all()
    assert out[POWER] < 1e-20


def test_cut_frames_cuts_the_band_s_envelope() -> None:
    plane = _plane((12, 30, 40, 60, 20.0), (50, 70, 40, 60, 20.0), (0, FRAMES, 80, 90, 1e4))
    work, envelope, on, scratch, segments = _scratch()
    count = cut_frames(plane, 4, FRAMES, 40, 60, 1.0, work, envelope, on, scratch, segments)
    np.testing.assert_allclose(work[: FRAMES - 4], plane[4:, 40:60].sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(envelope[: FRAMES - 4], line_twins.moving_average(work[: FRAMES - 4], 3), rtol=1e-4)
    np.testing.assert_allclose(segments[:count], [(7.5, 25.5), (45.5, 65.5)], atol=1)


@pytest.mark.parametrize(("first", "last"), [(20, 21), (20, 24), (13, 47), (0, 30), (50, FRAMES), (0, FRAMES)])
def test_a_burst_has_its_edges_band_and_level(first: int, last: int) -> None:
    rows = _box(first // 4, -(-last // 4), 30, 70)
    (burst,) = _bursts(_plane((first, last, 40, 60, 100.0)), rows)
    assert burst[START] == pytest.approx(first * N_FFT, abs=N_FFT)
    assert burst[STOP] == pytest.approx(last * N_FFT, abs=N_FFT)
    assert (burst[LOW], burst[HIGH]) == pytest.approx((40, 60), abs=0.7)
    if last - first > 8:
        assert burst[POWER] == pytest.approx(2000, rel=0.15)


@pytest.mark.xfail(strict=True, reason="short bursts are measured on the frames beside them too: 2 dB low at 4 frames")
def test_a_burst_of_four_frames_has_its_level() -> None:
    (burst,) = _bursts(_plane((20, 24, 40, 60, 100.0)), _box(5, 6, 30, 70))
    assert burst[POWER] == pytest.approx(2000, rel=0.2)


def test_a_block_s_first_and_last_sample_are_reached() -> None:
    (burst,) = _bursts(_plane((0, FRAMES, 40, 60, 100.0)), _box(0, ROWS, 30, 70))
    assert (burst[START], burst[STOP]) == (0, SAMPLES)


def test_two_bursts_in_one_box_are_two() -> None:
    found = _bursts(_plane((12, 30, 40, 60, 100.0), (36, 60, 40, 60, 100.0)), _box(3, 15, 30, 70))
    np.testing.assert_allclose(found[:, [START, STOP]] / N_FFT, [(12, 30), (36, 60)], atol=1)


def test_a_continuous_box_is_the_whole_block() -> None:
    (burst,) = _bursts(_plane((12, 60, 40, 60, 100.0)), _box(0, ROWS, 30, 70, CONTINUOUS_BOX))
    assert (burst[START], burst[STOP], burst[KIND]) == (0, SAMPLES, CONTINUOUS_BOX)


def test_a_full_table_stops() -> None:
    plane = _plane((12, 30, 40, 60, 100.0), (36, 60, 40, 60, 100.0))
    assert len(_bursts(plane, *[_box(3, 15, 30, 70)] * 4, table=3)) == 3


def test_burst_box_leaves_what_came_before() -> None:
    plane = _plane((20, 30, 40, 60, 100.0))
    sum4, _ = plane_twins.rows_of(plane)
    out = np.full((4, BURST_COLUMNS), -1.0)
    work, envelope, on, scratch, segments = _scratch()
    count = burst_box(
        plane, sum4.astype(np.float32), FLOOR, ROWS, N_FFT, N_FFT, SAMPLES, _box(5, 8, 30, 70),
        work, envelope, on, scratch, segments, np.zeros(m.FIELDS), out, 1,
    )  # fmt: skip
    assert count == 2
    assert np.all(out[0] == -1) and np.all(out[2:] == -1)
