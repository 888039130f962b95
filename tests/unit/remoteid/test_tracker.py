"""Who is who: IDs, addresses, joins, and the life of a contact."""

from __future__ import annotations

import msgspec
import pytest
from support.rid_sky import (
    EPOCH_S,
    MAC,
    MAC_2,
    OTHER,
    SERIAL,
    S,
    basic,
    codes,
    heard,
    location,
    now_ns,
    steps,
    unix_ms,
)

from ndefender.remoteid.frames.heard import DjiHeard, Heard
from ndefender.remoteid.odid.authentication import Authentication
from ndefender.remoteid.odid.operator_id import OperatorId
from ndefender.remoteid.odid.self_id import SelfId
from ndefender.remoteid.odid.system import System
from ndefender.remoteid.odid.values import AuthType, DescriptionType, IdType, OperatorIdType, UaType
from ndefender.remoteid.tracker import Change, Tracker, TrackerPolicy

ID = f"rid:{SERIAL}"
BY_MAC = f"rid:mac:{MAC}"
SESSION = "02" + "ab" * 19


def take(tracker: Tracker, *items: Heard | DjiHeard) -> list[Change]:
    return [change for item in items for change in tracker.take(item, now_ns(item.time_s - EPOCH_S))]


def tick(tracker: Tracker, at_s: float) -> list[Change]:
    return tracker.tick(now_ns(at_s), unix_ms(at_s))


def test_a_pack_is_a_contact_at_once_with_every_field() -> None:
    tracker = Tracker()
    pack = heard(
        0.0,
        basic(),
        location(
            0.0, altitude_geodetic_m=120.5, altitude_pressure_m=118.0, height_m=60.0, speed_m_s=8.25, track_deg=270,
            vertical_speed_m_s=-1.5,
        ),
        SelfId(DescriptionType.TEXT, "Survey"),
        System(
            operator_lat_deg=48.001, operator_lon_deg=11.001, operator_altitude_m=510.0, area_count=3, area_radius_m=50
        ),
        OperatorId(OperatorIdType.OPERATOR_ID, "FIN87astrdge12k8"),
        Authentication(AuthType.UAS_ID_SIGNATURE, 0, b"x", 0, 1),
    )  # fmt: skip
    (change,) = take(tracker, pack)
    assert (change.step, change.unix_ms) == ("NEW", unix_ms(0.0))
    said = msgspec.to_builtins(change.data)
    assert said == said | {
        "id": ID, "type": "REMOTE_ID", "model": "DJI", "operator_id": "FIN87astrdge12k8", "lat": 48.0, "lon": 11.0,
        "altitude_m": 120.5, "speed_m_s": 8.25, "last_seen_ts": unix_ms(0.0), "first_seen_ts": unix_ms(0.0),
        "id_type": "serial_number", "ids": [{"type": "serial_number", "id": SERIAL}], "protocol": "astm",
        "ua_type": "helicopter_or_multirotor", "status": "airborne", "altitude_geodetic_m": 120.5,
        "altitude_pressure_m": 118.0, "height_m": 60.0, "height_reference": "takeoff", "vertical_speed_m_s": -1.5,
        "track_deg": 270, "self_id": "Survey", "self_id_type": "text", "operator_lat": 48.001, "operator_lon": 11.001,
        "operator_altitude_m": 510.0, "operator_location": "takeoff", "area_count": 3, "area_radius_m": 50,
        "auth_type": "uas_id_signature", "transport": "wifi_beacon", "senders": [MAC], "rssi_dbm": -60,
        "freq_mhz": 2437, "frames": 1, "plausibility": [], "location_age_s": 0.0,
    }  # fmt: skip
    assert not {"replay", "simulated", "position_lost", "lost_reason", "dji_element"} & said.keys()


def test_single_messages_without_an_id_join_their_sender() -> None:
    tracker = Tracker()
    assert take(tracker, heard(0.0, location(0.0))) == []  # who this is may still come
    changes = take(tracker, heard(1.0, basic()))
    assert steps(changes) == [("NEW", ID)]
    assert (changes[0].data.lat, changes[0].data.frames) == (48.0, 2)
    assert changes[0].data.first_seen_ts == unix_ms(0.0)
    (change,) = take(tracker, heard(2.0, location(2.0, speed_m_s=7.0)))
    assert (change.step, change.data.id, change.data.speed_m_s) == ("UPDATE", ID, 7.0)


def test_a_sender_that_never_gives_an_id_is_a_contact_by_its_address() -> None:
    tracker = Tracker()
    assert take(tracker, heard(0.0, location(0.0))) == []
    assert tick(tracker, 2.9) == []
    assert steps(tick(tracker, 3.0)) == [("NEW", BY_MAC)]
    assert steps(take(tracker, heard(4.0, location(4.0)))) == [("UPDATE", BY_MAC)]
    # An ID after all: the contact goes on under it.
    changes = take(tracker, heard(5.0, basic()))
    assert steps(changes) == [("LOST", BY_MAC), ("NEW", ID)]
    assert (changes[0].data.lost_reason, changes[0].data.successor) == ("identified", ID)
    assert (changes[1].data.lat, changes[1].data.frames) == (48.0, 3)
    assert tracker.contacts_active == 1


