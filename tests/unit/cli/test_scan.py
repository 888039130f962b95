"""`scan`: what reaches the analysis, and that nothing but JSON lines reaches standard output."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ndefender.cli import scan as scan_command
from ndefender.cli.main import cli
from ndefender.cli.scan import WatchedRecording, progress
from ndefender.config.settings import Settings


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the analysis by one that reads the recording and tells what it was given."""
    calls: list[Any] = []

    def analyse(source: WatchedRecording, settings: Settings, emissions: bool) -> Iterator[bytes]:
        info = source.open()
        samples = np.empty((1000, 2), np.int16)
        meta = source.read_into(samples, 1.0)
        calls.extend([info, meta, settings, emissions])
        source.close()
        yield b'{"line":1}\n'
        yield b'{"line":2}'

    monkeypatch.setattr(scan_command, "scan", analyse)
    return calls


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "air.cs16"
    np.arange(4000, dtype="<i2").tofile(path)
    return path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["scan", *(str(argument) for argument in arguments)])


def test_standard_output_is_json_lines(seen: list[Any], raw: Path) -> None:
    result = invoke(raw, "--format", "cs16", "--rate-hz", "1e6", "--center-hz", "868e6")
    assert result.exit_code == 0, result.output
    assert [json.loads(line) for line in result.stdout.splitlines()] == [{"line": 1}, {"line": 2}]
    assert result.stdout.endswith("\n")
    info, meta, _, emissions = seen
    assert (info.min_rate_hz, info.min_center_hz, meta.no_center, emissions) == (1e6, 868e6, False, False)


def test_a_raw_file_without_a_centre_gives_offsets(seen: list[Any], raw: Path) -> None:
    assert invoke(raw, "--format", "cs16", "--rate-hz", "1e6", "--emissions").exit_code == 0
    _, meta, _, emissions = seen
    assert (meta.no_center, emissions) == (True, True)


def test_the_lines_go_to_a_file_too(seen: list[Any], raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    result = invoke(raw, "--format", "cs16", "--rate-hz", "1e6", "--jsonl", out)
    assert result.exit_code == 0
    assert out.read_text() == result.stdout == '{"line":1}\n{"line":2}\n'


def test_the_configuration_is_used(seen: list[Any], raw: Path, tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[dsp]\nn_fft = 1024\n")
    assert invoke(raw, "--format", "cs16", "--rate-hz", "1e6", "--config", config).exit_code == 0
    assert isinstance(seen[2], Settings)
    assert seen[2].dsp.n_fft == 1024


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rate-hz", "1e6"], "need --format"),
        (["--center-hz", "1e6"], "need --format"),
        (["--format", "cs16"], "needs --rate-hz"),
    ],
)
def test_options_that_do_not_go_together(raw: Path, arguments: list[str], words: str) -> None:
    result = invoke(raw, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("absent.sigmf-meta", []),
        ("absent.cs16", ["--format", "cs16", "--rate-hz", "1e6"]),
        ("air.cs16", ["--format", "xyz", "--rate-hz", "1"]),
    ],
)
def test_a_recording_that_cannot_be_read_is_one_line(raw: Path, name: str, arguments: list[str]) -> None:
    result = invoke(raw.with_name(name), *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("ndefender: ")
    assert name in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_recording_tells_how_far_it_is(raw: Path) -> None:
    source = WatchedRecording.raw(raw, "cs16", 1e6, None)
    assert isinstance(source, WatchedRecording)
    told: list[tuple[int, int]] = []
    source.on_read = lambda done, total: told.append((done, total))
    source.open()
    out = np.empty((1500, 2), np.int16)
    source.read_into(out, 1.0)
    source.read_into(out, 1.0)
    source.close()
    assert told == [(1500, 2000), (2000, 2000)]


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("air") as report:
        assert report is not None
        report(500, 1000)
    assert "air" in terminal.getvalue()
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    with progress("air") as report:
        assert report is None
    assert pipe.getvalue() == ""
