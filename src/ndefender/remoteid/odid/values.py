"""What the fields of Open Drone ID messages may say: enumerations, epoch, versions, and what is no message.

One rule for all fields: the value that the standard names for "unknown" is None; a value that it reserves stays what it
is, a plain int where an enumeration would stand, or the number that the formula gives where it is a measurement.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeVar

from ndefender.errors import NdefenderError

MESSAGE_BYTES: Final = 25
VERSION: Final = 2  # of the protocol, in F3411-22a; 0 and 1 are of its predecessors and have the same layout
EPOCH_UNIX_S: Final = 1_546_300_800  # 2019-01-01T00:00:00Z: absolute times count from there, 0 says there is none


class BadMessage(NdefenderError, ValueError):
    """Bytes that are no message, or a message that has no bytes. Reaction: count it and go on with the next."""


class IdType(IntEnum):
    """What a UAS ID is (Basic ID); 5 to 15 are reserved."""

    NONE = 0
    SERIAL_NUMBER = 1  # ANSI/CTA-2063-A
    CAA_REGISTRATION = 2
    UTM_UUID = 3
    SESSION_ID = 4


class UaType(IntEnum):
    """What kind of aircraft (Basic ID)."""

    NONE = 0
    AEROPLANE = 1
    HELICOPTER_OR_MULTIROTOR = 2
    GYROPLANE = 3
    HYBRID_LIFT = 4
    ORNITHOPTER = 5
    GLIDER = 6
    KITE = 7
    FREE_BALLOON = 8
    CAPTIVE_BALLOON = 9
    AIRSHIP = 10
    FREE_FALL_OR_PARACHUTE = 11
    ROCKET = 12
    TETHERED_POWERED = 13
    GROUND_OBSTACLE = 14
    OTHER = 15


class Status(IntEnum):
    """What the aircraft does (Location); 5 to 15 are reserved."""

    UNDECLARED = 0
    GROUND = 1
    AIRBORNE = 2
    EMERGENCY = 3
    REMOTE_ID_FAILURE = 4


class HeightReference(IntEnum):
    """What a height is above (Location)."""

    TAKEOFF = 0
    GROUND = 1


class HorizontalAccuracy(IntEnum):
    """95 % bound of the position, metres in the name (Location); 13 to 15 are reserved."""

    UNKNOWN = 0  # or 18.52 km and more
    BELOW_18520_M = 1
    BELOW_7408_M = 2
    BELOW_3704_M = 3
    BELOW_1852_M = 4
    BELOW_926_M = 5
    BELOW_555_6_M = 6
    BELOW_185_2_M = 7
    BELOW_92_6_M = 8
    BELOW_30_M = 9
    BELOW_10_M = 10
    BELOW_3_M = 11
    BELOW_1_M = 12


class VerticalAccuracy(IntEnum):
    """95 % bound of an altitude, metres in the name (Location); 7 to 15 are reserved."""

    UNKNOWN = 0  # or 150 m and more
    BELOW_150_M = 1
    BELOW_45_M = 2
    BELOW_25_M = 3
    BELOW_10_M = 4
    BELOW_3_M = 5
    BELOW_1_M = 6


class SpeedAccuracy(IntEnum):
    """95 % bound of the speeds, metres a second in the name (Location); 5 to 15 are reserved."""

    UNKNOWN = 0  # or 10 m/s and more
    BELOW_10_M_S = 1
    BELOW_3_M_S = 2
    BELOW_1_M_S = 3
    BELOW_0_3_M_S = 4


class AuthType(IntEnum):
    """What is signed, and how (Authentication); 6 to 9 are reserved, 10 to 15 for private use."""

    NONE = 0
    UAS_ID_SIGNATURE = 1
    OPERATOR_ID_SIGNATURE = 2
    MESSAGE_SET_SIGNATURE = 3
    NETWORK_REMOTE_ID = 4
    SPECIFIC_METHOD = 5


class DescriptionType(IntEnum):
    """What a description is for (Self ID); 3 to 200 are reserved, 201 to 255 for private use."""

    TEXT = 0
    EMERGENCY = 1
    EXTENDED_STATUS = 2


class OperatorLocation(IntEnum):
    """Where the operator's position is from (System); 3 is reserved."""

    TAKEOFF = 0
    LIVE_GNSS = 1
    FIXED = 2


class Classification(IntEnum):
    """Whose classes the aircraft is in (System); 2 to 7 are reserved."""

    UNDECLARED = 0
    EUROPEAN_UNION = 1


class EuCategory(IntEnum):
    """Category of operation in the European Union (System); 4 to 15 are reserved."""

    UNDEFINED = 0
    OPEN = 1
    SPECIFIC = 2
    CERTIFIED = 3


class EuClass(IntEnum):
    """Class of the aircraft in the European Union (System); 8 to 15 are reserved."""

    UNDEFINED = 0
    CLASS_0 = 1
    CLASS_1 = 2
    CLASS_2 = 3
    CLASS_3 = 4
    CLASS_4 = 5
    CLASS_5 = 6
    CLASS_6 = 7


class OperatorIdType(IntEnum):
    """What an operator's ID is (Operator ID); 1 to 200 are reserved, 201 to 255 for private use."""

    OPERATOR_ID = 0


E = TypeVar("E", bound=IntEnum)


def members(kind: type[E], size: int = 16) -> tuple[E | int, ...]:
    """Table from a raw value below `size` to the member, or to the number itself where it is reserved."""
    known = {member.value: member for member in kind}
    return tuple(known.get(raw, raw) for raw in range(size))


def name_of(value: int) -> str | int:
    """An enumeration's value for people and logs: its name in small letters, or the number where it is reserved."""
    return value.name.lower() if isinstance(value, IntEnum) else value
