"""Recordings as sources. What is wrong in a file is in test_sigmf_meta.py, number formats in test_sampleformat.py."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from recordings import ANY_TUNING, SHARED, read_all, write_pair

from ndefender.errors import EndOfRecording, RecordingError, SourceLost
from ndefender.radio import recording as recording_module
from ndefender.radio.recording import RecordingSource, open_raw

RAMP = np.arange(5000, dtype="<i2").reshape(-1, 2)


def test_a_pair_is_read_to_its_end_in_blocks(tmp_path: Path) -> None:
    source = RecordingSource(write_pair(tmp_path, RAMP.tobytes()), clock_ns=lambda: 7, wall_ns=lambda: 11)
    info = source.open()
    assert (info.kind, info.finite, info.simulated, info.full_scale) == ("recording", True, False, 32768.0)
    assert (info.min_rate_hz, info.max_rate_hz, info.min_center_hz, info.max_center_hz) == (1e6, 1e6, 2.45e9, 2.45e9)
    samples, metas = read_all(source)
    assert np.array_equal(samples, RAMP)
    assert [m.n_samples for m in metas] == [1000, 1000, 500]
    assert [m.first_sample for m in metas] == [0, 1000, 2000]
    assert [m.host_ns for m in metas] == [7, 1_000_007, 2_000_007]
    assert [m.unix_ns for m in metas] == [11, 1_000_011, 2_000_011]
    assert [m.contiguous for m in metas] == [False, True, True]
    assert [m.last for m in metas] == [False, False, True]
    assert not any(m.no_center for m in metas)
    assert source.warnings == ()
    with pytest.raises(EndOfRecording):
        source.read_into(np.empty((10, 2), np.int16), 0.1)


@pytest.mark.parametrize("name", ["rec.sigmf-meta", "rec.sigmf-data", "rec"])
def test_any_name_of_a_pair_opens_it(tmp_path: Path, name: str) -> None:
    write_pair(tmp_path, RAMP.tobytes())
    assert RecordingSource(tmp_path / name).open().finite


def test_a_name_with_dots_is_not_cut(tmp_path: Path) -> None:
    write_pair(tmp_path, RAMP.tobytes(), name="site.2026.north")
    assert RecordingSource(tmp_path / "site.2026.north").open().finite


def test_tune_tells_the_truth_instead_of_obeying(tmp_path: Path) -> None:
    source = RecordingSource(write_pair(tmp_path, RAMP.tobytes()))
    source.open()
    got = source.tune(ANY_TUNING)
    assert (got.center_hz, got.rate_hz, got.dwell_samples) == (2.45e9, 1e6, 100)
    assert source.read_into(np.empty((10, 2), np.int16), 0.1).tuning == got


def test_blocks_never_span_two_captures(tmp_path: Path) -> None:
    captures: list[dict[str, object]] = [
        {"core:sample_start": 0, "core:frequency": 1e9},
        {"core:sample_start": 700, "core:frequency": 2e9},
        {"core:sample_start": 1500},
    ]
    source = RecordingSource(write_pair(tmp_path, RAMP.tobytes(), captures=captures))
    info = source.open()
    assert (info.min_center_hz, info.max_center_hz) == (0.0, 2e9)
    samples, metas = read_all(source, 600)
    assert np.array_equal(samples, RAMP)
    assert [(m.n_samples, m.tuning.center_hz) for m in metas] == [
        (600, 1e9),
        (100, 1e9),
        (600, 2e9),
        (200, 2e9),
        (600, 0.0),
        (400, 0.0),
    ]
    assert [m.no_center for m in metas] == [False] * 4 + [True] * 2
    assert [m.contiguous for m in metas] == [False, True, False, True, False, True]
    assert any("core:frequency missing in 1 of 3 captures" in warning for warning in source.warnings)


def test_headers_of_a_foreign_dataset_are_skipped(tmp_path: Path) -> None:
    head, middle, tail = b"RIFFheader!", b"chunk", b"footer."
    data = head + RAMP[:1000].tobytes() + middle + RAMP[1000:].tobytes() + tail
    captures: list[dict[str, object]] = [
        {"core:sample_start": 0, "core:frequency": 1e9, "core:header_bytes": len(head)},
        {"core:sample_start": 1000, "core:frequency": 1e9, "core:header_bytes": len(middle)},
    ]
    path = write_pair(tmp_path, data, captures=captures, dataset="foreign.wav", core_trailing_bytes=len(tail))
    source = RecordingSource(path)
    source.open()
    assert np.array_equal(read_all(source)[0], RAMP)


def test_an_archive_is_read_in_place(tmp_path: Path) -> None:
    meta = write_pair(tmp_path, RAMP.tobytes())
    with tarfile.open(tmp_path / "both.sigmf", "w") as archive:
        archive.add(meta, "rec/rec.sigmf-meta")
        archive.add(meta.with_suffix(".sigmf-data"), "rec/rec.sigmf-data")
    source = RecordingSource(tmp_path / "both.sigmf")
    source.open()
    samples, metas = read_all(source)
    assert np.array_equal(samples, RAMP)
    assert metas[0].tuning.center_hz == 2.45e9
    assert sorted(p.name for p in tmp_path.iterdir()) == ["both.sigmf", "rec.sigmf-data", "rec.sigmf-meta"]


def test_the_hash_of_an_archive_is_of_its_dataset(tmp_path: Path) -> None:
    meta = write_pair(tmp_path, RAMP.tobytes(), core_sha512=hashlib.sha512(RAMP.tobytes()).hexdigest())
    with tarfile.open(tmp_path / "both.sigmf", "w") as archive:
        archive.add(meta, "rec.sigmf-meta")
        archive.add(meta.with_suffix(".sigmf-data"), "rec.sigmf-data")
    source = RecordingSource(tmp_path / "both.sigmf")
    source.open()
    assert source.warnings == ()


def test_a_wrong_hash_is_a_warning(tmp_path: Path) -> None:
    source = RecordingSource(write_pair(tmp_path, RAMP.tobytes(), core_sha512="0" * 128))
    source.open()
    assert len(source.warnings) == 1
    assert "core:sha512 does not match" in source.warnings[0]
    unchecked = RecordingSource(tmp_path / "rec", verify=False)
    unchecked.open()
    assert unchecked.warnings == ()


def test_odd_bytes_at_the_end_are_said_and_dropped(tmp_path: Path) -> None:
    source = RecordingSource(write_pair(tmp_path, RAMP.tobytes()[:-3]))
    source.open()
    assert source.n_samples == 2499
    assert "1 odd bytes" in source.warnings[0]
    assert np.array_equal(read_all(source)[0], RAMP[:-1])


def test_a_recording_cut_within_a_capture_gives_what_is_there(tmp_path: Path) -> None:
    captures: list[dict[str, object]] = [
        {"core:sample_start": 0, "core:frequency": 1e9},
        {"core:sample_start": 2000, "core:frequency": 2e9},
        {"core:sample_start": 9000, "core:frequency": 3e9},
    ]
    source = RecordingSource(write_pair(tmp_path, RAMP.tobytes(), captures=captures))
    source.open()
    assert source.n_samples == 2500
    assert any("captures[1].core:sample_start: the data ends 500 samples into" in w for w in source.warnings)
    assert read_all(source)[1][-1].tuning.center_hz == 2e9


def test_gaps_written_down_by_the_recorder_appear_on_counter_and_clock(tmp_path: Path) -> None:
    captures: list[dict[str, object]] = [
        {"core:sample_start": 0, "core:frequency": 1e9, "core:global_index": 50},
        {"core:sample_start": 1000, "core:frequency": 1e9, "core:global_index": 1050},
        {"core:sample_start": 2000, "core:frequency": 1e9, "core:global_index": 4050},
    ]
    path = write_pair(tmp_path, RAMP.tobytes(), captures=captures)
    source = RecordingSource(path, clock_ns=lambda: 0, wall_ns=lambda: 0)
    source.open()
    _, metas = read_all(source)
    assert [m.first_sample for m in metas] == [50, 1050, 4050]
    assert [m.contiguous for m in metas] == [False, True, False]
    assert [m.host_ns for m in metas] == [0, 1_000_000, 4_000_000]


def test_time_stamps_win_over_the_counter(tmp_path: Path) -> None:
    captures: list[dict[str, object]] = [
        {"core:sample_start": 0, "core:frequency": 1e9, "core:datetime": "2026-01-01T00:00:00Z"},
        {"core:sample_start": 1000, "core:frequency": 2e9, "core:datetime": "2026-01-01T00:00:10Z"},
        {"core:sample_start": 2000, "core:frequency": 2e9, "core:datetime": "2025-01-01T00:00:00Z"},
    ]
    source = RecordingSource(write_pair(tmp_path, RAMP.tobytes(), captures=captures), clock_ns=lambda: 0)
    source.open()
    _, metas = read_all(source)
    assert [m.host_ns for m in metas] == [0, 10_000_000_000, 10_001_000_000]  # host time never runs backwards
    assert metas[1].unix_ns - metas[0].unix_ns == 10_000_000_000


def test_two_channels_give_the_first(tmp_path: Path) -> None:
    both = np.stack([RAMP, -RAMP], axis=1)
    source = RecordingSource(write_pair(tmp_path, both.tobytes(), core_num_channels=2))
    source.open()
    assert np.array_equal(read_all(source)[0], RAMP)
    assert "2 channels, only the first is read" in source.warnings[0]


def test_bad_floats_are_counted_and_said(tmp_path: Path) -> None:
    values = np.full((2000, 2), 0.5, "<f4")
    values[7, 0] = np.nan
    values[1500] = np.inf
    source = RecordingSource(write_pair(tmp_path, values.tobytes(), "cf32_le"))
    source.open()
    assert source.bad_samples == 2
    assert "2 samples are NaN or infinite" in source.warnings[0]
    samples, _ = read_all(source)
    assert np.count_nonzero((samples == 0).all(axis=1)) == 2


def test_one_factor_holds_for_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "CHUNK_SAMPLES", 100)  # the loud sample lies far behind the first chunk
    values = np.full((1000, 2), 100.0, "<f4")
    values[999] = 400.0
    source = RecordingSource(write_pair(tmp_path, values.tobytes(), "cf32_le"))
    source.open()
    samples, _ = read_all(source, 50)
    assert samples[0].tolist() == [8192, 8192]
    assert samples[999].tolist() == [32767, 32767]


def test_the_recorders_full_scale_gain_and_origin_are_kept(tmp_path: Path) -> None:
    captures: list[dict[str, object]] = [
        {"core:sample_start": 0, "core:frequency": 1e9, "ndefender:gain_db": 31.0, "ndefender:bandwidth_hz": 5e5}
    ]
    path = write_pair(
        tmp_path, RAMP.tobytes(), captures=captures, ndefender_full_scale=2048.0, ndefender_simulated=True
    )
    source = RecordingSource(path)
    info = source.open()
    assert (info.full_scale, info.simulated) == (2048.0, True)
    got = source.tune(ANY_TUNING)
    assert (got.gain_db, got.bandwidth_hz) == (31.0, 5e5)
    limits = source.gain_limits()
    assert (limits.min_db, limits.max_db) == (31.0, 31.0)


def test_closed_means_lost_and_reopening_starts_again(tmp_path: Path) -> None:
    source = RecordingSource(write_pair(tmp_path, RAMP.tobytes()))
    out = np.empty((10, 2), np.int16)
    with pytest.raises(SourceLost):
        source.read_into(out, 0.1)
    source.open()
    first = source.read_into(out, 0.1)
    source.close()
    source.close()
    with pytest.raises(SourceLost):
        source.read_into(out, 0.1)
    source.open()
    again = source.read_into(out, 0.1)
    assert (first.source_epoch, again.source_epoch) == (1, 2)
    assert (first.first_sample, again.first_sample) == (0, 10)  # the counter never runs backwards
    assert np.array_equal(out, RAMP[:10])


@pytest.mark.parametrize(("name", "dtype"), [("cs16", "<i2"), ("ci16_be", ">i2")])
def test_a_raw_file_needs_no_metadata(tmp_path: Path, name: str, dtype: str) -> None:
    path = tmp_path / "capture.bin"
    path.write_bytes(RAMP.astype(dtype).tobytes() + b"x")
    source = open_raw(path, name, 2e6, 433.92e6)
    info = source.open()
    assert (info.min_center_hz, info.max_rate_hz) == (433.92e6, 2e6)
    samples, metas = read_all(source)
    assert np.array_equal(samples, RAMP)
    assert not metas[0].no_center
    assert "1 odd bytes" in source.warnings[0]


def test_a_raw_file_without_centre_says_so_in_every_block(tmp_path: Path) -> None:
    path = tmp_path / "capture.cu8"
    path.write_bytes(bytes(100))
    source = open_raw(path, "cu8", 250e3, None)
    source.open()
    meta = source.read_into(np.empty((10, 2), np.int16), 0.1)
    assert (meta.no_center, meta.tuning.center_hz) == (True, 0.0)


@pytest.mark.parametrize(
    ("name", "rate_hz", "center_hz", "message"),
    [
        ("cf33", 1e6, 0.0, "capture.bin: format: datatype 'cf33' is unknown"),
        ("cu8", 0.0, 0.0, "capture.bin: rate_hz: 0 is outside"),
        ("cu8", float("nan"), 0.0, "capture.bin: rate_hz: nan is outside"),
        ("cu8", 1e6, float("inf"), "capture.bin: center_hz: inf is not a finite number"),
        ("cf64", 1e6, 0.0, "capture.bin: 8 bytes hold no whole sample of 16 bytes"),
    ],
)
def test_wrong_arguments_for_a_raw_file_are_named(
    tmp_path: Path, name: str, rate_hz: float, center_hz: float, message: str
) -> None:
    (tmp_path / "capture.bin").write_bytes(bytes(8))
    with pytest.raises(RecordingError, match=message):
        open_raw(tmp_path / "capture.bin", name, rate_hz, center_hz).open()


def test_a_missing_raw_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nothing\.bin: No such file"):
        open_raw(tmp_path / "nothing.bin", "cu8", 1e6, 0.0).open()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared recordings are not beside this project")
@pytest.mark.parametrize(
    ("name", "n_samples", "full_scale", "center_hz"),
    [
        ("fpv_ntsc_5925mhz", 500_000, 32767.0, 5.925e9),
        ("ook_433_92mhz", 131_072, 32768.0, 433.92e6),
        ("wifi_80211n_65m", 16_080, 32768.0, None),
        ("ble_2425mhz", 15_000, 32767.0, 2.425e9),
        ("wmbus_868_95mhz", 1_048_576, 32768.0, 868.95e6),
        ("droneid_burst_synthetic", 307_200, 32767.0, None),
    ],
)
def test_shared_recordings_open(name: str, n_samples: int, full_scale: float, center_hz: float | None) -> None:
    source = RecordingSource(SHARED / name)
    assert source.open().full_scale == full_scale
    assert source.n_samples == n_samples
    assert source.recording.segments[0].center_hz == center_hz
    assert not any("sha512" in warning for warning in source.warnings)
    stated = json.loads((SHARED / f"{name}.sigmf-meta").read_text(encoding="utf-8"))["global"]["core:sample_rate"]
    assert source.recording.rate_hz == stated
    samples, _ = read_all(source, 200_000)
    assert samples.shape == (n_samples, 2)
    assert samples.any()
