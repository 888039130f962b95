"""Emitters on one frequency: what is one contact, what is two, what is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.emissions import MHZ, Pilot, Seen, WiFi, look_at, mask_of
from support.sky import Sky

from ndefender import records
from ndefender.track import TrackPolicy

ON = records.EMISSION_CONTINUOUS
OFDM = Seen(2437 * MHZ, 17 * MHZ, ("WiFi", "OFDM"))


def pilot(mhz: float, width_mhz: float = 7.0, error_mhz: float = 1.2, **other: object) -> Seen:
    flags = ON | records.EMISSION_CONCLUSIVE
    seen = Seen(mhz * MHZ, width_mhz * MHZ, ("Analog", "Video"), 0.0, 0.01, flags=flags)
    return replace(seen, pattern_mask=mask_of(mhz * MHZ, error_mhz * MHZ), **other)


def test_bursts_measured_with_different_widths_are_one_contact() -> None:
    sky = Sky()
    rng = np.random.default_rng(1)
    for _ in range(60):
        burst = replace(OFDM, bandwidth_hz=rng.uniform(9, 18) * MHZ, center_hz=(2437 + rng.normal(0, 0.6)) * MHZ)
        sky.dwell([burst])
    assert abs(sky.only().freq_hz - 2437 * MHZ) < 0.6 * MHZ
    assert len(sky.changes) > 10


def test_an_access_point_and_its_stations_are_one_contact_per_channel() -> None:
    sky = Sky()
    rng = np.random.default_rng(2)
    for _ in range(80):
        sky.now_ns += 10**6
        look = sky.look(2440)
        sky.dwell(look_at([WiFi(2427 * MHZ), WiFi(2452 * MHZ)], look, rng), cut=False)
    assert [round(c.freq_hz / MHZ) for c in sky.contacts()] == [2427, 2452]
    assert {c.class_path for c in sky.contacts()} == {("WiFi", "OFDM")}
    assert [c.kind for c in sky.changes].count("new") == 2


@pytest.mark.parametrize("other_mhz", [5790.0, 5780.0, 5791.5])
@pytest.mark.parametrize("width_mhz", [7.0, 15.0])
def test_two_pilots_five_megahertz_apart_are_two(other_mhz: float, width_mhz: float) -> None:
    sky = Sky()
    for i in range(30):
        sky.dwell([pilot(5785, width_mhz if i % 3 == 0 else 7.0), pilot(other_mhz, 7.0, snr_db=18.0)], 5790)
    assert [round(c.freq_hz / MHZ, 1) for c in sky.contacts()] == sorted([5785.0, other_mhz])
    assert "lost" not in [c.kind for c in sky.changes]


def test_a_pilot_under_wifi_is_a_contact_of_its_own() -> None:
    sky = Sky()
    for _ in range(20):
        bursts = [replace(OFDM, center_hz=5805 * MHZ, start_s=i * 1e-3, duration_s=5e-4) for i in range(8)]
        sky.dwell([*bursts, pilot(5800)], 5805)
    assert [c.class_path[0] for c in sky.contacts()] == ["Analog", "WiFi"]


def test_one_emitter_in_two_overlapping_hops_is_one_contact() -> None:
    sky = Sky()
    for _ in range(10):
        sky.dwell([pilot(5700)], 5690)
        sky.dwell([pilot(5700)], 5715)
    assert [c.kind for c in sky.changes].count("new") == 1


def test_what_an_edge_of_a_hop_cuts_joins_the_contact_that_covers_it() -> None:
    sky = Sky()
    for _ in range(12):
        sky.dwell([pilot(5700)], 5676.5)  # its high edge cuts the pilot in the middle
        sky.dwell([pilot(5700)], 5700)
        sky.dwell([pilot(5700)], 5723.5)
    assert abs(sky.only().freq_hz - 5700 * MHZ) < 0.2 * MHZ
    assert abs(sky.only().bandwidth_hz - 7 * MHZ) < 0.5 * MHZ
    assert [c.kind for c in sky.changes].count("new") == 1


def test_a_wide_emission_that_no_hop_sees_whole_is_one_contact() -> None:
    sky = Sky()
    wide = Seen(5765 * MHZ, 18 * MHZ, ("Digital", "Video", "DJI"), 0.0, 0.01)
    for _ in range(12):
        sky.dwell([wide], 5745, span_mhz=42)  # up to 5766
        sky.dwell([wide], 5784, span_mhz=42)  # from 5763
    assert abs(sky.only().freq_hz - 5765 * MHZ) < 0.3 * MHZ
    assert abs(sky.only().bandwidth_hz - 18 * MHZ) < 1 * MHZ


def test_a_band_edge_cuts_the_same_way_every_time() -> None:
    sky = Sky()
    for _ in range(12):
        sky.dwell([Seen(870 * MHZ, 5 * MHZ, ("Cellular", "LTE"), 0.0, 0.01, flags=ON)], 866.5, span_mhz=7)
    assert abs(sky.only().freq_hz - 868.75 * MHZ) < 0.2 * MHZ


def test_pieces_of_a_wide_emission_found_no_contact() -> None:
    sky = Sky()
    rng = np.random.default_rng(3)
    for _ in range(60):
        pieces = [
            Seen(2437 * MHZ + rng.uniform(-6, 6) * MHZ, rng.uniform(0.5, 5) * MHZ, start_s=i * 2e-3) for i in range(4)
        ]
        sky.dwell([*pieces, replace(OFDM, start_s=9e-3)])
    assert sky.only().class_path == ("WiFi", "OFDM")
    assert [c.kind for c in sky.changes].count("new") == 1


@pytest.mark.parametrize("image_db", [32.0, 45.0, 60.0])
def test_images_of_a_strong_emission_found_no_contact(image_db: float) -> None:
    sky = Sky()
    for _ in range(10):
        strong = pilot(5700, snr_db=70.0)
        image = replace(strong, center_hz=(2 * 5690 - 5700) * MHZ, snr_db=70.0 - image_db)  # line sync and all
        sky.dwell([strong, image], 5690, lo_mhz=5690)
    assert round(sky.only().freq_hz / MHZ) == 5700
    assert sky.tracker.counters.images == 10


def test_an_equal_at_the_mirrored_place_is_no_image() -> None:
    sky = Sky()
    for _ in range(5):
        sky.dwell([pilot(5700), pilot(5680, snr_db=15.0)], 5690, lo_mhz=5690)
    assert len(sky.contacts()) == 2


def test_what_is_on_at_another_time_is_no_image() -> None:
    sky = Sky()
    for _ in range(5):
        strong = Seen(2450 * MHZ, 17 * MHZ, ("WiFi", "OFDM"), 0.0, 0.004, snr_db=60)
        weak = Seen(2430 * MHZ, 17 * MHZ, ("WiFi", "OFDM"), 0.006, 0.003, snr_db=10)
        sky.dwell([strong, weak], 2440, lo_mhz=2440)
    assert len(sky.contacts()) == 2


def test_skirts_of_a_strong_emission_found_no_contact() -> None:
    sky = Sky()
    for _ in range(20):
        strong = replace(OFDM, snr_db=50.0)
        sides = [replace(OFDM, center_hz=(2437 + d) * MHZ, bandwidth_hz=2 * MHZ, path=("Unknown",)) for d in (-11, 11)]
        sky.dwell([strong, *(replace(s, snr_db=22.0) for s in sides)])
    assert sky.only().class_path == ("WiFi", "OFDM")
    assert sky.tracker.counters.splatter == 40


def test_skirts_do_not_confirm_what_something_else_founded() -> None:
    sky = Sky()
    side = replace(OFDM, center_hz=2448 * MHZ, bandwidth_hz=2 * MHZ, path=("Unknown",), snr_db=22.0)
    sky.dwell([side])
    for _ in range(10):
        sky.dwell([replace(OFDM, snr_db=50.0), side])
    assert sky.only().class_path == ("WiFi", "OFDM")


def test_a_carrier_at_the_receivers_own_lo_founds_no_contact() -> None:
    sky = Sky()
    spike = Seen(2437 * MHZ, 60e3, ("Interference", "CW"), 0.0, 0.01, flags=ON)
    for _ in range(9):
        sky.dwell([spike], 2440, lo_mhz=2437)
    assert sky.contacts() == []
    for _ in range(3):
        sky.dwell([spike], 2440, lo_mhz=2430)  # seen from another LO it is real
    assert len(sky.contacts()) == 1


def test_an_overloaded_dwell_founds_only_what_is_strong() -> None:
    sky = Sky(TrackPolicy(overload_ppm=-1.0))  # every dwell
    for _ in range(9):
        phantoms = [Seen((2420 + i) * MHZ, 0.2 * MHZ, ("Interference",), snr_db=20.0) for i in range(10)]
        sky.dwell([replace(OFDM, center_hz=2450 * MHZ, snr_db=60.0, start_s=5e-3), *phantoms])
    assert round(sky.only().freq_hz / MHZ) == 2450


def test_ties_between_analogue_channels_are_listed() -> None:
    sky = Sky()
    sky.dwell([pilot(5805.7)], 5800)
    contact = sky.only()
    assert contact.class_path == ("Analog", "Video")
    assert contact.pattern_hint == "raceband_r5|boscam_a4"


def test_one_candidate_names_the_channel() -> None:
    sky = Sky()
    rng = np.random.default_rng(4)
    for _ in range(20):
        sky.now_ns += 10**6
        look = sky.look(5660)
        sky.dwell(look_at([Pilot(5658 * MHZ)], look, rng), 5660, cut=False)
    contact = sky.only()
    assert contact.class_path == ("Analog", "Video", "RaceBand", "R1")
    assert contact.pattern_hint == "raceband_r1"
    assert contact.bandwidth_class == "wide"


def test_the_numbers_behind_a_class_are_told() -> None:
    sky = Sky()
    sky.dwell([pilot(5805.7, evidence={"line_rate_hz": 15625.0})], 5800)
    evidence = sky.tracker.evidence(sky.only().contact_id)
    assert evidence is not None
    assert evidence.values["line_rate_hz"] == 15625.0
    assert evidence.alternatives == {"Analog/Video": 1.0}
    assert set(evidence.patterns) == {"raceband_r5", "boscam_a4"}
    assert sky.tracker.evidence("rf:1") is None
