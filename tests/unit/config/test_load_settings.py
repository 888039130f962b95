from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.config.check import BAND_RANGES, RANGES
from ndefender.config.load import ConfigProblems, default_toml, describe, find_config, load_settings
from ndefender.config.settings import AntsdrApiSettings, BandSettings, RadioSettings, Settings
from ndefender.errors import ConfigError

TOP = Path(__file__).parents[3]
PLAN = '[[plan.default]]\nname = "a"\nstart_hz = 1e9\nstop_hz = 1.1e9\n'


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No config.toml in the working folder unless a test puts one there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ndefender.config.load.SEARCH", (Path("config.toml"), tmp_path / "etc" / "config.toml"))


def problems(path: Path | None = None, **environ: str) -> dict[str, str]:
    with pytest.raises(ConfigProblems) as caught:
        load_settings(path, environ)
    return {problem.path: problem.reason for problem in caught.value.problems}


def write(text: str, name: str = "mine.toml") -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def scalars(struct: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, object]]:
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from scalars(field.type, f"{prefix}{field.name}.")
        elif field.name != "plan" or prefix:
            yield (
                f"{prefix}{field.name}",
                field.default if field.default_factory is msgspec.NODEFAULT else (field.default_factory()),
            )


def test_the_file_at_the_top_is_the_built_in_one() -> None:
    assert (TOP / "config.toml").read_bytes() == default_toml()


def test_the_file_states_every_setting_with_its_default() -> None:
    raw = tomllib.loads(default_toml().decode())
    stated = {
        f"{table}.{name}": value for table, values in raw.items() if table != "plan" for name, value in values.items()
    }
    assert stated == dict(scalars(Settings))
    assert {name: type(value) for name, value in stated.items()} == {n: type(v) for n, v in scalars(Settings)}


def test_every_line_of_the_file_is_explained() -> None:
    table_lines = [line for line in default_toml().decode().splitlines() if line and not line.startswith(("#", "["))]
    names = {line.split(" = ")[0] for line in table_lines}
    assert {field.name for field in msgspec.structs.fields(BandSettings)} <= names


def test_every_number_has_a_range_and_every_band_field_too() -> None:
    numbers = {
        name for name, value in scalars(Settings) if isinstance(value, int | float) and value not in (True, False)
    }
    numbers |= {name for name, value in scalars(Settings) if type(value) in (int, float)}
    assert set(RANGES) == numbers
    fields = msgspec.structs.fields(BandSettings)
    assert set(BAND_RANGES) == {field.name for field in fields if field.type is float}


def test_the_built_in_default_needs_no_file() -> None:
    settings = load_settings(None, {})
    assert settings.radio == RadioSettings()
    assert settings.api == AntsdrApiSettings()


def test_the_default_plan_watches_the_named_bands_long_enough() -> None:
    bands = {band.name: band for band in load_settings(None, {}).plan["default"]}
    spans = {name: (band.start_hz / 1e6, band.stop_hz / 1e6) for name, band in bands.items()}
    assert spans == {
        "433": (433.05, 434.79),
        "868": (863.0, 870.0),
        "915": (902.0, 928.0),
        "1G2": (1080.0, 1360.0),
        "2G4": (2400.0, 2500.0),
        "5G2": (5150.0, 5250.0),
        "5G4": (5350.0, 5635.0),
        "5G8": (5635.0, 5960.0),
    }
    assert all(band.dwell_s >= (0.01 if name in ("868", "915", "2G4") else 0.005) for name, band in bands.items())
    assert {name: band.priority for name, band in bands.items() if band.priority != 1.0} == {"5G4": 0.25}


def test_the_given_file_comes_first_then_here_then_etc(tmp_path: Path) -> None:
    assert find_config(None) is None
    write("[api]\nport = 3\n", "etc/config.toml")
    assert load_settings(None, {}).api.port == 3
    write("[api]\nport = 2\n", "config.toml")
    assert load_settings(None, {}).api.port == 2
    assert load_settings(write("[api]\nport = 1\n"), {}).api.port == 1


def test_what_a_file_leaves_out_stays_at_its_default() -> None:
    settings = load_settings(write("[radio]\nuri = 'ip:10.0.0.2'\n"), {})
    assert settings.radio == RadioSettings(uri="ip:10.0.0.2")
    assert len(settings.plan["default"]) == 8


def test_plans_of_a_file_replace_the_built_in_ones() -> None:
    settings = load_settings(write(PLAN), {})
    assert settings.plan == {"default": [BandSettings("a", 1e9, 1.1e9)]}


def test_numbers_may_be_written_as_integers() -> None:
    settings = load_settings(write("[radio]\nrate_hz = 20_000_000\nbandwidth_hz = 18000000\n"), {})
    assert settings.radio.rate_hz == 20e6
    assert isinstance(settings.radio.rate_hz, float)


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("NDEFENDER_RADIO__URI", "ip:10.0.0.2", "radio.uri", "ip:10.0.0.2"),
        ("NDEFENDER_RADIO__TIMEOUT_S", "2", "radio.timeout_s", 2.0),
        ("NDEFENDER_DSP__FALSE_ALARMS_PER_DWELL", "1e-3", "dsp.false_alarms_per_dwell", 1e-3),
        ("NDEFENDER_API__PORT", "9000", "api.port", 9000),
        ("NDEFENDER_API__API_KEY", "12345678", "api.api_key", "12345678"),
        ("NDEFENDER_SCAN__AUTOSTART", "false", "scan.autostart", False),
        ("NDEFENDER_API__ALLOWED_HOSTS", '["a.local"]', "api.allowed_hosts", ["a.local"]),
        ("NDEFENDER_TRACKER__TTL_BY_CLASS_S", '{"WiFi/OFDM": 30}', "tracker.ttl_by_class_s", {"WiFi/OFDM": 30.0}),
    ],
)
def test_the_environment_wins_over_the_file(name: str, text: str, path: str, value: object) -> None:
    table, _, leaf = path.partition(".")
    settings = load_settings(write("[api]\nport = 1\n[radio]\nuri = 'ip:1.1.1.1'\n"), {name: text, "PATH": "x"})
    got = getattr(getattr(settings, table), leaf)
    assert got == value
    assert type(got) is type(value)


