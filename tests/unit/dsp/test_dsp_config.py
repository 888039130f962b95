"""What the pipeline can be told."""

from __future__ import annotations

import dataclasses

import pytest

from ndefender.dsp import DspConfig, frame_for_rate
from ndefender.dsp.config import MAX_FFT, MIN_FFT


def test_hop_follows_the_overlap() -> None:
    assert DspConfig(n_fft=256).hop_samples == 256
    assert DspConfig(n_fft=256, overlap_ratio=0.5).hop_samples == 128


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DspConfig().n_fft = 64  # an assignment that must fail


@pytest.mark.parametrize("rate_hz", [1e4, 2.5e5, 2e6, 2e7, 61.44e6, 1e9])
@pytest.mark.parametrize("n_samples", [1, 300, 8192, 10**6, 10**9])
def test_frame_for_rate_is_a_power_of_two_of_about_ten_microseconds(rate_hz: float, n_samples: int) -> None:
    n_fft = frame_for_rate(rate_hz, n_samples)
    assert n_fft & (n_fft - 1) == 0
    assert MIN_FFT <= n_fft <= MAX_FFT
    assert n_fft <= max(rate_hz * 10e-6, 128)
    if n_samples >= 8192:
        assert n_samples / n_fft >= 64
