"""Contacts of all kinds: what clients are told, in which order, and what the snapshot shows."""

from __future__ import annotations

import math
from types import SimpleNamespace

import msgspec
import pytest
from state_feeds import T0_MS, Event, Rig, S, rf_data, types

from ndefender.errors import CommandRejected
from ndefender.events.host import ServicesSection, ServiceState, SystemSection
from ndefender.events.snapshot import RemoteIdContact, RfContact, Snapshot
from ndefender.state.aggregate import Aggregate
from ndefender.state.policy import ContactPolicy

SIMPLE = {"model": "DJI", "operator_id": "operator-1", "lat": 37.42, "lon": -122.08, "altitude_m": 120.5}


def test_an_rf_event_passes_field_for_field() -> None:
    rig = Rig()
    data = rf_data(simulated=True, antenna="north", features=rf_data()["features"] | {"hop_hint": "none", "new": [1]})
    (said,) = rig.rf("NEW", data, at_ms=T0_MS - 40)
    assert (said.type, said.source, said.timestamp_ms) == ("RF_CONTACT_NEW", "antsdr", T0_MS - 40)
    assert {key: said.data[key] for key in data} == data
    assert said.data.keys() - data.keys() == {"last_seen_ts", "severity", "severity_reason"}
    (contact,) = rig.aggregate.contacts()
    assert isinstance(contact, RfContact)
    shown = msgspec.to_builtins(contact)
    assert {key: shown[key] for key in data if key != "antenna"} == {k: v for k, v in data.items() if k != "antenna"}
    assert shown["more"] == {"antenna": "north"}
    assert shown["type"] == "RF" and shown["last_seen_ts"] == T0_MS - 40


def test_a_remote_id_event_has_the_ten_fields_of_the_contract() -> None:
    rig = Rig()
    (said,) = rig.air("NEW", **SIMPLE, heading_deg=90)
    assert (said.type, said.source) == ("CONTACT_NEW", "remoteid")
    assert said.data == {
        "id": "rid:A", "type": "REMOTE_ID", **SIMPLE, "speed_m_s": None, "last_seen_ts": T0_MS, "heading_deg": 90,
        "severity": "medium", "severity_reason": "aircraft, movement unknown",
    }  # fmt: skip
    (contact,) = rig.aggregate.contacts()
    assert isinstance(contact, RemoteIdContact)
    assert (contact.lat, contact.more) == (37.42, {"heading_deg": 90})


def test_the_grammar_holds_whatever_the_feed_does() -> None:
    rig = Rig()
    steps = ["LOST", "UPDATE", "NEW", "UPDATE", "LOST", "LOST", "NEW", "NEW"]
    assert [types(rig.rf(step)) for step in steps] == [
        [], ["RF_CONTACT_NEW"], ["RF_CONTACT_UPDATE"], ["RF_CONTACT_UPDATE"], ["RF_CONTACT_LOST"], [],
        ["RF_CONTACT_NEW"], ["RF_CONTACT_UPDATE"],
    ]  # fmt: skip
    counters = rig.aggregate.counters
    assert (counters.orphan_losts, counters.orphan_updates, counters.repeated_new) == (2, 1, 2)


def test_fields_are_merged_one_by_one() -> None:
    rig = Rig()
    rig.air("NEW", **SIMPLE, serial="1")
    rig.air("UPDATE", speed_m_s=8.2, lat=None, lon=None, model=None)
    (said,) = rig.air("UPDATE", lat=1.0, lon=2.0)
    expected = SIMPLE | {"lat": 1.0, "lon": 2.0, "speed_m_s": 8.2, "serial": "1"}
    assert {key: said.data[key] for key in expected} == expected


@pytest.mark.parametrize("lost", [{"position_lost": True}, {"lat": 0, "lon": 0.0}])
def test_a_position_said_to_be_lost_is_erased_and_may_come_back(lost: dict[str, object]) -> None:
    rig = Rig()
    rig.air("NEW", **SIMPLE)
    (said,) = rig.air("UPDATE", **lost)
    assert (said.data["lat"], said.data["lon"], said.data["altitude_m"]) == (None, None, 120.5)
    (said,) = rig.air("UPDATE", lat=1.0, lon=0)
    assert (said.data["lat"], said.data["lon"]) == (1.0, 0)
    assert "position_lost" not in said.data


