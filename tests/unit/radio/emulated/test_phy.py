from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.radio.emulated.phy import (
    AD9361,
    AD9363,
    ChipModel,
    Phy,
    gain_range,
    nearest_center_hz,
    nearest_rate_hz,
)
from ndefender.radio.emulated.protocol import Refused


def _phy(chip: ChipModel = AD9361) -> Phy:
    return Phy(chip, 0.0, lambda rate_hz, bandwidth_hz: None)


@given(st.integers(70_000_000, 6_000_000_000))
def test_the_synthesiser_rounds_by_a_few_hertz(wanted_hz: int) -> None:
    assert abs(nearest_center_hz(wanted_hz) - wanted_hz) <= 6


@given(st.integers(520_833, 61_440_000))
def test_the_rate_rounds_by_about_a_hertz(wanted_hz: int) -> None:
    assert abs(nearest_rate_hz(wanted_hz) - wanted_hz) <= 2


def test_common_rates_are_exact() -> None:
    assert [nearest_rate_hz(r) for r in (61_440_000, 30_720_000, 20_000_000)] == [61_440_000, 30_720_000, 20_000_000]


def test_gain_tables_change_at_their_edges() -> None:
    assert gain_range(1_299_999_999) == (-1, 73)
    assert gain_range(1_300_000_000) == (-3, 71)
    assert gain_range(3_999_999_999) == (-3, 71)
    assert gain_range(4_000_000_000) == (-10, 62)


def test_a_retune_brings_the_gain_into_the_new_table() -> None:
    phy = _phy()
    phy.set_mode("manual")
    phy.set_gain(70)
    phy.set_center(5_800_000_000)
    assert phy.state.gain_db == 62


@pytest.mark.parametrize(
    ("chip", "wanted_hz"), [(AD9361, 69_999_999), (AD9361, 6_000_000_001), (AD9363, 5_800_000_000)]
)
def test_an_lo_out_of_range_is_refused_and_changes_nothing(chip: ChipModel, wanted_hz: int) -> None:
    phy = _phy(chip)
    before = phy.state
    with pytest.raises(Refused) as caught:
        phy.set_center(wanted_hz)
    assert caught.value.code == errno.EINVAL
    assert phy.state == before


def test_gain_is_refused_under_agc_and_outside_the_table() -> None:
    phy = _phy()
    with pytest.raises(Refused) as caught:
        phy.set_gain(30)
    assert caught.value.code == errno.EOPNOTSUPP
    phy.set_mode("manual")
    with pytest.raises(Refused) as caught:
        phy.set_gain(72)
    assert caught.value.code == errno.EINVAL
    phy.set_gain(30.7)
    assert phy.state.gain_db == 30


def test_bandwidth_is_limited_silently() -> None:
    phy = _phy(AD9363)
    phy.set_bandwidth(56_000_000)
    assert phy.state.bandwidth_hz == 20_000_000


def test_the_lowest_rate_needs_the_fir() -> None:
    phy = _phy()
    with pytest.raises(Refused):
        phy.set_rate(1_000_000)
    phy.fir_enabled = True
    phy.set_rate(1_000_000)
    assert phy.state.rate_hz == pytest.approx(1_000_000, abs=2)


def test_agc_follows_the_level_within_the_table() -> None:
    phy = _phy()
    for _ in range(60):
        phy.follow_level(-60.0)
    assert phy.state.gain_db == 71
    phy.follow_level(0.0)
    assert phy.state.gain_db < 71
    phy.set_mode("manual")
    kept = phy.state
    phy.follow_level(0.0)
    assert phy.state == kept


def test_segments_say_what_was_in_force_when() -> None:
    phy = _phy()
    start_ns = phy.epoch_ns
    phy.set_center(2_410_000_000)
    phy.set_center(2_420_000_000)
    parts = phy.segments(start_ns, start_ns + 10**12)
    assert [round(state.center_hz / 1e6) for _, state in parts] == [2400, 2410, 2420]
    assert parts[0][0] == start_ns
    assert [since for since, _ in parts] == sorted(since for since, _ in parts)
    since_ns = parts[-1][0]
    only = phy.segments(since_ns, since_ns + 1)
    assert len(only) == 1
    assert round(only[0][1].center_hz / 1e6) == 2420
    before = phy.segments(since_ns - 2, since_ns - 1)
    assert round(before[-1][1].center_hz / 1e6) != 2420
