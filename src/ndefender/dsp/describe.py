"""From bursts to EMISSION records: units, flags, evidence, class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..records import BLOCK_NO_CENTER, EMISSION_CONCLUSIVE
from .classify import VIDEO, channel_mask, classify
from .config import DspConfig
from .features import FeatureExtractor
from .figures import BANDWIDTH_HZ, CENTER_HZ, COLUMN, DURATION_S, NUMBERS, SNR_DB, columns, evidence_of, write_figures
from .rules import Shape
from .spans import BURST_BOX, KIND, PULSED, START, STOP
from .stft import TILE_BINS, Stft

COUNTS = ("cluster_size", "flags", "index")


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
        rows = out[: len(bursts)]
        rows.view(np.uint8)[:] = 0
        numbers = columns(rows, NUMBERS, np.float64)
        facts = (
            float(block["rate_hz"]),
            float(block["center_hz"]),
            self.reference(block),
            n,
            float(seen.start * TILE_BINS),
            float(seen.stop * TILE_BINS),
        )
        stft, evidence = self._stft, evidence_of(rows)
        counts = columns(rows, COUNTS, np.uint32)
        write_figures(bursts, stft.plane, stft.peaks, facts, numbers, evidence, counts)
        self._name(iq, n, block, bursts, numbers, evidence, rows)

    def _name(
        self,
        iq: NDArray[np.int16],
        n: int,
        block: np.void,
        bursts: NDArray[np.float64],
        numbers: NDArray[np.float64],
        evidence: NDArray[np.float32],
        rows: np.ndarray,
    ) -> None:
        """Collect each emission's evidence and classify it."""
        rate, centred = float(block["rate_hz"]), not int(block["flags"]) & BLOCK_NO_CENTER
        spans = np.minimum(np.rint(bursts[:, [START, STOP]]), n).astype(np.int64)
        offsets = numbers[:, CENTER_HZ] - float(block["center_hz"])
        centers, widths = numbers[:, CENTER_HZ].tolist(), numbers[:, BANDWIDTH_HZ].copy()
        lo_hz = float(block["center_hz"]) if centred else None
        found = self.features.collect(iq, spans, rate, offsets, widths, numbers[:, SNR_DB], lo_hz)
        shapes = zip(
            centers if centred else [None] * len(rows),
            widths.tolist(),
            numbers[:, DURATION_S].tolist(),
            numbers[:, SNR_DB].tolist(),
            [rate / self._stft.n_fft] * len(rows),
            (bursts[:, KIND] != BURST_BOX).tolist(),
            (bursts[:, PULSED] != 0).tolist(),
            found,
            strict=True,
        )
        named = [classify(Shape(*shape)) for shape in shapes]
        rows["class_id"], rows["classification_confidence"] = [n for n, _ in named], [c for _, c in named]
        for i, measured in enumerate(found):
            for name, value in measured.items():
                evidence[i, COLUMN[name]] = value
        for i, (class_id, _) in enumerate(named):
            if class_id == VIDEO:
                rows["flags"][i] |= EMISSION_CONCLUSIVE
                rows["pattern_mask"][i] = channel_mask(centers[i]) if centred else 0
