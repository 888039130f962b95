"""The emulated receiver's sentences: checksum, angles, the flight, and the loss of its fix."""

from __future__ import annotations

import datetime
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.system.emulated import nmea

NOON = datetime.datetime(2026, 11, 22, 12, 0, 5, tzinfo=datetime.UTC)
PLACE = nmea.Place(37.5, -122.25, 40.0, 8.0, 91.5)


@pytest.mark.parametrize(
    ("body", "digits"),
    [  # worked examples of the public NMEA 0183 literature
        ("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", "47"),
        ("GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W", "6A"),
        ("", "00"),
    ],
)
def test_the_checksum(body: str, digits: str) -> None:
    assert nmea.checksum(body) == digits
    assert nmea.sentence(body) == f"${body}*{digits}\r\n"


def test_a_fix() -> None:
    lines = nmea.epoch(NOON, PLACE)
    assert [line[3:6] for line in lines] == ["GGA", "GSA", "GSV", "GSV", "RMC"]
    assert "120005.00,3730.00000,N,12215.00000,W,1,06,0.90,40.0,M" in lines[0]
    assert "120005.00,A,3730.00000,N,12215.00000,W,15.55,91.5,221126,,,A" in lines[-1]


def test_no_fix() -> None:
    gga, gsa, *_, rmc = nmea.epoch(NOON, None)
    assert ",,,,,0,00," in gga
    assert gsa.startswith("$GPGSA,A,1,")
    assert rmc.startswith("$GPRMC,120005.00,V,,,,,")


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 100), st.floats(0, 359.9))
def test_any_place_is_said_exactly_enough(lat_deg: float, lon_deg: float, speed_m_s: float, track_deg: float) -> None:
    for line in nmea.epoch(NOON, nmea.Place(lat_deg, lon_deg, 0.0, speed_m_s, track_deg)):
        body, digits = line[1:].rstrip("\r\n").split("*")
        assert nmea.checksum(body) == digits
        assert len(line) <= 82
        assert line.isascii()
    fields = nmea.epoch(NOON, nmea.Place(lat_deg, lon_deg, 0.0, speed_m_s, track_deg))[0].split(",")
    minutes = float(fields[2][2:])
    assert minutes < 60
    said_deg = (int(fields[2][:2]) + minutes / 60) * (1 if fields[3] == "N" else -1)
    assert said_deg == pytest.approx(lat_deg, abs=1e-6)


def test_the_flight_moves_as_fast_as_it_says_and_closes() -> None:
    places = [nmea.circle(float(t_s), 37.0, -122.0) for t_s in range(119)]
    for here, there in itertools.pairwise(places):
        north_m = math.radians(there.lat_deg - here.lat_deg) * nmea.EARTH_RADIUS_M
        east_m = math.radians(there.lon_deg - here.lon_deg) * nmea.EARTH_RADIUS_M * math.cos(math.radians(37.0))
        assert math.hypot(north_m, east_m) == pytest.approx(8.0, rel=0.01)
        heading_deg = math.degrees(math.atan2(east_m, north_m)) % 360
        assert abs((heading_deg - here.track_deg + 180) % 360 - 180) < 3
    assert places[118].lat_deg == pytest.approx(places[0].lat_deg, abs=1e-5)


def test_the_fix_is_lost_where_it_was_asked() -> None:
    epochs = list(nmea.flight(NOON, 10, range(3, 6), 37.0, -122.0))
    assert [",A," in epoch[-1].replace("*", ",") and ",V," not in epoch[-1] for epoch in epochs] == [
        second not in range(3, 6) for second in range(10)
    ]
    assert epochs[9][0].startswith("$GPGGA,120014.00,")
