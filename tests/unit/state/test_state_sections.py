"""The sections of the feeds: RF, Remote ID, replay, panel."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from state_feeds import T0_MS, Rig, rf_data, types

from ndefender.events.snapshot import RemoteIdSection, RfSection


def rf(rig: Rig) -> RfSection:
    return rig.aggregate.snapshot(rig.unix_ms, 0, "b").rf


def remote_id(rig: Rig) -> RemoteIdSection:
    return rig.aggregate.snapshot(rig.unix_ms, 0, "b").remote_id


def test_rf_is_offline_until_a_radio_or_an_event() -> None:
    rig = Rig()
    assert rf(rig).status == "offline"
    assert rf(rig).last_error
    rig.rf("NEW")
    section = rf(rig)
    assert (section.status, section.last_error, section.scan_active) == ("ok", None, None)
    assert (section.last_event_type, section.last_timestamp_ms) == ("RF_CONTACT_NEW", T0_MS)
    assert isinstance(section.last_event, dict)
    assert section.last_event["id"] == rf_data()["id"]


@pytest.mark.parametrize(
    ("radio", "error", "log", "status", "text"),
    [
        ("ok", None, None, "ok", None),
        ("ok", None, "ENOSPC: no space left", "degraded", "ENOSPC: no space left"),
        ("offline", "no radio", "ENOSPC", "offline", "no radio; ENOSPC"),
        ("degraded", "late", None, "degraded", "late"),
    ],
)
def test_rf_tells_of_radio_and_log(
    radio: Literal["ok", "degraded", "offline"], error: str | None, log: str | None, status: str, text: str | None
) -> None:
    rig = Rig()
    rig.aggregate.radio(radio, True, error, simulated=True)
    rig.aggregate.rf_log(log)
    section = rf(rig)
    assert (section.status, section.last_error, section.scan_active, section.simulated) == (status, text, True, True)


def test_telemetry_feeds_the_remote_id_section() -> None:
    rig = Rig()
    assert (remote_id(rig).state, remote_id(rig).mode) == ("offline", "off")
    (said,) = rig.feed("TELEMETRY_UPDATE", state="ok", last_ts=T0_MS - 9, contacts_active=1, mode="live")
    assert (said.type, said.source) == ("TELEMETRY_UPDATE", "remoteid")
    assert said.data == {"state": "ok", "last_ts": T0_MS - 9, "contacts_active": 1, "mode": "live"}
    section = remote_id(rig)
    assert (section.state, section.mode, section.contacts_active, section.last_ts) == ("ok", "live", 1, T0_MS - 9)
    rig.air("NEW")
    rig.air("NEW", id="rid:B")
    assert remote_id(rig).contacts_active == 2  # those on the list, from the first contact on
    assert remote_id(rig).last_event_type == "CONTACT_NEW"


def test_newer_writers_telemetry_is_put_into_the_words_of_the_contract() -> None:
    (said,) = Rig().feed("TELEMETRY_UPDATE", state="ok", last_update_ms=T0_MS // 1000, mode="live", queue=3)
    assert said.data == {"state": "ok", "last_ts": T0_MS, "mode": "live", "queue": 3}


@pytest.mark.parametrize(
    ("told", "state", "mode", "error"),
    [
        ({"state": "degraded", "reason": "no monitor mode"}, "degraded", "live", "no monitor mode"),
        ({"state": "starting"}, "degraded", "live", "the feed says 'starting'"),
        ({"state": "offline", "mode": "off"}, "offline", "off", "the feed says 'offline'"),
        ({"state": ["ok"], "mode": {}}, "ok", "live", None),
        ({"state": "ok", "mode": "replay"}, "replay", "replay", None),
        ({}, "ok", "live", None),
    ],
)
def test_the_feed_s_own_state_is_understood(told: dict[str, Any], state: str, mode: str, error: str | None) -> None:
    rig = Rig()
    rig.feed("TELEMETRY_UPDATE", **told)
    section = remote_id(rig)
    assert (section.state, section.mode, section.last_error) == (state, mode, error)


def test_a_silent_feed_is_offline_and_comes_back() -> None:
    rig = Rig(remote_id_silence_s=30.0)
    rig.feed("TELEMETRY_UPDATE", state="degraded", contacts_active=4)
    rig.wait(31.0)
    section = remote_id(rig)
    assert (section.state, section.mode, section.contacts_active) == ("offline", "off", 0)
    assert section.last_error == "the Remote ID feed said nothing for 30 s"
    rig.air("NEW")
    assert remote_id(rig).state == "ok"  # what it said before the silence is over


def test_a_log_that_cannot_be_followed_degrades() -> None:
    rig = Rig()
    rig.aggregate.remote_id_log("remoteid.jsonl: permission denied")
    assert (remote_id(rig).state, remote_id(rig).last_error) == ("offline", "remoteid.jsonl: permission denied")
    rig.air("NEW")
    assert (remote_id(rig).state, remote_id(rig).last_error) == ("degraded", "remoteid.jsonl: permission denied")


def test_replayed_contacts_are_marked_and_end_with_the_replay() -> None:
    rig = Rig()
    rig.air("NEW", id="rid:live")
    (said,) = rig.feed("REPLAY_STATE", state="running", speed=1.0, position=20, total=200, ts=T0_MS)
    assert said.data == {"state": "running", "speed": 1.0, "position": 20, "total": 200, "ts": T0_MS}
    replay = rig.aggregate.snapshot(T0_MS, 0, "b").replay
    assert (replay.active, replay.source, replay.state, replay.position, replay.total, replay.speed) == (
        True, "remoteid", "running", 20, 200, 1.0,
    )  # fmt: skip
    assert (remote_id(rig).state, remote_id(rig).mode) == ("replay", "replay")
    (said,) = rig.air("NEW", id="rid:old")
    assert said.data["replay"] is True
    rig.feed("REPLAY_STATE", state="paused", position=30)
    assert sorted(rig.ids()) == ["rid:live", "rid:old"]
    ended, lost = rig.feed("REPLAY_STATE", state="finished", position=200, total=200)
    assert (ended.type, lost.type, lost.data["id"]) == ("REPLAY_STATE", "CONTACT_LOST", "rid:old")
    assert rig.ids() == ["rid:live"]
    assert rig.aggregate.snapshot(T0_MS, 0, "b").replay.active is False
    (said,) = rig.air("NEW", id="rid:old")
    assert "replay" not in said.data


def test_a_replay_that_dies_ends_by_silence() -> None:
    rig = Rig(remote_id_silence_s=30.0, ttl_remote_id_s=1000.0)
    rig.feed("REPLAY_STATE", state="running")
    rig.air("NEW")
    assert rig.wait(29.0) == []
    assert types(rig.wait(2.0)) == ["CONTACT_LOST"]
    assert rig.aggregate.snapshot(T0_MS, 0, "b").replay.active is False


def test_the_panel_s_words_pass_and_its_sections_follow() -> None:
    rig = Rig()
    (said,) = rig.panel(219, 140, 98)
    assert (said.type, said.source, said.timestamp_ms, said.data["timestamp_ms"]) == (
        "ESP32_TELEMETRY", "esp32", T0_MS, 1000,
    )  # fmt: skip
    snapshot = rig.aggregate.snapshot(T0_MS, 0, "b")
    assert (snapshot.vrx.status, snapshot.vrx.sel, [r.rssi_raw for r in snapshot.vrx.vrx]) == ("ok", 1, [219, 140, 98])
    assert (snapshot.vrx.led, snapshot.vrx.timestamp_ms) == ({"r": 0, "y": 1, "g": 0}, T0_MS)
    assert (snapshot.video.selected, snapshot.video.status) == (1, "ok")


def test_an_acknowledgement_carries_its_command_id() -> None:
    rig = Rig()
    data = {"id": "123", "ok": True, "err": None, "data": {"cmd": "SET_VRX_FREQ"}}
    (said,) = rig.aggregate.panel("COMMAND_ACK", data, rig.now_ns, rig.unix_ms, simulated=True)
    assert said.data == data | {"command_id": "123", "simulated": True}
    assert "command_id" not in data  # the link's own is left alone
    (said,) = rig.aggregate.panel("LOG_EVENT", {"message": "boot"}, rig.now_ns, rig.unix_ms)
    assert said.data == {"message": "boot"}


def test_impossible_readings_are_counted_and_left_out() -> None:
    rig = Rig()
    rows = [None, {"id": 1}, {"id": 99, "freq_hz": 5, "rssi_raw": 5}, {"id": 1, "freq_hz": 5e9, "rssi_raw": 5000}]
    rig.aggregate.panel("ESP32_TELEMETRY", {"vrx": rows}, rig.now_ns, rig.unix_ms)
    rig.aggregate.panel("ESP32_TELEMETRY", {"vrx": 7, "led": [], "sys": "x"}, rig.now_ns, rig.unix_ms)
    assert rig.aggregate.counters.garbage == 4
    vrx = rig.aggregate.snapshot(T0_MS, 0, "b").vrx
    assert (vrx.vrx, vrx.led, vrx.sys, vrx.sel) == ([], None, None, None)
