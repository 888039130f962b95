"""Barker and CCK chips: found at any rate and level, and in nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from ndefender.dsp import chips

RNG = np.random.default_rng


def _noise(n: int, seed: int = 1) -> np.ndarray:
    rng = RNG(seed)
    return (rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2)


def _shaped(values: np.ndarray, rate_hz: float) -> np.ndarray:
    """Chips at 11 MHz through a filter of 15 MHz."""
    fine = np.repeat(values, 8)
    kernel = np.hanning(11)
    fine = np.convolve(fine, kernel / kernel.sum(), "same")
    at = np.arange(int((len(fine) - 1) / 88e6 * rate_hz)) / rate_hz * 88e6
    x = np.interp(at, np.arange(len(fine)), fine.real) + 1j * np.interp(at, np.arange(len(fine)), fine.imag)
    return x / np.sqrt(np.mean(np.abs(x) ** 2))


def barker(symbols: int, seed: int = 1) -> np.ndarray:
    return (RNG(seed).choice((-1.0, 1.0), symbols)[:, None] * np.array(chips.BARKER)).reshape(-1).astype(complex)


def cck(symbols: int, seed: int = 1) -> np.ndarray:
    p1, p2, p3, p4 = RNG(seed).integers(0, 4, (4, symbols)) * (np.pi / 2)
    rows = [p1 + p2 + p3 + p4, p1 + p3 + p4, p1 + p2 + p4, p1 + p4 + np.pi, p1 + p2 + p3, p1 + p3, p1 + p2 + np.pi, p1]
    return np.exp(1j * np.stack(rows, axis=1)).reshape(-1)


def _heard(values: np.ndarray, rate_hz: float, snr_db: float, offset_hz: float = 0.0) -> np.ndarray:
    x = _shaped(values, rate_hz)
    x = x * np.exp(2j * np.pi * offset_hz / rate_hz * np.arange(len(x)))
    x = x + np.sqrt(10 ** (-snr_db / 10) * rate_hz / 15e6) * _noise(len(x))
    return chips.at_chip_rate(x.astype(np.complex64), rate_hz)


@pytest.mark.parametrize("rate_hz", [30.72e6, 25e6])
@pytest.mark.parametrize(("snr_db", "offset_hz"), [(20.0, 0.0), (20.0, 80e3), (0.0, -40e3)])
def test_barker_symbols(rate_hz: float, snr_db: float, offset_hz: float) -> None:
    heard = _heard(barker(190), rate_hz, snr_db, offset_hz)
    assert chips.barker_score(heard) > 0.15
    assert chips.barker_score(np.float32(1e3) * heard) == pytest.approx(chips.barker_score(heard), abs=1e-3)


@pytest.mark.parametrize("rate_hz", [30.72e6, 25e6])
@pytest.mark.parametrize("snr_db", [20.0, 10.0])
def test_cck_symbols(rate_hz: float, snr_db: float) -> None:
    heard = _heard(cck(360), rate_hz, snr_db)
    assert chips.cck_score(heard) > 0.04
    assert chips.barker_score(heard) < 0.03


def test_neither_is_in_noise_carriers_or_silence() -> None:
    for seed in range(40):
        x = _noise(6000, seed).astype(np.complex64)
        assert chips.barker_score(x) == 0 and chips.cck_score(x) == 0
    other = _heard(RNG(3).choice((-1.0, 1.0, 1j, -1j), 3000), 30.72e6, 20.0)  # the same chips without a code
    assert chips.barker_score(other) == 0 and chips.cck_score(other) == 0
    for x in (np.zeros(6000, np.complex64), np.ones(6000, np.complex64), np.zeros(20, np.complex64)):
        assert chips.barker_score(x) == 0
        assert np.isfinite(chips.cck_score(x))
    assert chips.cck_score(np.zeros(6000, np.complex64)) == 0
