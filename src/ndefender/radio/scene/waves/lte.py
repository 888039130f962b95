"""LTE downlink, FDD, one antenna port, normal cyclic prefix (3GPP TS 36.211 §6).

15 kHz carriers, 12 a resource block, 300 (5 MHz) to 1200 (20 MHz) around an empty DC; 7 symbols a slot of 0.5 ms with
prefixes of 160 and six times 144 samples of 30.72 MHz (§6.12); cell-specific reference signals in symbols 0 and 4 of
a slot on every sixth carrier (§6.10.1); primary synchronisation, Zadoff-Chu root 25, in the last symbol of slots 0
and 10 (§6.11.1), secondary one symbol earlier; broadcast in slot 1; control in the first two symbols of a subframe;
the rest is QPSK, 16- or 64-QAM on those resource blocks that the load fills. Continuous: reference signals never stop.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Continuous, Ratio
from ndefender.radio.scene.waves.ofdm import bins, qam, symbols, zadoff_chu
from ndefender.radio.scene.waves.shaping import resample_loop, unit_power

SPACING_HZ = 15_000.0
SUBFRAME_SYMBOLS = 14
FRAMES = 2  # of 10 ms in the loop
RESOURCE_BLOCKS = {5: 25, 10: 50, 15: 75, 20: 100}  # TS 36.104 table 5.6-1
PSS_ROOT = 25  # TS 36.211 table 6.11.1.1-1
REFERENCE_BOOST = 1.0


class Lte(Continuous, frozen=True, kw_only=True, tag="lte"):
    """LTE downlink carrier.

    Args:
        bandwidth_mhz: channel bandwidth.
        load: share of resource blocks that carry data.
    """

    bandwidth_mhz: Literal[5, 10, 15, 20] = 5
    load: Ratio = 0.6

    default_path: ClassVar[tuple[str, ...]] = ("Cellular", "LTE")

    @property
    def carriers(self) -> int:
        """Occupied carriers without the centre."""
        return RESOURCE_BLOCKS[self.bandwidth_mhz] * 12

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of `carriers` + 1 carriers."""
        return 0.99 * (self.carriers + 1) * SPACING_HZ

    @property
    def span_hz(self) -> float:
        """Twice the channel leaves room for the skirts."""
        return self.bandwidth_mhz * 2.0e6

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return a loop of two frames."""
        size = 512 * self.bandwidth_mhz // 5 * 2  # twice oversampled
        unit = size // 128  # samples per 1/1.92 MHz
        prefixes = np.tile(np.array([10] + [9] * 6) * unit, 2 * 10 * FRAMES)
        half = self.carriers // 2
        numbers = np.concatenate((np.arange(-half, 0), np.arange(1, half + 1)))
        spectrum = bins(numbers, self._grid(dice.generator("content")), size)
        wave = symbols(spectrum, prefixes, size // 64, loop=True)
        return [unit_power(resample_loop(wave, size * SPACING_HZ, rate_hz))]

    def _grid(self, rng: np.random.Generator) -> NDArray[np.complex128]:
        blocks, subframes = self.carriers // 12, 10 * FRAMES
        grid = np.zeros((subframes, SUBFRAME_SYMBOLS, self.carriers), np.complex128)
        for s in range(subframes):
            used = np.repeat(rng.random(blocks) < self.load, 12)
            grid[s] = qam(rng, (SUBFRAME_SYMBOLS, self.carriers), int(rng.choice([2, 4, 6]))) * used
            grid[s, :2] = qam(rng, (2, self.carriers), 2) * (rng.random(self.carriers // 4).repeat(4) < 0.7)
            for slot in (0, 7):
                grid[s, slot, 0::6] = qam(rng, (self.carriers // 6,), 2) * REFERENCE_BOOST
                grid[s, slot + 4, 3::6] = qam(rng, (self.carriers // 6,), 2) * REFERENCE_BOOST
            middle = slice(self.carriers // 2 - 36, self.carriers // 2 + 36)
            if s % 5 == 0:
                grid[s, 5:7, middle] = 0.0
                core = slice(self.carriers // 2 - 31, self.carriers // 2 + 31)
                grid[s, 6, core] = np.delete(zadoff_chu(PSS_ROOT, 63), 31)
                grid[s, 5, core] = qam(rng, (62,), 1)
            if s % 10 == 0:
                grid[s, 7:11, middle] = qam(rng, (4, 72), 2)
        return grid.reshape(-1, self.carriers)
