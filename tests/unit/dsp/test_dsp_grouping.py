"""What counts as one burst: doubles, fragments, pulses, clicks; and the receiver's own products."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import box_twins

from ndefender.dsp.artefacts import drop_artefacts, is_artefact, is_dc
from ndefender.dsp.grouping import (
    COMB_FRAMES,
    COMB_GAP_RATIO,
    COMB_PIECES,
    INSIDE_BAND,
    INSIDE_TIME,
    KEYED_BINS,
    MAX_IMPULSES,
    absorb,
    belongs,
    drop_shower,
    extend,
    is_impulse,
    is_keyed,
    join_combs,
    join_pulses,
)
from ndefender.dsp.spans import (
    BOX_HIGH,
    BOX_LOW,
    BURST_BOX,
    BURST_COLUMNS,
    CENTROID,
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
    row[[BOX_LOW, BOX_HIGH, CENTROID]] = low - 8, high + 8, (low + high) / 2
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


def test_extend_covers_both_and_keeps_the_level_and_core_of_the_stronger() -> None:
    packet, pulse = _burst(1000, 2000, 100, 104), _burst(3000, 4500, 101, 105, power=200)
    packet[ON] = 1000
    extend(packet, pulse)
    assert packet[[START, STOP, LOW, HIGH, POWER, PULSED, ON]].tolist() == [1000, 4500, 101.5, 104.5, 200, 1, 2500]
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


@pytest.mark.parametrize("core", [2.0, 3.0, KEYED_BINS])
def test_a_keyed_packet_is_as_wide_as_its_core(core: float) -> None:
    """Splatter of keying and clipping widens the occupied band of some pulses; the core stays where it is."""
    bursts = np.array([_burst(s, s + 1000, 100 - s / 500, 104, core=core) for s in (1000, 3000, 5000)])
    bursts[:, CENTROID] = 102.25
    keep = _ones(3)
    join_pulses(bursts, np.arange(3), N_FFT, keep)
    assert keep.tolist() == [1, 0, 0]
    assert bursts[0, [LOW, HIGH]].tolist() == [102.25 - core / 2, 102.25 + core / 2]


def test_the_band_of_a_packet_is_the_core_of_its_strongest_pulse() -> None:
    bursts = np.array([_burst(s, s + 1000, 96, 110, power=p) for s, p in ((1000, 50), (3000, 150), (5000, 100))])
    bursts[:, CENTROID], bursts[:, CORE] = (102.0, 102.5, 103.0), (4.0, 3.0, 2.0)
    keep = _ones(3)
    join_pulses(bursts, np.arange(3), N_FFT, keep)
    assert keep.tolist() == [1, 0, 0]
    assert bursts[0, [LOW, HIGH, POWER]].tolist() == [101.0, 104.0, 150.0]


def test_what_is_wider_than_a_pulse_keeps_its_occupied_band() -> None:
    """Short and wide bursts may be pulses, but their core is no band of a carrier."""
    bursts = np.array([_burst(s, s + 300, 90, 112, core=KEYED_BINS + 1) for s in (1000, 1500)])
    keep = _ones(2)
    join_pulses(bursts, np.arange(2), N_FFT, keep)
    assert keep.tolist() == [1, 0]
    assert bursts[0, [LOW, HIGH]].tolist() == [90, 112]
    modulated = np.array([_burst(0, 20000, 150, 190, core=40)])
    join_pulses(modulated, np.arange(1), N_FFT, _ones(1))
    assert modulated[0, [LOW, HIGH]].tolist() == [150, 190]


def _clicks(count: int, low: float = 20, apart: float = 5.0, width: float = 8) -> np.ndarray:
    return np.array(
        [
            _burst(k * 5000, k * 5000 + 300, low + apart * k, low + apart * k + width, power=k + 1, core=8)
            for k in range(count)
        ]
    )


SIGNAL = _burst(0, 50000, 150, 190, core=40)[None]


def test_a_shower_of_clicks_is_counted_and_taken_out() -> None:
    clicks = _clicks(12)
    assert is_impulse(np.concatenate([clicks, SIGNAL]), N_FFT).tolist() == [True] * 12 + [False]
    left, count = drop_shower(np.concatenate([clicks[:6], SIGNAL, clicks[6:]]), N_FFT)
    assert count == 12
    np.testing.assert_array_equal(left, SIGNAL)


def test_a_few_clicks_stay() -> None:
    few = np.concatenate([_clicks(MAX_IMPULSES), SIGNAL])
    left, count = drop_shower(few, N_FFT)
    assert count == 0
    np.testing.assert_array_equal(left, few)
    assert drop_shower(np.concatenate([_clicks(MAX_IMPULSES + 1), SIGNAL]), N_FFT)[1] == MAX_IMPULSES + 1


def test_short_packets_on_one_frequency_are_no_shower_but_clicks_over_the_whole_band_are() -> None:
    packets = np.concatenate([_clicks(20, low=100, apart=0.1), SIGNAL])
    left, count = drop_shower(packets, N_FFT)
    assert count == 0
    np.testing.assert_array_equal(left, packets)
    left, count = drop_shower(np.concatenate([_clicks(20, low=10, apart=0.1, width=200), SIGNAL]), N_FFT)
    assert len(left) == 21 and count == 0  # longer than a click of that width can be
    wide = _clicks(20, low=10, apart=0.1, width=200)
    wide[:, STOP] = wide[:, START] + 30
    left, count = drop_shower(np.concatenate([wide, SIGNAL]), N_FFT)
    assert (len(left), count) == (1, 20)


def test_clicks_joined_to_a_packet_belong_to_the_shower_and_keyed_packets_do_not() -> None:
    joined, keyed = _burst(0, 30000, 60, 90, core=20), _burst(0, 30000, 60, 63, core=3)
    joined[PULSED] = keyed[PULSED] = 1
    assert is_impulse(np.array([joined, keyed]), N_FFT).tolist() == [True, False]
    left, count = drop_shower(np.concatenate([_clicks(12), [joined, keyed]]), N_FFT)
    assert count == 13
    np.testing.assert_array_equal(left, keyed[None])


GAP = COMB_GAP_RATIO * N_FFT


def _comb(lines: int, start: float = 0, gap: float = 5.0, length: float = 600) -> np.ndarray:
    rows = np.array(
        [_burst(start + 7 * k, start + length, 60 + k * (gap + 2), 62 + k * (gap + 2)) for k in range(lines)]
    )
    rows[:, POWER] = 10.0 * np.arange(1, lines + 1)
    return rows


def test_the_lines_of_a_cut_preamble_are_one_burst() -> None:
    lines = _comb(8)
    found = join_combs(np.concatenate([SIGNAL, lines[::-1]]), N_FFT)
    assert len(found) == 2
    np.testing.assert_array_equal(found[0], SIGNAL[0])
    comb = found[1]
    assert comb[[START, STOP, LOW, HIGH]].tolist() == [0, 600, 60, 111]
    assert comb[[BOX_LOW, BOX_HIGH]].tolist() == [52, 119]
    assert comb[[FIRST, LAST]].tolist() == [lines[:, FIRST].min(), lines[:, LAST].max()]
    assert comb[[POWER, NOISE, CORE]].tolist() == [360, 8, 24]


def test_two_combs_are_two() -> None:
    found = join_combs(np.concatenate([_comb(5), _comb(4, start=20_000)]), N_FFT)
    assert np.sort(found[:, START]).tolist() == [0, 20_000]
    assert np.sort(found[:, HIGH]).tolist() == [83, 90]


@pytest.mark.parametrize(
    "bursts",
    [
        _comb(COMB_PIECES - 1),  # two neighbours are two
        _comb(8, gap=GAP + 0.5),  # too far apart
        _comb(8, length=COMB_FRAMES * N_FFT + 60),  # longer than a preamble's piece
        np.array(
            [_burst(k * (N_FFT + 1), k * (N_FFT + 1) + 300, 60 + 7 * k, 62 + 7 * k) for k in range(8)]
        ),  # one by one
        np.concatenate([_comb(2), _comb(2, start=9000)]),
    ],
)
def test_what_is_no_comb_stays(bursts: np.ndarray) -> None:
    np.testing.assert_array_equal(join_combs(bursts, N_FFT), bursts)


def test_lasting_lines_are_no_comb() -> None:
    lines = _comb(8)
    lines[:, KIND] = CONTINUOUS_BOX
    assert join_combs(lines, N_FFT) is lines


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
