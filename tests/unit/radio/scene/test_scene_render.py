"""The rendered samples: levels, edges, chunks, the receiver's faults, and that nothing aliases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from air import occupied, power_db, raw, samples, scene, spectrum

from ndefender.radio.scene import Renderer, load_scene, truth
from ndefender.radio.scene.waves.tone import following_offset_hz

RATE_HZ = 15.36e6
WIDE_HZ = 14e6
TONE = 'kind = "tone"\ncenter_hz = 1.001e9\nlevel_dbfs = -20\n'
BAND = {"noise_dbfs_hz": -132.0, "impairments": "dc_dbfs = -62\nimage_db = -50\n"}


def test_chunks_join_to_the_bit() -> None:
    texts = (
        'kind = "fm_video"\ncenter_hz = 1.001e9\nlevel_dbfs = -30\n',
        'kind = "wifi"\ncenter_hz = 1.004e9\nlevel_dbfs = -30\nload = 1.0\n',  # cut by the edge: filtered
        'kind = "bluetooth"\ncenter_hz = 0.99e9\nlevel_dbfs = -30\n',
        TONE,
    )
    renderer = Renderer(scene(*texts, **BAND))
    n, start_ns = 60_000, 7_654_321_000
    whole, clipped = raw(renderer, start_ns, n, 1e9, RATE_HZ, WIDE_HZ)
    rng = np.random.default_rng(3)
    cuts = [0, *sorted(rng.integers(1, n, 9).tolist()), n]
    first = (start_ns * 15_360_000 + 500_000_000) // 1_000_000_000
    count = 0
    for a, b in itertools.pairwise(cuts):
        at_ns = (first + a) * 1_000_000_000 // 15_360_000
        part, some = raw(renderer, at_ns, b - a, 1e9, RATE_HZ, WIDE_HZ)
        count += some
        assert np.array_equal(part, whole[a:b]), (a, b)
    assert count == clipped
    again, _ = raw(Renderer(renderer.scene), start_ns, n, 1e9, RATE_HZ, WIDE_HZ)
    assert np.array_equal(again, whole)


def test_fresh_noise_joins_too() -> None:
    renderer = Renderer(scene(extra='noise = "fresh"', **BAND))
    whole, _ = raw(renderer, 0, 20_000, 1e9, RATE_HZ, WIDE_HZ)
    late, _ = raw(renderer, 500_000, 20_000 - 7680, 1e9, RATE_HZ, WIDE_HZ)
    assert np.array_equal(late, whole[7680:])


@pytest.mark.parametrize("gain_db", [20.0, 40.0, 55.0])
@pytest.mark.parametrize(
    "text",
    [
        TONE,
        'kind = "fm_video"\ncenter_hz = 1e9\nlevel_dbfs = -24\n',
        'kind = "lte"\ncenter_hz = 1e9\nlevel_dbfs = -34\n',
    ],
)
def test_levels(text: str, gain_db: float) -> None:
    made = scene(text)
    level = made.emitters[0].level_dbfs + gain_db - 40.0
    x = samples(Renderer(made), 0, 307_200, 1e9, RATE_HZ, WIDE_HZ, gain_db)
    assert power_db(x) == pytest.approx(level, abs=0.3)


@pytest.mark.parametrize("kind", ["wifi", "ocusync", "zigbee"])
def test_levels_and_edges_of_bursts_are_those_of_the_truth(kind: str) -> None:
    made = scene(f'kind = "{kind}"\ncenter_hz = 1e9\nlevel_dbfs = -26\n')
    renderer = Renderer(made)
    rate_hz, n = 61.44e6, 1_228_800
    x = samples(renderer, 5_000_000, n, 1e9, rate_hz, 56e6)
    power = np.abs(x) ** 2
    inside = np.zeros(n, bool)
    for row in truth(made, 0.005, 0.005 + n / rate_hz, 0.9e9, 1.1e9):
        first = round((row.start_s - 0.005) * rate_hz)
        last = round((row.start_s + row.duration_s - 0.005) * rate_hz)
        inside[max(first - 20, 0) : last + 100] = True
        if first > 0 and last < n:
            assert power_db(x[first:last]) == pytest.approx(row.level_dbfs, abs=0.3)
            quarter = 0.03 * power[first:last].mean()
            assert np.argmax(power[first:] > quarter) < 0.5e-6 * rate_hz
            assert np.argmax(power[:last][::-1] > quarter) < 0.5e-6 * rate_hz
    assert inside.any()
    assert not inside.all()
    assert not power[~inside].any()  # without noise, what is off is exactly zero


def test_noise_density_and_shape() -> None:
    for extra in ("", 'noise = "fresh"'):
        renderer = Renderer(scene(extra=extra, noise_dbfs_hz=-115.0))
        x = samples(renderer, 0, 1 << 19, 1e9, 61.44e6, 56e6)
        f, p = spectrum(x, 61.44e6, 512)
        flat = np.abs(f) < 20e6
        assert 10 * np.log10(p[flat].mean()) == pytest.approx(-115.0, abs=0.1)
        assert 10 * np.log10(p[flat]).std() < 0.4
        edge = 10 * np.log10(np.interp([-28e6, 28e6], f, p))
        assert np.all(edge < -118.0)
        assert np.all(edge > -124.0)
        assert 10 * np.log10(np.interp(30.5e6, f, p)) < -135.0
        narrow = samples(renderer, 0, 1 << 18, 1e9, 61.44e6, 10e6)
        f, p = spectrum(narrow, 61.44e6, 512)
        assert 10 * np.log10(np.interp(20e6, f, p)) < -125.0


def test_dc_and_image() -> None:
    made = scene(TONE, impairments="dc_dbfs = -55\nimage_db = -40\n")
    x = samples(Renderer(made), 0, 1 << 18, 1e9, RATE_HZ, WIDE_HZ)
    spectral = np.abs(np.fft.fft(x) / len(x)) ** 2
    step = RATE_HZ / len(x)
    tone, mirror = (10 * np.log10(spectral[round(f / step) % len(x)] + 1e-30) for f in (1e6, -1e6))
    whole = 10 * np.log10(sum(spectral[(round(1e6 / step) + i) % len(x)] for i in range(-40, 41)))
    below = 10 * np.log10(sum(spectral[(round(-1e6 / step) + i) % len(x)] for i in range(-40, 41)))
    assert whole == pytest.approx(-20.0, abs=0.1)
    assert below - whole == pytest.approx(-40.0, abs=0.5)
    assert tone - mirror == pytest.approx(40.0, abs=1.0)
    assert 10 * np.log10(spectral[0]) == pytest.approx(-55.0, abs=1.0)


def test_twelve_bits_and_clipping() -> None:
    renderer = Renderer(scene(TONE.replace("-20", "0"), noise_dbfs_hz=-120.0))
    out, clipped = raw(renderer, 0, 40_000, 1e9, RATE_HZ, WIDE_HZ, 43.0)
    assert out.min() == -2048
    assert out.max() == 2047
    assert clipped == np.count_nonzero(np.any(np.abs(out.astype(np.int32)) >= 2047, axis=1))
    assert 0.3 < clipped / 40_000 < 1.0
    _, none = raw(renderer, 0, 40_000, 1e9, RATE_HZ, WIDE_HZ, 30.0)
    assert none == 0


@pytest.mark.parametrize("center_hz", [0.9985e9, 1e9, 1.0035e9])
def test_a_tone_sits_where_the_local_oscillator_leaves_it(center_hz: float) -> None:
    x = samples(Renderer(scene(TONE + "cfo_hz = 250.0\n")), 123_456_789, 1 << 16, center_hz, RATE_HZ, WIDE_HZ)
    turns = np.angle(x[1:] * np.conj(x[:-1])).mean() / (2 * np.pi)
    assert turns * RATE_HZ == pytest.approx(1.00100025e9 - center_hz, abs=5.0)


def test_phase_is_continuous_for_hours() -> None:
    renderer = Renderer(scene(TONE))
    hours_ns = 5 * 3600 * 1_000_000_000
    early = samples(renderer, 0, 4096, 1e9, RATE_HZ, WIDE_HZ)
    late = samples(renderer, hours_ns, 4096, 1e9, RATE_HZ, WIDE_HZ)
    # 1 MHz for a whole number of seconds: the same phase, but for the converter's rounding
    assert np.abs(early - late).max() < 4 / 2048


def test_the_following_tone_names_the_local_oscillator() -> None:
    renderer = Renderer(load_scene("tone"))
    offsets = set()
    for center_hz in np.arange(100e6, 6e9, 137.123e6):
        x = samples(renderer, 0, 1 << 12, center_hz, RATE_HZ, WIDE_HZ)
        found = np.argmax(np.abs(np.fft.fft(x * np.blackman(len(x)), 1 << 16))) / (1 << 16) * RATE_HZ
        offset_hz = following_offset_hz(center_hz, WIDE_HZ)
        assert found == pytest.approx(offset_hz, abs=300.0)
        assert 0.05 * WIDE_HZ <= offset_hz <= 0.45 * WIDE_HZ
        offsets.add(offset_hz)
    assert len(offsets) == len(np.arange(100e6, 6e9, 137.123e6))
    fine = [following_offset_hz(1e3 * m, 56e6) for m in range(2_400_000, 2_500_000)]
    assert len(set(fine)) == len(fine)


@pytest.mark.parametrize(
    "text",
    [
        'kind = "ocusync"\nlevel_dbfs = -20\n',
        'kind = "fm_video"\nlevel_dbfs = -20\n',
        'kind = "lte"\nlevel_dbfs = -20\n',
    ],
)
@pytest.mark.parametrize("offset_hz", [22e6, 27e6, 30e6, 33e6, -29e6])
def test_nothing_comes_in_at_the_other_edge(text: str, offset_hz: float) -> None:
    made = scene(text + f"center_hz = {1e9 + offset_hz}\n")
    rate_hz = 61.44e6
    x = samples(Renderer(made), 0, 307_200, 1e9, rate_hz, 56e6)
    f, p = spectrum(x, rate_hz, 1024)
    side = np.sign(offset_hz) * f
    other = p[side < 5e6].sum() * (f[1] - f[0])
    assert 10 * np.log10(other + 1e-20) < -20 - 42  # the least that the filter gives right at half the rate
    expected = p[side > 5e6].sum() * (f[1] - f[0])
    half = made.emitters[0].occupied_hz / 2
    if abs(offset_hz) + half < 25e6:
        assert 10 * np.log10(expected) == pytest.approx(-20 - (1.3 if "ocusync" in text else 0.0), abs=0.5)
    if abs(offset_hz) - half < 26e6:
        assert 10 * np.log10(expected) > -36


@pytest.mark.parametrize("rate_hz", [4e6, 10e6, 20e6])
def test_a_receiver_narrower_than_the_emitter_sees_its_part(rate_hz: float) -> None:
    made = scene('kind = "ocusync"\ncenter_hz = 1.002e9\nlevel_dbfs = -20\n')
    bandwidth_hz = 0.9 * rate_hz
    start_ns = round(truth(made, 0.0, 0.02, 0, 6e9)[1].start_s * 1e9) + 10_000
    x = samples(Renderer(made), start_ns, round(3e-3 * rate_hz), 1e9, rate_hz, bandwidth_hz)
    f, p = spectrum(x, rate_hz, 64)
    flat = (np.abs(f) < 0.3 * rate_hz) & (f > -6e6)
    density = 10 * np.log10(np.median(p[flat]))
    assert density == pytest.approx(-20 - 10 * np.log10(1201 * 15e3), abs=0.6)


def test_a_quiet_hop_holds_only_noise() -> None:
    renderer = Renderer(load_scene("urban"))
    x = samples(renderer, 0, 1 << 16, 433e6, 61.44e6, 56e6)
    assert power_db(x) == pytest.approx(-132 + 10 * np.log10(56e6), abs=0.9)


def test_urban_emitters_are_where_the_truth_says() -> None:
    made = load_scene("urban")
    renderer = Renderer(made)
    rate_hz, n = 61.44e6, 614_400
    for name, center_hz in (
        ("pilot R1", 5650e6),
        ("pilot F4", 5790e6),
        ("OFDM downlink", 5750e6),
        ("LTE band 8", 920e6),
    ):
        x = samples(renderer, 2_000_000_000, n, center_hz, rate_hz, 56e6)
        row = next(row for row in truth(made, 2.0, 2.01, center_hz - 25e6, center_hz + 25e6) if row.emitter == name)
        t = np.arange(n) / rate_hz
        base = x * np.exp(-2j * np.pi * (row.center_hz - center_hz) * t)
        kernel = np.abs(np.fft.fftfreq(n, 1 / rate_hz)) < 0.8 * row.bandwidth_hz
        alone = np.fft.ifft(np.fft.fft(base) * kernel)
        middle, width = occupied(alone, rate_hz)
        assert width == pytest.approx(row.bandwidth_hz, rel=0.15)
        assert abs(middle) < 0.05 * row.bandwidth_hz
        first = max(round((row.start_s - 2.0) * rate_hz), 0)
        last = min(round((row.start_s + row.duration_s - 2.0) * rate_hz), n)
        assert power_db(alone[first:last]) == pytest.approx(row.level_dbfs, abs=0.7)
