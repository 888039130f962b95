"""What an aircraft cannot be: impossible motion, one ID in two places, clocks out of step, fields that contradict.

A finding is a flag with its reason on the contact; nothing is dropped for it, and nothing is corrected. The table with
the limits and where they come from is docs/remoteid.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ndefender.remoteid.identity import Uas
from ndefender.remoteid.models import is_serial
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import HorizontalAccuracy, Status, UaType

EARTH_RADIUS_M: Final = 6_371_000.0
# Faster than any small unmanned aircraft that is sold or known of; what is raced and what has jets included.
MAX_SPEED_M_S: Final = 200.0
MAX_CLIMB_M_S: Final = 62.0  # the standard's own range
TETHERED_SPEED_M_S: Final = 30.0  # a storm: what hangs on a line does not go faster over ground
GROUND_SPEED_M_S: Final = 30.0  # "on the ground", faster than a launcher or a landing
GROUND_HEIGHT_M: Final = 30.0
# Two fixes may each be a second old, and off by their stated accuracy; this much is never called a jump.
JUMP_SLACK_M: Final = 200.0
SURELY_NEAR_DEG: Final = 0.001  # 111 m north and as much east at most: within the slack
FIX_AGE_S: Final = 1.0
SAME_TIME_S: Final = 10.0  # fixes of two senders no further apart are compared
TIMESTAMP_S: Final = (
    30.0  # a location is at most a second old when it is sent; the rest is for the receiver's own clock
)
CLOCK_S: Final = 120.0
TIMESTAMP_STEP_S: Final = 5.0
OPERATOR_M: Final = 200_000.0  # beyond the horizon of anything that flies below 3 km
ALTITUDES_M: Final = 1500.0  # pressure and ellipsoid differ by weather (500 m) and geoid (110 m)
MAX_ALTITUDE_M: Final = 20_000.0
MIN_ALTITUDE_M: Final = -500.0  # under the Dead Sea's shore
MAX_PLACES: Final = 4
_HOUR_S: Final = 3600.0
_TETHERED: Final = frozenset({UaType.KITE, UaType.CAPTIVE_BALLOON, UaType.TETHERED_POWERED, UaType.GROUND_OBSTACLE})
_ACCURACY_M: Final[dict[int, float]] = {
    HorizontalAccuracy.BELOW_18520_M: 18_520.0,
    HorizontalAccuracy.BELOW_7408_M: 7_408.0,
    HorizontalAccuracy.BELOW_3704_M: 3_704.0,
    HorizontalAccuracy.BELOW_1852_M: 1_852.0,
    HorizontalAccuracy.BELOW_926_M: 926.0,
    HorizontalAccuracy.BELOW_555_6_M: 555.6,
    HorizontalAccuracy.BELOW_185_2_M: 185.2,
}  # finer ones are within the slack; so is "unknown", which most aircraft say


class Finding(NamedTuple):
    """One thing that cannot be: which, and in plain words why."""

    code: str
    reason: str


@dataclass(slots=True)
class Flag:
    """A finding on a contact. Times in milliseconds since the epoch."""

    code: str
    reason: str
    first_ms: int
    last_ms: int
    count: int = 1


class Fix(NamedTuple):
    """A position, when it was heard (monotonic), from which address, and within what it is sure."""

    lat_deg: float
    lon_deg: float
    at_ns: int
    sender: str
    accuracy_m: float


@dataclass(slots=True)
class Motion:
    """What is remembered of an aircraft to judge its next position.

    Args:
        places: newest fix by address, the newest last.
        left: the place from which it jumped last.
        clock_s: by how much the aircraft's time stamps were behind when last heard.
    """

    places: dict[str, Fix] = field(default_factory=dict)
    left: Fix | None = None
    clock_s: float | None = None


def note(flags: dict[str, Flag], findings: Iterable[Finding], unix_ms: int) -> bool:
    """Put findings on a contact.

    Returns:
        whether one of them is new.
    """
    news = False
    for code, reason in findings:
        known = flags.get(code)
        if known is None:
            flags[code] = Flag(code, reason, unix_ms, unix_ms)
            news = True
        else:
            known.reason, known.last_ms = reason, max(known.last_ms, unix_ms)
            known.count += 1
    return news


def distance_m(a: Fix, b: Fix) -> float:
    """Great-circle distance of two positions, metres (haversine, spherical Earth)."""
    lat_a, lat_b = math.radians(a.lat_deg), math.radians(b.lat_deg)
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(b.lon_deg - a.lon_deg) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(chord, 1.0)))


def reachable(a: Fix, b: Fix) -> bool:
    """Whether one aircraft can have been at both."""
    if abs(b.lat_deg - a.lat_deg) < SURELY_NEAR_DEG and abs(b.lon_deg - a.lon_deg) < SURELY_NEAR_DEG:
        return True  # no need to know how far
    apart_s = abs(b.at_ns - a.at_ns) / 1e9 + FIX_AGE_S
    return distance_m(a, b) <= JUMP_SLACK_M + a.accuracy_m + b.accuracy_m + MAX_SPEED_M_S * apart_s


def in_range(lat_deg: float, lon_deg: float) -> bool:
    """Whether there is such a place on Earth."""
    return abs(lat_deg) <= 90.0 and abs(lon_deg) <= 180.0


def of_motion(motion: Motion, location: Location, sender: str, now_ns: int) -> Iterator[Finding]:
    """Judge a position by the ones before it, and remember it.

    Args:
        motion: what is remembered; changed.
        location: newest.
        sender: its address.
        now_ns: monotonic.
    """
    lat_deg, lon_deg = location.lat_deg, location.lon_deg
    if lat_deg is None or lon_deg is None:
        return
    if not in_range(lat_deg, lon_deg):
        yield Finding(
            "position_out_of_range", f"latitude {lat_deg:.7f}, longitude {lon_deg:.7f}: there is no such place"
        )
        return
    fix = Fix(lat_deg, lon_deg, now_ns, sender, _ACCURACY_M.get(location.horizontal_accuracy, 0.0))
    before = motion.places.pop(sender, None)
    others = [each for each in motion.places.values() if now_ns - each.at_ns <= SAME_TIME_S * 1e9]
    motion.places[sender] = fix
    while len(motion.places) > MAX_PLACES:
        del motion.places[next(iter(motion.places))]
    if before is not None and not reachable(before, fix):
        there_and_back = motion.left is not None and reachable(motion.left, fix)
        motion.left = before
        if there_and_back:
            yield Finding("id_in_two_places", _two_places(before, fix))
        else:
            apart_s = (fix.at_ns - before.at_ns) / 1e9
            yield Finding(
                "impossible_jump",
                f"{distance_m(before, fix) / 1000:.1f} km in {apart_s:.1f} s, at most {MAX_SPEED_M_S:g} m/s",
            )
    elsewhere = next((other for other in others if not reachable(other, fix)), None)
    if elsewhere is not None:
        yield Finding("id_in_two_places", _two_places(elsewhere, fix))


def _two_places(a: Fix, b: Fix) -> str:
    whose = f"{a.sender} and {b.sender}" if a.sender != b.sender else f"{a.sender} alone"
    return (
        f"{distance_m(a, b) / 1000:.1f} km apart within {(b.at_ns - a.at_ns) / 1e9:.1f} s, from {whose}: "
        f"{a.lat_deg:.5f} {a.lon_deg:.5f} and {b.lat_deg:.5f} {b.lon_deg:.5f}"
    )


def age_s(location: Location, unix_ms: int) -> float | None:
    """By how much the time stamp of a position is behind the receiver's clock, within half an hour either way."""
    if location.timestamp_s is None or location.timestamp_s > _HOUR_S:
        return None
    behind_s = (unix_ms / 1000 - location.timestamp_s) % _HOUR_S
    return round(behind_s - _HOUR_S if behind_s > _HOUR_S / 2 else behind_s, 1)


