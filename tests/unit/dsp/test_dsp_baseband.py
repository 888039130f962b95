"""Mixing, filtering and decimation against direct convolution, and where the outputs lie in time."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import line_twins as twin
from support.iq import quantised, tone, white

from ndefender.dsp.baseband import (
    MAX_STEP,
    OVERSAMPLING,
    TAPS_GRAIN,
    TAPS_PER_STEP,
    TURNS,
    Downconverter,
    Filters,
    decimation,
    extract_into,
    mix,
    mix_decimate,
    padded_length,
    rotate_taps,
)


def _iq(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-2048, 2048, 2 * n).astype(np.int16)


@pytest.mark.parametrize(("step", "start", "omega"), [(1, 0, 0.3), (2, 5, -1.1), (7, 11, 2.9), (32, 0, 0.0)])
def test_mix_decimate_is_a_direct_convolution(step: int, start: int, omega: float) -> None:
    prototype = np.random.default_rng(2).normal(size=3 * step + 1)
    iq, n_out = _iq(40 * step + 200), 30
    taps = np.zeros((2, 2 * len(prototype)), dtype=np.float32)
    rotate_taps(prototype, omega, taps[0], taps[1])
    out = np.zeros(n_out + 1, dtype=np.complex64)
    mix_decimate(iq, start, taps[0], taps[1], step, omega, out, n_out)
    expected = twin.mixed_down(iq, start, prototype, step, omega, n_out)
    np.testing.assert_allclose(out[:n_out], expected, atol=1e-5 * np.abs(expected).max())
    assert out[n_out] == 0


def test_the_phase_does_not_drift_over_many_outputs() -> None:
    iq, n_out, omega = _iq(6000), 5000, 0.7131
    taps = np.zeros((2, 2), dtype=np.float32)
    rotate_taps(np.ones(1), omega, taps[0], taps[1])
    out = np.zeros(n_out, dtype=np.complex64)
    mix_decimate(iq, 500, taps[0], taps[1], 1, omega, out, n_out)
    np.testing.assert_allclose(out, twin.mixed_down(iq, 500, np.ones(1), 1, omega, n_out), atol=0.05)


def test_rotate_taps_gives_real_and_imaginary_part_as_dot_products() -> None:
    prototype, omega = np.random.default_rng(3).normal(size=9), 0.4
    taps = np.zeros((2, 18), dtype=np.float32)
    rotate_taps(prototype, omega, taps[0], taps[1])
    x = np.random.default_rng(4).normal(size=18)
    expected = np.sum(prototype * np.exp(-1j * omega * np.arange(9)) * (x[0::2] + 1j * x[1::2]))
    assert complex(taps[0] @ x, taps[1] @ x) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("n_out", "start"), [(1, 0), (TURNS, 3), (3 * TURNS + 17, 1000)])
def test_mix_is_a_multiplication(n_out: int, start: int) -> None:
    iq, omega = _iq(start + n_out), -0.913
    out, turns = np.zeros(n_out, dtype=np.complex64), np.zeros((2, TURNS), dtype=np.float32)
    mix(iq, start, turns, omega, out.view(np.float32), n_out)
    np.testing.assert_allclose(out, twin.mixed_down(iq, start, np.ones(1), 1, omega, n_out), atol=0.01)


def test_decimation_keeps_the_bandwidth_and_its_limit() -> None:
    for bandwidth in (1e3, 1e5, 1e6, 5e6, 30e6, 61e6):
        step = decimation(61.44e6, bandwidth)
        assert 1 <= step <= MAX_STEP
        assert step == 1 or 61.44e6 / step >= OVERSAMPLING * bandwidth


@pytest.mark.parametrize("step", [1, 2, 8, 40])
def test_a_tone_comes_out_at_zero_with_its_amplitude(step: int) -> None:
    iq = quantised(1000 * tone(60 * step + 500, 0.23)).reshape(-1)
    x = Downconverter(4096).extract(iq, 0, 60 * step + 500, 0.23, step)
    assert len(x) > 40
    np.testing.assert_allclose(np.abs(x), 1000, rtol=0.01)
    assert np.std(np.angle(x * np.conj(x[0]))) < 0.01


@pytest.mark.parametrize("step", [4, 16])
def test_what_lies_outside_is_rejected(step: int) -> None:
    """40 dB at a whole output rate away, where it would alias onto the emission."""
    iq = quantised(2000 * tone(400 * step, 1.0 / step)).reshape(-1)
    x = Downconverter(4096).extract(iq, 0, 400 * step, 0.0, step)
    assert 20 * np.log10(np.abs(x).max() / 2000) < -38


@pytest.mark.parametrize("start", [64, 100, 333])
def test_output_k_is_centred_on_its_input(start: int) -> None:
    step, at = 8, start + 8 * 8
    iq = np.zeros(2 * 1000, dtype=np.int16)
    iq[2 * at] = 2000
    x = np.abs(Downconverter(400).extract(iq, start, 900, 0.11, step))
    assert np.argmax(x) == 8
    assert x[7] == pytest.approx(x[9], rel=1e-3)


@pytest.mark.parametrize("start", [0, 5, 11, 12, 13])
def test_the_origin_says_where_outputs_lie_at_the_start_of_the_block(start: int) -> None:
    """Half a filter, 12 samples, is missing before sample 0: the first output is centred where it fits."""
    step, down = 8, Downconverter(400)
    iq = np.zeros(2 * 1000, dtype=np.int16)
    at = max(start, TAPS_PER_STEP * step // 2) + 8 * step
    iq[2 * at] = 2000
    x = np.abs(down.extract(iq, start, 900, 0.11, step))
    assert down.origin == at - 8 * step
    assert np.argmax(x) == 8
    assert x[7] == pytest.approx(x[9], rel=1e-3)


def test_the_origin_without_decimation_is_the_start() -> None:
    down = Downconverter(400)
    down.extract(np.zeros(2000, dtype=np.int16), 7, 900, 0.11, 1)
    assert down.origin == 7


def test_the_output_is_bounded_by_what_exists_and_by_its_memory() -> None:
    iq = quantised(white(np.random.default_rng(5), 1000)).reshape(-1)
    down = Downconverter(50)
    assert len(down.extract(iq, 0, 10**9, 0.1, 4)) == 50
    assert len(down.extract(iq, 990, 10**9, 0.1, 4)) <= 3
    assert len(down.extract(iq, 0, 3, 0.1, 256)) == 0
    assert down.taps.shape[1] // 2 >= TAPS_PER_STEP * MAX_STEP + 1


@pytest.mark.parametrize("step", [2, 7, 40, MAX_STEP])
def test_filters_are_padded_with_zeros_and_pass_a_constant(step: int) -> None:
    taps = Filters().need(step)
    assert len(taps) == padded_length(step) and len(taps) % TAPS_GRAIN == 0
    assert np.sum(taps) == pytest.approx(1) and not taps[TAPS_PER_STEP * step + 1 :].any()
    assert np.argmax(taps) == (TAPS_PER_STEP * step + 1) // 2


@pytest.mark.parametrize("start", [0, 3, 500])
def test_extract_into_says_where_its_outputs_lie(start: int) -> None:
    step, omega, iq = 9, 0.7, _iq(2000)
    prototype, work = Filters().need(step), Downconverter(300)
    n, origin = extract_into(iq, start, 1500, omega, step, prototype, work.taps, work.turns, work.out)
    middle = (TAPS_PER_STEP * step + 1) // 2
    assert origin == max(start, middle) and n == (1500 - start) // step
    expected = twin.mixed_down(iq, origin - middle, prototype, step, omega, n)
    np.testing.assert_allclose(work.out[:n], expected, atol=1e-5 * np.abs(expected).max())
