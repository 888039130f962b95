"""Two-level FSK ISM telegram: a preamble of alternating bits, then data, at a regular period.

Defaults are wireless M-Bus mode T1 meters: 868.95 MHz, 100 kchip/s, deviation 50 kHz (EN 13757-4 §7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.shaping import gfsk, unit_power
from ndefender.units import s_to_ns

PREAMBLE_BITS = 48
VARIANTS = 4
RAMP_S = 20.0e-6


class FskSensor(Emitter, frozen=True, kw_only=True, tag="fsk_sensor"):
    """Meter or sensor with FSK telegrams.

    Args:
        period_s: from one telegram to the next.
        symbol_hz: chip rate.
        deviation_hz: half the distance between the two tones.
        bits: chips of a telegram.
    """

    period_s: Annotated[float, Meta(ge=0.1, le=3600.0)] = 10.0
    symbol_hz: Annotated[float, Meta(ge=1.0e3, le=1.0e6)] = 100.0e3
    deviation_hz: Annotated[float, Meta(ge=1.0e3, le=1.0e6)] = 50.0e3
    bits: Annotated[int, Meta(ge=64, le=8192)] = 600

    default_path: ClassVar[tuple[str, ...]] = ("Interference", "ISM")

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of unfiltered keying near h = 1: a little over Carson's rule (measured in the tests)."""
        return 2.0 * self.deviation_hz + 1.1 * self.symbol_hz

    @property
    def span_hz(self) -> float:
        """Skirts of unfiltered keying."""
        return 4.0 * (self.deviation_hz + self.symbol_hz)

    def problem(self) -> str | None:
        """Check that a telegram fits its period."""
        if self.bits / self.symbol_hz >= self.period_s:
            return f"period_s {self.period_s} is shorter than a telegram of {self.bits / self.symbol_hz:.3f} s"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return different telegrams."""
        rng = dice.generator("content")
        preamble = np.arange(PREAMBLE_BITS, dtype=np.int8) % 2
        waves = []
        for _ in range(VARIANTS):
            data = rng.integers(0, 2, self.bits - PREAMBLE_BITS, dtype=np.int8)
            bits = np.concatenate((preamble, data))
            waves.append(unit_power(gfsk(bits, self.symbol_hz, self.deviation_hz, 0.0, rate_hz, RAMP_S)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield one telegram a period."""
        period = s_to_ns(self.period_s)
        air = round(self.bits / self.symbol_hz * 1e9)
        phase = dice.below("phase", 0, period - air)
        for i in slots(start_ns - phase, stop_ns - phase, period):
            yield Burst(phase + i * period, air, dice.below("content", i, VARIANTS))
