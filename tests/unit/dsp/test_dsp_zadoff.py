"""Zadoff-Chu symbols: found at any time, carrier error and level; neither noise nor other roots pass."""

from __future__ import annotations

import numpy as np
import pytest

from ndefender.dsp import zadoff as zc

RNG = np.random.default_rng
RATE_HZ = 15.36e6


def _noise(n: int, seed: int = 1) -> np.ndarray:
    rng = RNG(seed)
    return (rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2)


def burst(
    roots: tuple[int, ...], snr_db: float, seed: int = 3, length: int = 601, rate_hz: float = RATE_HZ
) -> np.ndarray:
    """Symbols of noise-like data and of sequences in turn, in noise; SNR in the sequences' band."""
    n, rng = round(rate_hz / 15e3), RNG(seed)
    parts = []
    for root in roots:
        if root == 0:
            grid = np.zeros(n, dtype=np.complex128)
            grid[1 : length // 2 + 1], grid[-(length // 2) :] = (
                rng.choice((-1, 1, 1j, -1j), length // 2) for _ in "ab"
            )
            body = np.fft.ifft(grid) * n / np.sqrt(length - 1)
        else:
            body = zc.symbol(zc.Sequence(root, length), rate_hz).astype(np.complex128) * np.sqrt(n)
        parts.append(np.concatenate([body[-n // 14 :], body]))
    x = np.concatenate([np.zeros(777), *parts, np.zeros(500)])
    wide = rate_hz / ((length - 1) * 15e3)
    return (x + np.sqrt(10 ** (-snr_db / 10) * wide) * _noise(len(x), seed)).astype(np.complex64)


def test_a_symbol_is_flat_and_has_unit_energy() -> None:
    for sequence in zc.DRONEID + zc.LTE_PSS:
        x = zc.symbol(sequence, RATE_HZ)
        assert np.sum(np.abs(x) ** 2) == pytest.approx(1, abs=1e-4)
        lines = np.sort(np.abs(np.fft.fft(x)))[::-1]
        used = sequence.length - 1
        np.testing.assert_allclose(lines[:used], lines[0], rtol=1e-3)
        assert lines[used] < 1e-2 * lines[0]


@pytest.mark.parametrize("snr_db", [20.0, 6.0, 0.0])
@pytest.mark.parametrize("offset_hz", [0.0, 9e3, -20e3])
def test_droneid_is_found(snr_db: float, offset_hz: float) -> None:
    x = burst((0, 0, 0, 600, 0, 147, 0, 0, 0), snr_db)
    x = (x * np.exp(2j * np.pi * offset_hz / RATE_HZ * np.arange(len(x)))).astype(np.complex64)
    assert zc.droneid_score(x, RATE_HZ) > 0.4


def test_conjugation_gains_amplitude_and_data_behave_as_they_must() -> None:
    x = burst((0, 0, 0, 600, 0, 147, 0, 0, 0), 15.0)
    assert zc.droneid_score(np.float32(100) * x, RATE_HZ) == pytest.approx(zc.droneid_score(x, RATE_HZ), abs=1e-3)
    assert zc.droneid_score(np.conj(x), RATE_HZ) == 0  # chiral: the mirrored roots are others
    assert zc.droneid_score(burst((0,) * 9, 15.0), RATE_HZ) == 0
    assert zc.droneid_score(burst((0, 0, 0, 600, 0, 0, 0, 0, 0), 15.0), RATE_HZ) == 0  # one root alone is no DroneID


@pytest.mark.parametrize("root", [25, 29, 34])
def test_an_lte_cell_is_found(root: int) -> None:
    rate = 1.92e6
    assert zc.lte_score(burst((0, 0, 0, root, 0, 0), 6.0, length=63, rate_hz=rate), rate) > 0.5
    assert zc.lte_score(burst((0, 0, 0, 11, 0, 0), 20.0, length=63, rate_hz=rate), rate) == 0


def test_noise_passes_as_rarely_as_stated() -> None:
    for seed in range(30):
        assert zc.droneid_score(_noise(10000, seed).astype(np.complex64), RATE_HZ) == 0
        assert zc.lte_score(_noise(9600, seed).astype(np.complex64), 1.92e6) == 0
    n = 1024
    template = np.conj(zc.symbol(zc.DRONEID[0], RATE_HZ))
    share = [abs(np.sum(template * v)) ** 2 / np.sum(np.abs(v) ** 2)
             for v in (_noise(n, 100 + i) for i in range(400))]  # fmt: skip
    assert np.mean(share) * n == pytest.approx(1, abs=0.15)  # exponential with mean 1/n


def test_short_silent_and_constant_input() -> None:
    for x in (np.zeros(0, np.complex64), np.zeros(5000, np.complex64), np.ones(5000, np.complex64)):
        assert zc.droneid_score(x, RATE_HZ) == 0
