"""From bursts to EMISSION records: units, flags, evidence, class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from ..records import (
    BLOCK_NO_CENTER,
    EMISSION_CONCLUSIVE,
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
from .classify import VIDEO, Shape, channel_mask, classify
from .config import DspConfig
from .features import FeatureExtractor
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
from .stft import ROW_FRAMES, TILE_BINS, Stft

COLUMN = {name: i for i, name in enumerate(EVIDENCE_NAMES)}
EDGE_BINS = 2.0  # closer than this to the end of the spectrum is cut off by it


@kernel
def peaks_of(
    plane: NDArray[np.float32], peaks: NDArray[np.float32], bursts: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Highest cell of each burst.

    Args:
        plane, peaks: float32, power of frames, maxima of tiles.
        bursts: float64, shape (n, BURST_COLUMNS).
        out: float64, shape (n,).
    """
    for i in range(bursts.shape[0]):
        low, high = max(0, int(bursts[i, LOW])), min(plane.shape[1], int(bursts[i, HIGH]) + 1)
        first, last = int(bursts[i, FIRST]), int(bursts[i, LAST])
        if last - first > SHORT_FRAMES:
            rows = first // ROW_FRAMES, (last + ROW_FRAMES - 1) // ROW_FRAMES
            out[i] = highest_cell(peaks, rows[0], rows[1], low // TILE_BINS, (high + TILE_BINS - 1) // TILE_BINS)
        else:
            out[i] = highest_cell(plane, first, last, low, high)


def decibels(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vector form of `units.to_db`."""
    return np.asarray(10.0 * np.log10(np.maximum(ratio, MIN_POWER)))


def confidence(statistic: NDArray[np.float64], tests: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that there is an emission at all, from the detector's statistic.

    Args:
        statistic: excess power in standard deviations of its null, shape (n,).
        tests: places where noise alone could have shown as much, shape (n,).
    Returns:
        1 - tests · Q(statistic), at least 0.5 since the detector passed it.
    """
    log_p = log_ndtr(-np.minimum(statistic, 30.0)) + np.log(np.maximum(tests, 1.0))
    return np.asarray(np.maximum(0.5, 1.0 - np.exp(np.minimum(0.0, log_p))))


class Describer:
    """Fills EMISSION records from bursts.

    Args:
        config: pipeline settings.
        stft: of this pipeline.
    """

    def __init__(self, config: DspConfig, stft: Stft) -> None:
        self._stft = stft
        self.features = FeatureExtractor(config)
        self._tone_gain = float(np.sum(stft.window)) ** 2

    def reference(self, block: np.void) -> float:
        """Cell power of a full-scale carrier: 0 dB."""
        return float(block["full_scale"]) ** 2 * self._tone_gain

    def write(
        self,
        iq: NDArray[np.int16],
        n: int,
        block: np.void,
        bursts: NDArray[np.float64],
        seen: slice,
        out: np.ndarray,
    ) -> None:
        """Write one record for each burst.

        Args:
            iq: int16, shape (2·n,).
            n: complex samples.
            block: BLOCK record.
            bursts: float64, shape (m, BURST_COLUMNS).
            seen: tile columns inside the receiver's bandwidth.
            out: EMISSION, shape (>= m,).
        """
        if len(bursts) == 0:
            return
        rate, n_fft = float(block["rate_hz"]), self._stft.n_fft
        bin_hz, reference = rate / n_fft, self.reference(block)
        rows = out[: len(bursts)]
        rows.view(np.uint8)[:] = 0
        start, length = bursts[:, START], bursts[:, STOP] - bursts[:, START]
        low, high = bursts[:, LOW], bursts[:, HIGH]
        width = np.maximum(high - low, 0.5)
        offset = ((low + high - 1) / 2 - n_fft / 2) * bin_hz  # bin i spans i..i+1 here and is centred on i
        snr, floor = bursts[:, POWER] / bursts[:, NOISE], bursts[:, NOISE] / np.maximum(high - low, 1.0)
        peak = np.zeros(len(bursts))
        peaks_of(self._stft.plane, self._stft.peaks, bursts, peak)
        frames = bursts[:, LAST] - bursts[:, FIRST]
        cells = np.maximum(1.0, width / BIN_CORRELATION * frames)
        statistic = np.minimum(snr * np.sqrt(cells), 1e6)
        rows["index"] = np.arange(len(bursts))
        rows["start_s"], rows["duration_s"] = start / rate, length / rate
        rows["center_hz"], rows["bandwidth_hz"] = float(block["center_hz"]) + offset, width * bin_hz
        rows["snr_db"], rows["peak_db"] = decibels(snr), decibels(peak / reference)
        rows["noise_floor_db"], rows["prominence_db"] = decibels(floor / reference), decibels(peak / floor)
        rows["cluster_size"], rows["flags"] = np.ceil(width), self._flags(bursts, n, seen)
        rows["confidence"] = confidence(statistic, n_fft * frames)
        evidence = rows["evidence"]
        evidence["flatness"], evidence["edge_db_per_mhz"] = bursts[:, FLATNESS], bursts[:, EDGE] / bin_hz * 1e6
        evidence["burst_s"] = length / rate
        evidence["duty_ratio"] = np.where(bursts[:, ON] > 0, bursts[:, ON], length) / n
        evidence["hot_cells"], evidence["statistic"] = cells, statistic
        self._name(iq, n, block, bursts, offset, rows)

    def _name(
        self,
        iq: NDArray[np.int16],
        n: int,
        block: np.void,
        bursts: NDArray[np.float64],
        offset: NDArray[np.float64],
        rows: np.ndarray,
    ) -> None:
        """Collect each emission's evidence and classify it."""
        rate, centred = float(block["rate_hz"]), not int(block["flags"]) & BLOCK_NO_CENTER
        bin_hz = rate / self._stft.n_fft
        spans = np.minimum(np.rint(bursts[:, [START, STOP]]), n).astype(np.int64)
        centers, widths = rows["center_hz"].tolist(), np.ascontiguousarray(rows["bandwidth_hz"])
        found = self.features.collect(iq, spans, rate, offset, widths)
        shapes = zip(
            centers if centred else [None] * len(rows),
            widths.tolist(),
            rows["duration_s"].tolist(),
            rows["snr_db"].tolist(),
            [bin_hz] * len(rows),
            (bursts[:, KIND] != BURST_BOX).tolist(),
            (bursts[:, PULSED] != 0).tolist(),
            found,
            strict=True,
        )
        named = [classify(Shape(*shape)) for shape in shapes]
        rows["class_id"], rows["classification_confidence"] = [n for n, _ in named], [c for _, c in named]
        table = rows["evidence"].view((np.float32, len(EVIDENCE_NAMES)))
        for i, evidence in enumerate(found):
            for name, value in evidence.items():
                table[i, COLUMN[name]] = value
        for i in np.flatnonzero(rows["class_id"] == VIDEO).tolist():
            rows["flags"][i] |= EMISSION_CONCLUSIVE
            rows["pattern_mask"][i] = channel_mask(centers[i]) if centred else 0

    def _flags(self, bursts: NDArray[np.float64], n: int, seen: slice) -> NDArray[np.uint32]:
        n_fft = self._stft.n_fft
        marks = (
            (EMISSION_CUT_START, bursts[:, START] < n_fft),
            (EMISSION_CUT_END, bursts[:, STOP] > n - n_fft),
            (EMISSION_EDGE_LOW, bursts[:, LOW] < seen.start * TILE_BINS + EDGE_BINS),
            (EMISSION_EDGE_HIGH, bursts[:, HIGH] > seen.stop * TILE_BINS - EDGE_BINS),
            (EMISSION_CONTINUOUS, bursts[:, KIND] != BURST_BOX),
            (EMISSION_INTEGRATED, bursts[:, KIND] == INTEGRATED_BOX),
            (EMISSION_PULSED, bursts[:, PULSED] != 0),
        )
        flags = np.zeros(len(bursts), dtype=np.uint32)
        for mark, where in marks:
            flags |= where * np.uint32(mark)
        return flags
