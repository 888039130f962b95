"""Composite video as a function of time: line and field synchronisation, colour burst, a moving picture. Volts.

PAL B/G: ITU-R BT.470-6 and BT.1700: 625 lines, 25 frames/s, line 64 µs, sync 4.7 µs, 5 + 5 + 5 half-line pulses.
NTSC M: SMPTE 170M-2004: 525 lines, 30000/1001 frames/s, line 63.556 µs, sync 4.7 µs, 6 + 6 + 6 half-line pulses.
Blanking is 0 V, white 0.7 V (NTSC 0.714), sync -0.3 V (-0.286). All times are from the leading edge of line sync.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.jit import kernel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
COLUMNS = 512  # of the picture: 9.8 MHz of samples, so its detail ends near 5 MHz
RISE_S = 0.25e-6  # of sync and blanking edges


class Standard(NamedTuple):
    """One television standard; times in seconds from the line's leading edge, levels in volts."""

    lines: int
    line_s: float
    sync_s: float
    equalising_s: float
    broad_s: float
    half_pulses: int  # of each of the three groups
    active_s: float  # begin of the picture
    active_len_s: float
    blanked: int  # lines a field from the first broad pulse
    burst_s: float
    burst_cycles: int
    burst_v: float  # amplitude
    subcarrier_hz: float
    alternate: bool  # PAL switch of V
    sync_v: float
    white_v: float
    setup_v: float
    frames: int  # after which the subcarrier has its phase again

    @property
    def frame_s(self) -> float:
        """Length of a frame."""
        return self.lines * self.line_s


PAL = Standard(
    625, 64e-6, 4.7e-6, 2.35e-6, 27.3e-6, 5, 10.5e-6, 51.85e-6, 25, 5.6e-6, 10, 0.15, 4_433_618.75, True, -0.3, 0.7,
    0.0, 4,
)  # fmt: skip
NTSC = Standard(
    525, 1001.0 / 15_750_000.0, 4.7e-6, 2.3e-6, 27.1e-6, 6, 9.4e-6, 52.6e-6, 20, 5.3e-6, 9, 0.143, 315.0e6 / 88.0,
    False, -0.286, 0.714, 0.054, 2,
)  # fmt: skip
STANDARDS = {"pal": PAL, "ntsc": NTSC}


@kernel
def add_pulses(v: F32, starts: F64, widths: F64, level: float, rise_s: float, rate_hz: float) -> None:
    """Add a pulse with half-cosine edges, centred on its nominal edges, for each start (seconds)."""
    for p in range(starts.size):
        first = int((starts[p] - rise_s) * rate_hz)
        last = int((starts[p] + widths[p] + rise_s) * rate_hz) + 1
        for i in range(max(first, 0), min(last, v.size)):
            t = i / rate_hz - starts[p]
            up = min(max(t / rise_s + 0.5, 0.0), 1.0)
            down = min(max((t - widths[p]) / rise_s + 0.5, 0.0), 1.0)
            v[i] += np.float32(level * 0.5 * (math.cos(math.pi * down) - math.cos(math.pi * up)))


@kernel
def add_carrier(
    v: F32, starts: F64, length_s: float, amplitude: F32, phases: F64, turns_s: float, offset_s: float, rate_hz: float
) -> None:
    """Add a subcarrier under a table of amplitudes to each stretch.

    Args:
        v: composite, volts.
        starts: begin of each stretch, seconds.
        length_s: of a stretch.
        amplitude: (stretches, columns) volts, interpolated linearly.
        phases: of each stretch, turns.
        turns_s: subcarrier, Hz.
        offset_s: time of v[0] on the subcarrier's clock.
        rate_hz: samples a second.
    """
    columns = amplitude.shape[1]
    for p in range(starts.size):
        first = math.ceil(starts[p] * rate_hz)
        last = int((starts[p] + length_s) * rate_hz)
        for i in range(max(first, 0), min(last, v.size)):
            t = i / rate_hz
            x = (t - starts[p]) / length_s * (columns - 1)
            c = min(int(x), columns - 2)
            a = amplitude[p, c] + (x - c) * (amplitude[p, c + 1] - amplitude[p, c])
            turns = ((t + offset_s) * turns_s + phases[p]) % 1.0
            v[i] += np.float32(a * math.cos(2.0 * math.pi * turns))


@kernel
def add_rows(v: F32, starts: F64, length_s: float, rows: F32, rate_hz: float) -> None:
    """Add one row of the picture to each stretch, interpolated linearly."""
    columns = rows.shape[1]
    for p in range(starts.size):
        first = math.ceil(starts[p] * rate_hz)
        last = int((starts[p] + length_s) * rate_hz)
        for i in range(max(first, 0), min(last, v.size)):
            x = (i / rate_hz - starts[p]) / length_s * (columns - 1)
            c = min(int(x), columns - 2)
            v[i] += np.float32(rows[p, c] + (x - c) * (rows[p, c + 1] - rows[p, c]))


