"""Valleys between two transmitters, and the decision to split."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import box_twins
from support.iq import analysed, band_noise, block_of, gfsk, inband, placed, quantised, shifted, tone, white

from ndefender.dsp import DspConfig, Pipeline
from ndefender.dsp.lobes import LEAST_LOBE_BINS, LOBE_RATIO, VALLEY_RATIO, deepest_valley, valleys_of
from ndefender.dsp.spans import B_HIGH, B_KIND, B_LOW, B_ROW_END, BOX_COLUMNS, BURST_BOX, INTEGRATED_BOX

RATE_HZ = 15.36e6
N_FFT = 512
SAMPLES = 24 * 4 * N_FFT


def _lobes(n: int, *lobes: tuple[int, int, float]) -> np.ndarray:
    spectrum = np.full(n, 1.0, dtype=np.float32)
    for low, high, level in lobes:
        spectrum[low:high] += level
    return spectrum


def test_deepest_valley_is_its_twin_on_random_spectra() -> None:
    rng, found = np.random.default_rng(1), 0
    for n in (8, 9, 30, 120):
        for _ in range(40):
            spectrum = np.repeat(10.0 ** rng.uniform(0, 4, n // 4 + 1), 4)[:n].astype(np.float32)
            at = deepest_valley(spectrum, n)
            assert at == box_twins.valley(spectrum, VALLEY_RATIO, LOBE_RATIO, LEAST_LOBE_BINS)
            found += at >= 0
    assert found > 10


def test_one_lobe_has_no_valley_and_a_notch_of_one_bin_is_none() -> None:
    assert deepest_valley(_lobes(64, (10, 50, 1e4)), 64) == -1
    notched = _lobes(64, (10, 30, 1e4), (31, 50, 1e4))
    assert deepest_valley(notched, 64) == -1
    assert 30 <= deepest_valley(_lobes(64, (10, 30, 1e4), (36, 50, 1e4)), 64) < 36
    assert deepest_valley(np.zeros(64, dtype=np.float32), 64) == -1


def test_valleys_of_looks_at_wide_boxes_only() -> None:
    spectrum = _lobes(64, (10, 30, 1e4), (36, 50, 1e4))
    sum4 = np.tile(4 * spectrum, (5, 1))
    boxes = np.zeros((4, BOX_COLUMNS), dtype=np.int32)
    boxes[:, B_ROW_END], boxes[:, B_LOW], boxes[:, B_HIGH], boxes[:, B_KIND] = 5, 4, 60, BURST_BOX
    boxes[1, B_KIND] = INTEGRATED_BOX
    boxes[2, [B_LOW, B_HIGH]] = 29, 36
    boxes[3, [B_LOW, B_HIGH]] = 4, 32
    out = np.zeros(4, dtype=np.int32)
    assert valleys_of(sum4.astype(np.float32), boxes, np.zeros(64, dtype=np.float32), out) == 1
    assert 26 <= out[0] < 32
    assert out[1:].tolist() == [-1, -1, -1]


@pytest.mark.parametrize("spacing_hz", [1.5e6, 2.5e6])
def test_neighbouring_channels_that_beat_are_two(spacing_hz: float) -> None:
    rng = np.random.default_rng(2)
    x = white(rng, SAMPLES)
    for offset_hz in (2e6, 2e6 + spacing_hz):
        signal = shifted(gfsk(rng, 20000, 15, 160e3 / RATE_HZ), offset_hz / RATE_HZ)
        placed(x, inband(35, 1e6 / RATE_HZ) * signal, 9000)
    _, found = analysed(Pipeline(DspConfig(n_fft=N_FFT), SAMPLES), quantised(x), block_of(SAMPLES, RATE_HZ))
    assert np.sort(found["center_hz"]) == pytest.approx([2e6, 2e6 + spacing_hz], abs=60e3)


@pytest.mark.parametrize(
    "channels",
    [2, 3, pytest.param(4, marks=pytest.mark.xfail(strict=True, reason="both halves hold two, which beat too"))],
)
def test_several_neighbouring_channels_that_beat_are_as_many(channels: int) -> None:
    rng = np.random.default_rng(5)
    x, wanted = white(rng, SAMPLES), 2e6 + 1.5e6 * np.arange(channels)
    for offset_hz in wanted:
        signal = shifted(gfsk(rng, 20000, 15, 160e3 / RATE_HZ), offset_hz / RATE_HZ)
        placed(x, inband(35, 1e6 / RATE_HZ) * signal, 9000)
    _, found = analysed(Pipeline(DspConfig(n_fft=N_FFT), SAMPLES), quantised(x), block_of(SAMPLES, RATE_HZ))
    assert np.sort(found["center_hz"]) == pytest.approx(wanted, abs=60e3)


def test_one_ofdm_signal_with_a_notch_stays_one() -> None:
    rng = np.random.default_rng(6)
    x = white(rng, SAMPLES)
    for offset in (0.15, 0.21):
        placed(x, inband(35, 0.04) * shifted(band_noise(rng, 20000, 0.04), offset), 9000)
    _, found = analysed(Pipeline(DspConfig(n_fft=N_FFT), SAMPLES), quantised(x), block_of(SAMPLES, RATE_HZ))
    assert len(found) == 1
    assert found["center_hz"][0] == pytest.approx(0.18 * RATE_HZ, abs=100e3)


def test_wide_keying_of_one_carrier_stays_one() -> None:
    rng = np.random.default_rng(3)
    x = white(rng, SAMPLES)
    signal = shifted(gfsk(rng, 30000, 600, 300e3 / RATE_HZ), 0.2)
    placed(x, inband(35, 0.6e6 / RATE_HZ) * signal, 9000)
    _, found = analysed(Pipeline(DspConfig(n_fft=N_FFT), SAMPLES), quantised(x), block_of(SAMPLES, RATE_HZ))
    assert len(found) == 1
    assert found["center_hz"][0] == pytest.approx(0.2 * RATE_HZ, abs=60e3)


def test_envelope_of_one_and_of_two_carriers() -> None:
    features = Pipeline(DspConfig(n_fft=N_FFT), SAMPLES)._describer.features
    one, two = 500 * tone(9000, 0.1), 500 * (tone(9000, 0.1) + tone(9000, 0.1093))
    noise = 300 * band_noise(np.random.default_rng(4), 9000, 0.02)
    measured = [
        features.envelope_cv(quantised(x).reshape(-1), 0, 9000, at, 0.03)
        for x, at in ((one, 0.1), (two, 0.10465), (shifted(noise, 0.1), 0.1))
    ]
    assert measured[0] < 0.02
    assert measured[1] == pytest.approx(0.483, abs=0.03)  # |cos|: mean 2/pi, mean square 1/2
    assert measured[2] == pytest.approx(0.523, abs=0.12)  # Rayleigh: sqrt(4/pi - 1)
