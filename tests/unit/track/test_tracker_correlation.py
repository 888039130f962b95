"""Control and video that appear and fade together; anything less is not said."""

from __future__ import annotations

import numpy as np
import pytest
from support.emissions import MHZ, Seen
from support.sky import Sky
from test_tracker_stations import pilot


def fly(*, fade_db: float = 6.0, shared: float = 1.0, control_after_s: int = 0, listened_s: int = 15) -> Sky:
    """One control and one video link for a minute; `shared` of the fading is common to both."""
    sky = Sky()
    rng = np.random.default_rng(3)
    for _ in range(listened_s):
        sky.dwell([], 2440, after_s=0.5)
        sky.dwell([], 5700, after_s=0.5)
    for i in range(60):
        common, own = rng.normal(0, fade_db, 2)
        level = 30.0 + common
        other = 30.0 + shared * common + (1 - shared) * own
        hops = [Seen((2420 + rng.integers(40)) * MHZ, 812e3, ("Control", "LoRa", "ELRS"), 1e-3, 3e-3, snr_db=other)]
        sky.dwell(hops if i >= control_after_s else [], 2440, after_s=0.5)
        sky.dwell([pilot(5695, snr_db=level)], 5700, after_s=0.5)
    assert len(sky.contacts()) == 2
    return sky


def flags(sky: Sky) -> set[bool]:
    return {c.control_correlation for c in sky.contacts()}


def test_a_pair_that_appears_and_fades_together_is_told() -> None:
    assert flags(fly()) == {True}


@pytest.mark.parametrize(
    "less",
    [
        {"fade_db": 0.2},  # nothing moves: nothing is known
        {"shared": 0.0},  # they move apart
        {"control_after_s": 20},  # one came later
        {"listened_s": 0},  # both were there when we began
    ],
)
def test_anything_less_is_not_told(less: dict[str, float]) -> None:
    assert flags(fly(**less)) == {False}
