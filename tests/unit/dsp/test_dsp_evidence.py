"""Evidence kernels against numpy, and what each test says of signals made to show it."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import line_twins as twin

from ndefender.dsp import evidence as ev
from ndefender.dsp.classify import classify
from ndefender.dsp.demodulate import angle, demodulate, frequency_moments
from ndefender.dsp.rules import Shape
from ndefender.records import EVIDENCE_NAMES
from ndefender.taxonomy import CLASSES

RNG = np.random.default_rng


def _noise(n: int, seed: int = 1) -> np.ndarray:
    rng = RNG(seed)
    return ((rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2)).astype(np.complex64)


def _lora(symbols: list[int], sf: int, rate_hz: float, width_hz: float, falling: bool = False) -> np.ndarray:
    """Chirps of one symbol time each, every one begun at its symbol's frequency and wrapped."""
    chips = 2**sf
    n = round(chips / width_hz * rate_hz)
    t = np.arange(n) / n
    phase, out = 0.0, []
    for symbol in symbols:
        frequency = ((t + symbol / chips) % 1.0 - 0.5) * width_hz
        steps = 2 * np.pi * np.cumsum(-frequency if falling else frequency) / rate_hz
        out.append(np.exp(1j * (phase + steps)))
        phase += steps[-1]
    return np.concatenate(out).astype(np.complex64)


def test_envelope_cv_is_the_spread_over_the_mean() -> None:
    x = _noise(777)
    assert ev.envelope_cv(x) == pytest.approx(np.std(np.abs(x)) / np.mean(np.abs(x)), rel=1e-4)
    assert ev.envelope_cv(np.ones(50, dtype=np.complex64)) == pytest.approx(0, abs=1e-3)
    assert ev.envelope_cv(x[:0]) == 0
    assert ev.envelope_cv(np.zeros(9, dtype=np.complex64)) == 0


@pytest.mark.parametrize("group", [1, 3, 10])
def test_demodulate(group: int) -> None:
    x, out = _noise(200), np.zeros(200, dtype=np.float32)
    count = demodulate(x, group, out)
    expected = twin.instantaneous(x, group)
    assert count == len(expected)
    np.testing.assert_allclose(out[:count], expected, atol=1e-4)
    tone = np.exp(1j * 0.37 * np.arange(200)).astype(np.complex64)
    count = demodulate(tone, group, out)
    np.testing.assert_allclose(out[:count], 0.37, atol=1e-5)
    count = demodulate(np.zeros(50, dtype=np.complex64), group, out)
    assert not out[:count].any()


@pytest.mark.parametrize(("near", "far"), [(1, 3), (2, 17)])
def test_chirp_slope(near: int, far: int) -> None:
    x, out = _noise(400), np.zeros(2)
    ev.chirp_slope(x, near, far, out)
    np.testing.assert_allclose(out, twin.second_difference(x, near, far), atol=1e-4)
    slope = 1e-3  # cycles per sample squared
    chirp = np.exp(1j * np.pi * slope * np.arange(400) ** 2).astype(np.complex64)
    ev.chirp_slope(chirp, near, far, out)
    assert out[0] == pytest.approx(2 * np.pi * slope * near * far, abs=1e-3)
    assert out[1] == pytest.approx(1, abs=1e-3)
    ev.chirp_slope(np.zeros(50, dtype=np.complex64), near, far, out)
    assert not out.any()


def test_frequency_moments() -> None:
    f, out = RNG(3).normal(0.1, 0.5, 1000).astype(np.float32), np.zeros(5)
    frequency_moments(f, 900, 1.0, out)
    np.testing.assert_allclose(out, twin.central_moments(f[:900], 1.0), rtol=1e-4, atol=1e-6)
    frequency_moments(f, 900, 0.0, out)
    assert not out.any()


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("sf", [5, 7, 9])
def test_narrow_tests_names_the_spreading_factor(sf: int, falling: bool) -> None:
    rate, width = 1.6 * 812.5e3, 812.5e3
    x = _lora(RNG(sf).integers(0, 2**sf, 8).tolist(), sf, rate, width, falling)
    f, slope, out = np.zeros(len(x), dtype=np.float32), np.zeros(2), np.zeros(5)
    assert ev.narrow_tests(x, rate, width, width, f, slope, out) == (-sf if falling else sf)
    demodulated = twin.instantaneous(x, 1)
    np.testing.assert_allclose(
        out, twin.central_moments(demodulated, 2 * np.pi * 0.6 * width / rate), rtol=1e-3, atol=1e-5
    )
    assert ev.narrow_tests(x, rate, width, 0.0, f, slope, out) == 0


