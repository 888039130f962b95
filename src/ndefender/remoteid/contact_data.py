"""How a contact is written in the events; the only place of this room that names their keys."""

from __future__ import annotations

from typing import Literal

import msgspec

LostReason = Literal["silence", "replay_ended", "stopped", "no_room", "identified"]
Protocol = Literal["astm", "dji"]


class FlagData(msgspec.Struct, frozen=True, kw_only=True):
    """One thing about a contact that cannot be as it is said; see docs/remoteid.md.

    Args:
        code: which.
        reason: in plain words, with the value and the limit, of the newest occurrence.
        first_ts, last_ts: when it was noticed, milliseconds since the epoch.
        count: how often.
    """

    code: str
    reason: str
    first_ts: int
    last_ts: int
    count: int


class ContactData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of a CONTACT event: EVENTS.md's fields first, then what else the aircraft says. Null is "not known".

    Args:
        id: `rid:<UAS ID>`, `rid:mac:<MAC>` where no ID ever came.
        model: maker by the serial number's prefix, else what the aircraft says of itself.
        operator_id: registration of who flies.
        lat, lon: WGS 84, degrees; null without a fix.
        altitude_m: above the WGS 84 ellipsoid, else by the standard atmosphere.
        speed_m_s: over ground.
        last_seen_ts, first_seen_ts: when it was heard, milliseconds since the epoch, by the receiver's clock.
        id_type, ids: type of the ID in `id`; all IDs it gave.
        protocol: `astm`, or `dji` where only DJI's own vendor element was heard; `dji_element`: it was heard.
        ua_type, status: as the standard calls them.
        position_lost: it had a fix and says now that it has none.
        track_deg: from true north. height_m: above `height_reference`, `takeoff` or `ground`.
        operator_location: `takeoff`, `live_gnss`, `fixed`: what `operator_lat` and `operator_lon` are.
        area_*: of a flight of several aircraft.
        auth_type: what is signed; the signature is not checked.
        location_age_s: by how much the aircraft's own time stamp is behind the receiver's clock.
        transport, senders, rssi_dbm, freq_mhz: how it was heard last.
        frames: heard of it.
        plausibility: what is wrong with it; empty where nothing is.
        lost_reason, successor: of a LOST.
    """

    id: str
    type: Literal["REMOTE_ID"] = "REMOTE_ID"
    model: str | None
    operator_id: str | None
    lat: float | None
    lon: float | None
    altitude_m: float | None
    speed_m_s: float | None
    last_seen_ts: int
    first_seen_ts: int
    id_type: str | None
    ids: list[dict[str, str]]
    protocol: Protocol
    dji_element: bool | msgspec.UnsetType = msgspec.UNSET
    ua_type: str | int | None
    status: str | int | None
    position_lost: bool | msgspec.UnsetType = msgspec.UNSET
    altitude_geodetic_m: float | None
    altitude_pressure_m: float | None
    height_m: float | None
    height_reference: str | None
    vertical_speed_m_s: float | None
    track_deg: int | None
    horizontal_accuracy: str | int | None
    vertical_accuracy: str | int | None
    location_age_s: float | None
    self_id: str | None
    self_id_type: str | int | None
    operator_lat: float | None
    operator_lon: float | None
    operator_altitude_m: float | None
    operator_location: str | int | None
    area_count: int | None
    area_radius_m: int | None
    area_ceiling_m: float | None
    area_floor_m: float | None
    classification: str | int | None
    category: str | int | None
    ua_class: str | int | None
    auth_type: str | int | None
    transport: str | None
    senders: list[str]
    rssi_dbm: int | None
    freq_mhz: int | None
    frames: int
    plausibility: list[FlagData]
    lost_reason: LostReason | msgspec.UnsetType = msgspec.UNSET
    successor: str | msgspec.UnsetType = msgspec.UNSET
    replay: bool | msgspec.UnsetType = msgspec.UNSET
    simulated: bool | msgspec.UnsetType = msgspec.UNSET
