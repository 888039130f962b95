"""From the columns of bursts to the numbers of EMISSION records: units, levels, flags, confidence."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..records import (
    EMISSION,
    EMISSION_CONTINUOUS,
    EMISSION_CUT_END,
    EMISSION_CUT_START,
    EMISSION_EDGE_HIGH,
    EMISSION_EDGE_LOW,
    EMISSION_INTEGRATED,
    EMISSION_PULSED,
    EVIDENCE_NAMES,
)
from ..units import MIN_POWER
from .bursts import BIN_CORRELATION, SHORT_FRAMES
from .jit import kernel
from .measure import highest_cell
from .spans import (
    BURST_BOX,
    EDGE,
    FIRST,
    FLATNESS,
    HIGH,
    INTEGRATED_BOX,
    KIND,
    LAST,
    LOW,
    NOISE,
    ON,
    POWER,
    PULSED,
    START,
    STOP,
)
from .stft import ROW_FRAMES, TILE_BINS

NUMBERS = (
    "start_s",
    "duration_s",
    "center_hz",
    "bandwidth_hz",
    "snr_db",
    "peak_db",
    "noise_floor_db",
    "prominence_db",
    "confidence",
)
START_S, DURATION_S, CENTER_HZ, BANDWIDTH_HZ, SNR_DB, PEAK_DB, FLOOR_DB, PROMINENCE_DB, CONFIDENCE = range(9)
COLUMN = {name: i for i, name in enumerate(EVIDENCE_NAMES)}
E_FLATNESS, E_EDGE, E_BURST_S = COLUMN["flatness"], COLUMN["edge_db_per_mhz"], COLUMN["burst_s"]
E_DUTY, E_CELLS, E_STATISTIC = COLUMN["duty_ratio"], COLUMN["hot_cells"], COLUMN["statistic"]
EDGE_BINS = 2.0  # closer than this to the end of the spectrum is cut off by it
LARGEST_STATISTIC = 1e6
SURE = 30.0  # standard deviations; beyond it the normal tail is no number any more


def columns(rows: np.ndarray, names: tuple[str, ...], kind: DTypeLike) -> np.ndarray:
    """Show neighbouring fields of one type as a matrix.

    Args:
        rows: structured, shape (n,), contiguous.
        names: fields one after the other in the record.
        kind: their type.
    Returns:
        view of shape (n, len(names)).
    """
    size = np.dtype(kind).itemsize
    offsets = [rows.dtype.fields[name][1] for name in names] if rows.dtype.fields else []
    assert offsets == [offsets[0] + i * size for i in range(len(names))], "the record's layout has changed"
    return np.ndarray((len(rows), len(names)), kind, rows, offsets[0], (rows.dtype.itemsize, size))


def evidence_of(rows: np.ndarray) -> np.ndarray:
    """Show the evidence of EMISSION records as a matrix.

    Args:
        rows: EMISSION, shape (n,), contiguous.
    Returns:
        float32 view, shape (n, len(EVIDENCE_NAMES)).
    """
    offset = EMISSION.fields["evidence"][1] if EMISSION.fields else 0
    return np.ndarray((len(rows), len(EVIDENCE_NAMES)), np.float32, rows, offset, (rows.dtype.itemsize, 4))


@kernel
def decibels(ratio: float) -> float:
    """`units.to_db` for kernels."""
    return 10.0 * math.log10(max(ratio, MIN_POWER))


@kernel
def confidence(statistic: float, tests: float) -> float:
    """Probability that there is an emission at all, from the detector's statistic.

    Args:
        statistic: excess power in standard deviations of its null.
        tests: places where noise alone could have shown as much.
    Returns:
        1 - tests · Q(statistic), at least 0.5 since the detector passed it.
    """
    tail = 0.5 * math.erfc(min(statistic, SURE) / math.sqrt(2.0))
    return max(0.5, 1.0 - max(tests, 1.0) * tail)


@kernel
def peak_of(plane: NDArray[np.float32], peaks: NDArray[np.float32], burst: NDArray[np.float64]) -> float:
    """Highest cell of a burst: of its frames where it has few, else of the tiles that cover it.

    Args:
        plane, peaks: float32, power of frames, maxima of tiles.
        burst: float64, shape (BURST_COLUMNS,).
    """
    low, high = max(0, int(burst[LOW])), min(plane.shape[1], int(burst[HIGH]) + 1)
    first, last = int(burst[FIRST]), int(burst[LAST])
    if last - first > SHORT_FRAMES:
        row, row_end = first // ROW_FRAMES, (last + ROW_FRAMES - 1) // ROW_FRAMES
        return highest_cell(peaks, row, row_end, low // TILE_BINS, (high + TILE_BINS - 1) // TILE_BINS)
    return highest_cell(plane, first, last, low, high)


@kernel
def flags_of(burst: NDArray[np.float64], n_fft: int, n_samples: int, low_bin: float, high_bin: float) -> int:
    """Flags of a burst.

    Args:
        burst: float64, shape (BURST_COLUMNS,).
        n_fft, n_samples: of the block.
        low_bin, high_bin: edges of the receiver's bandwidth.
    """
    flags = 0
    if burst[START] < n_fft:
        flags |= EMISSION_CUT_START
    if burst[STOP] > n_samples - n_fft:
        flags |= EMISSION_CUT_END
    if burst[LOW] < low_bin + EDGE_BINS:
        flags |= EMISSION_EDGE_LOW
    if burst[HIGH] > high_bin - EDGE_BINS:
        flags |= EMISSION_EDGE_HIGH
    if burst[KIND] != BURST_BOX:
        flags |= EMISSION_CONTINUOUS
    if burst[KIND] == INTEGRATED_BOX:
        flags |= EMISSION_INTEGRATED
    if burst[PULSED] != 0.0:
        flags |= EMISSION_PULSED
    return flags


@kernel
def write_figures(
    bursts: NDArray[np.float64],
    plane: NDArray[np.float32],
    peaks: NDArray[np.float32],
    block: tuple[float, float, float, int, float, float],
    numbers: NDArray[np.float64],
    evidence: NDArray[np.float32],
    counts: NDArray[np.uint32],
) -> None:
    """Write what follows from the columns of bursts alone.

    Args:
        bursts: float64, shape (n, BURST_COLUMNS).
        plane, peaks: float32, power of frames, maxima of tiles.
        block: sample rate in Hz, centre in Hz, cell power of a full-scale carrier, samples, first and end bin of the
            receiver's bandwidth.
        numbers: float64, shape (n, len(NUMBERS)), written.
        evidence: float32, shape (n, len(EVIDENCE_NAMES)), zero before.
        counts: uint32, shape (n, 3), written: cluster size, flags, index.
    """
    rate, center, reference, n_samples, low_bin, high_bin = block
    n_fft = plane.shape[1]
    bin_hz = rate / n_fft
    for i in range(bursts.shape[0]):
        b = bursts[i]
        length, width = b[STOP] - b[START], max(b[HIGH] - b[LOW], 0.5)
        snr, floor = b[POWER] / b[NOISE], b[NOISE] / max(b[HIGH] - b[LOW], 1.0)
        peak, frames = peak_of(plane, peaks, b), b[LAST] - b[FIRST]
        cells = max(1.0, width / BIN_CORRELATION * frames)
        statistic = min(snr * math.sqrt(cells), LARGEST_STATISTIC)
        out = numbers[i]
        out[START_S], out[DURATION_S] = b[START] / rate, length / rate
        # bin i spans i..i+1 here and is centred on i
        out[CENTER_HZ] = center + ((b[LOW] + b[HIGH] - 1.0) / 2.0 - n_fft / 2.0) * bin_hz
        out[BANDWIDTH_HZ], out[SNR_DB], out[PEAK_DB] = width * bin_hz, decibels(snr), decibels(peak / reference)
        out[FLOOR_DB], out[PROMINENCE_DB] = decibels(floor / reference), decibels(peak / floor)
        out[CONFIDENCE] = confidence(statistic, n_fft * frames)
        seen = evidence[i]
        seen[E_FLATNESS], seen[E_EDGE], seen[E_BURST_S] = b[FLATNESS], b[EDGE] / bin_hz * 1e6, length / rate
        seen[E_DUTY] = (b[ON] if b[ON] > 0.0 else length) / n_samples
        seen[E_CELLS], seen[E_STATISTIC] = cells, statistic
        counts[i, 0], counts[i, 2] = math.ceil(width), i
        counts[i, 1] = flags_of(b, n_fft, n_samples, low_bin, high_bin)
