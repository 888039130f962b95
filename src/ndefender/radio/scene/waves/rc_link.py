"""2.4 GHz hobby control links by name: hop set, timing and modem of each.

FrSky ACCST D8 and D16: CC2500 transceivers. The registers of the open DIY multi-protocol module give 31.04 kbit/s,
31.7 kHz (D8) and 70.02 kbit/s, 57.1 kHz (D16, FCC) or 99.97 kbit/s, 69.8 kHz (D16 LBT) by the formulas of the CC2500
datasheet §17 and §16; a packet each 9 ms, 47 of 235 channels of 300 kHz, each 5 channels from the next.
FlySky AFHDS 2A: A7105, 500 kbit/s, 186 kHz, 38 octets behind a 7/4 code each 3.85 ms, 16 of 160 channels of 500 kHz.
Spektrum DSMX: CYRF6936, 1 Mchip/s GFSK with ±320 kHz, 8DR spreading: each octet is one of 256 words of 64 chips, two
codes in 64 rotations and two signs (Cypress CYRF6936 datasheet, "Data Transmission Modes"); a frame of 11 ms holds the
same packet twice, 4.01 ms apart, each on the next of 23 channels of 1 MHz.
Futaba S-FHSS: CC2500, 2-FSK, 128.1 kbit/s, 38.1 kHz, a packet each 6.8 ms, 30 channels of 1.5 MHz.
Futaba FASST: 36 channels from 2405.376 MHz in steps of 2.048 MHz (range of its FCC grants), a hop each 7 ms, direct
sequence inside the hop; its chips are not published and modelled as 1.024 Mchip/s MSK, 2.6 ms long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.shaping import gfsk, unit_power

VARIANTS = 4
RAMP_S = 4.0e-6
SPREAD_CHIPS = 64  # a word of the direct-sequence links


class Protocol(NamedTuple):
    """One control link.

    Args:
        first_hz: channel 0.
        spacing_hz, grid, gap: step between channels, how many there are, least distance of two in the hop set.
        channels: in the hop set.
        period_ns: of a frame.
        at_ns: begin of each packet within the frame; each takes the next channel.
        bits: of a packet on the air, preamble and sync word included; chips where it is spread.
        symbol_hz, deviation_hz, bt: modem.
        spread: octets become words of 64 chips.
        occupied_hz: 99 % bandwidth (measured in the tests).
    """

    first_hz: float
    spacing_hz: float
    grid: int
    gap: int
    channels: int
    period_ns: int
    at_ns: tuple[int, ...]
    bits: int
    symbol_hz: float
    deviation_hz: float
    bt: float
    spread: bool
    occupied_hz: float


# frame octets: preamble 4, sync word 4, length 1, payload, CRC 2 (CC2500); preamble 4, identifier 4, then
# payload and CRC 2 coded 4 bits in 7 (A7105)
PROTOCOLS = {
    "frsky_d8": Protocol(
        2404.0e6, 300e3, 235, 5, 47, 9_000_000, (0,), 8 * (11 + 17), 31_044.0, 31.74e3, 0.5, False, 86.6e3
    ),
    "frsky_d16": Protocol(
        2404.0e6, 300e3, 235, 5, 47, 9_000_000, (0,), 8 * (11 + 29), 70_019.0, 57.13e3, 0.5, False, 147.5e3
    ),
    "frsky_d16_lbt": Protocol(
        2404.0e6, 300e3, 235, 5, 47, 9_000_000, (0,), 8 * (11 + 32), 99_971.0, 69.82e3, 0.5, False, 201e3
    ),
    "afhds_2a": Protocol(
        2400.0e6, 500e3, 160, 5, 16, 3_850_000, (0,), 8 * 8 + 14 * (38 + 2), 500.0e3, 186.0e3, 0.5, False, 553e3
    ),
    "dsmx": Protocol(
        2405.0e6, 1.0e6, 71, 1, 23, 11_000_000, (0, 4_010_000), 64 + 64 * (1 + 1 + 16 + 2), 1.0e6, 320.0e3, 0.5, True,
        1.088e6,
    ),
    "s_fhss": Protocol(
        2405.75e6, 1.5e6, 30, 1, 30, 6_800_000, (0,), 8 * (11 + 13), 128.14e3, 38.09e3, 0.0, False, 209e3
    ),
    "fasst": Protocol(
        2405.376e6, 2.048e6, 36, 1, 36, 7_000_000, (0,), 64 * 41, 1.024e6, 256.0e3, 0.0, True, 1.228e6
    ),
}  # fmt: skip


class RcLink(Emitter, frozen=True, kw_only=True, tag="rc_link"):
    """A transmitter of a known make; `center_hz` is its channel 0.

    Args:
        protocol: which.
    """

    protocol: Literal["frsky_d8", "frsky_d16", "frsky_d16_lbt", "afhds_2a", "dsmx", "s_fhss", "fasst"] = "frsky_d16"

    default_path: ClassVar[tuple[str, ...]] = ("Control", "FHSS")

    @property
    def plan(self) -> Protocol:
        """Row of the table."""
        return PROTOCOLS[self.protocol]

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of a packet."""
        return self.plan.occupied_hz

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        return 4.0 * (self.plan.deviation_hz + self.plan.symbol_hz)

    @property
    def reach_hz(self) -> tuple[float, float]:
        """First to last channel of the grid."""
        return (0.0, (self.plan.grid - 1) * self.plan.spacing_hz)

    def problem(self) -> str | None:
        """Check that channel 0 is where the protocol has it."""
        if abs(self.center_hz - self.plan.first_hz) > 1.0e6:
            return f"center_hz {self.center_hz:.0f} is not channel 0 of {self.protocol}, {self.plan.first_hz:.0f}"
        return super().problem()

    def hop_set(self, dice: Dice) -> tuple[int, ...]:
        """Return the channels in the order they are visited; a permutation with the protocol's least distance."""
        plan = self.plan
        spare = plan.grid - plan.gap * (plan.channels - 1) - 1
        extra = sorted(dice.below("hop set", i, spare + 1) for i in range(plan.channels))
        order = dice.shuffled("hops", 0, plan.channels)
        return tuple(plan.gap * place + extra[place] for place in order)

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return different packets."""
        rng = dice.generator("content")
        plan = self.plan
        codes = rng.integers(0, 2, (2, SPREAD_CHIPS), dtype=np.int8)
        waves = []
        for _ in range(VARIANTS):
            bits = _spread(rng, codes, plan.bits) if plan.spread else _plain(rng, plan.bits)
            waves.append(unit_power(gfsk(bits, plan.symbol_hz, plan.deviation_hz, plan.bt, rate_hz, RAMP_S)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield the packets of each frame."""
        plan = self.plan
        air = round(plan.bits / plan.symbol_hz * 1e9)
        hops = self.hop_set(dice)
        phase = dice.below("phase", 0, plan.period_ns - plan.at_ns[-1] - air)
        for i in slots(start_ns - phase, stop_ns - phase, plan.period_ns):
            kind = dice.below("content", i, VARIANTS)  # repeated within the frame
            for k, at in enumerate(plan.at_ns):
                channel = hops[(i * len(plan.at_ns) + k) % plan.channels]
                yield Burst(phase + i * plan.period_ns + at, air, kind, channel * plan.spacing_hz)


def _plain(rng: np.random.Generator, count: int) -> NDArray[np.int8]:
    """Preamble of alternating bits, then random ones (the transceivers whiten)."""
    preamble = np.arange(32) % 2
    return np.concatenate((preamble, rng.integers(0, 2, count - preamble.size))).astype(np.int8)


def _spread(rng: np.random.Generator, codes: NDArray[np.int8], count: int) -> NDArray[np.int8]:
    """Preamble 0011 for one word, then random words: a code, turned, and inverted or not."""
    words = [np.tile(np.array([0, 0, 1, 1], np.int8), SPREAD_CHIPS // 4)]
    for _ in range(count // SPREAD_CHIPS - 1):
        code, turn, sign = rng.integers(0, 2), rng.integers(0, SPREAD_CHIPS), rng.integers(0, 2, dtype=np.int8)
        words.append(np.roll(codes[code], turn) ^ sign)
    return np.concatenate(words)
