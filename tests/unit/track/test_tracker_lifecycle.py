"""The life of a contact: NEW once confirmed, UPDATE when due, LOST by time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.emissions import MHZ, Seen, rows, summary
from support.sky import UNIX_NS, Sky

from ndefender import records
from ndefender.track import BandSpan, TrackPolicy

SENSOR = Seen(433.92 * MHZ, 100e3, ("Interference", "ISM"), confidence=0.9)
CARRIER = Seen(2440 * MHZ, 5 * MHZ, ("Cellular", "LTE"), flags=records.EMISSION_CONTINUOUS, duration_s=0.01, start_s=0)
PILOT = Seen(5658 * MHZ, 7 * MHZ, ("Analog", "Video"), flags=records.EMISSION_CONTINUOUS | records.EMISSION_CONCLUSIVE)


def kinds(changes) -> list[str]:
    return [c.kind for c in changes]


def test_conclusive_evidence_confirms_in_one_dwell() -> None:
    sky = Sky()
    (change,) = sky.dwell([PILOT], 5660)
    assert change.kind == "new"
    assert change.contact.contact_id == "rf:5658000000"
    assert change.contact.band == "5G8"
    assert change.dwell_seq == 1
    assert change.unix_ns == sky.unix_ns


def test_modest_evidence_needs_as_many_dwells_as_the_policy_says() -> None:
    sky = Sky(TrackPolicy(min_hits_to_confirm=4))
    assert [kinds(sky.dwell([SENSOR], 434)) for _ in range(4)] == [[], [], [], ["new"]]


def test_strong_evidence_confirms_sooner_but_never_in_one_dwell() -> None:
    sky = Sky(TrackPolicy(min_hits_to_confirm=5))
    sure = replace(SENSOR, confidence=0.9999)
    assert [kinds(sky.dwell([sure], 434)) for _ in range(2)] == [[], ["new"]]


def test_no_likelihood_confirms_in_one_dwell() -> None:
    sky = Sky(TrackPolicy(min_hits_to_confirm=5, confirm_log_likelihood=1.0))
    assert [kinds(sky.dwell([SENSOR], 434)) for _ in range(2)] == [[], ["new"]]


def test_many_detections_in_one_dwell_are_one_hit() -> None:
    sky = Sky()
    pulses = [replace(SENSOR, start_s=i * 1e-3, duration_s=2e-4) for i in range(9)]
    assert [kinds(sky.dwell(pulses, 434)) for _ in range(3)] == [[], [], ["new"]]


def test_the_same_dwell_twice_is_one_hit() -> None:
    sky = Sky(TrackPolicy(min_hits_to_confirm=2))
    look = sky.look(434)
    for _ in range(5):
        changes = sky.take(sky.tracker.dwell(summary(look, 7), rows([SENSOR]), sky.now_ns, sky.unix_ns))
        assert changes == []
    assert sky.tracker.counters.duplicates == 4
    assert kinds(sky.dwell([SENSOR], 434)) == ["new"]


def test_hits_older_than_the_window_do_not_count() -> None:
    sky = Sky(TrackPolicy(confirm_window_s=5.0))
    for _ in range(6):
        assert sky.dwell([SENSOR], 434, after_s=3.0) == []
    assert kinds(sky.dwell([SENSOR], 434, after_s=0.1)) == ["new"]


def test_a_candidate_that_falls_silent_is_forgotten_without_a_word() -> None:
    sky = Sky()
    sky.dwell([SENSOR], 434)
    assert sky.tracker.candidates == 1
    assert sky.wait(16.0) == []
    assert sky.tracker.candidates == 0


def test_updates_come_at_most_once_an_interval() -> None:
    sky = Sky(TrackPolicy(update_interval_s=1.0))
    sky.dwell([PILOT], 5660)
    told = [kinds(sky.dwell([PILOT], 5660, after_s=0.25)) for _ in range(8)]
    assert told == [[], [], [], ["update"], [], [], [], ["update"]]


def test_another_class_is_told_at_once_and_does_not_flap() -> None:
    sky = Sky(TrackPolicy(update_interval_s=1000.0))
    for _ in range(4):
        sky.dwell([CARRIER])
    assert sky.only().class_path == ("Cellular", "LTE")
    told = []
    for _ in range(40):
        told += sky.dwell([replace(CARRIER, path=("Digital", "Video", "DJI"))])
    assert [c.contact.class_path for c in told] == [("Digital", "Video", "DJI")]
    assert sky.dwell([CARRIER]) == []  # one dwell's opinion


def test_another_band_is_told_at_once() -> None:
    sky = Sky(TrackPolicy(update_interval_s=1000.0))
    sky.dwell([PILOT], 5660)
    sky.tracker.set_bands([BandSpan("mine", 5600 * MHZ, 5700 * MHZ)])
    (change,) = sky.dwell([PILOT], 5660)
    assert (change.kind, change.contact.band) == ("update", "mine")


def test_silence_loses_a_contact_even_when_no_dwell_arrives() -> None:
    sky = Sky(TrackPolicy(ttl_s=10.0))
    sky.dwell([PILOT], 5660)
    assert sky.wait(9.9) == []
    (change,) = sky.wait(0.2)
    assert change.kind == "lost"
    assert change.contact.last_seen_unix_ns < sky.unix_ns - 9 * 10**9
    assert sky.wait(100.0) == []


def test_a_dwell_that_hears_nothing_loses_it_too() -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    assert kinds(sky.dwell([], 434, after_s=11.0)) == ["lost"]


def test_an_emitter_that_comes_back_begins_again_with_new() -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    sky.wait(11)
    (change,) = sky.dwell([replace(PILOT, center_hz=5658.2 * MHZ)], 5660)
    assert (change.kind, change.contact.contact_id) == ("new", "rf:5658000000")  # the bucket it had


@pytest.mark.parametrize(("table", "expected_s"), [({}, 10.0), ({"Analog": 20.0}, 20.0), ({"Analog/Video": 5.0}, 5.0)])
def test_the_ttl_is_the_classes_own(table: dict[str, float], expected_s: float) -> None:
    sky = Sky(TrackPolicy(ttl_by_class_s=table))
    sky.dwell([PILOT], 5660)
    assert sky.wait(expected_s - 0.1) == []
    assert kinds(sky.wait(0.2)) == ["lost"]


def test_a_burst_every_640_ms_does_not_flap_under_a_scanner_that_looks_three_percent_of_the_time() -> None:
    sky = Sky()
    burst = Seen(
        2459 * MHZ, 9 * MHZ, ("Digital", "DroneID", "DJI"), duration_s=640e-6, flags=records.EMISSION_CONCLUSIVE
    )
    rng = np.random.default_rng(5)
    for _ in range(int(1800 / 0.7)):
        start = (640e-3 - (sky.now_ns / 1e9 + rng.normal(0, 5e-3)) % 640e-3) % 640e-3
        sky.dwell([replace(burst, start_s=start)] if start < 0.02 else [], 2460, ms=20)
    assert kinds(sky.changes).count("new") == 1
    assert "lost" not in kinds(sky.changes)
    assert sky.only().burstiness > 0.99
    sky.wait(400)
    assert kinds(sky.changes).count("lost") == 1  # and is gone when it is gone


def test_the_time_after_the_last_burst_does_not_stretch_the_ttl() -> None:
    sky = Sky()
    for i in range(40):
        sky.dwell([CARRIER] if i % 4 == 0 else [])
    ttl_s = sky.only().ttl_s
    for _ in range(int(ttl_s / 0.7) + 2):
        sky.dwell([])
    assert sky.contacts() == []


def test_the_wall_clock_neither_loses_nor_revives() -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    tracker, now = sky.tracker, sky.now_ns
    assert tracker.tick(now + 10**9, UNIX_NS + 10**18) == []
    assert tracker.tick(now + 2 * 10**9, 0) == []
    assert kinds(tracker.tick(now + 11 * 10**9, 0)) == ["lost"]


def test_a_monotonic_clock_that_steps_back_stands_still() -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    assert sky.tracker.tick(0, sky.unix_ns) == []
    sky.tracker.set_bands([])
    look = sky.look(5660)
    (change,) = sky.take(sky.tracker.dwell(summary(look, 99), rows([PILOT]), 0, sky.unix_ns))
    assert sky.unix_ns - 10**9 < change.contact.last_seen_unix_ns <= sky.unix_ns
    assert kinds(sky.wait(11)) == ["lost"]


def test_late_results_do_not_set_time_back() -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    last = sky.only().last_seen_unix_ns
    late = sky.look(5660)
    late = replace(late, t_ns=late.t_ns - 2 * 10**9)
    sky.now_ns += 10**9
    strong = replace(PILOT, snr_db=60.0)
    sky.take(sky.tracker.dwell(summary(late, 99), rows([strong]), sky.now_ns, sky.unix_ns))
    assert sky.only().snr_db == PILOT.snr_db
    assert sky.only().last_seen_unix_ns == last
    assert sky.only().first_seen_unix_ns == last - 2 * 10**9


def test_only_reported_classes_become_contacts() -> None:
    sky = Sky(TrackPolicy(report_classes=("Analog", "Control")))
    for _ in range(6):
        sky.dwell([CARRIER])
        sky.dwell([PILOT], 5660)
    assert sky.only().class_path[0] == "Analog"


def test_simulated_is_kept() -> None:
    sky = Sky()
    sky.dwell([PILOT], 5660)
    assert sky.only().simulated
    real = Sky()
    look = real.look(5660)
    real.take(real.tracker.dwell(summary(look, 1, simulated=False), rows([PILOT]), real.now_ns, real.unix_ns))
    assert not real.only().simulated


def test_a_recording_without_a_centre_has_offsets_and_no_band() -> None:
    sky = Sky(TrackPolicy(min_hits_to_confirm=1), [BandSpan("zero", -1 * MHZ, 1 * MHZ)])
    look = sky.look(0.0, span_mhz=2.0, lo_mhz=0.0)
    head = summary(look, 1, flags=records.BLOCK_NO_CENTER)
    sensor = replace(SENSOR, center_hz=-300e3)
    (change,) = sky.take(sky.tracker.dwell(head, rows([sensor]), sky.now_ns, sky.unix_ns))
    assert (change.contact.contact_id, change.contact.freq_hz, change.contact.band) == ("rf:-250000", -300_000, None)


def test_contacts_candidates_and_emissions_are_bounded() -> None:
    policy = TrackPolicy(max_contacts=3, max_candidates=5, max_emissions_per_dwell=8)
    sky = Sky(policy)
    many = [
        replace(CARRIER, center_hz=(2420 + 1.5 * i) * MHZ, bandwidth_hz=0.5 * MHZ, snr_db=20 + i) for i in range(20)
    ]
    for _ in range(6):
        sky.dwell(many)
    assert len(sky.contacts()) == 3
    assert sky.tracker.candidates <= 5
    assert sky.tracker.counters.truncated == 6 * 12
    assert min(c.freq_hz for c in sky.contacts()) >= 2438 * MHZ  # the strongest


def test_unusable_numbers_are_dropped_or_replaced() -> None:
    sky = Sky(TrackPolicy(min_hits_to_confirm=1))
    look = sky.look(2440)
    table = rows([CARRIER] * 4)
    table["center_hz"][0] = np.nan
    table["bandwidth_hz"][1] = 0.0
    table["duration_s"][2] = np.inf
    table["snr_db"][3] = np.nan
    table["class_id"][3] = 4_000_000
    table["evidence"]["chirp_score"][3] = np.nan
    (change,) = sky.take(sky.tracker.dwell(summary(look, 1), table, sky.now_ns, sky.unix_ns))
    assert sky.tracker.counters.invalid == 3
    assert (change.contact.snr_db, change.contact.class_path) == (0.0, ("Unknown",))
