"""802.15.4 at 2.4 GHz: O-QPSK with half-sine chips (IEEE Std 802.15.4-2020 clause 12).

250 kbit/s, four bits a symbol spread over 32 chips, 2 Mchip/s; even chips on I, odd chips on Q half a chip pair later,
each a half sine of 1 µs: constant envelope, the same as MSK. Preamble of 32 zero bits, then a frame of up to 133
octets. Table 12-1: symbol k < 8 is the base sequence rotated right by 4k chips, k + 8 the same with odd chips inverted.
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

CHIP_HZ = 2.0e6
SYMBOL_CHIPS = 32
BASE = "11011001110000110101001000101110"  # chips of symbol 0
HEADER_SYMBOLS = 12  # preamble 8, delimiter 2, length 2
VARIANTS = 4
RAMP_S = 1.0e-6


class Zigbee(Emitter, frozen=True, kw_only=True, tag="zigbee"):
    """One node on one channel.

    Args:
        period_s: mean distance between frames.
        octets: length of a frame.
    """

    period_s: Annotated[float, Meta(ge=0.01, le=3600.0)] = 0.1
    octets: Annotated[int, Meta(ge=5, le=127)] = 60

    default_path: ClassVar[tuple[str, ...]] = ("ZigBee",)

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of MSK at 2 Mbit/s: 1.17 times the bit rate (measured in the tests)."""
        return 1.17 * CHIP_HZ

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        return 8.0e6

    @property
    def symbols(self) -> int:
        """Symbols of a frame."""
        return HEADER_SYMBOLS + 2 * self.octets

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return different frames."""
        rng = dice.generator("content")
        base = np.array([int(c) for c in BASE], np.int8)
        odd = np.arange(SYMBOL_CHIPS) % 2
        table = np.array([np.roll(base, 4 * k) for k in range(8)] + [np.roll(base, 4 * k) ^ odd for k in range(8)])
        waves = []
        for _ in range(VARIANTS):
            data = np.concatenate((np.zeros(8, np.int64), rng.integers(0, 16, self.symbols - 8)))
            waves.append(unit_power(ramp(_half_sines(table[data].reshape(-1), rate_hz), rate_hz, RAMP_S)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield one frame in each period, anywhere within it."""
        period = s_to_ns(self.period_s)
        air = round((self.symbols * SYMBOL_CHIPS + 1) / CHIP_HZ * 1e9)
        for i in slots(start_ns, stop_ns, period):
            yield Burst(i * period + dice.below("wait", i, period - air), air, dice.below("content", i, VARIANTS))


def _half_sines(chips: NDArray[np.int8], rate_hz: float) -> NDArray[np.complex64]:
    """Modulate chips: even ones on I, odd ones on Q, each a half sine two chip times long."""
    level = np.concatenate((chips.astype(np.float64) * 2.0 - 1.0, np.zeros(2)))
    t = np.arange(int((chips.size + 1) / CHIP_HZ * rate_hz)) / rate_hz * CHIP_HZ  # in chips
    even = (t // 2).astype(np.int64) * 2
    odd = ((t - 1) // 2).astype(np.int64) * 2 + 1
    i = level[np.minimum(even, chips.size)] * np.sin(np.pi * (t - even) / 2)
    q = np.where(odd >= 1, level[np.clip(odd, 0, chips.size)], 0.0) * np.sin(np.pi * (t - odd) / 2)
    return (i + 1j * q).astype(np.complex64)
