"""One aircraft as its transmissions tell it.

An aircraft sends its messages one by one; the newest of each kind counts. Nothing is guessed: what was not said, or
said to be unknown, is null.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ndefender.remoteid.contact_data import ContactData, FlagData, LostReason
from ndefender.remoteid.frames.heard import DjiHeard, Heard
from ndefender.remoteid.identity import Uas, contact_id
from ndefender.remoteid.models import manufacturer
from ndefender.remoteid.odid.authentication import Authentication
from ndefender.remoteid.odid.basic_id import BasicId
from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.message import Message
from ndefender.remoteid.odid.operator_id import OperatorId
from ndefender.remoteid.odid.self_id import SelfId
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import AuthType, DescriptionType, IdType, UaType, name_of
from ndefender.remoteid.plausibility import Flag, Motion

MAX_SENDERS: Final = 4  # addresses kept of one aircraft: it sends by Wi-Fi and Bluetooth, and changes them at random
MAX_IDS: Final = 8
_DJI: Final = "DJI"


def uas_of(message: BasicId) -> Uas | None:
    """The ID in a Basic ID, None where it is empty."""
    text = (message.uas_id or "").strip()
    if not text:
        return None
    kind = message.id_type
    return Uas(kind.name.lower() if isinstance(kind, IdType) else f"type_{kind}", text)


class Aircraft:
    """One aircraft, from its first frame on.

    Args:
        sender: address of its first frame.
        now_ns: monotonic.
        unix_ms: the same by the receiver's wall clock, milliseconds since the epoch.
    """

    __slots__ = (
        "announced", "auth_type", "contact_id", "dirty", "dji_heard", "first_ns", "first_seen_ms", "flags", "frames",
        "freq_mhz", "had_fix", "heard_ns", "ids", "last_seen_ms", "location", "location_age_s", "motion", "operator_id",
        "rssi_dbm", "said_ns", "self_id", "senders", "system", "transport", "ua_type",
    )  # fmt: skip

    def __init__(self, sender: str, now_ns: int, unix_ms: int) -> None:
        self.contact_id = contact_id((), sender)
        self.announced = False
        self.dirty = False
        self.first_ns = self.heard_ns = self.said_ns = now_ns
        self.first_seen_ms = self.last_seen_ms = unix_ms
        self.ids: list[Uas] = []
        self.senders: dict[str, None] = {}
        self.flags: dict[str, Flag] = {}
        self.motion = Motion()
        self.frames = 0
        self.dji_heard = False
        self.had_fix = False
        self.location: Location | None = None
        self.location_age_s: float | None = None
        self.system: System | None = None
        self.self_id: SelfId | None = None
        self.operator_id: str | None = None
        self.ua_type: UaType | int | None = None
        self.auth_type: AuthType | int | None = None
        self.transport: str | None = None
        self.rssi_dbm: int | None = None
        self.freq_mhz: int | None = None

    @property
    def nameless(self) -> bool:
        """Whether no ID has come."""
        return not self.ids

    def heard(self, item: Heard | DjiHeard, now_ns: int, unix_ms: int) -> None:
        """Note how it was heard; what it said is `absorb`'s."""
        self.heard_ns = now_ns
        self.last_seen_ms = unix_ms
        self.frames += 1
        self.dirty = True
        self.rssi_dbm, self.freq_mhz = item.rssi_dbm, item.freq_mhz
        if isinstance(item, Heard):
            self.transport = item.transport
        else:
            self.dji_heard = True
        if item.sender and next(reversed(self.senders), None) != item.sender:
            self.senders.pop(item.sender, None)
            self.senders[item.sender] = None  # the newest one last

    def absorb(self, messages: tuple[Message, ...]) -> None:
        """Let the newest message of each kind count."""
        for message in messages:
            if isinstance(message, Location):
                self.location = message
                if message.lat_deg is not None:
                    self.had_fix = True
            elif isinstance(message, BasicId):
                if message.ua_type != UaType.NONE or self.ua_type is None:
                    self.ua_type = message.ua_type
            elif isinstance(message, System):
                self.system = message
            elif isinstance(message, OperatorId):
                self.operator_id = (message.operator_id or "").strip() or None
            elif isinstance(message, SelfId):
                self.self_id = message
            elif isinstance(message, Authentication):
                self.auth_type = message.auth_type

    def name(self, ids: list[Uas]) -> list[Uas]:
        """Add IDs; the contact's own id is chosen while nobody was told of it yet.

        Returns:
            those that are new.
        """
        new = [uas for uas in ids if uas not in self.ids][: MAX_IDS - len(self.ids)]
        self.ids += new
        if not self.announced and self.ids:
            self.contact_id = contact_id(self.ids, "")
        return new

    def adopt(self, other: Aircraft) -> None:
        """Take over what the same aircraft said before it gave its ID; what is known here already is newer."""
        self.first_ns = min(self.first_ns, other.first_ns)
        self.first_seen_ms = min(self.first_seen_ms, other.first_seen_ms)
        self.frames += other.frames
        self.dji_heard |= other.dji_heard
        self.had_fix |= other.had_fix
        for field in ("location", "system", "self_id", "operator_id", "ua_type", "auth_type", "location_age_s"):
            if getattr(self, field) is None:
                setattr(self, field, getattr(other, field))
        self.senders = other.senders | self.senders
        self.flags = other.flags | self.flags

    def forget_senders(self) -> list[str]:
        """Keep the newest addresses only; returns the others."""
        gone = list(self.senders)[:-MAX_SENDERS]
        for address in gone:
            del self.senders[address]
        return gone

    @property
    def model(self) -> str | None:
        """Maker or model; see `ContactData`."""
        for uas in self.ids:
            if uas.id_type == "serial_number" and (maker := manufacturer(uas.text)):
                return maker
        if self.self_id is not None and self.self_id.description_type == DescriptionType.TEXT:
            return self.self_id.description
        return _DJI if self.dji_heard else None

    def data(
        self,
        replay: bool = False,
        simulated: bool = False,
        lost_reason: LostReason | None = None,
        successor: str | None = None,
    ) -> ContactData:
        """The contact for the wire.

        Args:
            replay, simulated: how it came to be heard.
            lost_reason: why it is lost, where it is.
            successor: id of the contact that it goes on as.
        """
        here = self.location or Location()
        home, said = self.system, self.self_id
        named_by = next((uas for uas in self.ids if contact_id((uas,), "") == self.contact_id), None)
        lost = self.had_fix and here.lat_deg is None
        in_range = abs(here.lat_deg or 0.0) <= 90.0 and abs(here.lon_deg or 0.0) <= 180.0
        at_home = home is not None and abs(home.operator_lat_deg or 0.0) <= 90.0
        at_home = at_home and abs((home.operator_lon_deg if home else None) or 0.0) <= 180.0
        geodetic, pressure = here.altitude_geodetic_m, here.altitude_pressure_m
        spoke = self.location is not None
        return ContactData(
            id=self.contact_id,
            model=self.model,
            operator_id=self.operator_id,
            lat=here.lat_deg if in_range else None,
            lon=here.lon_deg if in_range else None,
            altitude_m=pressure if geodetic is None else geodetic,
            speed_m_s=here.speed_m_s,
            last_seen_ts=self.last_seen_ms,
            first_seen_ts=self.first_seen_ms,
            id_type=named_by.id_type if named_by else None,
            ids=[{"type": uas.id_type, "id": uas.text} for uas in self.ids],
            protocol="dji" if self.dji_heard and self.transport is None else "astm",
            dji_element=self.dji_heard or msgspec.UNSET,
            ua_type=None if self.ua_type is None else name_of(self.ua_type),
            status=name_of(here.status) if spoke else None,
            position_lost=lost or not in_range or msgspec.UNSET,
            altitude_geodetic_m=geodetic,
            altitude_pressure_m=pressure,
            height_m=here.height_m,
            height_reference=None if here.height_m is None else here.height_reference.name.lower(),
            vertical_speed_m_s=here.vertical_speed_m_s,
            track_deg=here.track_deg,
            horizontal_accuracy=name_of(here.horizontal_accuracy) if spoke else None,
            vertical_accuracy=name_of(here.vertical_accuracy) if spoke else None,
            location_age_s=self.location_age_s,
            self_id=said.description if said else None,
            self_id_type=name_of(said.description_type) if said else None,
            operator_lat=home.operator_lat_deg if home and at_home else None,
            operator_lon=home.operator_lon_deg if home and at_home else None,
            operator_altitude_m=home.operator_altitude_m if home else None,
            operator_location=name_of(home.operator_location) if home else None,
            area_count=home.area_count if home else None,
            area_radius_m=home.area_radius_m if home else None,
            area_ceiling_m=home.area_ceiling_m if home else None,
            area_floor_m=home.area_floor_m if home else None,
            classification=name_of(home.classification) if home else None,
            category=name_of(home.category) if home else None,
            ua_class=name_of(home.ua_class) if home else None,
            auth_type=None if self.auth_type is None else name_of(self.auth_type),
            transport=self.transport,
            senders=list(self.senders),
            rssi_dbm=self.rssi_dbm,
            freq_mhz=self.freq_mhz,
            frames=self.frames,
            plausibility=[
                FlagData(code=f.code, reason=f.reason, first_ts=f.first_ms, last_ts=f.last_ms, count=f.count)
                for f in self.flags.values()
            ],
            lost_reason=lost_reason or msgspec.UNSET,
            successor=successor or msgspec.UNSET,
            replay=replay or msgspec.UNSET,
            simulated=simulated or msgspec.UNSET,
        )