def test_one_id_from_changing_addresses_is_one_contact() -> None:
    tracker = Tracker()
    addresses = [f"02:00:00:00:00:{number:02x}" for number in range(12)]
    changes = [
        change
        for number, address in enumerate(addresses)
        for change in take(tracker, heard(number, basic(), location(number), sender=address))
    ]
    assert steps(changes) == [("NEW", ID), *[("UPDATE", ID)] * 11]
    assert changes[-1].data.senders == addresses[-4:]
    assert tracker.counted()["senders"] == 4  # an address that is of no use any more is forgotten
    # A new address that is silent about who it is, until it is not.
    assert take(tracker, heard(12.0, location(12.0), sender=MAC)) == []
    assert steps(take(tracker, heard(13.0, basic()))) == [("UPDATE", ID)]
    assert tick(tracker, 20.0) == []


def test_a_serial_number_and_a_session_in_a_pack_are_one_aircraft() -> None:
    tracker = Tracker()
    changes = take(tracker, heard(0.0, basic(SESSION, IdType.SESSION_ID), basic(), location(0.0)))
    assert steps(changes) == [("NEW", ID)]
    assert {each["type"] for each in changes[0].data.ids} == {"serial_number", "session_id"}
    # From another address by the session alone: the same aircraft.
    only_session = heard(1.0, basic(SESSION, IdType.SESSION_ID), location(1.0), sender=MAC_2)
    assert steps(take(tracker, only_session)) == [("UPDATE", ID)]


def test_a_serial_number_and_a_session_one_after_the_other_are_one_aircraft_under_its_first_name() -> None:
    tracker = Tracker()
    assert steps(take(tracker, heard(0.0, basic(SESSION, IdType.SESSION_ID)))) == [("NEW", f"rid:{SESSION}")]
    (change,) = take(tracker, heard(1.0, basic()))
    assert (change.step, change.data.id, change.data.id_type) == ("UPDATE", f"rid:{SESSION}", "session_id")
    assert (len(change.data.ids), change.data.model) == (2, "DJI")


def test_two_serial_numbers_from_one_address_are_two_aircraft() -> None:
    tracker = Tracker()
    changes = take(
        tracker,
        heard(0.0, basic()),
        heard(0.3, location(0.3, lat=48.0)),
        heard(0.6, basic(OTHER)),
        heard(0.9, location(0.9, lat=49.0)),
        heard(1.2, basic()),
        heard(1.5, location(1.5, lat=48.0)),
    )
    last = {change.data.id: change.data for change in changes}
    assert {key: data.lat for key, data in last.items()} == {ID: 48.0, f"rid:{OTHER}": 49.0}
    assert all(codes(data) <= {"serial_malformed"} for data in last.values())
    assert last[f"rid:{OTHER}"].model == "Dronetag"


def test_two_ids_of_one_type_in_one_pack_are_flagged() -> None:
    (change,) = take(Tracker(), heard(0.0, basic(), basic(OTHER), location(0.0)))
    assert change.data.id == ID
    assert "ids_contradict" in codes(change.data)
    assert OTHER in change.data.plausibility[-1].reason


def test_an_id_of_no_type_names_an_aircraft_too() -> None:
    (change,) = take(Tracker(), heard(0.0, basic("MFG1A0123456789", IdType.NONE), SelfId(DescriptionType.TEXT, "Fun")))
    assert (change.data.id, change.data.id_type, change.data.model) == ("rid:MFG1A0123456789", "none", "Fun")
    (change,) = take(Tracker(), heard(0.0, basic("X", 9)))
    assert (change.data.id, change.data.id_type) == ("rid:X", "type_9")


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_id_is_none(text: str) -> None:
    tracker = Tracker()
    assert take(tracker, heard(0.0, basic(text), location(0.0))) == []
    assert steps(tick(tracker, 3.0)) == [("NEW", BY_MAC)]


def test_an_anonymous_sender_counts_only_with_an_id() -> None:
    tracker = Tracker()
    assert take(tracker, heard(0.0, location(0.0), sender="")) == []
    assert tracker.counters.unjoined == 1
    assert steps(take(tracker, heard(1.0, basic(), location(1.0), sender=""))) == [("NEW", ID)]


def test_what_is_no_message_is_counted() -> None:
    tracker = Tracker()
    broken = msgspec.structs.replace(heard(0.0, location(0.0)), payload=b"\x70" * 25)
    assert take(tracker, broken) == []
    assert tick(tracker, 60.0) == []
    assert tracker.counters.bad_messages == 1


def test_no_fix_is_no_position_and_a_fix_can_be_lost() -> None:
    tracker = Tracker()
    (change,) = take(tracker, heard(0.0, basic(), location(0.0, lat=None, lon=None)))
    assert (change.data.lat, change.data.lon, change.data.position_lost) == (None, None, msgspec.UNSET)
    (change,) = take(tracker, heard(1.0, basic(), location(1.0)))
    assert change.data.lat == 48.0
    (change,) = take(tracker, heard(2.0, basic(), location(2.0, lat=None, lon=None)))
    assert (change.data.lat, change.data.position_lost) == (None, True)


