"""Render a scene to the I/Q that a radio would deliver, for any tuning, time and chunking."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.bank import UNIT, Bank, build
from ndefender.radio.scene.chance import MASK64, Dice
from ndefender.radio.scene.channel import fade_db, hop_gain_db
from ndefender.radio.scene.emitter import Burst, Emitter, alive
from ndefender.radio.scene.kernels import add_filtered, add_shifted, quantise
from ndefender.radio.scene.load import Scene
from ndefender.radio.scene.noise import Noise
from ndefender.radio.scene.receiver import HALF_TAPS, flat_gain, taps
from ndefender.units import NS_PER_S, from_db

FULL_SCALE = 2048.0  # 12 bits
REFERENCE_GAIN_DB = 40.0  # levels of a scene hold at this gain
FADING_STEPS = 512  # a period of the fastest part of the fading: steps below 0.1 dB even at 12 dB
TILE = 1 << 15  # samples summed at once: 256 KiB, stays in the second-level cache
DEFAULT_BANDWIDTH_RATIO = 56.0 / 61.44


@dataclass(frozen=True, slots=True)
class _View:
    """What the receiver is set to."""

    center_hz: float
    rate_hz: int
    bandwidth_hz: float
    gain_db: float


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of one stored waveform: samples [start, stop) of the receiver begin at `position` of the bank."""

    bank: Bank
    start: int
    stop: int
    position: int
    step: int
    phase: int
    gain: float
    filter_re: NDArray[np.float32] | None
    filter_im: NDArray[np.float32] | None


