"""The line rate of frequency-modulated video, and where its carrier is."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import line_twins as twin

from ndefender.dsp import video

RNG = np.random.default_rng


def _noise(n: int, seed: int = 1) -> np.ndarray:
    rng = RNG(seed)
    return ((rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2)).astype(np.complex64)


def _volts(line_s: float, rate_hz: float, n: int, white: float = 1.0) -> np.ndarray:
    """Sync at -0.3, blanking at 0, then a picture up to `white` that is alike on neighbouring lines."""
    position = (np.arange(n) / rate_hz / line_s) % 1.0
    picture = np.interp(position, np.linspace(0.17, 0.98, 40), white * RNG(5).uniform(0, 1, 40))
    level = np.where(position < 4.7 / 64, -0.3, np.where(position < 0.165, 0.0, picture))
    return np.asarray(level, dtype=np.float64)


def _carrier(volts: np.ndarray, rate_hz: float, hz_per_volt: float = 5e6, offset_hz: float = 0.0) -> np.ndarray:
    return np.exp(2j * np.pi * np.cumsum(hz_per_volt * volts + offset_hz) / rate_hz).astype(np.complex64)


@pytest.mark.parametrize("lag", [0, 1, 40])
def test_autocorrelation(lag: int) -> None:
    f = RNG(2).normal(size=300).astype(np.float32)
    assert video.autocorrelation(f, 300, lag) == pytest.approx(twin.autocorrelation(f, lag), abs=1e-6)
    assert video.autocorrelation(f, 200, lag) == pytest.approx(twin.autocorrelation(f[:200], lag), abs=1e-6)
    assert video.autocorrelation(np.zeros(99, dtype=np.float32), 99, lag) == 0


@pytest.mark.parametrize("line_s", [video.PAL_LINE_S, video.NTSC_LINE_S])
@pytest.mark.parametrize("snr_db", [30.0, 6.0])
def test_a_line_rate_tells_pal_from_ntsc(line_s: float, snr_db: float) -> None:
    rate = 15.36e6
    x = _carrier(_volts(line_s, rate, int(14.5 * line_s * rate)), rate)
    x += np.float32(10 ** (-snr_db / 20)) * _noise(len(x))
    found = video.video_line(x, rate, np.zeros(len(x), dtype=np.float32))
    assert found.rate_hz == pytest.approx(1 / line_s, abs=25)
    assert found.score > 0.25


def test_noise_carriers_and_silence_have_no_line() -> None:
    scratch = np.zeros(14000, dtype=np.float32)
    scores = [video.video_line(_noise(14000, seed), 15e6, scratch).score for seed in range(40)]
    assert max(scores) < 0.1
    for x in (np.zeros(14000, dtype=np.complex64), np.ones(14000, dtype=np.complex64)):
        found = video.video_line(x, 15e6, scratch)
        assert found.score < 0.1 and np.isfinite(found.rate_hz)
    assert video.video_line(_noise(1000), 15e6, scratch) == (0, 0)


@pytest.mark.parametrize("white", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("offset_hz", [-1.0e6, 0.0, 0.4e6])
def test_the_centre_is_the_middle_of_the_swing(white: float, offset_hz: float) -> None:
    rate = 15e6
    volts = _volts(video.PAL_LINE_S, rate, 40000, white)
    x = _carrier(volts, rate, 5e6, offset_hz) + np.float32(10 ** (-15 / 20)) * _noise(40000)
    found = video.swing_center(x.astype(np.complex64), rate, np.zeros(40000, dtype=np.float32))
    middle = 5e6 * (volts.min() + volts.max()) / 2 + offset_hz
    assert found.middle_hz == pytest.approx(middle, abs=0.35e6)
    assert found.mean_hz == pytest.approx(5e6 * volts.mean() + offset_hz, abs=0.25e6)