def sync_pulses(standard: Standard) -> tuple[F64, F64]:
    """Return starts and widths, seconds within a frame, of every pulse below blanking."""
    s = standard
    half = s.line_s / 2.0
    starts: list[float] = []
    widths: list[float] = []
    special: set[int] = set()  # half lines taken by the field pulses
    for field in (0, s.lines):  # a field is `lines` half lines long
        first = field - s.half_pulses  # broad pulses begin with the field
        for i in range(3 * s.half_pulses):
            place = (first + i) % (2 * s.lines)
            special.add(place)
            starts.append(place * half)
            widths.append(s.broad_s if s.half_pulses <= i < 2 * s.half_pulses else s.equalising_s)
    for line in range(s.lines):
        if 2 * line not in special:
            starts.append(line * s.line_s)
            widths.append(s.sync_s)
    return np.array(starts), np.array(widths)


def active_lines(standard: Standard) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each line with a picture, and the picture's row (0 at the top) on it."""
    s = standard
    lines: list[int] = []
    rows: list[int] = []
    for line in range(s.lines):
        second = 2 * line >= s.lines
        inside = line - (s.lines // 2 + 1 if second else 0)
        if s.blanked <= inside < s.lines // 2 - s.half_pulses // 2 - 1:
            lines.append(line)
            rows.append(2 * (inside - s.blanked) + int(second))
    return np.array(lines), np.array(rows)


def picture(rows: int, frame: int, seed: np.random.Generator) -> tuple[F32, F32]:
    """Paint what a flying camera sees: sky over ground that streams by, a rolling horizon, display, sensor noise.

    Natural scenes have amplitudes that fall with the inverse of spatial frequency (Field 1987, J. Opt. Soc. Am. A 4).

    Args:
        rows: height.
        frame: number of the frame; the picture moves with it.
        seed: of the landscape; the same for every frame.
    Returns:
        Luminance 0 … 1 and colour saturation 0 … 1, float32 (rows, COLUMNS).
    """
    down, across = np.fft.fftfreq(rows)[:, np.newaxis], np.fft.rfftfreq(COLUMNS)[np.newaxis, :]
    falling = 1.0 / np.maximum(np.hypot(down * rows, across * COLUMNS), 2.0)
    field = np.fft.irfft2(np.fft.rfft2(seed.standard_normal((rows, COLUMNS))) * falling, (rows, COLUMNS))
    field = np.roll(field / field.std(), (3 * frame, 5 * frame), (0, 1)).astype(np.float32)
    y = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, np.newaxis]
    x = np.linspace(0.0, 1.0, COLUMNS, dtype=np.float32)[np.newaxis, :]
    horizon = np.float32(0.35 + 0.05 * math.sin(0.4 * frame)) + np.float32(0.3) * (x - 0.5)
    above = y < horizon
    luminance = np.where(above, 0.78 - 0.3 * y + 0.08 * field, 0.42 + 0.19 * field)
    luminance += seed.standard_normal((rows, COLUMNS), np.float32) * np.float32(0.02)
    saturation = np.where(above, 0.25, 0.3 + 0.1 * field)
    for k in range(6):  # characters of the display
        left, top = 0.1 + 0.13 * k, 0.08 if k % 2 else 0.88
        inside = (abs(x - left) < 0.03) & (abs(y - top) < 0.02) & ((x * 90).astype(np.int32) % 2 == 0)
        luminance = np.where(inside, 0.98, luminance)
        saturation = np.where(inside, 0.0, saturation)
    return np.clip(luminance, 0.0, 1.0).astype(np.float32), np.clip(saturation, 0.0, 1.0).astype(np.float32)


def frame_volts(
    standard: Standard, index: int, level: float, colour: float, seed: np.random.Generator, rate_hz: float, n: int
) -> F32:
    """Return one frame of composite video, float32 volts.

    Args:
        standard: PAL or NTSC.
        index: number of the frame.
        level: picture contrast, 0 … 1 of white.
        colour: saturation, 0 … 1.
        seed: of the picture.
        rate_hz: samples a second.
        n: samples of this frame.
    """
    s = standard
    v = np.zeros(n, np.float32)
    starts, widths = sync_pulses(s)
    add_pulses(v, starts, widths, s.sync_v, RISE_S, rate_hz)
    lines, rows = active_lines(s)
    luminance, saturation = picture(int(rows.max()) + 1, index, seed)
    begins = (lines * s.line_s).astype(np.float64)
    shown = (s.setup_v + luminance * (s.white_v - s.setup_v)) * np.float32(level)
    add_rows(v, begins + s.active_s, s.active_len_s, np.ascontiguousarray(shown[rows]), rate_hz)
    offset = index * s.frame_s
    number = index * s.lines + lines
    swing = np.where(number % 2 == 0, 135.0, -135.0) / 360.0 if s.alternate else np.full(lines.size, 0.5)
    gate = np.full((lines.size, 16), s.burst_v, np.float32)
    gate[:, 0] = gate[:, -1] = 0.0
    cycles_s = s.burst_cycles / s.subcarrier_hz
    add_carrier(v, begins + s.burst_s, cycles_s, gate, swing, s.subcarrier_hz, offset, rate_hz)
    hue = np.where(number % 2 == 0, 0.3, -0.3) if s.alternate else np.full(lines.size, 0.3)
    chroma = np.ascontiguousarray(saturation[rows] * np.float32(0.3 * level * colour))
    add_carrier(v, begins + s.active_s, s.active_len_s, chroma, hue, s.subcarrier_hz, offset, rate_hz)
    return v
