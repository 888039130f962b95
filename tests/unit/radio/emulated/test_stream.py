from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from tone import ToneRenderer, expected_step, tone_step

from ndefender.radio.emulated.context import Counters
from ndefender.radio.emulated.link import Link
from ndefender.radio.emulated.phy import AD9361, Phy
from ndefender.radio.emulated.stream import Block, Stream, chunk_samples

FIRST_HZ, SECOND_HZ = 2_400_000_000, 2_405_000_000
TIMEOUT_S = 20.0
STRETCH = 256


def _phy(rate_hz: int) -> Phy:
    phy = Phy(AD9361, 0.0, lambda rate_hz, bandwidth_hz: None)
    phy.fir_enabled = True
    phy.set_mode("manual")
    phy.set_rate(rate_hz)
    phy.set_center(FIRST_HZ)
    return phy


def _steps(block: Block) -> list[int]:
    whole = len(block.samples) // STRETCH * STRETCH
    return [tone_step(block.samples[at : at + STRETCH]) for at in range(0, whole, STRETCH)]


def _read(stream: Stream) -> Block:
    block = stream.refill(TIMEOUT_S)
    assert block is not None
    last = -(-len(block.samples) // stream.chunk_samples) - 1
    assert stream.wait_rendered(block, last) is not None
    return block


def test_a_retune_in_the_middle_of_a_block_shows_both_tunings() -> None:
    phy = _phy(600_000)
    stream = Stream(phy, ToneRenderer(), Counters(), 240_000, [0, 1], 1)  # 0.4 s
    while phy.state.center_hz == FIRST_HZ:
        if time.monotonic_ns() > stream._queued[0].time_ns(20_000):
            phy.set_center(SECOND_HZ)
    steps = _steps(_read(stream))
    stream.close()
    assert steps[0] == expected_step(FIRST_HZ)
    assert steps[-1] == expected_step(SECOND_HZ)
    changes = sum(a != b for a, b in itertools.pairwise(steps))
    assert changes <= 2  # the stretch with the edge in it may look like either


def test_blocks_queued_before_a_retune_are_delivered_after_it() -> None:
    phy = _phy(4_000_000)
    stream = Stream(phy, ToneRenderer(), Counters(), 16_384, [0, 1], 4)
    _read(stream)
    phy.set_center(SECOND_HZ)
    steps = [_steps(_read(stream)) for _ in range(5)]
    stream.close()
    assert steps[0][0] == expected_step(FIRST_HZ)  # it began to fill when the first was full
    assert set(steps[4]) == {expected_step(SECOND_HZ)}  # queued after the retune


def test_one_block_fills_only_when_asked_for() -> None:
    phy = _phy(4_000_000)
    stream = Stream(phy, ToneRenderer(), Counters(), 16_384, [0, 1], 1)
    _read(stream)
    phy.set_center(SECOND_HZ)
    assert set(_steps(_read(stream))) == {expected_step(SECOND_HZ)}
    stream.close()


def test_queued_blocks_follow_without_a_gap_and_gaps_are_counted() -> None:
    counters = Counters()
    stream = Stream(_phy(4_000_000), ToneRenderer(), counters, 16_384, [0, 1], 3)
    first, second, third = (stream.refill(TIMEOUT_S) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    stream.close()
    assert counters.overruns <= 2
    single = Counters()
    stream = Stream(_phy(4_000_000), ToneRenderer(), single, 4096, [0, 1], 1)
    for _ in range(3):
        _read(stream)
    stream.close()
    assert single.overruns == 2


def test_both_antennas_hear_the_same() -> None:
    stream = Stream(_phy(4_000_000), ToneRenderer(), Counters(), 8192, [0, 1, 2, 3], 1)
    samples = _read(stream).samples
    stream.close()
    assert samples.shape == (8192, 4)
    np.testing.assert_array_equal(samples[:, :2], samples[:, 2:])
    assert tone_step(np.ascontiguousarray(samples[:256, :2])) == expected_step(FIRST_HZ)


def test_a_block_that_does_not_fill_in_time_is_not_delivered() -> None:
    stream = Stream(_phy(600_000), ToneRenderer(), Counters(), 6_000_000, [0, 1], 1)  # 10 s
    assert stream.refill(0.01) is None
    stream.close()


class _BrokenRenderer(ToneRenderer):
    def render(self, *args: object, **kwargs: object) -> int:
        raise RuntimeError("scene")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_renderer_that_fails_ends_the_stream() -> None:
    stream = Stream(_phy(4_000_000), _BrokenRenderer(), Counters(), 4096, [0, 1], 1)
    block = stream.refill(TIMEOUT_S)
    assert block is None or stream.wait_rendered(block, 0) is None
    stream.close()


@pytest.mark.parametrize("rate_hz", [61_440_000, 30_720_000, 20_000_000, 61_439_999, 2_083_333, 520_833])
def test_chunks_last_whole_nanoseconds(rate_hz: int) -> None:
    n = chunk_samples(rate_hz)
    assert 16_384 <= n <= 32_768
    duration_ns = n * 1e9 / rate_hz
    assert abs(duration_ns - round(duration_ns)) < 1e-3


def test_the_link_carries_one_thing_after_another() -> None:
    link = Link(60e6)
    assert link.reserve(60_000, 5_000) == (5_000, 1_005_000)
    assert link.reserve(60_000, 5_000) == (1_005_000, 2_005_000)
    assert link.reserve(60, 9_000_000) == (9_000_000, 9_001_000)
