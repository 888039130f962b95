"""What is wrong in a recording's metadata, and how it is said: file, field, limit."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from recordings import write_pair

from ndefender.errors import RecordingError, SourceUnavailable
from ndefender.radio.sigmf_meta import read_recording

DATA = bytes(400)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"core_datatype": "rf32_le"},
            r"rec\.sigmf-meta: global\.core:datatype: datatype 'rf32_le' holds real samples",
        ),
        ({"core_datatype": None}, r"global\.core:datatype: must be text, is missing"),
        ({"core_datatype": 7}, r"global\.core:datatype: must be text, is int"),
        ({"core_sample_rate": None}, r"global\.core:sample_rate: missing"),
        ({"core_sample_rate": 0}, r"global\.core:sample_rate: 0 is outside 0 < rate <= 1e\+12"),
        ({"core_sample_rate": "fast"}, r"global\.core:sample_rate: must be a finite number, is 'fast'"),
        ({"core_sample_rate": True}, r"global\.core:sample_rate: must be a finite number"),
        ({"core_dataset": "../x"}, r"global\.core:dataset: '\.\./x' must be a file name without a folder"),
        ({"core_num_channels": -1}, r"global\.core:num_channels: must be an integer of 0 or more"),
        ({"core_trailing_bytes": 398}, r"rec\.sigmf-data: 400 bytes hold no whole sample of 4 bytes"),
        ({"ndefender_full_scale": 0.5}, r"global\.ndefender:full_scale: 0\.5 is below 1"),
    ],
)
def test_global_fields(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        read_recording(write_pair(tmp_path, DATA, **{"datatype": "ci16_le", **fields}))


@pytest.mark.parametrize(
    ("captures", "message"),
    [
        ([{"core:sample_start": -1}], r"captures\[0\]\.core:sample_start: must be an integer of 0 or more, is -1"),
        ([{"core:sample_start": 1.5}], r"captures\[0\]\.core:sample_start: must be an integer"),
        (
            [{"core:sample_start": 50}, {"core:sample_start": 20}],
            r"captures\[1\]\.core:sample_start: 20 is below 50, where captures\[0\] starts",
        ),
        ([{"core:sample_start": 0, "core:frequency": "high"}], r"captures\[0\]\.core:frequency: must be a finite"),
        (["x"], r"captures: must be a list of objects"),
    ],
)
def test_captures(tmp_path: Path, captures: list[dict[str, object]], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        read_recording(write_pair(tmp_path, DATA, captures=captures))


def test_the_error_is_one_of_sources_that_cannot_be_opened() -> None:
    assert issubclass(RecordingError, SourceUnavailable)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"global": 1}', b'{"global": {"a": NaN}}'])
def test_what_is_no_metadata_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rec.sigmf-meta").write_bytes(content)
    (tmp_path / "rec.sigmf-data").write_bytes(DATA)
    with pytest.raises(RecordingError, match=r"rec\.sigmf-meta: "):
        read_recording(tmp_path / "rec")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"rec\.sigmf-meta: No such file"):
        read_recording(tmp_path / "rec")
    write_pair(tmp_path, DATA)
    (tmp_path / "rec.sigmf-data").unlink()
    with pytest.raises(RecordingError, match=r"rec\.sigmf-data: no such file, but rec\.sigmf-meta describes it"):
        read_recording(tmp_path / "rec")


def test_metadata_only_has_nothing_to_read(tmp_path: Path) -> None:
    path = write_pair(tmp_path, DATA, core_metadata_only=True)
    path.with_suffix(".sigmf-data").unlink()
    with pytest.raises(RecordingError, match=r"core:metadata_only: true, so there are no samples"):
        read_recording(path)


def test_a_dataset_that_is_there_wins_over_metadata_only(tmp_path: Path) -> None:
    path = write_pair(tmp_path, DATA, dataset="samples.bin", core_metadata_only=True)
    assert read_recording(path).data_path == tmp_path / "samples.bin"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="0 bytes hold no whole sample"):
        read_recording(write_pair(tmp_path, b""))


def test_no_captures_means_one_without_centre(tmp_path: Path) -> None:
    recording = read_recording(write_pair(tmp_path, DATA, captures=[]))
    assert [(s.n_samples, s.center_hz) for s in recording.segments] == [(100, None)]


def test_samples_before_the_first_capture_are_skipped_and_said(tmp_path: Path) -> None:
    recording = read_recording(write_pair(tmp_path, DATA, captures=[{"core:sample_start": 30, "core:frequency": 1e9}]))
    assert [(s.byte_start, s.n_samples) for s in recording.segments] == [(120, 70)]
    assert "30 samples before it are skipped" in recording.warnings[0]


def test_offset_shifts_all_sample_numbers(tmp_path: Path) -> None:
    captures: list[dict[str, object]] = [{"core:sample_start": 1000}, {"core:sample_start": 1040}]
    recording = read_recording(write_pair(tmp_path, DATA, captures=captures, core_offset=1000))
    assert [(s.byte_start, s.n_samples) for s in recording.segments] == [(0, 40), (160, 60)]
    with pytest.raises(RecordingError, match=r"captures\[0\]\.core:sample_start: 1000 is below 1010"):
        read_recording(write_pair(tmp_path, DATA, captures=captures, core_offset=1010))


def test_what_only_the_schema_objects_to_is_a_warning(tmp_path: Path) -> None:
    recording = read_recording(write_pair(tmp_path, DATA, core_version=None))
    assert any("core:version" in warning for warning in recording.warnings)


def test_a_bad_time_stamp_is_a_warning(tmp_path: Path) -> None:
    captures: list[dict[str, object]] = [{"core:sample_start": 0, "core:frequency": 1.0, "core:datetime": "noon"}]
    recording = read_recording(write_pair(tmp_path, DATA, captures=captures))
    assert recording.segments[0].unix_ns is None
    assert any("'noon' is no ISO 8601 time" in warning for warning in recording.warnings)


def test_no_byte_order_is_a_warning_where_it_matters(tmp_path: Path) -> None:
    assert any("little endian assumed" in w for w in read_recording(write_pair(tmp_path, DATA, "ci16")).warnings)
    assert read_recording(write_pair(tmp_path, DATA, "cu8")).warnings == ()


def archive(tmp_path: Path, members: list[tuple[str, str]]) -> Path:
    path = tmp_path / "all.sigmf"
    with tarfile.open(path, "w") as tar:
        for source, name in members:
            tar.add(tmp_path / source, name)
    return path


def test_archives_that_cannot_be_used(tmp_path: Path) -> None:
    write_pair(tmp_path, DATA)
    with pytest.raises(RecordingError, match=r"exactly one \.sigmf-meta file, holds 0 \(none\)"):
        read_recording(archive(tmp_path, [("rec.sigmf-data", "rec.sigmf-data")]))
    with pytest.raises(RecordingError, match=r"holds 2 \(a\.sigmf-meta, b\.sigmf-meta\)"):
        read_recording(archive(tmp_path, [("rec.sigmf-meta", "a.sigmf-meta"), ("rec.sigmf-meta", "b.sigmf-meta")]))
    with pytest.raises(RecordingError, match=r"a\.sigmf-data is not in the archive \(it has a\.sigmf-meta\)"):
        read_recording(archive(tmp_path, [("rec.sigmf-meta", "a.sigmf-meta")]))
    (tmp_path / "all.sigmf").write_bytes(b"\x1f\x8b not a tar")
    with pytest.raises(RecordingError, match=r"all\.sigmf: not an uncompressed tar archive"):
        read_recording(tmp_path / "all.sigmf")
    with pytest.raises(RecordingError, match=r"none\.sigmf: No such file"):
        read_recording(tmp_path / "none.sigmf")


def test_an_archive_may_name_its_dataset(tmp_path: Path) -> None:
    write_pair(tmp_path, DATA, dataset="raw.bin")
    path = archive(tmp_path, [("rec.sigmf-meta", "x/rec.sigmf-meta"), ("raw.bin", "x/raw.bin")])
    assert read_recording(path).data_bytes == 400
