"""What gives each emission away, measured on its waveform: prefixes, sequences, spreading, sweeps, hop sets, timing."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from air import at_lag, frequency, scene
from numpy.typing import NDArray

from ndefender.radio.scene import truth
from ndefender.radio.scene.emitter import Burst, Emitter, alive
from ndefender.radio.scene.waves.elrs import DOMAINS, FULL_2G4, FULL_900
from ndefender.radio.scene.waves.lora import frame
from ndefender.radio.scene.waves.rc_link import PROTOCOLS, RcLink
from ndefender.radio.scene.waves.sik import Sik
from ndefender.radio.scene.waves.wifi_b import BARKER, scrambled
from ndefender.units import NS_PER_S

RECORDED = Path(__file__).parents[5] / "shared" / "data" / "iq" / "droneid_burst_synthetic.sigmf-data"


def waves(text: str, rate_hz: float, center_hz: float = 1e9) -> list[NDArray[np.complex64]]:
    made = scene(f"{text}\ncenter_hz = {center_hz}\nlevel_dbfs = -20")
    return made.emitters[0].waveforms(rate_hz, made.dice[0])


def bursts(text: str, stop_s: float, center_hz: float = 1e9) -> tuple[Emitter, list[Burst]]:
    made = scene(f"{text}\ncenter_hz = {center_hz}\nlevel_dbfs = -20")
    return made.emitters[0], sorted(alive(made.emitters[0], made.dice[0], 0, round(stop_s * NS_PER_S)))


def zadoff_chu_symbol(root: int) -> NDArray[np.complex128]:
    """Root over 601 points, the middle one left out, on the 600 carriers around DC; written here from its formula."""
    n = np.arange(601)
    sequence = np.exp(-1j * np.pi * root * n * (n + 1) / 601)
    spectrum = np.zeros(1024, complex)
    spectrum[1:301] = sequence[301:]
    spectrum[-300:] = sequence[:300]
    return np.fft.ifft(spectrum)


def match(wave: NDArray[np.complexfloating], symbol: NDArray[np.complex128]) -> tuple[int, float]:
    """Place and normalised height of the best match."""
    found = np.abs(np.correlate(wave, symbol, "valid"))
    at = int(np.argmax(found))
    piece = wave[at : at + symbol.size]
    return at, float(found[at] / np.linalg.norm(piece) / np.linalg.norm(symbol))


def test_droneid_symbols_prefixes_and_roots() -> None:
    wave = waves('kind = "droneid"', 15.36e6)[0]
    prefixes = [80, 72, 72, 72, 72, 72, 72, 72, 80]
    assert len(wave) == pytest.approx(9880, abs=17)
    at = 0
    for i, prefix in enumerate(prefixes):
        head, tail = wave[at + 12 : at + prefix], wave[at + 1024 + 12 : at + 1024 + prefix]
        same = np.abs(np.vdot(head, tail)) / np.linalg.norm(head) / np.linalg.norm(tail)
        assert same > 0.97, i
        at += prefix + 1024
    starts = np.cumsum([prefix + 1024 for prefix in prefixes]) - 1024
    for symbol, root in ((4, 600), (6, 147)):
        place, height = match(wave, zadoff_chu_symbol(root))
        assert place == starts[symbol - 1]
        assert height > 0.98
    assert match(wave, zadoff_chu_symbol(601 - 147))[1] < 0.3  # another root correlates nowhere
    spectrum = np.abs(np.fft.fft(wave[starts[0] : starts[0] + 1024]))
    assert spectrum[0] < 0.1 * np.median(spectrum[1:301])  # empty DC


def test_droneid_without_its_first_symbol() -> None:
    emitter, found = bursts('kind = "droneid"\nsymbols = 8\nhops_hz = [0.0, 1.5e7]', 13.0)
    assert {burst.duration_ns for burst in found} == {round(8776 / 15.36e6 * 1e9)}
    assert set(np.diff([burst.start_ns for burst in found])) == {640_000_000}
    assert [burst.offset_hz for burst in found[:4]] == [0.0, 15e6, 0.0, 15e6]
    assert emitter.reach_hz == (0.0, 15e6)


@pytest.mark.skipif(not RECORDED.exists(), reason="no recordings beside the project")
def test_droneid_symbols_lie_where_an_independent_generator_puts_them() -> None:
    other = np.fromfile(RECORDED, np.complex64)
    mine = waves('kind = "droneid"', 15.36e6)[0]
    gaps = []
    for wave in (other, mine):
        places = [match(wave, zadoff_chu_symbol(root)) for root in (600, 147)]
        assert all(height > 0.9 for _, height in places)
        gaps.append(places[1][0] - places[0][0])
    assert gaps[0] == gaps[1] == 2 * (1024 + 72)


@pytest.mark.parametrize(
    ("text", "rate_hz", "lag_s", "share"),
    [
        ('kind = "hdzero"', 51.2e6, 40e-6, 1 / 17),
        ('kind = "hdzero"\nbandwidth_mhz = 17', 51.2e6, 40e-6, 1 / 17),
        ('kind = "walksnail"', 61.44e6, 1 / 60e3, 1 / 9),
        ('kind = "walksnail"\nbandwidth_mhz = 40', 61.44e6, 1 / 60e3, 1 / 9),
        ('kind = "ocusync"\nbandwidth_mhz = 40', 61.44e6, 1 / 15e3, 0.0667),
    ],
)
def test_cyclic_prefix_of_digital_video(text: str, rate_hz: float, lag_s: float, share: float) -> None:
    wave = waves(text, rate_hz)[0][: round(4e-3 * rate_hz)]
    lag = round(lag_s * rate_hz)
    assert at_lag(wave, lag) == pytest.approx(share, rel=0.2)
    for other in (lag // 2, lag + 37, round(3.2e-6 * rate_hz), round(12.8e-6 * rate_hz)):
        assert at_lag(wave, other) < share / 2


def test_ocusync_remote_hops_each_half_frame_with_lte_symbols() -> None:
    _, found = bursts('kind = "ocusync_remote"', 1.0, 2405e6)
    assert set(np.diff([burst.start_ns for burst in found])) == {5_000_000}
    assert {burst.duration_ns for burst in found} == {1_000_000}
    assert len({burst.offset_hz for burst in found[:35]}) == 35
    wave = waves('kind = "ocusync_remote"', 15.36e6, 2405e6)[0]
    at = 0
    for i in range(14):
        prefix = 80 if i % 7 == 0 else 72
        head, tail = wave[at + 20 : at + prefix], wave[at + 1024 + 20 : at + 1024 + prefix]
        assert np.abs(np.vdot(head, tail)) / np.linalg.norm(head) / np.linalg.norm(tail) > 0.97, i
        at += prefix + 1024
    n = np.arange(71)
    reference = np.resize(np.exp(-1j * np.pi * 25 * n * (n + 1) / 71), 72)
    start = 3 * (1024 + 72) + 8 + 72  # the fourth symbol; the first prefix is 80 samples
    carriers = np.fft.fftshift(np.fft.fft(wave[start : start + 1024]))[512 - 36 : 512 + 36]
    assert np.abs(np.vdot(carriers, reference)) / np.linalg.norm(carriers) / np.sqrt(72) > 0.98


def test_walksnail_frames() -> None:
    _, found = bursts('kind = "walksnail"', 0.1)
    down = [burst for burst in found if burst.gain_db == 0.0]
    up = [burst for burst in found if burst.gain_db == -6.0]
    assert abs(len(down) - len(up)) <= 1
    assert set(np.diff([burst.start_ns for burst in down])) == {4_000_000}
    assert {burst.duration_ns for burst in down} == {3_450_000}
    assert {burst.duration_ns for burst in up} == {225_000}


def test_dsss_header_despreads_to_scrambled_ones_and_the_delimiter() -> None:
    rate_hz = 44e6  # four samples a chip
    wave = waves('kind = "wifi_b"', rate_hz)[0]
    symbols = np.array([
        np.dot(wave[2 + 44 * k : 2 + 44 * k + 44 : 4], BARKER) for k in range(192)
    ])  # fmt: skip
    edge = np.abs(symbols).mean() / 11 / np.abs(wave[2 : 2 + 44 * 192 : 4]).mean()
    assert edge > 0.97  # all eleven chips add up
    bits = (np.real(symbols[1:] * np.conj(symbols[:-1])) < 0).astype(np.int8)  # DBPSK: a one turns by 180°
    register = [int(b) for b in bits[:7][::-1]]  # self-synchronising descrambler
    plain = []
    for bit in bits[7:]:
        plain.append(int(bit) ^ register[3] ^ register[6])
        register = [int(bit), *register[:6]]
    ones = 128 - 1 - 7
    assert plain[:ones] == [1] * ones
    assert plain[ones : ones + 16] == [(0xF3A0 >> i) & 1 for i in range(16)]
    assert list(scrambled(np.ones(7, np.int8))) != [1] * 7


def test_dsss_packets_have_the_lengths_of_their_rates() -> None:
    _, found = bursts('kind = "wifi_b"\nload = 1.0', 1.0)
    air_us = {burst.variant: burst.duration_ns / 1000 for burst in found}
    assert air_us[0] == 192 + 60 * 8
    assert air_us[3] == 192 + 450 * 4
    assert air_us[7] == pytest.approx(192 + 1500 * 8 / 11, abs=0.5)
    assert air_us[10] == 192 + 112
    rate_hz = 44e6
    cck = waves('kind = "wifi_b"', rate_hz)[7]
    chips = cck[2::4][11 * 192 :]
    turns = np.angle(chips / chips[0]) / (np.pi / 2)
    assert np.abs(turns - np.round(turns)).max() < 0.25  # the chips of CCK are QPSK


@pytest.mark.parametrize(
    ("text", "body_us", "prefix_us"),
    [
        ('phy = "n"', 3.2, 0.8),
        ('phy = "n"\nbandwidth_mhz = 40', 3.2, 0.8),
        ('phy = "ac"\nbandwidth_mhz = 80', 3.2, 0.8),
        ('phy = "ax"', 12.8, 0.8),
        ('phy = "ax"\nguard_ns = 3200\nbandwidth_mhz = 40', 12.8, 3.2),
    ],
)
def test_wifi_generations_differ_in_their_symbols(text: str, body_us: float, prefix_us: float) -> None:
    rate_hz = 160e6
    packet = max(waves(f'kind = "wifi_wide"\n{text}', rate_hz)[:8], key=len)
    step = round(0.8e-6 * rate_hz)
    assert at_lag(packet[100 : round(7.9e-6 * rate_hz)], step) > 0.99  # the legacy short training
    assert at_lag(packet[round(9.6e-6 * rate_hz) : round(15.9e-6 * rate_hz)], 4 * step) > 0.99
    data = packet[round(60e-6 * rate_hz) :]
    share = prefix_us / (body_us + prefix_us)
    assert at_lag(data, round(body_us * 1e-6 * rate_hz)) == pytest.approx(share, rel=0.2)
    assert at_lag(data, round((16.0 - body_us) * 1e-6 * rate_hz)) < 0.05


def test_injected_packets_come_at_a_fixed_pace_without_answers() -> None:
    _, found = bursts('kind = "wifi_wide"\nphy = "n"\ninjection = true', 1.0)
    assert set(np.diff([burst.start_ns for burst in found])) == {2_400_000}
    assert {burst.duration_ns for burst in found} == {1_200_000}


@pytest.mark.parametrize(
    ("domain", "channels", "step_hz"),
    [
        ("ISM2G4", 80, 1.0e6),
        ("EU868", 13, 525.0e3),
        ("FCC915", 40, 600.0e3),
        ("AU915", 20, 600.0e3),
        ("IN866", 4, 525.0e3),
        ("EU433", 3, 675.0e3),
        ("AU433", 3, 500.0e3),
        ("US433", 8, 4.75e6 / 7),
    ],
)
def test_elrs_visits_every_channel_of_its_domain(domain: str, channels: int, step_hz: float) -> None:
    text = f'kind = "elrs"\ndomain = "{domain}"\npacket_hz = 50'
    emitter, found = bursts(text, 0.02 * 4 * channels * 1.2, DOMAINS[domain].first_hz)
    offsets = sorted({round(burst.offset_hz) for burst in found})
    assert offsets == [round(step_hz * i) for i in range(channels)]
    assert emitter.reach_hz[1] == pytest.approx(offsets[-1])


def test_elrs_flrc_is_gmsk_and_hops_every_second_packet() -> None:
    text = 'kind = "elrs"\nmode = "flrc"\npacket_hz = 1000'
    _, found = bursts(text, 1.0, 2400.4e6)
    assert set(np.diff([burst.start_ns for burst in found])) == {1_000_000}
    runs = [len(list(group)) for _, group in itertools.groupby(burst.offset_hz for burst in found)]
    assert set(runs[1:-1]) == {2}
    assert found[0].duration_ns == pytest.approx(389_000, rel=0.01)  # as published
    f = frequency(waves(text, 20.8e6, 2400.4e6)[0], 20.8e6)[200:-200]
    assert np.percentile(np.abs(f), 95) == pytest.approx(650e3 / 4, rel=0.03)


@pytest.mark.parametrize(("packet_hz", "air_us"), [(333, 2374), (100, 7605)])
def test_elrs_full_air_times_are_the_published_ones(packet_hz: int, air_us: float) -> None:
    row = FULL_2G4[packet_hz]
    made = frame(812.5e3, row.spreading, row.preamble, row.octets, row.coded, sx128x=True)
    assert made.air_s * 1e6 == pytest.approx(air_us, rel=0.002)
    slow = FULL_900[100]
    made = frame(500e3, slow.spreading, slow.preamble, slow.octets, slow.coded, sx128x=False)
    assert made.air_s * 1e6 == pytest.approx(6690, rel=0.002)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_hobby_links_keep_their_hop_set_and_period(name: str) -> None:
    plan = PROTOCOLS[name]
    emitter, found = bursts(f'kind = "rc_link"\nprotocol = "{name}"', 1.0, plan.first_hz)
    assert isinstance(emitter, RcLink)
    starts = np.array([burst.start_ns for burst in found])
    steps = np.diff((0, *plan.at_ns[1:], plan.period_ns)) if len(plan.at_ns) > 1 else [plan.period_ns]
    assert set(np.diff(starts)) == set(steps)
    channels = np.array([round(burst.offset_hz / plan.spacing_hz) for burst in found])
    used = np.unique(channels)
    assert len(used) == plan.channels
    assert np.diff(used).min() >= plan.gap
    assert np.array_equal(channels[: plan.channels], channels[plan.channels : 2 * plan.channels])
    assert plan.first_hz + used[-1] * plan.spacing_hz < 2481e6
    f = frequency(waves(f'kind = "rc_link"\nprotocol = "{name}"', 20 * plan.symbol_hz, plan.first_hz)[0], 1.0)
    f *= 20 * plan.symbol_hz
    assert np.percentile(np.abs(f[200:-200]), 97) == pytest.approx(plan.deviation_hz, rel=0.05)


@pytest.mark.parametrize("name", ["dsmx", "fasst"])
def test_direct_sequence_words_are_turns_of_two_codes(name: str) -> None:
    plan = PROTOCOLS[name]
    rate_hz = 16 * plan.symbol_hz
    wave = waves(f'kind = "rc_link"\nprotocol = "{name}"', rate_hz, plan.first_hz)[0]
    chips = np.sign(frequency(wave, rate_hz)[8::16])[: plan.bits // 64 * 64].reshape(-1, 64)[1:]
    turns = np.fft.fft(chips, axis=1)
    alike = np.abs(np.fft.ifft(turns[:, np.newaxis] * np.conj(turns[np.newaxis]), axis=2).real).max(axis=2) / 64
    # each word is, turned and up to a sign, one of two
    first = alike[0] > 0.9
    second = alike[int(np.argmin(first))] > 0.9
    assert np.all(first ^ second)
    assert 2 < first.sum() < len(chips) - 2


def test_crossfire_frames() -> None:
    _, found = bursts('kind = "crossfire"', 2.0, 863e6)
    up = [burst for burst in found if burst.gain_db == 0.0]
    down = [burst for burst in found if burst.gain_db < 0.0]
    assert np.diff([burst.start_ns for burst in up]).mean() * 150 == pytest.approx(1e9, rel=1e-6)
    assert {round(burst.offset_hz / 260e3) for burst in up} == set(range(26))
    assert [b.offset_hz for b in up[:9]] == [b.offset_hz for b in down[:9]]
    assert all(a.offset_hz != b.offset_hz for a, b in itertools.pairwise(up))
    f = frequency(waves('kind = "crossfire"', 1.702e6, 863e6)[0], 1.702e6)[100:-100]
    assert np.percentile(np.abs(f), 97) == pytest.approx(42.55e3, rel=0.03)
    _, slow = bursts('kind = "crossfire"\nframe_hz = 50', 2.0, 863e6)
    assert set(np.diff([burst.start_ns for burst in slow])) == {20_000_000}
    chirp = waves('kind = "crossfire"\nframe_hz = 50', 4e6, 863e6)[0][1100:2000]
    slope, _ = np.polyfit(np.arange(len(chirp) - 1) / 4e6, frequency(chirp, 4e6), 1)
    assert slope == pytest.approx(250e3**2 / 64, rel=0.02)


def test_sik_ends_take_turns_on_one_channel_a_window() -> None:
    emitter, found = bursts('kind = "sik"\nload = 1.0', 20.0, 915e6)
    assert isinstance(emitter, Sik)
    window_ns = emitter.window_ns
    runs = [list(group) for _, group in itertools.groupby(found, key=lambda burst: (burst.offset_hz, burst.gain_db))]
    for group in runs[1:-1]:
        assert 1 <= len(group) <= 3
        assert group[-1].start_ns + group[-1].duration_ns - group[0].start_ns < window_ns
    assert {group[0].gain_db for group in runs} == {0.0, -6.0}
    assert len({burst.offset_hz for burst in found}) == 50
    assert window_ns <= 131_000_000


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_microwave_is_gated_by_the_mains_and_sweeps(mains_hz: int) -> None:
    text = f'kind = "microwave"\nmains_hz = {mains_hz}\nsweep_hz = 1e7'
    _, found = bursts(text, 1.0, 2455e6)
    assert np.diff([burst.start_ns for burst in found]).mean() == pytest.approx(1e9 / mains_hz, rel=1e-6)
    assert found[0].duration_ns == pytest.approx(0.45e9 / mains_hz, rel=1e-6)
    rate_hz = 30.72e6
    wave = waves(text, rate_hz, 2455e6)[0]
    n = len(wave)
    f = [np.median(frequency(wave[round(p * n) : round(p * n) + 20_000], rate_hz)) for p in (0.1, 0.3, 0.49, 0.7, 0.88)]
    assert f[0] < f[1] < f[2] > f[3] > f[4]
    assert f[2] == pytest.approx(5e6, abs=1e6)
    middle = np.abs(wave[n // 3 : 2 * n // 3])
    assert middle.std() / middle.mean() < 0.05  # between the transients a carrier of steady amplitude
    edge = np.abs(wave[4000 : 4000 + round(2e-4 * rate_hz)])
    assert edge.std() / edge.mean() > 3 * middle.std() / middle.mean()


def test_radar_pulses_pass_by_and_come_again() -> None:
    text = 'kind = "radar"\nrotation_s = 0.5'
    _, found = bursts(text, 5.0, 5.6e9)
    starts = np.array([burst.start_ns for burst in found])
    inner = np.diff(starts)[np.diff(starts) < 10_000_000]
    assert set(inner) == {round(1e9 / 700)}
    assert {burst.duration_ns for burst in found} == {1000}
    made = scene(f"{text}\ncenter_hz = 5.6e9\nlevel_dbfs = -20")
    passes = truth(made, 0.0, 5.0, 5.5e9, 5.7e9)
    assert len(passes) == 10
    assert passes[0].duration_s == pytest.approx(17 / 700 + 1e-6, rel=1e-6)
    assert len(found) == 18 * len(passes)
    chirp = waves('kind = "radar"\npulse_s = 20e-6\nchirp_hz = 4e6', 40e6, 5.6e9)[0]
    slope, _ = np.polyfit(np.arange(len(chirp) - 1) / 40e6, frequency(chirp, 40e6), 1)
    assert slope == pytest.approx(4e6 / 20e-6, rel=0.01)
