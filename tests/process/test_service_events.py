"""One running service, every part of it there: the whole catalogue, the panel, and a screen that follows the stream."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from contract.event_catalogue import CATALOGUE, REMOTE_ID, SOCKETS, Row, envelope_misfits
from service_peers import DEMO, JSON, Addresses, Ear, FeedWriter, assert_numbered, ears, need_peers, peered_settings
from service_rig import Service, wait_for
from support.aggregator_client import Client

from ndefender.ingest.emulated.panel import Panel
from ndefender.radio.scene import load_scene
from ndefender.radio.scene.level import video_rssi

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Box(NamedTuple):
    """The service and what it is connected with."""

    service: Service
    at: Addresses
    panel: Panel
    feed: FeedWriter


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    need_peers()
    folder = tmp_path_factory.mktemp("box")
    panel = Panel(video_rssi(load_scene("urban")), link=folder / "panel", period_s=0.5)
    panel.start()
    settings = peered_settings(folder, str(folder / "panel"))
    service = Service(settings, folder, DEMO)
    feed = FeedWriter(Path(settings.log.folder) / "remoteid.jsonl")
    try:
        service.await_whole()
        at = Addresses(service)
        wait_for(lambda: at.get("aggregator", "/esp32")["connected"], f"the panel\n{service.log()}")
        parts = ("system", "ups", "services", "network", "audio", "gps")
        wait_for(
            lambda: {at.get("system", f"/{part}")["status"] for part in parts} == {"ok"}, "every part of the host", 30.0
        )
        yield Box(service, at, panel, feed)
    finally:
        feed.close()
        service.process.terminate()  # in peace, so that the demo's folder goes with it
        service.process.wait(30)
        service.destroy()
        panel.stop()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def unknown_here(row: Row) -> frozenset[str]:
    """What this machine has no sensor for is null."""
    sensor = psutil.sensors_temperatures() or Path("/sys/class/thermal/thermal_zone0/temp").exists()
    return frozenset({"cpu_temp_c"}) if row.kind == "SYSTEM_STATUS" and not sensor else frozenset()


def ask_for_everything(box: Box) -> None:
    """Make happen whatever does not happen by itself."""
    for kind in ("NEW", "UPDATE", "LOST"):
        box.feed.say(f"CONTACT_{kind}", now_ms(), **REMOTE_ID | {"last_seen_ts": now_ms()})
    box.feed.say("TELEMETRY_UPDATE", now_ms(), state="ok", last_ts=now_ms(), contacts_active=1, mode="live")
    box.feed.say("REPLAY_STATE", now_ms(), state="running", speed=1.0, position=20, total=200, ts=now_ms())
    box.feed.say("REPLAY_STATE", now_ms(), state="stopped", speed=1.0, position=200, total=200, ts=now_ms())
    box.panel.reset()
    for api, path, payload in (
        ("aggregator", "/vrx/tune", {"vrx_id": 1, "freq_hz": 5_740_000_000}),
        ("system", "/network/wifi/connect", {"ssid": "field-net", "password": "correct horse"}),
        ("system", "/audio/volume", {"volume_percent": 60}),
    ):
        answer = box.at.post(api, path, payload)
        assert answer.status_code == 200, answer.text


def test_every_row_of_the_catalogue_comes_from_the_running_service(box: Box) -> None:
    assert len(CATALOGUE) == 22
    assert len({(row.kind, row.api) for row in CATALOGUE}) == 22
    with ears(*(box.at.ws(api, path.removeprefix("/api/v1")) for api, path in SOCKETS.items())) as listening:
        heard = {api: ear.heard for api, ear in zip(SOCKETS, listening, strict=True)}
        ask_for_everything(box)
        wait_for(lambda: box.at.get("scan", "/contacts")["contacts"], "a contact")
        assert box.at.post("scan", "/sweep/stop").status_code == 200
        wait_for(lambda: not box.at.get("scan", "/contacts")["contacts"], "the contact is lost")
        assert box.at.post("scan", "/sweep/start").status_code == 200

        def missing() -> list[Row]:
            return [row for row in CATALOGUE if not fitting(row, heard[row.api])]

        try:
            wait_for(lambda: not missing(), "every row", 30.0)
        except AssertionError:
            rows = {(r.api, r.kind): misfits_of(r, heard[r.api]) for r in missing()}
            raise AssertionError(f"never heard, or not so: {rows}") from None
        for row in CATALOGUE:
            if row.kind.startswith("RF_"):  # the radio's are so without exception
                assert misfits_of(row, heard[row.api]) == []
        for api in ("aggregator", "system"):
            assert_numbered(heard[api])
        assert heard["aggregator"][0]["type"] == "SYSTEM_UPDATE"
        assert [each["type"] for each in heard["system"][:2]] == ["LOG_EVENT", "SYSTEM_STATUS"]
        assert {each["source"] for each in heard["system"]} == {"system"}
        assert {each["type"] for each in heard["scan"]} <= {row.kind for row in CATALOGUE if row.api == "scan"}


def misfits_of(row: Row, heard: list[JSON]) -> list[str]:
    same = [each for each in list(heard) if (each["type"], each["source"]) == (row.kind, row.source)]
    return [text for each in same for text in envelope_misfits(row, each, unknown_here(row))]


def fitting(row: Row, heard: list[JSON]) -> bool:
    """Whether a row was heard just so: an example shows everything known, and a part may still be starting."""
    same = [each for each in list(heard) if (each["type"], each["source"]) == (row.kind, row.source)]
    return any(not envelope_misfits(row, each, unknown_here(row)) for each in same)


def test_receivers_that_hear_video_are_contacts(box: Box) -> None:
    def fpv() -> set[int]:
        contacts = box.at.get("aggregator", "/contacts")["contacts"]
        return {each["vrx_id"] for each in contacts if each["type"] == "FPV"}

    wait_for(lambda: fpv() == {1, 2}, "receivers 1 and 2 are on the scene's signals since they were switched on")
    assert box.at.post("aggregator", "/vrx/tune", {"vrx_id": 2, "freq_hz": 5_880_000_000}).status_code == 200
    wait_for(lambda: fpv() == {1}, "receiver 2 is on a free channel")


def test_a_screen_that_follows_the_stream_shows_what_the_server_has(box: Box) -> None:
    chance = random.Random(20)
    shots: list[JSON] = []
    listening: list[Ear] = []
    try:
        for turn in range(4000):
            step = chance.choice(("NEW", "UPDATE", "UPDATE", "UPDATE", "LOST"))
            drone = chance.randrange(8)
            some = {
                key: REMOTE_ID[key] for key in REMOTE_ID if key not in ("id", "last_seen_ts") and chance.random() < 0.6
            }
            box.feed.say(f"CONTACT_{step}", now_ms() - chance.randrange(3000), id=f"rid:{drone}", number=turn, **some)
            if turn % 1000 == 0:
                listening.append(Ear(box.at.ws("aggregator")))
            if turn % 50 == 0:
                shots.append(box.at.get("aggregator", "/status"))
                contact = chance.choice(shots[-1]["contacts"] or [{"id": "rid:none"}])["id"]
                box.at.post("aggregator", f"/contacts/{contact}/label", {"label": chance.choice(("known", None))})
        box.feed.say("CONTACT_UPDATE", now_ms(), id="rid:last")
        wait_for(lambda: "rid:last" in str(box.at.get("aggregator", "/contacts")), "everything was taken")
        shots.append(box.at.get("aggregator", "/status"))
        for ear in listening:
            ear.wait("the newest event", lambda each: each["seq"] >= shots[-1]["seq"])
    finally:
        for ear in listening:
            ear.close()
    for ear in listening:
        assert_numbered(ear.heard)
        follow(ear.heard, {shot["seq"]: shot for shot in shots})
    assert len(listening[0].heard) > 2000


def follow(heard: list[JSON], shots: dict[int, JSON]) -> None:
    """Replay one connection; at every number that a snapshot has, the screen must show what that snapshot says."""
    screen, met = Client(), 0
    for number, envelope in enumerate(heard):
        if envelope["type"] == "SYSTEM_UPDATE" and number:
            assert screen.listed() == listed(envelope["data"])
        screen.event(envelope["type"], envelope["data"])
        if envelope["seq"] in shots:
            assert screen.listed() == listed(shots[envelope["seq"]])
            met += 1
    assert met


def listed(snapshot: JSON) -> list[JSON]:
    return sorted((each for each in snapshot["contacts"] if each["type"] != "FPV"), key=lambda each: str(each["id"]))


WALK = {"start_hz": 5_645_000_000, "stop_hz": 5_865_000_000}
COMMANDS = (
    ("/vrx/tune", "SET_VRX_FREQ", {"vrx_id": 3, "freq_hz": 5_860_000_000}),
    ("/scan/start", "START_SCAN", {"dwell_ms": 10, "step_hz": 2_000_000} | WALK),
    ("/scan/stop", "STOP_SCAN", {}),
    ("/vrx/lock_strongest", "LOCK_STRONGEST", {"vrx_id": 1}),
    ("/video/select", "VIDEO_SELECT", {"ch": 2}),
    ("/esp32/leds", "SET_LEDS", {"r": 1, "g": 0, "y": 1}),
)  # fmt: skip


def steps(telemetry: JSON) -> bool:
    """Whether receiver 1 has begun to walk."""
    return 5_645_000_000 < telemetry["vrx"][0]["freq_hz"] < 5_740_000_000


def acknowledged(box: Box, ear: Ear, path: str, cmd: str, payload: JSON) -> JSON:
    """Send the panel a command; what became of it, as the socket tells."""
    answer = box.at.post("aggregator", path, payload)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert (result["command"], result["accepted"]) == (path.removeprefix("/"), True)
    same = ear.wait(f"{cmd} acknowledged", lambda each: each["data"].get("command_id") == result["command_id"])
    assert (same["type"], same["source"], same["data"]["id"]) == ("COMMAND_ACK", "esp32", result["command_id"])
    return dict(same["data"])


def test_every_command_of_the_panel_is_acknowledged_under_its_id(box: Box) -> None:
    with ears(box.at.ws("aggregator")) as (ear,):
        for path, cmd, payload in COMMANDS:
            ack = acknowledged(box, ear, path, cmd, payload)
            assert (ack["ok"], ack["err"], ack["data"]) == (True, None, {"cmd": cmd})
            if cmd == "START_SCAN":
                ear.wait("a step", lambda each: each["type"] == "ESP32_TELEMETRY" and steps(each["data"]))
        wait_for(lambda: box.at.get("aggregator", "/video")["selected"] == 2, "the section follows")
        wait_for(lambda: box.at.get("aggregator", "/vrx")["led"] == {"r": 1, "g": 0, "y": 1}, "the section follows")
        refused = box.at.post("aggregator", "/video/select", {"ch": 4})
        assert refused.status_code == 400
        assert "payload.ch" in refused.json()["detail"]
        box.panel.mute()
        ack = acknowledged(box, ear, *COMMANDS[4])
        box.panel.mute(False)
        assert (ack["ok"], ack["err"]) == (False, "timeout")
        ids = [each["data"]["id"] for each in ear.heard if each["type"] == "COMMAND_ACK" and each["source"] == "esp32"]
        assert len(ids) == len(set(ids)) == len(COMMANDS) + 1  # each once


def test_the_panel_may_be_pulled_out_reset_and_noisy(box: Box) -> None:
    def link() -> JSON:
        return dict(box.at.get("aggregator", "/esp32"))

    with ears(box.at.ws("aggregator")) as (ear,):
        box.panel.unplug()
        wait_for(lambda: not link()["connected"], "its absence is noticed")
        assert box.at.get("aggregator", "/vrx")["status"] == "offline"
        refused = box.at.post("aggregator", "/video/select", {"ch": 1})
        assert (refused.status_code, refused.json().keys()) == (409, {"detail"})
        box.panel.replug()
        wait_for(lambda: link()["connected"], "it is back")
        assert acknowledged(box, ear, *COMMANDS[0])["ok"]
        boots = link()["boot_count"]
        box.panel.reset()
        wait_for(lambda: link()["boot_count"] == boots + 1, "the reset is noticed")
        assert acknowledged(box, ear, *COMMANDS[4])["ok"]
        bad = link()["bad_lines"]
        for noise in (
            b"\xff\x00{]\n" * 20,
            b'{"type":"telemetry","vrx":[[[' + b"x" * 1_000_000 + b"\n",
            b"[" * 5000 + b"\n",
        ):
            box.panel.garbage(noise)
            assert acknowledged(box, ear, *COMMANDS[4])["ok"]
        assert link()["bad_lines"] > bad
        assert box.at.get("aggregator", "/vrx")["status"] == "ok"
        assert_numbered(ear.heard)
    assert json.dumps(link())
    assert box.service.pids("front") == box.service.pids("front")[:1]
