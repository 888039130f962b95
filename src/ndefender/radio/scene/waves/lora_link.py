"""LoRa packets on one or more channels: telemetry links, meters, and the chirp modes of other control links.

The packet is that of `lora` (Semtech AN1200.22; explicit lengths from the SX1276 and SX1280 datasheets). Channels are
visited in a fixed permutation, one a packet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.lora import LoraFrame, frame, modulate
from ndefender.radio.scene.waves.shaping import unit_power
from ndefender.units import s_to_ns

PREAMBLE = 8
VARIANTS = 4
STORED_S = 0.25  # of air in all variants together, if more than one fits: 61 MB at 61.44 MS/s
LONGEST_S = 0.5


class LoraLink(Emitter, frozen=True, kw_only=True, tag="lora_link"):
    """One-way LoRa packets; `center_hz` is the first channel.

    Args:
        bandwidth_hz, spreading: of the chirp.
        coded: bits sent for each four.
        octets: payload.
        channels, spacing_hz: hop set; one channel does not hop.
        period_s: from packet to packet.
        inverted: conjugated chirps.
    """

    bandwidth_hz: Annotated[float, Meta(ge=7.0e3, le=2.0e6)] = 125.0e3
    spreading: Annotated[int, Meta(ge=5, le=12)] = 7
    coded: Annotated[int, Meta(ge=5, le=8)] = 5
    octets: Annotated[int, Meta(ge=1, le=255)] = 32
    channels: Annotated[int, Meta(ge=1, le=200)] = 1
    spacing_hz: Annotated[float, Meta(ge=1.0e4, le=5.0e6)] = 200.0e3
    period_s: Annotated[float, Meta(ge=0.001, le=3600.0)] = 1.0
    inverted: bool = False

    default_path: ClassVar[tuple[str, ...]] = ("Control", "LoRa")

    @property
    def frame(self) -> LoraFrame:
        """Symbols of one packet."""
        return frame(self.bandwidth_hz, self.spreading, PREAMBLE, self.octets, self.coded, sx128x=self.spreading < 6)

    @property
    def variants(self) -> int:
        """Different packets that are kept."""
        return max(1, min(VARIANTS, int(STORED_S / self.frame.air_s)))

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of a chirp: its sweep and what the folds spill, by fit (within 3 %, see the tests)."""
        return self.bandwidth_hz * (1.0 + 6.0 / (1 << self.spreading))

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        return 4.0 * self.bandwidth_hz

    @property
    def reach_hz(self) -> tuple[float, float]:
        """First to last channel."""
        return (0.0, (self.channels - 1) * self.spacing_hz)

    def problem(self) -> str | None:
        """Check that a packet fits its period."""
        if self.frame.air_s >= self.period_s:
            return f"period_s {self.period_s} is shorter than a packet of {self.frame.air_s:.4f} s"
        if self.frame.air_s > LONGEST_S:
            return f"a packet of {self.frame.air_s:.3f} s is longer than {LONGEST_S} s, the longest that is stored"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return packets with different payloads."""
        rng = dice.generator("content")
        return [unit_power(modulate(self.frame, rng, rate_hz, inverted=self.inverted)) for _ in range(self.variants)]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield one packet a period."""
        period, air = s_to_ns(self.period_s), round(self.frame.air_s * 1e9)
        phase = dice.below("phase", 0, period - air)
        order = dice.shuffled("hops", 0, self.channels)
        for i in slots(start_ns - phase, stop_ns - phase, period):
            offset_hz = order[i % self.channels] * self.spacing_hz
            yield Burst(phase + i * period, air, dice.below("content", i, self.variants), offset_hz)
