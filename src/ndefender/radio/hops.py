"""Hop planner: named bands in, fewest tunings out.

Geometry. A hop sees `U = usable / 2` on each side of its LO, less a guard around the LO itself (DC spike). A band wider
than one hop is covered by hops spread evenly, at most `U - guard` apart. That is the fewest tunings with which

- every frequency of the band is in the clean part of some hop: what one hop has on its LO or at its edge, its neighbour
  sees beside the LO and inside the edge;
- every emission up to `U` wide (24 MHz at 61.44 MS/s) is seen whole by some hop, wherever it lies: an emission cut in
  two by the seam of two hops would be measured as two.

(With hops further apart than `U` the LO of one is out of sight of the next.) A band that fits beside the LO is covered
by one hop with the LO outside the band, one that only fits around the LO by one hop with the LO inside. Bands close to
one another share hops where that takes fewer tunings, or as many with the LO out of harm's way, and no more time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..errors import ConfigError
from ..units import s_to_ns
from .hopgeometry import MAX_HOPS, View, Wanted, centers, distance, span
from .hoporder import order_hops
from .plan import Band, Hop, HopPlan

DC_GUARD_HZ = 300e3  # half-width of what the DC spike, its 1/f skirt and the tracking loop's notch may touch
DC_GUARD_RATIO = 0.01  # of the rate, where the rate is low
RETUNE_S = 0.0015  # tune and settle: what a hop costs besides its samples; only weighs one plan against another
TRANSFER_RATIO = 4.1  # time to move a sample at 60 MB/s over the time to take it at 61.44 MS/s; same use

Limits = tuple[float, float, float, float]


def plan_hops(
    name: str,
    plan_id: int,
    bands: Sequence[Band],
    rate_hz: float,
    bandwidth_hz: float,
    usable_ratio: float,
    limits: Limits,
) -> HopPlan:
    """Plan the tunings that cover `bands`.

    Args:
        name, plan_id: of the plan, passed on.
        bands: what to watch; may overlap.
        rate_hz: complex sample rate wanted; brought into the radio's limits, and then said in `notes`.
        bandwidth_hz: analogue filter, two-sided.
        usable_ratio: part of the rate that is flat.
        limits: (min_center_hz, max_center_hz, min_rate_hz, max_rate_hz) of the radio at hand.
    Returns:
        the plan, hops in the order of a sweep, `use_low_hz..use_high_hz` of a hop within the bands it serves; what is
        out of reach is in `impossible`, whole bands and clipped parts alike.
    Raises:
        ConfigError: a band without width, a rate or ratio that is no number, more than MAX_HOPS hops.
    """
    min_center_hz, max_center_hz, min_rate_hz, max_rate_hz = limits
    _check(name, bands, rate_hz, bandwidth_hz, usable_ratio)
    true_rate_hz = min(max(rate_hz, min_rate_hz), max_rate_hz)
    true_bandwidth_hz = min(bandwidth_hz, true_rate_hz) if true_rate_hz < rate_hz else bandwidth_hz
    notes: tuple[str, ...] = ()
    if true_rate_hz != rate_hz:
        notes = (
            f"rate {rate_hz / 1e6:g} MS/s is outside the radio's {min_rate_hz / 1e6:g}-{max_rate_hz / 1e6:g}: "
            f"{true_rate_hz / 1e6:g} MS/s is used",
        )
    half_hz = min(true_rate_hz * usable_ratio, true_bandwidth_hz) / 2
    view = View(
        half_hz=half_hz,
        guard_hz=min(DC_GUARD_HZ, true_rate_hz * DC_GUARD_RATIO, half_hz / 8),
        min_center_hz=min_center_hz,
        max_center_hz=max_center_hz,
    )
    wanted, impossible = _reach(bands, view)
    hops: list[Hop] = []
    for group in _groups(wanted, view):
        hops.extend(_group_hops(group, view, true_rate_hz))
        if len(hops) > MAX_HOPS:
            raise ConfigError(f"plan.{name}", f"needs {len(hops)} hops of {2 * half_hz:g} Hz, at most {MAX_HOPS}")
    # priorities are relative: if every band is to wait, none is
    patience = min((hop.every for hop in hops), default=1)
    hops = [replace(hop, every=max(1, hop.every // patience)) for hop in hops]
    return HopPlan(
        plan_id=plan_id,
        name=name,
        rate_hz=true_rate_hz,
        bandwidth_hz=true_bandwidth_hz,
        bands=tuple(bands),
        hops=order_hops(hops),
        impossible=impossible,
        notes=notes,
    )


def sweep_order(plan: HopPlan, sweep_index: int) -> list[Hop]:
    """The visits of one sweep, in order.

    A band with priority 3 is visited three times, in one piece each, spread over the sweep. Of a band with priority
    1/4 every hop comes up in every fourth sweep, a quarter of its hops in each, so that sweeps stay equally long.

    Args:
        plan: from `plan_hops`.
        sweep_index: number of the sweep, from 0.
    Returns:
        hops, never empty unless the plan is.
    """
    due = [hop for hop in plan.hops if (sweep_index + hop.index) % hop.every == 0]
    visits: list[tuple[float, int, Hop]] = []
    run_start, run_visits = 0, 0
    for position, hop in enumerate(due):
        times = _visits(plan.bands[hop.band_index])
        if times != run_visits or hop.band_index != due[position - 1].band_index:
            run_start, run_visits = position, times
        visits.append((position, position, hop))
        for again in range(1, times):
            # a whole run goes in before one hop of the sweep, halfway between its position and the one before
            slot = math.floor(run_start + again * len(due) / times) % len(due) - 0.5
            visits.append((slot, position, hop))
    return [hop for _, _, hop in sorted(visits, key=lambda visit: visit[:2])]


def _visits(band: Band) -> int:
    return max(1, round(band.priority))


def _every(band: Band) -> int:
    return max(1, round(1.0 / band.priority))


def _check(name: str, bands: Sequence[Band], rate_hz: float, bandwidth_hz: float, usable_ratio: float) -> None:
    for field, value in (("rate_hz", rate_hz), ("bandwidth_hz", bandwidth_hz)):
        if not (math.isfinite(value) and value > 0.0):
            raise ConfigError(f"radio.{field}", f"{value} is not above 0")
    if not 0.0 < usable_ratio <= 1.0:
        raise ConfigError("radio.usable_ratio", f"{usable_ratio} is outside 0 < ratio <= 1")
    for i, band in enumerate(bands):
        path = f"plan.{name}[{i}] ({band.name})"
        if not (math.isfinite(band.start_hz) and math.isfinite(band.stop_hz) and band.start_hz < band.stop_hz):
            raise ConfigError(path, f"start_hz {band.start_hz} is not below stop_hz {band.stop_hz}")
        if not (math.isfinite(band.dwell_s) and band.dwell_s > 0.0):
            raise ConfigError(path, f"dwell_s {band.dwell_s} is not above 0")
        if not (math.isfinite(band.priority) and band.priority > 0.0):
            raise ConfigError(path, f"priority {band.priority} is not above 0")


def _reach(bands: Sequence[Band], view: View) -> tuple[list[Wanted], tuple[tuple[str, str], ...]]:
    """Clip bands to the radio's range, lowest first; say what was lost."""
    low_hz, high_hz = view.min_center_hz, view.max_center_hz
    wanted: list[Wanted] = []
    impossible: list[tuple[str, str]] = []
    for index, band in enumerate(bands):
        asked = f"{band.name}: {_mhz(band.start_hz)}\N{EN DASH}{_mhz(band.stop_hz)} MHz"
        start_hz, stop_hz = max(band.start_hz, low_hz), min(band.stop_hz, high_hz)
        above, below = f"above the radio's {_mhz(high_hz)} MHz", f"below the radio's {_mhz(low_hz)} MHz"
        if start_hz >= stop_hz:
            impossible.append((band.name, f"{asked} is {above if band.start_hz >= high_hz else below}"))
            continue
        wanted.append(Wanted(index, band, start_hz, stop_hz))
        lost = [below] * (band.start_hz < low_hz) + [above] * (band.stop_hz > high_hz)
        if lost:
            kept = f"only {_mhz(start_hz)}\N{EN DASH}{_mhz(stop_hz)} MHz is watched"
            impossible.append((band.name, f"{asked} is partly {' and '.join(lost)}: {kept}"))
    return sorted(wanted, key=lambda one: (one.low_hz, one.high_hz, one.index)), tuple(impossible)


