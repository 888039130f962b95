"""Receivers that hear video: over their own floor, wherever that is."""

from __future__ import annotations

import pytest
from state_feeds import T0_MS, Rig, S, rf_data

from ndefender.events.snapshot import FpvContact
from ndefender.state.fpv import Floors


def fpv(rig: Rig) -> dict[int, FpvContact]:
    return {c.vrx_id: c for c in rig.aggregate.contacts() if isinstance(c, FpvContact)}


def test_the_contract_s_example_is_one_receiver_that_hears_video() -> None:
    rig = Rig()
    rig.panel(219, 140, 98)
    assert fpv(rig) == {
        1: FpvContact(
            id="fpv:1", source="esp32", last_seen_ts=T0_MS, vrx_id=1, freq_hz=5_740_000_000, rssi_raw=219,
            selected=True, severity="medium", severity_reason="receiver's level is over its floor",
        )
    }  # fmt: skip


def test_receivers_are_held_against_their_own_floors() -> None:
    rig = Rig()
    for _ in range(5):
        rig.panel(100, 112, 95)
        rig.wait(1.0)
    assert fpv(rig) == {}
    rig.panel(139, 151, 134)
    assert fpv(rig) == {}
    rig.panel(139, 153, 134)
    assert list(fpv(rig)) == [2]


def test_a_contact_stays_over_half_the_threshold_and_ends_by_its_ttl() -> None:
    rig = Rig(ttl_fpv_s=5.0)
    for raw in (100, 100, 100, 170, 125):
        rig.panel(raw, 100, 100)
        rig.wait(1.0)
    assert fpv(rig)[1].rssi_raw == 125
    rig.panel(115, 100, 100)
    assert fpv(rig)[1].rssi_raw == 125  # not heard any more
    rig.aggregate.take_snapshot_due()
    rig.wait(4.0)
    assert list(fpv(rig)) == [1]
    assert not rig.aggregate.take_snapshot_due()
    rig.wait(1.5)
    assert fpv(rig) == {}
    assert rig.aggregate.take_snapshot_due()
    assert not rig.aggregate.take_snapshot_due()


def test_the_clock_of_the_panel_is_not_used() -> None:
    rig = Rig()
    rig.panel(219, 98, 98)
    assert fpv(rig)[1].last_seen_ts == T0_MS


def test_a_transmitter_that_stays_for_hours_does_not_become_the_floor() -> None:
    rig = Rig()
    rig.panel(100, 100, 100)
    for _ in range(6 * 60):
        rig.wait(60.0)
        rig.panel(220, 100, 100)
    assert list(fpv(rig)) == [1]
    alone = Floors(60, 40)
    for minute in range(6 * 60):
        alone.look(1, 5_740_000_000, 220 if minute > 3 else 100, minute * 60 * S)
    assert alone.floor_raw(1) == 100


def test_a_drifting_floor_is_followed() -> None:
    rig = Rig()
    for minute in range(200):
        rig.wait(60.0)
        rig.panel(100 + minute // 2, 90 + minute // 2, 95 + minute // 2)
        assert fpv(rig) == {}, minute


def test_one_broken_reading_moves_no_floor() -> None:
    floors = Floors(60, 40)
    for raw in (100, 100, 100, 0, 100, 100):
        floors.look(1, 5_740_000_000, raw, 0)
    assert floors.floor_raw(1) == 100
    fresh = Floors(60, 40)
    for raw in (0, 100, 101):
        fresh.look(1, 5_740_000_000, raw, 0)
    assert fresh.floor_raw(1) == 100


def test_a_receiver_parked_on_a_signal_since_the_start_is_found_by_the_others() -> None:
    rig = Rig()
    for _ in range(30):
        rig.panel(400, 120, 98)
        rig.wait(1.0)
    assert list(fpv(rig)) == [1]


def test_receivers_on_signals_since_the_start_are_heard_while_one_is_on_a_free_channel() -> None:
    rig = Rig()
    for drift in range(60):
        rig.panel(178 + drift % 5 - 2, 164 + drift % 4 - 2, 95 + drift % 3 - 1)
        rig.wait(1.0)
        assert sorted(fpv(rig)) == [1, 2], drift


def test_receivers_whose_floors_differ_hear_nothing() -> None:
    rig = Rig()
    for _ in range(60):
        rig.panel(98, 140, 118)  # 42 apart: the spread of the floors and half the threshold
        rig.wait(1.0)
        assert fpv(rig) == {}


def test_a_scan_proves_a_floor_that_is_higher_than_the_others() -> None:
    floors = Floors(60, 40)
    floors.look(2, 5_740_000_000, 100, 0)
    for step in range(5):
        floors.look(1, 5_645_000_000 + step * 2_000_000, 300, step * S)
    assert floors.floor_raw(1) == 140  # five channels that one signal covers prove nothing
    for step in range(5):
        floors.look(1, 5_665_000_000 + step * 10_000_000, 300, step * S)
    assert floors.floor_raw(1) == 300
    assert not floors.hears(1, 330, heard_before=False)
    assert floors.hears(1, 360, heard_before=False)


def test_a_scan_over_signals_finds_the_free_channels() -> None:
    floors = Floors(60, 40)
    for _ in range(3):
        for step in range(111):
            occupied = step % 10 < 7
            floors.look(1, 5_645_000_000 + step * 2_000_000, 250 if occupied else 110, 0)
    assert floors.floor_raw(1) == 110


def test_the_memory_of_channels_is_bounded() -> None:
    floors = Floors(60, 40)
    for step in range(2000):
        floors.look(1, 5_645_000_000 + step, 100 if step else 1, 0)
    assert floors.floor_raw(1) == 100


def test_a_label_of_a_receiver_comes_with_a_snapshot_at_once() -> None:
    rig = Rig()
    rig.panel(219, 140, 98)
    rig.aggregate.take_snapshot_due()
    assert rig.aggregate.set_label("fpv:1", "friendly", None, T0_MS) == []
    assert rig.aggregate.take_snapshot_due()
    assert (fpv(rig)[1].label, fpv(rig)[1].severity) == ("friendly", "low")


@pytest.mark.parametrize(
    ("mhz", "correlated", "severity"),
    [(5748, False, "high"), (5748, True, "critical"), (5760, True, "medium")],
)
def test_an_rf_contact_on_the_channel_raises_it(mhz: int, correlated: bool, severity: str) -> None:
    rig = Rig()
    rig.panel(219, 140, 98)
    rig.rf("NEW", rf_data(mhz, features={"class_path": ["Analog", "Video"], "control_correlation": correlated}))
    assert fpv(rig)[1].severity == severity