def of_location_time(motion: Motion, location: Location, unix_ms: int) -> Iterator[Finding]:
    """Judge the time stamp of a position, and remember it."""
    if location.timestamp_s is not None and location.timestamp_s > _HOUR_S:
        yield Finding("field_out_of_range", f"time stamp {location.timestamp_s:g} s in the hour, at most {_HOUR_S:g} s")
    behind_s = age_s(location, unix_ms)
    if behind_s is None:
        motion.clock_s = None
        return
    stepped_s = 0.0 if motion.clock_s is None else behind_s - motion.clock_s
    if abs(stepped_s) > _HOUR_S / 2:
        stepped_s -= math.copysign(_HOUR_S, stepped_s)
    motion.clock_s = behind_s
    if abs(behind_s) > TIMESTAMP_S:
        heard_s = unix_ms / 1000 % _HOUR_S
        yield Finding(
            "timestamp_out_of_step",
            f"position stamped {location.timestamp_s:.1f} s in the hour, heard at {heard_s:.1f} s: {behind_s:+.1f} s, "
            f"allowed ±{TIMESTAMP_S:g} s",
        )
    if abs(stepped_s) > TIMESTAMP_STEP_S:
        yield Finding("timestamp_step", f"its clock stepped by {-stepped_s:+.1f} s, allowed ±{TIMESTAMP_STEP_S:g} s")


