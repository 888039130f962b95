"""Bluetooth LE advertising: GFSK, BT 0.5, h = 0.5, 1 Msymbol/s (Core 5.4 vol 6 part A §3).

An advertising event sends the same packet on channels 37, 38, 39 (2402, 2426, 2480 MHz) one after the other; events
follow each other after the advertising interval plus a random delay of 0 … 10 ms (vol 6 part B §4.4.2.2).
Preamble 8 µs, access address 32 µs, PDU header 16 µs, address 48 µs, up to 31 octets of data, CRC 24 µs.
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

SYMBOL_HZ = 1.0e6
DEVIATION_HZ = 250.0e3
BT = 0.5
ACCESS_ADDRESS = 0x8E89BED6
CHANNEL_OFFSETS_HZ = (0.0, 24.0e6, 78.0e6)  # 37, 38, 39 from 2402 MHz
CHANNEL_GAP_NS = 150_000  # turn-around between channels
MAX_DELAY_NS = 10_000_000
OVERHEAD_BITS = 8 + 32 + 16 + 48 + 24
RAMP_S = 2.0e-6


class BleAdvertiser(Emitter, frozen=True, kw_only=True, tag="ble_advertiser"):
    """An advertising device; `center_hz` is channel 37, 2402 MHz.

    Args:
        interval_s: advertising interval.
        data_octets: advertising data.
    """

    interval_s: Annotated[float, Meta(ge=0.02, le=10.24)] = 0.1
    data_octets: Annotated[int, Meta(ge=0, le=31)] = 31

    default_path: ClassVar[tuple[str, ...]] = ("Bluetooth", "LE")

    @property
    def bits(self) -> int:
        """Length of a packet in bits, which are microseconds."""
        return OVERHEAD_BITS + 8 * self.data_octets

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of this GFSK (measured in the tests)."""
        return 1.01e6

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        return 4.0e6

    @property
    def reach_hz(self) -> tuple[float, float]:
        """Channels 37 to 39."""
        return (0.0, CHANNEL_OFFSETS_HZ[-1])

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return one packet."""
        access = [(ACCESS_ADDRESS >> i) & 1 for i in range(32)]
        head = np.array([0, 1] * 4 + access, np.int8)
        body = dice.generator("content").integers(0, 2, self.bits - head.size, dtype=np.int8)
        return [unit_power(gfsk(np.concatenate((head, body)), SYMBOL_HZ, DEVIATION_HZ, BT, rate_hz, RAMP_S))]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield three packets an advertising event.

        The random delay is drawn around a regular grid, so that event i can be had without the ones before.
        """
        period = s_to_ns(self.interval_s) + MAX_DELAY_NS // 2
        phase = dice.below("phase", 0, period) - period
        for i in slots(start_ns - phase, stop_ns - phase, period):
            at = phase + i * period + dice.below("delay", i, MAX_DELAY_NS)
            for offset in CHANNEL_OFFSETS_HZ:
                yield Burst(at, self.bits * 1000, 0, offset)
                at += self.bits * 1000 + CHANNEL_GAP_NS
