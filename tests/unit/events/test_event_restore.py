"""Live contacts from the log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.emissions import MHZ, Seen
from support.sky import Sky

from ndefender import records
from ndefender.events.encode import EventEncoder
from ndefender.events.log import EventLog

PILOT = Seen(5658 * MHZ, 7 * MHZ, ("Analog", "Video"), flags=records.EMISSION_CONCLUSIVE, pattern_mask=1 << 32)
SENSOR = Seen(433.92 * MHZ, 100e3, ("Interference", "ISM"))


def write(log: EventLog, sky: Sky, boot_id: str = "b") -> None:
    encoder = EventEncoder(boot_id)
    for change in sky.changes:
        log.append(encoder.encode(change).body)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path, max_file_bytes=3000, max_files=100)


def test_contacts_without_a_lost_are_alive(log: EventLog) -> None:
    sky = Sky()
    for _ in range(6):
        sky.dwell([PILOT], 5660)
    for _ in range(8):
        sky.dwell([SENSOR], 434, after_s=2.0)  # the pilot is lost meanwhile
    write(log, sky)
    (restored,) = log.live_contacts()
    told = sky.changes[-1].contact
    assert restored.contact.contact_id == told.contact_id == "rf:434000000"
    assert (restored.contact.band, restored.contact.class_path) == (told.band, told.class_path)
    assert restored.contact.bandwidth_hz == pytest.approx(told.bandwidth_hz, rel=1e-3)
    assert restored.contact.simulated
    assert restored.longest_silence_s == pytest.approx(2.0)
    new = next(c for c in sky.changes if c.kind == "new" and c.contact.contact_id == told.contact_id)
    assert restored.contact.first_seen_unix_ns == new.unix_ns // 10**6 * 10**6
    assert restored.contact.last_seen_unix_ns == sky.changes[-1].unix_ns // 10**6 * 10**6


def test_a_second_life_begins_with_its_own_new(log: EventLog) -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    sky.wait(60)
    second = sky.dwell([PILOT], 5660)[0]
    write(log, sky)
    (restored,) = log.live_contacts()
    assert restored.contact.first_seen_unix_ns == second.unix_ns // 10**6 * 10**6
    assert restored.longest_silence_s == 0.0


def test_an_earlier_life_is_not_counted_even_where_the_new_is_missing(log: EventLog) -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    sky.wait(60)
    sky.dwell([PILOT], 5660)
    update = sky.dwell([PILOT], 5660, after_s=2.0)[0]
    sky.changes = [c for i, c in enumerate(sky.changes) if i != 2]
    assert [c.kind for c in sky.changes] == ["new", "lost", "update"]
    write(log, sky)
    (restored,) = log.live_contacts()
    assert restored.contact.first_seen_unix_ns == update.unix_ns // 10**6 * 10**6


def test_what_is_no_event_is_skipped(log: EventLog) -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    write(log, sky)
    for junk in (
        b"{}",
        b"\xff\xfe",
        b'{"type":"CONTACT_NEW","timestamp":1,"source":"remoteid","data":{"id":"x"}}',
        b"7",
    ):
        log.append(junk)
    assert [r.contact.contact_id for r in log.live_contacts()] == ["rf:5658000000"]


def test_the_log_of_one_run_starts_the_next(log: EventLog) -> None:
    first = Sky()
    for _ in range(4):
        first.dwell([PILOT], 5660)
        first.dwell([SENSOR], 434)
    write(log, first)
    second = Sky()
    second.now_ns = first.now_ns + 2 * 10**9
    second.restore(log.live_contacts())
    for _ in range(4):
        second.dwell([replace(PILOT, center_hz=5658.2 * MHZ)], 5660)
        second.dwell([SENSOR], 434)
    assert {c.kind for c in second.changes} == {"update"}
    assert {c.contact_id for c in second.contacts()} == {c.contact_id for c in first.contacts()}
    assert {c.pattern_hint for c in second.contacts()} == {"raceband_r1", "unknown"}
