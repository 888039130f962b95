"""From bursts to records: units, flags, confidence; the whole chain on one emission; the summary of a block."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from support.iq import NOISE_LSB, analysed, band_noise, block_of, gfsk, inband, placed, quantised, shifted, tone, white

from ndefender import records
from ndefender.dsp import DspConfig, Pipeline, warm_up
from ndefender.dsp.bursts import SHORT_FRAMES
from ndefender.dsp.figures import NUMBERS, columns, confidence, decibels, evidence_of, flags_of, peak_of, write_figures
from ndefender.dsp.spans import (
    BURST_COLUMNS,
    CONTINUOUS_BOX,
    FIRST,
    HIGH,
    INTEGRATED_BOX,
    KIND,
    LAST,
    LOW,
    NOISE,
    POWER,
    PULSED,
    START,
    STOP,
)
from ndefender.taxonomy import CLASSES

N_FFT, ROWS, RATE_HZ = 256, 32, 15.36e6
N = 4 * N_FFT * ROWS
PIPELINE = Pipeline(DspConfig(n_fft=N_FFT), N)


def _air(seed: int = 1) -> np.ndarray:
    return white(np.random.default_rng(seed), N)


def test_peak_of_is_the_highest_cell_of_frames_or_tiles() -> None:
    plane = np.random.default_rng(1).gamma(1, size=(160, 64)).astype(np.float32)
    tiles = plane.reshape(40, 4, 16, 4).max(axis=(1, 3))
    bursts = np.zeros((2, BURST_COLUMNS))
    bursts[:, LOW], bursts[:, HIGH] = 10.3, 20.6
    bursts[0, [FIRST, LAST]] = 5, 9
    bursts[1, [FIRST, LAST]] = 8, 8 + SHORT_FRAMES + 4
    out = [peak_of(plane, tiles, burst) for burst in bursts]
    assert out == [plane[5:9, 10:21].max(), plane[8 : 12 + SHORT_FRAMES, 8:24].max()]


def test_decibels_of_zero_are_finite() -> None:
    assert [decibels(ratio) for ratio in (0.0, 1.0, 100.0)] == [-300, 0, 20]


def test_confidence_is_a_probability_that_rises_with_the_statistic() -> None:
    values = [confidence(statistic, 1e5) for statistic in np.linspace(-5, 40, 400)] + [confidence(1e6, 1e5)]
    assert np.all(np.diff(values) >= 0)
    assert values[0] == 0.5 and values[-1] == pytest.approx(1)
    assert confidence(5.0, 1.0) == pytest.approx(1 - norm.sf(5.0), rel=1e-12)
    assert confidence(5.0, 1.0) > confidence(5.0, 1e4) > confidence(5.0, 1e9) == 0.5


def test_flags_say_where_and_what_a_burst_is() -> None:
    burst = np.zeros(BURST_COLUMNS)
    burst[[START, STOP, LOW, HIGH]] = N_FFT, N - N_FFT, 12, 200
    assert flags_of(burst, N_FFT, N, 10, 202) == 0
    for column, value, flag in (
        (START, N_FFT - 1, records.EMISSION_CUT_START),
        (STOP, N - N_FFT + 1, records.EMISSION_CUT_END),
        (LOW, 11.9, records.EMISSION_EDGE_LOW),
        (HIGH, 200.1, records.EMISSION_EDGE_HIGH),
        (KIND, CONTINUOUS_BOX, records.EMISSION_CONTINUOUS),
        (KIND, INTEGRATED_BOX, records.EMISSION_CONTINUOUS | records.EMISSION_INTEGRATED),
        (PULSED, 1, records.EMISSION_PULSED),
    ):
        other = burst.copy()
        other[column] = value
        assert flags_of(other, N_FFT, N, 10, 202) == flag


def test_write_figures_fills_the_records_fields() -> None:
    rows = np.zeros(2, records.EMISSION)
    bursts = np.zeros((2, BURST_COLUMNS))
    bursts[:, STOP], bursts[:, LOW], bursts[:, HIGH] = 1000, 100, 110
    bursts[:, POWER], bursts[:, NOISE], bursts[:, LAST] = 1000, 10, [4, 40]
    plane, tiles = np.full((40, N_FFT), 50, np.float32), np.full((10, N_FFT // 4), 60, np.float32)
    facts = (RATE_HZ, 2.4e9, 1e4, N, 0.0, float(N_FFT))
    counts = columns(rows, ("cluster_size", "flags", "index"), np.uint32)
    write_figures(bursts, plane, tiles, facts, columns(rows, NUMBERS, np.float64), evidence_of(rows), counts)
    bin_hz = RATE_HZ / N_FFT
    assert rows["snr_db"].tolist() == pytest.approx([20, 20])
    assert rows["peak_db"].tolist() == pytest.approx([10 * np.log10(50 / 1e4), 10 * np.log10(60 / 1e4)])
    assert rows["center_hz"].tolist() == pytest.approx([2.4e9 + (104.5 - N_FFT / 2) * bin_hz] * 2)
    assert rows["bandwidth_hz"].tolist() == pytest.approx([10 * bin_hz] * 2)
    assert rows["noise_floor_db"].tolist() == pytest.approx([-40] * 2)
    assert (rows["cluster_size"].tolist(), rows["index"].tolist()) == ([10, 10], [0, 1])
    assert rows["evidence"]["burst_s"].tolist() == pytest.approx([1000 / RATE_HZ] * 2)
    assert rows["evidence"]["duty_ratio"].tolist() == pytest.approx([1000 / N] * 2)


def test_a_carrier_has_its_level_and_flags() -> None:
    iq = quantised(_air() + 500 * tone(N, 51 / N_FFT))
    _, (found,) = analysed(PIPELINE, iq, block_of(N, RATE_HZ))
    assert found["peak_db"] == pytest.approx(20 * np.log10(500 / 2048), abs=1.5)
    assert found["prominence_db"] == pytest.approx(found["peak_db"] - found["noise_floor_db"], abs=1e-6)
    assert found["flags"] & records.EMISSION_CONTINUOUS
    assert found["flags"] & records.EMISSION_CUT_START and found["flags"] & records.EMISSION_CUT_END
    assert (found["start_s"], found["duration_s"]) == pytest.approx((0, N / RATE_HZ))
    assert CLASSES[found["class_id"]].path == ("Interference", "CW")


@pytest.mark.parametrize("offset_bins", [51.2, 51.5])
def test_a_carrier_between_bins_is_a_carrier(offset_bins: float) -> None:
    _, (found,) = analysed(PIPELINE, quantised(_air() + 500 * tone(N, offset_bins / N_FFT)), block_of(N, RATE_HZ))
    assert CLASSES[found["class_id"]].path == ("Interference", "CW")


@pytest.mark.parametrize("offset_bins", [-60.0, 51.0, 51.5])
def test_a_carrier_s_centre_is_exact(offset_bins: float) -> None:
    _, (found,) = analysed(PIPELINE, quantised(_air() + 500 * tone(N, offset_bins / N_FFT)), block_of(N, RATE_HZ))
    assert found["center_hz"] / (RATE_HZ / N_FFT) == pytest.approx(offset_bins, abs=0.1)


def test_a_burst_has_its_times_band_and_evidence() -> None:
    rng = np.random.default_rng(2)
    signal = inband(25, 1e6 / RATE_HZ) * shifted(gfsk(rng, 8000, 16, 160e3 / RATE_HZ), -0.2)
    _, (found,) = analysed(
        PIPELINE, quantised(placed(_air(), signal, 9000)), block_of(N, RATE_HZ, center_hz=2.44e9, flags=0)
    )
    assert found["start_s"] == pytest.approx(9000 / RATE_HZ, abs=2 * N_FFT / RATE_HZ)
    assert found["duration_s"] == pytest.approx(8000 / RATE_HZ, abs=4 * N_FFT / RATE_HZ)
    assert found["center_hz"] == pytest.approx(2.44e9 - 0.2 * RATE_HZ, abs=RATE_HZ / N_FFT)
    assert found["evidence"]["envelope_cv"] < 0.2
    assert found["evidence"]["duty_ratio"] == pytest.approx(8000 / N, rel=0.15)
    assert found["evidence"]["fm_deviation_hz"] == pytest.approx(160e3, rel=0.25)
    assert not found["flags"] & (records.EMISSION_CONTINUOUS | records.EMISSION_CUT_START | records.EMISSION_CUT_END)


@pytest.mark.parametrize(("side", "flag"), [(-1, records.EMISSION_EDGE_LOW), (1, records.EMISSION_EDGE_HIGH)])
def test_what_the_end_of_the_spectrum_cuts_off_is_marked(side: int, flag: int) -> None:
    signal = inband(25, 0.1) * shifted(band_noise(np.random.default_rng(3), 8000, 0.1), side * 0.46)
    _, found = analysed(PIPELINE, quantised(placed(_air(), signal, 9000)), block_of(N, RATE_HZ))
    assert len(found) and found[0]["flags"] & flag
    assert not found[0]["flags"] & (records.EMISSION_EDGE_LOW + records.EMISSION_EDGE_HIGH - flag)


def test_the_dc_line_and_the_image_of_an_emission_are_not_emissions() -> None:
    signal = inband(45, 0.06) * shifted(band_noise(np.random.default_rng(4), 8000, 0.06), 0.2)
    x = placed(_air() + 300, signal, 9000)
    x = x + 0.02 * np.conj(x)  # 34 dB below
    _, found = analysed(PIPELINE, quantised(x), block_of(N, RATE_HZ))
    assert len(found) == 1
    assert found["center_hz"][0] == pytest.approx(0.2 * RATE_HZ, rel=0.02)


def test_the_summary_tells_of_the_block() -> None:
    block = block_of(N - 100, RATE_HZ, center_hz=5.8e9, flags=0, clipped=5)
    out, _ = analysed(PIPELINE, quantised(_air()), block)
    summary = out["summary"]
    assert summary["block"] == block
    assert (summary["bin_hz"], summary["spectrum_start_hz"]) == (RATE_HZ / N_FFT, 5.8e9 - RATE_HZ / 2)
    assert summary["n_frames"] == 4 * ROWS
    assert summary["clipped_ppm"] == pytest.approx(5e6 / (N - 100), rel=1e-6)
    noise = 2 * NOISE_LSB**2 / (2048.0**2 * float(np.sum(PIPELINE.stft.window)) ** 2)
    assert out["mean_power"][:N_FFT].mean() == pytest.approx(noise, rel=0.02)
    assert np.all(out["max_power"][:N_FFT] >= out["mean_power"][:N_FFT])
    assert not out["mean_power"][N_FFT:].any() and not out["max_power"][N_FFT:].any()
    assert 10 ** (summary["floor_db"] / 10) == pytest.approx(noise, rel=0.04)


def test_packets_a_few_microseconds_apart_are_two_when_cut_finely() -> None:
    rng, n = np.random.default_rng(5), 4 * 128 * 60
    x = white(rng, n)
    for start in (9000, 13000 + 80):  # a pause of 80 samples is less than a frame
        placed(x, inband(30, 0.3) * shifted(band_noise(rng, 4000, 0.3), 0.1), start)
    pipeline = Pipeline(DspConfig(n_fft=128, fine=True), n)
    _, found = analysed(pipeline, quantised(x), block_of(n, 20e6))
    starts = np.sort(found["start_s"]) * 20e6
    assert starts == pytest.approx([9000, 13080], abs=64)
    assert found["duration_s"] * 20e6 == pytest.approx([4000, 4000], rel=0.02)


def test_warm_up_runs_for_every_configuration() -> None:
    for config in (DspConfig(n_fft=64), DspConfig(n_fft=128, overlap_ratio=0.5, fine=True)):
        warm_up(config)
