"""Brings one emission to zero frequency and to a rate near its bandwidth.

One complex FIR does mixing, filtering and decimation: y[m] = e^{-jωDm} Σ_k h[k] e^{-jωk} x[mD + k]
(f. harris, Multirate Signal Processing, sec. 6.1), taps from a Kaiser-windowed sinc.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

TAPS_PER_STEP = 3  # filter length in output samples: 40 dB of alias rejection at a transition of the bandwidth
MAX_STEP = 256
TURNS = 256
OVERSAMPLING = 1.6  # output rate over occupied bandwidth
TAPS_GRAIN = 16  # filters are padded with zeros to whole turns of the unrolled loop: its scalar rest costs more
MAX_TAPS = -(-(TAPS_PER_STEP * MAX_STEP + 1) // TAPS_GRAIN) * TAPS_GRAIN


@kernel
def mix_decimate(
    iq: NDArray[np.int16],
    start: int,
    taps_re: NDArray[np.float32],
    taps_im: NDArray[np.float32],
    step: int,
    omega: float,
    out: NDArray[np.complex64],
    n_out: int,
) -> None:
    """Mix to zero, filter, decimate.

    Args:
        iq: int16, shape (2·n,), interleaved.
        start: first input sample.
        taps_re, taps_im: float32, shape (2·length,): the pre-rotated filter laid out so that its dot product with
            interleaved samples gives the real and the imaginary part.
        step: decimation.
        omega: radians per input sample to shift down by.
        out: complex64, shape (>= n_out,).
        n_out: outputs wanted; input of (n_out - 1)·step + length samples must exist.
    """
    turn = np.exp(-1j * omega * step)
    phase = np.exp(-1j * omega * start)
    for m in range(n_out):
        base = 2 * (start + m * step)
        piece = iq[base : base + taps_re.shape[0]]
        re, im = np.float32(0.0), np.float32(0.0)
        for k in range(taps_re.shape[0]):
            value = np.float32(piece[k])
            re += value * taps_re[k]
            im += value * taps_im[k]
        out[m] = np.complex64(complex(re, im) * phase)
        phase *= turn
        if m & 1023 == 1023:
            phase /= abs(phase)


@kernel
def mix(
    iq: NDArray[np.int16],
    start: int,
    turns: NDArray[np.float32],
    omega: float,
    out: NDArray[np.float32],
    n_out: int,
) -> None:
    """Mix to zero without filtering.

    Args:
        iq: int16, shape (2·n,), interleaved.
        start: first input sample.
        turns: float32, shape (2, TURNS), work space for the carrier of one stretch.
        omega: radians per sample to shift down by.
        out: float32, shape (>= 2·n_out,), interleaved.
        n_out: samples.
    """
    for k in range(turns.shape[1]):
        turned = np.exp(-1j * omega * k)
        turns[0, k], turns[1, k] = turned.real, turned.imag
    re, im = turns[0], turns[1]
    for m0 in range(0, n_out, turns.shape[1]):
        phase = np.exp(-1j * omega * (start + m0))
        a, b = np.float32(phase.real), np.float32(phase.imag)
        count = min(turns.shape[1], n_out - m0)
        x = iq[2 * (start + m0) : 2 * (start + m0 + count)]
        y = out[2 * m0 : 2 * (m0 + count)]
        for k in range(count):
            c, s = re[k] * a - im[k] * b, re[k] * b + im[k] * a
            i, q = np.float32(x[2 * k]), np.float32(x[2 * k + 1])
            y[2 * k] = i * c - q * s
            y[2 * k + 1] = i * s + q * c


@kernel
def rotate_taps(
    prototype: NDArray[np.float64], omega: float, taps_re: NDArray[np.float32], taps_im: NDArray[np.float32]
) -> None:
    """Rotate a real low-pass by -omega and lay it out for `mix_decimate`.

    Args:
        prototype: float64, shape (length,).
        omega: radians per input sample.
        taps_re, taps_im: float32, shape (2·length,), written.
    """
    turn, phase = np.exp(-1j * omega), complex(1.0, 0.0)
    for k in range(prototype.shape[0]):
        turned = prototype[k] * phase
        phase *= turn
        taps_re[2 * k], taps_re[2 * k + 1] = turned.real, -turned.imag
        taps_im[2 * k], taps_im[2 * k + 1] = turned.imag, turned.real


@kernel
def extract_into(
    iq: NDArray[np.int16],
    start: int,
    stop: int,
    omega: float,
    step: int,
    prototype: NDArray[np.float64],
    taps: NDArray[np.float32],
    turns: NDArray[np.float32],
    out: NDArray[np.complex64],
) -> tuple[int, int]:
    """Bring samples start..stop to zero and to 1/step of the rate, as far as they exist.

    Args:
        iq: int16, shape (2·n,), interleaved.
        start, stop: input samples wanted.
        omega: radians per input sample to shift down by.
        step: decimation; 1 for none, and then no filter either.
        prototype: float64, shape (padded length,), real low-pass for the step, see `Filters`.
        taps: float32, shape (2, >= 2·length), work space.
        turns: float32, shape (2, TURNS), work space.
        out: complex64, written.
    Returns:
        (outputs, input sample on which output 0 is centred).
    """
    samples = iq.shape[0] // 2
    if step == 1:
        n_out = max(0, min(stop - start, samples - start, out.shape[0]))
        mix(iq, start, turns, omega, out.view(np.float32), n_out)
        return n_out, start
    padded, middle = prototype.shape[0], (TAPS_PER_STEP * step + 1) // 2
    taps_re, taps_im = taps[0, : 2 * padded], taps[1, : 2 * padded]
    rotate_taps(prototype, omega, taps_re, taps_im)
    first = max(0, start - middle)
    n_out = min((min(stop, samples) - start) // step, (samples - first - padded) // step + 1, out.shape[0])
    n_out = max(n_out, 0)
    mix_decimate(iq, first, taps_re, taps_im, step, omega, out, n_out)
    return n_out, first + middle


@kernel
def padded_length(step: int) -> int:
    """Taps of the filter for a decimation, the zeros that pad it included."""
    return -(-(TAPS_PER_STEP * step + 1) // TAPS_GRAIN) * TAPS_GRAIN


def decimation(rate_hz: float, bandwidth_hz: float) -> int:
    """Whole decimation that keeps OVERSAMPLING times the bandwidth."""
    return max(1, int(rate_hz / max(OVERSAMPLING * bandwidth_hz, rate_hz / MAX_STEP)))


class Filters:
    """Low-pass filters by decimation, made when first asked for.

    Attributes:
        bank: float64, shape (MAX_STEP + 1, MAX_TAPS): row `step` begins with its taps.
    """

    def __init__(self) -> None:
        self.bank = np.zeros((MAX_STEP + 1, MAX_TAPS))
        self._made: set[int] = set()

    def need(self, step: int) -> NDArray[np.float64]:
        """Taps of one decimation, float64, shape (padded_length(step),)."""
        length = TAPS_PER_STEP * step + 1
        if step not in self._made:
            t = (np.arange(length) - length // 2) / step
            taps = np.sinc(t * 0.9) * np.kaiser(length, 5.0)
            self.bank[step, :length] = taps / np.sum(taps)
            self._made.add(step)
        return self.bank[step, : padded_length(step)]


class Downconverter:
    """Extracts emissions one by one; owns filters and memory.

    Args:
        max_out: longest output.
    """

    def __init__(self, max_out: int) -> None:
        self.out = np.zeros(max_out, dtype=np.complex64)
        self.origin = 0
        self.filters = Filters()
        self.turns = np.zeros((2, TURNS), dtype=np.float32)
        self.taps = np.zeros((2, 2 * MAX_TAPS), dtype=np.float32)

    def extract(
        self, iq: NDArray[np.int16], start: int, stop: int, offset_ratio: float, step: int
    ) -> NDArray[np.complex64]:
        """Extract samples start..stop at an offset.

        Args:
            iq: int16, shape (2·n,).
            start, stop: input samples wanted; clipped to what exists.
            offset_ratio: centre of the emission relative to the LO, in units of the rate, -0.5..0.5.
            step: decimation.
        Returns:
            complex64, shape (m,), a view valid until the next call; output k is centred on input `origin` + k·step:
            on `start` + k·step except in the first half filter of a block.
        """
        omega = 2 * np.pi * offset_ratio
        n_out, self.origin = extract_into(
            iq, start, stop, omega, step, self.filters.need(step), self.taps, self.turns, self.out
        )
        return self.out[:n_out]
