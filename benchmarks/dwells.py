"""The two dwells that throughput is measured on, made from a seed: noise alone, and a busy sky."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ndefender.records import BLOCK

N_SAMPLES = 1 << 20
RATE_HZ = 61.44e6
BANDWIDTH_HZ = 56e6
CENTER_HZ = 5.8e9
FULL_SCALE = 2048
NOISE_RMS = 14.0  # of I and of Q: a floor well above the quantisation
BURSTS = 18
BURST_S = 1e-3
BURST_WIDTHS_HZ = (0.3e6, 0.8e6, 1.0e6, 1.8e6)  # <= 2 MHz
BURST_RMS = 60.0
RAMP_S = 20e-6  # of power up and down: without it a burst's ends splash over the whole band
CONTINUOUS = ((-22e6, 8e6, 80.0), (15e6, 20e6, 100.0))  # offset, bandwidth, rms
BUSY_EMISSIONS = BURSTS + len(CONTINUOUS)

Complex = NDArray[np.complex128]


def block() -> np.void:
    """Header of both dwells."""
    made: np.void = np.zeros(1, BLOCK)[0]
    low, high = CENTER_HZ - BANDWIDTH_HZ / 2, CENTER_HZ + BANDWIDTH_HZ / 2
    made["seq"], made["n_samples"], made["full_scale"] = 1, N_SAMPLES, FULL_SCALE
    made["center_hz"], made["rate_hz"], made["bandwidth_hz"] = CENTER_HZ, RATE_HZ, BANDWIDTH_HZ
    made["use_low_hz"], made["use_high_hz"] = low, high
    made["own_low_hz"], made["own_high_hz"] = low, high
    return made


def quiet(seed: int = 1) -> NDArray[np.int16]:
    """Receiver noise, int16, shape (N_SAMPLES, 2)."""
    return _rounded(_noise(np.random.default_rng(seed)))


def busy(seed: int = 1) -> NDArray[np.int16]:
    """The same noise with 18 frequency-modulated bursts of 1 ms and two continuous emissions with flat spectra."""
    rng = np.random.default_rng(seed)
    x = _noise(rng)
    time_s = np.arange(N_SAMPLES) / RATE_HZ
    for offset_hz, width_hz, rms in CONTINUOUS:
        x += rms * _flat(rng, width_hz, N_SAMPLES) * np.exp(2j * np.pi * offset_hz * time_s)
    length, edge = round(BURST_S * RATE_HZ), round(RAMP_S * RATE_HZ)
    envelope = np.full(length, BURST_RMS)
    envelope[:edge] *= np.sin(np.linspace(0.0, np.pi / 2, edge)) ** 2
    envelope[-edge:] = envelope[:edge][::-1]
    for i in range(BURSTS):
        start = round(i * (N_SAMPLES - length) / BURSTS)
        offset_hz = -14e6 + (i % 9) * 2e6
        width_hz = BURST_WIDTHS_HZ[i % len(BURST_WIDTHS_HZ)]
        message = _flat(rng, width_hz / 3, length).real
        swing_hz = width_hz / 2 * message / np.abs(message).max()  # never out of its band
        phase = np.cumsum(2 * np.pi * (offset_hz + swing_hz) / RATE_HZ)
        x[start : start + length] += envelope * np.exp(1j * phase)
    return _rounded(x)


def _noise(rng: np.random.Generator) -> Complex:
    pairs = rng.normal(0.0, NOISE_RMS, (N_SAMPLES, 2))
    mixed: Complex = pairs[:, 0] + 1j * pairs[:, 1]
    return mixed


def _flat(rng: np.random.Generator, width_hz: float, length: int) -> Complex:
    """Gaussian noise of unit power, flat over a band around zero."""
    spectrum = np.zeros(length, np.complex128)
    inside = np.abs(np.fft.fftfreq(length, 1 / RATE_HZ)) < width_hz / 2
    count = int(np.count_nonzero(inside))
    spectrum[inside] = rng.normal(size=count) + 1j * rng.normal(size=count)
    wave = np.fft.ifft(spectrum)
    made: Complex = wave / np.sqrt(np.mean(np.abs(wave) ** 2))
    return made


def _rounded(x: Complex) -> NDArray[np.int16]:
    pairs = np.stack([x.real, x.imag], axis=1)
    return np.clip(np.rint(pairs), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
