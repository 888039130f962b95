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
BATCH_ROWS = 2  # eight frames of 2048 complex64 are 128 KiB: input and output stay in a core's L2


@kernel
def window_frames(
    iq: NDArray[np.int16], start: int, hop: int, window2: NDArray[np.float32], out: NDArray[np.float32]
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
def power_row(
    spectra: NDArray[np.float32],
    first: int,
    plane: NDArray[np.float32],
    row: int,
    sum4: NDArray[np.float32],
    max4: NDArray[np.float32],
) -> None:
    """Write |X|² of four frames, ascending in frequency, with their sum and maximum.

    Args:
        spectra: float32, shape (frames, 2·n_fft), FFT order.
        first: first of the four frames.
        plane: float32, shape (4·rows, n_fft), written at 4·row.
        row: which row.
        sum4, max4: float32, shape (rows, n_fft), written at row.
    """
    half = plane.shape[1] // 2
    k = 4 * row
    for side in range(2):
        src = 0 if side == 1 else 2 * half
        dst = half if side == 1 else 0
        x0, x1 = spectra[first, src : src + 2 * half], spectra[first + 1, src : src + 2 * half]
        x2, x3 = spectra[first + 2, src : src + 2 * half], spectra[first + 3, src : src + 2 * half]
        y0, y1 = plane[k, dst : dst + half], plane[k + 1, dst : dst + half]
        y2, y3 = plane[k + 2, dst : dst + half], plane[k + 3, dst : dst + half]
        total, top = sum4[row, dst : dst + half], max4[row, dst : dst + half]
        for i in range(half):
            p0 = x0[2 * i] * x0[2 * i] + x0[2 * i + 1] * x0[2 * i + 1]
            p1 = x1[2 * i] * x1[2 * i] + x1[2 * i + 1] * x1[2 * i + 1]
            p2 = x2[2 * i] * x2[2 * i] + x2[2 * i + 1] * x2[2 * i + 1]
            p3 = x3[2 * i] * x3[2 * i] + x3[2 * i + 1] * x3[2 * i + 1]
            y0[i], y1[i], y2[i], y3[i] = p0, p1, p2, p3
            total[i] = (p0 + p1) + (p2 + p3)
            top[i] = max(max(p0, p1), max(p2, p3))


class Stft:
    """FFT plan and memory of one worker.

    Args:
        n_fft: bins.
        hop: samples between frames.
        max_samples: longest block.
    """

    def __init__(self, n_fft: int, hop: int, max_samples: int) -> None:
        self.n_fft = n_fft
        self.hop = hop
        self.window = blackman_harris(n_fft)
        self._window2 = np.repeat(self.window, 2)
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
        self.max4 = np.zeros((rows, n_fft), dtype=np.float32)

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
        """Fill plane, sum4 and max4 from a block.

        Args:
            iq: int16, shape (2·n,), C-contiguous.
            n_samples: complex samples, at least `min_samples`, at most `max_samples`.
        Returns:
            Number of rows written.
        """
        n_rows = self.rows(n_samples)
        for row in range(0, n_rows, BATCH_ROWS):
            self.spectra(iq, row, n_rows, n_samples)
            for i in range(min(BATCH_ROWS, n_rows - row)):
                power_row(self._output_f32, i * ROW_FRAMES, self.plane, row + i, self.sum4, self.max4)
        return n_rows
