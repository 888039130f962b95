"""Phase noise, echoes and slow fading: their statistics, and that the truth follows them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from air import power_db, samples, scene
from scipy import signal

from ndefender.errors import SceneError
from ndefender.radio.scene import truth
from ndefender.radio.scene.chance import Dice
from ndefender.radio.scene.channel import fade_db, hop_gain_db, impaired
from ndefender.radio.scene.render import Renderer

RATE_HZ = 3.84e6
TONE = 'kind = "tone"\ncenter_hz = 1e9\nlevel_dbfs = -20\n'
NOISE = 'kind = "noise_burst"\nbandwidth_hz = 3e6\nperiod_s = 0.01\nair_s = 0.008\ncenter_hz = 1e9\nlevel_dbfs = -20\n'
HOPPER = 'kind = "gfsk_fhss"\ncenter_hz = 2404e6\nlevel_dbfs = -20\n'


@pytest.mark.parametrize("level_dbc_hz", [-90.0, -105.0])
def test_phase_noise_has_its_density_and_slope(level_dbc_hz: float) -> None:
    made = scene(TONE + f"phase_noise_dbc_hz = {level_dbc_hz}\n")
    emitter = made.emitters[0]
    wave = impaired(emitter, [np.ones(1 << 21, np.complex64)], made.dice[0], RATE_HZ)[0]
    assert np.abs(wave).std() < 1e-4  # only the phase moves
    assert abs(np.angle(wave[0] * np.conj(wave[-1]))) < 0.05  # a loop joins
    f, p = signal.welch(wave, RATE_HZ, window="blackmanharris", nperseg=1 << 15, return_onesided=False, detrend=False)
    for at_hz, falls_db in ((50e3, 6.0), (100e3, 0.0), (200e3, -6.0)):
        near = np.abs(np.abs(f) - at_hz) < 0.03 * at_hz
        assert 10 * math.log10(p[near].mean()) == pytest.approx(level_dbc_hz + falls_db, abs=1.0)


def test_a_looped_tone_with_phase_noise_joins_in_the_renderer() -> None:
    made = scene(TONE + "phase_noise_dbc_hz = -90.0\n")
    x = samples(Renderer(made), 0, 200_000, 1e9, RATE_HZ, 3.5e6)
    steps = np.angle(x[1:] * np.conj(x[:-1]))
    assert np.abs(steps).max() < 8 * steps.std()  # the seams of the loop are steps like any other
    assert power_db(x) == pytest.approx(-20.0, abs=0.05)


def test_echoes_have_the_delay_spread_and_the_rice_factor_asked_for() -> None:
    wanted_s, k_db = 0.5e-6, 3.0
    direct, late, delay, square = 0.0, 0.0, 0.0, 0.0
    for seed in range(200):
        made = scene(TONE.replace("tone", "radar") + f"delay_spread_s = {wanted_s}\nrician_k_db = {k_db}\n", seed=seed)
        impulse = np.zeros(64, np.complex64)
        impulse[0] = 1.0
        h = np.abs(impaired(made.emitters[0], [impulse], made.dice[0], 61.44e6)[0]) ** 2
        direct += h[0]
        t = np.arange(1, len(h)) / 61.44e6
        late += h[1:].sum()
        delay += np.dot(h[1:], t)
        square += np.dot(h[1:], t**2)
    assert 10 * math.log10(direct / late) == pytest.approx(k_db, abs=1.2)
    spread_s = math.sqrt(square / late - (delay / late) ** 2)
    assert spread_s == pytest.approx(wanted_s, rel=0.15)


def test_echoes_keep_the_level_and_notch_the_band() -> None:
    made = scene(NOISE + "delay_spread_s = 1e-6\nrician_k_db = -10\n", seed=4)
    plain = scene(NOISE, seed=4)
    shapes = []
    for one in (made, plain):
        wave = impaired(one.emitters[0], one.emitters[0].waveforms(RATE_HZ, one.dice[0]), one.dice[0], RATE_HZ)[0]
        _, p = signal.welch(wave, RATE_HZ, nperseg=64, return_onesided=False, detrend=False)
        shapes.append(np.ptp(10 * np.log10(p[np.abs(np.fft.fftfreq(64)) < 0.35])))
        original = one.emitters[0].waveforms(RATE_HZ, one.dice[0])[0]
        assert np.vdot(wave, wave).real == pytest.approx(np.vdot(original, original).real, rel=1e-3)
        assert 0 <= len(wave) - len(original) < 12e-6 * RATE_HZ + 64
    assert shapes[0] > shapes[1] + 4.0


def test_a_hopping_link_fades_from_channel_to_channel_and_the_truth_says_so() -> None:
    made = scene(HOPPER + "delay_spread_s = 0.3e-6\nrician_k_db = 0\n", seed=2)
    rows = truth(made, 0.0, 0.5, 2.4e9, 2.48e9)
    levels = {row.center_hz: row.level_dbfs for row in rows}
    assert np.ptp(list(levels.values())) > 3.0
    renderer = Renderer(made)
    for row in rows[:12]:
        inner = round((row.start_s + 0.2e-3) * 1e9)
        x = samples(renderer, inner, 8000, row.center_hz, 3.84e6, 3.5e6)
        assert power_db(x) == pytest.approx(row.level_dbfs, abs=0.3)
    mean = np.mean([10 ** (hop_gain_db(made.emitters[0], Dice(seed), 20e6) / 10) for seed in range(4000)])
    assert mean == pytest.approx(1.0, rel=0.05)


def test_fading_is_slow_near_gaussian_and_follows_the_truth() -> None:
    made = scene(TONE + "fading_db = 5.0\nfading_hz = 2.0\n", seed=9)
    emitter, dice = made.emitters[0], made.dice[0]
    t = np.arange(0.0, 2000.0, 0.05)
    level = np.array([fade_db(emitter, dice, x) for x in t])
    assert level.mean() == pytest.approx(0.0, abs=0.2)
    assert level.std() == pytest.approx(5.0, rel=0.03)
    assert np.abs(np.diff([fade_db(emitter, dice, x) for x in np.arange(0.0, 4.0, 0.01)])).max() < 1.7
    renderer = Renderer(made)
    powers = []
    for start_s in (0.3, 0.7, 1.3, 2.9):
        rows = truth(made, start_s, start_s + 0.02, 0.9e9, 1.1e9)
        x = samples(renderer, round(start_s * 1e9), round(0.02 * RATE_HZ), 1e9, RATE_HZ, 3.5e6)
        powers.append(power_db(x))
        assert powers[-1] == pytest.approx(rows[0].level_dbfs, abs=0.1)
    assert np.ptp(powers) > 2.0


def test_fading_does_not_depend_on_the_chunks() -> None:
    made = scene(TONE + "fading_db = 8.0\nfading_hz = 50.0\n", NOISE + "fading_db = 6.0\nfading_hz = 20.0\n")
    renderer = Renderer(made)
    n = 60_000
    whole = samples(renderer, 0, n, 1e9, RATE_HZ, 3.5e6)
    pieces = [
        samples(renderer, round(at / RATE_HZ * 1e9), min(7001, n - at), 1e9, RATE_HZ, 3.5e6) for at in range(0, n, 7001)
    ]
    assert np.array_equal(np.concatenate(pieces), whole)


def test_without_impairments_nothing_is_touched() -> None:
    made = scene(HOPPER)
    waves = made.emitters[0].waveforms(RATE_HZ, made.dice[0])
    assert impaired(made.emitters[0], waves, made.dice[0], RATE_HZ) is waves
    assert hop_gain_db(made.emitters[0], made.dice[0], 3e6) == 0.0
    assert fade_db(made.emitters[0], made.dice[0], 1.0) == 0.0


@pytest.mark.parametrize(
    "text",
    ["phase_noise_dbc_hz = -20", "delay_spread_s = 1.0", "fading_db = 40", "fading_hz = 1e4", "rician_k_db = 90"],
)
def test_limits_are_named(text: str) -> None:
    with pytest.raises(SceneError, match=text.split(maxsplit=1)[0]):
        scene(TONE + text)
