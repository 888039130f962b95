"""What every newer generator must hold: declared bandwidth, power, envelope, burst lengths, schedule, path, limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from air import scene
from numpy.typing import NDArray

from ndefender.errors import SceneError
from ndefender.radio.scene.emitter import Burst, Emitter, alive
from ndefender.radio.scene.waves.rc_link import PROTOCOLS
from ndefender.units import NS_PER_S

# TOML, sample rate, centre, constant envelope
KINDS: dict[str, tuple[str, float, float, bool]] = {
    "droneid": ('kind = "droneid"', 30.72e6, 1e9, False),
    "droneid 8": ('kind = "droneid"\nsymbols = 8', 15.36e6, 1e9, False),
    "hdzero": ('kind = "hdzero"', 40.96e6, 1e9, False),
    "hdzero narrow": ('kind = "hdzero"\nbandwidth_mhz = 17', 30.72e6, 1e9, False),
    "walksnail": ('kind = "walksnail"', 30.72e6, 1e9, False),
    "walksnail 40": ('kind = "walksnail"\nbandwidth_mhz = 40', 61.44e6, 1e9, False),
    "ocusync 40": ('kind = "ocusync"\nbandwidth_mhz = 40', 61.44e6, 1e9, False),
    "remote": ('kind = "ocusync_remote"', 7.68e6, 2405e6, False),
    "lte 20": ('kind = "lte"\nbandwidth_mhz = 20\nload = 1.0', 40.96e6, 1e9, False),
    "dsss": ('kind = "wifi_b"', 30.72e6, 1e9, False),
    "n 20": ('kind = "wifi_wide"\nphy = "n"', 40e6, 1e9, False),
    "ac 40": ('kind = "wifi_wide"\nphy = "ac"\nbandwidth_mhz = 40', 80e6, 1e9, False),
    "ac 80": ('kind = "wifi_wide"\nphy = "ac"\nbandwidth_mhz = 80', 122.88e6, 1e9, False),
    "ax 20": ('kind = "wifi_wide"', 40e6, 1e9, False),
    "ax 80": ('kind = "wifi_wide"\nbandwidth_mhz = 80\nguard_ns = 3200', 122.88e6, 1e9, False),
    "injection": ('kind = "wifi_wide"\nphy = "n"\ninjection = true', 40e6, 1e9, False),
    "flrc": ('kind = "elrs"\nmode = "flrc"\npacket_hz = 1000', 7.68e6, 2400.4e6, True),
    "full 333": ('kind = "elrs"\nmode = "full"\npacket_hz = 333', 7.68e6, 2400.4e6, True),
    "full 433": ('kind = "elrs"\nmode = "full"\ndomain = "EU433"\npacket_hz = 100', 3.84e6, 433.1e6, True),
    "crossfire 150": ('kind = "crossfire"', 1.92e6, 863e6, True),
    "crossfire 50": ('kind = "crossfire"\nframe_hz = 50\nband = "915"', 1.92e6, 902.2e6, True),
    "tracer": ('kind = "crossfire"\nframe_hz = 250\nband = "2G4"', 7.68e6, 2400.5e6, True),
    "lora": ('kind = "lora_link"\noctets = 8\nperiod_s = 0.4', 0.96e6, 1e9, True),
    "sik 64": ('kind = "sik"', 1.92e6, 915e6, True),
    "sik 250": ('kind = "sik"\nair_kbit = 250', 3.84e6, 915e6, True),
    "microwave": ('kind = "microwave"', 30.72e6, 2455e6, False),
    "microwave 60": ('kind = "microwave"\nmains_hz = 60\nsweep_hz = 2e7', 40.96e6, 2455e6, False),
    "radar": ('kind = "radar"\nrotation_s = 0.5', 30.72e6, 5.6e9, False),
    "chirped radar": ('kind = "radar"\nrotation_s = 0.5\npulse_s = 25e-6\nchirp_hz = 5e6', 30.72e6, 5.6e9, False),
} | {
    name: (f'kind = "rc_link"\nprotocol = "{name}"', 15.36e6 if row.occupied_hz > 5e5 else 1.92e6, row.first_hz, True)
    for name, row in PROTOCOLS.items()
}  # fmt: skip
LOOPS = {"hdzero", "hdzero narrow", "lte 20"}


def waves(name: str, seed: int = 1) -> tuple[Emitter, list[NDArray[np.complex64]], float]:
    text, rate_hz, center_hz, _ = KINDS[name]
    made = scene(f"{text}\ncenter_hz = {center_hz}\nlevel_dbfs = -20", seed=seed)
    return made.emitters[0], made.emitters[0].waveforms(rate_hz, made.dice[0]), rate_hz


def bursts(name: str, start_s: float, stop_s: float, seed: int = 1) -> list[Burst]:
    text, _, center_hz, _ = KINDS[name]
    made = scene(f"{text}\ncenter_hz = {center_hz}\nlevel_dbfs = -20", seed=seed)
    return sorted(alive(made.emitters[0], made.dice[0], round(start_s * NS_PER_S), round(stop_s * NS_PER_S)))


def occupied_of_all(variants: list[NDArray[np.complex64]], rate_hz: float) -> tuple[float, float]:
    """Centre and width of 99 % of the energy of all variants together, each with its own whole spectrum."""
    size = 1 << max(16, (max(map(len, variants)) - 1).bit_length())
    power = sum(np.abs(np.fft.fftshift(np.fft.fft(wave, size))) ** 2 for wave in variants)
    share = np.cumsum(power) / np.sum(power)
    low, high = np.interp([0.005, 0.995], share, np.fft.fftshift(np.fft.fftfreq(size, 1.0 / rate_hz)))
    return float(low + high) / 2, float(high - low)


@pytest.mark.parametrize("name", KINDS)
def test_occupied_bandwidth_power_and_envelope(name: str) -> None:
    emitter, variants, rate_hz = waves(name)
    longest = max(variants, key=len)
    if "ac" in name or "ax" in name or name.startswith("n ") or name == "walksnail":
        variants = [longest]  # beacons and answers are narrower, or short
    center_hz, width_hz = occupied_of_all(variants, rate_hz)
    assert width_hz == pytest.approx(emitter.occupied_hz, rel=0.12 if "radar" in name or "microwave" in name else 0.05)
    assert abs(center_hz) < 0.04 * width_hz
    for wave in variants:
        assert wave.dtype == np.complex64
        assert np.mean(np.abs(wave) ** 2) == pytest.approx(1.0, rel=1e-3)
        assert np.abs(wave).max() < 5.4  # what a bank can hold
        if KINDS[name][3]:
            inner = np.abs(wave[len(wave) // 20 : -len(wave) // 20])
            assert inner.std() / inner.mean() < 0.02
    assert emitter.occupied_hz < emitter.span_hz < rate_hz * 1.7


@pytest.mark.parametrize("name", sorted(set(KINDS) - LOOPS))
def test_bursts_are_as_long_as_their_waveforms_and_one_at_a_time(name: str) -> None:
    emitter, variants, rate_hz = waves(name)
    found = bursts(name, 0.0, 1.5)
    assert len(found) >= 2
    for burst in found:
        length_s = len(variants[burst.variant]) / rate_hz
        assert length_s == pytest.approx(burst.duration_ns * 1e-9, abs=max(1.6e-6, 2 / rate_hz))
        assert emitter.reach_hz[0] <= burst.offset_hz <= emitter.reach_hz[1]
    for a, b in itertools.pairwise(found):
        assert a.start_ns + a.duration_ns <= b.start_ns


@pytest.mark.parametrize("name", sorted(set(KINDS) - LOOPS))
def test_any_stretch_can_be_asked_for_first(name: str) -> None:
    whole = bursts(name, 0.0, 1.5)
    pieces: set[Burst] = set()
    for a, b in itertools.pairwise([0.0, 0.31, 0.3101, 0.9, 1.5]):
        pieces |= set(bursts(name, a, b))
    assert sorted(pieces) == whole
    assert bursts(name, 0.0, 1.5, seed=2) != whole


@pytest.mark.parametrize("name", sorted(LOOPS))
def test_loops_join(name: str) -> None:
    _, variants, _ = waves(name)
    around = np.concatenate((variants[0][-8:], variants[0][:8]))
    assert np.abs(np.diff(around))[7] <= np.abs(np.diff(variants[0])).max()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kind = "crossfire"\nframe_hz = 250\nband = "868"\ncenter_hz = 863e6', "frame_hz 250"),
        ('kind = "wifi_wide"\nphy = "n"\nbandwidth_mhz = 80\ncenter_hz = 5.5e9', "bandwidth_mhz 80"),
        ('kind = "rc_link"\nprotocol = "dsmx"\ncenter_hz = 2.4e9', "center_hz 2400000000 is not channel 0"),
        ('kind = "elrs"\nmode = "flrc"\ndomain = "EU868"\ncenter_hz = 863.275e6', "EU868 as flrc"),
        ('kind = "elrs"\nmode = "full"\ncenter_hz = 2400.4e6', "[100, 333]"),
        ('kind = "lora_link"\nspreading = 12\nperiod_s = 0.5\ncenter_hz = 868e6', "period_s 0.5"),
        ('kind = "lora_link"\nspreading = 12\nperiod_s = 5.0\ncenter_hz = 868e6', "longest that is stored"),
        ('kind = "radar"\npulse_s = 1e-3\ninterval_s = 5e-4\ncenter_hz = 5.6e9', "pulse_s"),
        ('kind = "radar"\nrotation_s = 0.02\ncenter_hz = 5.6e9', "rotation_s"),
        ('kind = "microwave"\nduty = 0.9\ncenter_hz = 2.45e9', "duty"),
    ],
)
def test_fields_that_contradict_each_other_are_named(text: str, says: str) -> None:
    with pytest.raises(SceneError) as caught:
        scene(f"{text}\nlevel_dbfs = -40")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("droneid", ("Digital", "DroneID", "DJI")),
        ("hdzero", ("Digital", "Video", "HDZero")),
        ("walksnail", ("Digital", "Video", "Walksnail")),
        ("remote", ("Control", "OFDM", "DJI")),
        ("dsss", ("WiFi", "DSSS")),
        ("injection", ("WiFi", "OFDM")),
        ("flrc", ("Control", "FHSS")),
        ("full 333", ("Control", "LoRa", "ELRS")),
        ("crossfire 150", ("Control", "FHSS")),
        ("tracer", ("Control", "LoRa")),
        ("dsmx", ("Control", "FHSS")),
        ("microwave", ("Interference", "Microwave")),
        ("radar", ("Interference", "Radar")),
    ],
)
def test_the_truth_names_the_class(name: str, path: tuple[str, ...]) -> None:
    assert waves_path(name) == path


def waves_path(name: str) -> tuple[str, ...]:
    text, _, center_hz, _ = KINDS[name]
    return scene(f"{text}\ncenter_hz = {center_hz}\nlevel_dbfs = -20").emitters[0].path


@pytest.mark.parametrize(
    ("name", "carriers", "spacing_hz"),
    [
        ("droneid", 601, 15e3),
        ("hdzero", 1080, 25e3),
        ("hdzero narrow", 680, 25e3),
        ("walksnail", 301, 60e3),
        ("walksnail 40", 601, 60e3),
        ("ocusync 40", 2401, 15e3),
        ("remote", 72, 15e3),
        ("lte 20", 1201, 15e3),
        ("n 20", 57, 312.5e3),  # 802.11-2020 table 19-6: 56 and DC
        ("ac 40", 117, 312.5e3),  # table 21-5: 114 and three around DC
        ("ac 80", 245, 312.5e3),  # 242 and three
        ("ax 20", 245, 78.125e3),  # 802.11ax-2021 table 27-15: 242 and three
        ("ax 80", 1001, 78.125e3),  # 996 and five
    ],
)
def test_ofdm_has_as_many_carriers_as_its_source_says(name: str, carriers: int, spacing_hz: float) -> None:
    _, variants, rate_hz = waves(name)
    _, width_hz = occupied_of_all([max(variants, key=len)], rate_hz)
    assert width_hz / 0.99 / spacing_hz == pytest.approx(carriers, rel=0.012)
