"""Which receiver is believed, what of it, and for how long."""

from __future__ import annotations

import datetime

import pytest

from ndefender.events.host import GpsSection
from ndefender.system.gps_receivers import STALE_S, Receivers
from ndefender.system.gpsd_reports import Device, Devices, Satellite, Sky, Tpv, Version

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
A, B = "/dev/ttyA", "/dev/ttyB"


def fix(device: str = A, mode: int = 3, lat: float | None = 37.0, lon: float | None = -122.0) -> Tpv:
    return Tpv(device=device, mode=mode, time=NOON, lat=lat, lon=lon, alt_msl=40.0, speed=8.0, track=90.0)


@pytest.fixture
def receivers() -> Receivers:
    return Receivers(0.0)


def test_a_whole_fix(receivers: Receivers) -> None:
    assert receivers.take(fix(), 1.0)
    assert receivers.take(Sky(device=A, hdop=0.9, vdop=1.3, pdop=1.6, seen=9, used=6), 1.0)
    assert receivers.section(1.0) == GpsSection(
        fix="3d",
        lat=37.0,
        lon=-122.0,
        altitude_m=40.0,
        speed_m_s=8.0,
        track_deg=90.0,
        hdop=0.9,
        vdop=1.3,
        pdop=1.6,
        satellites_seen=9,
        satellites_used=6,
        fix_time_ms=round(NOON.timestamp() * 1000),
        device=A,
    )


@pytest.mark.parametrize("mode", [0, 1])
def test_no_fix_has_no_position_whatever_else_is_said(receivers: Receivers, mode: int) -> None:
    receivers.take(fix(mode=mode), 1.0)
    assert receivers.section(1.0) == GpsSection(fix="none", device=A)


@pytest.mark.parametrize(("lat", "lon"), [(None, None), (37.0, None), (None, -122.0)])
def test_a_fix_without_a_place_is_none(receivers: Receivers, lat: float | None, lon: float | None) -> None:
    receivers.take(fix(lat=lat, lon=lon), 1.0)
    assert receivers.section(1.0) == GpsSection(fix="none", device=A)


def test_a_flat_fix_has_no_altitude(receivers: Receivers) -> None:
    receivers.take(fix(mode=2), 1.0)
    section = receivers.section(1.0)
    assert (section.fix, section.altitude_m, section.lat) == ("2d", None, 37.0)


@pytest.mark.parametrize(
    ("tpv", "altitude_m"),
    [
        (Tpv(mode=3, lat=0.0, lon=0.0, alt_msl=1.0, alt_hae=2.0, alt=3.0), 1.0),
        (Tpv(mode=3, lat=0.0, lon=0.0, alt_hae=2.0, alt=3.0), 2.0),
        (Tpv(mode=3, lat=0.0, lon=0.0, alt=3.0), 3.0),
        (Tpv(mode=3, lat=0.0, lon=0.0), None),
    ],
)
def test_which_altitude(receivers: Receivers, tpv: Tpv, altitude_m: float | None) -> None:
    receivers.take(tpv, 1.0)
    assert receivers.section(1.0).altitude_m == altitude_m


def test_a_receiver_that_falls_silent_is_nowhere(receivers: Receivers) -> None:
    receivers.take(Devices([Device(A, "now")]), 0.0)
    receivers.take(fix(), 1.0)
    assert receivers.section(1.0 + STALE_S).fix == "3d"
    section = receivers.section(1.1 + STALE_S)
    assert (section.status, section.fix, section.lat) == ("degraded", None, None)
    assert section.last_error == f"no position from {A} for 5 s"


def test_a_receiver_that_never_spoke(receivers: Receivers) -> None:
    receivers.take(Devices([Device(A, "now")]), 0.0)
    assert receivers.section(STALE_S) == GpsSection()
    assert receivers.section(STALE_S + 2).last_error == f"no position from {A} for 7 s"


def test_gpsd_without_a_receiver_says_so_at_once(receivers: Receivers) -> None:
    receivers.take(Devices([]), 0.0)
    assert receivers.section(0.0) == GpsSection(status="degraded", last_error="gpsd has no receiver")


def test_a_receiver_that_is_pulled_out(receivers: Receivers) -> None:
    receivers.take(Device(A, "2026-11-22T12:00:00Z"), 0.0)
    receivers.take(fix(), 1.0)
    receivers.take(Device(A, 0), 1.5)
    assert receivers.section(1.5).last_error == "gpsd has no receiver"
    receivers.take(Device(A, 1700000000.5), 2.0)
    receivers.take(fix(), 2.0)
    assert receivers.section(2.0).fix == "3d"


def test_the_best_fix_is_believed_and_kept_while_none_is_better(receivers: Receivers) -> None:
    receivers.take(fix(A, mode=2), 1.0)
    receivers.take(fix(B, mode=1), 1.1)
    assert receivers.section(1.2).device == A
    receivers.take(fix(B, mode=2), 1.3)
    assert receivers.section(1.4).device == A  # as good: no reason to jump
    receivers.take(fix(B, mode=3), 1.5)
    assert receivers.section(1.6).device == B
    receivers.take(fix(A, mode=3), 1.7)
    assert receivers.section(1.8).device == B
    receivers.take(fix(A, mode=3), 5.0)
    assert receivers.section(1.5 + STALE_S + 0.1).device == A  # the other fell silent


def test_the_list_of_receivers_drops_the_others(receivers: Receivers) -> None:
    receivers.take(fix(A), 1.0)
    receivers.take(fix(B, mode=2), 1.0)
    receivers.take(Devices([Device(B, "now")]), 1.1)
    assert receivers.section(1.2).device == B


def test_the_halves_of_a_sky_view_are_joined(receivers: Receivers) -> None:
    receivers.take(fix(), 1.0)
    receivers.take(Sky(device=A, satellites=[Satellite(True), Satellite(True), Satellite(False)]), 1.0)
    receivers.take(Sky(device=A, hdop=0.9), 1.1)
    section = receivers.section(1.2)
    assert (section.hdop, section.satellites_seen, section.satellites_used) == (0.9, 3, 2)


def test_a_count_does_not_outlive_the_satellites_it_counted(receivers: Receivers) -> None:
    receivers.take(fix(), 1.0)
    receivers.take(Sky(device=A, seen=9, used=6), 1.0)
    receivers.take(Sky(device=A, satellites=[Satellite(True)]), 1.1)
    section = receivers.section(1.2)
    assert (section.satellites_seen, section.satellites_used) == (1, 1)


def test_a_dilution_of_99_is_unknown(receivers: Receivers) -> None:
    receivers.take(fix(), 1.0)
    receivers.take(Sky(device=A, hdop=99.99, vdop=1.0), 1.0)
    section = receivers.section(1.0)
    assert (section.hdop, section.vdop) == (None, 1.0)


def test_an_old_sky_is_not_shown(receivers: Receivers) -> None:
    receivers.take(Sky(device=A, seen=9, used=6), 1.0)
    receivers.take(fix(), 9.0)
    assert receivers.section(9.0).satellites_seen is None


def test_receivers_are_bounded(receivers: Receivers) -> None:
    for number in range(1000):
        receivers.take(fix(f"/dev/{number}"), float(number) / 1000)
        receivers.take(Device(f"/dev/{number}", "now"), float(number) / 1000)
    assert len(receivers._receivers) <= 16
    assert receivers.section(1.0).fix == "3d"


def test_a_greeting_changes_nothing(receivers: Receivers) -> None:
    assert not receivers.take(Version("3.22"), 0.0)
