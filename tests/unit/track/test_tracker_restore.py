"""Contacts taken up from the log after a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.emissions import MHZ, Bluetooth, Elrs, Seen
from support.sky import Sky
from test_tracker_links import air
from test_tracker_stations import pilot

from ndefender.track import Restored, TrackPolicy


def restart(sky: Sky, after_s: float, policy: TrackPolicy | None = None, silence_s: float = 0.0) -> Sky:
    """A new tracker on the old contacts, so much later."""
    again = Sky(policy)
    again.now_ns = sky.now_ns + int(after_s * 1e9)
    again.restore(Restored(c, silence_s) for c in sky.tracker.contacts())
    return again


def test_ids_and_times_are_kept_without_a_second_new() -> None:
    sky = Sky()
    for _ in range(5):
        sky.dwell([pilot(5658)], 5660)
    before = sky.only()
    again = restart(sky, 3.0)
    assert again.changes == []
    assert again.only() == before
    for _ in range(3):
        again.dwell([pilot(5658.3)], 5660)
    assert {c.kind for c in again.changes} == {"update"}
    after = again.only()
    assert after.contact_id == before.contact_id
    assert after.first_seen_unix_ns == before.first_seen_unix_ns
    assert after.last_seen_unix_ns > before.last_seen_unix_ns
    assert after.class_path == before.class_path


def test_expired_ones_are_lost_at_once() -> None:
    sky = Sky()
    sky.dwell([pilot(5658)], 5660)
    again = restart(sky, 30.0)
    assert [c.kind for c in again.changes] == ["lost"]
    assert again.changes[0].contact.contact_id == "rf:5658000000"


def test_those_not_heard_again_are_lost_by_their_ttl() -> None:
    sky = Sky()
    sky.dwell([pilot(5658)], 5660)
    again = restart(sky, 4.0)
    assert again.wait(5.9) == []
    assert [c.kind for c in again.wait(0.2)] == ["lost"]


def test_the_rhythm_in_the_log_stretches_the_ttl() -> None:
    sky = Sky()
    sky.dwell([pilot(5658)], 5660)
    assert restart(sky, 50.0, silence_s=30.0).changes == []
    assert [c.kind for c in restart(sky, 61.0, silence_s=30.0).changes] == ["lost"]


def test_a_contact_from_the_future_counts_as_heard_just_now() -> None:
    sky = Sky()
    sky.dwell([pilot(5658)], 5660)
    ahead = replace(sky.only(), last_seen_unix_ns=sky.unix_ns + 10**15)
    again = Sky()
    again.restore([Restored(ahead)])
    assert again.wait(9.9) == []
    assert [c.kind for c in again.wait(0.2)] == ["lost"]


def test_links_go_on() -> None:
    sky = Sky()
    air(sky, [Bluetooth(), Elrs()], 20.0)
    again = restart(sky, 2.0)
    air(again, [Bluetooth(), Elrs()], 20.0, seed=5)
    assert {c.contact_id for c in again.contacts()} == {c.contact_id for c in sky.contacts()}
    assert {c.kind for c in again.changes} == {"update"}


@pytest.mark.parametrize("copies", [2, 3])
def test_an_id_is_taken_up_once_and_the_bound_holds(copies: int) -> None:
    sky = Sky()
    sky.dwell([pilot(5658)], 5660)
    one = sky.only()
    again = Sky(TrackPolicy(max_contacts=2))
    others = [replace(one, contact_id=f"rf:{i}", bucket_hz=i) for i in range(3)]
    again.tracker.restore([Restored(one)] * copies + [Restored(c) for c in others], again.now_ns, again.unix_ns)
    assert len(again.tracker.contacts()) == 2


def test_unknown_numbers_do_no_harm() -> None:
    sky = Sky()
    sky.dwell([pilot(5658)], 5660)
    nan = float("nan")
    holes = replace(sky.only(), bandwidth_hz=nan, classification_confidence=nan, snr_db=nan, confidence=nan)
    again = Sky()
    again.restore([Restored(holes)])
    again.dwell([Seen(5658 * MHZ, 100e3, ("Interference", "CW"))], 5660)
    again.dwell([pilot(5658)], 5660)
    assert again.wait(100.0)[0].kind == "lost"
