"""`scan --emissions` against the truth made by eye: README.md beside this file says how it was made."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from golden import make_truth

from ndefender.config.settings import Settings
from ndefender.dsp.config import frame_for_rate
from ndefender.radio.recording import RecordingSource
from ndefender.runtime.offline import BLOCK_SAMPLES, scan

DATA = Path(__file__).parents[3] / "shared" / "data" / "iq"
TRUTH: dict[str, dict[str, Any]] = tomllib.loads(make_truth.TRUTH.read_text())
VIDEO = "fpv_ntsc_5925mhz"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not at ../shared/data")


@dataclass(frozen=True, slots=True)
class Span:
    """A packet or an emission: µs from the recording's start, MHz from its centre."""

    start_us: float
    stop_us: float
    center_mhz: float
    bandwidth_mhz: float

    def common_us(self, other: Span) -> float:
        return max(0.0, min(self.stop_us, other.stop_us) - max(self.start_us, other.start_us))

    @property
    def length_us(self) -> float:
        return self.stop_us - self.start_us

    def __str__(self) -> str:
        return (
            f"{self.start_us:.1f}..{self.stop_us:.1f} us at {self.center_mhz:+.3f} MHz, {self.bandwidth_mhz:.3f} wide"
        )


def packets_of(name: str) -> list[Span]:
    return [
        Span(row["start_us"], row["stop_us"], row["center_mhz"], row["bandwidth_mhz"]) for row in TRUTH[name]["packets"]
    ]


def emissions_of(name: str) -> list[Span]:
    found = []
    for line in scan(RecordingSource(DATA / f"{name}.sigmf-meta"), Settings(), emissions=True):
        one = json.loads(line)
        start_us = one["start_s"] * 1e6
        center_mhz = one["center_hz"] / 1e6 - TRUTH[name]["center_mhz"]
        found.append(Span(start_us, start_us + one["duration_s"] * 1e6, center_mhz, one["bandwidth_hz"] / 1e6))
    return found


def frame_of(name: str) -> tuple[int, float]:
    """Samples and microseconds of one frame of the scan."""
    rate_hz, length_us = TRUTH[name]["rate_hz"], TRUTH[name]["length_us"]
    n_fft = frame_for_rate(rate_hz, min(BLOCK_SAMPLES, round(length_us * rate_hz * 1e-6)))
    return n_fft, n_fft / rate_hz * 1e6


def assign(packets: list[Span], emissions: list[Span]) -> list[list[Span]]:
    """Every emission to the packet it fits best in time: of those that share half of the shorter one's time with it,
    the centre of one lying in the other's band. An emission over two packets leaves one of them without.
    """
    taken: list[list[Span]] = [[] for _ in packets]
    for emission in emissions:
        best, best_fit = -1, 0.0
        for index, packet in enumerate(packets):
            common_us = packet.common_us(emission)
            in_band = (
                abs(emission.center_mhz - packet.center_mhz) <= max(packet.bandwidth_mhz, emission.bandwidth_mhz) / 2
            )
            if not in_band or common_us < 0.5 * min(packet.length_us, emission.length_us):
                continue
            fit = common_us / (packet.length_us + emission.length_us - common_us)
            if fit > best_fit:
                best, best_fit = index, fit
        if best >= 0:
            taken[best].append(emission)
    return taken


def faults_of(packets: list[Span], emissions: list[Span], frame_us: float) -> list[str]:
    faults = []
    for packet, found in zip(packets, assign(packets, emissions), strict=True):
        if len(found) != 1:
            faults.append(f"{packet}: {len(found)} emissions " + "; ".join(map(str, found)))
            continue
        if abs(found[0].center_mhz - packet.center_mhz) > packet.bandwidth_mhz / 2:
            faults.append(f"{packet}: centre out of its band: {found[0]}")
        allowed_us = max(2 * frame_us, 0.05 * packet.length_us)
        start_us, stop_us = found[0].start_us - packet.start_us, found[0].stop_us - packet.stop_us
        if max(abs(start_us), abs(stop_us)) > allowed_us:
            faults.append(f"{packet}: start {start_us:+.1f}, stop {stop_us:+.1f}, allowed {allowed_us:.1f} us")
    return faults


@pytest.mark.parametrize("name", TRUTH)
def test_every_packet_is_one_emission(name: str) -> None:
    n_fft, frame_us = frame_of(name)
    packets = packets_of(name)
    assert 2 * frame_us <= min(packet.length_us for packet in packets), "frames too long for the shortest packet"
    faults = faults_of(packets, emissions_of(name), frame_us)
    head = f"{name}, frame {n_fft} samples, {frame_us:.1f} us: {len(faults)} of {len(packets)} packets\n"
    assert not faults, head + "\n".join(faults)


def test_video_is_one_emission_as_long_as_the_recording() -> None:
    found = emissions_of(VIDEO)
    assert len(found) == 1, "\n".join(map(str, found))
    two_frames_us = 2 * frame_of(VIDEO)[1]
    assert found[0].start_us <= two_frames_us
    assert found[0].stop_us >= TRUTH[VIDEO]["length_us"] - two_frames_us
    assert abs(found[0].center_mhz + TRUTH[VIDEO]["center_mhz"] - 5925.0) <= 0.3
    assert 5.0 <= found[0].bandwidth_mhz <= 8.0


def test_truth_is_what_its_script_makes() -> None:
    made = tomllib.loads(make_truth.table(DATA))
    assert made.keys() == TRUTH.keys()
    for name, recording in TRUTH.items():
        assert {**made[name], "packets": []} == {**recording, "packets": []}
        for new, old in zip(made[name]["packets"], recording["packets"], strict=True):
            edges = {key: pytest.approx(old[key], abs=0.02) for key in ("start_us", "stop_us")}
            assert new == {**old, **edges}


def test_faults_are_seen() -> None:
    packets = [Span(100.0, 200.0, 0.0, 2.0), Span(210.0, 300.0, 0.0, 2.0)]
    assert faults_of(packets, packets, 5.0) == []
    late = Span(100.0, 211.0, 0.0, 2.0)
    assert "stop +11.0, allowed 10.0" in faults_of(packets, [late, packets[1]], 5.0)[0]
    both = Span(100.0, 300.0, 0.0, 2.0)
    assert len(faults_of(packets, [both], 5.0)) == 2
    pieces = [Span(100.0, 150.0, 0.0, 2.0), Span(150.0, 200.0, 0.0, 2.0), packets[1]]
    assert "2 emissions" in faults_of(packets, pieces, 5.0)[0]
    off = Span(100.0, 200.0, 1.5, 4.0)
    assert "out of its band" in faults_of(packets, [off, packets[1]], 5.0)[0]
    click = Span(100.0, 103.0, 1.5, 8.0)
    assert "2 emissions" in faults_of(packets, [*packets, click], 5.0)[0]
    beside = Span(100.0, 200.0, 1.5, 2.0)
    assert "0 emissions" in faults_of(packets, [beside, packets[1]], 5.0)[0]
