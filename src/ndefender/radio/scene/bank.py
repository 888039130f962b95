"""Stored waveforms of one emitter at one rate: int16, each with a margin on both sides for the receive filter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.channel import impaired
from ndefender.radio.scene.emitter import Emitter
from ndefender.radio.scene.receiver import HALF_TAPS

UNIT = 6000.0  # int16 value of amplitude 1: leaves 14.7 dB for the peaks of OFDM
PIECE_SAMPLES = 1 << 20


@dataclass(frozen=True, slots=True)
class Bank:
    """Waveforms ready to be mixed.

    Args:
        re, im: all variants one after the other, int16, `UNIT` is amplitude 1.
        first: index of each variant's first sample.
        length: samples of each variant.
        ratio: stored samples per sample of the receiver.
        loops: the (only) variant repeats for ever.
    """

    re: NDArray[np.int16]
    im: NDArray[np.int16]
    first: tuple[int, ...]
    length: tuple[int, ...]
    ratio: int
    loops: bool


def rate_ratio(span_hz: float, rate_hz: float) -> int:
    """Return the smallest whole multiple of the receiver's rate that carries a span."""
    return max(1, math.ceil(span_hz / rate_hz))


def build(emitter: Emitter, dice: Dice, rate_hz: float) -> Bank:
    """Generate and store the waveforms of an emitter for a receiver's rate.

    Args:
        emitter: of a scene.
        dice: its own.
        rate_hz: of the receiver.
    """
    ratio = rate_ratio(emitter.span_hz, rate_hz)
    margin = 2 * HALF_TAPS * ratio  # a filter rings half its length beyond a burst, and looks as far again
    waves = impaired(emitter, emitter.waveforms(rate_hz * ratio, dice), dice, rate_hz * ratio)
    total = sum(wave.size + 2 * margin for wave in waves)
    re, im = np.zeros(total, np.int16), np.zeros(total, np.int16)
    first: list[int] = []
    at = 0
    for wave in waves:
        at += margin
        first.append(at)
        _store(wave, re[at : at + wave.size], im[at : at + wave.size])
        if emitter.loops:
            for store in (re, im):
                store[at - margin : at] = np.take(store[at : at + wave.size], range(-margin, 0), mode="wrap")
                store[at + wave.size : at + wave.size + margin] = np.take(
                    store[at : at + wave.size], range(margin), mode="wrap"
                )
        at += wave.size + margin
    return Bank(re, im, tuple(first), tuple(wave.size for wave in waves), ratio, emitter.loops)


def _store(wave: NDArray[np.complex64], re: NDArray[np.int16], im: NDArray[np.int16]) -> None:
    for i in range(0, wave.size, PIECE_SAMPLES):
        piece = slice(i, i + PIECE_SAMPLES)
        re[piece] = np.clip(np.rint(wave.real[piece] * UNIT), -32767, 32767)
        im[piece] = np.clip(np.rint(wave.imag[piece] * UNIT), -32767, 32767)
