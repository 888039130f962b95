"""Open Drone ID, each type by bytes that were put together by hand from the standard's tables."""

from __future__ import annotations

import pytest

from ndefender.errors import NdefenderError
from ndefender.remoteid.odid import pack
from ndefender.remoteid.odid.authentication import Authentication
from ndefender.remoteid.odid.basic_id import BasicId
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.message import Message, decode, decode_one, encode, encode_pack
from ndefender.remoteid.odid.operator_id import OperatorId
from ndefender.remoteid.odid.self_id import SelfId
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import (
    AuthType,
    BadMessage,
    Classification,
    DescriptionType,
    EuCategory,
    EuClass,
    HeightReference,
    HorizontalAccuracy,
    IdType,
    OperatorIdType,
    OperatorLocation,
    SpeedAccuracy,
    Status,
    UaType,
    VerticalAccuracy,
    name_of,
)

BY_HAND = {
    "serial number of a multirotor": (
        "02 12" + b"1581F6N8A23B2ML3Y3KR".hex() + "000000",
        BasicId(IdType.SERIAL_NUMBER, UaType.HELICOPTER_OR_MULTIROTOR, "1581F6N8A23B2ML3Y3KR"),
    ),
    "registration of an aeroplane, older version": (
        "00 21" + b"FIN87astrdge12k8".hex() + "00000000 0d1500",
        BasicId(IdType.CAA_REGISTRATION, UaType.AEROPLANE, "FIN87astrdge12k8", 0, b"\x0d\x15\x00"),
    ),
    "UUID of a glider": (
        "02 36 00112233 4455 6677 8899 aabbccddeeff 00000000 000000",
        BasicId(IdType.UTM_UUID, UaType.GLIDER, "00112233-4455-6677-8899-aabbccddeeff"),
    ),
    "session of another": (
        "02 4f 01 20010030 0000 0000 0000 0000 0000 0001 000000 000000",
        BasicId(IdType.SESSION_ID, UaType.OTHER, "0120010030" + "00" * 11 + "01" + "000000"),
    ),
    "reserved ID type": ("02 f0" + b"X".hex() + "00" * 22, BasicId(15, UaType.NONE, "X")),
    "location": (
        # airborne, height above ground, western half; 271°, 20.5 m/s, -1.5 m/s; 45.5457468, -122.9681496
        "12 26 5b 52 fd bcba251b a88cb4b6 d207 aa09 9808 4c 53 f17b 07 00",
        Location(
            status=Status.AIRBORNE,
            track_deg=271,
            speed_m_s=20.5,
            vertical_speed_m_s=-1.5,
            lat_deg=45.5457468,
            lon_deg=-122.9681496,
            altitude_pressure_m=1.0,
            altitude_geodetic_m=237.0,
            height_m=100.0,
            height_reference=HeightReference.GROUND,
            horizontal_accuracy=HorizontalAccuracy.BELOW_1_M,
            vertical_accuracy=VerticalAccuracy.BELOW_10_M,
            pressure_accuracy=VerticalAccuracy.BELOW_3_M,
            speed_accuracy=SpeedAccuracy.BELOW_1_M_S,
            timestamp_s=3172.9,
            timestamp_accuracy_s=0.7,
        ),
    ),
    "location, nothing known": ("12 03 b5 ff 7e" + "00" * 16 + "ffff 00 00", Location()),
    "location, fast": (
        # 254.25 m/s by the multiplier; on the ground, height above take-off
        "11 11 00 fe 00" + "00" * 16 + "0000 00 00",
        Location(Status.GROUND, track_deg=0, speed_m_s=254.25, vertical_speed_m_s=0.0, timestamp_s=0.0, version=1),
    ),
    "location, all reserved": (
        "1f fe ff ff 80 ffffff7f 00000080 ffff ffff ffff ff ff feff ff ff",
        Location(
            status=15,
            track_deg=435,
            speed_m_s=63.75,
            vertical_speed_m_s=-64.0,
            lat_deg=214.7483647,
            lon_deg=-214.7483648,
            altitude_pressure_m=31767.5,
            altitude_geodetic_m=31767.5,
            height_m=31767.5,
            height_reference=HeightReference.GROUND,
            horizontal_accuracy=15,
            vertical_accuracy=15,
            pressure_accuracy=15,
            speed_accuracy=15,
            timestamp_s=6553.4,
            timestamp_accuracy_s=1.5,
            version=15,
            reserved=b"\x08\xf0\xff",
        ),
    ),
    "signature, first page": (
        "22 10 02 3f 003fab01" + b"12345678901234567".hex(),
        Authentication(AuthType.UAS_ID_SIGNATURE, 0, b"12345678901234567", 2, 63, 1546300800 + 28000000),
    ),
    "signature, first page, no time, reserved bits": (
        "22 50 a1 11 00000000" + "ee" * 17,
        Authentication(AuthType.SPECIFIC_METHOD, 0, b"\xee" * 17, 1, 17, None, reserved=b"\xa0"),
    ),
    "signature, last page": ("22 af" + "01" * 23, Authentication(10, 15, b"\x01" * 23)),
    "description": (
        "32 00" + b"Drone ID test flight---".hex(),
        SelfId(DescriptionType.TEXT, "Drone ID test flight---"),
    ),
    "emergency without words": ("32 01" + "00" * 23, SelfId(DescriptionType.EMERGENCY, None)),
    "private description, not ASCII": ("30 c9 4dfc5c07" + "00" * 19, SelfId(201, "M\\xfc\\x5c\\x07", 0)),
    "system": (
        # European Union, live position; 33.6632364, -82.1916647; one, 500 m, 100 m, 0.5 m; open, C4; 80 m
        "42 05 2c9a1014 198c02cf 0100 32 9808 d107 15 7008 80a0d90a 00",
        System(
            classification=Classification.EUROPEAN_UNION,
            operator_location=OperatorLocation.LIVE_GNSS,
            operator_lat_deg=33.6632364,
            operator_lon_deg=-82.1916647,
            area_count=1,
            area_radius_m=500,
            area_ceiling_m=100.0,
            area_floor_m=0.5,
            category=EuCategory.OPEN,
            ua_class=EuClass.CLASS_4,
            operator_altitude_m=80.0,
            timestamp_unix_s=1546300800 + 182034560,
        ),
    ),
    "system, nothing known": ("42 00" + "00" * 8 + "0100 00 0000 0000 00 0000 00000000 00", System()),
    "system, all reserved": (
        "42 ff ffffffff 01000000 ffff ff ffff ffff ff ffff ffffffff ff",
        System(
            classification=7,
            operator_location=3,
            operator_lat_deg=-1e-7,
            operator_lon_deg=1e-7,
            area_count=65535,
            area_radius_m=2550,
            area_ceiling_m=31767.5,
            area_floor_m=31767.5,
            category=15,
            ua_class=15,
            operator_altitude_m=31767.5,
            timestamp_unix_s=1546300800 + 4294967295,
            reserved=b"\xe0\xff",
        ),
    ),
    "operator": (
        "52 00" + b"FIN87astrdge12k8".hex() + "00000000 ac0100",
        OperatorId(OperatorIdType.OPERATOR_ID, "FIN87astrdge12k8", reserved=b"\xac\x01\x00"),
    ),
    "operator of a private type": ("52 ff" + "00" * 23, OperatorId(255, None)),
}


