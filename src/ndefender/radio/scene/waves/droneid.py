"""DJI DroneID: an OFDM burst with LTE numerology that carries the drone's identity and position.

600 carriers of 15 kHz around an empty DC; nine symbols, the first and the last with a prefix of 80 and those between
of 72 samples of 15.36 MHz: 9880 samples, 643.2 µs. Symbols 4 and 6 (counted from 1) are Zadoff-Chu sequences of length
601 with roots 600 and 147, the element on the empty DC left out; the others carry QPSK. One burst each 640 ms, on a
channel out of a few. Sources: Schiller et al., "Drone Security and the Mysterious Case of DJI's DroneID" (NDSS 2023),
§IV and figure 5; the public notes of the dji_droneid project for prefixes and roots. Some models leave out the first
symbol: `symbols = 8` then keeps the last eight, 576.0 µs.
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
from ndefender.units import s_to_ns

SPACING_HZ = 15_000.0
CARRIERS = 600
PREFIXES = (80, 72, 72, 72, 72, 72, 72, 72, 80)  # samples of 15.36 MHz
BASE_SIZE = 1024
SIZE = 2048  # twice oversampled
ROOTS = {4: 600, 6: 147}  # symbol, counted from 1
VARIANTS = 4


class DroneId(Emitter, frozen=True, kw_only=True, tag="droneid"):
    """A drone's identity broadcast.

    Args:
        period_s: from burst to burst.
        symbols: 9, or 8 for models that leave out the first.
        hops_hz: carriers it takes in turn, relative to `center_hz`.
    """

    period_s: Annotated[float, Meta(ge=0.01, le=60.0)] = 0.64
    symbols: Literal[8, 9] = 9
    hops_hz: Annotated[tuple[float, ...], Meta(min_length=1, max_length=16)] = (0.0,)

    default_path: ClassVar[tuple[str, ...]] = ("Digital", "DroneID", "DJI")

    @property
    def occupied_hz(self) -> float:
        """99 % of the power of the carriers."""
        return 0.99 * (CARRIERS + 1) * SPACING_HZ

    @property
    def span_hz(self) -> float:
        """The sampling rate of a native receiver: carriers and guard bands."""
        return BASE_SIZE * SPACING_HZ

    @property
    def reach_hz(self) -> tuple[float, float]:
        """Lowest to highest carrier."""
        return (min(self.hops_hz), max(self.hops_hz))

    @property
    def burst_ns(self) -> int:
        """Length of a burst."""
        samples = sum(PREFIXES[9 - self.symbols :]) + self.symbols * BASE_SIZE
        return round(samples / (BASE_SIZE * SPACING_HZ) * 1e9)

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return bursts with different payloads."""
        rng = dice.generator("content")
        numbers = np.concatenate((np.arange(-CARRIERS // 2, 0), np.arange(1, CARRIERS // 2 + 1)))
        first = 9 - self.symbols
        prefixes = np.array(PREFIXES[first:], np.int64) * (SIZE // BASE_SIZE)
        waves = []
        for _ in range(VARIANTS):
            grid = qam(rng, (9, CARRIERS), 2)
            for symbol, root in ROOTS.items():
                grid[symbol - 1] = np.delete(zadoff_chu(root, CARRIERS + 1), CARRIERS // 2)
            wave = symbols(bins(numbers, grid[first:], SIZE), prefixes, SIZE // 128, loop=False)
            waves.append(unit_power(resample_burst(wave, SIZE * SPACING_HZ, rate_hz)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield one burst a period."""
        period = s_to_ns(self.period_s)
        phase = dice.below("phase", 0, period - self.burst_ns)
        for i in slots(start_ns - phase, stop_ns - phase, period):
            hop = self.hops_hz[i % len(self.hops_hz)]
            yield Burst(phase + i * period, self.burst_ns, dice.below("content", i, VARIANTS), hop)
