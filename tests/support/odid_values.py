"""Hypothesis strategies: every Open Drone ID message that is written as it is read, field by field."""

from __future__ import annotations

import uuid

from hypothesis import strategies as st

from ndefender.remoteid.odid.authentication import Authentication
from ndefender.remoteid.odid.basic_id import BasicId
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.message import Message
from ndefender.remoteid.odid.operator_id import OperatorId
from ndefender.remoteid.odid.self_id import SelfId
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import EPOCH_UNIX_S

PRINTABLE = "".join(chr(byte) for byte in range(0x20, 0x7F) if byte != 0x5C)
NIBBLES = st.integers(0, 15)
BYTES = st.integers(0, 255)
ALTITUDES_M = st.none() | st.integers(1, 0xFFFF).map(lambda raw: raw * 0.5 - 1000)
UNIX_S = st.none() | st.integers(EPOCH_UNIX_S + 1, EPOCH_UNIX_S + 0xFFFFFFFF)
INT32 = st.integers(-(2**31), 2**31 - 1)
POSITIONS = st.just((None, None)) | st.tuples(INT32, INT32).filter(any).map(lambda p: (p[0] / 1e7, p[1] / 1e7))
SPEEDS_M_S = (
    st.none()
    | st.integers(0, 255).map(lambda raw: raw * 0.25)
    | st.integers(1, 254).map(lambda raw: raw * 0.75 + 63.75)
)


def masked(*masks: int) -> st.SearchStrategy[bytes]:
    """Reserved bits, most often none of them set."""
    return st.just(bytes(len(masks))) | st.tuples(*(BYTES.map(lambda byte, m=mask: byte & m) for mask in masks)).map(
        bytes
    )


def texts(size: int) -> st.SearchStrategy[str | None]:
    """None, printable text, and bytes of all kinds as they are shown; the last is never NUL, which would be padding."""
    shown = st.sampled_from([*PRINTABLE, *(f"\\x{b:02x}" for b in range(256) if chr(b) not in PRINTABLE)])
    escaped = st.lists(shown, min_size=1, max_size=size).filter(lambda found: found[-1] != "\\x00").map("".join)
    return st.none() | st.text(PRINTABLE, min_size=1, max_size=size) | escaped


def ids(id_type: int) -> st.SearchStrategy[str | None]:
    if id_type == 3:
        return st.none() | st.uuids().filter(lambda found: found != uuid.UUID(int=0)).map(str)
    if id_type == 4:
        return st.none() | st.binary(min_size=20, max_size=20).filter(any).map(bytes.hex)
    return texts(20)


BASIC_IDS = NIBBLES.flatmap(
    lambda kind: st.builds(BasicId, st.just(kind), NIBBLES, ids(kind), NIBBLES, masked(0xFF, 0xFF, 0xFF))
)
LOCATIONS = POSITIONS.flatmap(
    lambda position: st.builds(
        Location,
        status=NIBBLES,
        track_deg=st.none() | st.integers(0, 435).filter(lambda track: track != 361),
        speed_m_s=SPEEDS_M_S,
        vertical_speed_m_s=st.none() | st.integers(-128, 127).filter(lambda raw: raw != 126).map(lambda raw: raw * 0.5),
        lat_deg=st.just(position[0]),
        lon_deg=st.just(position[1]),
        altitude_pressure_m=ALTITUDES_M,
        altitude_geodetic_m=ALTITUDES_M,
        height_m=ALTITUDES_M,
        height_reference=st.integers(0, 1),
        horizontal_accuracy=NIBBLES,
        vertical_accuracy=NIBBLES,
        pressure_accuracy=NIBBLES,
        speed_accuracy=NIBBLES,
        timestamp_s=st.none() | st.integers(0, 0xFFFE).map(lambda raw: raw / 10),
        timestamp_accuracy_s=st.none() | st.integers(1, 15).map(lambda raw: raw / 10),
        version=NIBBLES,
        reserved=masked(0x08, 0xF0, 0xFF),
    )
)
FIRST_PAGES = st.builds(
    Authentication,
    NIBBLES,
    st.just(0),
    st.binary(min_size=17, max_size=17),
    NIBBLES,
    BYTES,
    UNIX_S,
    NIBBLES,
    masked(0xF0),
)
OTHER_PAGES = st.builds(
    Authentication, NIBBLES, st.integers(1, 15), st.binary(min_size=23, max_size=23), version=NIBBLES
)
SELF_IDS = st.builds(SelfId, BYTES, texts(23), NIBBLES)
SYSTEMS = POSITIONS.flatmap(
    lambda position: st.builds(
        System,
        classification=st.integers(0, 7),
        operator_location=st.integers(0, 3),
        operator_lat_deg=st.just(position[0]),
        operator_lon_deg=st.just(position[1]),
        area_count=st.integers(0, 0xFFFF),
        area_radius_m=BYTES.map(lambda raw: raw * 10),
        area_ceiling_m=ALTITUDES_M,
        area_floor_m=ALTITUDES_M,
        category=NIBBLES,
        ua_class=NIBBLES,
        operator_altitude_m=ALTITUDES_M,
        timestamp_unix_s=UNIX_S,
        version=NIBBLES,
        reserved=masked(0xE0, 0xFF),
    )
)
OPERATOR_IDS = st.builds(OperatorId, BYTES, texts(20), NIBBLES, masked(0xFF, 0xFF, 0xFF))
BY_TYPE: dict[type[Message], st.SearchStrategy[Message]] = {
    BasicId: BASIC_IDS,
    Location: LOCATIONS,
    Authentication: FIRST_PAGES | OTHER_PAGES,
    SelfId: SELF_IDS,
    System: SYSTEMS,
    OperatorId: OPERATOR_IDS,
}
MESSAGES = st.one_of(*BY_TYPE.values())
