"""What holds of the whole chain whatever the emission: gain, frequency, conjugation, repetition, garbage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.iq import analysed, band_noise, block_of, covering, gfsk, inband, placed, quantised, shifted, tone, white

from ndefender.dsp import DspConfig, Pipeline
from ndefender.errors import NdefenderError
from ndefender.records import EVIDENCE_NAMES, MAX_EMISSIONS

N_FFT, ROWS, RATE_HZ = 256, 24, 15.36e6
SAMPLES = 4 * N_FFT * ROWS
BIN_HZ = RATE_HZ / N_FFT
PIPELINE = Pipeline(DspConfig(n_fft=N_FFT), SAMPLES)
FINE = Pipeline(DspConfig(n_fft=N_FFT, fine=True), SAMPLES)
BLOCK = block_of(SAMPLES, RATE_HZ)
QUICK = settings(max_examples=20, deadline=None, derandomize=True, database=None)
KINDS = st.sampled_from(["gfsk", "noise", "carrier", "steady"])
SEEDS = st.integers(0, 2**32 - 1)


def _signal(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A unit-power signal at zero frequency and its bandwidth in units of the rate."""
    if kind == "gfsk":
        return gfsk(rng, 12000, 16, 160e3 / RATE_HZ), 1e6 / RATE_HZ
    if kind == "noise":
        return band_noise(rng, 8000, 0.12), 0.12
    if kind == "carrier":
        return tone(10000, 0.0), 1.7 / N_FFT
    return band_noise(rng, SAMPLES, 0.12), 0.12


def _air(kind: str, seed: int, offset: float, snr_db: float = 25.0) -> np.ndarray:
    """One emission in white noise, complex, before quantisation."""
    rng = np.random.default_rng(seed)
    x = white(rng, SAMPLES)
    signal, width = _signal(kind, rng)
    start = 0 if len(signal) == SAMPLES else int(rng.integers(3000, SAMPLES - len(signal) - 3000))
    return placed(x, inband(snr_db, width) * shifted(signal, offset), start)


def _main(x: np.ndarray, offset: float, full_scale: float = 2048.0) -> np.void:
    """The strongest emission at its place."""
    block = block_of(SAMPLES, RATE_HZ, full_scale=full_scale)
    _, found = analysed(PIPELINE, quantised(x, full_scale), block)
    here = covering(found, offset * RATE_HZ, BIN_HZ)
    assert len(here) >= 1
    return here[0].copy()


@QUICK
@given(KINDS, SEEDS, st.floats(0, 1), st.sampled_from([-0.27, 0.2]))
def test_gain_changes_levels_and_not_the_class(kind: str, seed: int, share: float, offset: float) -> None:
    """Anywhere between a peak of 32 LSB and 0.9 of a 16-bit full scale."""
    x = _air(kind, seed, offset, 35.0)
    top = np.abs(np.concatenate([x.real, x.imag])).max()
    low, high = 32 / top * 8, 0.9 * 32768 / top  # the noise itself stays over the rounding
    gain = low * (high / low) ** share
    before, after = (_main(g * x, offset, 32768.0) for g in (high, gain))
    assert before["class_id"] == after["class_id"]
    difference_db = 20 * np.log10(high / gain)
    for name in ("peak_db", "noise_floor_db"):
        assert before[name] - after[name] == pytest.approx(difference_db, abs=1.0)
    assert before["snr_db"] == pytest.approx(after["snr_db"], abs=1.0)
    assert before["bandwidth_hz"] == pytest.approx(after["bandwidth_hz"], rel=0.1)


@QUICK
@given(KINDS, SEEDS, st.integers(-90, 90), st.integers(-90, 90))
def test_a_shift_in_frequency_moves_the_centre_and_nothing_else(kind: str, seed: int, a: int, b: int) -> None:
    """By whole bins, inside the flat part, away from the oscillator; a block without a centre has no band priors."""
    a, b = (k if abs(k) > 20 else 25 for k in (a, b))
    one, two = (_main(_air(kind, seed, k / N_FFT), k / N_FFT) for k in (a, b))
    assert one["class_id"] == two["class_id"]
    assert two["center_hz"] - one["center_hz"] == pytest.approx((b - a) * BIN_HZ, abs=BIN_HZ)
    assert one["bandwidth_hz"] == pytest.approx(two["bandwidth_hz"], rel=0.15, abs=BIN_HZ)
    assert one["start_s"] == pytest.approx(two["start_s"], abs=2 * N_FFT / RATE_HZ)


