"""Killed in mid-flight, and started again: contacts live on, no event of a feed is lost, none is told anew."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_peers import JSON, Addresses, Ear, FeedWriter, assert_numbered, bare_settings
from service_rig import Service, assert_lifecycle, wait_for
from support.aggregator_client import Client
from websockets.exceptions import WebSocketException

from ndefender.config.settings import AggregatorSettings, ContactSettings, Settings, TrackerSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
KILLS = 5
RATE_HZ = 50.0
STEADY = "rid:steady"
HOUR_S = 3600.0
READ_ANEW = 10  # events at most that one kill may have told again: a position is kept within milliseconds


class Feed(threading.Thread):
    """A Remote ID feed that never pauses: aircraft that appear, some that leave at once, and one that stays."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._writer = FeedWriter(path)
        self._ending = threading.Event()
        self.staying: list[str] = []
        self.left: list[str] = []

    def run(self) -> None:
        number = 0
        while not self._ending.wait(1.0 / RATE_HZ):
            number += 1
            at_ms, one = time.time_ns() // 1_000_000, f"rid:{number}"
            self._writer.say("CONTACT_NEW", at_ms, id=one, number=number)
            if number % 5:
                self.staying.append(one)
            else:
                self._writer.say("CONTACT_LOST", at_ms, id=one, number=number)
                self.left.append(one)
            self._writer.say("CONTACT_UPDATE", at_ms, id=STEADY, number=number)

    def end(self) -> None:
        """Write no more."""
        self._ending.set()
        self.join()
        self._writer.close()


class Screen(threading.Thread):
    """A client that connects again whenever it must, and keeps what each connection heard."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._ending = threading.Event()
        self.connections: list[Ear] = []

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                ear = Ear(self._url)
            except (OSError, WebSocketException):
                self._ending.wait(0.05)  # nobody there: before it asks again
                continue
            self.connections.append(ear)
            while not ear.gone and not self._ending.wait(0.02):
                pass

    def hear(self, events: int, connections: int) -> None:
        """Wait until the newest of so many connections has heard so many events."""
        wait_for(
            lambda: len(self.connections) == connections and len(self.connections[-1].heard) >= events,
            "the stream flows",
        )

    def end(self) -> None:
        """Hang up."""
        self._ending.set()
        self.join()
        for ear in self.connections:
            ear.close()


def settings_of(folder: Path) -> Settings:
    """Contacts that outlive every pause of this test."""
    return bare_settings(
        folder,
        tracker=TrackerSettings(ttl_s=60.0, update_interval_s=0.3),
        contacts=ContactSettings(ttl_rf_s=HOUR_S, ttl_remote_id_s=HOUR_S, max_contacts=100_000),
        aggregator=AggregatorSettings(port=0, queue_events=10_000),
    )


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    feed = Feed(tmp_path / "var" / "log" / "remoteid.jsonl")
    try:
        yield feed
    finally:
        feed.end()


def test_kills_of_the_front_and_of_the_whole_service_under_load(tmp_path: Path, feed: Feed) -> None:
    chance = random.Random(5)
    settings = settings_of(tmp_path)
    service = Service(settings, tmp_path)
    try:
        service.await_whole()
        at = Addresses(service)
        rf_id = wait_for(lambda: service.get("contacts")["contacts"], "a contact")[0]["id"]
        feed.start()
        screen = Screen(at.ws("aggregator"))
        screen.start()
        for kill in range(KILLS):
            screen.hear(chance.randrange(40, 160), connections=kill + 1)
            kill_front(service, kill)
        screen.hear(200, connections=KILLS + 1)
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait(30)
        screen.end()
        wait_for(lambda: not service.members(), "all its processes are gone")
    finally:
        service.destroy()
    check(screen, rf_id, feed)
    written = len(feed.staying)
    wait_for(lambda: len(feed.staying) > written, "the feed goes on without a reader")
    again(settings, tmp_path, feed, screen, rf_id)


def kill_front(service: Service, kills: int) -> None:
    """Kill -9 of the front; `kills` of them were killed before."""
    wait_for(lambda: len(service.pids("front")) == kills + 1, "the supervisor knows that it is up")
    os.kill(service.pids("front")[-1], signal.SIGKILL)


def again(settings: Settings, folder: Path, feed: Feed, before: Screen, rf_id: str) -> None:
    """Start the whole service again on the same folder, with the feed still being written."""
    service = Service(settings, folder)
    try:
        service.await_whole()
        at = Addresses(service)
        screen = Screen(at.ws("aggregator"))
        screen.start()
        screen.hear(100, connections=1)
        feed.end()
        last = feed.staying[-1]
        wait_for(lambda: last in str(at.get("aggregator", "/contacts")), "all was read")
        wait_for(lambda: at.get("aggregator", "/status")["contacts"], "a snapshot")
        left = feed.left[-1]
        wait_for(lambda: left not in str(at.get("aggregator", "/contacts")), "all was read")
        alive = {each["id"]: each for each in at.get("aggregator", "/status")["contacts"]}
        screen.end()
    finally:
        service.destroy()
    check(screen, rf_id, feed, *before.connections)
    assert {each for each in alive if each.startswith("rid:")} == {STEADY, *feed.staying}
    assert rf_id in alive
    told = Counter(each["data"]["id"] for each in contact_news(before.connections + screen.connections))
    known = {contact["id"] for ear in before.connections + screen.connections for contact in first(ear)}
    assert {*feed.staying} <= known | set(told)
    assert told[STEADY] <= 1
    assert sum(count - 1 for count in told.values()) <= READ_ANEW * (KILLS + 1)
    assert_lifecycle(service.events())


def contact_news(connections: list[Ear]) -> list[JSON]:
    return [each for ear in connections for each in ear.heard if each["type"] == "CONTACT_NEW"]


def first(ear: Ear) -> list[JSON]:
    """Contacts of the snapshot that a connection begins with."""
    return list(ear.heard[0]["data"]["contacts"])


def check(screen: Screen, rf_id: str, feed: Feed, *earlier: Ear) -> None:
    """What every connection heard is in order, and who was alive at its end is there when the next begins."""
    alive = {contact["id"] for ear in earlier[-1:] for contact in replayed(ear).listed()}
    boots = [ear.heard[0]["boot_id"] for ear in (*earlier, *screen.connections)]
    assert len(set(boots)) == len(boots)
    for ear in screen.connections:
        assert_numbered(ear.heard)
        assert ear.heard[0]["type"] == "SYSTEM_UPDATE"
        greeted = {contact["id"] for contact in first(ear)}
        assert rf_id in greeted
        news = {each["data"]["id"] for each in ear.heard if each["type"] in {"CONTACT_NEW", "RF_CONTACT_NEW"}}
        assert alive - {*feed.left} <= greeted | news  # who left meanwhile is not there
        assert len(alive & news) <= READ_ANEW, "those who were alive are told as new"
        assert not {STEADY, rf_id} & alive & news
        model = replayed(ear)
        alive = {contact["id"] for contact in model.listed()}
        numbers = [each["data"]["number"] for each in ear.heard if each["data"].get("id") == STEADY]
        assert numbers == sorted(numbers)


def replayed(ear: Ear) -> Client:
    """What a screen shows at the end of a connection; it holds every event against the grammar."""
    model = Client()
    for each in ear.heard:
        model.event(each["type"], each["data"])
    return model
