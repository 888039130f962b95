"""A recording as a `Source`: SigMF pairs and archives, and raw files, at any rate, read through a memory map."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EndOfRecording, RecordingError, SourceLost
from ..units import NS_PER_S
from .sampleformat import CHUNK_SAMPLES, Peak, Scaling, choose_scaling, convert, measure, pairs, parse_format
from .sigmf_meta import MAX_RATE_HZ, Recording, Segment, read_recording
from .source import BlockMeta, GainLimits, SourceInfo, Tuning
from .timeline import Place, lay_out

_LOG = logging.getLogger(__name__)
_HASH_BYTES = 1 << 22


class RecordingSource:
    """A finite `Source` over one recording.

    A block never spans two captures. `tune` changes nothing: a recording has the centre, rate and bandwidth it has, and
    says so in what it returns. Reopening starts again from the first sample under a new `source_epoch`; the sample
    counter runs on.

    Args:
        path: `.sigmf-meta`, `.sigmf-data`, `.sigmf` archive, or the common name of a pair.
        verify: compare the dataset with its stated hash at `open` (a pass over the file); a mismatch is a warning.
        clock_ns: monotonic clock; host times run in the recording's own time from the moment it is opened.
        wall_ns: wall clock, for recordings without time-stamps.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        verify: bool = True,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path = Path(path)
        self._load: Callable[[], Recording] = lambda: read_recording(self._path)
        self._verify = verify
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns
        self._bytes: NDArray[np.uint8] | None = None
        self._recording: Recording | None = None
        self._scaling = Scaling(1.0, 1.0, 0, 0)
        self._places: tuple[Place, ...] = ()
        self._warnings: tuple[str, ...] = ()
        self._epoch = 0
        self._tuning_id = 0
        self._dwell_samples = 0
        self._segment = 0
        self._offset = 0
        self._done = 0
        self._base_sample = self._end_sample = 0
        self.bad_samples = 0

    @classmethod
    def raw(
        cls,
        path: Path | str,
        format_name: str,
        rate_hz: float,
        center_hz: float | None,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> RecordingSource:
        """A file of bare samples; see `open_raw`."""
        source = cls(path, verify=False, clock_ns=clock_ns, wall_ns=wall_ns)
        source._load = lambda: _describe_raw(source._path, format_name, rate_hz, center_hz)
        return source

    @property
    def recording(self) -> Recording:
        """What the recording says about itself; only while open."""
        return self._opened()[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was found wrong but can be lived with, in plain words; complete after `open`."""
        return self._warnings

    @property
    def n_samples(self) -> int:
        """Samples of all captures; 0 before `open`."""
        return 0 if self._recording is None else self._recording.n_samples

    @property
    def position_samples(self) -> int:
        """Samples handed out since `open`."""
        return self._done

    def open(self) -> SourceInfo:
        """Read the metadata, map the samples, find the scale.

        Raises:
            RecordingError: file, field and what is allowed.
        """
        self.close()
        recording = self._load()
        try:
            mapped: NDArray[np.uint8] = np.memmap(recording.data_path, dtype=np.uint8, mode="r")
        except (OSError, ValueError) as error:
            raise RecordingError(f"{recording.data_path}: cannot be read: {error}") from error
        notes = list(recording.warnings)
        if self._verify and recording.sha512:
            notes.extend(_hash_notes(mapped, recording))
        peak = _find_peak(mapped, recording) if recording.fmt.wide else Peak(0.0, 0)
        if peak.bad_samples:
            notes.append(f"{recording.data_path}: {peak.bad_samples} samples are NaN or infinite, taken as 0")
        self._scaling = choose_scaling(recording.fmt, peak, recording.full_scale)
        if self._scaling.arbitrary:
            notes.append(
                f"{recording.data_path}: values reach {peak.value:g}, beyond 1.0: the amplitude scale is arbitrary and "
                "levels are relative to the recording's maximum"
            )
        for note in notes:
            _LOG.warning("%s", note)
        self._warnings = tuple(notes)
        self.bad_samples = peak.bad_samples
        self._recording, self._bytes = recording, mapped
        self._places = lay_out(recording.segments, recording.rate_hz, self._clock_ns(), self._wall_ns())
        self._epoch += 1
        self._base_sample = self._end_sample
        self._segment = self._offset = self._done = 0
        centers = [segment.center_hz or 0.0 for segment in recording.segments]
        return SourceInfo(
            kind="recording",
            uri=f"file:{self._path}",
            model=recording.hardware,
            serial="",
            min_center_hz=min(centers),
            max_center_hz=max(centers),
            min_rate_hz=recording.rate_hz,
            max_rate_hz=recording.rate_hz,
            max_bandwidth_hz=recording.rate_hz,
            full_scale=self._scaling.full_scale,
            simulated=recording.simulated,
            finite=True,
        )

    def tune(self, tuning: Tuning) -> Tuning:
        """Take note of `tuning_id` and `dwell_samples`; return what the next block was recorded with."""
        recording, _ = self._opened()
        self._tuning_id = tuning.tuning_id
        self._dwell_samples = tuning.dwell_samples
        return self._tuning(recording, min(self._segment, len(recording.segments) - 1))

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """Fill `out` up to the end of the capture it starts in; never waits.

        Raises:
            EndOfRecording: no more samples.
            SourceLost: not open.
        """
        recording, mapped = self._opened()
        if out.ndim != 2 or out.shape[1] != 2 or out.shape[0] == 0 or out.dtype != np.int16:
            raise ValueError(f"out must be int16 of shape (n, 2), n >= 1, is {out.dtype} {out.shape}")
        if self._segment >= len(recording.segments):
            raise EndOfRecording(f"{self._path}: all {self._done} samples are read")
        index, offset = self._segment, self._offset
        segment, place = recording.segments[index], self._places[index]
        n = min(out.shape[0], segment.n_samples - offset)
        stored = _components(mapped, recording, segment, offset, n)
        clipped = convert(stored, recording.fmt, self._scaling, out[:n])
        self._advance(recording, n)
        first_sample = self._base_sample + place.first_sample + offset
        self._end_sample = first_sample + n
        elapsed_ns = round(offset * NS_PER_S / recording.rate_hz)
        return BlockMeta(
            first_sample=first_sample,
            n_samples=n,
            host_ns=place.host_ns + elapsed_ns,
            host_uncertainty_ns=0,
            unix_ns=place.unix_ns + elapsed_ns,
            tuning=self._tuning(recording, index),
            clipped_samples=clipped,
            contiguous=place.contiguous if offset == 0 else True,
            source_epoch=self._epoch,
            last=self._segment >= len(recording.segments),
            no_center=segment.center_hz is None,
        )

    def gain_limits(self) -> GainLimits:
        """The gain the recording was made with, if it says so: both limits are equal."""
        recording, _ = self._opened()
        gain_db = recording.segments[min(self._segment, len(recording.segments) - 1)].gain_db or 0.0
        return GainLimits(gain_db, gain_db)

    def temperature_c(self) -> float | None:
        """A recording has none."""
        return None

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        self._bytes = None
        self._recording = None

    def _opened(self) -> tuple[Recording, NDArray[np.uint8]]:
        if self._recording is None or self._bytes is None:
            raise SourceLost(f"{self._path}: not open")
        return self._recording, self._bytes

    def _advance(self, recording: Recording, n: int) -> None:
        self._offset += n
        self._done += n
        if self._offset >= recording.segments[self._segment].n_samples:
            self._segment += 1
            self._offset = 0

    def _tuning(self, recording: Recording, index: int) -> Tuning:
        segment = recording.segments[index]
        return Tuning(
            center_hz=segment.center_hz or 0.0,
            rate_hz=recording.rate_hz,
            bandwidth_hz=segment.bandwidth_hz or recording.rate_hz,
            gain_mode="manual",
            gain_db=segment.gain_db or 0.0,
            rx_port="",
            dwell_samples=self._dwell_samples,
            tuning_id=self._tuning_id,
        )


def open_raw(path: Path | str, format_name: str, rate_hz: float, center_hz: float | None) -> RecordingSource:
    """A source over a file of bare samples without metadata.

    Args:
        path: the file.
        format_name: SigMF datatype (`cu8`, `ci16_le`, `cf32_be`) or an alias (`cs16`, `cs8`, `fc32`, `complex64`).
        rate_hz: complex sample rate.
        center_hz: centre frequency; None: frequencies are offsets from 0.
    Returns:
        the source, not yet opened; a wrong argument or file is reported by its `open`.
    """
    return RecordingSource.raw(path, format_name, rate_hz, center_hz)


def _describe_raw(path: Path, format_name: str, rate_hz: float, center_hz: float | None) -> Recording:
    fmt = parse_format(format_name, f"{path}: format")
    if not (math.isfinite(rate_hz) and 0.0 < rate_hz <= MAX_RATE_HZ):
        raise RecordingError(f"{path}: rate_hz: {rate_hz:g} is outside 0 < rate <= {MAX_RATE_HZ:g}")
    if center_hz is not None and not math.isfinite(center_hz):
        raise RecordingError(f"{path}: center_hz: {center_hz} is not a finite number")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
    n_samples, odd_bytes = divmod(size, fmt.sample_bytes)
    if n_samples == 0:
        raise RecordingError(f"{path}: {size} bytes hold no whole sample of {fmt.sample_bytes} bytes")
    notes = (f"{path}: {odd_bytes} odd bytes at the end, no whole sample: ignored",) if odd_bytes else ()
    return Recording(path, path, 0, size, fmt, rate_hz, 1, (Segment(0, n_samples, center_hz),), warnings=notes)


def _components(
    mapped: NDArray[np.uint8], recording: Recording, segment: Segment, offset: int, n: int
) -> NDArray[np.generic]:
    """View `n` samples of a segment, first channel, shape (n, 2)."""
    step = recording.fmt.sample_bytes * recording.channels
    start = segment.byte_start + offset * step
    stored = pairs(mapped[start : start + n * step], recording.fmt)
    return stored[:: recording.channels]


def _find_peak(mapped: NDArray[np.uint8], recording: Recording) -> Peak:
    peak = Peak(0.0, 0)
    for segment in recording.segments:
        for offset in range(0, segment.n_samples, CHUNK_SAMPLES):
            n = min(CHUNK_SAMPLES, segment.n_samples - offset)
            peak = measure(_components(mapped, recording, segment, offset, n), recording.fmt, peak)
    return peak


def _hash_notes(mapped: NDArray[np.uint8], recording: Recording) -> list[str]:
    digest = hashlib.sha512()
    end = recording.data_start + recording.data_bytes
    for start in range(recording.data_start, end, _HASH_BYTES):
        digest.update(mapped[start : min(start + _HASH_BYTES, end)].data)
    if digest.hexdigest() == recording.sha512:
        return []
    return [f"{recording.data_path}: core:sha512 does not match: not the samples that the metadata was made for"]
