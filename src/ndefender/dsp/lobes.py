"""Tells two transmitters on neighbouring channels from one with a notch or two tones.

Two bursts that are on together make one component when their skirts touch. Their spectrum has two lobes with a deep
valley, and their sum beats: its envelope is not constant, while that of each lobe alone may be. Frequency-shift keying
with a wide deviation has the same two lobes but a constant envelope.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .features import FeatureExtractor
from .jit import kernel
from .measure import box_spectrum
from .spans import B_HIGH, B_KIND, B_LOW, B_ROW, B_ROW_END, BOX_COLUMNS, BURST_BOX, INTEGRATED_BOX, MAX_BOXES
from .stft import ROW_FRAMES, Stft

VALLEY_RATIO = 0.03  # 15 dB below both lobes
LEAST_SPLIT_BINS = 8
BEAT_CV = 0.25  # envelope of two transmitters; one of constant envelope stays below 0.2 down to 10 dB SNR
STEADIER = 0.7  # of one side alone; the sides of one OFDM signal with a notch are as rough as the whole
ON_RATIO = 0.25
TOGETHER = 0.5  # of the shorter one's time
CORE_SHARE = 0.6  # of a half, so that its neighbour does not reach in
LEAST_LOBE_BINS = 3
LEAST_VALLEY_BINS = 2
LOBE_RATIO = 0.01  # a lobe 20 dB below the other is its skirt
THIRD = np.float32(1 / 3)


@kernel
def deepest_valley(spectrum: NDArray[np.float32], n: int) -> int:
    """Bin of the deepest valley between two lobes, or -1.

    Args:
        spectrum: float32, shape (>= n,), power above the floor or noise.
        n: bins in use, at least LEAST_SPLIT_BINS.
    Returns:
        Index of the valley's lowest (smoothed) bin.
    """
    smooth = np.empty(n, dtype=np.float32)
    smooth[0], smooth[n - 1] = (spectrum[0] + spectrum[1]) / 2, (spectrum[n - 2] + spectrum[n - 1]) / 2
    left, middle, right = spectrum[: n - 2], spectrum[1 : n - 1], spectrum[2:n]
    for i in range(n - 2):
        smooth[i + 1] = (left[i] + middle[i] + right[i]) * THIRD
    highest_right = np.zeros(n + 1, dtype=np.float32)
    for i in range(n - 1, -1, -1):
        highest_right[i] = max(highest_right[i + 1], smooth[i])
    best, best_at, highest_left = 1.0, -1, np.float32(0.0)
    for i in range(1, n - LEAST_LOBE_BINS):
        highest_left = max(highest_left, smooth[i - 1])
        smaller = min(highest_left, highest_right[i + 1])
        if i < LEAST_LOBE_BINS or smooth[i] >= VALLEY_RATIO * smaller:
            continue
        wide = smooth[i + 1] < VALLEY_RATIO * smaller or smooth[i - 1] < VALLEY_RATIO * smaller
        depth = smooth[i] / smaller
        if wide and smaller > LOBE_RATIO * max(highest_left, highest_right[i + 1]) and depth < best:
            best, best_at = depth, i
    return best_at


@kernel
def valleys_of(
    sum4: NDArray[np.float32], boxes: NDArray[np.int32], work: NDArray[np.float32], out: NDArray[np.int32]
) -> int:
    """Deepest valley of each box, -1 where there is none.

    Args:
        sum4: float32, shape (rows, n_fft).
        boxes: int32, shape (n, BOX_COLUMNS).
        work: float32, shape (>= n_fft,).
        out: int32, shape (>= n,), written: bin relative to the box's first.
    Returns:
        Number of boxes with a valley.
    """
    found = 0
    for i in range(boxes.shape[0]):
        out[i] = -1
        low, high = int(boxes[i, B_LOW]), int(boxes[i, B_HIGH])  # 32-bit bounds would keep loops from vectorising
        if boxes[i, B_KIND] != INTEGRATED_BOX and high - low >= LEAST_SPLIT_BINS:
            box_spectrum(sum4, int(boxes[i, B_ROW]), int(boxes[i, B_ROW_END]), low, high, work, ROW_FRAMES)
            out[i] = deepest_valley(work, high - low)
            found += out[i] >= 0
    return found


class LobeSplitter:
    """Splits boxes that hold two simultaneous transmitters side by side.

    Args:
        stft: of the pipeline.
        features: measures envelopes.
    """

    def __init__(self, stft: Stft, features: FeatureExtractor) -> None:
        self._stft = stft
        self._features = features
        self._work = np.zeros(stft.n_fft, dtype=np.float32)
        self._valleys = np.zeros(MAX_BOXES, dtype=np.int32)
        self._boxes = np.zeros((MAX_BOXES, BOX_COLUMNS), dtype=np.int32)

    def split(self, iq: NDArray[np.int16], n: int, boxes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Split boxes, and the halves again while they have valleys.

        Args:
            iq: int16, shape (2·n,).
            n: complex samples.
            boxes: int32, shape (m, BOX_COLUMNS).
        Returns:
            int32, shape (>= m, BOX_COLUMNS); at most MAX_BOXES.
        """
        pending, count = boxes, 0
        while len(pending):
            found = valleys_of(self._stft.sum4, pending, self._work, self._valleys)
            halves: list[NDArray[np.int32]] = []
            for i, box in enumerate(pending):
                valley = int(self._valleys[i])
                if found and valley >= 0 and self._beats(iq, n, box, valley):
                    left, right = box.copy(), box.copy()
                    left[B_HIGH] = right[B_LOW] = box[B_LOW] + valley
                    halves += [left, right]
                elif count < MAX_BOXES:
                    self._boxes[count] = box
                    count += 1
            pending = np.array(halves[: MAX_BOXES - count], dtype=np.int32).reshape(-1, BOX_COLUMNS)
        return self._boxes[:count]

    def _beats(self, iq: NDArray[np.int16], n: int, box: NDArray[np.int32], valley: int) -> bool:
        """Whether the two sides of a valley are two transmitters.

        They are if they are on at different times; or if together they beat and one of them alone is steady.
        """
        s = self._stft
        first, last = s.row_start(int(box[B_ROW]), n), s.row_start(int(box[B_ROW_END]) - 1, n)
        start = (first + last) // 2  # where both are on if both ever are
        stop = min(n, start + max(s.min_samples, (last - first) // 2))

        def cv(low: int, high: int, share: float) -> float:
            return self._features.envelope_cv(
                iq, start, stop, (low + high) / 2 / s.n_fft - 0.5, share * (high - low) / s.n_fft
            )

        low, high, middle = int(box[B_LOW]), int(box[B_HIGH]), int(box[B_LOW]) + valley
        rows = s.sum4[int(box[B_ROW]) : int(box[B_ROW_END])]
        left, right = rows[:, low:middle].sum(axis=1), rows[:, middle:high].sum(axis=1)
        left_on, right_on = left > ON_RATIO * left.max(), right > ON_RATIO * right.max()
        together = int(np.count_nonzero(left_on & right_on))
        shorter = min(np.count_nonzero(left_on), np.count_nonzero(right_on))
        if box[B_KIND] == BURST_BOX and together < TOGETHER * shorter:
            return True
        whole = cv(low, high, 1.0)
        return whole > BEAT_CV and min(cv(low, middle, CORE_SHARE), cv(middle, high, CORE_SHARE)) < STEADIER * whole
