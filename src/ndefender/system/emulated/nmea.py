"""What a GPS receiver on a serial line says: NMEA 0183 sentences of a flight along a circle. Pure.

A sentence is `$` body `*` checksum CR LF; the checksum is the exclusive or of the body's characters, two hexadecimal
digits. Angles are degrees and decimal minutes (`ddmm.mmmmm`), speed is in knots.
"""

from __future__ import annotations

import datetime
import functools
import math
import operator
from collections.abc import Iterator
from typing import NamedTuple

KNOT_M_S = 1852 / 3600
EARTH_RADIUS_M = 6_371_008.8  # mean
GEOID_M = -32.0  # of the ellipsoid, about where the circle lies
SATELLITES = ((2, 61, 40, 44), (5, 33, 120, 41), (7, 18, 300, 35), (9, 72, 210, 46), (13, 45, 80, 43), (21, 12, 10, 29))


class Place(NamedTuple):
    """Where the receiver is: WGS 84 degrees, metres above mean sea level, metres a second, degrees from north."""

    lat_deg: float
    lon_deg: float
    altitude_m: float
    speed_m_s: float
    track_deg: float


def checksum(body: str) -> str:
    """Two hexadecimal digits of a sentence's body."""
    return f"{functools.reduce(operator.xor, body.encode('ascii'), 0):02X}"


def sentence(body: str) -> str:
    """A whole sentence."""
    return f"${body}*{checksum(body)}\r\n"


def circle(t_s: float, lat_deg: float, lon_deg: float, radius_m: float = 150.0, speed_m_s: float = 8.0) -> Place:
    """The place at a time of someone who circles clockwise round a point."""
    bearing = t_s * speed_m_s / radius_m
    north_m, east_m = radius_m * math.cos(bearing), radius_m * math.sin(bearing)
    return Place(
        lat_deg + math.degrees(north_m / EARTH_RADIUS_M),
        lon_deg + math.degrees(east_m / (EARTH_RADIUS_M * math.cos(math.radians(lat_deg)))),
        40.0 + 5.0 * math.sin(bearing),
        speed_m_s,
        (math.degrees(bearing) + 90.0) % 360.0,
    )


def epoch(when: datetime.datetime, place: Place | None) -> list[str]:
    """The sentences of one second: GGA, GSA, GSV, RMC; `place` None where there is no fix."""
    clock, date = when.strftime("%H%M%S.00"), when.strftime("%d%m%y")
    numbers = [f"{number:02d}" for number, *_ in SATELLITES] if place else []
    used = ",".join(numbers + [""] * (12 - len(numbers)))
    if place is None:
        return [
            sentence(f"GPGGA,{clock},,,,,0,00,99.99,,,,,,"),
            sentence(f"GPGSA,A,1,{used},99.99,99.99,99.99"),
            *_sky(),
            sentence(f"GPRMC,{clock},V,,,,,,,{date},,,N"),
        ]
    lat, lon = _angle(place.lat_deg, 2, "NS"), _angle(place.lon_deg, 3, "EW")
    knots = place.speed_m_s / KNOT_M_S
    return [
        sentence(f"GPGGA,{clock},{lat},{lon},1,{len(numbers):02d},0.90,{place.altitude_m:.1f},M,{GEOID_M:.1f},M,,"),
        sentence(f"GPGSA,A,3,{used},1.60,0.90,1.32"),
        *_sky(),
        sentence(f"GPRMC,{clock},A,{lat},{lon},{knots:.2f},{place.track_deg:.1f},{date},,,A"),
    ]


def flight(
    start: datetime.datetime, n_seconds: int, lost: range, lat_deg: float, lon_deg: float
) -> Iterator[list[str]]:
    """Epochs of a flight round a point, without a fix in the seconds of `lost`."""
    for second in range(n_seconds):
        place = None if second in lost else circle(second, lat_deg, lon_deg)
        yield epoch(start + datetime.timedelta(seconds=second), place)


def _angle(degrees: float, whole_digits: int, signs: str) -> str:
    minutes_e5 = round(abs(degrees) * 60 * 100_000)
    whole, rest_e5 = divmod(minutes_e5, 60 * 100_000)
    return f"{whole:0{whole_digits}d}{rest_e5 / 100_000:08.5f},{signs[degrees < 0]}"


def _sky() -> list[str]:
    groups = [SATELLITES[i : i + 4] for i in range(0, len(SATELLITES), 4)]
    return [
        sentence(
            f"GPGSV,{len(groups)},{number},{len(SATELLITES):02d},"
            + ",".join(f"{prn:02d},{elevation:02d},{azimuth:03d},{level}" for prn, elevation, azimuth, level in group)
        )
        for number, group in enumerate(groups, start=1)
    ]
