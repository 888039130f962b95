"""Digital FPV video links other than OcuSync: a continuous one (HDZero-like) and a slotted one (Walksnail-like).

Neither air interface is published. What is public, and kept here, are the channel widths of the makers' manuals and
that the first is a broadcast with no return path and a fixed delay, the second a link with a return path:
HDZero-like: 27 MHz wide (17 MHz in narrow mode), always on, 60 frames a second. Modelled as OFDM of 25 kHz carriers
(1080 or 680), prefix 1/16, whose carriers hold picture coefficients sent as they are (Gaussian amplitudes), every
eighth symbol a known QPSK one.
Walksnail-like: 20 or 40 MHz channels. Modelled as OFDM of 60 kHz carriers (300 or 600), prefix 1/8, in TDD frames of
4 ms: 3.45 ms from the drone, then a short answer of the goggles.
Carrier spacings are stand-ins: distinct from those of LTE and Wi-Fi, to be taken as "some other OFDM".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Continuous, Emitter, slots
from ndefender.radio.scene.waves.ofdm import bins, qam, symbols
from ndefender.radio.scene.waves.shaping import resample_burst, resample_loop, unit_power

HDZERO_SPACING_HZ = 25_000.0
HDZERO_CARRIERS = {27: 1080, 17: 680}
HDZERO_SIZE = 2048  # 51.2 MHz
HDZERO_SYMBOLS = 784  # two frames of 1/60 s, to 0.04 %
HDZERO_KNOWN = 8
WALKSNAIL_SPACING_HZ = 60_000.0
WALKSNAIL_CARRIERS = {20: 300, 40: 600}
WALKSNAIL_SIZE = 1024  # 61.44 MHz
WALKSNAIL_FRAME_NS = 4_000_000
WALKSNAIL_DOWN, WALKSNAIL_UP = 184, 12  # symbols of 18.75 µs
VARIANTS = 3
GUARD_NS = 150_000


class Hdzero(Continuous, frozen=True, kw_only=True, tag="hdzero"):
    """Continuous digital video.

    Args:
        bandwidth_mhz: wide or narrow mode.
    """

    bandwidth_mhz: Literal[27, 17] = 27

    default_path: ClassVar[tuple[str, ...]] = ("Digital", "Video", "HDZero")

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of the carriers."""
        return 0.99 * HDZERO_CARRIERS[self.bandwidth_mhz] * HDZERO_SPACING_HZ

    @property
    def span_hz(self) -> float:
        """Carriers and skirts."""
        return self.bandwidth_mhz * 1.4e6

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return a loop of two frames."""
        rng = dice.generator("content")
        carriers = HDZERO_CARRIERS[self.bandwidth_mhz]
        numbers = np.concatenate((np.arange(-carriers // 2, 0), np.arange(1, carriers // 2 + 1)))
        shape = (HDZERO_SYMBOLS, carriers)
        grid = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * np.sqrt(0.5)
        grid[::HDZERO_KNOWN] = qam(rng, (1, carriers), 2)
        prefixes = np.full(HDZERO_SYMBOLS, HDZERO_SIZE // 16, np.int64)
        wave = symbols(bins(numbers, grid, HDZERO_SIZE), prefixes, HDZERO_SIZE // 64, loop=True)
        return [unit_power(resample_loop(wave, HDZERO_SIZE * HDZERO_SPACING_HZ, rate_hz))]


class Walksnail(Emitter, frozen=True, kw_only=True, tag="walksnail"):
    """Slotted digital video.

    Args:
        bandwidth_mhz: channel.
        uplink_db: level of the goggles' answers against the drone.
    """

    bandwidth_mhz: Literal[20, 40] = 20
    uplink_db: Annotated[float, Meta(ge=-60.0, le=20.0)] = -6.0

    default_path: ClassVar[tuple[str, ...]] = ("Digital", "Video", "Walksnail")

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of the carriers."""
        return 0.99 * (WALKSNAIL_CARRIERS[self.bandwidth_mhz] + 1) * WALKSNAIL_SPACING_HZ

    @property
    def span_hz(self) -> float:
        """Carriers and skirts."""
        return self.bandwidth_mhz * 1.4e6

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return `VARIANTS` bursts of the drone, then as many of the goggles."""
        rng = dice.generator("content")
        carriers = WALKSNAIL_CARRIERS[self.bandwidth_mhz]
        numbers = np.concatenate((np.arange(-carriers // 2, 0), np.arange(1, carriers // 2 + 1)))
        waves = []
        for count, bits in [(WALKSNAIL_DOWN, 4)] * VARIANTS + [(WALKSNAIL_UP, 2)] * VARIANTS:
            prefixes = np.full(count, WALKSNAIL_SIZE // 8, np.int64)
            grid = qam(rng, (count, carriers), bits)
            wave = symbols(bins(numbers, grid, WALKSNAIL_SIZE), prefixes, WALKSNAIL_SIZE // 64, loop=False)
            waves.append(unit_power(resample_burst(wave, WALKSNAIL_SIZE * WALKSNAIL_SPACING_HZ, rate_hz)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield the drone's part and the goggles' part of each frame."""
        symbol_ns = round(9.0 / 8.0 / WALKSNAIL_SPACING_HZ * 1e9)
        down, up = WALKSNAIL_DOWN * symbol_ns, WALKSNAIL_UP * symbol_ns
        phase = dice.below("frame phase", 0, WALKSNAIL_FRAME_NS)
        for i in slots(start_ns - phase, stop_ns - phase, WALKSNAIL_FRAME_NS):
            at = phase + i * WALKSNAIL_FRAME_NS
            kind = dice.below("content", i, VARIANTS)
            yield Burst(at, down, kind)
            yield Burst(at + down + GUARD_NS, up, VARIANTS + kind, 0.0, self.uplink_db)
