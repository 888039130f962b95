"""Location (type 1): where the aircraft is, how fast, and how sure that is.

| bytes | bits | field | raw to value | unknown |
| --- | --- | --- | --- | --- |
| 0 | 7-4, 3-0 | message type 1, protocol version | | |
| 1 | 7-4 | status | | |
| 1 | 3 | reserved | | |
| 1 | 2 | height reference | | |
| 1 | 1 | direction in the western half | + 180° | |
| 1 | 0 | speed multiplier | | |
| 2 | | track over ground, from true north | 1°, 0 to 179 | 181 and western half: 361° |
| 3 | | ground speed | 0.25 m/s; with the multiplier 0.75 m/s + 63.75 m/s | 255 and multiplier: 255 m/s |
| 4 | | vertical speed, up is positive, signed | 0.5 m/s, ±62 m/s | 126: 63 m/s |
| 5-8, 9-12 | | latitude, longitude (WGS 84), signed | 1e-7° | both 0 |
| 13-14 | | pressure altitude (1013.25 hPa) | 0.5 m - 1000 m | 0 |
| 15-16 | | geodetic altitude (WGS 84 ellipsoid) | 0.5 m - 1000 m | 0 |
| 17-18 | | height above the reference | 0.5 m - 1000 m | 0 |
| 19 | 7-4, 3-0 | vertical accuracy, horizontal accuracy | | 0 |
| 20 | 7-4, 3-0 | pressure altitude's accuracy, speed accuracy | | 0 |
| 21-22 | | time since the last full hour, UTC | 0.1 s, 0 to 3600 s | 65535 |
| 23 | 7-4 | reserved | | |
| 23 | 3-0 | accuracy of that time | 0.1 s | 0 |
| 24 | | reserved | | |

Numbers of several bytes are little-endian. What has a second spelling is read in both and written in one: directions of
180 and more in the eastern half, and 63.75 m/s with the multiplier, are not written.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from ndefender.remoteid.odid.fields import (
    UNITS_PER_DEG,
    altitude_m,
    altitude_raw,
    header,
    position_raw,
    reserved_bytes,
    scaled,
    within,
)
from ndefender.remoteid.odid.values import (
    VERSION,
    BadMessage,
    HeightReference,
    HorizontalAccuracy,
    SpeedAccuracy,
    Status,
    VerticalAccuracy,
    members,
)

TYPE: Final = 1

_LAYOUT = struct.Struct("<BBBBbiiHHHBBHBB")
_WEST, _MULTIPLIER = 0x02, 0x01
_TRACK_UNKNOWN_DEG = 361
_SPEED_UNKNOWN_M_S = 255.0
_FAST_M_S = 63.75  # the largest speed without the multiplier
_VERTICAL_UNKNOWN = 126
_TIME_UNKNOWN = 0xFFFF
_RESERVED = b"\x08\xf0\xff"  # of bytes 1, 23 and 24
_NOTHING_RESERVED = bytes(3)

_STATUSES = members(Status)
_HEIGHTS = (HeightReference.TAKEOFF, HeightReference.GROUND)
_HORIZONTAL = members(HorizontalAccuracy)
_VERTICAL = members(VerticalAccuracy)
_SPEED = members(SpeedAccuracy)


class Location(msgspec.Struct, frozen=True, gc=False):
    """Where the aircraft is. None: unknown. Numbers may be outside of the standard's ranges where the sender's are.

    Args:
        status: what the aircraft does.
        track_deg: direction over ground from true north, clockwise, 0 to 359 (up to 435 on the air).
        speed_m_s: over ground, 0 to 254.25.
        vertical_speed_m_s: up is positive, ±62 (±64 on the air).
        lat_deg, lon_deg: WGS 84, ±90 and ±180 (±214.7 on the air).
        altitude_pressure_m: by the standard atmosphere, -999.5 to 31767.5.
        altitude_geodetic_m: above the WGS 84 ellipsoid, the same range.
        height_m: above `height_reference`, the same range.
        height_reference: the place of take-off, or the ground below.
        horizontal_accuracy, vertical_accuracy, pressure_accuracy, speed_accuracy: 95 % bounds; `pressure_accuracy` is
            that of `altitude_pressure_m`.
        timestamp_s: since the last full hour, UTC, 0 to 3600 (6553.4 on the air), in tenths.
        timestamp_accuracy_s: 0.1 to 1.5.
        version: of the protocol, 0 to 15.
        reserved: the reserved bits of bytes 1 (0x08), 23 (0xf0) and 24.
    """

    status: Status | int = Status.UNDECLARED
    track_deg: int | None = None
    speed_m_s: float | None = None
    vertical_speed_m_s: float | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    altitude_pressure_m: float | None = None
    altitude_geodetic_m: float | None = None
    height_m: float | None = None
    height_reference: HeightReference = HeightReference.TAKEOFF
    horizontal_accuracy: HorizontalAccuracy | int = HorizontalAccuracy.UNKNOWN
    vertical_accuracy: VerticalAccuracy | int = VerticalAccuracy.UNKNOWN
    pressure_accuracy: VerticalAccuracy | int = VerticalAccuracy.UNKNOWN
    speed_accuracy: SpeedAccuracy | int = SpeedAccuracy.UNKNOWN
    timestamp_s: float | None = None
    timestamp_accuracy_s: float | None = None
    version: int = VERSION
    reserved: bytes = _NOTHING_RESERVED


def read(data: bytes) -> Location:
    """The 25 bytes of a Location as a value; any content is one."""
    (head, flags, track, speed, climb, lat, lon, pressure, geodetic, height, hv, bs, time, precision, last) = (
        _LAYOUT.unpack(data)
    )
    track += 180 if flags & _WEST else 0
    speed_m_s = speed * 0.75 + _FAST_M_S if flags & _MULTIPLIER else speed * 0.25
    fix = lat != 0 or lon != 0
    kept = flags & 0x08 or precision & 0xF0 or last
    return Location(
        _STATUSES[flags >> 4],
        None if track == _TRACK_UNKNOWN_DEG else track,
        None if speed_m_s == _SPEED_UNKNOWN_M_S else speed_m_s,
        None if climb == _VERTICAL_UNKNOWN else climb * 0.5,
        lat / UNITS_PER_DEG if fix else None,
        lon / UNITS_PER_DEG if fix else None,
        altitude_m(pressure),
        altitude_m(geodetic),
        altitude_m(height),
        _HEIGHTS[flags >> 2 & 1],
        _HORIZONTAL[hv & 0x0F],
        _VERTICAL[hv >> 4],
        _VERTICAL[bs >> 4],
        _SPEED[bs & 0x0F],
        None if time == _TIME_UNKNOWN else time / 10,
        (precision & 0x0F) / 10 if precision & 0x0F else None,
        head & 0x0F,
        bytes((flags & 0x08, precision & 0xF0, last)) if kept else _NOTHING_RESERVED,
    )


def write(message: Location) -> bytes:
    """The 25 bytes of a Location; measurements are rounded to the nearest step.

    Raises:
        BadMessage: a field is outside of what its bits hold, or means "unknown" on the air; the message names it.
    """
    in_flags, in_precision, last = reserved_bytes(message.reserved, _RESERVED)
    track, west = _track_raw(message.track_deg)
    speed, multiplier = _speed_raw(message.speed_m_s)
    time, precision_s = message.timestamp_s, message.timestamp_accuracy_s
    return _LAYOUT.pack(
        header(TYPE, message.version),
        within("status", message.status, 0, 15) << 4
        | within("height_reference", message.height_reference, 0, 1) << 2
        | in_flags
        | west
        | multiplier,
        track,
        speed,
        _climb_raw(message.vertical_speed_m_s),
        *position_raw("position", message.lat_deg, message.lon_deg),
        altitude_raw("altitude_pressure_m", message.altitude_pressure_m),
        altitude_raw("altitude_geodetic_m", message.altitude_geodetic_m),
        altitude_raw("height_m", message.height_m),
        within("vertical_accuracy", message.vertical_accuracy, 0, 15) << 4
        | within("horizontal_accuracy", message.horizontal_accuracy, 0, 15),
        within("pressure_accuracy", message.pressure_accuracy, 0, 15) << 4
        | within("speed_accuracy", message.speed_accuracy, 0, 15),
        _TIME_UNKNOWN if time is None else scaled("timestamp_s", time, 10, 0, _TIME_UNKNOWN - 1),
        in_precision | (0 if precision_s is None else scaled("timestamp_accuracy_s", precision_s, 10, 1, 15)),
        last,
    )


def _track_raw(track_deg: float | None) -> tuple[int, int]:
    """Raw direction and flag of the western half."""
    track = _TRACK_UNKNOWN_DEG if track_deg is None else scaled("track_deg", track_deg, 1, 0, 435)
    if track_deg is not None and track == _TRACK_UNKNOWN_DEG:
        raise BadMessage("track_deg: 361 says unknown")
    if track_deg is not None and track_deg < 360 == track:
        track = 0  # rounded up to north
    return (track, 0) if track < 180 else (track - 180, _WEST)


def _speed_raw(speed_m_s: float | None) -> tuple[int, int]:
    """Raw speed and flag of the multiplier."""
    if speed_m_s is None:
        return 255, _MULTIPLIER
    if speed_m_s <= _FAST_M_S:
        return scaled("speed_m_s", speed_m_s, 4, 0, 255), 0
    speed = scaled("speed_m_s", speed_m_s - _FAST_M_S, 4 / 3, 0, 254)
    return (speed, _MULTIPLIER) if speed else (255, 0)


def _climb_raw(vertical_speed_m_s: float | None) -> int:
    """Raw vertical speed."""
    if vertical_speed_m_s is None:
        return _VERTICAL_UNKNOWN
    climb = scaled("vertical_speed_m_s", vertical_speed_m_s, 2, -128, 127)
    if climb == _VERTICAL_UNKNOWN:
        raise BadMessage("vertical_speed_m_s: 63 says unknown")
    return climb
