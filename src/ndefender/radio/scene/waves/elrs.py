"""ExpressLRS control links: LoRa packets of 8 or 13 octets at a fixed rate, hopping after every few packets.

Air rates as the project documents them (ExpressLRS, table of air rates for SX128x and SX127x): bandwidth 812.5 kHz at
2.4 GHz, 500 kHz below 1 GHz; spreading, coding, preamble, interval and hop interval below. "Full" rates carry 13
octets. FLRC (2.4 GHz only) is GMSK at 650 kbit/s, BT 1 (SX1280 datasheet §6.3.2): 32 bits of preamble, 32 of sync word,
then 8 octets and a 3-octet CRC coded 1/2 with 6 bits of tail, 388 µs.
Channel plans as in the project's table of domains: from the first to the last channel in equal steps.
The hop sequence is made of permutations of all channels, each led by the sync channel in the middle of the band.
Every `telemetry` packets one slot belongs to the receiver, which answers on the same channel.
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

VARIANTS = 8


class AirRate(NamedTuple):
    """One row of the air-rate table."""

    spreading: int
    coded: int  # bits sent for each four
    preamble: int
    interval_us: int
    hop_packets: int
    telemetry: int
    octets: int = 8


class Domain(NamedTuple):
    """Channels and modem of one regulatory domain."""

    first_hz: float
    last_hz: float
    channels: int
    bandwidth_hz: float
    sx128x: bool


DOMAINS = {
    "ISM2G4": Domain(2400.4e6, 2479.4e6, 80, 812.5e3, True),
    "EU868": Domain(863.275e6, 869.575e6, 13, 500.0e3, False),
    "FCC915": Domain(903.5e6, 926.9e6, 40, 500.0e3, False),
    "AU915": Domain(915.5e6, 926.9e6, 20, 500.0e3, False),
    "IN866": Domain(865.375e6, 866.95e6, 4, 500.0e3, False),
    "EU433": Domain(433.1e6, 434.45e6, 3, 500.0e3, False),
    "AU433": Domain(433.42e6, 434.42e6, 3, 500.0e3, False),
    "US433": Domain(433.25e6, 438.0e6, 8, 500.0e3, False),
}
RATES_2G4 = {
    500: AirRate(5, 7, 12, 2000, 4, 128),
    250: AirRate(6, 8, 14, 4000, 4, 64),
    150: AirRate(7, 8, 12, 6666, 4, 32),
    50: AirRate(8, 8, 12, 20000, 2, 16),
}
RATES_900 = {
    200: AirRate(6, 7, 8, 5000, 4, 64),
    100: AirRate(7, 7, 8, 10000, 4, 32),
    50: AirRate(8, 7, 10, 20000, 4, 16),
    25: AirRate(9, 7, 10, 40000, 2, 8),
}
FULL_2G4 = {333: AirRate(5, 8, 12, 3003, 4, 128, 13), 100: AirRate(7, 8, 12, 10000, 4, 32, 13)}
FULL_900 = {100: AirRate(6, 8, 8, 10000, 4, 32, 13)}
FLRC = {1000: AirRate(0, 2, 32, 1000, 2, 128), 500: AirRate(0, 2, 32, 2000, 2, 128)}
FLRC_BIT_HZ = 650.0e3
FLRC_BITS = 32 + 32 + 2 * (8 * (8 + 3) + 6)
FLRC_OCCUPIED = 1.1  # of the bit rate, GMSK with BT 1 (measured in the tests)
FLRC_RAMP_S = 4.0e-6


class Elrs(Emitter, frozen=True, kw_only=True, tag="elrs"):
    """A transmitter and its receiver; `center_hz` is the domain's first channel.

    Args:
        domain: frequency plan.
        packet_hz: packet rate; 500, 250, 150, 50 at 2.4 GHz, else 200, 100, 50, 25; of FLRC 1000 and 500; "full" 333
            and 100 at 2.4 GHz, else 100.
        mode: LoRa, LoRa with 13 octets, or FLRC.
        telemetry_db: level of the receiver's answers against the transmitter.
        inverted: conjugated chirps (depends on the binding phrase).
    """

    domain: Literal["ISM2G4", "EU868", "FCC915", "AU915", "IN866", "EU433", "AU433", "US433"] = "ISM2G4"
    packet_hz: Literal[1000, 500, 333, 250, 200, 150, 100, 50, 25] = 250
    mode: Literal["lora", "full", "flrc"] = "lora"
    telemetry_db: Annotated[float, Meta(ge=-60.0, le=20.0)] = -6.0
    inverted: bool = False

    default_path: ClassVar[tuple[str, ...]] = ("Control", "LoRa", "ELRS")

    @property
    def plan(self) -> Domain:
        """Channels and modem."""
        return DOMAINS[self.domain]

    @property
    def air_rate(self) -> AirRate:
        """Row of the air-rate table."""
        return self._rates[self.packet_hz]

    @property
    def _rates(self) -> dict[int, AirRate]:
        if self.mode == "flrc":
            return FLRC if self.plan.sx128x else {}
        if self.mode == "full":
            return FULL_2G4 if self.plan.sx128x else FULL_900
        return RATES_2G4 if self.plan.sx128x else RATES_900

    @property
    def path(self) -> tuple[str, ...]:
        """FLRC has no chirps: a hopping link, no more can be told from the air."""
        return self.class_path or (("Control", "FHSS") if self.mode == "flrc" else self.default_path)

    @property
    def frame(self) -> LoraFrame:
        """Symbols of one packet."""
        rate, plan = self.air_rate, self.plan
        return frame(plan.bandwidth_hz, rate.spreading, rate.preamble, rate.octets, rate.coded, sx128x=plan.sx128x)

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of a chirp: its sweep and what the folds spill, by fit (within 3 %, see the tests)."""
        if self.mode == "flrc":
            return FLRC_OCCUPIED * FLRC_BIT_HZ
        return self.plan.bandwidth_hz * (1.0 + 6.0 / (1 << self.air_rate.spreading))

    @property
    def span_hz(self) -> float:
        """Skirts included."""
        return 4.0 * self.plan.bandwidth_hz

    @property
    def reach_hz(self) -> tuple[float, float]:
        """First to last channel."""
        return (0.0, self.plan.last_hz - self.plan.first_hz)

    def problem(self) -> str | None:
        """Check that the domain has that packet rate, and that the first channel is where the domain says."""
        rates = self._rates
        if self.packet_hz not in rates:
            kind = self.domain if self.mode == "lora" else f"{self.domain} as {self.mode}"
            return f"packet_hz {self.packet_hz} does not exist in {kind}; it has {sorted(rates)}"
        if abs(self.center_hz - self.plan.first_hz) > 1.0e6:
            return f"center_hz {self.center_hz:.0f} is not the first channel of {self.domain}, {self.plan.first_hz:.0f}"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return packets with different payloads."""
        rng = dice.generator("content")
        if self.mode == "flrc":
            head = np.concatenate((np.arange(32) % 2, rng.integers(0, 2, 32)))
            packets = [
                np.concatenate((head, rng.integers(0, 2, FLRC_BITS - 64))).astype(np.int8) for _ in range(VARIANTS)
            ]
            keyed = (gfsk(bits, FLRC_BIT_HZ, FLRC_BIT_HZ / 4.0, 1.0, rate_hz, FLRC_RAMP_S) for bits in packets)
            return [unit_power(wave) for wave in keyed]
        return [unit_power(modulate(self.frame, rng, rate_hz, inverted=self.inverted)) for _ in range(VARIANTS)]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield a packet each interval."""
        rate, plan = self.air_rate, self.plan
        period = rate.interval_us * 1000
        air = round((FLRC_BITS / FLRC_BIT_HZ if self.mode == "flrc" else self.frame.air_s) * 1e9)
        step = (plan.last_hz - plan.first_hz) / (plan.channels - 1)
        phase = dice.below("phase", 0, period)
        for i in slots(start_ns - phase, stop_ns - phase, period):
            answer = i % rate.telemetry == rate.telemetry - 1
            yield Burst(
                start_ns=phase + i * period,
                duration_ns=air,
                variant=dice.below("content", i, VARIANTS),
                offset_hz=step * self.channel(dice, i // rate.hop_packets),
                gain_db=self.telemetry_db if answer else 0.0,
            )

    def channel(self, dice: Dice, hop: int) -> int:
        """Return the channel of a hop: permutations of all channels, each led by the sync channel."""
        count = self.plan.channels
        sync = count // 2
        round_number, place = divmod(hop, count)
        if place == 0:
            return sync
        order = dice.shuffled("hops", round_number % 4, count)  # the sequence repeats, as the real one does
        others = [channel for channel in order if channel != sync]
        return others[place - 1]