def of_location(location: Location, ua_type: UaType | int | None) -> Iterator[Finding]:
    """Judge the fields of a Location by themselves."""
    speed_m_s, height_m, climb_m_s = location.speed_m_s or 0.0, location.height_m or 0.0, location.vertical_speed_m_s
    if speed_m_s > MAX_SPEED_M_S:
        yield Finding("impossible_speed", f"says {speed_m_s:g} m/s, at most {MAX_SPEED_M_S:g} m/s")
    elif ua_type in _TETHERED and speed_m_s > TETHERED_SPEED_M_S:
        yield Finding("tethered_but_moving", f"on a line at {speed_m_s:g} m/s, at most {TETHERED_SPEED_M_S:g} m/s")
    if climb_m_s is not None and abs(climb_m_s) > MAX_CLIMB_M_S:
        yield Finding("impossible_speed", f"climbs at {climb_m_s:g} m/s, at most {MAX_CLIMB_M_S:g} m/s")
    if location.status == Status.GROUND:
        if speed_m_s > GROUND_SPEED_M_S:
            yield Finding("ground_but_flying", f"on the ground at {speed_m_s:g} m/s, at most {GROUND_SPEED_M_S:g} m/s")
        elif height_m > GROUND_HEIGHT_M:
            yield Finding("ground_but_flying", f"on the ground at {height_m:g} m height, at most {GROUND_HEIGHT_M:g} m")
    if location.track_deg is not None and location.track_deg > 359:
        yield Finding("field_out_of_range", f"track {location.track_deg}°, at most 359°")
    altitudes = [a for a in (location.altitude_geodetic_m, location.altitude_pressure_m) if a is not None]
    if any(not MIN_ALTITUDE_M <= a <= MAX_ALTITUDE_M for a in altitudes):
        listed = ", ".join(f"{a:g} m" for a in altitudes)
        yield Finding("impossible_altitude", f"{listed}, allowed {MIN_ALTITUDE_M:g} to {MAX_ALTITUDE_M:g} m")
    elif len(altitudes) == 2 and abs(altitudes[0] - altitudes[1]) > ALTITUDES_M:
        yield Finding(
            "altitudes_disagree",
            f"{altitudes[0]:g} m above the ellipsoid, {altitudes[1]:g} m by pressure, at most {ALTITUDES_M:g} m apart",
        )


def of_system(system: System, location: Location | None, unix_ms: int) -> Iterator[Finding]:
    """Judge where the operator is, and the clock of the message."""
    if system.timestamp_unix_s is not None and abs(ahead_s := system.timestamp_unix_s - unix_ms / 1000) > CLOCK_S:
        yield Finding("clock_out_of_step", f"its clock is off by {ahead_s:+.0f} s, allowed ±{CLOCK_S:g} s")
    lat_deg, lon_deg = system.operator_lat_deg, system.operator_lon_deg
    if lat_deg is None or lon_deg is None:
        return
    if not in_range(lat_deg, lon_deg):
        yield Finding(
            "operator_out_of_range",
            f"operator at latitude {lat_deg:.7f}, longitude {lon_deg:.7f}: there is no such place",
        )
    elif location is not None and location.lat_deg is not None and location.lon_deg is not None:
        if abs(lat_deg - location.lat_deg) < 1.0 and abs(lon_deg - location.lon_deg) < 1.0:
            return  # 157 km at most: no need to know how far
        there, here = Fix(lat_deg, lon_deg, 0, "", 0.0), Fix(location.lat_deg, location.lon_deg, 0, "", 0.0)
        if in_range(*here[:2]) and (apart_m := distance_m(there, here)) > OPERATOR_M:
            yield Finding(
                "operator_far_away",
                f"operator {apart_m / 1000:.0f} km from the aircraft, at most {OPERATOR_M / 1000:g} km",
            )


def of_ids(ids: Iterable[Uas], contradicting: Iterable[Uas]) -> Iterator[Finding]:
    """Judge the IDs of one transmission.

    Args:
        ids: that one aircraft can have.
        contradicting: that it cannot have besides.
    """
    for id_type, text in ids:
        if id_type == "serial_number" and not is_serial(text):
            yield Finding("serial_malformed", f"{text!r} is no serial number by ANSI/CTA-2063-A")
    for id_type, text in contradicting:
        yield Finding("ids_contradict", f"a second ID of type {id_type} in one transmission: {text!r}")
