"""`record`: bursts of a radio into a SigMF pair."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from ndefender.cli import record as record_command
from ndefender.cli.main import cli
from ndefender.errors import SourceLost
from ndefender.radio.source import BlockMeta, GainLimits, SourceInfo, Tuning

RATE_HZ = 1e6
TUNING = Tuning(
    center_hz=868e6,
    rate_hz=RATE_HZ,
    bandwidth_hz=RATE_HZ,
    gain_mode="manual",
    gain_db=40.0,
    rx_port="",
    dwell_samples=1000,
)


class CountingRadio:
    """Gives samples that count up; `script` says what happens instead at some reads."""

    def __init__(self, script: dict[int, BaseException] | None = None) -> None:
        self.script = script or {}
        self.reads = 0
        self.sample = 0
        self.tunings: list[Tuning] = []

    def open(self) -> SourceInfo:
        return SourceInfo(
            "antsdr",
            "ip:nowhere",
            "board",
            "",
            70e6,
            6e9,
            1e6,
            61e6,
            56e6,
            full_scale=2048.0,
            simulated=True,
            finite=False,
        )

    def tune(self, tuning: Tuning) -> Tuning:
        self.tunings.append(tuning)
        return tuning

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        self.reads += 1
        if self.reads in self.script:
            raise self.script[self.reads]
        n = len(out)
        out[:, 0] = np.arange(self.sample, self.sample + n)
        out[:, 1] = 7
        first, self.sample = self.sample, self.sample + n
        return BlockMeta(first, n, first * 1000, 0, first * 1000, TUNING, 0, contiguous=False, source_epoch=1)

    def gain_limits(self) -> GainLimits:
        return GainLimits(0.0, 70.0)

    def temperature_c(self) -> float | None:
        return None

    def close(self) -> None:
        """Nothing to release."""


def test_a_recording_is_not_replaced_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_command, "AntSdr", lambda *_: CountingRadio())
    options = ["record", str(tmp_path / "air"), "--uri", "ip:nowhere", "--center-hz", "868e6", "--rate-hz", "1e6"]
    assert CliRunner().invoke(cli, [*options, "--duration-s", "0.001"]).exit_code == 0
    again = CliRunner().invoke(cli, [*options, "--duration-s", "0.002"])
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    replaced = CliRunner().invoke(cli, [*options, "--duration-s", "0.002", "--overwrite"])
    assert replaced.exit_code == 0
    assert "2000 samples" in replaced.stderr


def test_what_was_asked_for_reaches_the_radio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    radio = CountingRadio()
    monkeypatch.setattr(record_command, "AntSdr", lambda *_: radio)
    options = ["--uri", "ip:nowhere", "--center-hz", "433.9e6", "--rate-hz", "1e6", "--gain-mode", "slow_attack"]
    result = CliRunner().invoke(cli, ["record", str(tmp_path / "air"), *options, "--duration-s", "0.05"])
    assert result.exit_code == 0, result.output
    asked = radio.tunings[0]
    assert (asked.center_hz, asked.rate_hz, asked.bandwidth_hz, asked.gain_mode) == (433.9e6, 1e6, 1e6, "slow_attack")
    iq = np.fromfile(tmp_path / "air.sigmf-data", dtype="<i2").reshape(-1, 2)
    assert len(iq) == 50_000


def test_a_radio_that_goes_away_is_said_and_the_rest_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_command, "AntSdr", lambda *_: CountingRadio({3: SourceLost("unplugged")}))
    options = ["--uri", "ip:nowhere", "--center-hz", "868e6", "--rate-hz", "1e6", "--duration-s", "1"]
    result = CliRunner().invoke(cli, ["record", str(tmp_path / "air"), *options])
    assert result.exit_code == 1
    assert result.stderr.endswith("ndefender: ip:nowhere: the radio was lost; what came before is kept\n")
    assert (tmp_path / "air.sigmf-meta").exists()


def test_a_recording_is_no_radio(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["record", str(tmp_path / "x"), "--center-hz", "1e9", "--uri", "file:x.sigmf-meta"]
    )
    assert result.exit_code == 1
    assert result.stderr == "ndefender: radio.uri file:x.sigmf-meta: that is a recording already\n"


def test_the_emulated_radio_is_recorded_and_marked(tmp_path: Path) -> None:
    options = ["--center-hz", "1e9", "--uri", "emulate:tone", "--rate-hz", "2.5e6", "--duration-s", "0.02"]
    result = CliRunner().invoke(cli, ["record", str(tmp_path / "tone"), *options])
    assert result.exit_code == 0, result.output
    assert "50000 samples" in result.stderr
    meta = json.loads((tmp_path / "tone.sigmf-meta").read_text())
    assert meta["global"]["ndefender:simulated"] is True
    assert meta["captures"][0]["core:frequency"] == pytest.approx(1e9, abs=10)
    iq = np.fromfile(tmp_path / "tone.sigmf-data", dtype="<i2")
    assert iq.size == 100_000
    assert np.std(iq.astype(float)) > 1.0
