from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from ndefender.errors import ConfigError
from ndefender.radio.hoporder import expensive_steps, gain_table, order_hops
from ndefender.radio.hops import plan_hops, sweep_order
from ndefender.radio.plan import Band, Hop, HopPlan

AD9361 = (70e6, 6e9, 520_833.0, 61.44e6)
HALF_HZ = 61.44e6 * 0.8 / 2
MHZ = 1e6
DASH = "\N{EN DASH}"


def band(name: str, start_mhz: float, stop_mhz: float, dwell_ms: float = 5.0, priority: float = 1.0) -> Band:
    return Band(name, start_mhz * MHZ, stop_mhz * MHZ, dwell_ms / 1e3, priority)


REFERENCE = [
    band("433", 433.05, 434.79),
    band("868", 863, 870, 10),
    band("915", 902, 928, 10),
    band("1G2", 1080, 1360),
    band("2G4", 2400, 2500, 10),
    band("5G2", 5150, 5250),
    band("5G8", 5635, 5960),
]


def plan(bands: list[Band], limits: tuple[float, float, float, float] = AD9361, rate_hz: float = 61.44e6) -> HopPlan:
    return plan_hops("test", 3, bands, rate_hz, min(56e6, rate_hz), 0.8, limits)


def by_band(made: HopPlan) -> dict[str, list[Hop]]:
    hops: dict[str, list[Hop]] = {}
    for hop in sorted(made.hops, key=lambda hop: hop.center_hz):
        hops.setdefault(made.bands[hop.band_index].name, []).append(hop)
    return hops


def sweep_s(hops: list[Hop], link_bytes_s: float) -> float:
    """A sweep with 1 ms retune and 0.5 ms settle, nothing overlapped."""
    return sum(0.0015 + hop.dwell_samples / 61.44e6 + hop.dwell_samples * 4 / link_bytes_s for hop in hops)


def test_the_reference_plan() -> None:
    made = plan(REFERENCE)
    assert made.impossible == ()
    assert made.notes == ()
    assert (made.name, made.plan_id, made.rate_hz) == ("test", 3, 61.44e6)
    assert {name: len(hops) for name, hops in by_band(made).items()} == {
        "433": 1,
        "868": 1,
        "915": 1,
        "1G2": 11,
        "2G4": 4,
        "5G2": 4,
        "5G8": 13,
    }
    assert [hop.index for hop in made.hops] == list(range(35))
    for hop in made.hops:
        name = made.bands[hop.band_index].name
        assert hop.dwell_samples == (614_400 if name in ("868", "915", "2G4") else 307_200)
        assert hop.every == 1
    # 35 hops: 1.1 s a sweep over a link of 60 MB/s, 0.72 s over 110
    assert sweep_s(list(made.hops), 60e6) < 1.15
    assert sweep_s(list(made.hops), 110e6) < 0.75


def test_the_reference_plan_changes_gain_table_and_dwell_as_seldom_as_possible() -> None:
    made = plan(REFERENCE)
    # three tables on a cycle: three changes; two dwell lengths: two
    assert expensive_steps(made.hops) == (3, 2)
    assert expensive_steps(sorted(made.hops, key=lambda hop: hop.center_hz)) == (3, 4)


def test_hops_of_a_wide_band_are_spread_evenly_and_end_at_its_edges() -> None:
    hops = by_band(plan(REFERENCE))["5G8"]
    steps = [b.center_hz - a.center_hz for a, b in pairwise(hops)]
    assert max(steps) - min(steps) < 1.0
    assert max(steps) <= HALF_HZ - 300e3
    assert hops[0].center_hz - HALF_HZ == pytest.approx(5635e6)
    assert hops[-1].center_hz + HALF_HZ == pytest.approx(5960e6)
    assert (hops[0].use_low_hz, hops[-1].use_high_hz) == (5635e6, 5960e6)


def test_the_lo_stands_beside_a_narrow_band() -> None:
    (hop,) = plan([band("433", 433.05, 434.79)]).hops
    assert abs(hop.center_hz - 433.92e6) > 5e6
    assert hop.center_hz - HALF_HZ < 433.05e6 < 434.79e6 < hop.center_hz + HALF_HZ
    assert (hop.use_low_hz, hop.use_high_hz) == (433.05e6, 434.79e6)


def test_the_lo_stands_above_where_the_radio_cannot_go_below() -> None:
    (hop,) = plan([band("low", 70, 75)]).hops
    assert hop.center_hz > 75e6 + 300e3
    (hop,) = plan([band("high", 5990, 6000)]).hops
    assert hop.center_hz < 5990e6 - 300e3


