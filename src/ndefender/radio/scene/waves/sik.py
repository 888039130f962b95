"""SiK telemetry radios: GFSK packets in windows that the two ends take in turn, each window on another channel.

Air rate 64 kbit/s with ±64 kHz (index 2) by default, 2 to 250 kbit/s (SiK firmware: table of air rates, deviation about
the air rate, 50 channels within 915 … 928 MHz, 10 within 433.05 … 434.79 MHz). Time-division: a window holds three
packets of 252 octets and is at most 131 ms long; its owner sends what it has: packets of telemetry of 20 to 250 octets
behind a preamble and header of 20 octets. Both ends keep the hop sequence, a permutation of all channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, Ratio, slots
from ndefender.radio.scene.waves.shaping import gfsk, unit_power

OVERHEAD_OCTETS = 20
OCTETS = (20, 60, 120, 250)  # of the variants
PACKETS = 3  # a window
LATENCY_NS = 3_000_000  # between packets
MAX_WINDOW_NS = 131_000_000
BT = 0.5
RAMP_S = 20.0e-6


class Sik(Emitter, frozen=True, kw_only=True, tag="sik"):
    """Two ends of a telemetry link; `center_hz` is the first channel.

    Args:
        air_kbit: air rate.
        channels, spacing_hz: hop set.
        load: share of a window's packets that are sent.
        peer_db: level of the other end.
    """

    air_kbit: Literal[32, 64, 96, 128, 192, 250] = 64
    channels: Annotated[int, Meta(ge=1, le=100)] = 50
    spacing_hz: Annotated[float, Meta(ge=2.0e4, le=2.0e6)] = 260.0e3
    load: Ratio = 0.8
    peer_db: Annotated[float, Meta(ge=-60.0, le=20.0)] = -6.0

    default_path: ClassVar[tuple[str, ...]] = ("Control", "FHSS")

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of GFSK of index 2, BT 0.5, by fit (within 10 %, see the tests)."""
        return 2.69 * self.air_kbit * 1e3

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        return 8.0e3 * self.air_kbit

    @property
    def reach_hz(self) -> tuple[float, float]:
        """First to last channel."""
        return (0.0, (self.channels - 1) * self.spacing_hz)

    @property
    def window_ns(self) -> int:
        """Time that one end has."""
        return min(MAX_WINDOW_NS, PACKETS * (self._air_ns(252) + LATENCY_NS))

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return one packet of each length."""
        rng = dice.generator("content")
        rate = self.air_kbit * 1e3
        waves = []
        for octets in OCTETS:
            data = rng.integers(0, 2, 8 * (octets + OVERHEAD_OCTETS) - 40)
            bits = np.concatenate((np.arange(40) % 2, data)).astype(np.int8)
            waves.append(unit_power(gfsk(bits, rate, rate, BT, rate_hz, RAMP_S)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield the packets of each window."""
        window = self.window_ns
        phase = dice.below("phase", 0, window)
        order = dice.shuffled("hops", 0, self.channels)
        for i in slots(start_ns - phase, stop_ns - phase, window):
            at = phase + i * window + LATENCY_NS
            for k in range(PACKETS):
                number = i * PACKETS + k
                kind = dice.below("octets", number, len(OCTETS))
                air = self._air_ns(OCTETS[kind])
                if at + air > phase + (i + 1) * window or dice.uniform("load", number) >= self.load:
                    continue
                offset_hz = order[i % self.channels] * self.spacing_hz
                yield Burst(at, air, kind, offset_hz, self.peer_db if i % 2 else 0.0)
                at += air + LATENCY_NS

    def _air_ns(self, octets: int) -> int:
        return round(8e6 * (octets + OVERHEAD_OCTETS) / self.air_kbit)
