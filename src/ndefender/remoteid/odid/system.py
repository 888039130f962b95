"""System (type 4): where the operator is, which area is flown in, which class the aircraft has.

| bytes | bits | field | raw to value | unknown |
| --- | --- | --- | --- | --- |
| 0 | 7-4, 3-0 | message type 4, protocol version | | |
| 1 | 7-5 | reserved | | |
| 1 | 4-2 | classification type | | 0 |
| 1 | 1-0 | source of the operator's position | | |
| 2-5, 6-9 | | operator's latitude, longitude (WGS 84), signed | 1e-7° | both 0 |
| 10-11 | | number of aircraft in the area | | |
| 12 | | radius of the area | 10 m | |
| 13-14 | | ceiling of the area, geodetic altitude | 0.5 m - 1000 m | 0 |
| 15-16 | | floor of the area, geodetic altitude | 0.5 m - 1000 m | 0 |
| 17 | 7-4, 3-0 | category, class (of the region that the classification type names) | | 0 |
| 18-19 | | operator's geodetic altitude | 0.5 m - 1000 m | 0 |
| 20-23 | | time, seconds since 2019-01-01T00:00:00Z | 1 s | 0 |
| 24 | | reserved | | |

Numbers of several bytes are little-endian.
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
    EPOCH_UNIX_S,
    VERSION,
    Classification,
    EuCategory,
    EuClass,
    OperatorLocation,
    members,
)

TYPE: Final = 4

_LAYOUT = struct.Struct("<BBiiHBHHBHIB")
_RESERVED = b"\xe0\xff"  # of bytes 1 and 24
_NOTHING_RESERVED = bytes(2)
_RADIUS_STEP_M = 10

_CLASSIFICATIONS = members(Classification, 8)
_LOCATIONS = members(OperatorLocation, 4)
_CATEGORIES = members(EuCategory)
_CLASSES = members(EuClass)


class System(msgspec.Struct, frozen=True, gc=False):
    """Where the operator is, and what is flown. None: unknown.

    Args:
        classification: whose categories and classes these are.
        operator_location: where the position below is from.
        operator_lat_deg, operator_lon_deg: WGS 84, ±90 and ±180 (±214.7 on the air).
        area_count: aircraft in the area, 1 for a single flight, up to 65535.
        area_radius_m: of the area around the aircraft, 0 to 2550 in steps of 10.
        area_ceiling_m, area_floor_m: above the WGS 84 ellipsoid, -999.5 to 31767.5.
        category, ua_class: `EuCategory` and `EuClass` where the classification is the European Union's, plain numbers
            0 to 15 elsewhere.
        operator_altitude_m: above the WGS 84 ellipsoid, -999.5 to 31767.5.
        timestamp_unix_s: when the message was put together.
        version: of the protocol, 0 to 15.
        reserved: the reserved bits of bytes 1 (0xe0) and 24.
    """

    classification: Classification | int = Classification.UNDECLARED
    operator_location: OperatorLocation | int = OperatorLocation.TAKEOFF
    operator_lat_deg: float | None = None
    operator_lon_deg: float | None = None
    area_count: int = 1
    area_radius_m: int = 0
    area_ceiling_m: float | None = None
    area_floor_m: float | None = None
    category: EuCategory | int = 0
    ua_class: EuClass | int = 0
    operator_altitude_m: float | None = None
    timestamp_unix_s: int | None = None
    version: int = VERSION
    reserved: bytes = _NOTHING_RESERVED


def read(data: bytes) -> System:
    """The 25 bytes of a System message as a value; any content is one."""
    head, flags, lat, lon, count, radius, ceiling, floor, classes, altitude, time_s, last = _LAYOUT.unpack(data)
    classification = _CLASSIFICATIONS[flags >> 2 & 7]
    european = classification == Classification.EUROPEAN_UNION
    fix = lat != 0 or lon != 0
    return System(
        classification,
        _LOCATIONS[flags & 3],
        lat / UNITS_PER_DEG if fix else None,
        lon / UNITS_PER_DEG if fix else None,
        count,
        radius * _RADIUS_STEP_M,
        altitude_m(ceiling),
        altitude_m(floor),
        _CATEGORIES[classes >> 4] if european else classes >> 4,
        _CLASSES[classes & 0x0F] if european else classes & 0x0F,
        altitude_m(altitude),
        time_s + EPOCH_UNIX_S if time_s else None,
        head & 0x0F,
        bytes((flags & 0xE0, last)) if flags & 0xE0 or last else _NOTHING_RESERVED,
    )


def write(message: System) -> bytes:
    """The 25 bytes of a System message; measurements are rounded to the nearest step.

    Raises:
        BadMessage: a field is outside of what its bits hold; the message names it.
    """
    in_flags, last = reserved_bytes(message.reserved, _RESERVED)
    time_s = message.timestamp_unix_s
    return _LAYOUT.pack(
        header(TYPE, message.version),
        in_flags
        | within("classification", message.classification, 0, 7) << 2
        | within("operator_location", message.operator_location, 0, 3),
        *position_raw("operator's position", message.operator_lat_deg, message.operator_lon_deg),
        within("area_count", message.area_count, 0, 0xFFFF),
        scaled("area_radius_m", message.area_radius_m, 1 / _RADIUS_STEP_M, 0, 255),
        altitude_raw("area_ceiling_m", message.area_ceiling_m),
        altitude_raw("area_floor_m", message.area_floor_m),
        within("category", message.category, 0, 15) << 4 | within("ua_class", message.ua_class, 0, 15),
        altitude_raw("operator_altitude_m", message.operator_altitude_m),
        0 if time_s is None else within("timestamp_unix_s", time_s - EPOCH_UNIX_S, 1, 0xFFFFFFFF),
        last,
    )
