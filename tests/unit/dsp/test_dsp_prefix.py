"""Cyclic prefixes: the fold against numpy, the null distribution, and which symbols show at which lag."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import line_twins as twin

from ndefender.dsp import prefix as pf

RNG = np.random.default_rng
NUMEROLOGIES = {"lte": pf.LTE, "wifi": pf.WIFI, "ax": pf.WIFI_AX}


def _noise(n: int, seed: int = 1) -> np.ndarray:
    rng = RNG(seed)
    return ((rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2)).astype(np.complex64)


def ofdm(rate_hz: float, useful_s: float, prefix_s: float, seconds: float, seed: int = 4) -> np.ndarray:
    """Unit-power OFDM on half of the carriers of the rate."""
    n, cp = round(useful_s * rate_hz), round(prefix_s * rate_hz)
    symbols = int(seconds * rate_hz / (n + cp)) + 1
    grid = np.zeros((symbols, n), dtype=np.complex128)
    points = RNG(seed).choice((-1, 1, -1j, 1j), (symbols, n // 2))
    grid[:, : n // 2] = points
    body = np.fft.ifft(np.roll(grid, -n // 4, axis=1), axis=1)
    x = np.concatenate([body[:, n - cp :], body], axis=1).reshape(-1)[: round(seconds * rate_hz)]
    return (x / np.sqrt(np.mean(np.abs(x) ** 2))).astype(np.complex64)


def in_noise(x: np.ndarray, snr_db: float, share: float, seed: int = 9) -> np.ndarray:
    """With noise that gives this SNR in a band of `share` of the rate."""
    return (x + np.sqrt(10 ** (-snr_db / 10) / share) * _noise(len(x), seed)).astype(np.complex64)


@pytest.mark.parametrize(("lag", "period"), [(64, 80.0), (100, 107.3), (40, 16.0)])
def test_fold_is_the_sum_by_phase(lag: int, period: float) -> None:
    x = _noise(3000)
    sums = np.zeros((3, 16))
    square = pf.fold(x, lag, period, sums)
    np.testing.assert_allclose(sums, twin.folded_products(x, lag, period, 16), rtol=1e-3, atol=1e-2)
    products = x[lag:] * np.conj(x[:-lag])
    assert square == pytest.approx(np.sum(np.abs(products) ** 2), rel=1e-3)
    assert pf.fold(x[:lag], lag, period, sums) == 0 and not sums.any()


def test_the_best_window_is_held_against_the_rest() -> None:
    sums = np.zeros((3, 32))
    sums[2] = 100.0
    assert pf.window_score(sums, 1.0, 4, 1.0) == 0
    sums[1, [30, 31, 0, 1]] = 80.0  # around the end of the fold
    assert pf.window_score(sums, 0.0, 4, 1.0) == pytest.approx(0.8, abs=1e-6)
    assert 0.1 < pf.window_score(sums, 3200.0, 4, 1.0) < 0.7  # noise takes what it could reach
    sums[0] += 50.0  # a tone is in all of them
    assert pf.window_score(sums, 0.0, 4, 1.0) == pytest.approx(0.8, abs=1e-6)
    assert pf.window_score(np.zeros((3, 32)), 0.0, 4, 1.0) == 0


@pytest.mark.parametrize("kind", sorted(NUMEROLOGIES))
@pytest.mark.parametrize("snr_db", [20.0, 3.0])
def test_a_prefix_shows_at_its_own_lag_only(kind: str, snr_db: float) -> None:
    rate, tester = 40e6, pf.PrefixTester()
    for prefix_s in NUMEROLOGIES[kind].prefixes_s:
        x = in_noise(ofdm(rate, NUMEROLOGIES[kind].useful_s, prefix_s, 0.8e-3), snr_db, 0.5)
        coherence = 1 / (1 + 2 * 10 ** (-snr_db / 10))  # noise of the whole rate
        score = tester.score(x, rate, rate / 2, NUMEROLOGIES[kind])
        assert 0.4 * coherence - 0.12 < score <= coherence
        for other, numerology in NUMEROLOGIES.items():
            assert other == kind or tester.score(x, rate, rate / 2, numerology) == 0


def test_a_carrier_error_does_not_matter() -> None:
    rate, tester = 30.72e6, pf.PrefixTester()
    x = ofdm(rate, 1 / 15e3, 4.7e-6, 1e-3)
    turned = (x * np.exp(2j * np.pi * 7.3e3 / rate * np.arange(len(x)))).astype(np.complex64)
    assert tester.score(turned, rate, rate / 2, pf.LTE) == pytest.approx(
        tester.score(x, rate, rate / 2, pf.LTE), abs=0.02
    )
    assert tester.score(np.conj(x), rate, rate / 2, pf.LTE) == pytest.approx(
        tester.score(x, rate, rate / 2, pf.LTE), abs=1e-3
    )


def test_noise_passes_as_rarely_as_stated() -> None:
    """400 tests at 1e-5: one pass would be an accident of 0.4 %; at 1000 times the stated rate there are some."""
    tester, rate = pf.PrefixTester(), 40e6
    scores = [tester.score(_noise(6000, seed), rate, rate, numerology)
              for seed in range(150) for numerology in (pf.WIFI, pf.WIFI_AX)]  # fmt: skip
    assert max(scores) == 0
    sums = np.zeros((3, pf.PHASES))
    squares = []
    for seed in range(300):
        pf.fold(_noise(6000, 1000 + seed), 128, 160.0, sums)
        window = sums[:2, :12].sum(axis=1)
        squares.append(np.sum(window**2) / (6000 * 12 / 64))
    assert np.mean(squares) == pytest.approx(1.0, abs=0.2)  # exponential with mean 1: what the null takes it for
    assert np.mean(np.array(squares) > 2.3) == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("rate_of_sweep", [0.0, 2e9, 2e10])
def test_tones_and_sweeps_have_no_prefix(rate_of_sweep: float) -> None:
    rate, tester = 20e6, pf.PrefixTester()
    t = np.arange(12000) / rate
    x = in_noise(np.exp(1j * np.pi * rate_of_sweep * t * t + 1j).astype(np.complex64), 20.0, 1.0)
    for numerology in NUMEROLOGIES.values():
        assert tester.score(x, rate, rate / 2, numerology) < 0.02


def test_an_echo_is_no_prefix() -> None:
    x = _noise(20000)
    x[64:] += 0.6 * x[:-64]
    assert pf.PrefixTester().score(x, 20e6, 20e6, pf.WIFI) < 0.02


@pytest.mark.parametrize(("useful_s", "ratio"), [(40e-6, 1 / 16), (16.667e-6, 1 / 8), (24e-6, 1 / 4)])
@pytest.mark.parametrize("snr_db", [20.0, 3.0])
def test_a_prefix_is_found_without_knowing_it(useful_s: float, ratio: float, snr_db: float) -> None:
    rate = 40e6
    x = in_noise(ofdm(rate, useful_s, ratio * useful_s, 3.2e-3), snr_db, 0.5)
    tone = 0.5 * np.exp(2j * np.pi * 0.03 * np.arange(len(x)))  # a spike at the local oscillator
    found = pf.PrefixTester().blind(np.array_split((x + tone).astype(np.complex64), 4), rate, rate / 2)
    assert found.score > 0.05
    assert found.useful_s == pytest.approx(useful_s, abs=0.1e-6)
    assert found.prefix_s == pytest.approx(ratio * useful_s, rel=0.2)


def test_blind_finds_nothing_in_noise_tones_and_silence() -> None:
    tester = pf.PrefixTester()
    for seed in range(20):
        assert tester.blind([_noise(8000, seed), _noise(8000, 99 + seed)], 20e6, 16e6) == pf.NOTHING
    for x in (np.ones(9000, dtype=np.complex64), np.zeros(9000, dtype=np.complex64)):
        assert tester.blind([x], 20e6, 16e6).score == 0
    assert tester.blind([_noise(50)], 20e6, 16e6) == pf.NOTHING


def test_short_and_empty_pieces_score_nothing() -> None:
    tester = pf.PrefixTester()
    for n in (0, 1, 100, 300):
        assert tester.score(_noise(300)[:n], 20e6, 16e6, pf.LTE) == 0
    assert tester.score(np.zeros(5000, dtype=np.complex64), 20e6, 16e6, pf.WIFI) == 0
