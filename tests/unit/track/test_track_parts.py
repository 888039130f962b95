"""The parts of the tracker on their own: votes, presence, ids, chance, policy."""

from __future__ import annotations

import math

import pytest
from support.emissions import MHZ, Seen, mask_of, rows, summary
from support.sky import Sky

from ndefender import taxonomy
from ndefender.track.confirm import poisson_tail
from ndefender.track.ledger import Ledger
from ndefender.track.observe import observe
from ndefender.track.policy import TrackPolicy, compatible, family_of
from ndefender.track.presence import Presence
from ndefender.track.votes import ClassVotes

S = 10**9


def sightings(*seen: Seen):
    look = Sky().look(2440, span_mhz=8000)
    return observe(summary(look, 1), rows(seen), 10**13, TrackPolicy()).sightings


def votes_of(*dwells: list[tuple[tuple[str, ...], float]]) -> ClassVotes:
    votes = ClassVotes()
    for dwell in dwells:
        votes.add(sightings(*(Seen(2440 * MHZ, 1 * MHZ, path, class_confidence=p) for path, p in dwell)))
    return votes


def test_a_dwell_votes_once_however_many_bursts_it_holds() -> None:
    votes = votes_of([(("WiFi", "OFDM"), 0.9)], [(("ZigBee",), 0.8)] * 50, [(("WiFi", "OFDM"), 0.9)])
    assert votes.verdict(0.0).path == ("WiFi", "OFDM")


def test_unknown_weighs_little() -> None:
    verdict = votes_of([(("Unknown",), 0.5), (("Unknown",), 0.5), (("Control", "FHSS"), 0.8)]).verdict(0.0)
    assert verdict.path == ("Control", "FHSS")
    assert 0.6 < verdict.confidence < 0.8
    assert verdict.control > 0.5


def test_the_path_stops_where_the_votes_stop() -> None:
    assert votes_of([(("Control", "LoRa"), 0.7), (("Control", "FHSS"), 0.7)]).verdict(0.0).path == ("Control",)
    assert votes_of([(("Control", "LoRa"), 0.9), (("Control", "LoRa", "ELRS"), 0.3)]).verdict(0.0).path == (
        "Control",
        "LoRa",
    )
    assert votes_of([(("Digital", "OFDM"), 0.7)]).verdict(0.0).path == ("Digital", "OFDM")
    assert votes_of([(("Digital", "OFDM"), 0.7), (("Digital", "Video", "DJI"), 0.7)]).verdict(0.0).path == (
        "Digital",
        "Video",
        "DJI",
    )
    assert ClassVotes().verdict(0.0).path == ("Unknown",)


def test_confidence_does_not_rise_with_repetition() -> None:
    assert votes_of(*[[(("ZigBee",), 0.7)]] * 30).verdict(0.0).confidence == pytest.approx(0.7)


@pytest.mark.parametrize("path", [row.path for row in taxonomy.CLASSES])
def test_every_class_can_be_named_seeded_and_kept(path: tuple[str, ...]) -> None:
    assert votes_of([(path, 0.9)]).verdict(0.0).path == path
    votes = ClassVotes()
    votes.seed(path, 0.9, "unknown", 5.0)
    assert votes.verdict(0.0).path == path
    assert votes.verdict(0.0).confidence == pytest.approx(0.9)


def test_channels_are_those_that_half_of_the_dwells_named() -> None:
    votes = ClassVotes()
    for centers in ([5658], [5658, 5665], [5658]):
        masks = [mask_of(mhz * MHZ, 0.1 * MHZ) for mhz in centers]
        seen = Seen(5658 * MHZ, 7 * MHZ, ("Analog", "Video"), class_confidence=0.9, pattern_mask=sum(masks))
        votes.add(sightings(seen))
    verdict = votes.verdict(5658 * MHZ)
    assert verdict.path == ("Analog", "Video", "RaceBand", "R1")
    assert verdict.pattern_hint == "raceband_r1"


