"""The look at narrow bursts, all at once, against the single tests on each burst alone."""

from __future__ import annotations

import numpy as np
import pytest
from support.iq import quantised, white

from ndefender.dsp import evidence as ev
from ndefender.dsp import narrow
from ndefender.dsp.baseband import MAX_STEP, Downconverter, decimation
from ndefender.dsp.narrow import NarrowLooks, decimations, look

RATE_HZ = 20e6
N = 40_000


def _keyed(offset_hz: float, chip_s: float, deviation_hz: float, seed: int) -> np.ndarray:
    """Frequency-shift keying at an offset, filling the block."""
    chips = np.random.default_rng(seed).choice((-1, 1), int(N / RATE_HZ / chip_s) + 1)
    steps = np.repeat(chips, round(chip_s * RATE_HZ))[:N] * deviation_hz + offset_hz
    return 300 * np.exp(2j * np.pi * np.cumsum(steps) / RATE_HZ)


@pytest.fixture(scope="module")
def iq() -> np.ndarray:
    noise = 5 * white(np.random.default_rng(1), N)
    wide = np.fft.ifft(np.fft.fft(white(np.random.default_rng(2), N)) * (np.abs(np.fft.fftfreq(N)) < 0.05)) * 900
    return quantised(
        noise
        + _keyed(-6e6, 1e-6, 250e3, 3)
        + _keyed(7e6, 4e-6, 60e3, 4)
        + wide * np.exp(0.5j * np.pi * np.arange(N) / N)
    ).reshape(-1)


SPANS = np.array([[0, N], [5000, 25_000], [100, 130], [5000, 30_000]], dtype=np.int64)
OFFSETS_HZ = np.array([-6e6, 7e6, -6e6, 0.0])
WIDTHS_HZ = np.array([1.1e6, 0.25e6, 1.1e6, 2e6])


def test_a_look_is_the_single_tests_on_each_burst(iq: np.ndarray) -> None:
    down = Downconverter(1 << 14)
    taken = NarrowLooks(down, 1 << 13, 160, 64).take(iq, SPANS, RATE_HZ, OFFSETS_HZ, WIDTHS_HZ).copy()
    alone = Downconverter(1 << 14)
    for row, (start, stop), offset_hz, width_hz in zip(taken, SPANS.tolist(), OFFSETS_HZ, WIDTHS_HZ, strict=True):
        step = decimation(RATE_HZ, width_hz)
        most = max(1 << 13, 160 * step)
        first = start + max(0, stop - start - most) // 2
        x = alone.extract(iq, first, min(stop, first + most), offset_hz / RATE_HZ, step)
        assert row[narrow.SAMPLES] == len(x)
        if len(x) < narrow.MIN_SAMPLES:
            assert not row[1:].any()
            continue
        f, slope, moments = np.zeros(len(x), dtype=np.float32), np.zeros(2), np.zeros(5)
        cv = ev.envelope_cv(x[: narrow.ENVELOPE_OUTPUTS])
        lora = ev.nearest_lora(width_hz) if cv < narrow.CONSTANT_CV else 0.0
        spreading = ev.narrow_tests(x, RATE_HZ / step, width_hz, lora, f, slope, moments)
        expected = [cv, *ev.two_level(moments, RATE_HZ / step), spreading, lora]
        np.testing.assert_allclose(row[1:6], expected, rtol=1e-4, atol=1e-6)
    assert taken[0, narrow.DEVIATION] == pytest.approx(250e3, rel=0.25)
    assert taken[1, narrow.DEVIATION] == pytest.approx(60e3, rel=0.25)


def test_no_bursts_cost_nothing(iq: np.ndarray) -> None:
    out = np.full((3, narrow.LOOK_COLUMNS), 7.0)
    down = Downconverter(64)
    work = np.zeros(64, dtype=np.float32)
    none = np.zeros((0, 3))
    look(iq, none.astype(np.int64), none, down.filters.bank, down.taps, down.turns, down.out, work, out)
    assert (out == 7).all()
    assert len(NarrowLooks(down, 100, 10, 4).take(iq, SPANS[:0], RATE_HZ, OFFSETS_HZ[:0], WIDTHS_HZ[:0])) == 0


def test_decimations_are_those_of_single_bursts() -> None:
    widths_hz = np.array([1e3, 1e5, 1e6, 5e6, 19e6])
    assert decimations(RATE_HZ, widths_hz).tolist() == [decimation(RATE_HZ, w) for w in widths_hz]
    assert decimations(RATE_HZ, np.array([1.0])).tolist() == [MAX_STEP]
