"""Two minutes of noise over the default plan make no contact; hours of it are `benchmarks/noise.py`'s."""

from __future__ import annotations

import msgspec
import pytest
from noise_air import Air, Tally, seeded

from ndefender.config.load import load_settings
from ndefender.config.settings import BandSettings

AIR_S = 120.0


def heard(air: Air, air_s: float) -> Tally:
    for _ in air.run(air_s):
        continue
    return air.tally


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_noise_alone_makes_no_contact() -> None:
    tally = heard(Air(seeded("noise", 7), load_settings(None, {})), AIR_S)
    assert tally.air_s >= AIR_S
    assert tally.dwells > 1000
    assert tally.contacts == 0


def test_the_same_receiver_hears_a_pilot() -> None:
    settings = load_settings(None, {})
    settings = msgspec.structs.replace(settings, plan={"default": [BandSettings("R1", 5650e6, 5666e6, 0.005)]})
    assert heard(Air(seeded("urban", 7), settings), 1.0).contacts == 1
