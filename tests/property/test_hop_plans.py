"""What holds of every hop plan, whatever bands and radio."""

from __future__ import annotations

import itertools
import math
import random

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ndefender.radio.hoporder import expensive_steps, gain_table, order_hops
from ndefender.radio.hops import plan_hops, sweep_order
from ndefender.radio.plan import Band, Hop, HopPlan

EPSILON_HZ = 1e-3
RADIOS = [
    (70e6, 6e9, 520_833.0, 61.44e6),
    (325e6, 3.8e9, 520_833.0, 20e6),
    (2e9, 2.2e9, 1e6, 61.44e6),
]


@st.composite
def bands(draw: st.DrawFn) -> list[Band]:
    made = []
    for i in range(draw(st.integers(1, 5))):
        start_hz = draw(st.integers(70_000, 5_900_000)) * 1e3
        width_hz = draw(st.one_of(st.integers(1, 60_000), st.integers(40_000, 400_000))) * 1e3
        made.append(
            Band(
                name=f"b{i}",
                start_hz=start_hz,
                stop_hz=min(start_hz + width_hz, 6e9),
                dwell_s=draw(st.sampled_from([0.002, 0.005, 0.01, 0.02])),
                priority=draw(st.sampled_from([0.25, 0.5, 1.0, 1.0, 1.0, 2.0, 3.0])),
                gain_db=draw(st.sampled_from([40.0, 40.0, 20.0])),
            )
        )
    return made


@st.composite
def plans(draw: st.DrawFn) -> tuple[HopPlan, tuple[float, float, float, float], float, float]:
    """A plan, the radio's limits, and the half-width and guard of its hops."""
    limits = draw(st.sampled_from(RADIOS))
    rate_hz = draw(st.sampled_from([61.44e6, 30.72e6, 20e6, 10e6]))
    bandwidth_hz = draw(st.sampled_from([56e6, 18e6])) if rate_hz > 20e6 else rate_hz
    ratio = draw(st.sampled_from([0.8, 0.5, 1.0]))
    made = plan_hops("p", 1, draw(bands()), rate_hz, bandwidth_hz, ratio, limits)
    half_hz = min(made.rate_hz * ratio, made.bandwidth_hz) / 2
    return made, limits, half_hz, min(300e3, made.rate_hz * 0.01, half_hz / 8)


def clean_spans(hop: Hop, half_hz: float, guard_hz: float) -> list[tuple[float, float]]:
    """What a hop answers for and sees away from its LO."""
    low_hz, high_hz = max(hop.use_low_hz, hop.center_hz - half_hz), min(hop.use_high_hz, hop.center_hz + half_hz)
    return [(low_hz, min(high_hz, hop.center_hz - guard_hz)), (max(low_hz, hop.center_hz + guard_hz), high_hz)]


def uncovered_hz(low_hz: float, high_hz: float, spans: list[tuple[float, float]]) -> float:
    """How much of low..high is in none of the spans."""
    missing_hz, reached_hz = 0.0, low_hz
    for start_hz, stop_hz in sorted(spans):
        if stop_hz <= reached_hz:
            continue
        missing_hz += max(min(start_hz, high_hz) - reached_hz, 0.0)
        reached_hz = stop_hz
    return missing_hz + max(high_hz - reached_hz, 0.0)


def reachable(band: Band, limits: tuple[float, float, float, float]) -> tuple[float, float] | None:
    low_hz, high_hz = max(band.start_hz, limits[0]), min(band.stop_hz, limits[1])
    return (low_hz, high_hz) if low_hz < high_hz else None


@given(plans())
@settings(deadline=None, max_examples=300)
def test_every_reachable_frequency_is_answered_for_long_enough(
    made: tuple[HopPlan, tuple[float, float, float, float], float, float],
) -> None:
    plan, limits, half_hz, _ = made
    for band in plan.bands:
        span = reachable(band, limits)
        if span is None:
            assert band.name in dict(plan.impossible)
            continue
        assert (band.name in dict(plan.impossible)) == (span != (band.start_hz, band.stop_hz))
        spans = [
            (max(hop.use_low_hz, hop.center_hz - half_hz), min(hop.use_high_hz, hop.center_hz + half_hz))
            for hop in plan.hops
            if hop.dwell_samples >= math.floor(band.dwell_s * plan.rate_hz)
            and hop.gain_db == band.gain_db
            and plan.bands[hop.band_index].priority == band.priority
        ]
        assert uncovered_hz(*span, spans) < EPSILON_HZ


@given(plans())
@settings(deadline=None, max_examples=300)
def test_what_one_hop_has_on_its_lo_or_edge_another_sees_clean(
    made: tuple[HopPlan, tuple[float, float, float, float], float, float],
) -> None:
    plan, limits, half_hz, guard_hz = made
    spans = [span for hop in plan.hops for span in clean_spans(hop, half_hz, guard_hz)]
    for band in plan.bands:
        reach = reachable(band, limits)
        if reach is None:
            continue
        if reach[1] - reach[0] > 2 * half_hz:
            assert uncovered_hz(*reach, spans) < EPSILON_HZ
        else:
            # one hop: beside the LO if the band fits there; at worst its own LO's guard is left
            assert uncovered_hz(*reach, spans) <= 2 * guard_hz + EPSILON_HZ


