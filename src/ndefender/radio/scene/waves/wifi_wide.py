"""802.11n, ac and ax: 20, 40 or 80 MHz, one spatial stream (IEEE Std 802.11-2020 clauses 19, 21; 802.11ax-2021, 27).

Every packet begins with the training and SIGNAL of 802.11a on each 20 MHz channel, those of the upper channels turned
(19.3.9.3.3, 21.3.7.5), then the signal fields of its own kind, a short and a long training, and data:
n, ac: carriers of 312.5 kHz, symbol 3.2 + 0.8 µs; 56, 114 or 242 carriers (19.3.6, 21.3.6). ax: carriers of 78.125 kHz,
symbol 12.8 + 0.8, 1.6 or 3.2 µs, one resource unit of 242, 484 or 996 carriers (27.3.2.2). Pilots are carriers as well.
Long-range video links that inject packets (WFB, OpenHD: fixed rate, no answer) are `injection`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, Ratio, slots
from ndefender.radio.scene.waves.csma import exchanges
from ndefender.radio.scene.waves.ofdm import bins, qam, symbols
from ndefender.radio.scene.waves.shaping import resample_burst, unit_power
from ndefender.radio.scene.waves.wifi import OVERSAMPLING, SPACING_HZ, TAPER_S, joined, training

PACKETS = 8  # data variants
BEACON_US, ACK_US = 332, 44  # sent as 802.11a in every kind
MIN_US, MAX_US = 120.0, 2000.0
INJECTION_NS = 2_400_000
INJECTION_US = 1200.0  # 1450 octets at 13 Mbit/s and the preamble
TURNS = {20: (1.0,), 40: (1.0, 1j), 80: (1.0, -1.0, -1.0, -1.0)}


class Plan(NamedTuple):
    """Numerology of one kind and width.

    Args:
        first, last: carriers that are used, on both sides of the centre.
        size: carriers a 20 MHz channel would have, 64 or 256.
        signals: symbols of 4 µs between the legacy SIGNAL and the short training.
    """

    first: int
    last: int
    size: int
    signals: int

    @property
    def symbol_us(self) -> float:
        """Length of a data symbol without its prefix."""
        return self.size / 20.0


PLANS = {
    ("n", 20): Plan(1, 28, 64, 2), ("n", 40): Plan(2, 58, 64, 2), ("ac", 20): Plan(1, 28, 64, 3),
    ("ac", 40): Plan(2, 58, 64, 3), ("ac", 80): Plan(2, 122, 64, 3), ("ax", 20): Plan(2, 122, 256, 3),
    ("ax", 40): Plan(3, 244, 256, 3), ("ax", 80): Plan(3, 500, 256, 3),
}  # fmt: skip


class WifiWide(Emitter, frozen=True, kw_only=True, tag="wifi_wide"):
    """One access point and its station, or a one-way video link by packet injection.

    Args:
        phy: 802.11 amendment.
        bandwidth_mhz: of the data packets; beacons and acknowledgements are duplicated over it.
        guard_ns: prefix of ax data symbols.
        load: share of the 2.56 ms slots that carry a data packet.
        beacons: send beacons.
        injection: equal packets at a fixed pace, no beacons and no acknowledgements.
    """

    phy: Literal["n", "ac", "ax"] = "ax"
    bandwidth_mhz: Literal[20, 40, 80] = 20
    guard_ns: Literal[800, 1600, 3200] = 800
    load: Ratio = 0.6
    beacons: bool = True
    injection: bool = False

    default_path: ClassVar[tuple[str, ...]] = ("WiFi", "OFDM")

    @property
    def plan(self) -> Plan:
        """Numerology of the data."""
        return PLANS[self.phy, self.bandwidth_mhz]

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of the data carriers."""
        return 0.99 * (2 * self.plan.last + 1) * 20.0e6 / self.plan.size

    @property
    def span_hz(self) -> float:
        """To -35 dB of the skirts."""
        return self.bandwidth_mhz * 1.4e6 + 8.0e6

    def problem(self) -> str | None:
        """Check that the amendment has that width."""
        if (self.phy, self.bandwidth_mhz) not in PLANS:
            return f"bandwidth_mhz {self.bandwidth_mhz} does not exist in 802.11{self.phy}"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return `PACKETS` data packets, one beacon, one acknowledgement."""
        rng = dice.generator("content")
        counts = self._symbols(dice)
        waves = [self._packet(rng, count, 2 + 2 * (i % 3)) for i, count in enumerate(counts)]
        waves += [self._legacy(rng, (us - 20) // 4) for us in (BEACON_US, ACK_US)]
        fine_hz = 64 * OVERSAMPLING * self.bandwidth_mhz // 20 * SPACING_HZ
        return [unit_power(resample_burst(wave, fine_hz, rate_hz)) for wave in waves]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield a network's exchanges, or injected packets."""
        air_ns = [round(self._preamble_us * 1e3 + count * self._symbol_ns) for count in self._symbols(dice)]
        if not self.injection:
            air_ns += [BEACON_US * 1000, ACK_US * 1000]
            yield from exchanges(dice, start_ns, stop_ns, air_ns, self.load, beacons=self.beacons)
            return
        phase = dice.below("phase", 0, INJECTION_NS - air_ns[0])
        for i in slots(start_ns - phase, stop_ns - phase, INJECTION_NS):
            kind = dice.below("packet", i, PACKETS)
            yield Burst(phase + i * INJECTION_NS, air_ns[kind], kind)

    @property
    def _symbol_ns(self) -> int:
        return round((self.plan.symbol_us + self._prefix_us) * 1e3)

    @property
    def _prefix_us(self) -> float:
        return self.guard_ns * 1e-3 if self.phy == "ax" else 0.8

    @property
    def _preamble_us(self) -> float:
        """Legacy preamble, signal fields, short training, long training."""
        return 20.0 + 4.0 * self.plan.signals + 4.0 + self.plan.symbol_us + self._prefix_us

    def _symbols(self, dice: Dice) -> list[int]:
        """Data symbols of each variant, spread geometrically over the range of lengths."""
        wanted = [
            INJECTION_US
            if self.injection
            else MIN_US * (MAX_US / MIN_US) ** ((i + dice.uniform("length", i)) / PACKETS)
            for i in range(PACKETS)
        ]
        return [max(1, round((us - self._preamble_us) * 1e3 / self._symbol_ns)) for us in wanted]

    def _legacy(self, rng: np.random.Generator, data: int, extra: int = 0) -> NDArray[np.complex64]:
        """Modulate training, SIGNAL and `data` symbols (`extra` of them BPSK as well) on every 20 MHz channel alike."""
        channels = self.bandwidth_mhz // 20
        shifts = 64 * np.arange(channels) - 32 * (channels - 1)
        turns = np.array(TURNS[self.bandwidth_mhz], np.complex128)
        size = 64 * OVERSAMPLING * channels
        taper = round(TAPER_S * size * SPACING_HZ)
        numbers = np.concatenate((np.arange(-26, 0), np.arange(1, 27)))
        grid = qam(rng, (1 + data, numbers.size), 2)
        grid[: 1 + extra] = qam(rng, (1 + extra, numbers.size), 1)
        wide = np.concatenate([grid * turn for turn in turns], axis=1)
        places = np.concatenate([numbers + shift for shift in shifts])
        prefixes = np.full(1 + data, size // 4, np.int64)
        body = symbols(bins(places, wide, size), prefixes, taper, loop=False)
        return joined([*training(size, shifts, turns), body], taper)

    def _packet(self, rng: np.random.Generator, count: int, bits: int) -> NDArray[np.complex64]:
        """Modulate one data packet; begins and ends at zero amplitude."""
        plan, channels = self.plan, self.bandwidth_mhz // 20
        head = self._legacy(rng, plan.signals, plan.signals)
        legacy = 64 * OVERSAMPLING * channels
        size = legacy * plan.size // 64
        taper = round(TAPER_S * legacy * SPACING_HZ)
        numbers = np.concatenate((np.arange(-plan.last, -plan.first + 1), np.arange(plan.first, plan.last + 1)))
        scale = np.sqrt(52.0 * channels / numbers.size)
        sparse = numbers[numbers % (plan.size // 16) == 0]  # one carrier in 1.25 MHz: a period of 0.8 µs, five of them
        short = qam(rng, (1, sparse.size), 2) * np.sqrt(52.0 * channels / sparse.size)
        step = np.full(1, legacy // 4, np.int64)
        short_wave = symbols(bins(sparse // (plan.size // 64), short, legacy), step, taper, loop=False)
        grid = qam(rng, (1 + count, numbers.size), bits) * scale
        grid[0] = qam(rng, (numbers.size,), 1) * scale  # long training
        prefixes = np.full(1 + count, round(self._prefix_us * 1e-6 * legacy * SPACING_HZ), np.int64)
        return joined([head, short_wave, symbols(bins(numbers, grid, size), prefixes, taper, loop=False)], taper)
