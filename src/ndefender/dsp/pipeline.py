"""One dwell in, one RESULT out. Owns all memory; nothing is allocated per sample."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import NdefenderError
from ..records import MAX_EMISSIONS, SPECTRUM_BINS
from ..units import to_db
from .artefacts import CLIP_PPM, drop_artefacts
from .boxes import BoxFinder
from .bursts import bursts_of
from .config import DspConfig
from .describe import Describer
from .fine import FineCutter
from .floor import FloorEstimator
from .grouping import absorb, drop_shower, join_combs, join_pulses
from .lasting import LastingFinder
from .lobes import LobeSplitter
from .noiselaw import patch_law
from .segments import MAX_SEGMENTS
from .spans import BURST_COLUMNS, POWER, START, STOP
from .stft import ROW_FRAMES, TILE_BINS, Stft
from .thresholds import Thresholds, thresholds

MAX_BURSTS = 1024
EDGE_COLUMNS = 2  # beside the filter's edge the floor is neither the noise's nor the silence's
FLAT_RATIO = 0.84  # of the rate: digital half-band filters are flat that far
WIDEST_RATIO = (
    0.9  # an analogue filter at least this wide, in units of the rate, leaves the flat part to the digital ones
)
QUANTISATION_POWER = 2 / 12  # I and Q rounded to integers: the floor of an input without noise


class Pipeline:
    """STFT, floor, detection, measurement, evidence and class of one dwell after another.

    Args:
        config: settings; fixed for the pipeline's life.
        max_samples: longest block it will be given.
    """

    def __init__(self, config: DspConfig, max_samples: int) -> None:
        self.config = config
        self.stft = Stft(config.n_fft, config.hop_samples, max_samples, remove_dc=not config.fine)
        self.max_samples = max_samples
        rows, columns = self.stft.sum4.shape[0], config.n_fft // TILE_BINS
        self._floor = np.zeros(columns, dtype=np.float32)
        self._floor_estimator = FloorEstimator(
            columns, patch_law(config.n_fft, config.hop_samples, TILE_BINS, ROW_FRAMES), QUANTISATION_POWER
        )
        self._finder = BoxFinder(rows, config.n_fft)
        self._describer = Describer(config, self.stft)
        self._lasting = LastingFinder(self.stft, self._describer.features)
        self._splitter = LobeSplitter(self.stft, self._describer.features)
        self._fine = FineCutter(self.stft, max_samples) if config.fine else None
        points = max(config.n_fft, rows * ROW_FRAMES)
        self._work = np.zeros((2, points), dtype=np.float32)
        self._on = np.zeros(points, dtype=np.uint8)
        self._scratch = np.zeros(512, dtype=np.float32)
        self._segments = np.zeros((MAX_SEGMENTS, 2))
        self._bursts = np.zeros((MAX_BURSTS, BURST_COLUMNS))
        self._keep = np.zeros(MAX_BURSTS, dtype=np.uint8)
        self._impulses = 0
        self._limits: dict[int, Thresholds] = {}

    def analyse(self, iq: NDArray[np.int16], block: np.void, out: np.void) -> int:
        """Analyse one block.

        Args:
            iq: int16, shape (n, 2), C-contiguous, n >= block's n_samples.
            block: BLOCK record of these samples.
            out: RESULT record, filled (all but `worker`, `done_ns` and `busy_ns`).
        Returns:
            Number of emissions written.
        Errors:
            NdefenderError: the block is shorter than one row of frames or longer than max_samples.
        """
        n = int(block["n_samples"])
        if not self.stft.min_samples <= n <= self.max_samples:
            raise NdefenderError(
                f"block of {n} samples: the pipeline takes {self.stft.min_samples}..{self.max_samples}"
            )
        flat = iq.reshape(-1)
        n_rows = self.stft.transform(flat, n)
        quiet = np.inf if self._fine is None else self._fine.quiet_power(flat, n)
        flat_ratio = FLAT_RATIO * min(
            1.0, float(block["bandwidth_hz"]) / (WIDEST_RATIO * float(block["rate_hz"])) or 1.0
        )
        self._floor_estimator.estimate(self.stft.tiles, n_rows, flat_ratio, quiet, self._floor)
        steady = self._floor_estimator.steady
        stft, finder = self.stft, self._finder
        seen = self._seen(block)
        limits = self._limits_for(n_rows)
        spans = self._lasting.find(flat, n, n_rows, self._floor, steady, limits.lasting, seen)
        boxes = finder.find(stft.tiles, stft.peaks, n_rows, self._floor, steady, stft.mean, limits, spans, seen)
        bursts, self._impulses = self._bursts[:0], 0
        if boxes:
            clipped = int(block["clipped_samples"]) * 1e6 > CLIP_PPM * n
            bursts = self._one_each(self._cut(flat, n, n_rows, float(block["rate_hz"]), boxes), clipped)
        count = min(len(bursts), MAX_EMISSIONS)
        self._describer.write(flat, n, block, bursts[:count], seen, out["emissions"])
        self._summarise(block, n_rows, count, len(bursts) - count, out)
        return count

    def _seen(self, block: np.void) -> slice:
        """Columns inside the analogue bandwidth; what is beyond is only the filters' leakage."""
        columns = len(self._floor)
        ratio = float(block["bandwidth_hz"]) / float(block["rate_hz"])
        margin = math.ceil((1 - ratio) / 2 * columns) + EDGE_COLUMNS if 0 < ratio < 1 else 0
        return slice(margin, columns - margin)

    def _limits_for(self, n_rows: int) -> Thresholds:
        if n_rows not in self._limits:
            c = self.config
            self._limits[n_rows] = thresholds(c.n_fft, c.hop_samples, n_rows * ROW_FRAMES, c.false_alarms_per_dwell)
        return self._limits[n_rows]

    def _cut(self, iq: NDArray[np.int16], n: int, n_rows: int, rate_hz: float, n_boxes: int) -> NDArray[np.float64]:
        boxes = self._splitter.split(iq, n, self._finder.boxes[:n_boxes])
        s = self.stft
        if self._fine is not None:
            return self._bursts[: self._fine.bursts(iq, n, rate_hz, self._floor, boxes, self._bursts)]
        count = bursts_of(
            s.plane,
            s.sum4,
            self._floor,
            n_rows,
            s.n_fft,
            s.hop,
            n,
            boxes,
            len(boxes),
            self._work[0],
            self._work[1],
            self._on,
            self._scratch,
            self._segments,
            self._bursts,
        )
        return self._bursts[:count]

    def _one_each(self, bursts: NDArray[np.float64], clipped: bool) -> NDArray[np.float64]:
        """One burst for each emission, strongest first: no doubles or fragments, pulses joined, artefacts dropped."""
        n_fft, keep = self.stft.n_fft, self._keep[: len(bursts)]
        absorb(bursts, np.argsort(-bursts[:, POWER] * (bursts[:, STOP] - bursts[:, START]), kind="stable"), keep)
        join_pulses(bursts, np.argsort(bursts[:, START], kind="stable"), n_fft, keep)
        bursts, self._impulses = drop_shower(join_combs(bursts[keep != 0], n_fft), n_fft)
        bursts = bursts[np.argsort(-bursts[:, POWER], kind="stable")]
        keep = self._keep[: len(bursts)]
        drop_artefacts(bursts, n_fft, clipped, keep)
        return np.asarray(bursts[keep != 0])

    def _summarise(self, block: np.void, n_rows: int, count: int, truncated: int, out: np.void) -> None:
        rate, n_fft = float(block["rate_hz"]), self.stft.n_fft
        summary = out["summary"]
        reference = self._describer.reference(block)
        summary["block"] = block
        summary["n_emissions"], summary["truncated"] = count, truncated
        summary["impulses"] = self._impulses
        summary["n_frames"] = n_rows * ROW_FRAMES
        middle = len(self._floor) // 2
        summary["floor_db"] = to_db(float(np.partition(self._floor, middle)[middle]) / reference)
        summary["clipped_ppm"] = 1e6 * int(block["clipped_samples"]) / int(block["n_samples"])
        summary["bin_hz"] = rate / n_fft
        summary["spectrum_start_hz"] = float(block["center_hz"]) - rate / 2
        scale = np.float32(1 / reference)
        np.multiply(self.stft.mean, scale, out=out["mean_power"][:n_fft])
        np.multiply(self.stft.maximum, scale, out=out["max_power"][:n_fft])
        if n_fft < SPECTRUM_BINS:
            out["mean_power"][n_fft:] = 0
            out["max_power"][n_fft:] = 0
