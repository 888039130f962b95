"""A small renderer for tests: a tone whose offset from the LO is a function of the LO, in quiet noise.

A block whose tone is not where its LO says was taken at another tuning.
"""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.typing import NDArray

TONE_AMPLITUDE = 900.0
STEPS = 16  # offsets of 1..16 64ths of the rate, so that neighbouring tunings differ


def tone_offset_hz(center_hz: float, rate_hz: float) -> float:
    """Offset of the tone at this LO: a different one for each MHz."""
    return rate_hz / 64 * (1 + round(center_hz / 1e6) % STEPS)


class ToneRenderer:
    """Tone and noise; counts calls; can be held up to make the emulator late."""

    def __init__(self, noise: float = 4.0) -> None:
        self.noise = noise
        self.rates: list[float] = []
        self.hold = threading.Event()
        self.hold.set()

    def prepare(self, rate_hz: float, bandwidth_hz: float | None = None) -> None:
        self.rates.append(rate_hz)

    def render(
        self,
        start_sample_ns: int,
        center_hz: float,
        rate_hz: float,
        bandwidth_hz: float,
        gain_db: float,
        out: NDArray[np.int16],
    ) -> int:
        self.hold.wait()
        n = len(out)
        offset_hz = tone_offset_hz(center_hz, rate_hz)
        start = math.fmod(offset_hz * start_sample_ns * 1e-9, 1.0)
        phase = 2 * np.pi * (start + offset_hz / rate_hz * np.arange(n))
        amplitude = min(TONE_AMPLITUDE * 10 ** ((gain_db - 40.0) / 20), 1e6)
        noise = np.random.default_rng(start_sample_ns % 2**32).normal(0.0, self.noise, (n, 2))
        values = np.rint(np.stack((amplitude * np.cos(phase), amplitude * np.sin(phase)), axis=1) + noise)
        clipped = int(np.count_nonzero(np.any(np.abs(values) >= 2047, axis=1)))
        out[:] = np.clip(values, -2048, 2047)
        return clipped


def tone_step(iq: NDArray[np.int16]) -> int:
    """Return which of the offsets (1..STEPS) the strongest tone in `iq` is nearest to."""
    spectrum = np.abs(np.fft.fft(iq[:, 0] + 1j * iq[:, 1]))
    return round(int(np.argmax(spectrum)) / len(iq) * 64)


def expected_step(center_hz: float) -> int:
    """Return the offset that belongs to an LO."""
    return 1 + round(center_hz / 1e6) % STEPS
