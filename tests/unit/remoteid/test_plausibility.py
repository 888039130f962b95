"""What an aircraft cannot be, and what it can."""

from __future__ import annotations

from typing import Any

import pytest
from support.rid_sky import MAC, MAC_2, SERIAL, basic, codes, east_of, heard, location, now_ns, unix_ms

from ndefender.remoteid.contact_data import ContactData
from ndefender.remoteid.frames.heard import Heard
from ndefender.remoteid.models import is_serial, manufacturer
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import HorizontalAccuracy, Status, UaType
from ndefender.remoteid.tracker import Tracker


def after(*items: Heard) -> ContactData:
    """The contact after these transmissions."""
    tracker = Tracker()
    for item in items:
        tracker.take(item, now_ns(item.time_s - 1_700_000_000.0))
    (change,) = tracker.again(0, 0)
    return change.data


def at(at_s: float, east_m: float, sender: str = MAC, **fields: Any) -> Heard:
    """The aircraft so far east."""
    return heard(at_s, basic(), location(at_s, lon=east_of(48.0, 11.0, east_m), **fields), sender=sender)


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        ([at(0, 0), at(1, 30), at(2, 60)], set()),
        ([at(0, 0), at(1, 590)], set()),  # 200 m/s for two seconds and the slack
        ([at(0, 0), at(1, 700)], {"impossible_jump"}),
        ([at(0, 0), at(60, 10_000)], set()),  # it had the time
        ([at(0, 0), at(1, 5_000), at(2, 10)], {"impossible_jump", "id_in_two_places"}),  # there and back: two senders
        ([at(0, 0), at(1, 5_000, MAC_2)], {"id_in_two_places"}),
        ([at(0, 0), at(1, 100, MAC_2)], set()),  # Wi-Fi and Bluetooth of one aircraft
        ([at(0, 0), at(25, 5_000, MAC_2)], set()),  # a new random address, some time later
        ([at(0, 0), at(1, 3_000, horizontal_accuracy=HorizontalAccuracy.BELOW_3704_M)], set()),
    ],
)
def test_motion(items: list[Heard], wanted: set[str]) -> None:
    assert codes(after(*items)) == wanted


def test_a_jump_over_the_date_line_is_none() -> None:
    west, east = (heard(n, basic(), location(n, lat=-17.0, lon=lon)) for n, lon in enumerate((179.9999, -179.9999)))
    assert codes(after(west, east)) == set()


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, set()),
        ({"speed_m_s": 199.5}, set()),
        ({"speed_m_s": 200.25}, {"impossible_speed"}),
        ({"vertical_speed_m_s": -62.0}, set()),
        ({"vertical_speed_m_s": -62.5}, {"impossible_speed"}),
        ({"status": Status.GROUND, "speed_m_s": 30.0, "height_m": 30.0}, set()),
        ({"status": Status.GROUND, "speed_m_s": 30.25}, {"ground_but_flying"}),
        ({"status": Status.GROUND, "height_m": 30.5}, {"ground_but_flying"}),
        ({"track_deg": 359}, set()),
        ({"track_deg": 360}, {"field_out_of_range"}),
        ({"altitude_geodetic_m": 20_000.0}, set()),
        ({"altitude_geodetic_m": 20_000.5}, {"impossible_altitude"}),
        ({"altitude_pressure_m": -500.5}, {"impossible_altitude"}),
        ({"altitude_geodetic_m": 1600.0, "altitude_pressure_m": 100.0}, set()),
        ({"altitude_geodetic_m": 1600.5, "altitude_pressure_m": 100.0}, {"altitudes_disagree"}),
        ({"lat": 90.5}, {"position_out_of_range"}),
        ({"lon": -180.5}, {"position_out_of_range"}),
        ({"timestamp_s": None}, set()),
        ({"timestamp_s": 3600.1}, {"field_out_of_range"}),
    ],
)
def test_fields(fields: dict[str, Any], wanted: set[str]) -> None:
    data = after(heard(0.0, basic(), location(0.0, **fields)))
    assert codes(data) == wanted
    assert all(flag.reason and flag.first_ts == flag.last_ts == unix_ms(0.0) for flag in data.plausibility)
    if "position_out_of_range" in wanted:
        assert (data.lat, data.lon, data.position_lost) == (None, None, True)


