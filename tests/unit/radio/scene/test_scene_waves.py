"""Waveforms against the figures of their standards, by scipy and by correlation."""

from __future__ import annotations

import numpy as np
import pytest
from air import at_lag, frequency, occupied, scene
from numpy.typing import NDArray
from scipy import signal

from ndefender.radio.scene.waves.composite import NTSC, PAL, Standard, sync_pulses
from ndefender.radio.scene.waves.elrs import RATES_2G4, RATES_900
from ndefender.radio.scene.waves.fm_video import FmVideo
from ndefender.radio.scene.waves.lora import frame
from ndefender.radio.scene.waves.wifi import RATE_HZ

AT = "center_hz = 1e9\nlevel_dbfs = -20\n"
KINDS: dict[str, tuple[str, float]] = {
    "lte 5": ('kind = "lte"\nload = 1.0', 15.36e6),
    "lte 10": ('kind = "lte"\nload = 1.0\nbandwidth_mhz = 10', 30.72e6),
    "ocusync 10": ('kind = "ocusync"\nbandwidth_mhz = 10', 30.72e6),
    "ocusync 20": ('kind = "ocusync"', 61.44e6),
    "wifi": ('kind = "wifi"', 61.44e6),
    "bluetooth": ('kind = "bluetooth"', 15.36e6),
    "ble": ('kind = "ble_advertiser"', 15.36e6),
    "elrs 250": ('kind = "elrs"', 15.36e6),
    "elrs 500": ('kind = "elrs"\npacket_hz = 500', 15.36e6),
    "elrs 868": ('kind = "elrs"\ndomain = "EU868"\npacket_hz = 100', 7.68e6),
    "ook": ('kind = "ook_sensor"', 1.92e6),
    "fsk": ('kind = "fsk_sensor"', 3.84e6),
    "fhss": ('kind = "gfsk_fhss"', 7.68e6),
    "zigbee": ('kind = "zigbee"', 15.36e6),
    "noise": ('kind = "noise_burst"\nbandwidth_hz = 2e6', 7.68e6),
    "pal": ('kind = "fm_video"', 30.72e6),
    "ntsc": ('kind = "fm_video"\nstandard = "ntsc"', 30.72e6),
    "dark pal": ('kind = "fm_video"\npicture = 0.0', 30.72e6),
    "pal with sound": ('kind = "fm_video"\naudio_hz = [6.0e6, 6.5e6]', 61.44e6),
}
CONSTANT = {"bluetooth", "ble", "elrs 250", "elrs 500", "elrs 868", "fsk", "fhss", "zigbee", "pal", "ntsc"}


def waves(name: str) -> tuple[list[NDArray[np.complex64]], float, float]:
    text, rate_hz = KINDS[name]
    center = {"elrs 250": 2400.4e6, "elrs 500": 2400.4e6, "elrs 868": 863.275e6}.get(name, 1e9)
    made = scene(text + f"\ncenter_hz = {center}\nlevel_dbfs = -20\n")
    return made.emitters[0].waveforms(rate_hz, made.dice[0]), rate_hz, made.emitters[0].occupied_hz


