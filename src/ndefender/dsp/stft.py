"""int16 I/Q → windowed complex64 → FFT → power plane.

The plane is (rows·4, n_fft) float32, ascending frequency, unit noise gain: white noise of variance s² gives cells of
mean s². Rows are groups of four frames; a row's sum and maximum over its frames are kept beside the plane, so that
everything after this file reads a quarter of the data.
"""

from __future__ import annotations

import numpy as np
import pyfftw
from numpy.typing import NDArray

from .jit import kernel
from .window import blackman_harris

ROW_FRAMES = 4
TILE_BINS = 4
DC_STRETCH = 256  # samples; int16 sums of them fit int32
DC_EVERY = 16  # a sixteenth of a dwell's samples leaves a residue 10 dB below the noise of one bin
WINDOW_TERMS = 3  # of the analysis window
BATCH_ROWS = 2  # eight frames of 2048 complex64 are 128 KiB: input and output stay in a core's L2


@kernel
def window_frames(
    iq: NDArray[np.int16],
    start: int,
    hop: int,
    window2: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Multiply frames by the window.

    Args:
        iq: int16, shape (2·n,), I and Q interleaved.
        start: first complex sample.
        hop: complex samples between frames.
        window2: float32, shape (2·n_fft,), every weight twice.
        out: float32, shape (frames, 2·n_fft).
    """
    width = window2.shape[0]
    for f in range(out.shape[0]):
        base = 2 * (start + f * hop)
        frame = iq[base : base + width]  # a slice lets the compiler drop the wrap-around checks and vectorise
        row = out[f]
        for i in range(width):
            row[i] = np.float32(frame[i]) * window2[i]


@kernel
def dc_offset(
    iq: NDArray[np.int16], n_samples: int, stretch: int, every: int, work: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Median over evenly spread stretches of their mean I and mean Q: bursts in half of them do not move it.

    Args:
        iq: int16, shape (2·n,), interleaved.
        n_samples: complex samples.
        stretch: complex samples looked at in one go.
        every: one stretch in this many.
        work: float64, shape (2, >= n_samples // (stretch · every) + 1).
        out: float64, shape (2,), written.
    """
    count = 0
    for start in range(0, n_samples - stretch + 1, stretch * every):
        piece = iq[2 * start : 2 * (start + stretch)]
        i, q = np.int32(0), np.int32(0)  # 32 bits vectorise twice as wide as 64
        for k in range(stretch):
            i = np.int32(i + piece[2 * k])
            q = np.int32(q + piece[2 * k + 1])
        work[0, count], work[1, count] = i / stretch, q / stretch
        count += 1
    for k in range(2):
        out[k] = np.sort(work[k, :count])[count // 2] if count > 0 else 0.0


@kernel
def power_row(
    spectra: NDArray[np.float32],
    first: int,
    plane: NDArray[np.float32],
    total: NDArray[np.float32],
    top: NDArray[np.float32],
    mean: NDArray[np.float32],
    maximum: NDArray[np.float32],
) -> None:
    """Write |X|² of four frames, ascending in frequency, with their sum and maximum; add to the block's spectra.

    Args:
        spectra: float32, shape (frames, 2·n_fft), FFT order.
        first: first of the four frames.
        plane: float32, shape (4, n_fft).
        total, top: float32, shape (n_fft,), sum and maximum over the four.
        mean, maximum: float32, shape (n_fft,), running sum and maximum of the block.
    """
    half = plane.shape[1] // 2
    for side in range(2):
        src = 0 if side == 1 else 2 * half
        dst = half if side == 1 else 0
        x0, x1 = spectra[first, src : src + 2 * half], spectra[first + 1, src : src + 2 * half]
        x2, x3 = spectra[first + 2, src : src + 2 * half], spectra[first + 3, src : src + 2 * half]
        y0, y1 = plane[0, dst : dst + half], plane[1, dst : dst + half]
        y2, y3 = plane[2, dst : dst + half], plane[3, dst : dst + half]
        s, t = total[dst : dst + half], top[dst : dst + half]
        u, v = mean[dst : dst + half], maximum[dst : dst + half]
        for i in range(half):
            p0 = x0[2 * i] * x0[2 * i] + x0[2 * i + 1] * x0[2 * i + 1]
            p1 = x1[2 * i] * x1[2 * i] + x1[2 * i + 1] * x1[2 * i + 1]
            p2 = x2[2 * i] * x2[2 * i] + x2[2 * i + 1] * x2[2 * i + 1]
            p3 = x3[2 * i] * x3[2 * i] + x3[2 * i + 1] * x3[2 * i + 1]
            y0[i], y1[i], y2[i], y3[i] = p0, p1, p2, p3
            power = (p0 + p1) + (p2 + p3)
            a = p0 if p0 > p1 else p1  # one instruction each; `max` would also sort out NaN, which integers never make
            b = p2 if p2 > p3 else p3
            highest = a if a > b else b
            s[i], t[i] = power, highest
            u[i] += power
            v[i] = highest if highest > v[i] else v[i]


@kernel
def reduce_row(
    total: NDArray[np.float32],
    top: NDArray[np.float32],
    pairs: NDArray[np.float32],
    tiles: NDArray[np.float32],
    peaks: NDArray[np.float32],
) -> None:
    """Reduce a row to tiles of four bins, by pairs and pairs of pairs: strides of two vectorise, of four they do not.

    Args:
        total, top: float32, shape (n_fft,), from `power_row`.
        pairs: float32, shape (2, n_fft // 2), work space.
        tiles, peaks: float32, shape (n_fft // 4,), sum and maximum of each tile.
    """
    sums, tops = pairs[0], pairs[1]
    for m in range(sums.shape[0]):
        sums[m] = total[2 * m] + total[2 * m + 1]
        a, b = top[2 * m], top[2 * m + 1]
        tops[m] = a if a > b else b
    for m in range(tiles.shape[0]):
        tiles[m] = sums[2 * m] + sums[2 * m + 1]
        a, b = tops[2 * m], tops[2 * m + 1]
        peaks[m] = a if a > b else b


@kernel
def take_away(spectra: NDArray[np.float32], leak: NDArray[np.float32]) -> None:
    """Subtract what a constant puts into the lowest bins: the window's own spectrum, five lines and no more.

    Args:
        spectra: float32, shape (frames, 2·n_fft), FFT order, changed in place.
        leak: float32, shape (2·lines,), bins -(lines // 2)..lines // 2.
    """
    lines = leak.shape[0] // 2
    for f in range(spectra.shape[0]):
        for k in range(lines):
            i = k - lines // 2
            at = 2 * (i if i >= 0 else i + spectra.shape[1] // 2)
            spectra[f, at] -= leak[2 * k]
            spectra[f, at + 1] -= leak[2 * k + 1]


@kernel
def power_rows(
    spectra: NDArray[np.float32],
    leak: NDArray[np.float32],
    rows: int,
    first_row: int,
    plane: NDArray[np.float32],
    sum4: NDArray[np.float32],
    work: NDArray[np.float32],
    tiles: NDArray[np.float32],
    peaks: NDArray[np.float32],
    mean: NDArray[np.float32],
    maximum: NDArray[np.float32],
) -> None:
    """`power_row` and `reduce_row` for a batch, while it is in cache.

    Args:
        spectra: float32, shape (>= 4·rows, 2·n_fft), FFT order.
        leak: what the receiver's DC offset puts into the lowest bins, for `take_away`.
        rows: rows in the batch.
        first_row: where they go.
        plane, sum4, tiles, peaks: of the block; rows first_row.. are written.
        work: float32, shape (2, n_fft), work space: a row's maxima, and its pairs.
        mean, maximum: float32, shape (n_fft,), running sum and maximum.
    """
    take_away(spectra, leak)
    top, pairs = work[0], work[1].reshape(2, work.shape[1] // 2)
    for r in range(rows):
        row = first_row + r
        power_row(spectra, 4 * r, plane[4 * row : 4 * row + 4], sum4[row], top, mean, maximum)
        reduce_row(sum4[row], top, pairs, tiles[row], peaks[row])


class Stft:
    """FFT plan and memory of one worker.

    Args:
        n_fft: bins.
        hop: samples between frames.
        max_samples: longest block.
        remove_dc: subtract the block's mean: what a zero-IF receiver leaks to its LO. A carrier exactly there is seen
            by the neighbouring hop.
    """

    def __init__(self, n_fft: int, hop: int, max_samples: int, remove_dc: bool = True) -> None:
        self._remove_dc = remove_dc
        self.n_fft = n_fft
        self.hop = hop
        self.window = blackman_harris(n_fft)
        self._window2 = np.repeat(self.window, 2)
        self._leak = np.zeros(2 * (2 * WINDOW_TERMS - 1), dtype=np.float32)
        self._lines = np.fft.fft(self.window)[np.arange(-WINDOW_TERMS + 1, WINDOW_TERMS)]
        self._dc = np.zeros(2)
        self._dc_work = np.zeros((2, max_samples // (DC_STRETCH * DC_EVERY) + 1))
        frames = BATCH_ROWS * ROW_FRAMES
        self._input = pyfftw.zeros_aligned((frames, n_fft), dtype=np.complex64)
        self._output = pyfftw.zeros_aligned((frames, n_fft), dtype=np.complex64)
        self._fft = pyfftw.FFTW(
            self._input, self._output, axes=(1,), flags=("FFTW_MEASURE", "FFTW_DESTROY_INPUT"), threads=1
        )
        self._input_f32 = self._input.view(np.float32)
        self._output_f32 = self._output.view(np.float32)
        rows = self.rows(max_samples)
        self.plane = np.zeros((rows * ROW_FRAMES, n_fft), dtype=np.float32)
        self.sum4 = np.zeros((rows, n_fft), dtype=np.float32)
        self._work = np.zeros((2, n_fft), dtype=np.float32)
        self.tiles = np.zeros((rows, n_fft // TILE_BINS), dtype=np.float32)
        self.peaks = np.zeros((rows, n_fft // TILE_BINS), dtype=np.float32)
        self.mean = np.zeros(n_fft, dtype=np.float32)
        self.maximum = np.zeros(n_fft, dtype=np.float32)

    def rows(self, n_samples: int) -> int:
        """Rows of four frames that cover a block; the last one overlaps its neighbour so that no sample is left out."""
        return max(1, -(-(n_samples - self.n_fft + self.hop) // (ROW_FRAMES * self.hop)))

    def row_start(self, row: int, n_samples: int) -> int:
        """First sample of a row."""
        return max(0, min(row * ROW_FRAMES * self.hop, n_samples - self.n_fft - (ROW_FRAMES - 1) * self.hop))

    @property
    def min_samples(self) -> int:
        """Shortest block that fills one row."""
        return self.n_fft + (ROW_FRAMES - 1) * self.hop

    def spectra(self, iq: NDArray[np.int16], row: int, n_rows: int, n_samples: int) -> None:
        """Transform up to BATCH_ROWS rows into the output buffer."""
        if row + BATCH_ROWS < n_rows:
            window_frames(iq, row * ROW_FRAMES * self.hop, self.hop, self._window2, self._input_f32)
        else:
            for i in range(min(BATCH_ROWS, n_rows - row)):
                part = self._input_f32[i * ROW_FRAMES : (i + 1) * ROW_FRAMES]
                window_frames(iq, self.row_start(row + i, n_samples), self.hop, self._window2, part)
        self._fft.execute()

    def transform(self, iq: NDArray[np.int16], n_samples: int) -> int:
        """Fill plane, sum4, tiles, peaks, mean and maximum from a block.

        Args:
            iq: int16, shape (2·n,), C-contiguous.
            n_samples: complex samples, at least `min_samples`, at most `max_samples`.
        Returns:
            Number of rows written.
        """
        n_rows = self.rows(n_samples)
        if self._remove_dc:
            dc_offset(iq, n_samples, DC_STRETCH, DC_EVERY, self._dc_work, self._dc)
            self._leak[:] = (self._lines * complex(*self._dc)).astype(np.complex64).view(np.float32)
        self.mean[:] = 0
        self.maximum[:] = 0
        for row in range(0, n_rows, BATCH_ROWS):
            self.spectra(iq, row, n_rows, n_samples)
            count = min(BATCH_ROWS, n_rows - row)
            power_rows(
                self._output_f32,
                self._leak,
                count,
                row,
                self.plane,
                self.sum4,
                self._work,
                self.tiles,
                self.peaks,
                self.mean,
                self.maximum,
            )
        self.mean *= np.float32(1.0 / (ROW_FRAMES * n_rows))
        return n_rows
