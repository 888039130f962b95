"""The law of sources: one suite over every implementation registered in `sources.SOURCES`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sources import SOURCES, Case, Harness

from ndefender.errors import EndOfRecording, SourceLost, SourceTimeout, SourceUnavailable, TuningRejected
from ndefender.radio.source import BlockMeta, Tuning

TIMEOUT_S = 5.0
MAX_BLOCKS = 100_000  # of a recording in a test


@pytest.fixture(params=SOURCES, ids=lambda case: case.name)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    case: Case = request.param
    with case.make(tmp_path) as made:
        yield made


def _read(harness: Harness, tuning: Tuning) -> tuple[NDArray[np.int16], BlockMeta]:
    out = np.full((tuning.dwell_samples, 2), -9999, np.int16)
    return out, harness.source.read_into(out, TIMEOUT_S)


def test_open_says_what_answers(harness: Harness) -> None:
    info = harness.source.open()
    assert info.kind
    assert info.min_center_hz <= info.max_center_hz
    assert 0 < info.min_rate_hz <= info.max_rate_hz
    assert info.full_scale > 0
    assert info.min_center_hz <= harness.tunings[0].center_hz <= info.max_center_hz


def test_tune_returns_what_the_hardware_has(harness: Harness) -> None:
    harness.source.open()
    for wanted in harness.tunings:
        got = harness.source.tune(wanted)
        assert got.center_hz == pytest.approx(wanted.center_hz, abs=20)
        assert got.rate_hz == pytest.approx(wanted.rate_hz, rel=1e-5)
        assert got.tuning_id == wanted.tuning_id
        assert got.dwell_samples == wanted.dwell_samples
        limits = harness.source.gain_limits()
        assert limits.min_db <= got.gain_db <= limits.max_db


def test_a_block_is_whole_and_says_what_it_is(harness: Harness) -> None:
    info = harness.source.open()
    got = harness.source.tune(harness.tunings[0])
    before_ns = time.monotonic_ns()
    out, meta = _read(harness, got)
    after_ns = time.monotonic_ns()
    assert meta.n_samples == len(out)
    assert np.all(np.abs(out.astype(np.int32)) <= info.full_scale)
    assert np.any(out)
    assert meta.tuning == got
    assert meta.source_epoch == 1
    assert meta.host_uncertainty_ns >= 0
    assert 0 <= meta.clipped_samples <= meta.n_samples
    if harness.live:
        assert before_ns - meta.host_uncertainty_ns <= meta.host_ns <= after_ns
        assert abs(meta.unix_ns - time.time_ns()) < 60e9


def test_the_sample_counter_never_runs_backwards(harness: Harness) -> None:
    harness.source.open()
    end = 0
    for wanted in (*harness.tunings, harness.tunings[0]):
        got = harness.source.tune(wanted)
        for _ in range(2):
            try:
                _, meta = _read(harness, got)
            except EndOfRecording:
                return
            assert meta.first_sample >= end
            if meta.contiguous:
                assert meta.first_sample == end
            end = meta.first_sample + meta.n_samples


def test_clipped_samples_are_counted(harness: Harness) -> None:
    info = harness.source.open()
    got = harness.source.tune(harness.tunings[0])
    out, meta = _read(harness, got)
    at_scale = np.any(np.abs(out.astype(np.int32)) >= info.full_scale - 1, axis=1)
    assert meta.clipped_samples == np.count_nonzero(at_scale)


def test_no_sample_is_older_than_its_tuning(harness: Harness) -> None:
    if harness.belongs is None:
        pytest.skip("its samples do not show the tuning")
    harness.source.open()
    first, second = harness.tunings
    short = replace(first, dwell_samples=first.dwell_samples // 2)
    for wanted in (first, second, first, first, short, second, first, replace(second, rate_hz=first.rate_hz * 2)):
        got = harness.source.tune(wanted)
        for _ in range(2):
            out, meta = _read(harness, got)
            assert harness.belongs(out, meta.tuning)
            assert meta.tuning.tuning_id == wanted.tuning_id


def test_the_check_for_stale_samples_can_fail(harness: Harness) -> None:
    if harness.belongs is None:
        pytest.skip("its samples do not show the tuning")
    harness.source.open()
    got = harness.source.tune(harness.tunings[0])
    out, _ = _read(harness, got)
    assert not harness.belongs(out, harness.tunings[1])


def test_an_impossible_tuning_is_rejected_and_forgotten(harness: Harness) -> None:
    if harness.impossible is None:
        pytest.skip("it takes any tuning")
    harness.source.open()
    harness.source.tune(harness.tunings[0])
    with pytest.raises(TuningRejected) as caught:
        harness.source.tune(harness.impossible)
    assert caught.value.attribute
    got = harness.source.tune(harness.tunings[1])
    out, meta = _read(harness, got)
    assert meta.n_samples == len(out)


def test_temperature_is_plausible_or_unknown(harness: Harness) -> None:
    harness.source.open()
    temperature_c = harness.source.temperature_c()
    assert temperature_c is None or -40 < temperature_c < 125


def test_close_is_safe_at_any_time(harness: Harness) -> None:
    harness.source.close()
    harness.source.open()
    harness.source.close()
    harness.source.close()


def test_reopening_begins_a_new_epoch(harness: Harness) -> None:
    for epoch in (1, 2):
        harness.source.open()
        _, meta = _read(harness, harness.source.tune(harness.tunings[0]))
        assert meta.source_epoch == epoch
        harness.source.close()


def test_a_finite_source_ends_and_stays_at_its_end(harness: Harness) -> None:
    if not harness.source.open().finite:
        pytest.skip("it does not end")
    got = harness.source.tune(harness.tunings[0])
    with pytest.raises(EndOfRecording):
        for _ in range(MAX_BLOCKS):
            _read(harness, got)
    with pytest.raises(EndOfRecording):
        _read(harness, got)


def test_a_lost_device_says_so_and_comes_back(harness: Harness) -> None:
    if harness.lose is None or harness.restore is None:
        pytest.skip("it cannot be lost")
    harness.source.open()
    got = harness.source.tune(harness.tunings[0])
    _, before = _read(harness, got)
    harness.lose()
    with pytest.raises(SourceLost):
        for _ in range(3):  # a time-out or two may come first
            try:
                _read(harness, got)
            except SourceTimeout:
                continue
    with pytest.raises((SourceLost, TuningRejected)):
        harness.source.tune(harness.tunings[1])
    harness.source.close()
    with pytest.raises(SourceUnavailable):
        harness.source.open()
    harness.restore()
    harness.source.open()
    _, after = _read(harness, harness.source.tune(harness.tunings[0]))
    assert after.source_epoch == before.source_epoch + 1
    assert after.first_sample >= before.first_sample + before.n_samples