def _mhz(frequency_hz: float) -> str:
    return f"{frequency_hz / 1e6:.6f}".rstrip("0").rstrip(".")


def _groups(wanted: Sequence[Wanted], view: View) -> list[list[Wanted]]:
    """Split the bands (sorted) into groups that share hops, best by (tunings, LOs in a band, time).

    Dynamic programming over where the last group begins; bands that may not share a hop are planned apart.
    """
    kinds: dict[tuple[float, str, float], list[Wanted]] = {}
    for one in wanted:
        kinds.setdefault(one.shares_with, []).append(one)
    groups: list[list[Wanted]] = []
    for kind in kinds.values():
        best: list[tuple[tuple[int, int, int], list[list[Wanted]]]] = [((0, 0, 0), [])]
        for end in range(1, len(kind) + 1):
            choices = []
            for begin in reversed(range(end)):  # of equal choices the one that shares less
                group = kind[begin:end]
                cost, before = _cost(group, view), best[begin]
                # sharing must not take longer than going apart: a long dwell on the hops of a short one can
                apart_ns = sum(_cost([one], view)[2] for one in group)
                if len(group) == 1 or cost[2] <= apart_ns:
                    total = (before[0][0] + cost[0], before[0][1] + cost[1], before[0][2] + cost[2])
                    choices.append((total, [*before[1], group]))
            best.append(min(choices, key=lambda choice: choice[0]))
        groups.extend(best[-1][1])
    return groups