def test_an_impossible_position_says_nothing() -> None:
    rig = Rig()
    rig.air("NEW", **SIMPLE)
    (said,) = rig.air("UPDATE", lat=91.0, lon=5.0)
    assert (said.data["lat"], said.data["lon"]) == (37.42, -122.08)


def test_a_second_life_knows_nothing_of_the_first() -> None:
    rig = Rig()
    rig.air("NEW", **SIMPLE)
    (lost,) = rig.air("LOST")
    assert lost.data["model"] == "DJI"
    (said,) = rig.air("NEW")
    assert said.data["model"] is None


def test_a_null_of_an_rf_contact_counts() -> None:
    rig = Rig()
    rig.rf("NEW")
    (said,) = rig.rf("UPDATE", {"id": rf_data()["id"], "band": None})
    assert said.data["band"] is None
    assert said.data["snr_db"] == 34.5


def test_silence_for_the_ttl_is_the_same_lost_and_is_said_once() -> None:
    rig = Rig(ttl_rf_s=20.0, ttl_remote_id_s=10.0)
    rig.rf("NEW")
    rig.air("NEW", **SIMPLE)
    assert rig.wait(10.0) == []
    (said,) = rig.wait(0.5)
    assert (said.type, said.timestamp_ms, said.data["last_seen_ts"]) == ("CONTACT_LOST", T0_MS + 10_500, T0_MS)
    assert said.data["model"] == "DJI"
    rig.rf("UPDATE")
    assert rig.wait(19.0) == []
    assert types(rig.wait(2.0)) == ["RF_CONTACT_LOST"]
    assert rig.rf("LOST") == []
    assert rig.aggregate.counters.expired == 2


@pytest.mark.parametrize("step_ms", [-(10**10), 10**10])
def test_a_step_of_the_wall_clock_neither_ends_nor_keeps_a_contact(step_ms: int) -> None:
    rig = Rig(ttl_rf_s=20.0)
    rig.rf("NEW")
    rig.unix_ms += step_ms
    assert rig.wait(15.0) == []
    assert types(rig.wait(6.0)) == ["RF_CONTACT_LOST"]


def test_the_one_not_heard_of_for_longest_makes_room() -> None:
    rig = Rig(max_contacts=2)
    rig.rf("NEW", rf_data(1))
    rig.rf("NEW", rf_data(2))
    rig.rf("UPDATE", rf_data(1))
    said = rig.rf("NEW", rf_data(3))
    assert [(one.type, one.data["id"]) for one in said] == [
        ("RF_CONTACT_LOST", "rf:2000000"),
        ("RF_CONTACT_NEW", "rf:3000000"),
    ]
    rig.air("NEW")  # another kind has its own room
    assert len(rig.ids()) == 3


