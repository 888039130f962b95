"""A source, for a while, to a SigMF pair: the work of `ndefender record`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EndOfRecording, SourceLost, SourceTimeout
from .source import Source, Tuning
from .writer import SigmfWriter

MAX_TIMEOUTS = 5  # in a row; then the radio is not merely late


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What `record` made.

    Args:
        meta_path: the recording.
        n_samples, n_captures: in it.
        timeouts: reads that brought nothing and were repeated.
        ended_by: `duration`, `max_bytes`, `end` (of a finite source), `lost`, `timeout` or `stopped`.
    """

    meta_path: Path
    n_samples: int
    n_captures: int
    timeouts: int
    ended_by: str


def record(
    source: Source,
    tuning: Tuning,
    duration_s: float,
    path: Path | str,
    max_bytes: int,
    *,
    timeout_s: float = 1.0,
    overwrite: bool = False,
    progress: Callable[[int, int], bool] | None = None,
) -> RecordReport:
    """Open a source, tune it, write what it hears, close it. Ctrl-C keeps what is there.

    Args:
        source: not yet open.
        tuning: as asked; `dwell_samples` is the size of a block.
        duration_s: seconds of samples, gaps between bursts not counted.
        path: common name of the pair.
        max_bytes: bound on the samples' file.
        timeout_s: no samples for this long is a time-out; a few in a row end the recording.
        overwrite: replace a recording of that name.
        progress: told (samples so far, samples wanted) after every block; False stops.
    Raises:
        RecordingError: the file cannot be written, or no sample came.
        SourceUnavailable, TuningRejected: from the source.
    """
    info = source.open()
    try:
        got = source.tune(tuning)
        wanted = max(round(duration_s * got.rate_hz), 1)
        out = np.empty((min(max(tuning.dwell_samples, 1), wanted), 2), np.int16)
        with SigmfWriter(path, info, got.rate_hz, max_bytes=max_bytes, overwrite=overwrite) as writer:
            ended_by, timeouts = _pump(source, writer, out, wanted, timeout_s, progress)
        return RecordReport(writer.meta_path, writer.n_samples, writer.n_captures, timeouts, ended_by)
    finally:
        source.close()


def _pump(
    source: Source,
    writer: SigmfWriter,
    out: NDArray[np.int16],
    wanted: int,
    timeout_s: float,
    progress: Callable[[int, int], bool] | None,
) -> tuple[str, int]:
    """Move blocks until something ends it; (what, time-outs)."""
    timeouts = in_a_row = 0
    ended_by = ""
    while not ended_by:
        try:
            writer.write(out, source.read_into(out[: wanted - writer.n_samples], timeout_s))
        except SourceTimeout:
            timeouts += 1
            in_a_row += 1
            ended_by = "timeout" if in_a_row >= MAX_TIMEOUTS else ""
            continue
        except SourceLost:
            return "lost", timeouts
        except EndOfRecording:
            return "end", timeouts
        except KeyboardInterrupt:
            if writer.n_samples == 0:
                raise
            return "stopped", timeouts
        in_a_row = 0
        if writer.n_samples >= wanted:
            ended_by = "duration"
        elif writer.full:
            ended_by = "max_bytes"
        if progress is not None and not progress(writer.n_samples, wanted):
            ended_by = ended_by or "stopped"
    return ended_by, timeouts
