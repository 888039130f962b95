"""Steps that several waveforms share: resampling by Fourier, power, ramps, Gaussian frequency pulses."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

C64 = NDArray[np.complex64]
F64 = NDArray[np.float64]


def unit_power(wave: NDArray[np.complexfloating]) -> C64:
    """Scale to mean power 1, complex64."""
    power = float(np.mean(wave.real**2 + wave.imag**2))
    return (wave / np.float32(np.sqrt(power))).astype(np.complex64)


def resample_loop(wave: C64, rate_in_hz: float, rate_out_hz: float) -> C64:
    """Resample one period of a periodic signal by its Fourier series.

    The period becomes a whole number of samples, so the clock is off by at most half a sample a period.
    """
    n_in = wave.size
    n_out = max(1, round(n_in * rate_out_hz / rate_in_hz))
    if n_out == n_in:
        return wave
    spectrum = np.fft.fft(wave)
    kept = min(n_in, n_out) // 2
    wide = np.zeros(n_out, np.complex64)
    wide[:kept] = spectrum[:kept]
    wide[-kept:] = spectrum[-kept:]
    return (np.fft.ifft(wide) * np.float32(n_out / n_in)).astype(np.complex64)


def resample_burst(wave: C64, rate_in_hz: float, rate_out_hz: float) -> C64:
    """Resample a burst that begins and ends at zero; keeps its length to the sample."""
    ratio = Fraction(rate_out_hz / rate_in_hz).limit_denominator(4096)
    quantum = ratio.denominator
    padded = -(-(wave.size + 128) // quantum) * quantum
    n_out = -(-wave.size * ratio.numerator // ratio.denominator)
    return resample_loop(np.pad(wave, (0, padded - wave.size)), rate_in_hz, rate_in_hz * float(ratio))[:n_out]


def ramp(wave: C64, rate_hz: float, ramp_s: float) -> C64:
    """Switch a burst on and off with half cosines of `ramp_s`, in place; returns it."""
    n = min(round(ramp_s * rate_hz), wave.size // 2)
    if n > 0:
        edge = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)).astype(np.float32)
        wave[:n] *= edge
        wave[-n:] *= edge[::-1]
    return wave


def gfsk(
    bits: NDArray[np.int8], symbol_hz: float, deviation_hz: float, bt: float, rate_hz: float, ramp_s: float
) -> C64:
    """Gaussian frequency-shift keying: f(t) = deviation · Σ a_k · g(t - kT), a_k = ±1.

    Args:
        bits: 0 or 1.
        symbol_hz: bit rate.
        deviation_hz: of a long run of ones; h = 2 · deviation / symbol rate.
        bt: bandwidth of the Gaussian filter times the bit time; 0 for plain FSK.
        rate_hz: output sample rate.
        ramp_s: of the power at both ends.
    Returns:
        complex64 of len(bits) / symbol_hz seconds.
    """
    fine = 32  # steps a symbol; the phase is smooth between them
    levels = np.repeat(bits.astype(np.float64) * 2.0 - 1.0, fine)
    if bt > 0.0:
        t = np.arange(-2 * fine, 2 * fine + 1) / fine
        sigma = np.sqrt(np.log(2.0)) / (2.0 * np.pi * bt)
        pulse = np.exp(-(t**2) / (2.0 * sigma**2))
        levels = np.convolve(np.pad(levels, 2 * fine, mode="edge"), pulse / pulse.sum(), mode="valid")
    turns = np.concatenate(([0.0], np.cumsum(levels))) * deviation_hz / (symbol_hz * fine)
    n = int(bits.size / symbol_hz * rate_hz)
    at = np.arange(n) / rate_hz * symbol_hz * fine
    phase = 2.0 * np.pi * np.interp(at, np.arange(turns.size), turns)
    return ramp(np.exp(1j * phase).astype(np.complex64), rate_hz, ramp_s)


def root_raised_cosine(chips: NDArray[np.complex128], chip_hz: float, roll_off: float, rate_hz: float) -> C64:
    """Shape chips by a root raised cosine, through the spectrum of the whole burst.

    Args:
        chips: complex values, one a chip.
        chip_hz: chips a second.
        roll_off: 0 … 1.
        rate_hz: output sample rate; beyond its half the spectrum is cut.
    Returns:
        complex64 of len(chips) / chip_hz seconds, faded in and out over half a chip.
    """
    padded = 1 << (chips.size + 32 - 1).bit_length()
    n_out = round(padded * rate_hz / chip_hz)
    f = np.fft.fftfreq(n_out, 1.0 / rate_hz) / chip_hz  # in chip rates
    edge = np.clip((np.abs(f) - 0.5 * (1.0 - roll_off)) / roll_off, 0.0, 1.0)
    spectrum = np.fft.fft(chips, padded)[np.round(np.fft.fftfreq(n_out, 1.0 / n_out)).astype(np.int64) % padded]
    # a chip is centred half a chip after its begin
    wave = np.fft.ifft(spectrum * np.cos(0.5 * np.pi * edge) * np.exp(-1j * np.pi * f))
    return ramp(wave[: int(chips.size / chip_hz * rate_hz)].astype(np.complex64), rate_hz, 0.5 / chip_hz)
