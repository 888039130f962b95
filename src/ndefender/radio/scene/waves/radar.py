"""Pulsed radar: pulses at a steady interval while the turning antenna looks this way, then nothing for a rotation.

Defaults are the fixed type of ETSI EN 301 893 V2.1.1 table D.3 (1 µs pulses, 700 Hz, 18 pulses); a linear chirp inside
the pulse makes the modulated types of table D.4 (20 to 30 µs, 5 MHz). Edges rise within a tenth of the pulse.
Level is that of the pulses. An emission of the truth is one pass of the beam with its gaps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.shaping import ramp, unit_power
from ndefender.units import s_to_ns

RISE = 0.1  # of the pulse


class Radar(Emitter, frozen=True, kw_only=True, tag="radar"):
    """Weather or air-traffic radar.

    Args:
        pulse_s: length of a pulse.
        interval_s: from pulse to pulse.
        pulses: in one pass of the beam.
        rotation_s: from pass to pass.
        chirp_hz: sweep within the pulse; 0 is an unmodulated one.
    """

    pulse_s: Annotated[float, Meta(ge=2.0e-7, le=1.0e-3)] = 1.0e-6
    interval_s: Annotated[float, Meta(ge=2.0e-5, le=0.1)] = 1.0 / 700.0
    pulses: Annotated[int, Meta(ge=1, le=1000)] = 18
    rotation_s: Annotated[float, Meta(ge=0.01, le=60.0)] = 4.0
    chirp_hz: Annotated[float, Meta(ge=0.0, le=2.0e7)] = 0.0

    default_path: ClassVar[tuple[str, ...]] = ("Interference", "Radar")

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth of a pulse with these edges, or of the chirp, by fit (within 12 %, see the tests)."""
        return math.hypot(7.7 / self.pulse_s, self.chirp_hz)

    @property
    def span_hz(self) -> float:
        """Skirts of the edges."""
        return self.chirp_hz * 1.2 + 16.0 / self.pulse_s

    @property
    def pass_ns(self) -> int:
        """From the first pulse of a pass to the end of its last."""
        return (self.pulses - 1) * s_to_ns(self.interval_s) + s_to_ns(self.pulse_s)

    def problem(self) -> str | None:
        """Check that a pulse fits its interval, and a pass the rotation."""
        if self.pulse_s >= self.interval_s:
            return f"pulse_s {self.pulse_s} is not shorter than interval_s {self.interval_s}"
        if self.pass_ns >= s_to_ns(self.rotation_s):
            return f"rotation_s {self.rotation_s} is shorter than a pass of {self.pass_ns * 1e-9:.4f} s"
        return super().problem()

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return one pulse."""
        t = (np.arange(max(round(self.pulse_s * rate_hz), 1)) + 0.5) / rate_hz - self.pulse_s / 2.0
        pulse = np.exp(1j * np.pi * self.chirp_hz / self.pulse_s * t**2).astype(np.complex64)
        return [unit_power(ramp(pulse, rate_hz, RISE * self.pulse_s))]

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield the pulses of every pass."""
        interval, pulse = s_to_ns(self.interval_s), s_to_ns(self.pulse_s)
        for first in self._passes(dice, start_ns, stop_ns):
            for k in range(self.pulses):
                yield Burst(first + k * interval, pulse)

    def emissions(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield whole passes."""
        for first in self._passes(dice, start_ns, stop_ns):
            yield Burst(first, self.pass_ns)

    def _passes(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[int]:
        rotation = s_to_ns(self.rotation_s)
        phase = dice.below("bearing", 0, rotation - self.pass_ns)
        for i in slots(start_ns - phase, stop_ns - phase, rotation):
            yield phase + i * rotation
