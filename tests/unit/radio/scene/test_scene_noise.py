"""Noise that is honest: Gaussian, white, independent of everything but time and tuning; kernels beside naive twins."""

from __future__ import annotations

import numpy as np
import pytest
from air import CLEAN, raw, scene
from numpy.typing import NDArray
from scipy import stats

from ndefender.radio.scene import Renderer
from ndefender.radio.scene.chance import Dice, mix64
from ndefender.radio.scene.kernels import add_filtered, add_shifted, quantise
from ndefender.radio.scene.noise import FRESH, SPLICE, Noise, draw_fresh, scramble
from ndefender.radio.scene.receiver import HALF_TAPS, response, taps

RATE_HZ = 61.44e6


def draw(n: int, k: int = 0, key: int = 99) -> NDArray[np.complex128]:
    re, im = np.zeros(n, np.float32), np.zeros(n, np.float32)
    draw_fresh(re, im, n, np.uint64(k), np.uint64(key), 1.0)
    return re.astype(np.float64) + 1j * im


def bank(n: int, k: int = 0, receiver_hz: float = 1e9, seed: int = 1) -> NDArray[np.complex128]:
    re, im = np.zeros(n, np.float32), np.zeros(n, np.float32)
    Noise(Dice(seed), fresh=False).add(re, im, n, k, receiver_hz, RATE_HZ, 56e6, 2.0)
    return re.astype(np.float64) + 1j * im


def test_fresh_noise_is_gaussian() -> None:
    x = draw(1 << 20)
    for part in (x.real, x.imag):
        assert abs(part.mean()) < 5e-3
        assert part.var() == pytest.approx(1.0, abs=7e-3)
        assert stats.kstest(part[:100_000], "norm").pvalue > 1e-4
        assert stats.kurtosis(part) == pytest.approx(0.0, abs=0.025)
        for sigmas, count in ((3.0, 2831.0), (4.0, 66.4)):
            found = np.count_nonzero(np.abs(part) > sigmas)
            assert abs(found - count) < 5 * np.sqrt(count)
    assert np.abs(x).max() > 4.5
    power = np.abs(x) ** 2
    assert stats.kstest(power[::7] / 2, "expon").pvalue > 1e-4
    assert abs(np.corrcoef(x.real, x.imag)[0, 1]) < 5e-3
    assert abs(np.corrcoef(x.real**2, x.imag**2)[0, 1]) < 5e-3


@pytest.mark.parametrize("lag", [1, 2, 3, 511, 512, 2048, FRESH, 3 * FRESH])
def test_fresh_noise_does_not_remember(lag: int) -> None:
    x = draw(1 << 19)
    for other in (x[lag:], np.conj(x[lag:])):
        assert abs(np.mean(x[:-lag] * np.conj(other))) < 0.014  # five deviations of the mean
    power = np.abs(x) ** 2
    assert abs(np.corrcoef(power[:-lag], power[lag:])[0, 1]) < 0.007


@pytest.mark.parametrize("make", [draw, bank])
def test_noise_depends_on_time_and_tuning_only(make: object) -> None:
    if make is draw:
        whole, late, other = draw(30_000), draw(20_000, 10_000), draw(30_000, key=100)
    else:
        whole, late, other = bank(30_000), bank(20_000, 10_000), bank(30_000, receiver_hz=1.1e9)
    assert np.array_equal(whole[10_000:], late)
    assert abs(np.vdot(whole, other)) / np.vdot(whole, whole).real < 0.03


def test_cells_of_a_spectrum_are_exponential() -> None:
    """What false alarms rest on: |FFT|² of both noises follows the exponential law far into its tail."""
    size, frames = 1024, 1024
    for x in (draw(size * frames, 12_345), bank(size * frames, 12_345)):
        cells = np.abs(np.fft.fft(x.reshape(frames, size), axis=1)) ** 2 / size
        flat = cells[:, np.abs(np.fft.fftfreq(size)) < 0.4].ravel() / 2.0
        level = flat.mean()
        for pfa in (1e-2, 1e-3, 1e-4):
            expected = pfa * flat.size
            found = np.count_nonzero(flat > -np.log(pfa) * level)
            assert abs(found - expected) < 5 * np.sqrt(expected) + 0.02 * expected


def test_the_bank_does_not_repeat_within_a_dwell() -> None:
    x = bank(64 * SPLICE)
    blocks = x.reshape(64, SPLICE)
    whole = np.fft.fft(blocks, 2 * SPLICE, axis=1)
    for i in range(0, 64, 7):
        for j in range(i + 1, 64, 5):
            for other in (whole[j], np.fft.fft(np.conj(blocks[j]), 2 * SPLICE)):
                peak = np.abs(np.fft.ifft(whole[i] * np.conj(other))).max()
                assert peak < 0.3 * np.vdot(blocks[i], blocks[i]).real


