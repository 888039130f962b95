"""A slowly sweeping carrier against everything else of its bandwidth."""

from __future__ import annotations

import numpy as np
import pytest

from ndefender.dsp.sweep import LOOK_S, LOOKS, sweep

RNG = np.random.default_rng
RATE_HZ, WIDTH_HZ = 16e6, 9e6
N = round(LOOK_S * RATE_HZ)
TIMES_S = np.linspace(0, 8e-3, LOOKS).tolist()


def _noise(n: int, seed: int) -> np.ndarray:
    rng = RNG(seed)
    return (rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2)


def _looks(span_hz: float, snr_db: float) -> list[np.ndarray]:
    """Half a sine of frequency over 8 ms."""
    out = []
    for i, at in enumerate(TIMES_S):
        t = at + np.arange(N) / RATE_HZ
        frequency = span_hz * (np.sin(np.pi * t / 8.1e-3) - 0.5)
        x = np.exp(2j * np.pi * np.cumsum(frequency) / RATE_HZ)
        out.append((x + np.sqrt(10 ** (-snr_db / 10) * RATE_HZ / WIDTH_HZ) * _noise(N, i)).astype(np.complex64))
    return out


@pytest.mark.parametrize(("snr_db", "least"), [(20.0, 0.9), (6.0, 0.5)])
def test_an_oven_is_one_line_that_moves(snr_db: float, least: float) -> None:
    found = sweep(_looks(8e6, snr_db), TIMES_S, RATE_HZ, WIDTH_HZ)
    assert found.score > least
    assert found.span_hz == pytest.approx(0.86 * 8e6, rel=0.25)


def test_a_line_that_stays_is_no_sweep() -> None:
    assert sweep(_looks(0.1e6, 20.0), TIMES_S, RATE_HZ, WIDTH_HZ).score == 0


def test_a_line_that_jumps_is_no_sweep() -> None:
    looks = _looks(8e6, 20.0)
    order = RNG(4).permutation(LOOKS)
    close = (np.arange(LOOKS) * 25e-6).tolist()
    assert sweep([looks[i] for i in order], close, RATE_HZ, WIDTH_HZ).score < 0.4


def test_noise_has_no_line() -> None:
    scores = [sweep([_noise(N, 100 * seed + i).astype(np.complex64) for i in range(LOOKS)], TIMES_S, RATE_HZ, WIDTH_HZ)
              for seed in range(40)]  # fmt: skip
    assert max(s.score for s in scores) < 0.15


def test_few_or_silent_looks_score_nothing() -> None:
    assert sweep([], [], RATE_HZ, WIDTH_HZ).score == 0
    silent = [np.zeros(N, np.complex64)] * LOOKS
    assert sweep(silent, TIMES_S, RATE_HZ, WIDTH_HZ).score == 0
