"""`ndefender scan`: a recording through the pipeline and tracker of the air, in one process, as fast as it goes."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from ndefender.config.settings import Settings
from ndefender.dsp.config import MIN_FFT, DspConfig, frame_for_rate
from ndefender.dsp.pipeline import Pipeline
from ndefender.errors import EndOfRecording
from ndefender.events.encode import EventEncoder
from ndefender.radio.plan import Hop
from ndefender.radio.source import BlockMeta, Source, SourceInfo, Tuning
from ndefender.records import BLOCK, EMISSION, EMISSION_CONCLUSIVE, RESULT
from ndefender.runtime.header import DwellFacts, fill_header
from ndefender.runtime.joined import EmissionJoiner, JoinedEmission
from ndefender.runtime.mapping import band_spans, track_policy
from ndefender.track import Tracker

_LOG = logging.getLogger(__name__)
BLOCK_SAMPLES = 1 << 20  # of one analysis; emissions cut by its edges are joined again
LEAST_SAMPLES = 4 * MIN_FFT  # fewer are no block: four of the shortest frames


class OfflineAnalysis:
    """Feeds a finite source to pipelines, one for each frame length that its blocks need.

    Args:
        source: open and finite.
        info: what it said when it was opened.
        settings: the configuration; `dsp.n_fft` is chosen by the recording's rate instead.
    """

    def __init__(self, source: Source, info: SourceInfo, settings: Settings) -> None:
        self._source = source
        self._info = info
        self._settings = settings
        self._pipelines: dict[int, Pipeline] = {}
        self._buffer = np.zeros((BLOCK_SAMPLES, 2), dtype=np.int16)
        self._block = np.zeros(1, dtype=BLOCK)[0]
        self.result = np.zeros(1, dtype=RESULT)[0]
        self.samples_skipped = 0

    def blocks(self) -> Iterator[BlockMeta]:
        """Analyse block after block; `result` holds the newest until the next is asked for."""
        seq = 0
        while True:
            try:
                meta = self._source.read_into(self._buffer, 1.0)
            except EndOfRecording:
                return
            if meta.n_samples < LEAST_SAMPLES:
                self.samples_skipped += meta.n_samples
                _LOG.warning("%d samples are too few to analyse: at least %d are needed", meta.n_samples, LEAST_SAMPLES)
                continue
            seq += 1
            self._fill(meta, seq)
            self._pipeline(meta).analyse(self._buffer, self._block, self.result)
            yield meta

    def emissions(self) -> NDArray[np.void]:
        """EMISSION records of the newest block."""
        found: NDArray[np.void] = self.result["emissions"][: int(self.result["summary"]["n_emissions"])]
        return found

    def _pipeline(self, meta: BlockMeta) -> Pipeline:
        n_fft = frame_for_rate(meta.tuning.rate_hz, meta.n_samples)
        if n_fft not in self._pipelines:
            dsp = self._settings.dsp
            config = DspConfig(n_fft, dsp.overlap_ratio, dsp.false_alarms_per_dwell, fine=True)
            self._pipelines[n_fft] = Pipeline(config, BLOCK_SAMPLES)
        return self._pipelines[n_fft]

    def _fill(self, meta: BlockMeta, seq: int) -> None:
        tuning = meta.tuning
        low, high = tuning.center_hz - tuning.rate_hz / 2, tuning.center_hz + tuning.rate_hz / 2
        hop = Hop(0, -1, tuning.center_hz, low, high, low, high, meta.n_samples, 1, tuning.gain_db, "")
        facts = DwellFacts(seq, 0, meta.host_ns, 0, 0, meta.source_epoch, after_gap=seq == 1)
        fill_header(self._block, meta, self._info, hop, facts)


def scan(source: Source, settings: Settings, emissions: bool) -> Iterator[bytes]:
    """Analyse a whole recording.

    Args:
        source: a finite source, not yet open.
        settings: the configuration.
        emissions: one line an emission instead of contact events.
    Yields:
        JSON lines without newline: event envelopes, or objects of `JoinedEmission`'s fields.
    Raises:
        RecordingError: the recording cannot be used.
    """
    info = source.open()
    try:
        source.tune(Tuning(0.0, 0.0, 0.0, "manual", 0.0, "", BLOCK_SAMPLES))
        analysis = OfflineAnalysis(source, info, settings)
        yield from _emission_lines(analysis) if emissions else _event_lines(analysis, settings)
    finally:
        source.close()


def _emission_lines(analysis: OfflineAnalysis) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    joiner = EmissionJoiner()
    first: int | None = None
    for meta in analysis.blocks():
        first = meta.first_sample if first is None else first
        start_s = (meta.first_sample - first) / meta.tuning.rate_hz
        yield from _encoded(encoder, joiner.take(analysis.emissions(), start_s, meta.contiguous))
    yield from _encoded(encoder, joiner.rest())


def _encoded(encoder: msgspec.json.Encoder, found: list[JoinedEmission]) -> Iterator[bytes]:
    return (encoder.encode(emission) for emission in found)


def _event_lines(analysis: OfflineAnalysis, settings: Settings) -> Iterator[bytes]:
    tracker = Tracker(track_policy(settings), band_spans(settings, settings.scan.plan))
    encoder = EventEncoder(uuid.uuid4().hex)
    for meta in analysis.blocks():
        emissions = np.array(analysis.emissions(), dtype=EMISSION)
        emissions["flags"] |= np.uint32(EMISSION_CONCLUSIVE)  # on a recording one dwell is enough
        summary = analysis.result["summary"]
        for change in tracker.dwell(summary, emissions, meta.host_ns, meta.unix_ns):
            yield encoder.encode(change).body
