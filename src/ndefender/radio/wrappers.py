"""Sources around a source: paced to real time, faulty by script, recorded as it passes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import EndOfRecording, RecordingError, SourceLost, SourceTimeout, SourceUnavailable, TuningRejected
from ..units import NS_PER_S, s_to_ns
from .source import BlockMeta, GainLimits, Source, SourceInfo, Tuning
from .writer import SAMPLE_BYTES, SigmfWriter

_LOG = logging.getLogger(__name__)


class _Around:
    """What every wrapper passes through unchanged."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def open(self) -> SourceInfo:
        """Open the source."""
        return self._source.open()

    def tune(self, tuning: Tuning) -> Tuning:
        """Tune the source."""
        return self._source.tune(tuning)

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """Read from the source."""
        return self._source.read_into(out, timeout_s)

    def gain_limits(self) -> GainLimits:
        """As the source says."""
        return self._source.gain_limits()

    def temperature_c(self) -> float | None:
        """As the source says."""
        return self._source.temperature_c()

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class PacedSource(_Around):
    """Hand out a recording no faster than it was recorded.

    A block is there when its last sample would be. Like a radio with one block of buffer, a reader may be late by one
    block; beyond that time goes on without it: the next block begins now, and no sample is skipped. Silence between
    captures is not waited for. `host_ns` of the blocks is this pace, not the recording's own time.

    Args:
        source: usually a recording.
        clock_ns: monotonic clock.
        wait_s: sleeps; a test advances its clock here.
    """

    def __init__(
        self,
        source: Source,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wait_s: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(source)
        self._clock_ns = clock_ns
        self._wait_s = wait_s
        self._rate_hz = 0.0
        self._next_ns: int | None = None

    def open(self) -> SourceInfo:
        """Open the source; the pace begins with the first read."""
        self._next_ns = None
        return self._source.open()

    def tune(self, tuning: Tuning) -> Tuning:
        """Tune the source and pace by the rate it has."""
        got = self._source.tune(tuning)
        self._rate_hz = got.rate_hz
        return got

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """Wait until the block would be there, then read it.

        Raises:
            SourceTimeout: that takes longer than `timeout_s`; nothing is lost by it.
        """
        if self._rate_hz <= 0.0:
            return self._source.read_into(out, timeout_s)  # never tuned: the source says what it thinks of that
        now_ns = self._clock_ns()
        block_ns = round(out.shape[0] * NS_PER_S / self._rate_hz)
        begin_ns = now_ns if self._next_ns is None else max(self._next_ns, now_ns - block_ns)
        self._next_ns = begin_ns
        wait_ns = begin_ns + block_ns - now_ns
        if wait_ns > s_to_ns(timeout_s):
            self._wait_s(timeout_s)
            raise SourceTimeout(f"{out.shape[0]} samples need {wait_ns / NS_PER_S:.3f} s more, waited {timeout_s:g} s")
        meta = self._source.read_into(out, timeout_s)
        self._next_ns = begin_ns + round(meta.n_samples * NS_PER_S / meta.tuning.rate_hz)
        left_ns = self._next_ns - self._clock_ns()
        if left_ns > 0:
            self._wait_s(left_ns / NS_PER_S)
        return replace(meta, host_ns=begin_ns)


FaultKind = Literal["timeout", "lost", "short", "gap", "end", "unavailable", "rejected"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of a `FaultySource`'s script.

    Args:
        kind: of a read: `timeout`, `lost` (until reopened), `short` (`n_samples` instead of a whole block), `gap`
            (`n_samples` are skipped first), `end`; of an open: `unavailable`; of a tune: `rejected`.
        at: number of that call, from 0, counted over the source's whole life.
        count: how many calls in a row.
        n_samples: of `short` and `gap`.
    """

    kind: FaultKind
    at: int
    count: int = 1
    n_samples: int = 1


class FaultySource(_Around):
    """A source that fails by script.

    Args:
        source: the good one behind it.
        script: what goes wrong when; entries may overlap, the first that matches acts.
    """

    def __init__(self, source: Source, script: Sequence[Fault]) -> None:
        super().__init__(source)
        self._script = tuple(script)
        self._opens = self._tunes = self._reads = 0
        self._lost = self._gone = False

    def lose(self) -> None:
        """Take the device away now, until `restore`."""
        self._lost = self._gone = True

    def restore(self) -> None:
        """Let the device be found again by the next `open`."""
        self._gone = False

    def open(self) -> SourceInfo:
        """Open the source unless it is away or the script has it unavailable."""
        fault = self._next("unavailable", number=self._opens)
        self._opens += 1
        if self._gone or fault is not None:
            raise SourceUnavailable(f"scripted: open number {self._opens - 1} fails")
        info = self._source.open()
        self._lost = False
        return info

    def tune(self, tuning: Tuning) -> Tuning:
        """Tune the source unless it is lost or the script has it refuse."""
        self._check()
        fault = self._next("rejected", number=self._tunes)
        self._tunes += 1
        if fault is not None:
            raise TuningRejected("center_hz", tuning.center_hz, None, "scripted")
        return self._source.tune(tuning)

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """Read from the source, or fail as the script says."""
        self._check()
        fault = self._next("timeout", "lost", "short", "gap", "end", number=self._reads)
        self._reads += 1
        if fault is None:
            return self._source.read_into(out, timeout_s)
        if fault.kind == "timeout":
            raise SourceTimeout("scripted")
        if fault.kind == "end":
            raise EndOfRecording("scripted")
        if fault.kind == "lost":
            self._lost = True
            self._check()
        if fault.kind == "short":
            return self._source.read_into(out[: fault.n_samples], timeout_s)
        skipped = np.empty((fault.n_samples, 2), np.int16)
        self._source.read_into(skipped, timeout_s)
        return replace(self._source.read_into(out, timeout_s), contiguous=False)

    def gain_limits(self) -> GainLimits:
        """As the source says, unless it is lost."""
        self._check()
        return self._source.gain_limits()

    def _check(self) -> None:
        if self._lost:
            raise SourceLost("scripted: the source is gone until it is reopened")

    def _next(self, *kinds: FaultKind, number: int) -> Fault | None:
        for fault in self._script:
            if fault.kind in kinds and fault.at <= number < fault.at + fault.count:
                return fault
        return None


class RecordingWrapper(_Around):
    """A `Source` that writes what passes. The stream goes on when the file cannot: `error` then says why.

    A new rate begins a new recording (`NAME-2`, `NAME-3`, …), since SigMF has one rate for a file.

    Args:
        source: where samples come from.
        path: common name of the (first) pair.
        max_bytes: bound on all samples' files together.
    """

    def __init__(self, source: Source, path: Path | str, *, max_bytes: int) -> None:
        super().__init__(source)
        self._base = Path(path)
        self._left_bytes = max_bytes
        self._info: SourceInfo | None = None
        self._writer: SigmfWriter | None = None
        self._rate_hz = 0.0
        self._begun = 0
        self.recordings: list[Path] = []
        self.error: RecordingError | None = None

    def open(self) -> SourceInfo:
        """Open the source."""
        self._info = self._source.open()
        return self._info

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """Read from the source and write what came."""
        meta = self._source.read_into(out, timeout_s)
        if self.error is None and self._left_bytes >= SAMPLE_BYTES:
            try:
                self._write(out, meta)
            except RecordingError as error:
                self._fail(error)
        return meta

    def close(self) -> None:
        """Finish the recording and close the source."""
        try:
            self._finish()
        except RecordingError as error:
            self._fail(error)
        finally:
            self._source.close()

    def _write(self, out: NDArray[np.int16], meta: BlockMeta) -> None:
        if self._writer is None or meta.tuning.rate_hz != self._rate_hz:
            self._finish()
            self._writer = self._begin(meta.tuning.rate_hz)
        self._left_bytes -= SAMPLE_BYTES * self._writer.write(out, meta)
        if self._writer.full:
            self._left_bytes = 0

    def _begin(self, rate_hz: float) -> SigmfWriter:
        if self._info is None:
            raise RecordingError(f"{self._base}: the source is not open")
        self._begun += 1
        self._rate_hz = rate_hz
        name = self._base if self._begun == 1 else self._base.with_name(f"{self._base.name}-{self._begun}")
        return SigmfWriter(name, self._info, rate_hz, max_bytes=self._left_bytes)

    def _finish(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self.recordings.append(writer.finish())

    def _fail(self, error: RecordingError) -> None:
        _LOG.error("recording stopped: %s", error)
        self.error = error
        if self._writer is not None:
            self._writer.abort()
            self._writer = None
