"""TBS Crossfire and Tracer: 150 frames a second in FSK, 50 in LoRa (868/915 MHz), 250 in LoRa (2.4 GHz).

150 Hz: 85.1 kbit/s FSK of index 1, a frame of 6.667 ms holds the transmitter's packet and the receiver's answer, each
frame on the next channel. 50 Hz: LoRa 250 kHz, spreading 6, one packet of the transmitter a frame of 20 ms.
Tracer: LoRa 812.5 kHz, spreading 5, a packet and an answer each 4 ms. The protocol is not published; rates, modulation
and widths are those found by published analyses of the air interface, channel counts follow from 260 kHz steps within
the band (868: 863.0 to 869.8 MHz, 915: 902.2 to 927.9 MHz), octets are those of the serial protocol's channel frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.lora import LoraFrame, frame, modulate
from ndefender.radio.scene.waves.shaping import gfsk, unit_power

BIT_HZ = 85.1e3
DEVIATION_HZ = 42.55e3
BT = 0.5
UP_OCTETS, DOWN_OCTETS = 30, 16  # preamble and sync word included
GAP_NS = 400_000  # turn-around
RAMP_S = 20.0e-6
VARIANTS = 4


class Mode(NamedTuple):
    """One mode.

    Args:
        period_ns: of a frame.
        channels, spacing_hz: hop set.
        up, down: LoRa packets of the transmitter and the receiver; None is FSK, or no answer.
    """

    period_ns: int
    channels: int
    spacing_hz: float
    up: LoraFrame | None
    down: LoraFrame | None


_SLOW = frame(250.0e3, 6, 6, 24, 5, sx128x=False)
_FAST_UP, _FAST_DOWN = (frame(812.5e3, 5, 8, octets, 5, sx128x=True) for octets in (22, 4))
MODES = {
    (150, "868"): Mode(6_666_667, 26, 260.0e3, None, None),
    (150, "915"): Mode(6_666_667, 99, 260.0e3, None, None),
    (50, "868"): Mode(20_000_000, 26, 260.0e3, _SLOW, None),
    (50, "915"): Mode(20_000_000, 99, 260.0e3, _SLOW, None),
    (250, "2G4"): Mode(4_000_000, 80, 1.0e6, _FAST_UP, _FAST_DOWN),
}


class Crossfire(Emitter, frozen=True, kw_only=True, tag="crossfire"):
    """A transmitter and its receiver; `center_hz` is the first channel.

    Args:
        frame_hz: 150 (FSK) or 50 (LoRa) below 1 GHz, 250 (Tracer) at 2.4 GHz.
        band: hop set.
        telemetry_db: level of the receiver's answers against the transmitter.
    """

    frame_hz: Literal[150, 50, 250] = 150
    band: Literal["868", "915", "2G4"] = "868"
    telemetry_db: Annotated[float, Meta(ge=-60.0, le=20.0)] = -6.0

    default_path: ClassVar[tuple[str, ...]] = ("Control", "FHSS")

    @property
    def mode(self) -> Mode:
        """Row of the table."""
        return MODES[self.frame_hz, self.band]

    @property
    def path(self) -> tuple[str, ...]:
        """Of the modulation in use."""
        return self.class_path or (("Control", "LoRa") if self.mode.up else self.default_path)

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of the chirp or of the FSK, by fit (within 5 %, see the tests)."""
        up = self.mode.up
        return up.bandwidth_hz * (1.0 + 6.0 / (1 << up.spreading)) if up else 2.0 * DEVIATION_HZ + 0.69 * BIT_HZ

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        up = self.mode.up
        return 4.0 * (up.bandwidth_hz if up else DEVIATION_HZ + BIT_HZ)

    @property
    def reach_hz(self) -> tuple[float, float]:
        """First to last channel."""
        return (0.0, (self.mode.channels - 1) * self.mode.spacing_hz)

    def problem(self) -> str | None:
        """Check that the mode exists in the band."""
        if (self.frame_hz, self.band) not in MODES:
            return f"frame_hz {self.frame_hz} does not exist in band {self.band}"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return `VARIANTS` packets of the transmitter, then as many of the receiver if it answers."""
        rng = dice.generator("content")
        mode = self.mode
        if mode.up is None:
            return [
                unit_power(_fsk(rng, octets, rate_hz)) for octets in (UP_OCTETS, DOWN_OCTETS) for _ in range(VARIANTS)
            ]
        packets = [shape for shape in (mode.up, mode.down) if shape is not None]
        return [unit_power(modulate(shape, rng, rate_hz, inverted=False)) for shape in packets for _ in range(VARIANTS)]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield the packets of each frame; the hop sequence is one permutation, over and over."""
        mode = self.mode
        up, down = self._air_ns()
        phase = dice.below("phase", 0, mode.period_ns)
        order = dice.shuffled("hops", 0, mode.channels)
        for i in slots(start_ns - phase, stop_ns - phase, mode.period_ns):
            at = phase + i * mode.period_ns
            offset_hz = order[i % mode.channels] * mode.spacing_hz
            kind = dice.below("content", i, VARIANTS)
            yield Burst(at, up, kind, offset_hz)
            if down:
                yield Burst(at + up + GAP_NS, down, VARIANTS + kind, offset_hz, self.telemetry_db)

    def _air_ns(self) -> tuple[int, int]:
        mode = self.mode
        if mode.up is None:
            return round(8e9 * UP_OCTETS / BIT_HZ), round(8e9 * DOWN_OCTETS / BIT_HZ)
        return round(mode.up.air_s * 1e9), round(mode.down.air_s * 1e9) if mode.down else 0


def _fsk(rng: np.random.Generator, octets: int, rate_hz: float) -> NDArray[np.complex64]:
    preamble = np.arange(32) % 2
    bits = np.concatenate((preamble, rng.integers(0, 2, 8 * octets - preamble.size))).astype(np.int8)
    return gfsk(bits, BIT_HZ, DEVIATION_HZ, BT, rate_hz, RAMP_S)