def test_what_hangs_on_a_line_does_not_race() -> None:
    pack = (basic(ua_type=UaType.CAPTIVE_BALLOON), location(0.0, speed_m_s=30.25))
    assert codes(after(heard(0.0, *pack))) == {"tethered_but_moving"}


@pytest.mark.parametrize(
    ("behind_s", "wanted"),
    [(0.9, set()), (-29.0, set()), (31.0, {"timestamp_out_of_step"}), (-1700.0, {"timestamp_out_of_step"})],
)
def test_the_clock_of_a_position(behind_s: float, wanted: set[str]) -> None:
    data = after(heard(0.0, basic(), location(-behind_s)))
    assert codes(data) == wanted
    assert data.location_age_s == pytest.approx(behind_s, abs=0.11)


def test_the_full_hour_is_no_step() -> None:
    start_s = 3600 - 1_700_000_000.0 % 3600 - 1.0
    assert codes(after(*(at(start_s + n * 0.4, 0) for n in range(6)))) == set()


def test_a_clock_that_steps_is_seen_where_the_receivers_own_is_within_bounds() -> None:
    late = heard(1.0, basic(), location(-7.0))
    assert codes(after(at(0, 0), late)) == {"timestamp_step"}


def test_the_operator_and_his_clock() -> None:
    near = System(operator_lat_deg=48.1, operator_lon_deg=11.0, timestamp_unix_s=1_700_000_100)
    assert codes(after(heard(0.0, basic(), location(0.0), near))) == set()
    far = System(operator_lat_deg=50.0, operator_lon_deg=11.0, timestamp_unix_s=1_700_000_121)
    data = after(heard(0.0, basic(), location(0.0), far))
    assert codes(data) == {"operator_far_away", "clock_out_of_step"}
    assert "222 km" in " ".join(flag.reason for flag in data.plausibility)
    nowhere = System(operator_lat_deg=91.0, operator_lon_deg=11.0)
    data = after(heard(0.0, basic(), nowhere))
    assert (codes(data), data.operator_lat) == ({"operator_out_of_range"}, None)


def test_a_flag_stays_counts_and_keeps_its_newest_reason() -> None:
    data = after(
        *(heard(n, basic(), location(n, speed_m_s=speed)) for n, speed in enumerate((201.0, 202.0, 5.0, 203.0)))
    )
    (flag,) = data.plausibility
    assert (flag.count, flag.first_ts, flag.last_ts) == (3, unix_ms(0.0), unix_ms(3.0))
    assert "203" in flag.reason


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (SERIAL, True),
        ("1596A3234567890", True),
        ("MFR1C123456789ABC", True),
        ("MFR1C123456789AB", False),  # a character short
        ("MFR1C123456789ABCD", False),
        ("1581F6N8A23B2ML3Y3KO", False),  # no letter O
        ("1581f6n8a23b2ml3y3kr", False),
        ("112624150A90E3AE1EC0", False),
        ("", False),
    ],
)
def test_serial_numbers(text: str, wanted: bool) -> None:
    assert is_serial(text) is wanted


def test_manufacturers() -> None:
    assert manufacturer(SERIAL) == "DJI"
    assert manufacturer("MFR1C123456789ABC") is None
    assert manufacturer("1581") is None


def test_a_malformed_serial_number_is_flagged() -> None:
    data = after(heard(0.0, basic("112624150A90E3AE1EC0"), location(0.0)))
    assert codes(data) == {"serial_malformed"}