@given(plans())
@settings(deadline=None, max_examples=300)
def test_an_emission_up_to_half_a_hop_wide_is_seen_whole_wherever_it_lies(
    made: tuple[HopPlan, tuple[float, float, float, float], float, float],
) -> None:
    plan, limits, half_hz, _ = made
    for band in plan.bands:
        reach = reachable(band, limits)
        if reach is None:
            continue
        width_hz = min(half_hz, reach[1] - reach[0])
        # a stretch is whole in a hop if it begins between the hop's low edge and its high edge less its width
        starts = [
            (max(hop.use_low_hz, hop.center_hz - half_hz), min(hop.use_high_hz, hop.center_hz + half_hz) - width_hz)
            for hop in plan.hops
        ]
        starts = [(low_hz - EPSILON_HZ, high_hz + EPSILON_HZ) for low_hz, high_hz in starts if low_hz <= high_hz + 1e-3]
        assert uncovered_hz(reach[0], max(reach[1] - width_hz, reach[0]), starts) < EPSILON_HZ


@given(plans())
@settings(deadline=None, max_examples=300)
def test_no_hop_leaves_the_radio_or_its_bands_and_there_are_not_too_many(
    made: tuple[HopPlan, tuple[float, float, float, float], float, float],
) -> None:
    plan, limits, half_hz, guard_hz = made
    bound = 0
    for band in plan.bands:
        span = reachable(band, limits)
        if span is not None:
            bound += 1 + max(0, math.ceil((span[1] - span[0] - 2 * half_hz) / (half_hz - guard_hz) - 1e-9))
    assert len(plan.hops) <= bound
    assert limits[2] <= plan.rate_hz <= limits[3]
    for position, hop in enumerate(plan.hops):
        assert hop.index == position
        assert limits[0] <= hop.center_hz <= limits[1]
        assert limits[0] <= hop.use_low_hz < hop.use_high_hz <= limits[1]
        assert hop.center_hz - half_hz - EPSILON_HZ <= hop.use_low_hz
        assert hop.use_high_hz <= hop.center_hz + half_hz + EPSILON_HZ
        served = plan.bands[hop.band_index]
        assert served.start_hz < hop.use_high_hz
        assert served.stop_hz > hop.use_low_hz


@given(bands(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_same_bands_give_the_same_hops_in_whatever_order_they_are_written(
    bands: list[Band], rng: random.Random
) -> None:
    shuffled = list(bands)
    rng.shuffle(shuffled)
    made, again = (plan_hops("p", 1, b, 61.44e6, 56e6, 0.8, RADIOS[0]) for b in (bands, bands))
    other = plan_hops("p", 1, shuffled, 61.44e6, 56e6, 0.8, RADIOS[0])
    assert made == again

    def places(plan: HopPlan) -> list[tuple[float, float, float, int]]:
        return sorted((h.center_hz, h.use_low_hz, h.use_high_hz, h.dwell_samples) for h in plan.hops)

    assume(len({(b.start_hz, b.stop_hz) for b in bands}) == len(bands))
    assert places(made) == places(other)


@given(plans(), st.integers(0, 1000))
@settings(deadline=None)
def test_over_the_sweeps_every_hop_gets_its_share(
    made: tuple[HopPlan, tuple[float, float, float, float], float, float], first: int
) -> None:
    plan = made[0]
    assume(plan.hops)
    period = math.lcm(*(hop.every for hop in plan.hops))
    visits = [0] * len(plan.hops)
    for sweep in range(first, first + period):
        order = sweep_order(plan, sweep)
        assert order
        for hop in order:
            visits[hop.index] += 1
    for hop in plan.hops:
        times = max(1, round(plan.bands[hop.band_index].priority))
        assert visits[hop.index] == times * period // hop.every


@given(
    st.lists(
        st.tuples(st.sampled_from([5e8, 9e8, 2e9, 3e9, 5e9, 5.8e9]), st.sampled_from([1, 2, 3])),
        min_size=1,
        max_size=6,
        unique=True,
    )
)
@settings(deadline=None)
def test_no_order_of_the_hops_is_cheaper(wanted: list[tuple[float, int]]) -> None:
    hops = [
        Hop(0, 0, center_hz, center_hz, center_hz + 1, center_hz, center_hz + 1, dwell, 1, 0.0, "")
        for center_hz, dwell in wanted
    ]
    cost = expensive_steps(order_hops(hops))
    tables = {gain_table(hop.center_hz) for hop in hops}
    assert cost[0] == (len(tables) if len(tables) > 1 else 0)
    # brute force over all cyclic orders: none has as few table changes with fewer changes of dwell
    first, *rest = hops
    assert cost == min(expensive_steps([first, *order]) for order in itertools.permutations(rest))
