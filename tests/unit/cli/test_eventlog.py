"""`validate`, `stats`, `replay`: what they say about logs made by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ndefender.cli.eventlog import Event, Problem, read_events
from ndefender.cli.main import cli
from ndefender.cli.replay import paced

T0_MS = 1_700_000_000_000
FEATURES = {
    "prominence_db": 30.0,
    "cluster_size": 12,
    "pattern_hint": "unknown",
    "hop_hint": "none",
    "bandwidth_est_hz": 20e6,
    "burstiness": 0.1,
    "hop_rate_hz": 0.0,
    "control_score": 0.0,
    "class_path": ["Digital", "Video", "DJI"],
    "classification_confidence": 0.75,
    "control_correlation": False,
}


def rf(kind: str, *, contact: str = "rf:2500000000", after_ms: int = 0, **more: Any) -> dict[str, Any]:
    """An RF event; `more` replaces fields of the envelope, `data__NAME` of its data."""
    data = {
        "id": contact,
        "freq_hz": 2_500_000_000,
        "bucket_hz": 2_500_000_000,
        "band": "2G4",
        "snr_db": 34.5,
        "peak_db": 120.1,
        "noise_floor_db": 85.0,
        "bandwidth_class": "wide",
        "confidence": 0.87,
        "features": FEATURES,
    }
    data.update({name.removeprefix("data__"): value for name, value in more.items() if name.startswith("data__")})
    envelope = {"type": f"RF_CONTACT_{kind}", "timestamp": T0_MS + after_ms, "source": "antsdr", "data": data}
    envelope.update({name: value for name, value in more.items() if not name.startswith("data__")})
    return {name: value for name, value in envelope.items() if value is not None}


LIFE = [rf("NEW", seq=1), rf("UPDATE", after_ms=1000, seq=2), rf("LOST", after_ms=12_000, seq=3)]


def write(path: Path, events: Iterable[Any], end: str = "\n") -> Path:
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    path.write_text("\n".join(lines) + end, encoding="utf-8")
    return path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_a_good_log_is_valid(tmp_path: Path) -> None:
    result = invoke(
        "validate", write(tmp_path / "log.jsonl", [*LIFE, *[{**event, "seq": event["seq"] + 3} for event in LIFE]])
    )
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "6 lines, 0 problems\n")


def test_events_with_timestamp_ms_are_valid_too(tmp_path: Path) -> None:
    event = {"type": "CONTACT_NEW", "timestamp_ms": T0_MS, "source": "remoteid", "data": {"id": "rid:1"}}
    assert invoke("validate", write(tmp_path / "log.jsonl", [event])).exit_code == 0


@pytest.mark.parametrize(
    ("events", "line", "words"),
    [
        (["not json"], 1, "not an event envelope"),
        (["[]"], 1, "not an event envelope"),
        ([rf("NEW", type=None)], 1, "`type`"),
        ([rf("NEW", timestamp=None)], 1, "neither `timestamp` nor `timestamp_ms`"),
        ([rf("NEW", timestamp="now")], 1, "$.timestamp"),
        ([rf("NEW", timestamp=-1)], 1, "before 1970"),
        ([rf("NEW", data__freq_hz="2.5 GHz")], 1, "$.freq_hz"),
        ([rf("NEW", data__id="")], 1, "`data.id` is empty"),
        ([rf("NEW", data__confidence=1.5)], 1, "`data.confidence` is 1.5, must be 0 to 1"),
        ([rf("NEW", data__features={**FEATURES, "class_path": []})], 1, "class_path"),
        ([rf("UPDATE")], 1, "UPDATE for rf:2500000000, which is not alive"),
        ([rf("LOST")], 1, "LOST for rf:2500000000, which is not alive"),
        ([rf("NEW"), rf("NEW")], 2, "NEW for rf:2500000000, which is alive"),
        ([rf("NEW"), rf("LOST"), rf("UPDATE")], 3, "not alive"),
        ([rf("NEW", seq=1), rf("UPDATE", seq=3)], 2, "seq 3 follows 1"),
        ([rf("NEW", seq=4), rf("UPDATE", seq=4)], 2, "seq 4 follows 4"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, events: list[Any], line: int, words: str) -> None:
    path = write(tmp_path / "log.jsonl", events)
    result = invoke("validate", path)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{path}:{line}: ")
    assert words in result.stdout
    assert result.stdout.count("\n") == 1


def test_a_torn_last_line_is_named(tmp_path: Path) -> None:
    result = invoke("validate", write(tmp_path / "log.jsonl", [LIFE[0], '{"type": "RF_CON'], end=""))
    assert result.exit_code == 1
    assert ":2: the last line has no newline (torn)" in result.stdout


def test_a_writer_that_starts_again_counts_from_one(tmp_path: Path) -> None:
    events = [rf("NEW", seq=7, boot_id="a"), rf("UPDATE", seq=1, boot_id="b"), rf("UPDATE", seq=2, boot_id="b")]
    assert invoke("validate", write(tmp_path / "log.jsonl", events)).exit_code == 0


def test_a_continued_log_may_begin_in_the_middle_of_a_life(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", LIFE[1:])
    assert invoke("validate", path).exit_code == 1
    assert invoke("validate", "--continued", path).exit_code == 0


def test_a_continued_log_still_has_to_begin_again_with_new(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", [rf("LOST"), rf("UPDATE")])
    assert invoke("validate", "--continued", path).exit_code == 1


def test_rotated_logs_are_one_stream(tmp_path: Path) -> None:
    older = write(tmp_path / "log.1.jsonl", LIFE[:1])
    assert invoke("validate", older, write(tmp_path / "log.jsonl", LIFE[1:])).exit_code == 0


def test_stats_counts_contacts_by_class_and_their_lives(tmp_path: Path) -> None:
    other = {**FEATURES, "class_path": ["WiFi", "OFDM"]}
    events = [
        rf("NEW", data__features={**FEATURES, "class_path": ["Unknown"]}, data__simulated=True),
        rf("UPDATE", after_ms=500),
        rf("LOST", after_ms=8_000),
        rf("NEW", after_ms=9_000),
        rf("LOST", after_ms=11_000),
        rf("NEW", contact="rf:1", data__features=other, after_ms=12_000),
        "garbage",
    ]
    result = invoke("stats", "--json", write(tmp_path / "log.jsonl", events))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "events": {"RF_CONTACT_NEW": 3, "RF_CONTACT_UPDATE": 1, "RF_CONTACT_LOST": 2},
        "simulated_events": 1,
        "unreadable_lines": 1,
        "first_ms": T0_MS,
        "last_ms": T0_MS + 12_000,
        "span_s": 12.0,
        "alive_at_end": 1,
        "classes": {
            "Digital/Video/DJI": {"contacts": 2, "updates": 1, "median_duration_s": 5.0, "longest_duration_s": 8.0},
            "WiFi/OFDM": {"contacts": 1, "updates": 0, "median_duration_s": None, "longest_duration_s": None},
        },
    }


def test_stats_as_a_table(tmp_path: Path) -> None:
    result = invoke("stats", write(tmp_path / "log.jsonl", LIFE))
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if line.startswith("Digital/Video/DJI"))
    assert row.split() == ["Digital/Video/DJI", "1", "1", "12.0", "s", "12.0", "s"]


def test_stats_of_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").touch()
    assert invoke("stats", tmp_path / "log.jsonl").exit_code == 0


def test_replay_gives_the_same_bytes_and_skips_what_is_no_event(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", [LIFE[0], "garbage", *LIFE[1:]])
    result = invoke("replay", "--speed", "0", path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [json.dumps(event) for event in LIFE]
    assert f"skipped {path}:2:" in result.stderr


def test_replay_appends_to_a_file(tmp_path: Path) -> None:
    path, out = write(tmp_path / "log.jsonl", LIFE), write(tmp_path / "out.jsonl", ["before"])
    assert invoke("replay", "--speed", "0", "--output", out, path).exit_code == 0
    assert out.read_text().splitlines() == ["before", *(json.dumps(event) for event in LIFE)]


def _events(path: Path) -> list[Event]:
    items = list(read_events([path]))
    assert not any(isinstance(item, Problem) for item in items)
    return [item for item in items if isinstance(item, Event)]


@pytest.mark.parametrize(("speed", "waits"), [(1.0, [1.0, 11.0]), (4.0, [0.25, 2.75]), (0.0, [])])
def test_replay_waits_for_what_is_due(tmp_path: Path, speed: float, waits: list[float]) -> None:
    now, slept = 100.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    events = _events(write(tmp_path / "log.jsonl", LIFE))
    assert list(paced(events, speed, lambda: now, sleep)) == events
    assert slept == pytest.approx(waits)


def test_replay_goes_on_after_a_clock_step_backwards(tmp_path: Path) -> None:
    events = _events(
        write(tmp_path / "log.jsonl", [rf("NEW", after_ms=60_000), rf("UPDATE"), rf("LOST", after_ms=500)])
    )
    slept: list[float] = []
    list(paced(events, 1.0, lambda: sum(slept), slept.append))
    assert slept == pytest.approx([0.5])
