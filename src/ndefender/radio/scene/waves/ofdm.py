"""Orthogonal frequency-division multiplexing: x(t) = Σ_k c_k · exp(j·2π·k·Δf·t), a cyclic prefix before each symbol.

Adjacent symbols overlap by a raised-cosine taper, as transmitters do to meet their spectral mask.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.waves.shaping import C64

C128 = NDArray[np.complex128]


def bins(carriers: NDArray[np.int64], grid: C128, size: int) -> C128:
    """Place (symbols, carriers) on the transform's bins; carrier numbers are signed, 0 is the centre."""
    spectrum = np.zeros((grid.shape[0], size), np.complex128)
    spectrum[:, carriers % size] = grid
    return spectrum


def symbols(spectrum: C128, prefixes: NDArray[np.int64], taper: int, *, loop: bool) -> C64:
    """Modulate symbols one after the other.

    Args:
        spectrum: (symbols, size) bins.
        prefixes: samples of each symbol's cyclic prefix.
        taper: samples over which a symbol fades in over the end of the one before.
        loop: the last symbol fades into the first; else the burst begins and ends with a fade.
    Returns:
        complex64, Σ(size + prefix) samples (+ taper unless `loop`).
    """
    size = spectrum.shape[1]
    body = (np.fft.ifft(spectrum, axis=1) * size).astype(np.complex64)
    starts = np.concatenate(([0], np.cumsum(prefixes + size)))
    total = int(starts[-1])
    out = np.zeros(total + taper, np.complex64)
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(taper) + 0.5) / max(taper, 1))).astype(np.float32)
    for i in range(spectrum.shape[0]):
        prefix = int(prefixes[i])
        whole = np.concatenate((body[i, size - prefix :], body[i], body[i, :taper]))
        whole[:taper] *= rise
        whole[whole.size - taper :] *= rise[::-1]
        out[starts[i] : starts[i] + whole.size] += whole
    if loop:
        out[:taper] += out[total:]
        return out[:total]
    return out


def qam(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> C128:
    """Draw random points of square QAM (2 bits: QPSK, 4: 16-QAM, 6: 64-QAM; 1: BPSK), mean power 1."""
    if bits == 1:
        return (rng.integers(0, 2, shape) * 2.0 - 1.0).astype(np.complex128)
    side = 1 << (bits // 2)
    levels = np.arange(side) * 2.0 - (side - 1)
    points = rng.choice(levels, shape) + 1j * rng.choice(levels, shape)
    return np.asarray(points / np.sqrt(2.0 * np.mean(levels**2)))


def zadoff_chu(root: int, length: int) -> C128:
    """Zadoff-Chu sequence of odd length (3GPP TS 36.211 §5.5.1): exp(-j·π·root·n·(n+1) / length)."""
    n = np.arange(length)
    return np.asarray(np.exp(-1j * np.pi * root * n * (n + 1) / length))