@pytest.mark.parametrize(("written", "message"), BY_HAND.values(), ids=BY_HAND)
def test_bytes_and_message_are_each_other(written: str, message: Message) -> None:
    data = bytes.fromhex(written)
    assert len(data) == 25
    read = decode_one(data)
    assert read == message
    assert [type(getattr(read, name)) for name in read.__struct_fields__] == [
        type(getattr(message, name)) for name in message.__struct_fields__
    ]  # an enumeration where the value has a name, a plain number where it has none
    assert encode(message) == data


def location(**changed: int) -> bytes:
    data = bytearray(encode(Location()))
    for at, value in changed.items():
        data[int(at[1:])] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("flags", "raw", "track_deg"),
    [(0, 0, 0), (0, 179, 179), (2, 0, 180), (2, 179, 359), (2, 180, 360), (2, 181, None), (0, 181, 181), (2, 255, 435)],
)
def test_the_flag_of_the_western_half_adds_180(flags: int, raw: int, track_deg: int | None) -> None:
    read = decode_one(location(b1=flags | 1, b2=raw))
    assert isinstance(read, Location)
    assert read.track_deg == track_deg


@pytest.mark.parametrize(
    ("flags", "raw", "speed_m_s"),
    [(0, 0, 0.0), (0, 255, 63.75), (1, 0, 63.75), (1, 1, 64.5), (1, 254, 254.25), (1, 255, None)],
)
def test_the_multiplier_goes_on_where_quarters_end(flags: int, raw: int, speed_m_s: float | None) -> None:
    read = decode_one(location(b1=flags | 2, b3=raw))
    assert isinstance(read, Location)
    assert read.speed_m_s == speed_m_s


