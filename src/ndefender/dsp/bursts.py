"""From boxes to bursts on the power plane: occupied band, level, and edges from the frames' in-band power."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from . import measure as m
from .jit import kernel
from .measure import box_envelope, box_spectrum, occupied
from .segments import cut, smooth
from .spans import (
    B_HIGH,
    B_KIND,
    B_LOW,
    B_ROW,
    B_ROW_END,
    BOX_HIGH,
    BOX_LOW,
    BURST_BOX,
    CENTROID,
    CORE,
    EDGE,
    FIRST,
    FLATNESS,
    HIGH,
    KIND,
    LAST,
    LOW,
    NOISE,
    ON,
    PEAK,
    POWER,
    PULSED,
    START,
    STOP,
)
from .stft import ROW_FRAMES

SHORT_FRAMES = 32  # bursts up to this long are measured on frames, longer ones on rows of four
INDEPENDENT_POINTS = 16.0  # values averaged per envelope point: OFDM's own envelope then stays within ±3 dB
BIN_CORRELATION = 1.7  # equivalent noise bandwidth of the window


@kernel
def frames_of(start: float, stop: float, n_fft: int, hop: int, n_frames: int) -> tuple[int, int]:
    """First and end frame whose middles lie inside start..stop; at least one."""
    first = max(0, math.ceil((start - n_fft / 2) / hop))
    last = min(n_frames, math.floor((stop - n_fft / 2) / hop) + 1)
    if last <= first:
        first = min(n_frames - 1, max(0, math.floor(((start + stop) / 2 - n_fft / 2) / hop + 0.5)))
        last = first + 1
    return first, last


@kernel
def measure_span(
    plane: NDArray[np.float32],
    sum4: NDArray[np.float32],
    floor: NDArray[np.float32],
    box: NDArray[np.int32],
    first: int,
    last: int,
    work: NDArray[np.float32],
    field: NDArray[np.float64],
    out: NDArray[np.float64],
) -> bool:
    """Measure frames first..last of a box into a burst row (all but START, STOP, ON).

    Args:
        plane, sum4: float32, power of frames and of rows of four.
        floor: float32, shape (columns,).
        box: int32, shape (BOX_COLUMNS,).
        first, last: frames.
        work: float32, shape (>= n_fft,).
        field: float64, shape (measure.FIELDS,), work space.
        out: float64, shape (BURST_COLUMNS,), written.
    Returns:
        Whether there is any power above the floor.
    """
    low, high = int(box[B_LOW]), int(box[B_HIGH])  # 32-bit bounds would keep loops from vectorising
    if last - first > SHORT_FRAMES:
        box_spectrum(sum4, (first + ROW_FRAMES - 1) // ROW_FRAMES, last // ROW_FRAMES, low, high, work, ROW_FRAMES)
    else:
        box_spectrum(plane, first, last, low, high, work, 1)
    occupied(work, high - low, floor, low, field)
    out[LOW], out[HIGH] = low + field[m.LOW], low + field[m.HIGH]
    out[POWER], out[NOISE], out[PEAK] = field[m.POWER], field[m.NOISE], field[m.PEAK]
    out[FLATNESS], out[EDGE], out[CORE] = field[m.FLATNESS], field[m.EDGE], field[m.WIDTH_6DB]
    out[BOX_LOW], out[BOX_HIGH] = box[B_LOW], box[B_HIGH]
    out[FIRST], out[LAST] = first, last
    out[KIND], out[PULSED], out[ON], out[CENTROID] = box[B_KIND], 0.0, 0.0, low + field[m.CENTROID]
    return bool(field[m.POWER] > 0.0)


@kernel
def cut_frames(
    plane: NDArray[np.float32],
    first: int,
    last: int,
    low: int,
    high: int,
    noise_bin: float,
    work: NDArray[np.float32],
    envelope: NDArray[np.float32],
    on: NDArray[np.uint8],
    scratch: NDArray[np.float32],
    segments: NDArray[np.float64],
) -> int:
    """Cut frames first..last of a band into bursts, in frames relative to `first`; returns their number."""
    n = last - first
    box_envelope(plane, first, last, low, high, work)
    independent = max(1.0, (high - low) / BIN_CORRELATION)
    length = int(max(1.0, math.ceil(INDEPENDENT_POINTS / independent))) | 1
    noise = noise_bin * (high - low)
    smooth(work, n, length, envelope)
    quiet = noise * (1.0 + 6.0 / math.sqrt(independent * length))
    return cut(envelope, n, quiet, noise, length, on, scratch, segments)


@kernel
def burst_box(
    plane: NDArray[np.float32],
    sum4: NDArray[np.float32],
    floor: NDArray[np.float32],
    n_rows: int,
    n_fft: int,
    hop: int,
    n_samples: int,
    box: NDArray[np.int32],
    work: NDArray[np.float32],
    envelope: NDArray[np.float32],
    on: NDArray[np.uint8],
    scratch: NDArray[np.float32],
    segments: NDArray[np.float64],
    field: NDArray[np.float64],
    bursts: NDArray[np.float64],
    count: int,
) -> int:
    """Cut one box by its frames and measure each piece; returns the number of bursts so far."""
    whole = bursts[count]
    frames = n_rows * ROW_FRAMES
    if not measure_span(
        plane, sum4, floor, box, box[B_ROW] * ROW_FRAMES, box[B_ROW_END] * ROW_FRAMES, work, field, whole
    ):
        return count
    low, high = math.floor(whole[LOW]), math.ceil(whole[HIGH])
    first, last = max(0, (box[B_ROW] - 1) * ROW_FRAMES), min(frames, (box[B_ROW_END] + 1) * ROW_FRAMES)
    pieces = cut_frames(
        plane, first, last, low, high, whole[NOISE] / max(1, high - low), work, envelope, on, scratch, segments
    )
    if pieces == 0:
        whole[START], whole[STOP] = (
            box[B_ROW] * ROW_FRAMES * hop,
            min(n_samples, box[B_ROW_END] * ROW_FRAMES * hop + n_fft - hop),
        )
        return count + 1
    middle = (first + 0.5) * hop + 0.5 * (n_fft - hop)  # of the frame an envelope position of 0 means
    for i in range(pieces):
        if count >= bursts.shape[0]:
            break
        start = 0.0 if segments[i, 0] <= 0 and first == 0 else segments[i, 0] * hop + middle
        at_end = segments[i, 1] >= last - first and last == frames
        stop = float(n_samples) if at_end else min(float(n_samples), segments[i, 1] * hop + middle)
        a, b = frames_of(start, stop, n_fft, hop, frames)
        if stop > start and measure_span(plane, sum4, floor, box, a, b, work, field, bursts[count]):
            bursts[count, START], bursts[count, STOP] = start, stop
            count += 1
    return count


@kernel
def bursts_of(
    plane: NDArray[np.float32],
    sum4: NDArray[np.float32],
    floor: NDArray[np.float32],
    n_rows: int,
    n_fft: int,
    hop: int,
    n_samples: int,
    boxes: NDArray[np.int32],
    n_boxes: int,
    work: NDArray[np.float32],
    envelope: NDArray[np.float32],
    on: NDArray[np.uint8],
    scratch: NDArray[np.float32],
    segments: NDArray[np.float64],
    bursts: NDArray[np.float64],
) -> int:
    """Turn all boxes of a block into bursts.

    Args:
        plane: float32, shape (4·rows, n_fft).
        sum4: float32, shape (rows, n_fft).
        floor: float32, shape (columns,).
        n_rows, n_fft, hop, n_samples: geometry of the block.
        boxes: int32, shape (MAX_BOXES, BOX_COLUMNS).
        n_boxes: boxes in use.
        work, envelope: float32, shape (>= max(n_fft, frames),).
        on: uint8, shape (>= frames,).
        scratch: float32 work space of medians.
        segments: float64, shape (MAX_SEGMENTS, 2).
        bursts: float64, shape (MAX_BURSTS, BURST_COLUMNS), written.
    Returns:
        Number of bursts.
    """
    field = np.zeros(m.FIELDS)
    count = 0
    for i in range(n_boxes):
        if count >= bursts.shape[0]:
            break
        box = boxes[i]
        if box[B_KIND] == BURST_BOX:
            count = burst_box(
                plane,
                sum4,
                floor,
                n_rows,
                n_fft,
                hop,
                n_samples,
                box,
                work,
                envelope,
                on,
                scratch,
                segments,
                field,
                bursts,
                count,
            )
        elif measure_span(
            plane, sum4, floor, box, box[B_ROW] * ROW_FRAMES, box[B_ROW_END] * ROW_FRAMES, work, field, bursts[count]
        ):
            bursts[count, START], bursts[count, STOP] = 0.0, n_samples
            count += 1
    return count
