"""Frequency-hopping GFSK control link: one packet a hop, every hop another channel of a fixed set.

Defaults are those of 2.4 GHz hobby links: 47 channels of 1.5 MHz, one packet of 3.2 ms each 9 ms, 250 kbit/s
(published teardowns of ACCST-class links with CC2500 transceivers; TI CC2500 datasheet table 3 for the modem).
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

BT = 0.5
VARIANTS = 4
RAMP_S = 5.0e-6


class GfskHopper(Emitter, frozen=True, kw_only=True, tag="gfsk_fhss"):
    """Control link; `center_hz` is the first channel.

    Args:
        channels, spacing_hz: hop set.
        period_s: from hop to hop.
        air_s: length of a packet.
        symbol_hz, deviation_hz: modem.
    """

    channels: Annotated[int, Meta(ge=1, le=200)] = 47
    spacing_hz: Annotated[float, Meta(ge=1.0e4, le=5.0e6)] = 1.5e6
    period_s: Annotated[float, Meta(ge=0.0005, le=1.0)] = 0.009
    air_s: Annotated[float, Meta(ge=0.0001, le=1.0)] = 0.0032
    symbol_hz: Annotated[float, Meta(ge=1.0e3, le=2.0e6)] = 250.0e3
    deviation_hz: Annotated[float, Meta(ge=1.0e3, le=1.0e6)] = 127.0e3

    default_path: ClassVar[tuple[str, ...]] = ("Control", "FHSS")

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of GFSK with this filter, by fit to its spectrum (within 10 %, see the tests)."""
        return 2.0 * self.deviation_hz + 0.62 * self.symbol_hz

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        return 4.0 * (self.deviation_hz + self.symbol_hz)

    @property
    def reach_hz(self) -> tuple[float, float]:
        """First to last channel."""
        return (0.0, (self.channels - 1) * self.spacing_hz)

    def problem(self) -> str | None:
        """Check that a packet fits its period."""
        if self.air_s > self.period_s:
            return f"air_s {self.air_s} is longer than period_s {self.period_s}"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return different packets."""
        rng = dice.generator("content")
        count = round(self.air_s * self.symbol_hz)
        return [
            unit_power(
                gfsk(rng.integers(0, 2, count, dtype=np.int8), self.symbol_hz, self.deviation_hz, BT, rate_hz, RAMP_S)
            )
            for _ in range(VARIANTS)
        ]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield one packet a hop; the hop sequence is one permutation, over and over."""
        period = s_to_ns(self.period_s)
        phase = dice.below("phase", 0, period)
        air = round(round(self.air_s * self.symbol_hz) / self.symbol_hz * 1e9)
        order = dice.shuffled("hops", 0, self.channels)
        for i in slots(start_ns - phase, stop_ns - phase, period):
            channel = order[i % self.channels]
            yield Burst(phase + i * period, air, dice.below("content", i, VARIANTS), channel * self.spacing_hz)