def _cost(group: Sequence[Wanted], view: View) -> tuple[int, int, int]:
    """Tunings, LOs that fall into a band unseen by a neighbour, and nanoseconds of one visit to each."""
    los = centers(group, view)
    dwell_s = max(one.band.dwell_s for one in group)
    exposed = int(len(los) == 1 and distance(los[0], group) < view.guard_hz)
    return len(los), exposed, len(los) * s_to_ns(RETUNE_S + dwell_s * (1.0 + TRANSFER_RATIO))


def _group_hops(group: Sequence[Wanted], view: View, rate_hz: float) -> list[Hop]:
    low_hz, high_hz = span(group)
    dwell_samples = math.ceil(max(one.band.dwell_s for one in group) * rate_hz - 1e-6)
    hops = []
    los = sorted(centers(group, view))
    halfway = [(a + b) / 2 for a, b in pairwise(los)]
    for i, center_hz in enumerate(los):
        use_low_hz, use_high_hz = max(center_hz - view.half_hz, low_hz), min(center_hz + view.half_hz, high_hz)
        served = [one for one in group if one.low_hz < use_high_hz and one.high_hz > use_low_hz]
        first = served[0] if served else group[0]
        hops.append(
            Hop(
                index=0,
                band_index=first.index,
                center_hz=center_hz,
                use_low_hz=use_low_hz,
                use_high_hz=use_high_hz,
                own_low_hz=halfway[i - 1] if i > 0 else use_low_hz,
                own_high_hz=halfway[i] if i < len(halfway) else use_high_hz,
                dwell_samples=dwell_samples,
                every=_every(first.band),
                gain_db=first.band.gain_db,
                rx_port=first.band.rx_port,
            )
        )
    return hops