class Renderer:
    """Renders one scene. Rendering is pure and may run in several threads; banks are built under a lock.

    Args:
        scene: a loaded scene.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._noise = Noise(Dice(scene.header.seed), fresh=scene.header.noise == "fresh")
        self._banks: dict[tuple[str, int], Bank] = {}
        self._lock = threading.Lock()
        image = scene.header.impairments
        angle = math.radians(image.phase_deg)
        amplitude = math.sqrt(from_db(image.image_db))
        self._image = (amplitude * math.cos(angle), amplitude * math.sin(angle))
        self._dc = FULL_SCALE * math.sqrt(from_db(image.dc_dbfs) / 2.0)

    def prepare(self, rate_hz: float, bandwidth_hz: float | None = None) -> None:
        """Build every waveform bank for a rate, and the noise for a bandwidth; seconds, not for the real-time path.

        Args:
            rate_hz: complex sample rate.
            bandwidth_hz: analogue filter; by default 56 MHz at 61.44 MS/s, in proportion elsewhere.
        """
        rate = round(rate_hz)
        for emitter, dice in zip(self.scene.emitters, self.scene.dice, strict=True):
            self._bank(emitter, dice, rate)
        with self._lock:
            self._noise.prepare(rate, bandwidth_hz or rate_hz * DEFAULT_BANDWIDTH_RATIO)
        self.render(0, 0.0, rate_hz, bandwidth_hz or rate_hz * DEFAULT_BANDWIDTH_RATIO, 0.0, np.empty((4, 2), np.int16))
        _warm_up()

    def render(
        self, start_sample_ns: int, center_hz: float, rate_hz: float, bandwidth_hz: float, gain_db: float,
        out: NDArray[np.int16],
    ) -> int:  # fmt: skip
        """Render one contiguous stretch.

        Args:
            start_sample_ns: time of the first sample, ns since the scene's start; snapped to the grid of k / rate_hz,
                so consecutive chunks join without a seam.
            center_hz, rate_hz, bandwidth_hz, gain_db: the receiver.
            out: int16, shape (n, 2), C-contiguous; gets I, Q within -2048 … 2047.
        Returns:
            Samples at or beyond full scale in I or Q.
        """
        view = _View(center_hz, round(rate_hz), bandwidth_hz, gain_db)
        first = (start_sample_ns * view.rate_hz + NS_PER_S // 2) // NS_PER_S
        n = out.shape[0]
        parts = self._parts(view, first, first + n)
        noise_dbfs = self.scene.header.noise_dbfs_hz + gain_db - REFERENCE_GAIN_DB
        power = from_db(noise_dbfs) * view.rate_hz * FULL_SCALE**2
        acc_re, acc_im = np.empty(min(n, TILE), np.float32), np.empty(min(n, TILE), np.float32)
        clipped = 0
        for at in range(0, n, TILE):
            count = min(TILE, n - at)
            acc_re[:count] = 0.0
            acc_im[:count] = 0.0
            self._noise.add(acc_re, acc_im, count, first + at, center_hz, view.rate_hz, bandwidth_hz, power)
            for part in parts:
                _add(part, first + at, count, acc_re, acc_im)
            clipped += quantise(acc_re, acc_im, count, self._dc, self._dc, *self._image, out[at : at + count])
        return clipped

    def _bank(self, emitter: Emitter, dice: Dice, rate_hz: int) -> Bank:
        key = (emitter.name, rate_hz)
        bank = self._banks.get(key)
        if bank is None:
            with self._lock:
                bank = self._banks.get(key) or build(emitter, dice, rate_hz)
                self._banks[key] = bank
        return bank

    def _parts(self, view: _View, first: int, last: int) -> list[_Part]:
        """List what is on the air in samples [first, last) and within the hop."""
        begin = first * NS_PER_S // view.rate_hz - 1000 * NS_PER_S // view.rate_hz
        end = last * NS_PER_S // view.rate_hz + 1000 * NS_PER_S // view.rate_hz
        parts: list[_Part] = []
        for emitter, dice in zip(self.scene.emitters, self.scene.dice, strict=True):
            low, high = emitter.reach_hz
            half = (view.rate_hz + emitter.span_hz) / 2.0
            probe = emitter.offset_hz(Burst(0, 0), view.center_hz, view.bandwidth_hz)
            if probe + low > half or probe + high < -half:
                continue
            phase = dice.bits("carrier phase", 0)
            for burst in alive(emitter, dice, begin, end):
                offset = emitter.offset_hz(burst, view.center_hz, view.bandwidth_hz)
                if abs(offset) < half:
                    bank = self._bank(emitter, dice, view.rate_hz)
                    level = emitter.level_dbfs + burst.gain_db + view.gain_db - REFERENCE_GAIN_DB
                    level += hop_gain_db(emitter, dice, burst.offset_hz)
                    gain = FULL_SCALE * math.sqrt(from_db(level)) / UNIT
                    placed = _place(bank, burst, view, offset, emitter.span_hz, gain, phase, first, last)
                    parts += _faded(placed, emitter, dice, view.rate_hz) if emitter.fading_db > 0.0 else placed
        return parts


def _faded(parts: list[_Part], emitter: Emitter, dice: Dice, rate_hz: int) -> list[_Part]:
    """Cut parts into steps, each with its own gain; steps lie on a grid of absolute samples, whatever the chunks."""
    step = max(round(rate_hz / (FADING_STEPS * emitter.fading_hz)), 1)
    pieces: list[_Part] = []
    for part in parts:
        at = part.start
        while at < part.stop:
            upto = min(part.stop, (at // step + 1) * step)
            gain = part.gain * math.sqrt(from_db(fade_db(emitter, dice, at // step * step / rate_hz)))
            position = part.position + (at - part.start) * part.bank.ratio
            pieces.append(replace(part, start=at, stop=upto, position=position, gain=gain))
            at = upto
    return pieces


def _place(
    bank: Bank, burst: Burst, view: _View, offset_hz: float, span_hz: float, gain: float, phase: int, first: int,
    last: int,
) -> list[_Part]:  # fmt: skip
    """Cut one burst to samples [first, last), and a loop at its seams."""
    step = round(offset_hz / view.rate_hz * 2.0**64) & MASK64
    flat = flat_gain(offset_hz, span_hz, view.rate_hz, view.bandwidth_hz) if bank.ratio == 1 else None
    kernel_re = kernel_im = None
    spread = 0
    if flat is None:
        shape = taps(offset_hz, view.rate_hz, view.bandwidth_hz, bank.ratio)
        kernel_re, kernel_im = np.ascontiguousarray(shape.real), np.ascontiguousarray(shape.imag)
        spread = 0 if bank.loops else HALF_TAPS
    start = (burst.start_ns * view.rate_hz + NS_PER_S // 2) // NS_PER_S
    base, length = bank.first[burst.variant], bank.length[burst.variant]
    if bank.loops:
        stop = ((burst.start_ns + burst.duration_ns) * view.rate_hz + NS_PER_S // 2) // NS_PER_S
    else:
        stop = start + -(-length // bank.ratio)
    parts: list[_Part] = []
    at = max(start - spread, first)
    end = min(stop + spread, last)
    while at < end:
        position = (at - start) * bank.ratio
        upto = end
        if bank.loops:
            position %= length
            upto = min(end, at + -(-(length - position) // bank.ratio))
        parts.append(_Part(bank, at, upto, base + position, step, phase, gain * (flat or 1.0), kernel_re, kernel_im))
        at = upto
    return parts


def _add(part: _Part, first: int, count: int, acc_re: NDArray[np.float32], acc_im: NDArray[np.float32]) -> None:
    """Add what of a part falls into samples [first, first + count)."""
    start, stop = max(part.start, first), min(part.stop, first + count)
    if start >= stop:
        return
    at, n, k = start - first, stop - start, np.uint64(start & MASK64)
    position = part.position + (start - part.start) * part.bank.ratio
    step, phase = np.uint64(part.step), np.uint64(part.phase)
    re, im = part.bank.re, part.bank.im
    if part.filter_re is None or part.filter_im is None:
        add_shifted(acc_re, acc_im, at, n, k, re, im, position, step, phase, part.gain)
        return
    add_filtered(
        acc_re, acc_im, at, n, k, re, im, position, step, phase, part.gain, part.filter_re, part.filter_im,
        part.bank.ratio,
    )  # fmt: skip


def _warm_up() -> None:
    """Compile, or load from the cache, both ways of adding a waveform."""
    silence = np.zeros(4 * HALF_TAPS + 8, np.int16)
    bank = Bank(silence, silence, (2 * HALF_TAPS,), (8,), 1, loops=False)
    acc_re, acc_im = np.zeros(8, np.float32), np.zeros(8, np.float32)
    shape = np.zeros(2 * HALF_TAPS + 1, np.float32)
    for taps_re in (None, shape):
        _add(_Part(bank, 0, 8, 2 * HALF_TAPS, 0, 0, 1.0, taps_re, taps_re), 0, 8, acc_re, acc_im)