def test_ttl_follows_the_rhythm_of_a_rare_emitter() -> None:
    policy = TrackPolicy()
    often, rare = Presence(), Presence()
    for i in range(400):
        often.cover(i * S // 2, 0.01)
        often.hear(0.01)
        rare.cover(i * S // 2, 0.01)
        if i % 10 == 0:
            rare.hear(0.001)
    assert often.ttl_s(10.0, policy) == 10.0
    # heard in a tenth of the dwells: 0.9^k = 1e-4, k = 87 dwells of half a second
    assert rare.ttl_s(10.0, policy) == pytest.approx(math.log(1e-4) / math.log(0.9) * 0.5, rel=0.1)
    assert rare.ttl_s(10.0, TrackPolicy(ttl_max_s=20.0)) == 20.0
    assert often.burstiness == pytest.approx(0.0)
    assert rare.burstiness == pytest.approx(0.99, abs=0.002)


def test_a_pause_of_the_scanner_is_no_revisit_time() -> None:
    presence = Presence()
    for t in (0, 1, 2, 3000, 3001):
        presence.cover(t * S, 0.01)
        presence.hear(0.01)
    assert presence.ttl_s(1.0, TrackPolicy()) < 10.0


def test_ids_are_rounded_unique_and_kept_over_lives() -> None:
    ledger = Ledger(250_000.0)
    assert ledger.take(5658.1e6) == 5_658_000_000
    assert ledger.take(5658.0e6) in (5_657_750_000, 5_658_250_000)
    ledger.release(5_658_000_000)
    assert ledger.take(5658.24e6) == 5_658_000_000  # within half a bucket beyond its edge
    ledger.release(5_658_000_000)
    assert ledger.take(5658.26e6) != 5_658_000_000
    assert ledger.claim(5_658_000_000)
    assert not ledger.claim(5_658_000_000)


def test_half_way_is_rounded_up_never_to_even() -> None:
    assert [Ledger(250_000.0).take(f) for f in (125_000.0, 375_000.0, -125_000.0)] == [250_000, 500_000, 0]


def test_the_nearest_free_bucket_is_taken() -> None:
    ledger = Ledger(250_000.0)
    got = [ledger.take(1_000_010.0) for _ in range(5)]
    assert got == [1_000_000, 1_250_000, 750_000, 1_500_000, 500_000]


def test_poisson_tail() -> None:
    assert poisson_tail(0, 3.0) == 1.0
    assert poisson_tail(2, 0.0) == 0.0
    assert poisson_tail(1, 0.5) == pytest.approx(1 - math.exp(-0.5))
    assert poisson_tail(3, 2.0) == pytest.approx(1 - math.exp(-2) * (1 + 2 + 2))


def test_the_longest_prefix_gives_the_ttl() -> None:
    policy = TrackPolicy(ttl_s=10.0, ttl_by_class_s={"Digital": 20.0, "Digital/DroneID/DJI": 300.0})
    assert policy.class_ttl_s(("Digital", "Video", "DJI")) == 20.0
    assert policy.class_ttl_s(("Digital", "DroneID", "DJI")) == 300.0
    assert policy.class_ttl_s(("ZigBee",)) == 10.0
    assert TrackPolicy().class_ttl_s(("Digital", "DroneID", "DJI")) > 100.0  # built in


def test_report_classes_are_prefixes_of_whole_names() -> None:
    policy = TrackPolicy(report_classes=("Control/LoRa", "Digital"))
    assert policy.reports(("Control", "LoRa", "ELRS"))
    assert policy.reports(("Digital", "OFDM"))
    assert not policy.reports(("Control", "LoRaX"))
    assert not policy.reports(("Control",))
    assert TrackPolicy().reports(("Unknown",))


def test_families() -> None:
    assert family_of(taxonomy.CLASS_ID["Control", "LoRa", "ELRS"]) == family_of(taxonomy.CLASS_ID["Control", "LoRa"])
    assert family_of(taxonomy.UNKNOWN) == ""
    assert compatible("wifi", "digital")
    assert compatible("", "analog")
    assert not compatible("wifi", "analog")
