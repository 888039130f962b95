"""On-off keyed ISM sensor: pulses of fixed length, the gap after a pulse says 0, 1 or end of word.

Pulse-distance coding as of common 433.92 MHz weather sensors (36 bits: pulse 500 µs, gap 1 ms for 0, 2 ms for 1, 4 ms
between words; the word is sent several times). Transmissions follow each other at the sensor's period.
Level is that of the pulses. An emission of the truth is one whole transmission with its gaps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.shaping import ramp, unit_power
from ndefender.units import s_to_ns

PULSE_NS = 500_000
GAP_NS = (1_000_000, 2_000_000)
WORD_GAP_NS = 4_000_000
BITS = 36
RAMP_S = 20.0e-6  # a SAW oscillator's start


class OokSensor(Emitter, frozen=True, kw_only=True, tag="ook_sensor"):
    """Weather sensor.

    Args:
        period_s: from one transmission to the next.
        repeats: words in a transmission.
    """

    period_s: Annotated[float, Meta(ge=0.5, le=3600.0)] = 31.0
    repeats: Annotated[int, Meta(ge=1, le=16)] = 8

    default_path: ClassVar[tuple[str, ...]] = ("Interference", "ISM")

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of pulses with these edges (measured in the tests)."""
        return 6.2e3

    @property
    def span_hz(self) -> float:
        """Skirts of the edges."""
        return 300.0e3

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return one pulse."""
        pulse = np.ones(round(PULSE_NS * 1e-9 * rate_hz), np.complex64)
        return [unit_power(ramp(pulse, rate_hz, RAMP_S))]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield the pulses of every transmission."""
        for at, word in self._transmissions(dice, start_ns, stop_ns):
            begin = at
            for _ in range(self.repeats):
                for bit in range(BITS + 1):
                    yield Burst(begin, PULSE_NS)
                    begin += PULSE_NS + (WORD_GAP_NS if bit == BITS else GAP_NS[word >> bit & 1])

    def emissions(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield whole transmissions."""
        for at, word in self._transmissions(dice, start_ns, stop_ns):
            yield Burst(at, self._length_ns(word))

    def _transmissions(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[tuple[int, int]]:
        period = s_to_ns(self.period_s)
        phase = dice.below("phase", 0, period) - period
        for i in slots(start_ns - phase, stop_ns - phase, period):
            at = phase + i * period
            if at >= 0:
                yield at, dice.bits("word", i) & ((1 << BITS) - 1)

    def _length_ns(self, word: int) -> int:
        ones = word.bit_count()
        one_word = PULSE_NS * (BITS + 1) + GAP_NS[1] * ones + GAP_NS[0] * (BITS - ones) + WORD_GAP_NS
        return one_word * self.repeats - WORD_GAP_NS

    def problem(self) -> str | None:
        """Check that a transmission fits its period."""
        longest = self._length_ns((1 << BITS) - 1) * 1e-9
        if longest >= self.period_s:
            return f"period_s {self.period_s} is shorter than a transmission of up to {longest:.2f} s"
        return super().problem()
