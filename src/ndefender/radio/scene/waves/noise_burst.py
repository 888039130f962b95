"""Band-limited Gaussian noise in bursts: a stand-in with no structure at all, for jammers and for detection theory.

Flat over `bandwidth_hz` by construction in the frequency domain; a periodic loop is cut into bursts of `air_s`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.shaping import ramp, unit_power
from ndefender.units import s_to_ns

VARIANTS = 8
RAMP_S = 1.0e-6


class NoiseBurst(Emitter, frozen=True, kw_only=True, tag="noise_burst"):
    """Bursts of flat noise.

    Args:
        bandwidth_hz: of the noise.
        period_s, air_s: from burst to burst, and length of a burst.
        jitter: each burst starts anywhere within its period, instead of at its beginning.
    """

    bandwidth_hz: Annotated[float, Meta(ge=1.0e3, le=5.0e7)]
    period_s: Annotated[float, Meta(ge=0.0001, le=3600.0)] = 0.01
    air_s: Annotated[float, Meta(ge=0.00001, le=0.1)] = 0.002
    jitter: bool = True

    default_path: ClassVar[tuple[str, ...]] = ("Interference",)

    @property
    def occupied_hz(self) -> float:
        """99 % of a flat band."""
        return 0.99 * self.bandwidth_hz

    @property
    def span_hz(self) -> float:
        """The band and a little for the ramps."""
        return 1.2 * self.bandwidth_hz

    def problem(self) -> str | None:
        """Check that a burst fits its period."""
        if self.air_s >= self.period_s:
            return f"air_s {self.air_s} is not shorter than period_s {self.period_s}"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return different stretches of noise."""
        rng = dice.generator("content")
        n = round(self.air_s * rate_hz)
        inside = np.abs(np.fft.fftfreq(n, 1.0 / rate_hz)) <= self.bandwidth_hz / 2.0
        waves = []
        for _ in range(VARIANTS):
            spectrum = np.zeros(n, np.complex64)
            count = int(inside.sum())
            spectrum[inside] = rng.standard_normal(count) + 1j * rng.standard_normal(count)
            waves.append(unit_power(ramp(np.fft.ifft(spectrum).astype(np.complex64), rate_hz, RAMP_S)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield one burst a period."""
        period, air = s_to_ns(self.period_s), s_to_ns(self.air_s)
        for i in slots(start_ns, stop_ns, period):
            wait = dice.below("wait", i, period - air) if self.jitter else 0
            yield Burst(i * period + wait, air, dice.below("content", i, VARIANTS))
