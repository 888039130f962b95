"""Kernels of the renderer: mix a stored waveform to its place, filter it, quantise the sum.

Carrier phase is a 64-bit fraction of a turn, phase[k] = start + k · step (mod 2^64): exact for ever, the same however
the samples are cut into chunks. Within blocks of 256 absolute samples the rotation is table[i] · base.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.jit import kernel

BLOCK = 256
_TURN = 2.0 * math.pi / 18446744073709551616.0  # radians per 2^-64 turn

I16 = NDArray[np.int16]
F32 = NDArray[np.float32]


@kernel
def rotation_table(step: np.uint64, table_re: F32, table_im: F32) -> None:
    """Fill exp(j·2π·step·i / 2^64) for i in 0 … BLOCK-1."""
    for i in range(BLOCK):
        angle = float(np.uint64(i) * step) * _TURN
        table_re[i] = math.cos(angle)
        table_im[i] = math.sin(angle)


@kernel
def rotate_add(
    y_re: F32, y_im: F32, x_re: F32, x_im: F32, base: np.uint64, gain: float, table_re: F32, table_im: F32
) -> None:
    """Add gain · x[i] · exp(j·base) · table[i] to y[i]; all of y's length or longer, all within one block."""
    angle = float(base) * _TURN
    b_re = np.float32(gain * math.cos(angle))
    b_im = np.float32(gain * math.sin(angle))
    for i in range(y_re.size):
        r_re = table_re[i] * b_re - table_im[i] * b_im
        r_im = table_re[i] * b_im + table_im[i] * b_re
        y_re[i] += x_re[i] * r_re - x_im[i] * r_im
        y_im[i] += x_re[i] * r_im + x_im[i] * r_re


@kernel
def widen(source: I16, out: F32) -> None:
    """Convert int16 samples to float32."""
    for i in range(source.size):
        out[i] = np.float32(source[i])


@kernel
def add_shifted(
    acc_re: F32, acc_im: F32, at: int, n: int, k: np.uint64, re: I16, im: I16, position: int,
    step: np.uint64, phase: np.uint64, gain: float,
) -> None:  # fmt: skip
    """Add a stored waveform, shifted in frequency.

    Args:
        acc_re, acc_im: sum so far, float32.
        at, n: where in it, how many samples.
        k: absolute sample index of the first one.
        re, im: stored waveform, int16.
        position: its sample that belongs to k.
        step, phase: carrier, 2^-64 turns a sample and at k = 0.
        gain: linear amplitude per stored unit.
    """
    table_re, table_im = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    x_re, x_im = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    rotation_table(step, table_re, table_im)
    done = 0
    while done < n:
        here = k + np.uint64(done)
        skip = int(here % np.uint64(BLOCK))
        count = min(n - done, BLOCK - skip)
        base = phase + (here - np.uint64(skip)) * step
        first, to = position + done, at + done
        widen(re[first : first + count], x_re)
        widen(im[first : first + count], x_im)
        y_re, y_im = acc_re[to : to + count], acc_im[to : to + count]
        rotate_add(y_re, y_im, x_re, x_im, base, gain, table_re[skip:], table_im[skip:])
        done += count


@kernel
def split(source: I16, ratio: int, stride: int, out: F32) -> None:
    """Convert int16 to float32 and deal it out to `ratio` phases: out[p · stride + i] = source[i · ratio + p]."""
    for p in range(ratio):
        phase = out[p * stride : (p + 1) * stride]
        for i in range((source.size - p + ratio - 1) // ratio):
            phase[i] = np.float32(source[i * ratio + p])


@kernel
def correlate(
    x_re: F32, x_im: F32, stride: int, taps_re: F32, taps_im: F32, ratio: int, y_re: F32, y_im: F32
) -> None:  # fmt: skip
    """Complex FIR with decimation, y[i] = Σ_j taps[j] · x[i·ratio + j], of samples dealt out by `split`."""
    y_re[:] = 0.0
    y_im[:] = 0.0
    for j in range(taps_re.size):
        t_re, t_im = taps_re[j], taps_im[j]
        first = j % ratio * stride + j // ratio
        a_re, a_im = x_re[first : first + y_re.size], x_im[first : first + y_re.size]
        for i in range(y_re.size):
            y_re[i] += t_re * a_re[i] - t_im * a_im[i]
            y_im[i] += t_re * a_im[i] + t_im * a_re[i]


@kernel
def add_filtered(
    acc_re: F32, acc_im: F32, at: int, n: int, k: np.uint64, re: I16, im: I16, position: int,
    step: np.uint64, phase: np.uint64, gain: float, taps_re: F32, taps_im: F32, ratio: int,
) -> None:  # fmt: skip
    """Add a stored waveform after filtering (and decimating by `ratio`); arguments as `add_shifted`.

    The stored waveform must reach half the taps beyond both ends of what is asked for.
    """
    half = taps_re.size // 2
    table_re, table_im = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    stride = BLOCK + 2 * half // ratio + 1
    x_re, x_im = np.empty(stride * ratio, np.float32), np.empty(stride * ratio, np.float32)
    y_re, y_im = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    rotation_table(step, table_re, table_im)
    done = 0
    while done < n:
        here = k + np.uint64(done)
        skip = int(here % np.uint64(BLOCK))
        count = min(n - done, BLOCK - skip)
        base = phase + (here - np.uint64(skip)) * step
        first, to = position + done * ratio - half, at + done
        need = (count - 1) * ratio + 1 + 2 * half
        split(re[first : first + need], ratio, stride, x_re)
        split(im[first : first + need], ratio, stride, x_im)
        correlate(x_re, x_im, stride, taps_re, taps_im, ratio, y_re[:count], y_im[:count])
        z_re, z_im = acc_re[to : to + count], acc_im[to : to + count]
        rotate_add(z_re, z_im, y_re, y_im, base, gain, table_re[skip:], table_im[skip:])
        done += count


@kernel
def quantise(
    acc_re: F32, acc_im: F32, n: int, dc_re: float, dc_im: float, image_re: float, image_im: float, out: I16
) -> int:
    """Add the IQ image and the DC spike, round to 12 bits, clip.

    Args:
        acc_re, acc_im: sum in units of the converter's step.
        n: samples.
        dc_re, dc_im: offset, converter steps.
        image_re, image_im: y = x + image · conj(x).
        out: int16 (n, 2), -2048 … 2047.
    Returns:
        Samples at or beyond full scale in I or Q: |I| or |Q| >= 2047.
    """
    a_re, a_im = np.float32(image_re), np.float32(image_im)
    d_re, d_im = np.float32(dc_re), np.float32(dc_im)
    low, high = np.float32(-2048.0), np.float32(2047.0)
    limit = np.float32(2046.5)
    clipped = 0
    for i in range(n):
        re, im = acc_re[i], acc_im[i]
        y_re = np.floor(re + a_re * re + a_im * im + d_re + np.float32(0.5))
        y_im = np.floor(im + a_im * re - a_re * im + d_im + np.float32(0.5))
        clipped += int((abs(y_re) > limit) | (abs(y_im) > limit))
        out[i, 0] = np.int16(min(max(y_re, low), high))
        out[i, 1] = np.int16(min(max(y_im, low), high))
    return clipped
