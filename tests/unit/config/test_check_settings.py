from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from ndefender.config.check import RANGES, find_problems
from ndefender.config.load import default_toml, load_settings
from ndefender.config.settings import BandSettings, Settings

DEFAULT = load_settings(None, {})


def changed(path: str, value: object) -> Settings:
    table, _, leaf = path.partition(".")
    return replace(DEFAULT, **{table: replace(getattr(DEFAULT, table), **{leaf: value})})


def reasons(settings: Settings) -> dict[str, str]:
    found: dict[str, str] = {}
    for problem in find_problems(settings):
        found[problem.path] = f"{found.get(problem.path, '')}{problem.reason}; "
    return found


def test_the_default_is_valid() -> None:
    assert default_toml()
    assert find_problems(DEFAULT) == []


def beyond(path: str) -> list[object]:
    """Values just outside of a range, and what is no number where the type allows it."""
    table, _, leaf = path.partition(".")
    low, high = RANGES[path]
    if isinstance(getattr(getattr(DEFAULT, table), leaf), int):
        return [int(low) - 1, int(high) + 1]
    return [math.nextafter(low, -math.inf), math.nextafter(high, math.inf), math.nan, math.inf, -math.inf]


@pytest.mark.parametrize(("path", "value"), [(path, value) for path in sorted(RANGES) for value in beyond(path)])
def test_every_range_holds_and_says_value_and_limit(path: str, value: object) -> None:
    low, high = RANGES[path]
    assert f"{value} is outside {low:.12g} to {high:.12g}" in reasons(changed(path, value))[path]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("radio.gain_mode", "auto", "'auto' is none of 'manual', 'slow_attack', 'fast_attack'"),
        ("dsp.overlap_ratio", 0.25, "0.25 is none of 0.0, 0.5"),
        ("dsp.n_fft", 2047, "2047 is no power of two"),
        ("runtime.log_level", "loud", "'loud' is none of"),
        ("runtime.log_format", "xml", "'xml' is none of"),
        ("radio.uri", "antsdr", "'antsdr' is none of ip:HOST"),
        ("radio.uri", "ip:", "'ip:' is none of"),
        ("radio.uri", "http://x", "is none of"),
        ("radio.bandwidth_hz", 56e6, "56000000 is above radio.rate_hz 20000000"),
        ("scan.plan", "other", "there is no plan 'other' (plans: default)"),
        ("api.host", "", "is no address"),
        ("api.api_key", "with space", "printable ASCII"),
        ("api.api_key", "smörgås", "printable ASCII"),
        ("api.allowed_origins", ["http://a", "a.local"], "'a.local' is not of the form http(s)://HOST[:PORT]"),
        ("api.allowed_origins", ["http://a/path"], "is not of the form"),
        ("api.allowed_hosts", ["http://a"], "'http://a' is not of the form HOST[:PORT]"),
        ("log.folder", " ", "is no folder"),
        ("tracker.report_classes", ["Analog", "Drone"], "'Drone' is no class"),
        ("tracker.ttl_by_class_s", {"Wifi": 3.0}, "is no class"),
        ("tracker.ttl_by_class_s", {"WiFi": math.nan}, "nan is outside"),
    ],
)
def test_rules(path: str, value: object, reason: str) -> None:
    settings = changed(path, value)
    if path == "radio.bandwidth_hz":
        settings = replace(settings, radio=replace(settings.radio, rate_hz=20e6))
    found = reasons(settings)
    assert [where for where in found if where.startswith(path) and reason in found[where]]


@pytest.mark.parametrize(
    "uri", ["ip:192.168.1.10", "ip:127.0.0.1:30431", "usb:", "usb:1.2.5", "emulate:urban", "file:/a/b"]
)
def test_addresses_of_every_kind(uri: str) -> None:
    assert find_problems(changed("radio.uri", uri)) == []


@pytest.mark.parametrize(
    "name", ["Analog", "Analog/Video", "Analog/Video/RaceBand/R1", "WiFi/OFDM", "Control/LoRa/ELRS"]
)
def test_classes_are_known_by_the_beginning_of_their_path(name: str) -> None:
    assert find_problems(changed("tracker.report_classes", [name])) == []
    assert find_problems(changed("tracker.ttl_by_class_s", {name: 30.0})) == []


GOOD = BandSettings("a", 1e9, 1.1e9)


@pytest.mark.parametrize(
    ("bands", "path", "reason"),
    [
        ([], "plan.default", "has no bands"),
        ([replace(GOOD, stop_hz=1e9)], "plan.default[0].stop_hz", "1000000000 is not above start_hz 1000000000"),
        ([replace(GOOD, start_hz=69e6)], "plan.default[0].start_hz", "is outside 70000000 to 6000000000"),
        ([GOOD, replace(GOOD, name="b", stop_hz=6.1e9)], "plan.default[1].stop_hz", "is outside"),
        ([replace(GOOD, stop_hz=math.inf)], "plan.default[0].stop_hz", "inf is outside"),
        ([replace(GOOD, start_hz=math.nan)], "plan.default[0].start_hz", "nan is outside"),
        ([replace(GOOD, dwell_s=0.0)], "plan.default[0].dwell_s", "0.0 is outside 0.0001 to 0.5"),
        ([replace(GOOD, priority=0.0)], "plan.default[0].priority", "0.0 is outside 0.01 to 100"),
        ([replace(GOOD, gain_db=78.0)], "plan.default[0].gain_db", "78.0 is outside -10 to 77"),
        ([replace(GOOD, name="")], "plan.default[0].name", "'': a name has 1 to 32"),
        ([replace(GOOD, name="a b")], "plan.default[0].name", "'a b': a name has"),
        (
            [GOOD, replace(GOOD, start_hz=2e9, stop_hz=3e9)],
            "plan.default[1].name",
            "'a' is the name of plan.default[0] already",
        ),
        ([replace(GOOD, rx_port="A\n")], "plan.default[0].rx_port", "is no name of a port"),
        ([replace(GOOD, dwell_s=0.5)], "runtime.iq_slots", "64 slots of 0.5 s at 61440000 samples/s are 7.9 GB"),
    ],
)
def test_plans(bands: list[BandSettings], path: str, reason: str) -> None:
    settings = replace(DEFAULT, plan={"default": bands}, runtime=replace(DEFAULT.runtime, iq_slots=64))
    assert reason in reasons(settings)[path]
