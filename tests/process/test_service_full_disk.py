"""A log folder without room: nothing stops, it is said why, and nothing is doubled when there is room again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_peers import JSON, Addresses, Ear, FeedWriter, assert_numbered, bare_settings, ears
from service_rig import Service, wait_for
from support.aggregator_client import Client

from ndefender.config.settings import FeedSettings, Settings, TrackerSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DISK_BYTES = 256 * 1024
ENOUGH = 3  # events, at one a second


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB under the log and the state of the service."""
    folder = tmp_path / "var"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(os.urandom(512)):
            pass
    return filler


def of_radio(heard: list[JSON]) -> list[JSON]:
    return [each for each in list(heard) if each["type"].startswith("RF_CONTACT_")]


def test_a_log_on_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    remote_id = tmp_path / "elsewhere" / "remoteid.jsonl"
    settings = bare_settings(
        tmp_path,
        feeds=FeedSettings(remote_id_log=str(remote_id)),
        tracker=TrackerSettings(ttl_s=2.0, update_interval_s=0.3),
    )
    service, feed = Service(settings, tmp_path), FeedWriter(remote_id)
    try:
        service.await_whole()
        at = Addresses(service)
        with ears(at.ws("aggregator"), at.ws("scan", "/events")) as (screen, radio):
            screen.wait("an event by the log", lambda each: each["type"].startswith("RF_CONTACT_"))
            assert at.get("aggregator", "/rf")["status"] == "ok"
            filler = fill(small_disk)
            wait_for(lambda: at.get("aggregator", "/rf")["status"] == "degraded", "the section says so")
            section = at.get("aggregator", "/rf")
            assert "ENOSPC" in section["last_error"]
            assert "antsdr_scan.jsonl" in section["last_error"]
            assert at.get("aggregator", "/health")["status"] == at.get("scan", "/health")["status"] == "degraded"
            count = len(of_radio(screen.heard))
            wait_for(lambda: len(of_radio(screen.heard)) > count + ENOUGH, "RF events still come")
            at.post("scan", "/sweep/stop")  # one contact goes and comes back without a log
            screen.wait("it is lost", lambda each: each["type"] == "RF_CONTACT_LOST")
            at.post("scan", "/sweep/start")
            wait_for(lambda: of_radio(screen.heard)[-1]["type"] == "RF_CONTACT_UPDATE", "it is back")
            feed.say("CONTACT_NEW", time.time_ns() // 1_000_000, id="rid:meanwhile")
            screen.wait("Remote ID still comes", lambda each: each["data"].get("id") == "rid:meanwhile")
            filler.unlink()
            wait_for(lambda: at.get("aggregator", "/rf")["status"] == "ok", "the log is written again")
            count = len(of_radio(screen.heard))
            wait_for(lambda: len(of_radio(screen.heard)) > count + ENOUGH, "RF events come by the log again")
            at.post("scan", "/sweep/stop")
            wait_for(lambda: of_radio(screen.heard)[-1]["type"] == "RF_CONTACT_LOST", "the last event")
            wait_for(lambda: of_radio(radio.heard)[-1]["type"] == "RF_CONTACT_LOST", "the last event")
        once_and_in_order(screen, radio)
        assert service.stop() == 0
    finally:
        feed.close()
        service.destroy()
    fill(small_disk)
    starts_all_the_same(settings, tmp_path)


def starts_all_the_same(settings: Settings, folder: Path) -> None:
    """Start on a disk that is full already: not even its own state file can be written."""
    service = Service(settings, folder)
    try:
        wait_for(lambda: service.pids("front"), f"the front is up\n{service.log()}")
        assert "service.json: No space left on device" in service.log()
        with ears(Addresses(service).ws("aggregator")) as (screen,):
            screen.wait("a contact", lambda each: each["type"] == "RF_CONTACT_NEW")
            screen.wait("the reason", lambda each: "ENOSPC" in str(each["data"].get("rf", {}).get("last_error")))
    finally:
        service.destroy()


def once_and_in_order(screen: Ear, radio: Ear) -> None:
    """The aggregator said every event of the radio, once, as a client understands it."""
    assert_numbered(screen.heard)
    model = Client()
    for each in screen.heard:
        model.event(each["type"], each["data"])  # holds the grammar
    said = [(each["type"], each["timestamp_ms"], each["data"]["snr_db"]) for each in of_radio(screen.heard)]
    told = [(each["type"], each["timestamp"], each["data"]["snr_db"]) for each in of_radio(radio.heard)]
    assert Counter(said) == Counter(told[-len(said) :])
    assert said == told[-len(said) :]
