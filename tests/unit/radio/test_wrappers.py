"""Wrappers beyond the law that test_conformance.py holds them to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import ANY_TUNING, read_all, write_pair

from ndefender.errors import (
    EndOfRecording,
    RecordingError,
    SourceLost,
    SourceTimeout,
    SourceUnavailable,
    TuningRejected,
)
from ndefender.radio.recording import RecordingSource
from ndefender.radio.wrappers import Fault, FaultySource, PacedSource, RecordingWrapper

RAMP = np.arange(6000, dtype="<i2").reshape(-1, 2)  # 3 ms at 1 MS/s


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now_ns = 1000
        self.waited_s = 0.0

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, duration_s: float) -> None:
        assert duration_s > 0
        self.waited_s += duration_s
        self.now_ns += round(duration_s * 1e9)


def paced(tmp_path: Path, clock: Clock) -> PacedSource:
    source = PacedSource(RecordingSource(write_pair(tmp_path, RAMP.tobytes())), clock_ns=clock, wait_s=clock.wait)
    source.open()
    source.tune(ANY_TUNING)
    return source


def block(source: PacedSource | FaultySource | RecordingWrapper, n: int = 1000) -> np.ndarray:
    out = np.empty((n, 2), np.int16)
    meta = source.read_into(out, 1.0)
    return out[: meta.n_samples]


def test_a_block_is_there_when_its_last_sample_would_be(tmp_path: Path) -> None:
    clock = Clock()
    source = paced(tmp_path, clock)
    out = np.empty((1000, 2), np.int16)
    hosts = [source.read_into(out, 1.0).host_ns for _ in range(3)]
    assert hosts == [1000, 1_001_000, 2_001_000]
    assert clock.now_ns == 3_001_000


def test_time_spent_elsewhere_is_not_waited_again(tmp_path: Path) -> None:
    clock = Clock()
    source = paced(tmp_path, clock)
    block(source)
    clock.now_ns += 900_000  # the reader was busy while the next block came in
    block(source)
    assert clock.now_ns == 2_001_000
    assert clock.waited_s == pytest.approx(0.0011)


def test_a_late_reader_gets_the_samples_but_not_the_time_back(tmp_path: Path) -> None:
    clock = Clock()
    source = paced(tmp_path, clock)
    block(source)
    clock.now_ns += 50_000_000
    late_ns = clock.now_ns
    out = np.empty((1000, 2), np.int16)
    meta = source.read_into(out, 1.0)
    assert meta.host_ns == late_ns - 1_000_000  # one block was waiting in the buffer
    assert clock.now_ns == late_ns
    assert np.array_equal(out, RAMP[1000:2000])
    assert source.read_into(out, 1.0).host_ns == late_ns


def test_a_timeout_loses_nothing(tmp_path: Path) -> None:
    clock = Clock()
    source = paced(tmp_path, clock)
    out = np.empty((1000, 2), np.int16)
    with pytest.raises(SourceTimeout):
        source.read_into(out, 0.0004)
    with pytest.raises(SourceTimeout):
        source.read_into(out, 0.0004)
    meta = source.read_into(out, 0.0004)
    assert (meta.first_sample, meta.host_ns) == (0, 1000)
    assert clock.now_ns == 1_001_000


def test_the_last_short_block_takes_only_its_own_time(tmp_path: Path) -> None:
    clock = Clock()
    source = paced(tmp_path, clock)
    block(source, 2900)
    assert len(block(source, 2900)) == 100
    assert clock.now_ns == 3_001_000


def faulty(tmp_path: Path, *script: Fault) -> FaultySource:
    return FaultySource(RecordingSource(write_pair(tmp_path, RAMP.tobytes())), script)


def test_faults_of_reads_come_when_they_are_written_down(tmp_path: Path) -> None:
    source = faulty(
        tmp_path,
        Fault("timeout", 1, count=2),
        Fault("short", 3, n_samples=10),
        Fault("gap", 4, n_samples=90),
        Fault("lost", 5),
    )
    source.open()
    out = np.empty((100, 2), np.int16)
    assert source.read_into(out, 1.0).first_sample == 0
    for _ in range(2):
        with pytest.raises(SourceTimeout):
            source.read_into(out, 1.0)
    assert source.read_into(out, 1.0).n_samples == 10
    meta = source.read_into(out, 1.0)
    assert (meta.first_sample, meta.contiguous) == (200, False)
    for _ in range(2):
        with pytest.raises(SourceLost):
            source.read_into(out, 1.0)
    with pytest.raises(SourceLost):
        source.tune(ANY_TUNING)
    source.close()
    source.open()
    assert source.read_into(out, 1.0).source_epoch == 2


def test_an_end_by_script(tmp_path: Path) -> None:
    source = faulty(tmp_path, Fault("end", 0))
    source.open()
    with pytest.raises(EndOfRecording):
        source.read_into(np.empty((100, 2), np.int16), 1.0)


def test_faults_of_open_and_tune(tmp_path: Path) -> None:
    source = faulty(tmp_path, Fault("unavailable", 0, count=2), Fault("rejected", 1))
    for _ in range(2):
        with pytest.raises(SourceUnavailable):
            source.open()
    source.open()
    source.tune(ANY_TUNING)
    with pytest.raises(TuningRejected):
        source.tune(ANY_TUNING)
    source.tune(ANY_TUNING)


def test_what_passes_is_written(tmp_path: Path) -> None:
    source = RecordingWrapper(RecordingSource(write_pair(tmp_path, RAMP.tobytes())), tmp_path / "copy", max_bytes=10**6)
    source.open()
    seen = [block(source) for _ in range(3)]
    source.close()
    assert source.recordings == [tmp_path / "copy.sigmf-meta"]
    copy = RecordingSource(source.recordings[0])
    copy.open()
    assert np.array_equal(read_all(copy)[0], np.concatenate(seen))
    assert copy.warnings == ()


def test_the_stream_goes_on_when_the_file_is_full(tmp_path: Path) -> None:
    source = RecordingWrapper(RecordingSource(write_pair(tmp_path, RAMP.tobytes())), tmp_path / "copy", max_bytes=6000)
    source.open()
    assert [len(block(source)) for _ in range(3)] == [1000, 1000, 1000]
    source.close()
    assert (tmp_path / "copy.sigmf-data").stat().st_size == 6000
    assert source.error is None


def test_the_stream_goes_on_when_the_file_cannot_be_written(tmp_path: Path) -> None:
    source = RecordingWrapper(
        RecordingSource(write_pair(tmp_path, RAMP.tobytes())), tmp_path / "no" / "copy", max_bytes=10**6
    )
    source.open()
    assert [len(block(source)) for _ in range(3)] == [1000, 1000, 1000]
    source.close()
    assert isinstance(source.error, RecordingError)
    assert source.recordings == []


def test_reopening_begins_another_recording(tmp_path: Path) -> None:
    source = RecordingWrapper(RecordingSource(write_pair(tmp_path, RAMP.tobytes())), tmp_path / "copy", max_bytes=10**6)
    for _ in range(2):
        source.open()
        block(source)
        source.close()
    assert [path.name for path in source.recordings] == ["copy.sigmf-meta", "copy-2.sigmf-meta"]
