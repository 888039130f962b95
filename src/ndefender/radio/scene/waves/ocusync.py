"""OcuSync-like video downlink: OFDM with LTE numerology in TDD frames.

15 kHz carriers, 600 (10 MHz), 1200 (20) or 2400 (40) around an empty DC, prefixes of 160 and 6 times 144 samples of
30.72 MHz (published analyses of DroneID and the O2/O3 air interface find LTE numerology: Schiller et al., "Drone
Security and the Mysterious Case of DJI's DroneID", NDSS 2023, §IV). The frame is modelled as TDD configuration 2 with
special subframe 7 (3GPP TS 36.211 tables 4.2-1 and 4.2-2): each 5 ms the drone sends three whole subframes and the
first 10 symbols of a fourth, then yields to the remote control. Every resource element is loaded: video fills the link.
The remote control answers in an uplink subframe of each 5 ms on hopping channels, modelled as LTE's uplink (TS 36.211
§5): six resource blocks, 1.08 MHz, QPSK spread by a Fourier transform, reference symbols 3 and 10 Zadoff-Chu of 71.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.ofdm import bins, qam, symbols, zadoff_chu
from ndefender.radio.scene.waves.shaping import resample_burst, unit_power

SPACING_HZ = 15_000.0
PERIOD_NS = 5_000_000
SYMBOLS = 3 * 14 + 10  # downlink symbols of each half frame
VARIANTS = 4
CARRIERS = {10: 600, 20: 1200, 40: 2400}
SYNC_SYMBOL = 3  # a Zadoff-Chu symbol in every burst
SYNC_ROOT = 600
REMOTE_CARRIERS = 72
REMOTE_SYMBOLS = 14
REMOTE_REFERENCES = (3, 10)
REMOTE_ROOT = 25
REMOTE_SIZE = 256  # 3.84 MHz


class Ocusync(Emitter, frozen=True, kw_only=True, tag="ocusync"):
    """OFDM video downlink in TDD frames.

    Args:
        bandwidth_mhz: channel bandwidth.
    """

    bandwidth_mhz: Literal[10, 20, 40] = 20

    default_path: ClassVar[tuple[str, ...]] = ("Digital", "Video", "DJI")

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of the carriers."""
        return 0.99 * (CARRIERS[self.bandwidth_mhz] + 1) * SPACING_HZ

    @property
    def span_hz(self) -> float:
        """One and a half channels: the skirts of a tapered symbol."""
        return self.bandwidth_mhz * 1.5e6

    @property
    def burst_ns(self) -> int:
        """Length of one downlink part."""
        return round(self._samples(1) / (128 * SPACING_HZ) * 1e9)

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return some different half frames."""
        rng = dice.generator("content")
        carriers = CARRIERS[self.bandwidth_mhz]
        numbers = np.concatenate((np.arange(-carriers // 2, 0), np.arange(1, carriers // 2 + 1)))
        size = 2048 * self.bandwidth_mhz // 20 * 2
        waves = []
        for _ in range(VARIANTS):
            grid = qam(rng, (SYMBOLS, carriers), 4)
            grid[SYNC_SYMBOL] = np.delete(zadoff_chu(SYNC_ROOT, carriers + 1), carriers // 2)
            wave = symbols(bins(numbers, grid, size), self._prefixes(size // 128), size // 64, loop=False)
            waves.append(unit_power(resample_burst(wave, size * SPACING_HZ, rate_hz)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield the downlink part of each half frame."""
        phase = dice.below("frame phase", 0, PERIOD_NS)
        for i in slots(start_ns - phase, stop_ns - phase, PERIOD_NS):
            yield Burst(phase + i * PERIOD_NS, self.burst_ns, dice.below("content", i, VARIANTS))

    @staticmethod
    def _prefixes(unit: int) -> NDArray[np.int64]:
        return np.tile(np.array([10] + [9] * 6) * unit, 8)[:SYMBOLS]

    @staticmethod
    def _samples(unit: int) -> int:
        return int(Ocusync._prefixes(unit).sum()) + SYMBOLS * 128 * unit


class OcusyncRemote(Emitter, frozen=True, kw_only=True, tag="ocusync_remote"):
    """The remote control's uplink; `center_hz` is its first channel.

    Args:
        channels, spacing_hz: hop set.
    """

    channels: Annotated[int, Meta(ge=1, le=100)] = 35
    spacing_hz: Annotated[float, Meta(ge=1.0e6, le=1.0e7)] = 2.0e6

    default_path: ClassVar[tuple[str, ...]] = ("Control", "OFDM", "DJI")

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of the carriers."""
        return 0.99 * REMOTE_CARRIERS * SPACING_HZ

    @property
    def span_hz(self) -> float:
        """Carriers and the skirts of a tapered symbol."""
        return 3.0e6

    @property
    def reach_hz(self) -> tuple[float, float]:
        """First to last channel."""
        return (0.0, (self.channels - 1) * self.spacing_hz)

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return some different subframes."""
        rng = dice.generator("content")
        numbers = np.arange(-REMOTE_CARRIERS // 2, REMOTE_CARRIERS // 2)
        unit = REMOTE_SIZE // 128
        prefixes = np.tile(np.array([10] + [9] * 6) * unit, 2)
        reference = np.resize(zadoff_chu(REMOTE_ROOT, REMOTE_CARRIERS - 1), REMOTE_CARRIERS)
        waves = []
        for _ in range(VARIANTS):
            spread = np.fft.fft(qam(rng, (REMOTE_SYMBOLS, REMOTE_CARRIERS), 2), axis=1) / np.sqrt(REMOTE_CARRIERS)
            spread[list(REMOTE_REFERENCES)] = reference
            wave = symbols(bins(numbers, spread, REMOTE_SIZE), prefixes, REMOTE_SIZE // 64, loop=False)
            waves.append(unit_power(resample_burst(wave, REMOTE_SIZE * SPACING_HZ, rate_hz)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield one subframe of 1 ms each half frame, each on the next channel of a permutation."""
        phase = dice.below("frame phase", 0, PERIOD_NS)
        order = dice.shuffled("hops", 0, self.channels)
        for i in slots(start_ns - phase, stop_ns - phase, PERIOD_NS):
            offset_hz = order[i % self.channels] * self.spacing_hz
            yield Burst(phase + i * PERIOD_NS, 1_000_000, dice.below("content", i, VARIANTS), offset_hz)