@pytest.mark.parametrize("name", KINDS)
def test_occupied_bandwidth_power_and_envelope(name: str) -> None:
    variants, rate_hz, declared_hz = waves(name)
    longest = max(variants, key=len)
    center_hz, width_hz = occupied(longest, rate_hz, 8192)
    assert width_hz == pytest.approx(declared_hz, rel=0.05, abs=rate_hz / min(8192, len(longest)))
    if name != "pal with sound":
        assert abs(center_hz) < max(0.03 * width_hz, rate_hz / 8192)
    for wave in variants:
        assert wave.dtype == np.complex64
        assert np.mean(np.abs(wave) ** 2) == pytest.approx(1.0, rel=1e-3)
        if name in CONSTANT:
            inner = np.abs(wave[len(wave) // 20 : -len(wave) // 20])
            assert inner.std() / inner.mean() < 0.02


@pytest.mark.parametrize("name", ["ocusync 20", "wifi", "elrs 250", "bluetooth", "zigbee"])
def test_content_and_length_do_not_depend_on_the_rate(name: str) -> None:
    text, rate_hz = KINDS[name]
    made = scene(text + f"\ncenter_hz = {2400.4e6 if 'elrs' in name else 1e9}\nlevel_dbfs = -20\n")
    fast = made.emitters[0].waveforms(rate_hz, made.dice[0])
    for slow_hz in (rate_hz / 2, 0.4 * rate_hz + 1.0e5):
        slow = made.emitters[0].waveforms(slow_hz, made.dice[0])
        for a, b in zip(fast, slow, strict=True):
            assert len(b) / slow_hz == pytest.approx(len(a) / rate_hz, abs=1.5 / slow_hz)
    half = made.emitters[0].waveforms(rate_hz / 2, made.dice[0])
    reference, probe = signal.decimate(fast[0][: 2**17], 2, ftype="fir"), half[0]
    n = min(len(reference), len(probe)) - 64
    overlap = np.abs(np.vdot(reference[32:n], probe[32:n]))
    assert overlap / np.linalg.norm(reference[32:n]) / np.linalg.norm(probe[32:n]) > 0.9


@pytest.mark.parametrize("name", ["lte 5", "lte 10", "ocusync 20"])
def test_cyclic_prefix_of_15_khz_carriers(name: str) -> None:
    variants, rate_hz, _ = waves(name)
    lag = round(rate_hz / 15e3)
    prefix = 7 * 144 + 16  # samples of 30.72 MHz in a slot of seven symbols
    expected = prefix / (prefix + 7 * 2048)
    assert at_lag(variants[0], lag) == pytest.approx(expected, rel=0.15)
    for other in (lag // 2, lag * 3 // 4, lag + 40):
        assert at_lag(variants[0], other) < expected / 2


def test_wifi_training_and_prefix() -> None:
    made = scene('kind = "wifi"\n' + AT)
    packet = made.emitters[0].waveforms(RATE_HZ, made.dice[0])[13]
    step = round(0.8e-6 * RATE_HZ)
    short, long, data = (
        packet[round(a * RATE_HZ) : round(b * RATE_HZ)] for a, b in ((0, 8e-6), (8e-6, 16e-6), (20e-6, 1))
    )
    assert at_lag(short[20:-20], step) > 0.99
    assert at_lag(long[round(1.6e-6 * RATE_HZ) : -20], 4 * step) > 0.99
    assert at_lag(long[round(1.6e-6 * RATE_HZ) : -20], step) < 0.3
    assert at_lag(data, 4 * step) == pytest.approx(0.2, abs=0.03)
    assert at_lag(data, 3 * step) < 0.05
    assert len(packet) / RATE_HZ == pytest.approx(2e-3, rel=0.25)


def test_wifi_long_training_is_the_standards_sequence() -> None:
    made = scene('kind = "wifi"\n' + AT)
    packet = made.emitters[0].waveforms(RATE_HZ, made.dice[0])[0]
    first = round((8e-6 + 1.6e-6) * RATE_HZ)
    bins = np.fft.fft(packet[first : first + 256])
    used = np.real(bins[np.r_[-26:0, 1:27]])
    # IEEE 802.11-2020 equation 17-8, carriers -26 … -1 and 1 … 26
    left = "1 1 -1 -1 1 1 -1 1 -1 1 1 1 1 1 1 -1 -1 1 1 -1 1 -1 1 1 1 1"
    right = "1 -1 -1 1 1 -1 1 -1 1 -1 -1 -1 -1 -1 1 1 -1 -1 1 -1 1 -1 1 1 1 1"
    assert np.array_equal(np.sign(used), np.array([float(v) for v in (left + " " + right).split()]))
    assert np.abs(bins[27:-27]).max() < 0.05 * np.abs(used).min()


@pytest.mark.parametrize(("name", "standard", "line_hz"), [("pal", PAL, 15625.0), ("ntsc", NTSC, 15734.2657)])
def test_video_line_and_field_rate(name: str, standard: Standard, line_hz: float) -> None:
    variants, rate_hz, _ = waves(name)
    wave = variants[0]
    f = frequency(wave[: round(standard.frame_s * rate_hz)], rate_hz)
    f -= f.mean()
    assert at_lag(f, round(rate_hz / line_hz)) > 0.6
    assert at_lag(f, round(1.37 * rate_hz / line_hz)) < 0.4
    tip = np.where(f < np.percentile(f, 2) + 0.6e6, 1.0, 0.0)
    assert tip.mean() == pytest.approx(sync_pulses(standard)[1].sum() / standard.frame_s, rel=0.1)
    many = 200  # lines, for a fine measure
    lags = np.arange(round(many * rate_hz / line_hz) - 300, round(many * rate_hz / line_hz) + 300)
    together = [np.dot(tip[:-lag], tip[lag:]) for lag in lags]
    assert many * rate_hz / lags[int(np.argmax(together))] == pytest.approx(line_hz, rel=2e-5)
    assert len(wave) / rate_hz == pytest.approx(standard.frames * standard.frame_s, rel=1e-6)


@pytest.mark.parametrize("standard", [PAL, NTSC])
def test_field_synchronisation(standard: Standard) -> None:
    starts, widths = sync_pulses(standard)
    order = np.argsort(starts)
    starts, widths = starts[order], widths[order]
    broad = starts[widths == standard.broad_s]
    assert len(broad) == 2 * standard.half_pulses
    assert np.count_nonzero(widths == standard.equalising_s) == 4 * standard.half_pulses
    field_s = broad[standard.half_pulses] - broad[0]
    assert field_s == pytest.approx(standard.frame_s / 2)  # interlaced: half a line between the fields
    assert (field_s / standard.line_s) % 1 == pytest.approx(0.5)
    gaps = np.diff(np.append(starts, starts[0] + standard.frame_s))
    halves = gaps / standard.line_s * 2
    assert np.allclose(halves, np.round(halves))
    assert set(np.round(halves)) == {1.0, 2.0}


@pytest.mark.parametrize("name", ["pal", "ntsc", "lte 5"])
def test_loops_join(name: str) -> None:
    variants, rate_hz, _ = waves(name)
    wave = variants[0]
    around = np.concatenate((wave[-64:], wave[:64]))
    jump = np.abs(np.diff(around))
    assert jump[63] <= 1.5 * np.abs(np.diff(wave[:100_000])).max()
    if name != "lte 5":
        assert np.abs(frequency(around, rate_hz)).max() < 5e6


def test_picture_level_changes_the_swing_but_not_the_sync() -> None:
    swings = []
    for level in (0.0, 1.0):
        made = scene(f'kind = "fm_video"\npicture = {level}\n' + AT)
        emitter = made.emitters[0]
        assert isinstance(emitter, FmVideo)
        f = frequency(emitter.waveforms(30.72e6, made.dice[0])[0][:300_000], 30.72e6)
        swings.append(np.percentile(f, 99.5) - np.percentile(f, 1))
        assert np.percentile(f, 20) - np.percentile(f, 3) > 0.25 * emitter.deviation_hz_per_v
    assert swings[1] > 2 * swings[0]


def test_lora_chirps_rise_at_the_slope_of_their_settings() -> None:
    variants, rate_hz, _ = waves("elrs 250")
    symbol = 64 / 812.5e3
    preamble = variants[0][: round(14 * symbol * rate_hz)]
    n = round(symbol * rate_hz)
    f = frequency(preamble[n : 2 * n], rate_hz)
    inner = slice(n // 10, -n // 10)
    slope, _ = np.polyfit(np.arange(len(f))[inner] / rate_hz, f[inner], 1)
    assert slope == pytest.approx(812.5e3**2 / 64, rel=0.02)
    tail = variants[0][round((18 + 0.1) * symbol * rate_hz) : round((18 + 0.9) * symbol * rate_hz)]
    down, _ = np.polyfit(np.arange(len(tail) - 1) / rate_hz, frequency(tail, rate_hz), 1)
    assert down == pytest.approx(-(812.5e3**2) / 64, rel=0.02)
    # every payload symbol, dechirped, is one tone
    payload = variants[0][round(20.25 * symbol * rate_hz) :]
    t = np.arange(n) / rate_hz
    against = np.exp(-1j * np.pi * (812.5e3**2 / 64) * t**2)
    for k in range(10):
        at = round(k * symbol * rate_hz)
        tone = np.abs(np.fft.fft(payload[at : at + n] * against, 8 * n))
        assert tone.max() / n > 0.45  # a symbol folds once: at worst half of it on either side


@pytest.mark.parametrize(("packet_hz", "air_us"), [(500, 1665), (250, 3300), (150, 5871), (50, 10798)])
def test_elrs_2g4_air_times_are_the_published_ones(packet_hz: int, air_us: float) -> None:
    row = RATES_2G4[packet_hz]
    made = frame(812.5e3, row.spreading, row.preamble, 8, row.coded, sx128x=True)
    assert made.air_s * 1e6 == pytest.approx(air_us, rel=0.01)
    assert made.air_s * 1e6 < row.interval_us


@pytest.mark.parametrize(("packet_hz", "air_us"), [(200, 4380), (100, 8770), (50, 18560), (25, 29950)])
def test_elrs_900_air_times_are_the_published_ones(packet_hz: int, air_us: float) -> None:
    row = RATES_900[packet_hz]
    made = frame(500e3, row.spreading, row.preamble, 8, row.coded, sx128x=False)
    assert made.air_s * 1e6 == pytest.approx(air_us, rel=0.01)


@pytest.mark.parametrize(("name", "deviation_hz"), [("bluetooth", 160e3), ("ble", 250e3), ("fsk", 50e3)])
def test_fsk_deviation(name: str, deviation_hz: float) -> None:
    variants, rate_hz, _ = waves(name)
    f = frequency(max(variants, key=len), rate_hz)[200:-200]
    assert np.percentile(np.abs(f), 98) == pytest.approx(deviation_hz, rel=0.03)
    assert abs(np.mean(f > 0) - 0.5) < 0.1


def test_zigbee_chips_are_the_standards() -> None:
    made = scene('kind = "zigbee"\n' + AT)
    wave = made.emitters[0].waveforms(32e6, made.dice[0])[0]  # 16 samples a chip
    preamble = wave[: 8 * 32 * 16]
    assert at_lag(preamble[100:-100], 32 * 16) > 0.99  # symbol 0 eight times: period 16 µs
    # IEEE 802.15.4-2020 table 12-1, symbol 0; even chips on I at their middle, odd on Q
    chips = "11011001110000110101001000101110"
    start = 32 * 16
    values = [wave[start + k * 16 + 16].real if k % 2 == 0 else wave[start + k * 16 + 16].imag for k in range(32)]
    assert "".join("1" if v > 0 else "0" for v in values) == chips


def test_ook_is_on_or_off() -> None:
    variants, rate_hz, _ = waves("ook")
    level = np.abs(variants[0])
    assert len(level) / rate_hz == pytest.approx(500e-6)
    assert np.mean(level > 0.9 * level.max()) > 0.9
    assert level[0] < 0.01