def test_a_band_too_wide_for_one_side_has_the_lo_inside_but_one_hop() -> None:
    (hop,) = plan([band("915", 902, 928)]).hops
    assert (hop.use_low_hz, hop.use_high_hz) == (902e6, 928e6)
    assert abs(hop.center_hz - 915e6) > 3e6  # off the middle: images of one half do not all fall into the other


def test_the_lo_stands_in_the_gap_of_two_bands() -> None:
    (hop,) = plan([band("a", 1000, 1010), band("b", 1030, 1040)]).hops
    assert 1010.3e6 <= hop.center_hz <= 1029.7e6
    assert (hop.band_index, hop.use_low_hz, hop.use_high_hz) == (0, 1000e6, 1040e6)


@pytest.mark.parametrize("width_mhz", [49.153, 49.3, 49.75])
def test_two_hops_of_a_band_barely_wider_than_one_do_not_hide_the_same_lo(width_mhz: float) -> None:
    low, high = sorted(hop.center_hz for hop in plan([band("x", 2400, 2400 + width_mhz)]).hops)
    assert high - low >= 600e3 - 1e-3
    assert low - HALF_HZ <= 2400e6
    assert high + HALF_HZ >= (2400 + width_mhz) * MHZ - 1e-3


def test_868_keeps_the_lo_of_915_in_sight() -> None:
    low, high = (by_band(plan(REFERENCE))[name][0] for name in ("868", "915"))
    assert 870e6 < low.center_hz < 902e6
    assert low.use_low_hz <= high.center_hz - 300e3 < high.center_hz + 300e3 <= low.use_high_hz
    assert high.use_high_hz == 928e6


def test_overlapping_bands_share_hops_at_the_longest_dwell() -> None:
    made = plan([band("wide", 2400, 2500, 10), band("inner", 2412, 2472, 20)])
    assert len(made.hops) == 4
    assert {hop.dwell_samples for hop in made.hops} == {1_228_800}


def test_sharing_does_not_stretch_a_long_band_for_a_short_one() -> None:
    made = plan([band("wide", 5000, 6000), band("slow", 5500, 5510, 100)])
    assert Counter(hop.dwell_samples for hop in made.hops) == {307_200: 41, 6_144_000: 1}


@pytest.mark.parametrize("other", [{"gain_db": 20.0}, {"rx_port": "B"}, {"priority": 2.0}])
def test_bands_that_are_set_differently_share_nothing(other: dict[str, object]) -> None:
    one = Band("a", 1000e6, 1010e6, 0.005)
    two = Band("b", 1005e6, 1015e6, 0.005, **other)
    assert [hop.band_index for hop in plan([one, two]).hops] == [0, 1]


def test_bands_far_apart_share_nothing() -> None:
    made = plan([band("a", 863, 870), band("b", 912, 928)])
    assert [(hop.use_low_hz, hop.use_high_hz) for hop in made.hops] == [(863e6, 870e6), (912e6, 928e6)]


def test_what_is_out_of_reach_is_named_with_the_limit() -> None:
    made = plan(REFERENCE, limits=(325e6, 3.8e9, 520_833.0, 61.44e6))
    assert made.impossible == (
        ("5G2", f"5G2: 5150{DASH}5250 MHz is above the radio's 3800 MHz"),
        ("5G8", f"5G8: 5635{DASH}5960 MHz is above the radio's 3800 MHz"),
    )
    assert max(hop.center_hz for hop in made.hops) < 2.5e9
    (below,) = plan([band("fm", 88, 108)], limits=(325e6, 3.8e9, 520_833.0, 61.44e6)).impossible
    assert below == ("fm", f"fm: 88{DASH}108 MHz is below the radio's 325 MHz")


def test_a_band_partly_out_of_reach_is_clipped_and_said() -> None:
    made = plan([band("5G8", 5635, 5960.5)], limits=(70e6, 5.8e9, 520_833.0, 61.44e6))
    assert made.impossible == (
        ("5G8", f"5G8: 5635{DASH}5960.5 MHz is partly above the radio's 5800 MHz: only 5635{DASH}5800 MHz is watched"),
    )
    assert max(hop.use_high_hz for hop in made.hops) == 5.8e9