@pytest.mark.parametrize(("lat", "lon"), [(0, 1), (1, 0)])
def test_half_a_zero_is_a_position(lat: int, lon: int) -> None:
    read = decode_one(location(b5=lat, b9=lon))
    assert isinstance(read, Location)
    assert (read.lat_deg, read.lon_deg) == (lat * 1e-7, lon * 1e-7)


def test_classes_have_names_only_where_the_union_gives_them() -> None:
    data = bytearray(encode(System(category=1, ua_class=1)))
    elsewhere, european = decode_one(bytes(data)), decode_one(bytes((data[0], 0x04)) + bytes(data[2:]))
    assert isinstance(elsewhere, System) and isinstance(european, System)
    assert [name_of(elsewhere.category), name_of(elsewhere.ua_class)] == [1, 1]
    assert [name_of(european.category), name_of(european.ua_class)] == ["open", "class_0"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", None),
        (b"AB", "AB"),
        (b"AB ", "AB "),
        (b"A\0B", "A\\x00B"),
        (b"\x1b[2J", "\\x1b[2J"),
        (b"a\\b", "a\\x5cb"),
        ("é".encode(), "\\xc3\\xa9"),
    ],
)
def test_texts_are_shown_whole_and_harmless(raw: bytes, said: str | None) -> None:
    for head in (b"\x02\x10", b"\x32\x00", b"\x52\x00"):
        data = (head + raw).ljust(25, b"\0")
        message = decode_one(data)
        assert isinstance(message, BasicId | SelfId | OperatorId)
        assert getattr(message, message.__struct_fields__[2 if isinstance(message, BasicId) else 1]) == said
        assert encode(message) == data


def test_text_where_a_uuid_should_be_is_shown_as_text() -> None:
    message = decode_one(b"\x02\x32" + b"FD3454B778E565C24B70" + bytes(3))
    assert message == BasicId(IdType.UTM_UUID, UaType.HELICOPTER_OR_MULTIROTOR, "FD3454B778E565C24B70")


@pytest.mark.parametrize("kind", range(6, 16))
def test_a_reserved_type_is_no_message(kind: int) -> None:
    with pytest.raises(BadMessage, match=r"type|pack"):
        decode(bytes((kind << 4 | 2,)) + bytes(24))


@pytest.mark.parametrize("size", [0, 1, 24, 26, 50])
def test_a_message_has_25_bytes(size: int) -> None:
    with pytest.raises(BadMessage, match="bytes"):
        decode(b"\x12".ljust(size, b"\0")[:size])


def test_what_is_refused_is_an_error_of_ours_and_a_value_error() -> None:
    assert issubclass(BadMessage, NdefenderError)
    assert issubclass(BadMessage, ValueError)


