from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from recordings import ANY_TUNING, read_all, write_pair

from ndefender.errors import RecordingError
from ndefender.radio.record import record
from ndefender.radio.recording import RecordingSource
from ndefender.radio.source import BlockMeta
from ndefender.radio.wrappers import Fault, FaultySource

NOISE = np.random.default_rng(1).integers(-2048, 2048, (3000, 2)).astype("<i2")


def test_record_stops_at_its_duration(tmp_path: Path) -> None:
    source = RecordingSource(write_pair(tmp_path, NOISE.tobytes()))
    seen: list[tuple[int, int]] = []

    def progress(done: int, wanted: int) -> bool:
        seen.append((done, wanted))
        return True

    report = record(source, ANY_TUNING, 0.00125, tmp_path / "out", 10**6, progress=progress)
    assert (report.n_samples, report.ended_by, report.n_captures) == (1250, "duration", 1)
    assert seen[0] == (100, 1250)
    assert seen[-1] == (1250, 1250)
    copy = RecordingSource(report.meta_path)
    copy.open()
    assert np.array_equal(read_all(copy)[0], NOISE[:1250])


@pytest.mark.parametrize(
    ("script", "max_bytes", "ended_by", "n_samples", "timeouts"),
    [
        ([], 10**6, "end", 3000, 0),
        ([], 4 * 250, "max_bytes", 250, 0),
        ([Fault("timeout", 2, count=4)], 10**6, "end", 3000, 4),
        ([Fault("timeout", 2, count=5)], 10**6, "timeout", 200, 5),
        ([Fault("lost", 3)], 10**6, "lost", 300, 0),
        ([Fault("short", 0, n_samples=7)], 4 * 7, "max_bytes", 7, 0),
    ],
)
def test_record_keeps_what_came_whatever_ends_it(
    tmp_path: Path, script: list[Fault], max_bytes: int, ended_by: str, n_samples: int, timeouts: int
) -> None:
    source = FaultySource(RecordingSource(write_pair(tmp_path, NOISE.tobytes())), script)
    report = record(source, ANY_TUNING, 1.0, tmp_path / "out", max_bytes)
    assert (report.ended_by, report.n_samples, report.timeouts) == (ended_by, n_samples, timeouts)
    RecordingSource(report.meta_path).open()


def test_record_can_be_stopped(tmp_path: Path) -> None:
    source = RecordingSource(write_pair(tmp_path, NOISE.tobytes()))
    report = record(source, ANY_TUNING, 1.0, tmp_path / "out", 10**6, progress=lambda done, wanted: done < 500)
    assert (report.ended_by, report.n_samples) == ("stopped", 500)


class Interrupted(RecordingSource):
    """A source during whose fourth block somebody presses Ctrl-C."""

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        if self.position_samples >= 300:
            raise KeyboardInterrupt
        return super().read_into(out, timeout_s)


def test_an_interrupted_record_keeps_what_is_there(tmp_path: Path) -> None:
    report = record(Interrupted(write_pair(tmp_path, NOISE.tobytes())), ANY_TUNING, 1.0, tmp_path / "out", 10**6)
    assert (report.ended_by, report.n_samples) == ("stopped", 300)


def test_record_of_nothing_leaves_nothing(tmp_path: Path) -> None:
    source = FaultySource(RecordingSource(write_pair(tmp_path, NOISE.tobytes())), [Fault("lost", 0)])
    with pytest.raises(RecordingError, match="no samples came"):
        record(source, ANY_TUNING, 1.0, tmp_path / "out", 10**6)
    assert not list(tmp_path.glob("out*"))
