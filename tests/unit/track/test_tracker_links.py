"""Hopping links: one contact each, and no heap of contacts from bursts nobody recognised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.emissions import MHZ, Bluetooth, Elrs, Seen, look_at
from support.sky import Sky

from ndefender.track import TrackPolicy


def air(sky: Sky, emitters: list, seconds: float, seed: int = 1) -> None:
    """Sweep the band with three hops."""
    rng = np.random.default_rng(seed)
    for _ in range(int(seconds / 0.7)):
        for center in (2420.0, 2440.0, 2476.0):
            sky.now_ns += 233 * 10**6
            seen = look_at(emitters, sky.look(center), rng)
            sky.dwell(seen, center, after_s=0.0, cut=False)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bluetooth_and_expresslrs_in_one_band_are_two_contacts(seed: int) -> None:
    sky = Sky()
    air(sky, [Bluetooth(), Elrs()], 40.0, seed)
    assert {c.class_path[:2] for c in sky.contacts()} == {("Bluetooth",), ("Control", "LoRa")}
    assert [c.kind for c in sky.changes].count("new") == 2


def test_the_id_of_a_link_is_the_centre_of_its_hop_set_when_it_was_new() -> None:
    sky = Sky()
    air(sky, [Elrs()], 60.0)
    first = sky.changes[0].contact
    assert abs(first.bucket_hz - first.freq_hz) <= 125_000
    assert sky.only().contact_id == first.contact_id
    assert abs(sky.only().freq_hz - 2439.9 * MHZ) < 2.5 * MHZ
    assert sky.only().bandwidth_class == "narrow"
    assert abs(sky.only().bandwidth_hz - 812e3) < 60e3
    assert sky.only().control_score > 0.8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_hop_rate_is_corrected_for_what_was_not_seen(seed: int) -> None:
    sky = Sky()
    air(sky, [Elrs()], 120.0, seed)
    assert 45 < sky.only().hop_rate_hz < 85  # 250 packets a second, four on each channel
    blue = Sky()
    air(blue, [Bluetooth()], 30.0, seed)
    assert 1000 < blue.only().hop_rate_hz < 1450  # three slots of four are used


def test_a_sparse_link_is_found_beside_a_busy_one() -> None:
    sky = Sky()
    air(sky, [Bluetooth()], 15.0)
    air(sky, [Bluetooth(), Elrs(snr_db=9.0)], 6.0)
    assert ("Control", "LoRa") in {c.class_path[:2] for c in sky.contacts()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_unknown_narrow_bursts_all_over_the_band_found_nothing(seed: int) -> None:
    sky = Sky()
    rng = np.random.default_rng(seed)
    for _ in range(250):
        bursts = [Seen(rng.uniform(2420, 2460) * MHZ, 1 * MHZ, start_s=i * 1e-3) for i in range(3)]
        sky.dwell(bursts)
    assert sky.changes == []
    assert sky.tracker.candidates <= 3 * 22
    sky.wait(16)
    assert sky.tracker.candidates == 0


def test_an_unknown_narrow_burst_that_stays_is_a_contact_beside_those_that_move() -> None:
    sky = Sky()
    rng = np.random.default_rng(7)
    for _ in range(40):
        moving = [Seen(rng.uniform(2420, 2460) * MHZ, 1 * MHZ, start_s=1e-3)]
        sky.dwell([*moving, Seen(2432 * MHZ, 1 * MHZ, start_s=5e-3)])
    assert abs(sky.only().freq_hz - 2432 * MHZ) < 0.1 * MHZ
    assert sky.only().hop_hint == "none"


def test_unknown_bursts_of_a_link_are_the_links() -> None:
    sky = Sky()
    rng = np.random.default_rng(8)
    for _ in range(80):
        paths = [("Bluetooth",) if rng.random() < 0.5 else ("Unknown",) for _ in range(8)]
        bursts = [
            Seen((2418 + rng.integers(44)) * MHZ, 0.95 * MHZ, path, i * 1e-3, 366e-6) for i, path in enumerate(paths)
        ]
        sky.dwell(bursts)
    assert sky.only().class_path == ("Bluetooth",)


@pytest.mark.parametrize("wrong", [("Control", "FHSS"), ("Control", "LoRa"), ("ZigBee",), ("Interference", "CW")])
def test_a_few_misread_bursts_of_a_busy_link_are_no_contact(wrong: tuple[str, ...]) -> None:
    sky = Sky()
    rng = np.random.default_rng(9)
    for _ in range(250):
        bursts = []
        for i in range(10):
            path = wrong if rng.random() < 0.03 else ("Bluetooth",)
            bursts.append(Seen((2418 + rng.integers(44)) * MHZ, 0.95 * MHZ, path, i * 1e-3, 366e-6))
        sky.dwell(bursts)
    assert [c.contact.class_path for c in sky.changes if c.kind == "new"] == [("Bluetooth",)]


def _unknown_beside_hoppers(busy: bool, dwells: int) -> list[float]:
    """Frequencies in MHz of new unknown contacts when a wide unknown burst is met in so many dwells, seconds apart."""
    sky = Sky()
    rng = np.random.default_rng(10)
    for i in range(60):
        bursts = [
            Seen((2418 + rng.integers(40)) * MHZ, 0.95 * MHZ, ("Bluetooth",), n * 1e-3, 366e-6)
            for n in range(10 * busy)
        ]
        if i >= 60 - 4 * dwells and i % 4 == 0:
            bursts.append(Seen(2456 * MHZ, 3.2 * MHZ, start_s=2e-3, duration_s=0.4e-3))
        sky.dwell(bursts)
    found = [c.contact for c in sky.changes if c.kind == "new" and c.contact.class_path == ("Unknown",)]
    return [round(contact.freq_hz / MHZ, 1) for contact in found]


@pytest.mark.parametrize(("busy", "dwells", "contact"), [(False, 2, True), (True, 2, False), (True, 5, True)])
def test_what_hoppers_leave_when_they_meet_is_no_contact_until_it_stays(busy: bool, dwells: int, contact: bool) -> None:
    assert _unknown_beside_hoppers(busy, dwells) == ([2456.0] if contact else [])


def test_a_lora_sender_that_never_hops_is_one_contact() -> None:
    sky = Sky()
    for i in range(12):
        path = ("Unknown",) if i in (0, 5, 7) else ("Control", "LoRa")
        sky.dwell([Seen(868.1 * MHZ, 125e3, path, 0.0, 0.01)], 866.5, span_mhz=7)
    contact = sky.only()
    assert (contact.contact_id, contact.hop_hint, contact.class_path) == ("rf:868000000", "none", ("Control", "LoRa"))
    assert [c.kind for c in sky.changes].count("new") == 1


def test_links_of_different_bandwidth_are_two() -> None:
    sky = Sky()
    rng = np.random.default_rng(10)
    for _ in range(40):
        wide = Seen((863.5 + 0.5 * rng.integers(12)) * MHZ, 500e3, ("Control", "LoRa", "ELRS"), 1e-3, 3e-3)
        slim = Seen((863.5 + 0.5 * rng.integers(12)) * MHZ, 85e3, ("Control", "FHSS"), 5e-3, 3e-3)
        sky.dwell([wide, slim], 866.5, span_mhz=7)
    assert sorted(c.hop_hint for c in sky.contacts()) == ["fhss", "lora_fhss"]


def test_bursts_that_an_edge_of_the_hop_cuts_found_no_link() -> None:
    sky = Sky()
    half = Seen(2464.4 * MHZ, 1 * MHZ, ("Bluetooth",), 1e-3, 366e-6)
    for _ in range(10):
        sky.dwell([half], 2440)  # sees up to 2464.5
    assert sky.changes == []


def test_burstiness_is_the_time_off_the_air_while_somebody_listened() -> None:
    sky = Sky(TrackPolicy(min_hits_to_confirm=1))
    for _ in range(30):
        sky.dwell([Seen(2440 * MHZ, 17 * MHZ, ("WiFi", "OFDM"), i * 2.5e-3, 0.5e-3) for i in range(4)])
        sky.dwell([], 5700)  # listens elsewhere
    assert abs(sky.only().burstiness - 0.8) < 1e-6


def test_overlapping_bursts_count_once() -> None:
    sky = Sky(TrackPolicy(min_hits_to_confirm=1))
    burst = Seen(2440 * MHZ, 17 * MHZ, ("WiFi", "OFDM"), 0.0, 5e-3)
    sky.dwell([burst, replace(burst, snr_db=10.0), replace(burst, start_s=2.5e-3, duration_s=2.5e-3, snr_db=12.0)])
    assert abs(sky.only().burstiness - 0.5) < 1e-6
