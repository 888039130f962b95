"""A capture, replayed by the command into the log that the running service follows: contacts on its socket."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_peers import JSON, Addresses, assert_numbered, bare_settings, ears
from service_rig import Service
from support.rid_sky import SERIAL, flight, unix_ms, write_capture

from ndefender.config.settings import ContactSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
ID = f"rid:{SERIAL}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("remoteid")
    service = Service(bare_settings(folder, contacts=ContactSettings(ttl_remote_id_s=3.0)), folder)
    try:
        service.await_whole()
        yield service
    finally:
        service.destroy()


def replayed(service: Service, capture: Path) -> subprocess.Popen[bytes]:
    log = Path(service.settings.log.folder) / "remoteid.jsonl"
    command = [sys.executable, "-m", "ndefender", "remoteid", str(capture), "--jsonl", str(log)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def remote_id_contacts(at: Addresses) -> list[JSON]:
    return [each for each in at.get("aggregator", "/contacts")["contacts"] if each["type"] == "REMOTE_ID"]


def test_a_replayed_capture_is_on_the_aggregators_socket_marked_as_replay_and_gone_at_its_end(
    service: Service, tmp_path: Path
) -> None:
    capture = tmp_path / "flight.pcap"
    write_capture(capture, flight(4.0))
    at = Addresses(service)

    with ears(at.ws("aggregator")) as (ear,):
        process = replayed(service, capture)
        try:
            new = ear.wait("CONTACT_NEW", lambda e: e["type"] == "CONTACT_NEW")
            assert (new["source"], new["data"]["id"], new["data"]["replay"]) == ("remoteid", ID, True)
            assert (new["data"]["model"], new["data"]["severity"]) == ("DJI", "high")
            assert new["data"]["last_seen_ts"] == unix_ms(0.0)
            (contact,) = remote_id_contacts(at)
            assert (contact["id"], contact["replay"], contact["lat"]) == (ID, True, 48.0)
            sections = at.get("aggregator", "/status")
            assert (sections["remote_id"]["state"], sections["remote_id"]["mode"]) == ("replay", "replay")
            replay = sections["replay"]
            assert (replay["active"], replay["source"], replay["total"]) == (True, "flight.pcap", 8)
            ear.wait("the end", lambda e: e["type"] == "REPLAY_STATE" and e["data"]["state"] == "finished")
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait(30)
        kinds = [e["type"] for e in ear.heard if e["type"].startswith("CONTACT_")]
        assert kinds == ["CONTACT_NEW", *["CONTACT_UPDATE"] * 7, "CONTACT_LOST"]
        assert all(e["data"]["replay"] is True for e in ear.heard if e["type"].startswith("CONTACT_"))
        assert remote_id_contacts(at) == []
        sections = at.get("aggregator", "/status")
        assert sections["replay"]["active"] is False
        assert (sections["remote_id"]["state"], sections["remote_id"]["mode"]) == ("offline", "off")
        assert sections["remote_id"]["last_error"] == "the replay of flight.pcap has ended"
        assert_numbered(ear.heard)


def test_a_replay_that_is_killed_leaves_no_contact_for_good(service: Service, tmp_path: Path) -> None:
    capture = tmp_path / "flight.pcap"
    write_capture(capture, flight(60.0))
    at = Addresses(service)
    with ears(at.ws("aggregator")) as (ear,):
        process = replayed(service, capture)
        ear.wait("CONTACT_NEW", lambda e: e["type"] == "CONTACT_NEW")
        process.kill()
        process.wait(30)
        ear.wait("CONTACT_LOST by its TTL", lambda e: e["type"] == "CONTACT_LOST", 60.0)
    assert remote_id_contacts(at) == []
