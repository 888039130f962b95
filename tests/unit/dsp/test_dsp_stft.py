"""The power plane against numpy's FFT of naively cut frames."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import plane_twins as twin

from ndefender.dsp.stft import ROW_FRAMES, Stft, dc_offset, power_row, power_rows, reduce_row, take_away, window_frames
from ndefender.dsp.window import blackman_harris


def _iq(n: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32768, 32768, 2 * n).astype(np.int16)


@pytest.mark.parametrize(("n_fft", "hop", "start"), [(64, 64, 0), (64, 32, 17), (128, 128, 100)])
def test_window_frames_is_samples_times_window(n_fft: int, hop: int, start: int) -> None:
    iq, window = _iq(8 * n_fft), blackman_harris(n_fft)
    out = np.zeros((5, 2 * n_fft), dtype=np.float32)
    window_frames(iq, start, hop, np.repeat(window, 2), out)
    np.testing.assert_allclose(out.view(np.complex64), twin.frames(iq, start, hop, window, 5), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("n", "stretch", "every"), [(1000, 64, 1), (1000, 100, 3), (64, 64, 4), (50, 64, 4)])
def test_dc_offset_is_the_upper_median_of_the_stretches_means(n: int, stretch: int, every: int) -> None:
    iq, out = _iq(n), np.full(2, 9.0)
    dc_offset(iq, n, stretch, every, np.zeros((2, n // (stretch * every) + 1)), out)
    starts = range(0, n - stretch + 1, stretch * every)
    means = np.array([iq.reshape(-1, 2)[s : s + stretch].mean(axis=0) for s in starts])
    np.testing.assert_allclose(out, np.sort(means, axis=0)[len(means) // 2] if len(means) else [0, 0])


def test_bursts_in_fewer_than_half_of_the_stretches_do_not_move_the_offset() -> None:
    iq, out = np.tile(np.array([700, -400], dtype=np.int16), 6400), np.zeros(2)
    iq.reshape(-1, 2)[1000:3800] = 30000
    dc_offset(iq, 6400, 64, 1, np.zeros((2, 101)), out)
    assert out.tolist() == [700, -400]


def test_take_away_subtracts_from_the_lowest_bins_only() -> None:
    spectra = np.random.default_rng(6).normal(size=(8, 128)).astype(np.float32)
    leak = np.arange(1, 11, dtype=np.float32)
    expected = np.roll(spectra.view(np.complex64), 2, axis=1)
    expected[:, :5] -= leak.view(np.complex64)
    take_away(spectra, leak)
    np.testing.assert_array_equal(spectra.view(np.complex64), np.roll(expected, -2, axis=1))


def _squares(spectra: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.fftshift(spectra.view(np.complex64), axes=1)) ** 2


def test_power_row_is_ascending_squared_magnitude() -> None:
    spectra = np.random.default_rng(1).normal(size=(8, 128)).astype(np.float32)
    plane = np.zeros((4, 64), dtype=np.float32)
    total, top, mean = np.zeros((3, 64), dtype=np.float32)
    maximum = np.full(64, 3.0, dtype=np.float32)
    mean[:] = 1
    power_row(spectra, 4, plane, total, top, mean, maximum)
    expected = _squares(spectra[4:])
    np.testing.assert_allclose(plane, expected, rtol=1e-5)
    np.testing.assert_allclose(total, expected.sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(top, expected.max(axis=0), rtol=1e-5)
    np.testing.assert_allclose(mean, 1 + expected.sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(maximum, np.maximum(3, expected.max(axis=0)), rtol=1e-5)


def test_reduce_row_is_sums_and_maxima_of_four_bins() -> None:
    total, top = (np.random.default_rng(i).gamma(4, size=64).astype(np.float32) for i in (1, 2))
    tiles, peaks = np.zeros((2, 16), dtype=np.float32)
    reduce_row(total, top, np.zeros((2, 32), dtype=np.float32), tiles, peaks)
    np.testing.assert_allclose(tiles, total.reshape(-1, 4).sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(peaks, top.reshape(-1, 4).max(axis=1))


def test_power_rows_fills_its_rows_only() -> None:
    spectra = np.random.default_rng(4).normal(size=(8, 128)).astype(np.float32)
    plane, sum4, work = np.zeros((20, 64), np.float32), np.zeros((5, 64), np.float32), np.zeros((2, 64), np.float32)
    tiles, peaks = np.zeros((2, 5, 16), dtype=np.float32)
    mean, maximum = np.zeros((2, 64), dtype=np.float32)
    leak = np.full(10, 0.7, dtype=np.float32)
    expected = spectra.copy()
    take_away(expected, leak)
    expected = _squares(expected)
    power_rows(spectra, leak, 2, 1, plane, sum4, work, tiles, peaks, mean, maximum)
    np.testing.assert_allclose(plane[4:12], expected, rtol=1e-5)
    for got, wanted in zip(
        (tiles[1:3], peaks[1:3], mean / 8, maximum), twin.tiles_of(*twin.rows_of(expected)), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-5)
    assert not plane[:4].any() and not plane[12:].any()
    assert not sum4[[0, 3, 4]].any() and not tiles[[0, 3, 4]].any()


@pytest.mark.parametrize(
    ("n_fft", "hop", "n"),
    [(64, 64, 256), (64, 64, 257), (64, 64, 1024), (64, 64, 1090), (64, 32, 1000), (128, 128, 5000), (64, 32, 160)],
)
def test_transform_is_the_naive_stft(n_fft: int, hop: int, n: int) -> None:
    stft, iq = Stft(n_fft, hop, 5000, remove_dc=False), _iq(n)
    assert n >= stft.min_samples
    rows = stft.transform(iq, n)
    expected = twin.stft_plane(iq, n, stft.window, hop)
    assert expected.shape == (rows * ROW_FRAMES, n_fft)
    scale = expected.max()
    np.testing.assert_allclose(stft.plane[: len(expected)], expected, rtol=1e-4, atol=1e-6 * scale)
    sum4, max4 = twin.rows_of(expected)
    np.testing.assert_allclose(stft.sum4[:rows], sum4, rtol=1e-4, atol=1e-6 * scale)
    tiles, peaks, mean, maximum = twin.tiles_of(sum4, max4)
    for got, wanted in (
        (stft.tiles[:rows], tiles),
        (stft.peaks[:rows], peaks),
        (stft.mean, mean),
        (stft.maximum, maximum),
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6 * scale)


def test_a_constant_is_taken_away() -> None:
    n, stft = 64 * 40, Stft(64, 64, 64 * 40, remove_dc=True)
    iq = np.tile(np.array([700, -400], dtype=np.int16), n)
    stft.transform(iq, n)
    assert stft.plane.max() < 1e-3 * (700**2 + 400**2)


def test_every_sample_of_a_block_is_in_a_frame() -> None:
    stft = Stft(64, 64, 4000, remove_dc=True)
    for n in range(stft.min_samples, 1200, 37):
        starts = [stft.row_start(r, n) for r in range(stft.rows(n))]
        seen = np.zeros(n, dtype=bool)
        for start in starts:
            assert start + stft.min_samples <= n
            seen[start : start + stft.min_samples] = True
        assert seen.all()


def test_a_carrier_is_in_its_bin_and_noise_has_unit_gain() -> None:
    n_fft, stft = 256, Stft(256, 256, 256 * 64, remove_dc=True)
    t = np.arange(256 * 64)
    x = 1000 * np.exp(2j * np.pi * 40 / n_fft * t)
    stft.transform(np.stack([x.real, x.imag], 1).round().astype(np.int16).reshape(-1), len(t))
    assert set(np.argmax(stft.plane, axis=1)) == {n_fft // 2 + 40}
    noise = np.random.default_rng(2).normal(0, 100, (len(t), 2)).round().astype(np.int16).reshape(-1)
    stft.transform(noise, len(t))
    assert np.mean(stft.plane) == pytest.approx(2 * 100**2, rel=0.03)
