"""Bluetooth BR: GFSK, BT 0.5, h = 0.28 … 0.35, 1 Msymbol/s, 79 channels of 1 MHz from 2402 MHz (Core 5.4 vol 2 part A).

Slots of 625 µs, one hop a slot: 1600 hops/s; a packet of 3 or 5 slots stays on the channel of its first slot (part B
§2.6). Access code 72 µs, header 54 µs, so a NULL packet is 126 µs, a full DH1 366, DH3 1622, DH5 2870 µs (part B §6).
The master sends in even slots, the slave answers in the slot after the packet. Time is cut into frames of 6 slots,
each filled with one of three patterns: three DH1 exchanges; a DH3, its answer and a DH1 exchange; a DH5 and its answer.
The hop kernel is taken as what it is built to look like: every channel equally likely, drawn for each slot.
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

SYMBOL_HZ = 1.0e6
DEVIATION_HZ = 160.0e3  # h = 0.32
BT = 0.5
CHANNELS = 79
SLOT_NS = 625_000
FRAME_SLOTS = 6
BITS = {"NULL": 126, "DH1": 366, "DH3": 1622, "DH5": 2870}
_TYPES = tuple(BITS)
COPIES = 4  # different payloads of each type
RAMP_S = 2.0e-6
# (slot of the frame, packet type, sent by the slave)
PATTERNS: tuple[tuple[tuple[int, str, bool], ...], ...] = (
    ((0, "DH1", False), (1, "DH1", True), (2, "DH1", False), (3, "NULL", True), (4, "DH1", False), (5, "DH1", True)),
    ((0, "DH3", False), (3, "NULL", True), (4, "DH1", False), (5, "DH1", True)),
    ((0, "DH5", False), (5, "NULL", True)),
)


class Bluetooth(Emitter, frozen=True, kw_only=True, tag="bluetooth"):
    """A connected pair, master and slave; `center_hz` is channel 0, 2402 MHz.

    Args:
        slave_db: level of the slave against the master.
        avoid: channels that adaptive hopping has learnt to avoid, first and last.
    """

    slave_db: Annotated[float, Meta(ge=-60.0, le=20.0)] = -4.0
    avoid: tuple[int, int] | None = None

    default_path: ClassVar[tuple[str, ...]] = ("Bluetooth",)

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of this GFSK (measured in the tests)."""
        return 0.86e6

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        return 4.0e6

    @property
    def reach_hz(self) -> tuple[float, float]:
        """79 channels."""
        return (0.0, (CHANNELS - 1) * 1.0e6)

    def problem(self) -> str | None:
        """Check the avoided channels."""
        if self.avoid is not None and not 0 <= self.avoid[0] <= self.avoid[1] < CHANNELS:
            return f"avoid {self.avoid} is not a range within 0 … {CHANNELS - 1}"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return COPIES of each packet type."""
        rng = dice.generator("content")
        return [
            unit_power(
                gfsk(rng.integers(0, 2, BITS[kind], dtype=np.int8), SYMBOL_HZ, DEVIATION_HZ, BT, rate_hz, RAMP_S)
            )
            for kind in _TYPES
            for _ in range(COPIES)
        ]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield the packets of every frame of six slots."""
        frame_ns = FRAME_SLOTS * SLOT_NS
        phase = dice.below("clock", 0, frame_ns)
        for i in slots(start_ns - phase, stop_ns - phase, frame_ns):
            for slot, kind, slave in PATTERNS[dice.below("pattern", i, len(PATTERNS))]:
                number = i * FRAME_SLOTS + slot
                yield Burst(
                    start_ns=phase + number * SLOT_NS,
                    duration_ns=BITS[kind] * 1000,
                    variant=_TYPES.index(kind) * COPIES + dice.below("content", number, COPIES),
                    offset_hz=1.0e6 * self._channel(dice, number),
                    gain_db=self.slave_db if slave else 0.0,
                )

    def _channel(self, dice: Dice, slot: int) -> int:
        if self.avoid is None:
            return dice.below("channel", slot, CHANNELS)
        low, high = self.avoid
        channel = dice.below("channel", slot, CHANNELS - (high - low + 1))
        return channel if channel < low else channel + high - low + 1
