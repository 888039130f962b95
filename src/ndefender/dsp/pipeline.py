"""One dwell in, one RESULT out. Owns all memory; nothing is allocated per sample."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from ..errors import NdefenderError
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
    MAX_EMISSIONS,
    SPECTRUM_BINS,
)
from ..units import to_db
from .artefacts import Measured, is_artefact, is_dc
from .boxes import Box, BoxFinder
from .bursts import BurstCutter
from .classify import VIDEO, Shape, channel_mask, classify
from .config import DspConfig
from .detect import reduce_rows
from .features import FeatureExtractor
from .floor import TILE_BINS, TILE_FRAMES, FloorEstimator
from .grouping import Burst, absorb, join_pulses, merge_impulses
from .lobes import deepest_valley
from .measure import (
    EDGE,
    FIELDS,
    FLATNESS,
    HIGH,
    LOW,
    NOISE,
    PEAK,
    POWER,
    WIDTH_6DB,
    box_spectrum,
    highest_cell,
    occupied,
)
from .stft import ROW_FRAMES, Stft
from .thresholds import Thresholds, thresholds
from .window import gamma_shape

MAX_BOXES = 1024  # what is beyond is left to the next dwell
LEAST_SPLIT_BINS = 8
BEAT_CV = 0.25
PAD_BINS = 2 * TILE_BINS
CLIP_PPM = 200.0  # more clipped samples than this make products worth distrusting
SHORT_FRAMES = 32  # bursts up to this long are measured on frames, longer ones on rows of four


class Pipeline:
    """STFT, floor, detection, measurement, evidence and class of one dwell after another.

    Args:
        config: settings; fixed for the pipeline's life.
        max_samples: longest block it will be given.
    """

    def __init__(self, config: DspConfig, max_samples: int) -> None:
        self.config = config
        self.stft = Stft(config.n_fft, config.hop_samples, max_samples)
        self.max_samples = max_samples
        rows, columns = self.stft.sum4.shape[0], config.n_fft // TILE_BINS
        window = self.stft.window
        self._tile_shape = gamma_shape(window, config.hop_samples, TILE_BINS, TILE_FRAMES)
        self._tiles = np.zeros((rows, columns), dtype=np.float32)
        self._peaks = np.zeros((rows, columns), dtype=np.float32)
        self._mean = np.zeros(config.n_fft, dtype=np.float32)
        self._max = np.zeros(config.n_fft, dtype=np.float32)
        self._floor = np.zeros(columns, dtype=np.float32)
        self._spectrum = np.zeros(config.n_fft, dtype=np.float32)
        self._field = np.zeros(FIELDS)
        self._floor_estimator = FloorEstimator(columns, self._tile_shape, 2 / 12)
        self._finder = BoxFinder(rows, config.n_fft)
        self._cutter = BurstCutter(self.stft, max_samples, config.fine)
        self._features = FeatureExtractor(config)
        self._limits: dict[int, Thresholds] = {}
        self._tone_gain = float(np.sum(window)) ** 2  # a full-scale carrier is 0 dB

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
        reduce_rows(self.stft.sum4, self.stft.max4, n_rows, self._tiles, self._peaks, self._mean, self._max)
        self._floor_estimator.estimate(self._tiles, n_rows, self._floor)
        limits = self._limits_for(n_rows)
        boxes = self._finder.find(
            self._tiles, self._peaks, n_rows, self._floor, self._floor_estimator.steady, self._mean, limits
        )
        bursts = absorb(self._measure(flat, n, n_rows, block, self._split(flat, n, boxes)))
        bursts = merge_impulses(join_pulses(bursts, self.stft.n_fft), self.stft.n_fft)
        bursts = self._without_artefacts(bursts, block)
        bursts.sort(key=lambda b: -b.power)
        count = self._write(flat, n, block, bursts, out)
        self._summarise(block, n_rows, count, max(0, len(bursts) - MAX_EMISSIONS), out)
        return count

    def _limits_for(self, n_rows: int) -> Thresholds:
        if n_rows not in self._limits:
            c = self.config
            self._limits[n_rows] = thresholds(
                self.stft.window, c.hop_samples, n_rows * ROW_FRAMES, c.false_alarms_per_dwell
            )
        return self._limits[n_rows]

    def _measure(self, iq: NDArray[np.int16], n: int, n_rows: int, block: np.void, boxes: list[Box]) -> list[Burst]:
        rate = float(block["rate_hz"])
        bursts: list[Burst] = []
        for box in boxes:
            whole = self._measure_rows(box, n_rows)
            if whole.power <= 0:
                continue
            low, high = math.floor(whole.low), math.ceil(whole.high)
            whole.start, whole.stop = 0.0, float(n)
            cuts: list[tuple[float, float]] = []
            if not box.integrated and (self.config.fine or not box.continuous):
                cuts = self._cutter.cut(iq, n, rate, box, low, high, whole.noise / max(1, high - low))
            if box.continuous and (not cuts or (len(cuts) == 1 and cuts[0][1] - cuts[0][0] > 0.9 * n)):
                bursts.append(whole)
            elif not cuts:
                whole.start = float(self.stft.row_start(box.row, n))
                whole.stop = float(self.stft.row_start(box.row_end - 1, n) + self.stft.min_samples)
                bursts.append(whole)
            else:
                bursts += [b for a, e in cuts if (b := self._measure_burst(box, a, e, n, n_rows)) is not None]
        return bursts

    def _split(self, iq: NDArray[np.int16], n: int, boxes: list[Box]) -> list[Box]:
        """Split boxes that hold two simultaneous transmitters side by side."""
        result: list[Box] = []
        pending = list(boxes[:MAX_BOXES])
        while pending:
            box = pending.pop(0)
            valley = -1
            if not box.integrated and box.high - box.low >= LEAST_SPLIT_BINS:
                box_spectrum(self.stft.sum4, box.row, box.row_end, box.low, box.high, self._spectrum, ROW_FRAMES)
                valley = deepest_valley(self._spectrum, box.high - box.low)
            if valley >= 0 and self._beats(iq, n, box):
                pending += [replace(box, high=box.low + valley), replace(box, low=box.low + valley)]
            else:
                result.append(box)
        return result

    def _beats(self, iq: NDArray[np.int16], n: int, box: Box) -> bool:
        """Whether a box's envelope varies as that of two transmitters does."""
        s = self.stft
        start = s.row_start(box.row, n) + s.n_fft
        stop = max(start + s.min_samples, s.row_start(box.row_end - 1, n))
        return (
            self._features.envelope_cv(
                iq, start, min(stop, n), (box.low + box.high) / 2 / s.n_fft - 0.5, (box.high - box.low) / s.n_fft
            )
            > BEAT_CV
        )

    def _measure_rows(self, box: Box, n_rows: int) -> Burst:
        low, high = max(0, box.low - PAD_BINS), min(self.stft.n_fft, box.high + PAD_BINS)
        box_spectrum(self.stft.sum4, box.row, box.row_end, low, high, self._spectrum, ROW_FRAMES)
        occupied(self._spectrum, high - low, self._floor, low, self._field)
        return self._burst(box, low, box.row * ROW_FRAMES, min(box.row_end, n_rows) * ROW_FRAMES)

    def _measure_burst(self, box: Box, start: float, stop: float, n: int, n_rows: int) -> Burst | None:
        s = self.stft
        middle = s.n_fft / 2
        first = max(0, math.ceil((start - middle) / s.hop))
        last = min(n_rows * ROW_FRAMES, math.floor((stop - middle) / s.hop) + 1)
        if last <= first:
            first = min(n_rows * ROW_FRAMES - 1, max(0, round(((start + stop) / 2 - middle) / s.hop)))
            last = first + 1
        low, high = max(0, box.low - PAD_BINS), min(s.n_fft, box.high + PAD_BINS)
        if last - first > SHORT_FRAMES:
            box_spectrum(s.sum4, -(-first // ROW_FRAMES), last // ROW_FRAMES, low, high, self._spectrum, ROW_FRAMES)
        else:
            box_spectrum(s.plane, first, last, low, high, self._spectrum, 1)
        occupied(self._spectrum, high - low, self._floor, low, self._field)
        if self._field[POWER] <= 0:
            return None
        burst = self._burst(box, low, first, last)
        burst.start, burst.stop = start, stop
        burst.continuous = box.continuous and stop - start > 0.9 * n
        return burst

    def _burst(self, box: Box, low: int, first: int, last: int) -> Burst:
        f = self._field
        return Burst(
            start=0.0,
            stop=0.0,
            low=low + float(f[LOW]),
            high=low + float(f[HIGH]),
            power=float(f[POWER]),
            noise=float(f[NOISE]),
            peak=float(f[PEAK]),
            flatness=float(f[FLATNESS]),
            edge=float(f[EDGE]),
            core=float(f[WIDTH_6DB]),
            box_low=box.low,
            box_high=box.high,
            first_frame=first,
            last_frame=last,
            continuous=box.continuous,
            integrated=box.integrated,
            pulsed=False,
            on_samples=0.0,
        )

    def _without_artefacts(self, bursts: list[Burst], block: np.void) -> list[Burst]:
        n_fft, rate = self.stft.n_fft, float(block["rate_hz"])
        bin_hz = rate / n_fft
        places = [
            Measured(
                b.start,
                b.stop,
                (b.low - n_fft / 2) * bin_hz,
                (b.high - n_fft / 2) * bin_hz,
                to_db(b.power),
                b.continuous,
            )
            for b in bursts
        ]
        clipped = int(block["clipped_samples"]) * 1e6 > CLIP_PPM * int(block["n_samples"])
        order = sorted(range(len(bursts)), key=lambda i: -places[i].level_db)
        kept: list[int] = []
        for i in order:
            if is_dc(places[i], bin_hz):
                continue
            if any(is_artefact(places[i], places[k], n_fft, bin_hz, clipped) for k in kept[:32]):
                continue
            kept.append(i)
        return [bursts[i] for i in kept]

    def _write(self, iq: NDArray[np.int16], n: int, block: np.void, bursts: list[Burst], out: np.void) -> int:
        emissions = out["emissions"]
        count = min(len(bursts), MAX_EMISSIONS)
        emissions[:count] = np.zeros(1, dtype=emissions.dtype)
        for i, burst in enumerate(bursts[:count]):
            self._describe(iq, n, block, burst, emissions[i])
            emissions[i]["index"] = i
        return count

    def _describe(self, iq: NDArray[np.int16], n: int, block: np.void, b: Burst, out: np.void) -> None:
        rate, n_fft = float(block["rate_hz"]), self.stft.n_fft
        bin_hz = rate / n_fft
        offset = ((b.low + b.high) / 2 - n_fft / 2) * bin_hz
        center = float(block["center_hz"]) + offset
        bandwidth = max((b.high - b.low) * bin_hz, 0.5 * bin_hz)
        duration = b.stop - b.start
        snr = b.power / max(b.noise, 1e-30)
        reference = float(block["full_scale"]) ** 2 * self._tone_gain
        floor = b.noise / max(b.high - b.low, 1.0)
        low, high = max(0, math.floor(b.low)), min(n_fft, math.ceil(b.high))
        if b.last_frame - b.first_frame > SHORT_FRAMES:
            peak = highest_cell(self.stft.max4, b.first_frame // ROW_FRAMES, -(-b.last_frame // ROW_FRAMES), low, high)
        else:
            peak = highest_cell(self.stft.plane, b.first_frame, b.last_frame, low, high)
        out["start_s"], out["duration_s"] = b.start / rate, duration / rate
        out["center_hz"], out["bandwidth_hz"] = center, bandwidth
        out["snr_db"] = to_db(snr)
        out["peak_db"], out["noise_floor_db"] = to_db(peak / reference), to_db(floor / reference)
        out["prominence_db"] = to_db(peak / max(floor, 1e-30))
        out["cluster_size"] = high - low
        e = out["evidence"]
        e["flatness"], e["edge_db_per_mhz"] = b.flatness, b.edge / bin_hz * 1e6
        e["burst_s"] = duration / rate
        e["duty_ratio"] = (b.on_samples or duration) / n
        cells = max(1.0, (b.high - b.low) / 1.7 * (b.last_frame - b.first_frame))
        statistic = min(snr * math.sqrt(cells), 1e6)
        e["statistic"] = statistic
        e["hot_cells"] = cells
        out["confidence"] = confidence(statistic, n_fft * (b.last_frame - b.first_frame))
        self._features.collect(iq, round(b.start), min(n, round(b.stop)), rate, offset, bandwidth, snr, e)
        known_center = None if int(block["flags"]) & BLOCK_NO_CENTER else center
        shape = Shape(known_center, bandwidth, duration / rate, to_db(snr), bin_hz, b.continuous, b.pulsed, e)
        class_id, certainty = classify(shape)
        out["class_id"], out["classification_confidence"] = class_id, certainty
        if class_id == VIDEO and known_center is not None:
            out["pattern_mask"] = channel_mask(center)
        out["flags"] = self._flags(b, n, class_id)

    def _flags(self, b: Burst, n: int, class_id: int) -> int:
        frame, edge = self.stft.n_fft, 2.0
        return (
            (EMISSION_CUT_START if b.start < frame else 0)
            | (EMISSION_CUT_END if b.stop > n - frame else 0)
            | (EMISSION_EDGE_LOW if b.low < edge else 0)
            | (EMISSION_EDGE_HIGH if b.high > self.stft.n_fft - edge else 0)
            | (EMISSION_CONTINUOUS if b.continuous else 0)
            | (EMISSION_INTEGRATED if b.integrated else 0)
            | (EMISSION_PULSED if b.pulsed else 0)
            | (EMISSION_CONCLUSIVE if class_id == VIDEO else 0)
        )

    def _summarise(self, block: np.void, n_rows: int, count: int, truncated: int, out: np.void) -> None:
        rate, n_fft = float(block["rate_hz"]), self.stft.n_fft
        summary = out["summary"]
        reference = float(block["full_scale"]) ** 2 * self._tone_gain
        summary["block"] = block
        summary["n_emissions"], summary["truncated"] = count, truncated
        summary["n_frames"] = n_rows * ROW_FRAMES
        summary["floor_db"] = to_db(float(np.median(self._floor)) / reference)
        summary["clipped_ppm"] = 1e6 * int(block["clipped_samples"]) / int(block["n_samples"])
        summary["bin_hz"] = rate / n_fft
        summary["spectrum_start_hz"] = float(block["center_hz"]) - rate / 2
        out["mean_power"][:n_fft] = self._mean / np.float32(reference)
        out["max_power"][:n_fft] = self._max / np.float32(reference)
        if n_fft < SPECTRUM_BINS:
            out["mean_power"][n_fft:] = 0
            out["max_power"][n_fft:] = 0


def confidence(statistic: float, tests: float) -> float:
    """Probability that there is an emission at all, from the detector's statistic.

    Args:
        statistic: excess power in standard deviations of its null.
        tests: places where noise alone could have shown as much.
    Returns:
        1 - tests · Q(statistic), at least 0.5 since the detector passed it.
    """
    log_p = float(log_ndtr(-min(statistic, 30.0))) + math.log(max(tests, 1.0))
    return max(0.5, 1.0 - math.exp(min(0.0, log_p)))