def test_a_plan_may_come_from_the_environment() -> None:
    text = '{"default": [{"name": "x", "start_hz": 1e9, "stop_hz": 1.1e9}]}'
    assert [band.name for band in load_settings(None, {"NDEFENDER_PLAN": text}).plan["default"]] == ["x"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("NDEFENDER_RADIO__URL", "x", "unknown; did you mean uri?"),
        ("NDEFENDER_RADIOS__URI", "x", "no table 'radios': unknown; did you mean radio?"),
        ("NDEFENDER_RADIO", "x", "is a table; set NDEFENDER_RADIO__NAME instead"),
        ("NDEFENDER_", "x", "unknown; known here: radio, scan"),
        ("NDEFENDER_API__PORT", "many", "'many': Expected `int`"),
        ("NDEFENDER_SCAN__AUTOSTART", "perhaps", "Expected `bool`"),
        ("NDEFENDER_API__ALLOWED_HOSTS", "a.local", "'a.local': JSON is malformed"),
    ],
)
def test_a_wrong_variable_is_named(name: str, text: str, reason: str) -> None:
    assert reason in problems(None, **{name: text})[name]


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("[radio]\nrate = 1\n", "radio.rate", "unknown; did you mean rate_hz?"),
        ("[zzz]\na = 1\n", "zzz", "unknown; known here: radio, scan, plan"),
        ("radio = 3\n", "radio", "must be a table, is int"),
        ("[radio]\nrate_hz = 'fast'\n", "radio.rate_hz", "'fast': expected `float`, got `str`"),
        ("[api]\nport = true\n", "api.port", "expected `int`, got `bool`"),
        ("[api]\nport = 1.5\n", "api.port", "expected `int`, got `float`"),
        ("[api]\nallowed_hosts = 'a'\n", "api.allowed_hosts", "expected `array`"),
        ("[api]\nallowed_hosts = ['a', 3]\n", "api.allowed_hosts[1]", "expected `str`"),
        ("[tracker.ttl_by_class_s]\nWiFi = 'x'\n", "tracker.ttl_by_class_s.WiFi", "expected `float`"),
        ("[[plan.default]]\nname = 'a'\nstart_hz = 1e9\n", "plan.default[0].stop_hz", "missing"),
        (PLAN + "gain = 3\n", "plan.default[0].gain", "unknown; did you mean gain_db?"),
        ("plan = 3\n", "plan", "expected `object`"),
        ("[plan]\ndefault = 3\n", "plan.default", "expected `array`"),
    ],
)
def test_a_wrong_shape_is_named(text: str, path: str, reason: str) -> None:
    found = problems(write(text))
    assert reason in found[path]
    assert len(found) == 1  # and nothing that only follows from it


def test_all_problems_are_reported_together() -> None:
    path = write(
        "[radio]\nrate_hz = 'x'\nuri = 'tcp:1'\n[api]\nport = 70000\n[dsp]\nfft = 3\nn_fft = 1000\n" + PLAN * 2
    )
    found = problems(path, NDEFENDER_X="1", NDEFENDER_LOG__MAX_FILES="0")
    assert set(found) == {
        "NDEFENDER_X",
        "radio.rate_hz",
        "radio.uri",
        "api.port",
        "dsp.fft",
        "dsp.n_fft",
        "log.max_files",
        "plan.default[1].name",
    }
    with pytest.raises(ConfigError, match=r"mine\.toml: 7 problems\n") as caught:
        load_settings(path, {"NDEFENDER_X": "1"})
    assert all(f"\n  {one}: " in str(caught.value) for one in set(found) - {"log.max_files"})


@pytest.mark.parametrize("content", [b"[radio\n", b"a = \xff\n", b"x"])
def test_what_is_no_toml_is_said(content: bytes) -> None:
    Path("mine.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.toml: not valid TOML"):
        load_settings(Path("mine.toml"), {})


def test_a_missing_file_is_an_error_only_if_it_was_named() -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load_settings(Path("none.toml"), {})


def test_a_key_of_the_wrong_type_is_not_shown() -> None:
    assert "99887766" not in problems(write("[api]\napi_key = 99887766\n"))["api.api_key"]


def test_the_key_is_masked_in_the_description() -> None:
    settings = load_settings(None, {"NDEFENDER_API__API_KEY": "open-sesame"})
    described = describe(settings)
    assert "open-sesame" not in repr(described)
    assert described["api"] == {**msgspec.to_builtins(settings.api), "api_key": "***"}
    assert described["radio"] == msgspec.to_builtins(settings.radio)


@given(st.dictionaries(st.sampled_from(sorted(RANGES)), st.floats(0.0, 1.0), max_size=5))
def test_whatever_lies_in_its_range_passes_its_range(shares: dict[str, float]) -> None:
    environ = {}
    for path, share in shares.items():
        low, high = RANGES[path]
        value = low + share * (high - low)
        whole = isinstance(dict(scalars(Settings))[path], int)
        environ["NDEFENDER_" + path.upper().replace(".", "__")] = str(round(value)) if whole else repr(value)
    try:
        load_settings(None, environ)
    except ConfigProblems as error:  # rules between settings may still object
        assert not any("is outside" in problem.reason for problem in error.problems)
