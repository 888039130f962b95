"""Aircraft that announce themselves: transmissions for the tracker, captures for the replay."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ndefender.remoteid.contact_data import ContactData
from ndefender.remoteid.frames import make
from ndefender.remoteid.frames.heard import Heard
from ndefender.remoteid.frames.save import PcapFile
from ndefender.remoteid.odid.basic_id import BasicId
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.message import Message, encode, encode_pack
from ndefender.remoteid.odid.values import IdType, Status, UaType
from ndefender.remoteid.tracker import Change

S = 10**9
EPOCH_S = 1_700_000_000.0
SERIAL = "1581F6N8A23B2ML3Y3KR"
OTHER = "1596A3234567890"
MAC = "60:60:1f:00:00:01"
MAC_2 = "60:60:1f:00:00:02"
LINK_RADIOTAP = 127


def basic(text: str = SERIAL, id_type: IdType | int = IdType.SERIAL_NUMBER, ua_type: UaType | int = 2) -> BasicId:
    return BasicId(id_type, UaType(ua_type), text)


def location(at_s: float, lat: float | None = 48.0, lon: float | None = 11.0, **fields: Any) -> Location:
    """A position stamped when it is sent, `at_s` seconds after the epoch of these tests."""
    stamped_s = round((EPOCH_S + at_s) % 3600, 1)
    known: dict[str, Any] = {"status": Status.AIRBORNE, "speed_m_s": 5.0, "timestamp_s": stamped_s}
    return Location(lat_deg=lat, lon_deg=lon, **known | fields)


def heard(at_s: float, *messages: Message, sender: str = MAC, **fields: Any) -> Heard:
    """One transmission: a single message, or a pack of several."""
    payload = encode(messages[0]) if len(messages) == 1 else encode_pack(messages)
    known: dict[str, Any] = {"transport": "wifi_beacon", "counter": 0, "rssi_dbm": -60, "freq_mhz": 2437}
    return Heard(sender=sender, payload=payload, time_s=EPOCH_S + at_s, **known | fields)


def now_ns(at_s: float) -> int:
    return round(at_s * S)


def unix_ms(at_s: float) -> int:
    return round((EPOCH_S + at_s) * 1000)


def steps(changes: Iterable[Change]) -> list[tuple[str, str]]:
    """What was said of whom."""
    return [(change.step, change.data.id) for change in changes]


def codes(data: ContactData) -> set[str]:
    """What is wrong with a contact."""
    return {flag.code for flag in data.plausibility}


def east_of(lat: float, lon: float, by_m: float) -> float:
    """Longitude so many metres further east."""
    return lon + math.degrees(by_m / (6_371_000 * math.cos(math.radians(lat))))


def write_capture(path: Path, transmissions: Iterable[Heard]) -> None:
    """A monitor interface's capture of beacons."""
    with path.open("wb") as file:
        capture = PcapFile(file, LINK_RADIOTAP)
        for number, item in enumerate(transmissions):
            frame = make.beacon(item.sender, make.odid_element(number % 256, item.payload), sequence=number % 4096)
            capture.write(item.time_s, make.radiotap(frame, rssi_dbm=item.rssi_dbm or -60, freq_mhz=2437))


def flight(duration_s: float, period_s: float = 0.5, text: str = SERIAL, sender: str = MAC) -> list[Heard]:
    """An aircraft that flies east at 5 m/s and sends packs."""
    return [
        heard(at_s, basic(text), location(at_s, lon=east_of(48.0, 11.0, 5.0 * at_s)), sender=sender)
        for at_s in (number * period_s for number in range(round(duration_s / period_s)))
    ]
