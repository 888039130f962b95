"""What every emitter of a scene has in common: its place, level, life, truth, and how its bursts are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.units import s_to_ns

FOREVER_NS = 1 << 60  # 36 years: the end of an emitter that is never switched off

Hertz = Annotated[float, Meta(ge=0.0, le=6.0e9)]
Seconds = Annotated[float, Meta(ge=0.0, le=1.0e7)]
Ratio = Annotated[float, Meta(ge=0.0, le=1.0)]
ClassPath = Annotated[tuple[str, ...], Meta(max_length=8)]


class Burst(NamedTuple):
    """One stretch of one waveform on the air.

    Args:
        start_ns: first sample, nanoseconds since the scene's start.
        duration_ns: its length.
        variant: which of the emitter's waveforms.
        offset_hz: from the emitter's centre.
        gain_db: relative to the emitter's level.
    """

    start_ns: int
    duration_ns: int
    variant: int = 0
    offset_hz: float = 0.0
    gain_db: float = 0.0


class Emitter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """One `[[emitter]]` of a scene.

    Args:
        name: unique within the scene.
        center_hz: nominal carrier, or the reference that a hopper's channels are counted from.
        level_dbfs: mean power while it transmits, dB of full scale (|x| = 2048) at 40 dB gain.
        class_path: truth; empty for the kind's own.
        contact: the service is expected to report it.
        start_s, stop_s: its life; without `stop_s` it never ends.
        cfo_hz: error of its carrier.
        phase_noise_dbc_hz: of its oscillator, 100 kHz from the carrier, falling by 20 dB a decade; none without.
        delay_spread_s: root mean square delay of the echoes; 0 is a path without echoes.
        rician_k_db: power of the direct path over that of all echoes.
        fading_db: standard deviation of slow fading; 0 is none.
        fading_hz: fastest part of the fading.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    center_hz: Hertz
    level_dbfs: Annotated[float, Meta(ge=-180.0, le=0.0)]
    class_path: ClassPath = ()
    contact: bool = True
    start_s: Seconds = 0.0
    stop_s: Seconds | None = None
    cfo_hz: Annotated[float, Meta(ge=-1.0e6, le=1.0e6)] = 0.0
    phase_noise_dbc_hz: Annotated[float, Meta(ge=-180.0, le=-70.0)] | None = None
    delay_spread_s: Annotated[float, Meta(ge=0.0, le=5.0e-6)] = 0.0
    rician_k_db: Annotated[float, Meta(ge=-20.0, le=40.0)] = 10.0
    fading_db: Annotated[float, Meta(ge=0.0, le=12.0)] = 0.0
    fading_hz: Annotated[float, Meta(ge=0.01, le=50.0)] = 1.0

    default_path: ClassVar[tuple[str, ...]] = ("Unknown",)
    loops: ClassVar[bool] = False  # the waveform repeats without end

    @property
    def occupied_hz(self) -> float:
        """Bandwidth that holds 99 % of a burst's power (ITU-R SM.328), Hz."""
        raise NotImplementedError

    @property
    def span_hz(self) -> float:
        """Least sample rate that carries the waveform with its skirts, Hz."""
        raise NotImplementedError

    @property
    def reach_hz(self) -> tuple[float, float]:
        """Lowest and highest carrier relative to `center_hz` that a burst can have, Hz."""
        return (0.0, 0.0)

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return the variants at `rate_hz`, complex64, mean power 1 (a loop if `loops`)."""
        raise NotImplementedError

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield every burst that overlaps [start_ns, stop_ns), in any order, times since the scene's start."""
        raise NotImplementedError

    def emissions(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield what counts as one emission: by default each burst; pulsed emitters join theirs to packets."""
        return self.bursts(dice, start_ns, stop_ns)

    def offset_hz(self, burst: Burst, receiver_hz: float, bandwidth_hz: float) -> float:
        """Return the carrier of a burst relative to the receiver's local oscillator, Hz."""
        return self.center_hz + self.cfo_hz + burst.offset_hz - receiver_hz

    @property
    def path(self) -> tuple[str, ...]:
        """Class path of the truth."""
        return self.class_path or self.default_path

    @property
    def life_ns(self) -> tuple[int, int]:
        """First and last nanosecond of its life."""
        return s_to_ns(self.start_s), FOREVER_NS if self.stop_s is None else s_to_ns(self.stop_s)

    def problem(self) -> str | None:
        """Say what two fields contradict each other, or None."""
        if self.stop_s is not None and self.stop_s <= self.start_s:
            return f"stop_s {self.stop_s} is not after start_s {self.start_s}"
        return None


class Continuous(Emitter, frozen=True, kw_only=True):
    """An emitter that transmits without a pause: one looped waveform, one burst."""

    loops: ClassVar[bool] = True

    def bursts(self, dice: Dice, start_ns: int, stop_ns: int) -> Iterator[Burst]:
        """Yield its whole life as one burst."""
        first, last = self.life_ns
        yield Burst(first, last - first)


def alive(emitter: Emitter, dice: Dice, start_ns: int, stop_ns: int, *, joined: bool = False) -> Iterator[Burst]:
    """Yield the bursts (or with `joined` the emissions) that overlap an interval and lie within the emitter's life."""
    first, last = emitter.life_ns
    begin, end = max(start_ns, first), min(stop_ns, last)
    if begin >= end:
        return
    for burst in (emitter.emissions if joined else emitter.bursts)(dice, begin, end):
        stop = burst.start_ns + burst.duration_ns
        if burst.start_ns < end and stop > begin and burst.start_ns >= first and stop <= last:
            yield burst


def slots(start_ns: int, stop_ns: int, period_ns: int) -> range:
    """Return the indices of all slots of `period_ns` that overlap [start_ns, stop_ns), from 0 on."""
    return range(max(start_ns // period_ns, 0), max(-(-stop_ns // period_ns), 0))
