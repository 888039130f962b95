"""The receive chain of an AD9361 as a filter: analogue low-pass, then the decimator's taper towards half the rate.

|H(f)| = (1 + (f / fc)^6)^(-1/2) · D(f),  fc = 1.4 · bandwidth / 2: the third-order Butterworth base-band filter whose
corner the driver sets to 1.4 times half the RF bandwidth (AD9361 Reference Manual UG-570, "Rx BB filter").
D(f) = 1 up to 0.42 · rate, then a half cosine to 0 at 0.5 · rate: the digital half-band and FIR stages.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

CORNER_RATIO = 1.4  # UG-570: BBF corner over half the RF bandwidth
FLAT_RATIO = 0.42  # of the sample rate: end of the decimator's pass band
HALF_TAPS = 31  # per output sample: 63 taps reach 60 dB within the taper of 0.08 · rate
_GRID = 1024
_KAISER_BETA = 6.0
_OFFSET_STEPS = 4096  # filters are shared between offsets closer than rate / 4096
MARGIN_DB = 0.2  # an emitter whose response varies less is scaled, not filtered


def response(frequency_hz: NDArray[np.float64], rate_hz: float, bandwidth_hz: float) -> NDArray[np.float64]:
    """Return the amplitude response, linear, at frequencies relative to the local oscillator.

    Args:
        frequency_hz: any shape; beyond ±rate/2 the response is 0 (nothing aliases).
        rate_hz, bandwidth_hz: sample rate and two-sided RF bandwidth.
    """
    f = np.abs(frequency_hz)
    analogue = 1.0 / np.sqrt(1.0 + (f / (CORNER_RATIO * bandwidth_hz / 2.0)) ** 6)
    edge = np.clip((f / rate_hz - FLAT_RATIO) / (0.5 - FLAT_RATIO), 0.0, 1.0)
    return np.asarray(analogue * 0.5 * (1.0 + np.cos(np.pi * edge)), dtype=np.float64)


def flat_gain(offset_hz: float, span_hz: float, rate_hz: float, bandwidth_hz: float) -> float | None:
    """Return one gain for an emitter in the flat part of the hop, or None where it must be filtered."""
    low, high = offset_hz - span_hz / 2.0, offset_hz + span_hz / 2.0
    if max(-low, high) >= FLAT_RATIO * rate_hz:
        return None
    gains = response(np.array([low, offset_hz, high]), rate_hz, bandwidth_hz)
    if 20.0 * math.log10(float(gains.max() / gains.min())) > MARGIN_DB:
        return None
    return float(gains[1])


@lru_cache(maxsize=512)
def _taps(step: int, rate_hz: float, bandwidth_hz: float, ratio: int) -> NDArray[np.complex64]:
    offset_hz = step * rate_hz / _OFFSET_STEPS
    half = HALF_TAPS * ratio
    size = _GRID * ratio
    grid_hz = np.fft.fftfreq(size, 1.0 / (rate_hz * ratio)).astype(np.float64)
    wanted = response(grid_hz + offset_hz, rate_hz, bandwidth_hz)
    impulse = np.roll(np.fft.ifft(wanted), half)[: 2 * half + 1] * np.kaiser(2 * half + 1, _KAISER_BETA)
    return np.ascontiguousarray(impulse[::-1], dtype=np.complex64)


def taps(offset_hz: float, rate_hz: float, bandwidth_hz: float, ratio: int) -> NDArray[np.complex64]:
    """Return the filter that a waveform at `offset_hz` needs in its own base band, for correlation order.

    Args:
        offset_hz: the waveform's carrier relative to the local oscillator.
        rate_hz, bandwidth_hz: of the receiver.
        ratio: the waveform's sample rate over the receiver's.
    Returns:
        complex64, 62·ratio + 1 taps, so that y[k] = Σ taps[j] · x[k·ratio + j - half].
    """
    return _taps(round(offset_hz / rate_hz * _OFFSET_STEPS), rate_hz, bandwidth_hz, ratio)
