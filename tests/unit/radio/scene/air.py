"""Helpers of the scene tests: scenes of one emitter, samples as complex numbers, spectra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from ndefender.radio.scene.load import Scene, parse_scene
from ndefender.radio.scene.render import Renderer

CLEAN = "dc_dbfs = -200\nimage_db = -200\n"


def scene(
    *emitters: str, noise_dbfs_hz: float = -240.0, impairments: str = CLEAN, seed: int = 1, extra: str = ""
) -> Scene:
    """Return a scene whose emitters are given as TOML lines; no noise and no impairments unless asked for."""
    head = f'[scene]\nname = "test"\nseed = {seed}\nnoise_dbfs_hz = {noise_dbfs_hz}\n{extra}\n'
    head += f"[scene.impairments]\n{impairments}"
    rows = "".join(f'[[emitter]]\nname = "e{i}"\n{text}\n' for i, text in enumerate(emitters))
    return parse_scene(head + rows, "test.toml")


def raw(
    renderer: Renderer,
    start_ns: int,
    n: int,
    center_hz: float,
    rate_hz: float,
    bandwidth_hz: float,
    gain_db: float = 40.0,
) -> tuple[NDArray[np.int16], int]:
    """Render int16 samples and the count of clipped ones."""
    out = np.empty((n, 2), np.int16)
    clipped = renderer.render(start_ns, center_hz, rate_hz, bandwidth_hz, gain_db, out)
    return out, clipped


def samples(
    renderer: Renderer,
    start_ns: int,
    n: int,
    center_hz: float,
    rate_hz: float,
    bandwidth_hz: float,
    gain_db: float = 40.0,
) -> NDArray[np.complex128]:
    """Render complex samples, 1.0 is full scale."""
    out, _ = raw(renderer, start_ns, n, center_hz, rate_hz, bandwidth_hz, gain_db)
    return (out[:, 0] + 1j * out[:, 1]) / 2048.0


def power_db(x: NDArray[np.complexfloating]) -> float:
    """Mean power, dB."""
    return float(10.0 * np.log10(np.mean(np.abs(x) ** 2)))


def spectrum(
    x: NDArray[np.complexfloating], rate_hz: float, size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies, ascending, and power density by Welch's method."""
    f, p = signal.welch(x, rate_hz, window="blackman", nperseg=size, return_onesided=False, detrend=False)
    return np.fft.fftshift(f), np.fft.fftshift(p)


def occupied(x: NDArray[np.complexfloating], rate_hz: float, size: int = 4096) -> tuple[float, float]:
    """Centre and width of the band with 99 % of the power (ITU-R SM.328)."""
    f, p = spectrum(x, rate_hz, min(size, len(x)))
    share = np.cumsum(p) / np.sum(p)
    low, high = np.interp([0.005, 0.995], share, f + (f[1] - f[0]) / 2)  # shares hold at the bins' upper edges
    return float((low + high) / 2), float(high - low)


def at_lag(x: NDArray[np.complexfloating], lag: int) -> float:
    """Normalised autocorrelation at a lag, 0 to 1."""
    a, b = x[:-lag], x[lag:]
    return float(np.abs(np.vdot(a, b)) / np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real))


def frequency(x: NDArray[np.complexfloating], rate_hz: float) -> NDArray[np.float64]:
    """Instantaneous frequency, Hz."""
    return np.angle(x[1:] * np.conj(x[:-1])) * rate_hz / (2 * np.pi)
