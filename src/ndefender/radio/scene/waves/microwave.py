"""Microwave oven: a magnetron on half-wave rectified mains, one burst each mains period, its frequency swept.

x(t) = a(t) · exp(j2π∫f): on while the anode voltage is above the magnetron's threshold, about half the period; the
frequency follows the voltage, f(t) = sweep · (sin(π·t/T_on) - 1/2), with an unsteadiness of a random walk; at both ends
the magnetron starts and stops with wide noise for half a millisecond.
Sources: Kamerman and Erkoçević, "Microwave oven interference on wireless LANs operating in the 2.4 GHz ISM band" (PIMRC
1997): 50/60 Hz gating, duty below a half, swept narrow carrier; Taher, Misurac, LoCicero, Ucci, "Microwave oven signal
modelling" (WCNC 2008): AM-FM between two wide transients. The turntable and the stirrer are the emitter's slow fading.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Burst, Emitter, slots
from ndefender.radio.scene.waves.shaping import ramp, unit_power

TRANSIENT_S = 0.5e-3
TRANSIENT_HZ = 12.0e6
TRANSIENT_POWER = 0.15  # of the carrier's
WANDER_HZ = 80.0e3  # a square root of a millisecond
SWAY = 0.6  # of the amplitude at the ends of the burst against its middle
RAMP_S = 50.0e-6
VARIANTS = 3


class Microwave(Emitter, frozen=True, kw_only=True, tag="microwave"):
    """One oven; `center_hz` is the middle of its sweep.

    Args:
        mains_hz: of the grid.
        duty: share of the mains period it is on.
        sweep_hz: how far the frequency moves within a burst.
    """

    mains_hz: Literal[50, 60] = 50
    duty: Annotated[float, Meta(ge=0.2, le=0.5)] = 0.45
    sweep_hz: Annotated[float, Meta(ge=1.0e6, le=4.0e7)] = 8.0e6

    default_path: ClassVar[tuple[str, ...]] = ("Interference", "Microwave")

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth: sweep or transients, whichever is wider, by fit (within 12 %, see the tests)."""
        return max(0.975 * self.sweep_hz, 0.49 * TRANSIENT_HZ)

    @property
    def span_hz(self) -> float:
        """Sweep, wander and transients."""
        return max(self.sweep_hz, TRANSIENT_HZ) + 6.0e6

    @property
    def air_ns(self) -> int:
        """Length of a burst."""
        return round(self.duty / self.mains_hz * 1e9)

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return different bursts."""
        rng = dice.generator("content")
        n = int(self.air_ns * 1e-9 * rate_hz)
        t = np.arange(n) / n
        hump = np.sin(np.pi * t)
        waves = []
        for _ in range(VARIANTS):
            walk = np.cumsum(rng.standard_normal(n)) * WANDER_HZ / np.sqrt(1e-3 * rate_hz)
            walk -= np.linspace(0.0, walk[-1], n)  # the voltage holds it at both ends
            frequency_hz = self.sweep_hz * (hump - 0.5) + walk
            phase = 2.0 * np.pi * np.cumsum(frequency_hz) / rate_hz
            wave = (SWAY + (1.0 - SWAY) * hump) * np.exp(1j * phase)
            _add_transients(wave, rng, rate_hz)
            waves.append(unit_power(ramp(wave.astype(np.complex64), rate_hz, RAMP_S)))
        return waves

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield one burst each mains period."""
        period = round(1e9 / self.mains_hz)
        phase = dice.below("mains phase", 0, period)
        for i in slots(start_ns - phase, stop_ns - phase, period):
            yield Burst(phase + i * period, self.air_ns, dice.below("content", i, VARIANTS))


def _add_transients(wave: NDArray[np.complex128], rng: np.random.Generator, rate_hz: float) -> None:
    n = min(round(TRANSIENT_S * rate_hz), wave.size // 2)
    inside = np.abs(np.fft.fftfreq(n, 1.0 / rate_hz)) <= TRANSIENT_HZ / 2.0
    fall = np.sqrt(np.linspace(1.0, 0.0, n))
    for end in (wave[:n], wave[::-1][:n]):
        spectrum = np.where(inside, rng.standard_normal(n) + 1j * rng.standard_normal(n), 0.0)
        noise = np.fft.ifft(spectrum)
        end[:] += noise * fall * np.sqrt(2.0 * TRANSIENT_POWER / np.mean(np.abs(noise) ** 2))
