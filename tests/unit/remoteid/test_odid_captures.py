"""Real captures: every field as the reference dissector reads it; skipped where they are absent."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from support.odid_frames import read

from ndefender.remoteid.frames.heard import Heard
from ndefender.remoteid.odid.authentication import Authentication
from ndefender.remoteid.odid.basic_id import BasicId
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.message import Message, decode, encode_pack
from ndefender.remoteid.odid.operator_id import OperatorId
from ndefender.remoteid.odid.self_id import SelfId
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import EPOCH_UNIX_S

CAPTURES = Path(__file__).parents[4] / "shared" / "data" / "remoteid"
TRUTHS = sorted(CAPTURES.glob("*.truth.jsonl"))

if not TRUTHS:
    pytest.skip("no captures at ../shared/data/remoteid", allow_module_level=True)


class Reference:
    """One frame of the reference: its values in their order, and which of them were asked for."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.time_s = float(row["t"])
        self.left: dict[str, list[str]] = {k.removeprefix("OpenDroneID."): list(v) for k, v in row["fields"].items()}

    def text(self, name: str) -> str:
        return self.left[name].pop(0)

    def number(self, name: str) -> int:
        return int(self.text(name), 0)

    def octets(self, name: str) -> bytes:
        return bytes.fromhex(self.text(name).replace(":", ""))

    def altitude_m(self, name: str) -> float | None:
        raw = self.number(name)
        return None if raw == 0 else raw * 0.5 - 1000

    def position(self, lat: str, lon: str) -> tuple[float, float] | tuple[None, None]:
        raw = self.number(lat), self.number(lon)
        return (None, None) if raw == (0, 0) else (pytest.approx(raw[0] * 1e-7), pytest.approx(raw[1] * 1e-7))

    def time_unix_s(self, name: str) -> int | None:
        raw = self.number(name)
        return raw + EPOCH_UNIX_S if raw else None


def basic_id(ref: Reference, version: int) -> BasicId:
    kind, aircraft = ref.number("basicID_idType"), ref.number("basicID_uaType")
    said = ref.octets("basicID_id_bin").hex() if kind == 4 else ref.text("basicID_id_asc")
    return BasicId(kind, aircraft, said, version, ref.octets("basicID_reserved"))


def location(ref: Reference, version: int) -> Location:
    status, height = ref.number("loc_status"), ref.number("loc_flag_heightType")
    track = ref.number("loc_direction") + 180 * ref.number("loc_flag_ewDirectionSegment")
    assert ref.number("loc_flag_speedMultiplier") == 0
    speed, climb = ref.number("loc_speed"), ref.number("loc_vspeed")
    lat_deg, lon_deg = ref.position("loc_lat", "loc_lon")
    # The reference gives the time stamp as its age at reception, in tenths, and the capture has the time of that.
    tenths = math.floor(ref.time_s * 10) % 36_000 - ref.number("loc_timeStamp")
    precision = ref.number("loc_tsAccuracy")
    return Location(
        status=status,
        track_deg=None if track == 361 else track,
        speed_m_s=speed * 0.25,
        vertical_speed_m_s=None if climb == 126 else climb * 0.5,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        altitude_pressure_m=ref.altitude_m("loc_pressAlt"),
        altitude_geodetic_m=ref.altitude_m("loc_geoAlt"),
        height_m=ref.altitude_m("loc_height"),
        height_reference=height,
        horizontal_accuracy=ref.number("loc_hAccuracy"),
        vertical_accuracy=ref.number("loc_vAccuracy"),
        pressure_accuracy=ref.number("loc_baroAccuracy"),
        speed_accuracy=ref.number("loc_speedAccuracy"),
        timestamp_s=pytest.approx(tenths / 10),
        timestamp_accuracy_s=precision / 10 if precision else None,
        version=version,
        reserved=bytes((0, ref.number("loc_tsReserved") << 4)) + ref.octets("loc_reserved"),
    )


def authentication(ref: Reference, version: int) -> Authentication:
    kind, page, data = ref.number("auth_type"), ref.number("auth_pageNumber"), ref.octets("auth_data")
    if page:
        return Authentication(kind, page, data, version=version)
    first = ref.number("auth_lastPageIndex"), ref.number("auth_length"), ref.time_unix_s("auth_timeStamp")
    return Authentication(kind, page, data, *first, version)


def system(ref: Reference, version: int) -> System:
    classification = ref.number("system_flag_class")
    lat_deg, lon_deg = ref.position("system_lat", "system_lon")
    if classification == 1:
        category, ua_class = ref.number("system_usClassEUCat"), ref.number("system_usClassEUCat")
    else:
        category, ua_class = divmod(ref.number("system_usClass"), 16)
    return System(
        classification=classification,
        operator_location=ref.number("system_flag_locType"),
        operator_lat_deg=lat_deg,
        operator_lon_deg=lon_deg,
        area_count=ref.number("system_areaCount"),
        area_radius_m=ref.number("system_areaRadius") * 10,
        area_ceiling_m=ref.altitude_m("system_areaCeiling"),
        area_floor_m=ref.altitude_m("system_areaFloor"),
        category=category,
        ua_class=ua_class,
        operator_altitude_m=ref.altitude_m("system_opGeoAlt"),
        timestamp_unix_s=ref.time_unix_s("system_timeStamp"),
        version=version,
        reserved=bytes(1) + ref.octets("system_reserved"),
    )


def expected(ref: Reference, kind: int, version: int) -> Message:
    match kind:
        case 0:
            return basic_id(ref, version)
        case 1:
            return location(ref, version)
        case 2:
            return authentication(ref, version)
        case 3:
            return SelfId(ref.number("self_type"), ref.text("self_desc"), version)
        case 4:
            return system(ref, version)
        case _:
            said = ref.number("operator_type"), ref.text("operator_id")
            return OperatorId(*said, version, ref.octets("operator_reserved"))


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda path: path.name.split(".")[0])
def test_every_field_is_what_the_reference_reads(truth: Path) -> None:
    found, _ = read(truth.with_name(truth.name.removesuffix(".truth.jsonl")))
    heard = [item for item in found if isinstance(item, Heard)]
    rows = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    for item, row in zip(heard, rows, strict=True):
        ref = Reference(row)
        assert item.counter == ref.number("counter")
        assert [ref.number("msgType"), ref.number("protoVersion")] == [15, item.payload[0] & 0x0F]
        assert ref.number("msgPack_msgSize") == 25
        messages = decode(item.payload)
        assert len(messages) == ref.number("msgPack_msgQty")
        for message in messages:
            wanted = expected(ref, ref.number("msgType"), ref.number("protoVersion"))
            assert type(message) is type(wanted)
            for name in message.__struct_fields__:
                assert getattr(message, name) == getattr(wanted, name), (row["frame"], name)
        assert not any(ref.left.values()), "fields of the reference that no message has"
        assert encode_pack(messages) == item.payload
