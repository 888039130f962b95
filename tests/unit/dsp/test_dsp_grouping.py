"""What counts as one burst: doubles, fragments, pulses, clicks; and the receiver's own products."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import box_twins

from ndefender.dsp.artefacts import drop_artefacts, is_artefact, is_dc
from ndefender.dsp.grouping import (
    INSIDE_BAND,
    INSIDE_TIME,
    MAX_IMPULSES,
    absorb,
    belongs,
    extend,
    is_impulse,
    is_keyed,
    join_pulses,
    merge_impulses,
)
from ndefender.dsp.spans import (
    BOX_HIGH,
    BOX_LOW,
    BURST_BOX,
    BURST_COLUMNS,
    CONTINUOUS_BOX,
    CORE,
    FIRST,
    HIGH,
    KIND,
    LAST,
    LOW,
    NOISE,
    ON,
    POWER,
    PULSED,
    START,
    STOP,
)

N_FFT = 256


def _burst(
    start: float, stop: float, low: float, high: float, power: float = 100.0, kind: int = BURST_BOX, core: float = 3.0
) -> np.ndarray:
    row = np.zeros(BURST_COLUMNS)
    row[[START, STOP, LOW, HIGH, POWER, KIND, CORE, NOISE]] = start, stop, low, high, power, kind, core, 1.0
    row[[BOX_LOW, BOX_HIGH]] = low - 8, high + 8
    row[[FIRST, LAST]] = start // N_FFT, max(start // N_FFT + 1, stop // N_FFT)
    return row


def _ones(n: int) -> np.ndarray:
    return np.ones(n, dtype=np.uint8)


def test_absorb_is_its_twin_on_random_bursts() -> None:
    rng = np.random.default_rng(1)
    dropped = 0
    for _ in range(30):
        bursts = np.array(
            [_burst(a, a + d, f, f + w) for a, d, f, w in rng.uniform((0, 500, 20, 2), (4000, 9000, 80, 60), (12, 4))]
        )
        order, keep = rng.permutation(12), np.zeros(12, dtype=np.uint8)
        absorb(bursts, order, keep)
        pairs = [list(map(tuple, bursts[:, c])) for c in ([START, STOP], [LOW, HIGH], [BOX_LOW, BOX_HIGH])]
        assert keep.tolist() == box_twins.absorbed(*pairs, order.tolist(), INSIDE_TIME, INSIDE_BAND)
        dropped += np.count_nonzero(keep == 0)
    assert dropped > 30


def test_is_keyed_is_a_bare_pulse() -> None:
    assert is_keyed(_burst(0, 50 * N_FFT, 100, 104, core=4), N_FFT)
    assert is_keyed(_burst(0, N_FFT, 100, 112, core=12), N_FFT)
    assert not is_keyed(_burst(0, 50 * N_FFT, 100, 130, core=30), N_FFT)
    assert not is_keyed(_burst(0, 50 * N_FFT, 100, 104, core=4, kind=CONTINUOUS_BOX), N_FFT)


@pytest.mark.parametrize(
    ("pulse", "expected"),
    [
        (_burst(3000, 4000, 100, 104), True),
        (_burst(3000, 4000, 100, 104, power=20), False),
        (_burst(3000, 4000, 110, 114), False),
        (_burst(9000, 9900, 100, 104), False),
        (_burst(3000, 4000, 104.5, 108), True),
    ],
)
def test_belongs_asks_for_band_level_and_pause(pulse: np.ndarray, expected: bool) -> None:
    assert belongs(_burst(1000, 2000, 100, 104), pulse, 1000.0) == expected


def test_extend_covers_both_and_keeps_the_stronger_level() -> None:
    packet, pulse = _burst(1000, 2000, 100, 104), _burst(3000, 4500, 101, 105, power=200)
    packet[ON] = 1000
    extend(packet, pulse)
    assert packet[[START, STOP, LOW, HIGH, POWER, PULSED, ON]].tolist() == [1000, 4500, 101, 105, 200, 1, 2500]
    assert packet[[FIRST, LAST]].tolist() == [1000 // N_FFT, 4500 // N_FFT]


def test_pulses_of_a_keyed_carrier_are_one_packet_and_modulated_bursts_are_two() -> None:
    bursts = np.array(
        [_burst(s, s + 1000, 100, 104) for s in (1000, 3000, 6000)]
        + [_burst(s, s + 20000, 150, 190, core=40) for s in (0, 21000)]
    )
    keep = _ones(5)
    join_pulses(bursts, np.argsort(bursts[:, START], kind="stable"), N_FFT, keep)
    assert keep.tolist() == [1, 0, 0, 1, 1]
    assert bursts[0, [START, STOP, ON, PULSED]].tolist() == [1000, 7000, 3000, 1]


def test_what_was_dropped_is_not_joined() -> None:
    bursts = np.array([_burst(s, s + 1000, 100, 104) for s in (1000, 3000)])
    keep = np.array([1, 0], dtype=np.uint8)
    join_pulses(bursts, np.arange(2), N_FFT, keep)
    assert bursts[0, STOP] == 2000


def test_a_shower_of_clicks_is_one_burst_and_a_few_stay() -> None:
    clicks = np.array([_burst(s * 5000, s * 5000 + 300, 20 + s, 28 + s, power=s + 1, core=8) for s in range(12)])
    signal = _burst(0, 50000, 150, 190, core=40)[None]
    assert is_impulse(np.concatenate([clicks, signal]), N_FFT).tolist() == [True] * 12 + [False]
    few = np.concatenate([clicks[:MAX_IMPULSES], signal])
    assert merge_impulses(few, N_FFT) is few
    merged = merge_impulses(np.concatenate([clicks, signal]), N_FFT)
    assert len(merged) == 2
    assert merged[1, [START, STOP, LOW, HIGH, PULSED]].tolist() == [0, 11 * 5000 + 300, 20, 39, 1]
    assert merged[1, ON] == pytest.approx(12 * 300)


STRONG = _burst(0, 40000, 150, 170, power=1e6)


@pytest.mark.parametrize(
    ("weak", "clipped", "expected"),
    [
        (_burst(0, 40000, 86, 106, power=1e3), False, True),  # the image, 30 dB below
        (_burst(0, 40000, 86, 106, power=1e5), False, False),  # too strong for an image
        (_burst(0, 40000, 40, 60, power=1e3), False, False),  # neither near nor mirrored
        (_burst(5000, 20000, 172, 180, power=1e3), False, True),  # splatter beside it
        (_burst(50000, 60000, 172, 180, power=1e3), False, False),  # after it
        (_burst(39600, 40000, 10, 30, power=1e3), False, True),  # a click at its edge
        (_burst(0, 40000, 40, 60, power=1e5), True, True),  # a product of clipping
        (_burst(0, 40000, 40, 60, power=5e5), True, False),
    ],
)
def test_artefacts_need_a_stronger_cause(weak: np.ndarray, clipped: bool, expected: bool) -> None:
    assert is_artefact(weak, STRONG, N_FFT, clipped) == expected
    keep = _ones(2)
    drop_artefacts(np.array([STRONG, weak]), N_FFT, clipped, keep)
    assert keep.tolist() == [1, 0 if expected else 1]


def test_only_a_lasting_line_on_the_oscillator_is_dc() -> None:
    assert is_dc(_burst(0, 40000, 127, 129.5, kind=CONTINUOUS_BOX), N_FFT)
    assert not is_dc(_burst(0, 40000, 127, 129.5), N_FFT)
    assert not is_dc(_burst(0, 40000, 140, 142, kind=CONTINUOUS_BOX), N_FFT)
    assert not is_dc(_burst(0, 40000, 108, 148, kind=CONTINUOUS_BOX), N_FFT)


def test_what_an_artefact_causes_is_kept() -> None:
    """Only a burst that is kept can be the cause of another."""
    dc = _burst(0, 40000, 127, 129.5, power=1e6, kind=CONTINUOUS_BOX)
    keep = _ones(2)
    drop_artefacts(np.array([dc, _burst(0, 20000, 131, 139, power=1e3)]), N_FFT, False, keep)
    assert keep.tolist() == [0, 1]