@QUICK
@given(KINDS, SEEDS, st.sampled_from([-0.3, -0.17, 0.11, 0.26]))
def test_detection_is_equivariant_under_conjugation(kind: str, seed: int, offset: float) -> None:
    """The mirrored spectrum has the mirrored emissions, one bin of Nyquist aside."""
    x = _air(kind, seed, offset)
    one, two = _main(x, offset), _main(np.conj(x), -offset)
    assert one["class_id"] == two["class_id"]
    assert one["center_hz"] == pytest.approx(-two["center_hz"], abs=1.5 * BIN_HZ)
    assert one["bandwidth_hz"] == pytest.approx(two["bandwidth_hz"], rel=0.1, abs=BIN_HZ)
    assert one["start_s"] == pytest.approx(two["start_s"], abs=N_FFT / RATE_HZ)
    assert one["snr_db"] == pytest.approx(two["snr_db"], abs=1.0)


def test_the_mean_centre_of_mirrored_dwells_is_zero() -> None:
    sums = []
    for seed in range(8):
        x = _air("carrier", seed, 40.5 / N_FFT)
        sums.append(_main(x, 40.5 / N_FFT)["center_hz"] + _main(np.conj(x), -40.5 / N_FFT)["center_hz"])
    assert np.mean(sums) / 2 == pytest.approx(0, abs=0.2 * BIN_HZ)


@pytest.mark.parametrize("kind", ["gfsk", "noise", "carrier"])
def test_confidence_rises_with_snr_in_the_mean(kind: str) -> None:
    """What is not found has confidence 0."""
    means = []
    for snr_db in (-6.0, 0.0, 4.0, 8.0, 14.0, 25.0):
        values = []
        for seed in range(16):
            _, found = analysed(PIPELINE, quantised(_air(kind, seed, 0.21, snr_db)), BLOCK)
            here = covering(found, 0.21 * RATE_HZ, BIN_HZ)
            values.append(float(here["confidence"].max()) if len(here) else 0.0)
        means.append(np.mean(values))
    assert np.all(np.diff(means) >= -1e-3), means
    assert means[0] < 0.5 and means[-1] > 0.99


@QUICK
@given(KINDS, SEEDS)
def test_the_same_dwell_gives_the_same_result(kind: str, seed: int) -> None:
    """Whatever was analysed in between, and in another pipeline of the same settings."""
    iq, other = quantised(_air(kind, seed, 0.2)), quantised(_air("steady", seed + 1, -0.1))
    first, _ = analysed(PIPELINE, iq, BLOCK)
    analysed(PIPELINE, other, BLOCK)
    again, _ = analysed(PIPELINE, iq, BLOCK)
    assert first.tobytes() == again.tobytes()


def test_another_pipeline_gives_the_same_emissions() -> None:
    iq = quantised(_air("gfsk", 5, 0.2))
    one, two = (analysed(p, iq, BLOCK)[1] for p in (PIPELINE, Pipeline(PIPELINE.config, SAMPLES)))
    assert one["class_id"].tolist() == two["class_id"].tolist()
    np.testing.assert_allclose(one["center_hz"], two["center_hz"], atol=1.0)  # FFT plans differ in the last bits


def _well_formed(out: np.void, found: np.ndarray) -> None:
    assert len(found) == out["summary"]["n_emissions"] <= MAX_EMISSIONS
    for name in ("start_s", "duration_s", "center_hz", "bandwidth_hz", "snr_db", "peak_db", "noise_floor_db",
                 "prominence_db", "confidence", "classification_confidence"):  # fmt: skip
        assert np.isfinite(found[name]).all(), name
    for name in EVIDENCE_NAMES:
        assert np.isfinite(found["evidence"][name]).all(), name
    for name in ("envelope_cv",):
        assert np.all(found["evidence"][name] >= 0)
    for name in ("confidence", "classification_confidence"):
        assert np.all((found[name] >= 0) & (found[name] <= 1))
    for name in ("flatness", "line_score", "cp_15khz", "cp_312khz", "cp_78khz", "chirp_score", "fm_bimodality",
                 "duty_ratio", "zc_score"):  # fmt: skip
        assert np.all((found["evidence"][name] >= 0) & (found["evidence"][name] <= 1 + 1e-6)), name
    assert np.isfinite(out["mean_power"]).all() and np.isfinite(out["max_power"]).all()
    assert np.isfinite([out["summary"]["floor_db"], out["summary"]["clipped_ppm"]]).all()
    assert np.all(found["start_s"] >= 0) and np.all(found["duration_s"] > 0)
    assert np.all(found["start_s"] + found["duration_s"] <= SAMPLES / RATE_HZ + 1e-9)
    assert np.all(found["bandwidth_hz"] > 0) and np.all(found["bandwidth_hz"] <= RATE_HZ)
    assert np.all(np.abs(found["center_hz"]) <= RATE_HZ / 2)