def test_an_aircraft_that_hovers_is_not_suspicious() -> None:
    tracker = Tracker()
    changes = [
        change
        for number in range(30)
        for change in take(
            tracker, heard(number, basic(), location(number, speed_m_s=0.0, vertical_speed_m_s=0.0, track_deg=0))
        )
    ]
    assert (changes[-1].data.speed_m_s, changes[-1].data.track_deg, codes(changes[-1].data)) == (0.0, 0, set())


def test_silence_ends_a_contact_after_its_ttl() -> None:
    tracker = Tracker()
    take(tracker, heard(0.0, basic(), location(0.0)))
    assert tick(tracker, 30.0) == []
    (change,) = tick(tracker, 30.01)
    assert (change.step, change.data.id, change.data.lost_reason) == ("LOST", ID, "silence")
    assert change.data.last_seen_ts == unix_ms(0.0)
    assert tick(tracker, 31.0) == []
    assert steps(take(tracker, heard(32.0, basic()))) == [("NEW", ID)]


def test_updates_are_bounded_and_the_last_one_is_not_lost() -> None:
    tracker = Tracker()
    take(tracker, heard(0.0, basic(), location(0.0)))
    fast = [
        change for n in range(1, 100) for change in take(tracker, heard(n / 100, location(n / 100, speed_m_s=n / 4)))
    ]
    assert len(fast) == 4
    (late,) = tick(tracker, 1.25)
    assert (late.step, late.data.speed_m_s, late.data.frames) == ("UPDATE", 24.75, 100)
    assert tick(tracker, 1.5) == []


def test_a_new_flag_is_said_at_once() -> None:
    tracker = Tracker()
    take(tracker, heard(0.0, basic(), location(0.0)))
    (change,) = take(tracker, heard(0.01, location(0.01, speed_m_s=250.0)))
    assert codes(change.data) == {"impossible_speed"}
    assert take(tracker, heard(0.02, location(0.02, speed_m_s=250.0))) == []


def test_the_end_loses_everyone_and_tells_of_who_was_not_told_of_yet() -> None:
    tracker = Tracker(replay=True, simulated=True)
    take(tracker, heard(0.0, basic()), heard(0.5, location(0.5), sender=MAC_2))
    by_mac = f"rid:mac:{MAC_2}"
    changes = tracker.end("replay_ended", S, unix_ms(1.0))
    assert steps(changes) == [("LOST", ID), ("NEW", by_mac), ("LOST", by_mac)]
    assert all(change.data.replay is True and change.data.simulated is True for change in changes)
    assert tracker.contacts_active == 0


def test_djis_own_element_is_reported_as_such() -> None:
    tracker = Tracker()
    dji = DjiHeard(MAC, b"\x58\x62", -50, 2437, EPOCH_S)
    assert take(tracker, dji) == []
    (change,) = tick(tracker, 3.0)
    data = change.data
    assert (data.id, data.protocol, data.dji_element, data.model, data.lat) == (BY_MAC, "dji", True, "DJI", None)
    # The same aircraft by Open Drone ID.
    changes = take(tracker, heard(4.0, basic(), location(4.0)), msgspec.structs.replace(dji, time_s=EPOCH_S + 5.0))
    assert steps(changes) == [("LOST", BY_MAC), ("NEW", ID), ("UPDATE", ID)]
    assert (changes[-1].data.protocol, changes[-1].data.dji_element) == ("astm", True)


def test_contacts_and_addresses_are_bounded() -> None:
    tracker = Tracker(TrackerPolicy(max_contacts=5, max_senders=7))
    alive: set[str] = set()
    for number in range(50):
        address = f"02:00:00:00:00:{number:02x}"
        for step, contact in steps(take(tracker, heard(number / 10, basic(f"S{number}"), sender=address))):
            (alive.discard if step == "LOST" else alive.add)(contact)
        assert len(alive) == tracker.contacts_active <= 5
        assert tracker.counted()["senders"] <= 7
    assert alive == {f"rid:S{number}" for number in range(45, 50)}
    assert tracker.counters.evicted == 45


def test_an_address_with_very_many_ids_stays_bounded() -> None:
    tracker = Tracker(TrackerPolicy(max_contacts=64))
    for number in range(500):
        take(tracker, heard(number / 100, basic(f"S{number}")))
    assert tracker.contacts_active == 64
    for number in range(500):
        take(tracker, heard(5 + number / 100, basic("S499"), basic(f"{number:020d}", 5 + number % 10)))
    (last,) = [each.data for each in tracker.again(10 * S, unix_ms(10.0)) if each.data.id == "rid:S499"]
    assert len(last.ids) <= 8


def test_the_kind_of_aircraft_is_not_unsaid() -> None:
    tracker = Tracker()
    take(tracker, heard(0.0, basic(ua_type=UaType.AEROPLANE)))
    (change,) = take(tracker, heard(1.0, basic(ua_type=UaType.NONE)))
    assert change.data.ua_type == "aeroplane"
