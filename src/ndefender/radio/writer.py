"""Samples to SigMF: a writer whose files appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np
from numpy.typing import NDArray
from sigmf import __specification__, keys

from ..errors import RecordingError
from .sigmf_files import DATA, META, Json
from .sigmf_meta import BANDWIDTH_KEY, FULL_SCALE_KEY, GAIN_KEY, SIMULATED_KEY
from .source import BlockMeta, SourceInfo
from .timestamp import format_utc_ns

SAMPLE_BYTES = 4  # ci16
PART = ".part"  # while it is written; a name that no reader of SigMF takes for a recording
EXTENSION = {"name": "ndefender", "version": "1.0.0", "optional": True}


class SigmfWriter:
    """Write blocks to `NAME.sigmf-data` (ci16_le) and, last, `NAME.sigmf-meta`.

    Both files carry temporary names until `finish`, and the metadata is renamed last: whoever sees it finds the samples
    whole and hashed. Every retune, every gap and every reopening begins a capture. Used as a context manager it
    finishes on success and aborts on an exception.

    Args:
        path: common name of the pair, or either of its names.
        info: what the source said when it was opened.
        rate_hz: sample rate; SigMF has one for a whole recording.
        max_bytes: bound on the samples' file; what does not fit is not written (`full`).
        description: free text.
        overwrite: replace a recording of that name.
    Raises:
        RecordingError: the name is taken, the folder cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        info: SourceInfo,
        rate_hz: float,
        *,
        max_bytes: int,
        description: str = "",
        overwrite: bool = False,
    ) -> None:
        base = Path(path)
        base = base.with_suffix("") if base.suffix in (META, DATA) else base
        self.meta_path = base.with_name(base.name + META)
        self.data_path = base.with_name(base.name + DATA)
        self.n_samples = 0
        self.full = False
        self._info = info
        self._rate_hz = rate_hz
        self._max_samples = max_bytes // SAMPLE_BYTES
        self._description = description
        self._captures: list[Json] = []
        self._annotations: list[tuple[int, Json]] = []
        self._digest = hashlib.sha512()
        self._before: BlockMeta | None = None
        self._counter = -1
        taken = [name for name in (self.meta_path, self.data_path) if name.exists()]
        if taken and not overwrite:
            raise RecordingError(f"{taken[0]}: exists already; choose another name")
        self._part = self.data_path.with_name(self.data_path.name + PART)
        try:
            self._file = self._part.open("wb", buffering=0)
        except OSError as error:
            raise RecordingError(f"{self._part}: cannot be written: {error.strerror}") from error

    @property
    def n_captures(self) -> int:
        """Captures begun so far."""
        return len(self._captures)

    def write(self, iq: NDArray[np.int16], meta: BlockMeta) -> int:
        """Append a block.

        Args:
            iq: int16, shape (n, 2).
            meta: as `read_into` returned it.
        Returns:
            samples written; fewer than n when the bound is reached.
        Raises:
            RecordingError: the rate changed, or the file cannot be written.
        """
        if meta.tuning.rate_hz != self._rate_hz:
            raise RecordingError(
                f"{self.data_path}: block at {meta.tuning.rate_hz:g} samples/s, the recording has {self._rate_hz:g}"
            )
        n: int = min(iq.shape[0], meta.n_samples, self._max_samples - self.n_samples)
        self.full = self.full or n < min(iq.shape[0], meta.n_samples)
        if n <= 0:
            return 0
        if self._before is None or not meta.contiguous or _retuned(self._before, meta):
            self._captures.append(self._capture(meta))
        self._before = meta
        view = memoryview(np.ascontiguousarray(iq[:n], dtype="<i2").data).cast("B")
        left = view
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            raise RecordingError(f"{self._part}: cannot be written: {error.strerror}") from error
        self._digest.update(view)
        self.n_samples += n
        return n

    def annotate(self, start_sample: int, n_samples: int, low_hz: float, high_hz: float, label: str) -> None:
        """Mark a span of the recording; sample numbers count from its first sample."""
        span: Json = {
            keys.SAMPLE_START_KEY: start_sample,
            keys.SAMPLE_COUNT_KEY: n_samples,
            keys.FREQ_LOWER_EDGE_KEY: low_hz,
            keys.FREQ_UPPER_EDGE_KEY: high_hz,
            keys.LABEL_KEY: label,
        }
        self._annotations.append((start_sample, span))

    def finish(self) -> Path:
        """Sync, hash and name the files; returns the metadata's path. Without a sample nothing is left.

        Raises:
            RecordingError: no samples, or the files cannot be written.
        """
        if self._file.closed:
            return self.meta_path
        if self.n_samples == 0:
            self.abort()
            raise RecordingError(f"{self.data_path}: no samples came, nothing is recorded")
        part = self.meta_path.with_name(self.meta_path.name + PART)
        try:
            self._file.truncate(self.n_samples * SAMPLE_BYTES)  # a block whose writing was interrupted does not count
            os.fsync(self._file.fileno())
            self._file.close()
            with part.open("wb") as stream:
                stream.write(msgspec.json.format(msgspec.json.encode(self._metadata()), indent=1))
                stream.flush()
                os.fsync(stream.fileno())
            self.meta_path.unlink(missing_ok=True)  # never old metadata beside new samples
            self._part.replace(self.data_path)
            part.replace(self.meta_path)
        except OSError as error:
            self._file.close()
            self._part.unlink(missing_ok=True)
            part.unlink(missing_ok=True)
            raise RecordingError(f"{self.meta_path}: cannot be written: {error.strerror}") from error
        return self.meta_path

    def abort(self) -> None:
        """Drop what was written. Safe to call twice and after `finish`."""
        if not self._file.closed:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> SigmfWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abort()

    def _capture(self, meta: BlockMeta) -> Json:
        capture: Json = {
            keys.SAMPLE_START_KEY: self.n_samples,
            keys.DATETIME_KEY: format_utc_ns(meta.unix_ns),
            BANDWIDTH_KEY: meta.tuning.bandwidth_hz,
            GAIN_KEY: meta.tuning.gain_db,
        }
        if not meta.no_center:
            capture[keys.FREQUENCY_KEY] = meta.tuning.center_hz
        if meta.first_sample > self._counter:  # a reopened source counts from 0 again
            capture[keys.GLOBAL_INDEX_KEY] = self._counter = meta.first_sample
        return capture

    def _metadata(self) -> Json:
        simulated: Json = {SIMULATED_KEY: True} if self._info.simulated else {}
        info: Json = {
            keys.DATATYPE_KEY: "ci16_le",
            keys.SAMPLE_RATE_KEY: self._rate_hz,
            keys.VERSION_KEY: __specification__,
            keys.SHA512_KEY: self._digest.hexdigest(),
            keys.RECORDER_KEY: "ndefender",
            keys.HW_KEY: self._info.model or self._info.kind,
            keys.DESCRIPTION_KEY: self._description,
            keys.EXTENSIONS_KEY: [EXTENSION],
            FULL_SCALE_KEY: self._info.full_scale,
            **simulated,
        }
        spans = sorted(self._annotations, key=lambda item: item[0])  # the standard wants them in order
        return {"global": info, "captures": self._captures, "annotations": [span for _, span in spans]}


def _retuned(before: BlockMeta, after: BlockMeta) -> bool:
    old, new = before.tuning, after.tuning
    return (
        before.source_epoch != after.source_epoch
        or (old.center_hz, old.bandwidth_hz, old.gain_db) != (new.center_hz, new.bandwidth_hz, new.gain_db)
        or before.no_center != after.no_center
    )
