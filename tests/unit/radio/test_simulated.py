"""The simulated source: its two clocks, its ground truth, its gain control."""

from __future__ import annotations

import numpy as np
import pytest

from ndefender.errors import SourceLost, SourceTimeout, TuningRejected
from ndefender.radio.scene import load_scene
from ndefender.radio.simulated import SimulatedSource
from ndefender.radio.source import Tuning

START_NS, WALL_NS = 5_000_000_000, 1_700_000_000_000_000_000
HOP = Tuning(2_440e6, 20e6, 18e6, "manual", 40.0, "", 20_000, 7)


class Clock:
    """A clock that moves only when someone waits."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.waited: list[float] = []

    def __call__(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now_ns += round(seconds * 1e9)


def made(name: str = "urban", *, paced: bool = False) -> tuple[SimulatedSource, Clock]:
    clock = Clock()
    source = SimulatedSource(
        load_scene(name), paced=paced, retune_s=0.002, clock_ns=clock, wall_ns=lambda: WALL_NS, wait_s=clock.wait
    )
    return source, clock


def test_the_virtual_clock_counts_samples_and_retunes() -> None:
    source, clock = made()
    info = source.open()
    assert (info.kind, info.uri, info.simulated, info.finite) == ("simulated", "scene:urban", True, False)
    source.tune(HOP)
    out = np.empty((20_000, 2), np.int16)
    first, second = source.read_into(out, 0.0), source.read_into(out, 0.0)
    assert first.host_ns == START_NS + 2_000_000
    assert second.host_ns == first.host_ns + 1_000_000
    assert second.unix_ns == WALL_NS + 3_000_000
    assert (first.contiguous, second.contiguous) == (False, True)
    assert second.first_sample == first.first_sample + 20_000
    source.tune(HOP)
    third = source.read_into(out, 0.0)
    assert third.host_ns == second.host_ns + 3_000_000
    assert not third.contiguous
    assert third.first_sample == first.first_sample + 80_000
    assert clock.waited == []
    assert source.scene_ns == 7_000_000


def test_paced_reads_wait_until_the_last_sample_is_due() -> None:
    source, clock = made("noise", paced=True)
    source.open()
    source.tune(HOP)
    out = np.empty((20_000, 2), np.int16)
    first = source.read_into(out, 1.0)
    assert clock.waited == [pytest.approx(0.003)]  # the retune and one millisecond of samples
    assert first.host_ns + 1_000_000 == clock.now_ns
    second = source.read_into(out, 1.0)
    assert second.contiguous
    assert clock.waited[1] == pytest.approx(0.001)
    clock.now_ns += 10_000_000  # the reader was away: what it missed is gone
    third = source.read_into(out, 1.0)
    assert not third.contiguous
    assert third.host_ns == second.host_ns + 11_000_000
    with pytest.raises(SourceTimeout):
        source.read_into(np.empty((2_000_000, 2), np.int16), 0.05)


def test_the_truth_of_a_block() -> None:
    source, _ = made()
    source.open()
    assert source.truth() == []
    source.tune(Tuning(5_790e6, 40e6, 36e6, "manual", 40.0, "", 200_000, 1))
    source.read_into(np.empty((200_000, 2), np.int16), 1.0)
    names = {row.emitter for row in source.truth()}
    assert names == {"pilot F4"}
    assert source.block_start_s() == pytest.approx(0.002)
    pilot = source.truth()[0]
    assert (pilot.start_s, pilot.duration_s) == (pytest.approx(0.002), pytest.approx(0.005))
    source.tune(HOP)
    assert {row.emitter for row in source.truth()} == names  # still of the newest block


@pytest.mark.parametrize(
    ("attribute", "tuning"),
    [
        ("center_hz", Tuning(60e6, 20e6, 18e6, "manual", 40.0, "", 1, 1)),
        ("rate_hz", Tuning(1e9, 70e6, 18e6, "manual", 40.0, "", 1, 1)),
        ("bandwidth_hz", Tuning(1e9, 20e6, 60e6, "manual", 40.0, "", 1, 1)),
    ],
)
def test_what_no_radio_does_is_rejected(attribute: str, tuning: Tuning) -> None:
    source, _ = made("noise")
    source.open()
    with pytest.raises(TuningRejected) as caught:
        source.tune(tuning)
    assert caught.value.attribute == attribute
    with pytest.raises(SourceLost):
        source.read_into(np.empty((10, 2), np.int16), 1.0)


def test_gain_follows_the_table_of_the_band() -> None:
    source, _ = made("noise")
    source.open()
    for center_hz, highest in ((900e6, 73.0), (2.4e9, 71.0), (5.8e9, 62.0)):
        got = source.tune(Tuning(center_hz, 4e6, 3e6, "manual", 99.0, "", 1, 1))
        assert got.gain_db == highest == source.gain_limits().max_db


def test_gain_control_settles_at_its_target() -> None:
    source, _ = made("tone")
    source.open()
    got = source.tune(Tuning(2.4e9, 4e6, 3e6, "slow_attack", 0.0, "", 8192, 1))
    out = np.empty((8192, 2), np.int16)
    meta = source.read_into(out, 1.0)
    level = 10 * np.log10(np.mean(np.sum(out.astype(float) ** 2, axis=1)) / 2048**2)
    assert level == pytest.approx(-18.0, abs=1.0)
    assert got.gain_db == 52.0
    assert meta.clipped_samples == 0


def test_a_closed_source_says_so() -> None:
    source, _ = made("noise")
    with pytest.raises(SourceLost):
        source.tune(HOP)
    source.open()
    with pytest.raises(SourceLost, match="not tuned"):
        source.read_into(np.empty((10, 2), np.int16), 1.0)
