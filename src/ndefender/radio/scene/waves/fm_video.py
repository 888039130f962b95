"""Analogue FPV video: the composite signal, clamped to the middle of its swing, modulates the frequency of a carrier.

x(t) = exp(j·2π·∫ (D · (v(t) - v0) + audio) dt): constant envelope; v0 is half way from sync to white. D makes the core
(99 % of the power) 6 to 8 MHz wide, as that of 5.8 GHz video transmitters is. Optional audio subcarriers at 6.0 and
6.5 MHz widen it. Line rates 15 625 Hz (PAL) and 15 734.266 Hz (NTSC), see `composite` for the standards.
The waveform is a loop of as many frames as the colour subcarrier needs to come round: 4 (PAL), 2 (NTSC).
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.emitter import Continuous, Ratio
from ndefender.radio.scene.jit import kernel
from ndefender.radio.scene.waves.composite import STANDARDS, frame_volts

F32 = NDArray[np.float32]
AUDIO_TONE_HZ = 1000.0
AUDIO_SWING_HZ = 50.0e3  # deviation of the subcarrier itself
AUDIBLE_HZ = 0.9e6  # swing at which an audio side band holds half a percent of the power
BRIGHTEST = 0.93  # of white: as far as natural pictures go
TABLE_BITS = 14  # of the sine table: spurs below -80 dB


@kernel
def accumulate(v: F32, rest: float, scale: float, phase: float, trim: float) -> float:
    """Replace volts by phase in turns (mod 1), in place; returns the phase after the last sample.

    Args:
        v: volts in, turns out.
        rest: volts that leave the carrier where it is.
        scale: turns a sample and volt.
        phase: before the first sample, turns.
        trim: turns a sample that close the loop.
    """
    for i in range(v.size):
        phase += scale * (v[i] - rest) + trim
        phase -= math.floor(phase)
        v[i] = phase
    return phase


@kernel
def from_turns(turns: F32, table: NDArray[np.complex64], out: NDArray[np.complex64]) -> None:
    """Write exp(j·2π·turns) from a table of one turn, interpolated to the first order."""
    size = table.size
    for i in range(turns.size):
        place = turns[i] * np.float32(size)
        k = int(place)
        rest = np.float32(2.0 * math.pi / size) * (place - np.float32(k))
        c = table[k % size]
        out[i] = complex(c.real - rest * c.imag, c.imag + rest * c.real)


class FmVideo(Continuous, frozen=True, kw_only=True, tag="fm_video"):
    """One pilot's video transmitter.

    Args:
        standard: television standard.
        deviation_hz_per_v: frequency swing per volt of composite video.
        picture: contrast, 0 is a black picture with its sync.
        colour: saturation.
        audio_hz: subcarriers.
        audio_deviation_hz: swing that each subcarrier gives the carrier.
    """

    standard: Literal["pal", "ntsc"] = "pal"
    deviation_hz_per_v: Annotated[float, Meta(ge=1.0e5, le=2.0e7)] = 6.5e6
    picture: Ratio = 1.0
    colour: Ratio = 0.4
    audio_hz: Annotated[tuple[float, ...], Meta(max_length=2)] = ()
    audio_deviation_hz: Annotated[float, Meta(ge=0.0, le=5.0e6)] = 1.0e6

    default_path: ClassVar[tuple[str, ...]] = ("Analog", "Video")

    @property
    def occupied_hz(self) -> float:
        """99 % bandwidth by fit to the spectrum (within 10 %, see the tests); audio side bands count when they are."""
        core = (2.15 + 4.4 * self.picture) * self.deviation_hz_per_v / 6.5
        if self.audio_hz and self.audio_deviation_hz >= AUDIBLE_HZ:
            return max(core, 2.0 * max(self.audio_hz) + 0.6e6)
        return core

    @property
    def span_hz(self) -> float:
        """Carson's rule for the colour or audio subcarrier, with its second side band."""
        highest = max((*self.audio_hz, 5.0e6))
        return 2.0 * (1.2 * self.deviation_hz_per_v + highest) + 4.0e6

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return the loop."""
        s = STANDARDS[self.standard]
        n = round(s.frames * s.frame_s * rate_hz)
        cuts = [round(i * n / s.frames) for i in range(s.frames + 1)]
        out = np.empty(n, np.complex64)
        size = 1 << TABLE_BITS
        table = np.exp(2j * np.pi * np.arange(size) / size).astype(np.complex64)
        scale = self.deviation_hz_per_v / rate_hz
        phase = 0.0
        rest = (s.sync_v + BRIGHTEST * s.white_v * self.picture) / 2.0
        for i in range(s.frames):
            seed = dice.generator("picture")
            v = frame_volts(s, i, self.picture, self.colour, seed, rate_hz, cuts[i + 1] - cuts[i])
            self._add_audio(v, cuts[i], n, rate_hz)
            trim = 0.0
            if i == s.frames - 1:  # close the loop: whatever turn is left over is spread over the last frame
                whole = phase + scale * float(np.sum(v - np.float32(rest), dtype=np.float64))
                trim = (round(whole) - whole) / v.size
            phase = accumulate(v, rest, scale, phase, trim)
            from_turns(v, table, out[cuts[i] : cuts[i + 1]])
        return [out]

    def _add_audio(self, v: F32, first: int, loop: int, rate_hz: float) -> None:
        """Add the subcarriers, each a whole number of cycles a loop."""
        t = (first + np.arange(v.size)) / loop
        loop_s = loop / rate_hz
        for subcarrier_hz in self.audio_hz:
            swing = AUDIO_SWING_HZ / AUDIO_TONE_HZ * np.sin(2.0 * np.pi * round(AUDIO_TONE_HZ * loop_s) * t)
            wave = np.cos(2.0 * np.pi * round(subcarrier_hz * loop_s) * t + swing)
            v += (self.audio_deviation_hz / self.deviation_hz_per_v * wave).astype(np.float32)