def test_narrow_tests_of_noise_and_a_carrier_are_no_chirps() -> None:
    f, slope, out = np.zeros(4000, dtype=np.float32), np.zeros(2), np.zeros(5)
    for x in (_noise(4000), np.ones(4000, dtype=np.complex64), np.zeros(4000, dtype=np.complex64)):
        assert ev.narrow_tests(x, 1.3e6, 8e5, 812.5e3, f, slope, out) == 0
        assert np.isfinite(out).all()


LORA_RATE_HZ, LORA_HZ = 8e5, 5e5


@pytest.mark.parametrize("aside", [0, 37, 51, 90])
@pytest.mark.parametrize("sf", [6, 8])
def test_dechirp_gathers_a_preamble_whatever_the_alignment(sf: int, aside: int) -> None:
    x = _lora([0] * 20, sf, LORA_RATE_HZ, LORA_HZ)[aside:]
    assert ev.dechirp(x, LORA_RATE_HZ, LORA_HZ, sf) > 0.85
    assert ev.dechirp(np.conj(x), LORA_RATE_HZ, LORA_HZ, -sf) > 0.85
    assert ev.dechirp(x, LORA_RATE_HZ, LORA_HZ, -sf) < 0.25


@pytest.mark.parametrize("sf", [6, 7, 8])
def test_dechirp_gathers_aligned_symbols(sf: int) -> None:
    x = _lora(RNG(sf).integers(0, 2**sf, 20).tolist(), sf, LORA_RATE_HZ, LORA_HZ)
    assert ev.dechirp(x, LORA_RATE_HZ, LORA_HZ, sf) > 0.8


@pytest.mark.parametrize("sf", [6, 7, 8])
def test_dechirp_gathers_enough_of_symbols_for_the_classifier_whatever_the_alignment(sf: int) -> None:
    """Windows half a symbol off hold two symbols: 0.28 at the least, where anything else stays under 0.2."""
    n = round(2**sf / LORA_HZ * LORA_RATE_HZ)
    for seed in (1, 7, 9):
        x = _lora(RNG(seed).integers(0, 2**sf, 20).tolist(), sf, LORA_RATE_HZ, LORA_HZ)
        least = min(ev.dechirp(x[a:], LORA_RATE_HZ, LORA_HZ, sf) for a in range(0, n, n // 16))
        evidence = dict.fromkeys(EVIDENCE_NAMES, 0.0) | {"chirp_score": least}
        shape = Shape(868e6, LORA_HZ, 5e-3, 20.0, 8e3, continuous=False, pulsed=False, evidence=evidence)
        class_id, confidence = classify(shape)
        assert CLASSES[class_id].path == ("Control", "LoRa", "ELRS"), least
        assert confidence > 0.7


def test_dechirp_of_anything_else_is_low() -> None:
    fsk = np.exp(1j * np.cumsum(np.repeat(RNG(1).choice((-0.5, 0.5), 800), 8))).astype(np.complex64)
    for x in (_noise(6400), np.ones(6400, dtype=np.complex64), fsk):
        assert ev.dechirp(x, 8e5, 5e5, 8) < 0.2
    assert ev.dechirp(np.zeros(6400, dtype=np.complex64), 8e5, 5e5, 8) == 0


def test_two_level_tells_keying_from_noise() -> None:
    moments = np.zeros(5)
    levels = RNG(6).choice((-0.2, 0.2), 1000).astype(np.float32)
    frequency_moments(levels, 1000, 3.0, moments)
    deviation, bimodality = ev.two_level(moments, 1e6)
    assert deviation == pytest.approx(0.2 * 1e6 / (2 * np.pi), rel=0.01)
    assert bimodality == pytest.approx(1, abs=0.02)
    frequency_moments(RNG(7).normal(0, 0.2, 4000).astype(np.float32), 4000, 3.0, moments)
    assert ev.two_level(moments, 1e6)[1] == pytest.approx(1 / 3, abs=0.05)
    assert ev.two_level(np.zeros(5), 1e6) == (0.0, 0.0)


def test_nearest_lora() -> None:
    assert ev.nearest_lora(800e3) == 812.5e3
    assert ev.nearest_lora(510e3) == 500e3
    assert ev.nearest_lora(60e3) == 0
    assert ev.nearest_lora(8e6) == 0


def test_angle_is_the_arc_tangent_in_all_quadrants() -> None:
    turn = np.exp(1j * np.linspace(-np.pi, np.pi, 1001)[1:])
    for z in (turn, 1e-9 * turn, 1e15 * turn):
        got = [angle(np.float32(v.imag), np.float32(v.real)) for v in z]
        np.testing.assert_allclose(got, np.angle(z), atol=5e-7)
    assert angle(np.float32(0), np.float32(0)) == 0
    assert angle(np.float32(0), np.float32(-2)) == pytest.approx(np.pi)
