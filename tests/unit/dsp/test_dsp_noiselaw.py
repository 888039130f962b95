"""The law of noise sums against its exact twin, closed forms, and sums of made noise."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import law_twins
from scipy.stats import gamma
from support.iq import white

from ndefender.dsp.noiselaw import NoiseLaw, patch_law
from ndefender.dsp.window import blackman_harris, gamma_shape

N_FFT = 256


def _exact(bins: int, frames: int, ratio: float) -> float:
    """Tail of the sum over frames that do not overlap."""
    weights = law_twins.bin_eigenvalues(blackman_harris(N_FFT), bins)
    return law_twins.tail(weights, ratio * frames * float(weights.sum()), frames)


def _cells(hop: int, frames: int, blocks: int, seed: int) -> np.ndarray:
    """Cells of white noise of unit power, shape (blocks, frames, N_FFT)."""
    rng, window = np.random.default_rng(seed), blackman_harris(N_FFT)
    x = white(rng, blocks * (N_FFT + hop * (frames - 1)), np.sqrt(0.5)).reshape(blocks, -1)
    cut = np.stack([x[:, f * hop : f * hop + N_FFT] * window for f in range(frames)], axis=1)
    return np.asarray(np.abs(np.fft.fft(cut, axis=2)) ** 2)


def test_the_twin_is_the_law_of_draws() -> None:
    weights = law_twins.bin_eigenvalues(blackman_harris(N_FFT), 4)
    sums = np.random.default_rng(1).exponential(size=(400_000, 16)) @ np.tile(weights, 4)
    for threshold in (25.0, 40.0):
        assert law_twins.tail(weights, threshold, 4) == pytest.approx(np.mean(sums > threshold), rel=0.1)
    assert law_twins.tail(np.ones(16), 40.0) == pytest.approx(gamma.sf(40.0, 16), rel=1e-3)
    assert law_twins.tail(np.ones(1), 1.1 * 768, 768) == pytest.approx(gamma.sf(1.1 * 768, 768), rel=1e-3)


@pytest.mark.parametrize(("bins", "frames"), [(4, 1), (4, 4), (4, 13), (1, 40), (16, 8), (16, 48)])
def test_the_tail_of_a_patch_is_its_twin_s(bins: int, frames: int) -> None:
    """Within a per cent from one in four down to one in ten thousand million; within three for a single frame."""
    law, compared = patch_law(N_FFT, N_FFT, bins, frames), 0
    for ratio in (1.1, 1.2, 1.3, 1.6, 2.0, 3.0, 4.0, 6.0):
        exact = _exact(bins, frames, ratio)
        if exact > 1e-10:
            assert law.tail(ratio) == pytest.approx(exact, rel=0.03 if frames == 1 else 0.01)
            compared += 1
    assert compared >= 3


@pytest.mark.parametrize("shape", [1.0, 4.0, 12.5, 500.0])
def test_equal_weights_are_the_gamma_law(shape: float) -> None:
    law = NoiseLaw(np.ones(3) * 7.0, shape / 3)
    for ratio in (0.3, 0.8, 1.5, 3.0):
        exact = gamma.sf(ratio * shape, shape)
        if exact > 1e-12:
            assert law.tail(ratio) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(("hop", "bins", "frames"), [(256, 4, 4), (256, 16, 8), (128, 4, 4), (128, 1, 32), (128, 4, 1)])
def test_the_tail_is_that_of_made_noise(hop: int, bins: int, frames: int) -> None:
    """With overlap the law has the right mean and variance only: a tenth of a per cent is then met within a third."""
    law, cells = patch_law(N_FFT, hop, bins, frames), _cells(hop, frames, 2400 if frames > 8 else 6000, seed=hop + bins)
    starts = range(0, N_FFT - bins, bins + 4)  # four bins apart, cells are independent
    sums = [cells[:, :, k : k + bins].sum(axis=(1, 2)) for k in starts]
    ratios = np.concatenate(sums) / (bins * frames)
    assert ratios.mean() == pytest.approx(1, abs=0.01)
    exact = hop == N_FFT
    for probability, tolerance in ((0.1, 0.03), (0.01, 0.06 if exact else 0.15), (1e-3, 0.2 if exact else 0.35)):
        assert np.mean(ratios > law.quantile(probability)) == pytest.approx(probability, rel=tolerance)


def test_overlapping_frames_count_for_less() -> None:
    apart, over = patch_law(N_FFT, N_FFT, 4, 8), patch_law(N_FFT, N_FFT // 2, 4, 8)
    fewer = patch_law(N_FFT, N_FFT, 4, 4)
    for ratio in (1.5, 2.0, 3.0):
        assert apart.tail(ratio) < over.tail(ratio) < fewer.tail(ratio)


@pytest.mark.parametrize(("bins", "frames", "hop"), [(1, 1, 256), (4, 4, 256), (4, 4, 128), (16, 100, 256)])
def test_the_tail_falls_from_one_to_nothing(bins: int, frames: int, hop: int) -> None:
    """Through the mean too, where the saddle point is at zero and the formula is 0/0."""
    law = patch_law(N_FFT, hop, bins, frames)
    ratios = np.concatenate([np.geomspace(1e-3, 0.98, 40), np.linspace(0.99, 1.01, 81), np.geomspace(1.02, 30, 60)])
    tails = np.array([law.tail(float(r)) for r in ratios])
    assert np.all((tails >= 0) & (tails <= 1))
    assert np.all(np.diff(tails) <= 1e-9)
    assert tails[0] > 0.99 and tails[-1] < 1e-9


@pytest.mark.parametrize(("bins", "frames"), [(1, 1), (4, 4), (16, 300)])
def test_quantile_is_the_inverse_of_tail(bins: int, frames: int) -> None:
    law = patch_law(N_FFT, N_FFT, bins, frames)
    last = 0.0
    for probability in (0.9, 0.3, 0.1, 1e-3, 1e-8, 1e-12):
        ratio = law.quantile(probability)
        assert law.tail(ratio) == pytest.approx(probability, rel=1e-4)
        assert ratio > last
        last = ratio


def test_the_tail_is_heavier_than_the_gamma_law_of_the_same_variance() -> None:
    """More so the rarer: why the law is not that of its moments."""
    shape, law = gamma_shape(blackman_harris(N_FFT), N_FFT, 4, 4), patch_law(N_FFT, N_FFT, 4, 4)
    assert law.tail(2.5) > 1.2 * gamma.sf(2.5 * shape, shape)
    assert law.tail(4.0) > 4 * gamma.sf(4.0 * shape, shape)


def test_a_patch_is_worked_out_once() -> None:
    assert patch_law(N_FFT, N_FFT, 4, 4) is patch_law(N_FFT, N_FFT, 4, 4)
