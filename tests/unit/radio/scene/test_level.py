from __future__ import annotations

import pytest

from ndefender.radio.scene.level import CEILING_RAW, FLOOR_RAW, received_dbfs, video_rssi
from ndefender.radio.scene.load import Scene, parse_scene
from ndefender.units import to_db

HEAD = '[scene]\nname = "s"\nseed = 7\n'


def scene(*emitters: str) -> Scene:
    return parse_scene(HEAD + "".join(f"[[emitter]]\n{body}\n" for body in emitters), "test")


def tone(center_hz: float, level_dbfs: float, more: str = "", name: str = "t") -> str:
    return f'kind = "tone"\nname = "{name}"\ncenter_hz = {center_hz}\nlevel_dbfs = {level_dbfs}\n{more}'


def test_an_emitter_counts_within_the_band_only() -> None:
    air = scene(tone(5800e6, -40.0))
    assert received_dbfs(air, 5800e6, 1.0) == pytest.approx(-40.0, abs=0.01)
    assert received_dbfs(air, 5809e6, 1.0) == pytest.approx(-40.0, abs=0.01)
    assert received_dbfs(air, 5811e6, 1.0) == -300.0


def test_powers_add() -> None:
    air = scene(tone(5800e6, -40.0), tone(5803e6, -40.0, name="u"))
    assert received_dbfs(air, 5800e6, 1.0) == pytest.approx(-40.0 + to_db(2.0), abs=0.01)


def test_of_an_emission_that_the_filter_cuts_the_part_inside_counts() -> None:
    air = scene('kind = "fm_video"\nname = "v"\ncenter_hz = 5.8e9\nlevel_dbfs = -40.0\nstandard = "pal"')
    whole, half = received_dbfs(air, 5800e6, 1.0), received_dbfs(air, 5810e6, 1.0)
    assert whole - half == pytest.approx(to_db(2.0), abs=0.01)


def test_an_emitter_counts_within_its_life_only() -> None:
    air = scene(tone(5800e6, -40.0, "start_s = 2.0\nstop_s = 3.0"))
    assert received_dbfs(air, 5800e6, 1.9) == -300.0
    assert received_dbfs(air, 5800e6, 2.5) == pytest.approx(-40.0, abs=0.01)
    assert received_dbfs(air, 5800e6, 2.01) == pytest.approx(-43.0, abs=0.1)  # on for half of the 20 ms before
    assert received_dbfs(air, 5800e6, 3.1) == -300.0


def test_readings_have_a_floor_a_slope_and_an_end() -> None:
    quiet = video_rssi(scene())
    readings = [quiet(5800e6, t / 10) for t in range(200)]
    assert abs(sum(readings) / len(readings) - FLOOR_RAW) < 0.6
    assert 3 < max(readings) - min(readings) < 20
    weaker, stronger = video_rssi(scene(tone(5800e6, -49.0))), video_rssi(scene(tone(5800e6, -39.0)))
    means = [sum(rssi(5800e6, t / 10) for t in range(100)) / 100 for rssi in (weaker, stronger)]
    assert means[1] - means[0] == pytest.approx(50.0, abs=3.0)
    overdriven = video_rssi(scene(tone(5800e6, -1.0)))
    assert abs(overdriven(5800e6, 1.0) - CEILING_RAW) < 10


def test_a_reading_can_be_asked_for_again() -> None:
    air = scene(tone(5800e6, -40.0))
    assert [video_rssi(air)(5800e6, t / 10) for t in range(20)] == [video_rssi(air)(5800e6, t / 10) for t in range(20)]