SINGLE = encode(SelfId(DescriptionType.TEXT, "x"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xf2", "at least"),
        (b"\xf2\x19\x00" + SINGLE, "0 messages"),
        (b"\xf2\x18\x01" + SINGLE, "24 bytes"),
        (b"\xf2\x19\x02" + SINGLE, "2 messages have 53"),
        (b"\xf2\x19\x01" + SINGLE[:-1], "at least"),
        (b"\xf2\x19\x0a" + SINGLE * 10, "1 to 9"),
        (b"\xf1\x19\x0b" + SINGLE * 11, "1 to 10"),
        (b"\xf2\x19\x01" + b"\x62" + bytes(24), "none of a known type"),
        (b"\xf2\x19\x01" + b"\xf2\x19\x01" + bytes(22), "none of a known type"),
    ],
)
def test_a_pack_that_does_not_add_up_is_none(data: bytes, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        decode(data)


def test_a_pack_gives_what_is_known_of_it() -> None:
    assert decode(b"\xf2\x19\x03" + SINGLE + b"\x92" + bytes(24) + SINGLE) == (decode_one(SINGLE),) * 2
    assert len(decode(b"\xf0\x19\x0a" + SINGLE * 10)) == 10
    assert decode(b"\xf2\x19\x01" + SINGLE + b"\xde\xad") == (decode_one(SINGLE),)


def test_a_pack_is_not_a_single_message() -> None:
    with pytest.raises(BadMessage, match="type 15"):
        decode_one(b"\xf2\x19\x01" + bytes(22))


REFUSED = {
    "version": SelfId(DescriptionType.TEXT, None, 16),
    "status": Location(status=16),
    "track_deg: 361": Location(track_deg=361),
    "track_deg: raw": Location(track_deg=-1),
    "speed_m_s": Location(speed_m_s=255.0),
    "speed_m_s: nan": Location(speed_m_s=float("nan")),
    "vertical_speed_m_s: 63": Location(vertical_speed_m_s=63.0),
    "vertical_speed_m_s: raw": Location(vertical_speed_m_s=64.0),
    "half a position": Location(lat_deg=1.0),
    "0/0": Location(lat_deg=0.0, lon_deg=1e-9),
    "latitude: raw": Location(lat_deg=215.0, lon_deg=0.0),
    "longitude: inf": Location(lat_deg=1.0, lon_deg=float("inf")),
    "altitude_pressure_m": Location(altitude_pressure_m=-1000.0),
    "altitude_geodetic_m": Location(altitude_geodetic_m=31768.0),
    "height_m": Location(height_m=-2000.0),
    "timestamp_s": Location(timestamp_s=6553.5),
    "timestamp_accuracy_s": Location(timestamp_accuracy_s=0.0),
    "reserved: 10:00:00": Location(reserved=b"\x10\0\0"),
    "reserved: 00": Location(reserved=b"\0"),
    "id_type": BasicId(16, UaType.NONE, None),
    "uas_id: 21 bytes": BasicId(IdType.SERIAL_NUMBER, UaType.NONE, "1" * 21),
    "uas_id: 'é'": BasicId(IdType.SERIAL_NUMBER, UaType.NONE, "é"),
    r"uas_id: '\\\\x4'": BasicId(IdType.SERIAL_NUMBER, UaType.NONE, "\\x4"),
    "uas_id: a session ID of 2 bytes": BasicId(IdType.SESSION_ID, UaType.NONE, "0102"),
    "not of ID type 4": BasicId(IdType.SESSION_ID, UaType.NONE, "hello"),
    "not of ID type 3": BasicId(IdType.UTM_UUID, UaType.NONE, "00112233-4455-6677-8899-aabbccddeefg"),
    "page": Authentication(AuthType.NONE, 16, b""),
    "on page 1, at most 23": Authentication(AuthType.NONE, 1, bytes(24)),
    "on page 0, at most 17": Authentication(AuthType.NONE, 0, bytes(18), 0, 18),
    "must have them": Authentication(AuthType.NONE, 0, b""),
    "are of page 0": Authentication(AuthType.NONE, 1, b"", last_page=1),
    "last_page": Authentication(AuthType.NONE, 0, b"", 16, 0),
    "length_bytes": Authentication(AuthType.NONE, 0, b"", 0, 256),
    "timestamp_unix_s: raw": Authentication(AuthType.NONE, 0, b"", 0, 0, 1_546_300_800),
    "reserved: 01": Authentication(AuthType.NONE, 1, b"", reserved=b"\1"),
    "description": SelfId(DescriptionType.TEXT, "x" * 24),
    "classification": System(classification=8),
    "operator's position": System(operator_lat_deg=1.0),
    "area_count": System(area_count=65536),
    "area_radius_m": System(area_radius_m=2560),
    "ua_class": System(ua_class=16),
    "timestamp_unix_s": System(timestamp_unix_s=0),
    "operator_id_type": OperatorId(256, None),
    "operator_id:": OperatorId(0, "x" * 21),
}


@pytest.mark.parametrize(("why", "message"), REFUSED.items(), ids=REFUSED)
def test_what_does_not_fit_is_refused_by_name(why: str, message: Message) -> None:
    with pytest.raises(BadMessage, match=why):
        encode(message)


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (Location(track_deg=360), Location(track_deg=360)),
        (Location(speed_m_s=63.8), Location(speed_m_s=63.75)),
        (Location(speed_m_s=64.2), Location(speed_m_s=64.5)),
        (Location(height_m=120.3), Location(height_m=120.5)),
        (Location(timestamp_s=12.34), Location(timestamp_s=12.3)),
        (System(area_radius_m=14), System(area_radius_m=10)),
    ],
)
def test_writing_rounds_to_the_nearest_step(message: Message, read: Message) -> None:
    assert decode_one(encode(message)) == read


def test_a_track_that_rounds_up_to_north_is_north() -> None:
    assert decode_one(encode(Location(track_deg=359.7))) == Location(track_deg=0)


def test_a_pack_holds_one_to_nine() -> None:
    message = SelfId(DescriptionType.TEXT, "x")
    assert len(encode_pack([message] * 9)) == 228
    assert encode_pack([SelfId(DescriptionType.TEXT, "x", 1)])[0] == 0xF1
    for messages in ([], [message] * 10):
        with pytest.raises(BadMessage, match="pack"):
            encode_pack(messages)
    with pytest.raises(BadMessage, match="24"):
        pack.join([bytes(24)])