@pytest.mark.parametrize(
    "data",
    [
        None, [], {}, {"id": None}, {"id": ""}, {"id": 5}, {"id": "x" * 129}, {"id": "rid:A"}, {"id": "fpv:1"},
        {"id": "rf:1", "features": "y" * 20_000}, {"id": "rf:1", "features": {"a": ["z" * 300] * 60}},
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_counted_and_not_said(data: object) -> None:
    rig = Rig()
    assert rig.aggregate.rf_event(Event("RF_CONTACT_NEW", T0_MS, data), rig.now_ns, rig.unix_ms) == []
    assert rig.aggregate.counters.garbage == 1
    assert rig.ids() == []


@pytest.mark.parametrize("contact_id", ["rf:1", "fpv:1"])
def test_an_aircraft_cannot_take_the_id_of_another_kind(contact_id: str) -> None:
    rig = Rig()
    assert rig.air("NEW", id=contact_id) == []
    assert rig.aggregate.counters.garbage == 1


def test_unknown_types_are_counted_by_name() -> None:
    rig = Rig()
    assert rig.rf("GONE") == []
    assert rig.feed("SYSTEM_UPDATE") == []
    assert rig.aggregate.panel("CONTACT_NEW", {}, rig.now_ns, rig.unix_ms) == []
    assert (rig.aggregate.counters.unknown_events, rig.aggregate.counters.last_unknown_type) == (3, "CONTACT_NEW")


def test_a_feed_cannot_speak_for_the_operator() -> None:
    rig = Rig()
    spoofed = {"label": "friendly", "severity": "low", "severity_reason": "", "note": "ours", "more": 1}
    (said,) = rig.rf("NEW", rf_data(**spoofed))
    assert said.data["severity"] == "high"
    assert not {"label", "note", "more"} & said.data.keys()
    (said,) = rig.air("NEW", **spoofed, speed_m_s=9.0)
    assert said.data["severity"] == "high"
    assert not {"label", "note", "more"} & said.data.keys()


def test_nothing_that_is_no_json_leaves() -> None:
    rig = Rig()
    bad = rf_data(freq_hz="a lot", snr_db=math.nan, peak_db=True, confidence=10**400, band=5, features=[1], x=math.inf)
    bad |= {"y": object(), "\ud800": "\udfff", "z": {"deep": [math.nan, b"", {1: 2}]}}
    (said,) = rig.rf("NEW", bad)
    known = ("freq_hz", "snr_db", "peak_db", "confidence", "band", "features", "x", "y")
    assert [said.data[key] for key in known] == [None] * 8
    assert said.data["z"] == {"deep": [None, None, {}]}
    snapshot = msgspec.json.encode(rig.aggregate.snapshot(rig.unix_ms, 1, "b"))
    assert len(msgspec.json.decode(snapshot, type=Snapshot).contacts) == 1


def test_depth_is_bounded() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    (said,) = Rig().rf("NEW", rf_data(deep=deep))
    assert len(str(said.data["deep"])) < 40


@pytest.mark.parametrize(
    ("said_ms", "seen_ms", "wrong"),
    [
        (T0_MS - 500, T0_MS - 500, 0),
        (T0_MS + 1_500, T0_MS, 0),  # the clocks of two boxes
        (T0_MS + 3_600_000, T0_MS, 1),
        (T0_MS // 1000 - 5, T0_MS - 5_000, 1),
        (T0_MS // 1000 - 5.25, T0_MS - 5_250, 1),
        (1000, T0_MS, 1),
        (0, T0_MS, 1),
        (-5, T0_MS, 1),
        (T0_MS * 1_000_000, T0_MS, 1),
        ("now", T0_MS, 1),
        (True, T0_MS, 1),
    ],
)
def test_last_seen_is_always_milliseconds_since_the_epoch(said_ms: object, seen_ms: int, wrong: int) -> None:
    rig = Rig()
    (said,) = rig.air("NEW", last_seen_ts=said_ms)
    assert said.data["last_seen_ts"] == seen_ms
    assert rig.aggregate.counters.times_corrected == wrong
    (said,) = rig.rf("NEW", at_ms=said_ms)
    assert said.timestamp_ms == said.data["last_seen_ts"] == seen_ms
    assert rig.aggregate.counters.times_corrected == 2 * wrong


@pytest.mark.parametrize("key", ["last_seen_ts", "last_update_ms", "last_ts"])
def test_all_writers_names_of_the_time_are_read_and_one_is_written(key: str) -> None:
    (said,) = Rig().air("NEW", **{key: T0_MS - 700})
    assert said.data["last_seen_ts"] == T0_MS - 700
    assert not {"last_update_ms", "last_ts"} & said.data.keys()


def test_contacts_are_listed_newest_first() -> None:
    rig = Rig()
    rig.rf("NEW", rf_data(1), at_ms=T0_MS - 300)
    rig.air("NEW", last_seen_ts=T0_MS - 100)
    rig.rf("NEW", rf_data(2), at_ms=T0_MS - 200)
    assert rig.ids() == ["rid:A", "rf:2000000", "rf:1000000"]


def test_an_event_that_comes_both_ways_counts_once() -> None:
    rig = Rig()
    assert types(rig.rf("NEW", seq=8, boot_id="b")) == ["RF_CONTACT_NEW"]
    assert types(rig.rf("LOST", seq=10, boot_id="b")) == ["RF_CONTACT_LOST"]
    assert rig.rf("NEW", seq=8, boot_id="b") == []
    assert rig.rf("UPDATE", seq=9, boot_id="b") == []  # older than what is known: the contact is gone
    assert types(rig.rf("NEW", rf_data(1), seq=9, boot_id="b")) == ["RF_CONTACT_NEW"]
    assert types(rig.rf("NEW", seq=8, boot_id="next boot")) == ["RF_CONTACT_NEW"]
    assert rig.aggregate.counters.duplicates == 2


def test_the_memory_of_numbers_is_bounded() -> None:
    rig = Rig(max_contacts=1)
    for mhz in range(1, 50):
        rig.rf("NEW", rf_data(mhz), seq=mhz, boot_id="b")
    assert types(rig.rf("UPDATE", rf_data(49), seq=49, boot_id="b")) == []
    assert types(rig.rf("UPDATE", rf_data(1), seq=1, boot_id="b")) == ["RF_CONTACT_LOST", "RF_CONTACT_NEW"]


def test_labels_are_told_kept_and_come_back() -> None:
    rig = Rig()
    rig.rf("NEW")
    contact_id = rf_data()["id"]
    (said,) = rig.aggregate.set_label(contact_id, "hostile", "over the fence", T0_MS + 5)
    assert (said.type, said.timestamp_ms) == ("RF_CONTACT_UPDATE", T0_MS + 5)
    assert said.data["last_seen_ts"] == T0_MS  # it was not heard
    assert (said.data["label"], said.data["note"], said.data["severity"]) == ("hostile", "over the fence", "critical")
    rig.rf("LOST")
    with pytest.raises(CommandRejected) as rejected:
        rig.aggregate.set_label(contact_id, None, None, T0_MS)
    assert rejected.value.status == 404
    (said,) = rig.rf("NEW")
    assert (said.data["label"], said.data["severity"]) == ("hostile", "critical")
    (said,) = rig.aggregate.set_label(contact_id, None, None, T0_MS)
    assert "label" not in said.data and "note" not in said.data
    assert rig.aggregate.labels == {}
    assert rig.aggregate.labels_revision == 2


def test_a_label_does_not_keep_a_contact_alive() -> None:
    rig = Rig(ttl_rf_s=20.0)
    rig.rf("NEW")
    rig.wait(15.0)
    rig.aggregate.set_label(rf_data()["id"], "known", None, rig.unix_ms)
    assert types(rig.wait(6.0)) == ["RF_CONTACT_LOST"]


def test_labels_are_checked_and_bounded() -> None:
    rig = Rig(max_labels=1)
    rig.rf("NEW", rf_data(1))
    rig.rf("NEW", rf_data(2))
    for label, note, status in (("pink", None, 400), ("known", "x" * 1001, 400), ("known", "\ud800", 400)):
        with pytest.raises(CommandRejected) as rejected:
            rig.aggregate.set_label("rf:1000000", label, note, T0_MS)  # a caller that does not check types
        assert rejected.value.status == status
    rig.aggregate.set_label("rf:1000000", None, "only a note", T0_MS)
    with pytest.raises(CommandRejected) as rejected:
        rig.aggregate.set_label("rf:2000000", "known", None, T0_MS)
    assert rejected.value.status == 409
    rig.aggregate.set_label("rf:2000000", None, None, T0_MS)  # taking back is always possible
    rig.aggregate.set_label("rf:1000000", "friendly", None, T0_MS)
    assert rig.aggregate.labels["rf:1000000"].label == "friendly"


def test_simulated_is_said_by_envelope_or_data() -> None:
    rig = Rig()
    (said,) = rig.air("NEW", simulated=True)
    assert said.data["simulated"] is True
    (said,) = rig.air("UPDATE")
    assert "simulated" not in said.data
    (said,) = rig.rf("NEW", rf_data(simulated=True))
    assert said.data["simulated"] is True


def test_the_host_is_offline_until_it_is_read() -> None:
    aggregate = Aggregate(ContactPolicy())
    snapshot = aggregate.snapshot(T0_MS, 0, "b")
    assert (snapshot.system.status, snapshot.services_status, aggregate.gps().status) == ("offline",) * 3
    aggregate.host("system", SystemSection(cpu_temp_c=45.0))
    aggregate.host("services", ServicesSection(services=[ServiceState(name="ndefender")]))
    snapshot = aggregate.snapshot(T0_MS, 0, "b")
    assert (snapshot.system.cpu_temp_c, snapshot.services[0].name, snapshot.services_status) == (
        45.0,
        "ndefender",
        "ok",
    )


def test_restored_contacts_go_on_with_an_update() -> None:
    rig = Rig(ttl_rf_s=20.0, ttl_remote_id_s=10.0)
    events = [
        Event("RF_CONTACT_NEW", T0_MS - 60_000, rf_data(1), 1, "b"),
        Event("CONTACT_NEW", T0_MS - 9_000, {"id": "rid:A", "model": "DJI"}),
        Event("RF_CONTACT_NEW", T0_MS - 30_000, rf_data(2), 2, "b"),
        Event("RF_CONTACT_UPDATE", T0_MS - 15_000, {"id": "rf:2000000"}, 3, "b"),
        Event("RF_CONTACT_NEW", T0_MS - 5_000, rf_data(3), 4, "b"),
        Event("RF_CONTACT_LOST", T0_MS - 1_000, rf_data(3), 5, "b"),
    ]
    said = rig.aggregate.restore(events, rig.now_ns, rig.unix_ms)
    assert [(one.type, one.data["id"]) for one in said] == [("RF_CONTACT_LOST", "rf:1000000")]
    assert rig.ids() == ["rid:A", "rf:2000000"]
    assert (rig.aggregate.counters.restored, rig.aggregate.counters.rf_events) == (2, 0)
    assert rig.rf("UPDATE", rf_data(2), seq=3, boot_id="b") == []  # the log's own last line once more
    assert types(rig.rf("UPDATE", rf_data(2), seq=6, boot_id="b")) == ["RF_CONTACT_UPDATE"]
    (said_of_a,) = rig.air("UPDATE")
    assert (said_of_a.type, said_of_a.data["model"]) == ("CONTACT_UPDATE", "DJI")
    assert rig.aggregate.snapshot(T0_MS, 0, "b").rf.last_event_type == "RF_CONTACT_UPDATE"


def test_the_ttl_of_a_restored_contact_counts_from_when_it_was_heard() -> None:
    rig = Rig(ttl_rf_s=20.0)
    rig.aggregate.restore([Event("RF_CONTACT_NEW", T0_MS - 15_000, rf_data())], rig.now_ns, rig.unix_ms)
    assert rig.wait(4.0) == []
    assert types(rig.wait(2.0)) == ["RF_CONTACT_LOST"]


def test_a_clock_that_starts_in_the_past_restores_everything_for_one_ttl() -> None:
    rig = Rig(ttl_rf_s=20.0)
    rig.unix_ms, rig.now_ns = 86_400_000, 5 * S  # a board without a clock, just booted
    assert rig.aggregate.restore([Event("RF_CONTACT_NEW", T0_MS, rf_data())], rig.now_ns, rig.unix_ms) == []
    (contact,) = rig.aggregate.contacts()
    assert contact.last_seen_ts == 86_400_000
    assert types(rig.wait(21.0)) == ["RF_CONTACT_LOST"]


def test_a_panel_link_is_anything_with_its_words() -> None:
    rig = Rig()
    rig.panel(100, 100, 100)
    rig.aggregate.panel_state(
        SimpleNamespace(connected=False, heartbeat="lost", last_error="unplugged", simulated=False)
    )
    snapshot = rig.aggregate.snapshot(T0_MS, 0, "b")
    assert (snapshot.vrx.status, snapshot.vrx.last_error, snapshot.vrx.vrx) == ("offline", "unplugged", [])
    assert (snapshot.video.status, snapshot.video.selected) == ("offline", None)
