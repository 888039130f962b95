"""`check-config` and the TOML it prints."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ndefender.cli.main import cli
from ndefender.cli.toml import to_toml
from ndefender.config.settings import (
    AntsdrApiSettings,
    BandSettings,
    LogSettings,
    RadioSettings,
    Settings,
    TrackerSettings,
)

text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False)


@given(
    uri=text,
    rate_hz=number,
    origins=st.lists(text, max_size=3),
    ttl=st.dictionaries(text.filter(bool), number, max_size=3),
    plans=st.dictionaries(text.filter(bool), st.lists(st.tuples(text, number), min_size=1, max_size=2), max_size=2),
)
def test_what_is_printed_reads_back_as_the_same_settings(
    uri: str,
    rate_hz: float,
    origins: list[str],
    ttl: dict[str, float],
    plans: dict[str, list[tuple[str, float]]],
) -> None:
    settings = Settings(
        radio=RadioSettings(uri=uri, rate_hz=rate_hz),
        plan={name: [BandSettings(band, start, start) for band, start in bands] for name, bands in plans.items()},
        tracker=TrackerSettings(ttl_by_class_s=ttl),
        api=AntsdrApiSettings(allowed_origins=origins),
    )
    assert msgspec.convert(tomllib.loads(to_toml(msgspec.to_builtins(settings))), Settings) == settings


def test_a_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NDEFENDER_API__API_KEY", "hush-hush")
    result = CliRunner().invoke(cli, ["check-config"])
    assert result.exit_code == 0, result.output
    assert "hush-hush" not in result.output
    assert 'api_key = "***"' in result.stdout


def test_check_config_shows_file_environment_and_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[log]\nfolder = "here"\nmax_files = 3\n', encoding="utf-8")
    monkeypatch.setenv("NDEFENDER_LOG__MAX_FILES", "5")
    result = CliRunner().invoke(cli, ["check-config", str(path)])
    assert result.exit_code == 0, result.output
    log = tomllib.loads(result.stdout)["log"]
    assert (log["folder"], log["max_files"], log["fsync_s"]) == ("here", 5, LogSettings().fsync_s)


def test_check_config_takes_the_file_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[log]\nmax_files = 3\n", encoding="utf-8")
    monkeypatch.setenv("NDEFENDER_CONFIG", str(path))
    result = CliRunner().invoke(cli, ["check-config"])
    assert tomllib.loads(result.stdout)["log"]["max_files"] == 3


def test_check_config_takes_the_file_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[log]\nmax_files = 4\n", encoding="utf-8")
    monkeypatch.delenv("NDEFENDER_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["check-config"])
    assert tomllib.loads(result.stdout)["log"]["max_files"] == 4


def test_check_config_without_a_file_shows_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NDEFENDER_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["check-config"])
    assert tomllib.loads(result.stdout)["radio"]["uri"] == RadioSettings().uri


def test_check_config_names_every_setting_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[api]\nport = 'eighty'\n[log]\nmax_files = -1\n", encoding="utf-8")
    result = CliRunner().invoke(cli, ["check-config", str(path)])
    assert (result.exit_code, result.stdout) == (78, "")
    assert "api.port: " in result.stderr
    assert "log.max_files: " in result.stderr


def test_check_config_of_a_file_that_is_not_there() -> None:
    result = CliRunner().invoke(cli, ["check-config", "/no/such/file.toml"])
    assert result.exit_code == 2
