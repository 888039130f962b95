"""Times and channels of bursts: asked for in any order, against the standards' timing; chance without state."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from air import scene

from ndefender.radio.scene import load_scene, truth
from ndefender.radio.scene.chance import Dice, mix64
from ndefender.radio.scene.emitter import Burst, alive
from ndefender.units import NS_PER_S

AT = "center_hz = 1e9\nlevel_dbfs = -20\n"
BURSTY = {
    "ocusync": 'kind = "ocusync"\n' + AT,
    "wifi": 'kind = "wifi"\n' + AT,
    "bluetooth": 'kind = "bluetooth"\n' + AT,
    "ble": 'kind = "ble_advertiser"\n' + AT,
    "elrs": 'kind = "elrs"\ncenter_hz = 2400.4e6\nlevel_dbfs = -20\n',
    "ook": 'kind = "ook_sensor"\nperiod_s = 1.0\nrepeats = 6\n' + AT,
    "fsk": 'kind = "fsk_sensor"\nperiod_s = 0.1\n' + AT,
    "fhss": 'kind = "gfsk_fhss"\n' + AT,
    "zigbee": 'kind = "zigbee"\n' + AT,
    "noise": 'kind = "noise_burst"\nbandwidth_hz = 1e6\n' + AT,
}


def bursts(text: str, start_s: float, stop_s: float, seed: int = 1) -> list[Burst]:
    made = scene(text, seed=seed)
    found = alive(made.emitters[0], made.dice[0], round(start_s * NS_PER_S), round(stop_s * NS_PER_S))
    return sorted(found)


@pytest.mark.parametrize("kind", BURSTY)
def test_any_stretch_can_be_asked_for_first(kind: str) -> None:
    whole = bursts(BURSTY[kind], 0.0, 3.0)
    assert len(whole) > 5
    edges = [1.7, 0.3, 2.2, 1.7001, 0.0, 0.9, 2.9, 3.0]
    pieces: set[Burst] = set()
    for a, b in itertools.pairwise(sorted(edges)):
        part = bursts(BURSTY[kind], a, b)
        for burst in part:
            assert burst.start_ns < b * NS_PER_S
            assert burst.start_ns + burst.duration_ns > a * NS_PER_S
        pieces |= set(part)
    assert sorted(pieces) == whole
    assert bursts(BURSTY[kind], 0.0, 3.0, seed=2) != whole


@pytest.mark.parametrize("kind", BURSTY)
def test_an_emitter_has_one_transmitter(kind: str) -> None:
    for a, b in itertools.pairwise(bursts(BURSTY[kind], 0.0, 2.0)):
        assert a.start_ns + a.duration_ns <= b.start_ns


@pytest.mark.parametrize("kind", ["wifi", "elrs", "bluetooth", "zigbee"])
def test_duration_says_how_long_the_waveform_is(kind: str) -> None:
    made = scene(BURSTY[kind])
    rate_hz = 20e6
    waves = made.emitters[0].waveforms(rate_hz, made.dice[0])
    for burst in alive(made.emitters[0], made.dice[0], 0, NS_PER_S):
        assert len(waves[burst.variant]) / rate_hz == pytest.approx(burst.duration_ns * 1e-9, abs=200e-9)


def test_a_life_has_two_ends() -> None:
    text = BURSTY["elrs"] + "start_s = 0.5\nstop_s = 0.75\n"
    found = bursts(text, 0.0, 2.0)
    assert 60 <= len(found) <= 63
    assert found[0].start_ns >= 0.5 * NS_PER_S
    assert found[-1].start_ns + found[-1].duration_ns <= 0.75 * NS_PER_S
    assert bursts(text, 0.75, 2.0) == []


def test_wifi_beacons_come_every_hundred_time_units() -> None:
    found = bursts(BURSTY["wifi"], 0.0, 20.48)
    beacons = [burst for burst in found if burst.variant == 14]
    assert set(np.diff([burst.start_ns for burst in beacons])) == {102_400_000}
    assert len(beacons) == 200
    data = [burst for burst in found if burst.variant < 14]
    lengths = np.array([burst.duration_ns for burst in data]) / 1000
    assert lengths.min() >= 100
    assert lengths.max() <= 2000
    slots = 200 * 39
    assert abs(len(data) - 0.6 * slots) < 5 * np.sqrt(slots * 0.24)
    answers = {burst.start_ns for burst in found if burst.variant == 15}
    assert {burst.start_ns + burst.duration_ns + 16_000 for burst in data} >= answers
    assert len(answers) >= len(data) - 1


def test_bluetooth_hops_each_slot_over_79_channels() -> None:
    found = bursts(BURSTY["bluetooth"], 0.0, 20.0)
    starts = np.array([burst.start_ns for burst in found])
    assert set((starts - starts[0]) % 625_000) == {0}
    channels = Counter(round(burst.offset_hz / 1e6) for burst in found)
    assert set(channels) == set(range(79))
    expected = len(found) / 79
    chi2 = sum((count - expected) ** 2 / expected for count in channels.values())
    assert 40 < chi2 < 130  # 78 degrees of freedom, beyond one in a thousand either way
    assert {burst.duration_ns for burst in found} == {126_000, 366_000, 1_622_000, 2_870_000}
    assert {burst.gain_db for burst in found} == {0.0, -4.0}
    learnt = bursts(BURSTY["bluetooth"] + "avoid = [24, 46]\n", 0.0, 5.0)
    assert not {round(burst.offset_hz / 1e6) for burst in learnt} & set(range(24, 47))


def test_elrs_hops_every_fourth_packet_over_80_channels() -> None:
    found = bursts(BURSTY["elrs"], 0.0, 80 * 4 * 0.004 * 3)
    starts = np.array([burst.start_ns for burst in found])
    assert set(np.diff(starts)) == {4_000_000}
    channels = [round(burst.offset_hz / 1e6, 6) for burst in found]
    runs = [len(list(group)) for _, group in itertools.groupby(channels)]
    assert all(run == 4 for run in runs[1:-1])
    hops = [channel for channel, _ in itertools.groupby(channels)]
    assert sorted(hops[:80]) == list(range(80))  # each round visits every channel once
    assert hops[0] == hops[80] == 40  # and begins on the sync channel
    assert hops[:80] != hops[80:160]
    answers = [burst for burst in found if burst.gain_db < 0]
    assert len(answers) == len(found) // 64


def test_ble_advertises_on_three_channels_with_a_random_delay() -> None:
    found = bursts(BURSTY["ble"], 0.0, 10.0)
    first = [burst for burst in found if burst.offset_hz == 0.0]
    assert [burst.offset_hz for burst in found[:3]] == [0.0, 24e6, 78e6]
    steps = np.diff([burst.start_ns for burst in first]) / 1e6
    assert steps.min() > 94
    assert steps.max() < 116
    assert len(set(steps)) > 20


def test_pulses_of_the_truth_are_joined() -> None:
    made = scene(BURSTY["ook"])
    packets = truth(made, 0.0, 10.0, 0.9e9, 1.1e9)
    pulses = bursts(BURSTY["ook"], 0.0, 10.0)
    assert 9 <= len(packets) <= 11
    assert len(pulses) == pytest.approx(len(packets) * 6 * 37, abs=6 * 37)
    inner = packets[1]
    mine = [p for p in pulses if inner.start_s <= p.start_ns * 1e-9 < inner.start_s + inner.duration_s]
    assert mine[0].start_ns * 1e-9 == pytest.approx(inner.start_s)
    assert (mine[-1].start_ns + mine[-1].duration_ns) * 1e-9 == pytest.approx(inner.start_s + inner.duration_s)


def test_truth_is_cut_by_time_and_frequency() -> None:
    urban = load_scene("urban")
    everything = truth(urban, 1.0, 1.1, 0.0, 6e9)
    assert {row.emitter for row in everything} == {emitter.name for emitter in urban.emitters}
    pilot = [row for row in everything if row.emitter == "pilot R1"]
    assert [(row.start_s, row.duration_s) for row in pilot] == [(1.0, pytest.approx(0.1))]
    assert pilot[0].class_path == ("Analog", "Video", "RaceBand", "R1")
    assert pilot[0].center_hz == 5658.06e6
    narrow = truth(urban, 1.0, 1.1, 2460e6, 2470e6)
    assert narrow
    assert all(2459e6 < row.center_hz < 2471e6 for row in narrow)
    assert truth(urban, 1.0, 1.1, 2.0e9, 2.1e9) == []
    assert truth(urban, 1.0, 1.1, 925e6, 928e6)[0].emitter == "LTE band 8"
    assert everything == truth(load_scene("urban"), 1.0, 1.1, 0.0, 6e9)


def test_dice_are_uniform_and_independent() -> None:
    dice = Dice(5)
    draws = np.array([dice.uniform("a", i) for i in range(20_000)])
    assert draws.mean() == pytest.approx(0.5, abs=0.01)
    assert np.histogram(draws, 10, (0, 1))[0].std() < 150
    other = np.array([dice.uniform("b", i) for i in range(20_000)])
    assert abs(np.corrcoef(draws, other)[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.03
    assert {dice.below("c", i, 7) for i in range(200)} == set(range(7))
    assert sorted(dice.shuffled("d", 0, 50)) == list(range(50))
    assert dice.shuffled("d", 0, 50) != dice.shuffled("d", 1, 50)
    assert dice.fork("x") != dice.fork("y")
    assert len({mix64(i) for i in range(1000)}) == 1000
