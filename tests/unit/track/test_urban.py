"""A busy street, three minutes: every emitter is one contact, and nothing else is."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from support.emissions import MHZ, Bluetooth, Continuous, Dji, Elrs, Look, Pilot, Seen, WiFi, look_at, rows, summary

from ndefender.track import BandSpan, Change, Tracker, TrackPolicy

BANDS = [
    BandSpan("915", 902 * MHZ, 928 * MHZ),
    BandSpan("2G4", 2400 * MHZ, 2500 * MHZ),
    BandSpan("5G8", 5635 * MHZ, 5960 * MHZ),
]
# LO, low and high edge in MHz, ms: neighbours overlap, and the downlink at 5765 is cut by one of them
HOPS = [
    (915, 902, 928, 10),
    (2421, 2400, 2445, 10),
    (2458, 2436, 2480, 10),
    (2484, 2462, 2500, 10),
    (5657, 5635, 5680, 5),
    (5700, 5678, 5722, 5),
    (5742, 5720, 5764, 5),
    (5782, 5752, 5806, 5),
    (5824, 5802, 5846, 5),
    (5867, 5845, 5889, 5),
    (5920, 5887, 5960, 5),
]
STREET = {
    "WiFi": WiFi(),
    "Bluetooth": Bluetooth(),
    "ELRS": Elrs(),
    "LTE": Continuous(927.5 * MHZ, 4.5 * MHZ, ("Cellular", "LTE")),
    "R1": Pilot(5658 * MHZ),
    "F4": Pilot(5800 * MHZ),
    "DJI": Dji(),
}


def sweeps(emitters, seconds: float, seed: int, policy: TrackPolicy | None = None) -> tuple[Tracker, list[Change]]:
    """Sweep the street; results of a sweep come slightly out of order, and now and then there is a false alarm."""
    rng = np.random.default_rng(seed)
    tracker = Tracker(policy or TrackPolicy(), BANDS)
    changes: list[Change] = []
    seq = 0
    t_ns = 10**12
    for _ in range(int(seconds / 0.7)):
        results = []
        for lo, low, high, ms in HOPS:
            seq += 1
            look = Look(t_ns, ms / 1e3, low * MHZ, high * MHZ, lo * MHZ)
            seen = look_at(emitters, look, rng)
            if rng.random() < 2e-3:
                seen.append(Seen(rng.uniform(low, high) * MHZ, 60e3, confidence=0.7))
            results.append((summary(look, seq), rows(seen)))
            t_ns += int(0.7e9 / len(HOPS))
        for i in rng.permutation(len(results) - 1)[:3]:  # workers overtake each other
            results[i], results[i + 1] = results[i + 1], results[i]
        for head, emissions in results:
            changes += tracker.dwell(head, emissions, t_ns, t_ns + 10**18)
        changes += tracker.tick(t_ns, t_ns + 10**18)
    return tracker, changes


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.slow
def test_every_emitter_is_one_contact_and_nothing_else_is(seed: int) -> None:
    tracker, changes = sweeps(STREET.values(), 180.0, seed)
    told = [(c.kind, c.contact.contact_id, c.contact.freq_hz, c.contact.class_path) for c in changes]
    assert Counter(c.kind for c in changes)["new"] == 7, [t for t in told if t[0] != "update"]
    assert not [t for t in told if t[0] == "lost"]
    by_class = {c.class_path: c for c in tracker.contacts()}
    assert set(by_class) == {
        ("WiFi", "OFDM"),
        ("Bluetooth",),
        ("Control", "LoRa", "ELRS"),
        ("Cellular", "LTE"),
        ("Analog", "Video", "RaceBand", "R1"),
        ("Analog", "Video", "FatShark", "F4"),
        ("Digital", "Video", "DJI"),
    }
    wifi, bluetooth = by_class["WiFi", "OFDM"], by_class["Bluetooth",]
    elrs, dji = by_class["Control", "LoRa", "ELRS"], by_class["Digital", "Video", "DJI"]
    r1 = by_class["Analog", "Video", "RaceBand", "R1"]
    assert abs(wifi.freq_hz - 2437 * MHZ) < 0.5 * MHZ
    assert abs(wifi.bandwidth_hz - 17.2 * MHZ) < 1.5 * MHZ
    assert abs(bluetooth.freq_hz - 2441 * MHZ) < 3 * MHZ
    assert abs(elrs.freq_hz - 2439.9 * MHZ) < 3 * MHZ
    assert abs(dji.freq_hz - 5765 * MHZ) < 0.5 * MHZ
    assert abs(r1.freq_hz - 5658 * MHZ) < 0.3 * MHZ
    assert (r1.band, wifi.band, bluetooth.band) == ("5G8", "2G4", "2G4")
    assert (bluetooth.hop_hint, elrs.hop_hint, wifi.hop_hint, r1.hop_hint) == ("fhss", "lora_fhss", "none", "none")
    assert dji.hop_hint == "tdd"
    assert 900 < bluetooth.hop_rate_hz < 2000  # 1200 bursts a second, each on another channel
    assert 40 < elrs.hop_rate_hz < 90  # 250 packets a second, four on each channel
    assert r1.pattern_hint == "raceband_r1"
    assert r1.burstiness < 0.05 < wifi.burstiness
    assert elrs.control_score > 0.8 > 0.2 > bluetooth.control_score
    assert not any(c.control_correlation for c in tracker.contacts())
    assert all(c.simulated for c in tracker.contacts())