def test_the_hash_is_the_one_of_the_schedule() -> None:
    for value in (0, 1, 12345, 2**63 + 7):
        assert int(scramble(np.uint64(value))) == mix64(value * 0x9E3779B97F4A7C15)


def naive(
    x: NDArray[np.complex128], k: NDArray[np.int64], step: int, phase: int, gain: float
) -> NDArray[np.complex128]:
    turns = np.array([(phase + int(i) * step) % 2**64 / 2**64 for i in k])
    return gain * x * np.exp(2j * np.pi * turns)


@pytest.mark.parametrize("k", [0, 255, 10**12 + 17])
@pytest.mark.parametrize("step", [0, 2**61 + 12_345, 2**64 - 2**60])
def test_mixing_beside_its_naive_twin(k: int, step: int) -> None:
    rng = np.random.default_rng(1)
    stored = rng.integers(-9000, 9000, (2, 3000)).astype(np.int16)
    re, im = np.ones(1500, np.float32), np.zeros(1500, np.float32)
    phase = 2**63 + 999
    add_shifted(
        re, im, 100, 1000, np.uint64(k), stored[0], stored[1], 700, np.uint64(step), np.uint64(phase), 0.01
    )  # fmt: skip
    expected = np.ones(1500, np.complex128)
    expected[100:1100] += naive(
        stored[0, 700:1700] + 1j * stored[1, 700:1700], k + np.arange(1000), step, phase, 0.01
    )  # fmt: skip
    assert np.abs(re + 1j * im - expected).max() < 2e-4


@pytest.mark.parametrize("ratio", [1, 3])
def test_filtering_beside_its_naive_twin(ratio: int) -> None:
    rng = np.random.default_rng(2)
    stored = rng.integers(-9000, 9000, (2, 6000)).astype(np.int16)
    h = taps(5e6, RATE_HZ, 56e6, ratio)
    assert len(h) == 2 * HALF_TAPS * ratio + 1
    re, im = np.zeros(1500, np.float32), np.zeros(1500, np.float32)
    step, k = 2**60 + 3, 777
    add_filtered(
        re, im, 0, 1500, np.uint64(k), stored[0], stored[1], 500, np.uint64(step), np.uint64(0), 0.01,
        np.ascontiguousarray(h.real), np.ascontiguousarray(h.imag), ratio,
    )  # fmt: skip
    x = stored[0].astype(np.float64) + 1j * stored[1]
    y = np.array([np.dot(h, x[500 + i * ratio - HALF_TAPS * ratio :][: len(h)]) for i in range(1500)])
    assert np.abs(re + 1j * im - naive(y, k + np.arange(1500), step, 0, 0.01)).max() < 1e-3


def test_quantising_beside_its_naive_twin() -> None:
    rng = np.random.default_rng(3)
    x = (rng.normal(0, 1200, (5000, 2)) @ np.array([1, 1j])).astype(np.complex64)
    image = 0.01 - 0.02j
    out = np.empty((5000, 2), np.int16)
    parts = np.ascontiguousarray(x.real), np.ascontiguousarray(x.imag)
    clipped = quantise(*parts, 5000, 3.0, -2.0, image.real, image.imag, out)
    y = x + image * np.conj(x) + (3.0 - 2.0j)
    expected = np.clip(np.floor(np.stack((y.real, y.imag), 1) + 0.5), -2048, 2047)
    assert np.abs(out - expected).max() <= 1  # a tie may fall either way in float32
    assert np.mean(out != expected) < 1e-3
    assert clipped == np.count_nonzero(np.any(np.abs(out.astype(int)) >= 2047, axis=1))


def test_the_filter_is_the_response() -> None:
    h = taps(0.0, RATE_HZ, 56e6, 1)
    f = np.linspace(-0.5, 0.5, 201) * RATE_HZ
    got = np.abs(np.exp(2j * np.pi * np.outer(f / RATE_HZ, np.arange(len(h)) - HALF_TAPS)) @ h)
    wanted = response(f, RATE_HZ, 56e6)
    inner = np.abs(f) < 0.41 * RATE_HZ
    assert np.abs(20 * np.log10(got[inner] / wanted[inner])).max() < 0.1
    assert np.abs(got - wanted).max() < 0.05
    assert wanted[100] == 1.0
    assert not response(np.array([0.51 * RATE_HZ, 2 * RATE_HZ]), RATE_HZ, 56e6).any()


def test_noise_scales_with_gain() -> None:
    renderer = Renderer(scene(noise_dbfs_hz=-130.0, impairments=CLEAN))
    levels = []
    for gain_db in (40.0, 60.0):
        out, _ = raw(renderer, 0, 1 << 16, 1e9, RATE_HZ, 56e6, gain_db)
        levels.append(10 * np.log10(np.mean(out.astype(float) ** 2)))
    assert levels[1] - levels[0] == pytest.approx(20.0, abs=0.2)
