"""The window's figures of merit and the Gamma law of noise sums, against their definitions and against draws."""

from __future__ import annotations

import numpy as np
import pytest
from support.iq import white

from ndefender.dsp.window import blackman_harris, gamma_shape, noise_bandwidth_bins


@pytest.mark.parametrize("n", [64, 512, 2048])
def test_the_window_has_unit_power_and_low_side_lobes(n: int) -> None:
    window = blackman_harris(n)
    assert window.dtype == np.float32
    assert np.sum(window.astype(np.float64) ** 2) == pytest.approx(1, abs=1e-6)
    spectrum = np.abs(np.fft.fft(window.astype(np.float64), 16 * n))
    level_db = 20 * np.log10(spectrum[: 8 * n] / spectrum[0] + 1e-12)
    assert level_db[3 * 16 + 1 :].max() < -69.5
    assert noise_bandwidth_bins(window) == pytest.approx(1.71, abs=0.01)


def test_the_shape_of_independent_cells_is_their_number() -> None:
    flat = np.full(64, 1 / 8, dtype=np.float32)
    assert gamma_shape(flat, 64, 4, 4) == pytest.approx(16)
    assert gamma_shape(flat, 64, 1, 1) == pytest.approx(1)


@pytest.mark.parametrize(("hop", "bins", "frames"), [(64, 4, 4), (32, 4, 4), (64, 1, 32), (32, 1, 32), (64, 16, 8)])
def test_the_shape_is_mean_squared_over_variance(hop: int, bins: int, frames: int) -> None:
    rng, window = np.random.default_rng(1), blackman_harris(64)
    sums = []
    for _ in range(1500):
        x = white(rng, 64 + hop * (frames - 1), 1.0)
        cells = np.abs(np.fft.fft([x[f * hop : f * hop + 64] * window for f in range(frames)], axis=1)) ** 2
        sums += [cells[:, k : k + bins].sum() for k in range(0, 64 - bins, 32)]
    expected = np.mean(sums) ** 2 / np.var(sums)
    assert gamma_shape(window, hop, bins, frames) == pytest.approx(expected, rel=0.12)
