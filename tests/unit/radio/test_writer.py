from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from recordings import ANY_TUNING, read_all
from sigmf.validate import validate

from ndefender.errors import RecordingError
from ndefender.radio.recording import RecordingSource
from ndefender.radio.source import BlockMeta, SourceInfo
from ndefender.radio.writer import SigmfWriter

INFO = SourceInfo("antsdr", "ip:1.2.3.4", "AntSDR E200", "1", 7e7, 6e9, 5e5, 6e7, 5e7, 2048.0, False, False)
RNG = np.random.default_rng(1)
NOISE = RNG.integers(-2048, 2048, (3000, 2)).astype(np.int16)


def meta(first: int, n: int, *, contiguous: bool = True, unix_ns: int = 10**18, **tuning: float) -> BlockMeta:
    return BlockMeta(
        first_sample=first,
        n_samples=n,
        host_ns=0,
        host_uncertainty_ns=0,
        unix_ns=unix_ns,
        tuning=replace(ANY_TUNING, **tuning),
        clipped_samples=0,
        contiguous=contiguous,
        source_epoch=1,
    )


def write(path: Path, blocks: Sequence[tuple[NDArray[np.int16], BlockMeta]], **options: int) -> SigmfWriter:
    with SigmfWriter(path, INFO, 1e6, **{"max_bytes": 10**6, **options}) as writer:
        for iq, block in blocks:
            writer.write(iq, block)
    return writer


def test_what_is_written_reads_back_whole(tmp_path: Path) -> None:
    write(
        tmp_path / "out",
        [
            (NOISE[:1000], meta(500, 1000, contiguous=False, unix_ns=10**18 + 1)),
            (NOISE[1000:2000], meta(1500, 1000)),
            (NOISE[2000:], meta(9000, 1000, contiguous=False, unix_ns=10**18 + 10**9 + 1, center_hz=2e9, gain_db=20.0)),
        ],
    )
    source = RecordingSource(tmp_path / "out", clock_ns=lambda: 0)
    info = source.open()
    samples, metas = read_all(source)
    assert source.warnings == ()
    assert np.array_equal(samples, NOISE)
    assert (info.full_scale, info.simulated, info.model) == (2048.0, False, "AntSDR E200")
    assert [m.tuning.center_hz for m in metas] == [1e9, 1e9, 2e9]
    assert [m.tuning.gain_db for m in metas] == [0.0, 0.0, 20.0]
    assert [m.first_sample for m in metas] == [500, 1500, 9000]
    assert [m.contiguous for m in metas] == [False, True, False]
    assert [m.unix_ns - 10**18 for m in metas] == [1, 1_000_001, 1_000_000_001]


def test_the_metadata_is_valid_sigmf_and_the_hash_is_right(tmp_path: Path) -> None:
    writer = write(tmp_path / "out.sigmf-meta", [(NOISE, meta(0, 3000, contiguous=False))])
    content = json.loads(writer.meta_path.read_text(encoding="utf-8"))
    try:
        validate(content)
    except jsonschema.ValidationError as error:  # its own text is pages long
        pytest.fail(error.message)
    assert content["global"]["core:sha512"] == hashlib.sha512(writer.data_path.read_bytes()).hexdigest()
    assert content["global"]["core:datatype"] == "ci16_le"


def test_a_capture_begins_where_tuning_or_continuity_changes(tmp_path: Path) -> None:
    block = NOISE[:10]
    writer = write(
        tmp_path / "out",
        [
            (block, meta(0, 10, contiguous=False)),
            (block, meta(10, 10)),
            (block, meta(50, 10, contiguous=False)),
            (block, meta(60, 10, center_hz=2e9)),
            (block, meta(70, 10, center_hz=2e9, bandwidth_hz=5e5)),
            (block, meta(80, 10, center_hz=2e9, bandwidth_hz=5e5, gain_db=9.0)),
            (block, replace(meta(0, 10, center_hz=2e9, bandwidth_hz=5e5, gain_db=9.0), source_epoch=2)),
        ],
    )
    captures = json.loads(writer.meta_path.read_text(encoding="utf-8"))["captures"]
    assert [c["core:sample_start"] for c in captures] == [0, 20, 30, 40, 50, 60]
    assert "core:global_index" not in captures[-1]  # the reopened source counts from 0 again


def test_annotations_are_in_order(tmp_path: Path) -> None:
    with SigmfWriter(tmp_path / "out", INFO, 1e6, max_bytes=10**6) as writer:
        writer.write(NOISE, meta(0, 3000, contiguous=False))
        writer.annotate(2000, 10, 1e9, 1.1e9, "late")
        writer.annotate(300, 10, 1e9, 1.1e9, "early")
    spans = json.loads(writer.meta_path.read_text(encoding="utf-8"))["annotations"]
    assert [span["core:label"] for span in spans] == ["early", "late"]


def test_until_it_is_finished_nothing_looks_like_a_recording(tmp_path: Path) -> None:
    writer = SigmfWriter(tmp_path / "out", INFO, 1e6, max_bytes=10**6)
    writer.write(NOISE, meta(0, 3000))
    assert [p.name for p in tmp_path.iterdir()] == ["out.sigmf-data.part"]
    writer.finish()
    writer.finish()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.sigmf-data", "out.sigmf-meta"]


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), SigmfWriter(tmp_path / "out", INFO, 1e6, max_bytes=10**6) as writer:
        writer.write(NOISE, meta(0, 3000))
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_no_samples_leave_nothing_and_say_so(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no samples came"):
        write(tmp_path / "out", [])
    assert list(tmp_path.iterdir()) == []


def test_the_bound_holds_to_the_sample(tmp_path: Path) -> None:
    writer = write(tmp_path / "out", [(NOISE, meta(0, 3000)), (NOISE, meta(3000, 3000))], max_bytes=4 * 4000 + 3)
    assert writer.full
    assert writer.n_samples == 4000
    assert writer.data_path.stat().st_size == 16_000


def test_a_taken_name_is_refused_unless_it_may_be_replaced(tmp_path: Path) -> None:
    write(tmp_path / "out", [(NOISE, meta(0, 3000))])
    with pytest.raises(RecordingError, match=r"out\.sigmf-meta: exists already"):
        SigmfWriter(tmp_path / "out", INFO, 1e6, max_bytes=10**6)
    write(tmp_path / "out", [(NOISE[:10], meta(0, 10))], overwrite=True)
    source = RecordingSource(tmp_path / "out")
    source.open()
    assert (source.n_samples, source.warnings) == (10, ())


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no/out\.sigmf-data\.part: cannot be written: No such file"):
        SigmfWriter(tmp_path / "no" / "out", INFO, 1e6, max_bytes=10**6)
    with (
        pytest.raises(RecordingError, match="block at 2e\\+06 samples/s, the recording has 1e\\+06"),
        SigmfWriter(tmp_path / "out", INFO, 1e6, max_bytes=10**6) as writer,
    ):
        writer.write(NOISE, meta(0, 3000, rate_hz=2e6))


def test_simulated_samples_say_so_in_the_file(tmp_path: Path) -> None:
    with SigmfWriter(tmp_path / "out", replace(INFO, simulated=True), 1e6, max_bytes=10**6) as writer:
        writer.write(NOISE, meta(0, 3000))
    assert RecordingSource(tmp_path / "out").open().simulated
