"""Order of a sweep: few crossings of the radio's gain tables, few changes of the dwell's length.

The AD9361 loads another gain table and calibrates when the LO crosses 1.3 or 4 GHz; another dwell length means that
the sample buffer is reopened. Both cost more than a plain retune. A sweep is a cycle: its first hop follows its last.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from .plan import Hop

GAIN_TABLE_EDGES_HZ = (1.3e9, 4.0e9)  # ad9361 driver: RXGAIN_TBLS_END bands 0-1300, 1300-4000, 4000-6000 MHz


def gain_table(center_hz: float) -> int:
    """Number of the gain table in use at an LO: 0 up to 1.3 GHz, 1 up to 4 GHz, 2 above."""
    return bisect_right(GAIN_TABLE_EDGES_HZ, center_hz)


def expensive_steps(hops: Sequence[Hop]) -> tuple[int, int]:
    """Changes of gain table and changes of dwell length over one cycle of `hops`."""
    tables = dwells = 0
    for before, after in itertools.pairwise([*hops, *hops[:1]]):
        tables += gain_table(before.center_hz) != gain_table(after.center_hz)
        dwells += before.dwell_samples != after.dwell_samples
    return tables, dwells


def order_hops(hops: Sequence[Hop]) -> tuple[Hop, ...]:
    """Order hops for a cyclic sweep and number them.

    Each gain table is visited once, within it each dwell length once, and there the hops ascend. Which table follows
    which, and which dwell length a table begins and ends with, is chosen so that dwell lengths meet at the seams.

    Args:
        hops: in any order.
    Returns:
        the same hops, `index` = position.
    """
    ascending = sorted(hops, key=lambda hop: (hop.center_hz, hop.use_low_hz, hop.band_index))
    tables: dict[int, dict[int, list[Hop]]] = {}
    for hop in ascending:
        tables.setdefault(gain_table(hop.center_hz), {}).setdefault(hop.dwell_samples, []).append(hop)
    best: tuple[int, list[tuple[int, list[int]]]] | None = None
    first, *others = list(tables) or [0]
    for order in itertools.permutations(others):
        cycle = [first, *order]
        for ends in itertools.product(*(_ends(list(tables.get(table, {}))) for table in cycle)):
            seams = sum(a[-1] != b[0] for a, b in itertools.pairwise([*ends, ends[0]]) if a and b)
            if best is None or seams < best[0]:
                best = seams, list(zip(cycle, ends, strict=True))
    ordered = [
        hop
        for table, dwells in (best or (0, []))[1]
        for dwell in dwells
        for hop in tables.get(table, {}).get(dwell, [])
    ]
    return tuple(replace(hop, index=index) for index, hop in enumerate(ordered))


def _ends(dwells: list[int]) -> list[list[int]]:
    """Orders of a table's dwell lengths that differ in their first or last; at most 12 lengths are tried as ends."""
    dwells = sorted(dwells)
    if len(dwells) < 2:
        return [dwells]
    orders = []
    for first, last in itertools.permutations(dwells[:12], 2):
        orders.append([first, *(d for d in dwells if d not in (first, last)), last])
    return orders
