"""I/Q with known contents for tests of the signal chain, and the block records that go with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ndefender import records
from ndefender.dsp import Pipeline

FULL_SCALE = 2048.0
NOISE_LSB = 10.0  # standard deviation of I and of Q: far over the quantisation, far under clipping

Complex = NDArray[np.complex128]
IQ = NDArray[np.int16]


def white(rng: np.random.Generator, n: int, lsb: float = NOISE_LSB) -> Complex:
    """Complex white Gaussian noise, `lsb` per component."""
    return (rng.normal(0, lsb, n) + 1j * rng.normal(0, lsb, n)).astype(np.complex128)


def band_noise(rng: np.random.Generator, n: int, width: float) -> Complex:
    """Noise of unit power in ±width/2 (in units of the rate): a rectangle in frequency."""
    spectrum = white(rng, n, 1.0) * (np.abs(np.fft.fftfreq(n)) <= width / 2)
    x = np.fft.ifft(spectrum)
    return np.asarray(x / np.sqrt(np.mean(np.abs(x) ** 2)))


def shifted(x: Complex, offset: float, start: int = 0) -> Complex:
    """Moved by `offset`, in units of the rate."""
    return np.asarray(x * np.exp(2j * np.pi * offset * (start + np.arange(len(x)))))


def tone(n: int, offset: float) -> Complex:
    """A carrier of unit power."""
    return shifted(np.ones(n, dtype=np.complex128), offset)


def gfsk(rng: np.random.Generator, n: int, samples_per_symbol: int, deviation: float) -> Complex:
    """Two-level frequency shift keying with a smoothed pulse, unit power; deviation in units of the rate."""
    symbols = rng.choice((-1.0, 1.0), n // samples_per_symbol + 2)
    steps = np.repeat(symbols, samples_per_symbol)
    pulse = np.hanning(samples_per_symbol + 2)[1:-1]
    frequency = np.convolve(steps, pulse / pulse.sum(), mode="same")[:n] * deviation
    return np.asarray(np.exp(2j * np.pi * np.cumsum(frequency)))


def inband(snr_db: float, width: float, lsb: float = NOISE_LSB) -> float:
    """Amplitude of a unit-power signal of `width` (in units of the rate) for an in-band SNR over white noise."""
    return float(np.sqrt(10 ** (snr_db / 10) * 2 * lsb**2 * width))


def placed(x: Complex, signal: Complex, start: int) -> Complex:
    """`x` with `signal` added from `start`, in place."""
    x[start : start + len(signal)] += signal
    return x


def quantised(x: Complex, limit: float = FULL_SCALE) -> IQ:
    """Rounded and clipped to integers, shape (n, 2)."""
    pair = np.stack([x.real, x.imag], axis=1)
    return np.ascontiguousarray(np.clip(np.rint(pair), -limit, limit - 1).astype(np.int16))


def block_of(
    n: int,
    rate_hz: float = 61.44e6,
    center_hz: float = 0.0,
    flags: int = records.BLOCK_NO_CENTER,
    full_scale: float = FULL_SCALE,
    clipped: int = 0,
    bandwidth_hz: float | None = None,
) -> np.void:
    """A BLOCK record for `n` samples."""
    block = np.zeros(1, dtype=records.BLOCK)[0]
    block["n_samples"], block["rate_hz"], block["center_hz"], block["full_scale"] = n, rate_hz, center_hz, full_scale
    block["flags"], block["clipped_samples"], block["seq"] = flags, clipped, 1
    block["bandwidth_hz"] = rate_hz if bandwidth_hz is None else bandwidth_hz
    return block


def analysed(pipeline: Pipeline, iq: IQ, block: np.void) -> tuple[np.void, NDArray[np.void]]:
    """Run one block; returns a fresh RESULT and its emissions."""
    out = np.zeros(1, dtype=records.RESULT)[0]
    count = pipeline.analyse(iq, block, out)
    return out, out["emissions"][:count]


def covering(emissions: NDArray[np.void], center_hz: float, half_hz: float) -> NDArray[np.void]:
    """Emissions whose band touches center ± half."""
    low = emissions["center_hz"] - emissions["bandwidth_hz"] / 2
    high = emissions["center_hz"] + emissions["bandwidth_hz"] / 2
    return emissions[(low < center_hz + half_hz) & (high > center_hz - half_hz)]