def test_a_rate_out_of_reach_is_replaced_and_said() -> None:
    made = plan([band("433", 433.05, 434.79)], limits=(325e6, 3.8e9, 520_833.0, 20e6))
    assert (made.rate_hz, made.bandwidth_hz) == (20e6, 20e6)
    assert made.notes == ("rate 61.44 MS/s is outside the radio's 0.520833-20: 20 MS/s is used",)
    assert made.hops[0].dwell_samples == 100_000


def test_a_narrow_filter_is_what_a_hop_can_see() -> None:
    made = plan_hops("test", 1, [band("2G4", 2400, 2500)], 61.44e6, 20e6, 0.8, AD9361)
    hops = sorted(made.hops, key=lambda hop: hop.center_hz)
    assert hops[0].center_hz == pytest.approx(2410e6)
    assert len(hops) == 10


def test_nothing_to_watch_is_an_empty_plan() -> None:
    made = plan([])
    assert made.hops == ()
    assert sweep_order(made, 0) == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (band("x", 900, 900), r"plan\.test\[0\] \(x\): start_hz 900000000\.0 is not below stop_hz"),
        (band("x", 900, float("nan")), "is not below stop_hz nan"),
        (band("x", 900, 910, 0), r"dwell_s 0\.0 is not above 0"),
        (band("x", 900, 910, 5, 0), "priority 0 is not above 0"),
    ],
)
def test_senseless_bands_are_refused(bad: Band, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan([bad])


@pytest.mark.parametrize(("rate_hz", "bandwidth_hz", "ratio"), [(0, 1e6, 0.8), (1e6, -1, 0.8), (1e6, 1e6, 1.1)])
def test_senseless_radios_are_refused(rate_hz: float, bandwidth_hz: float, ratio: float) -> None:
    with pytest.raises(ConfigError, match="radio"):
        plan_hops("test", 1, [band("x", 900, 910)], rate_hz, bandwidth_hz, ratio, AD9361)


def test_a_plan_of_ages_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most 4096"):
        plan([band("all", 70, 6000)], rate_hz=520_833.0)
    with pytest.raises(ConfigError, match=r"needs .* hops of .*, at most 4096"):
        plan([band("a", 100, 1000, 5, 1), band("b", 2000, 3000, 5, 2)], rate_hz=520_833.0)


def names(made: HopPlan, sweep_index: int) -> list[str]:
    return [made.bands[hop.band_index].name for hop in sweep_order(made, sweep_index)]


def test_a_quarter_of_a_patient_band_comes_up_in_each_sweep() -> None:
    made = plan([*REFERENCE, band("5G4", 5350, 5635, priority=0.25)])
    seen: Counter[int] = Counter()
    for sweep in range(4):
        hops = sweep_order(made, sweep)
        patient = [hop for hop in hops if made.bands[hop.band_index].name == "5G4"]
        assert len(hops) - len(patient) == 35
        assert 2 <= len(patient) <= 3
        seen.update(hop.index for hop in patient)
    assert sorted(seen.values()) == [1] * 11


def test_an_urgent_band_is_visited_in_one_piece_spread_over_the_sweep() -> None:
    urgent = [
        band(b.name, b.start_hz / MHZ, b.stop_hz / MHZ, b.dwell_s * 1e3, 3 if b.name == "2G4" else 1) for b in REFERENCE
    ]
    order = names(plan(urgent), 0)
    assert Counter(order)["2G4"] == 12
    cycle = order[order.index("433") :] + order[: order.index("433")]
    starts = [i for i in range(len(cycle)) if cycle[i] == "2G4" and cycle[i - 1] != "2G4"]
    assert len(starts) == 3
    assert all(cycle[start : start + 4] == ["2G4"] * 4 for start in starts)
    gaps = [b - a for a, b in pairwise([*starts, starts[0] + len(cycle)])]
    assert max(gaps) - min(gaps) <= 8


def test_priorities_are_relative() -> None:
    made = plan([band("a", 433, 434, 5, 0.25), band("b", 5000, 5010, 5, 0.5)])
    assert [names(made, sweep) for sweep in range(4)].count(["b"]) == 2
    assert all(names(made, sweep) for sweep in range(8))


@pytest.mark.parametrize(("center_hz", "table"), [(70e6, 0), (1.299e9, 0), (1.301e9, 1), (3.99e9, 1), (4.01e9, 2)])
def test_gain_tables(center_hz: float, table: int) -> None:
    assert gain_table(center_hz) == table


def test_order_of_nothing() -> None:
    assert order_hops([]) == ()