def _garbage(kind: str, seed: int, level: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    iq = np.zeros((SAMPLES, 2), dtype=np.int16)
    if kind == "constant":
        iq[:] = rng.integers(-32768, 32768, 2)
    elif kind == "impulses":
        iq[rng.integers(0, SAMPLES, 1 + level)] = rng.integers(-32768, 32768, (1 + level, 2))
    elif kind == "random":
        iq[:] = rng.integers(-32768, 32768, (SAMPLES, 2))
    elif kind == "extremes":
        iq[:] = rng.choice((-32768, 32767), (SAMPLES, 2))
    elif kind == "slow extremes":
        iq[:] = np.repeat(rng.choice((-32768, 32767), (SAMPLES // 64, 2)), 64, axis=0)
    elif kind == "half":
        iq[SAMPLES // 2 :] = rng.integers(-32768, 32768, (SAMPLES - SAMPLES // 2, 2))
    elif kind == "one bit":
        iq[:] = rng.integers(-1, 2, (SAMPLES, 2))
    elif kind == "pulse train":
        iq[:: 50 + level] = -32768
    return iq


GARBAGE = ("zeros", "constant", "impulses", "random", "extremes", "slow extremes", "half", "one bit", "pulse train")


@settings(QUICK, max_examples=60)
@given(st.sampled_from(GARBAGE), SEEDS, st.integers(0, 400), st.booleans(), st.sampled_from([2048.0, 32768.0]))
def test_garbage_gives_well_formed_results(kind: str, seed: int, level: int, fine: bool, full_scale: float) -> None:
    iq = _garbage(kind, seed, level)
    block = block_of(SAMPLES, RATE_HZ, full_scale=full_scale, clipped=int(np.count_nonzero(np.abs(iq) > 32000)))
    _well_formed(*analysed(FINE if fine else PIPELINE, iq, block))


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("fine", [False, True])
def test_each_kind_of_garbage(kind: str, fine: bool) -> None:
    _well_formed(*analysed(FINE if fine else PIPELINE, _garbage(kind, 1, 20), BLOCK))


def test_zeros_have_no_emission() -> None:
    assert len(analysed(PIPELINE, np.zeros((SAMPLES, 2), dtype=np.int16), BLOCK)[1]) == 0


def test_never_more_emissions_than_there_is_room_for() -> None:
    """Eight channels with 57 packets each: more bursts than a result holds, the rest counted."""
    n = 8 * SAMPLES
    rng, x = np.random.default_rng(3), np.zeros(n, dtype=np.complex128)
    x += white(rng, n)
    for k in range(8):
        for start in range(500 + 100 * k, n - 2000, 3400):
            placed(x, shifted(60 * band_noise(rng, 1600, 0.03), (k - 3.6) / 9), start)
    block = block_of(n, RATE_HZ, full_scale=32768.0)
    out, found = analysed(Pipeline(PIPELINE.config, n), quantised(x, 32768.0), block)
    assert out["summary"]["n_emissions"] + out["summary"]["truncated"] > MAX_EMISSIONS
    assert len(found) == MAX_EMISSIONS
    assert np.all(np.isfinite(found["snr_db"]))


@QUICK
@given(st.integers(0, 2 * SAMPLES))
def test_a_block_outside_the_limits_is_refused_with_the_limits(n: int) -> None:
    least = 4 * N_FFT
    iq = np.zeros((2 * SAMPLES, 2), dtype=np.int16)
    if least <= n <= SAMPLES:
        analysed(PIPELINE, iq, block_of(n, RATE_HZ))
        return
    with pytest.raises(NdefenderError) as refused:
        analysed(PIPELINE, iq, block_of(n, RATE_HZ))
    for number in (n, least, SAMPLES):
        assert str(number) in str(refused.value)


@QUICK
@given(SEEDS, st.integers(4 * N_FFT, SAMPLES))
def test_any_length_is_analysed_whole(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    iq = quantised(white(rng, SAMPLES))
    out, found = analysed(PIPELINE, iq, block_of(n, RATE_HZ))
    assert out["summary"]["n_frames"] * N_FFT >= n
    assert np.all(found["start_s"] + found["duration_s"] <= n / RATE_HZ + 1e-9)
