"""Bands asked for and hops that cover them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Band:
    """A named span to watch.

    Args:
        name: as it appears in contacts (`2G4`).
        start_hz, stop_hz: edges.
        dwell_s: least contiguous time at every hop.
        priority: visits per sweep, >= 1 ; a fraction (0.5) means every second sweep.
        gain_db: manual gain in this band.
        rx_port: antenna port, empty to leave it.
    """

    name: str
    start_hz: float
    stop_hz: float
    dwell_s: float
    priority: float = 1.0
    gain_db: float = 40.0
    rx_port: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """One tuning of a plan and the part of the spectrum it answers for.

    Args:
        index: position in the plan.
        band_index: which band it serves first.
        center_hz: local oscillator.
        use_low_hz, use_high_hz: the part of the spectrum this hop answers for; neighbours overlap where an LO or an
            edge must be seen twice.
        own_low_hz, own_high_hz: where this hop has the best view of all: up to half way to its neighbours' LOs. What is
            seen beyond is seen better, and whole, by a neighbour.
        dwell_samples: samples of one visit.
        every: visited once in this many sweeps.
        gain_db, rx_port: as of its band.
    """

    index: int
    band_index: int
    center_hz: float
    use_low_hz: float
    use_high_hz: float
    own_low_hz: float
    own_high_hz: float
    dwell_samples: int
    every: int
    gain_db: float
    rx_port: str


@dataclass(frozen=True, slots=True)
class HopPlan:
    """A whole plan: what to visit, in order, and what could not be covered.

    Args:
        plan_id: counts plan changes.
        name: name of the plan in the configuration.
        rate_hz, bandwidth_hz: of every hop.
        bands: as asked, index = `band_index`.
        hops: in the order of a sweep.
        impossible: (band name, reason) for what this radio cannot reach.
        notes: where the plan differs from what was asked, in plain words (a rate the radio cannot do).
    """

    plan_id: int
    name: str
    rate_hz: float
    bandwidth_hz: float
    bands: tuple[Band, ...]
    hops: tuple[Hop, ...]
    impossible: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
