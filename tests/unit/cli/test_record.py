"""`record`: bursts of a radio into a SigMF pair."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from ndefender.cli.main import cli
from ndefender.cli.record import MAX_TIMEOUTS, record
from ndefender.errors import RecordingError, SourceLost, SourceTimeout
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
        self.open_now = False

    def open(self) -> SourceInfo:
        self.open_now = True
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
        self.open_now = False


def test_there_is_as_much_as_was_asked_for(tmp_path: Path) -> None:
    radio = CountingRadio()
    writer = record(radio, TUNING, tmp_path / "air", 0.0025, 1.0, overwrite=False)
    assert not radio.open_now
    iq = np.fromfile(tmp_path / "air.sigmf-data", dtype="<i2").reshape(-1, 2)
    assert iq[:, 0].tolist() == list(range(2500))
    meta = json.loads((tmp_path / "air.sigmf-meta").read_text())
    assert meta["global"]["core:sample_rate"] == RATE_HZ
    assert [capture["core:sample_start"] for capture in meta["captures"]] == [0, 1000, 2000]  # a burst each
    assert (writer.n_samples, writer.n_captures) == (2500, 3)


def test_a_timeout_is_tried_again(tmp_path: Path) -> None:
    radio = CountingRadio({2: SourceTimeout("slow")})
    assert record(radio, TUNING, tmp_path / "air", 0.002, 1.0, overwrite=False).n_samples == 2000
    assert radio.reads == 3


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({read: SourceTimeout("silent") for read in range(2, 2 + MAX_TIMEOUTS)}, SourceTimeout),
        ({2: SourceLost("unplugged")}, SourceLost),
        ({1: KeyboardInterrupt()}, KeyboardInterrupt),
    ],
)
def test_what_fails_leaves_no_file_and_no_open_radio(
    tmp_path: Path, script: dict[int, BaseException], error: type[BaseException]
) -> None:
    radio = CountingRadio(script)
    with pytest.raises(error):
        record(radio, TUNING, tmp_path / "air", 0.01, 1.0, overwrite=False)
    assert list(tmp_path.iterdir()) == []
    assert not radio.open_now


def test_ctrl_c_keeps_what_is_there(tmp_path: Path) -> None:
    writer = record(CountingRadio({3: KeyboardInterrupt()}), TUNING, tmp_path / "air", 1.0, 1.0, overwrite=False)
    assert writer.n_samples == 2000
    assert writer.meta_path.exists()


def test_a_recording_is_not_replaced_unasked(tmp_path: Path) -> None:
    record(CountingRadio(), TUNING, tmp_path / "air", 0.001, 1.0, overwrite=False)
    with pytest.raises(RecordingError, match="exists already"):
        record(CountingRadio(), TUNING, tmp_path / "air", 0.002, 1.0, overwrite=False)
    assert record(CountingRadio(), TUNING, tmp_path / "air", 0.002, 1.0, overwrite=True).n_samples == 2000


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
