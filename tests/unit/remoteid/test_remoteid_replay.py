"""A capture or a log, heard again: pace, pause, stop, and what is said meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.rid_sky import (
    EPOCH_S,
    MAC,
    MAC_2,
    OTHER,
    SERIAL,
    S,
    basic,
    flight,
    heard,
    location,
    unix_ms,
    write_capture,
)

from ndefender.remoteid.control import Command, Control
from ndefender.remoteid.desk import Event
from ndefender.remoteid.feed import FeedWriter
from ndefender.remoteid.frames.heard import CaptureUnreadable
from ndefender.remoteid.recording import Timeline
from ndefender.remoteid.replay import open_replay
from ndefender.remoteid.tracker import TrackerPolicy

JSON = dict[str, Any]
ID = f"rid:{SERIAL}"
WALL_MS = 1_800_000_000_000


class Scripted(Control):
    """Time that passes only by waiting, and commands at known moments of it.

    Args:
        script: seconds after the start, and what is commanded then.
    """

    def __init__(self, script: list[tuple[float, Command]] | None = None) -> None:
        super().__init__()
        self.now_ns = 0
        self._script = script or []

    def wait(self, timeout_s: float) -> Command | None:
        """Let time pass until the next command."""
        until_ns = self.now_ns + round(max(timeout_s, 0.0) * S)
        if self._script and self._script[0][0] * S <= until_ns:
            at_s, command = self._script.pop(0)
            self.now_ns = max(self.now_ns, round(at_s * S))
            return command
        self.now_ns = until_ns
        return None

    @property
    def pending(self) -> bool:
        """Whether a command is due."""
        return bool(self._script) and self._script[0][0] * S <= self.now_ns


class Screen:
    """What is said, as JSON, and when by the pace's clock."""

    def __init__(self, control: Scripted) -> None:
        self._control = control
        self._writer = FeedWriter("boot", self._line)
        self.said: list[JSON] = []
        self.at_s: list[float] = []

    def say(self, events: list[Event]) -> None:
        self._writer.say(events)

    def _line(self, body: bytes) -> None:
        self.said.append(json.loads(body))
        self.at_s.append(self._control.now_ns / S)

    def of(self, kind: str) -> list[JSON]:
        return [each for each in self.said if each["type"] == kind]

    def when(self, wanted: Callable[[JSON], bool]) -> list[float]:
        return [at_s for at_s, each in zip(self.at_s, self.said, strict=True) if wanted(each)]


def replay(path: Path, script: list[tuple[float, Command]] | None = None, **options: Any) -> Screen:
    control = Scripted(script)
    screen = Screen(control)
    try:
        open_replay(path, screen.say, control, lambda: control.now_ns, lambda: WALL_MS, **options).run()
    finally:
        control.close()
    assert_grammar(screen.said)
    return screen


def assert_grammar(said: list[JSON]) -> None:
    alive: set[str] = set()
    for number, event in enumerate(said, start=1):
        assert (event["source"], event["seq"], event["boot_id"]) == ("remoteid", number, "boot")
        if event["type"].startswith("CONTACT_"):
            contact, kind = event["data"]["id"], event["type"]
            assert (contact in alive) == (kind != "CONTACT_NEW")
            (alive.discard if kind == "CONTACT_LOST" else alive.add)(contact)
            assert event["data"]["replay"] is True
    assert not alive


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Ten seconds of one aircraft."""
    path = tmp_path / "flight.pcap"
    write_capture(path, flight(10.0))
    return path


def test_a_paced_replay_takes_as_long_as_it_took(capture: Path) -> None:
    screen = replay(capture)
    assert screen.when(lambda e: e["type"] == "CONTACT_NEW") == [0.0]
    assert screen.at_s[-1] == pytest.approx(9.5)
    updates = screen.when(lambda e: e["type"] == "CONTACT_UPDATE")
    assert updates == pytest.approx([n / 2 for n in range(1, 20)])
    assert [e["timestamp_ms"] for e in screen.of("CONTACT_UPDATE")] == [unix_ms(n / 2) for n in range(1, 20)]


@pytest.mark.parametrize(("speed", "took_s"), [(2.0, 4.75), (0.5, 19.0), (0.0, 0.0)])
def test_speed(capture: Path, speed: float, took_s: float) -> None:
    screen = replay(capture, speed=speed)
    assert screen.at_s[-1] == pytest.approx(took_s)
    slow = replay(capture)
    assert [e["data"] for e in screen.said if e["type"] != "REPLAY_STATE"] == [
        e["data"] for e in slow.said if e["type"] != "REPLAY_STATE"
    ]
    assert screen.of("REPLAY_STATE")[0]["data"]["speed"] == speed


def test_telemetry_comes_every_second_and_says_replay(capture: Path) -> None:
    screen = replay(capture, simulated=True)
    *running, last = screen.of("TELEMETRY_UPDATE")
    assert [e["timestamp_ms"] for e in running] == [unix_ms(n) for n in range(10)]
    assert {(e["data"]["state"], e["data"]["mode"], e["data"]["simulated"]) for e in running} == {
        ("replay", "replay", True)
    }
    assert [e["data"]["contacts_active"] for e in running] == [0] + [1] * 9
    assert running[-1]["data"]["last_ts"] == unix_ms(8.5)
    assert running[-1]["data"]["counters"]["odid"] == 18 + 1  # the next one is read, and not due yet
    assert (last["data"]["state"], last["data"]["mode"], last["data"]["contacts_active"]) == ("offline", "off", 0)
    assert last["data"]["reason"] == "the replay of flight.pcap has ended"


def test_replay_state_says_position_and_total(capture: Path) -> None:
    states = [e["data"] for e in replay(capture).of("REPLAY_STATE")]
    assert states[0] == {
        "state": "running", "speed": 1.0, "position": 1, "total": 20, "ts": unix_ms(0.0), "file": "flight.pcap",
        "skipped_s": 0.0,
    }  # fmt: skip
    assert [each["position"] for each in states] == sorted(each["position"] for each in states)
    assert states[-1] == states[0] | {"state": "finished", "position": 20, "ts": unix_ms(9.5)}


def test_silence_loses_contacts_and_degrades_the_feed_which_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "silence.pcap"
    write_capture(path, [heard(0.0, basic(), location(0.0)), heard(50.0, basic(), location(50.0))])
    screen = replay(path)
    kinds = [(e["type"], e["data"].get("lost_reason")) for e in screen.said if e["type"].startswith("CONTACT_")]
    assert kinds == [
        ("CONTACT_NEW", None), ("CONTACT_LOST", "silence"), ("CONTACT_NEW", None), ("CONTACT_LOST", "replay_ended"),
    ]  # fmt: skip
    (lost_s, _) = screen.when(lambda e: e["type"] == "CONTACT_LOST")
    assert 30.0 < lost_s <= 30.25
    states = [e["data"]["state"] for e in screen.of("TELEMETRY_UPDATE")]
    assert states == ["replay"] * 31 + ["degraded"] * 20 + ["offline"]
    assert screen.of("TELEMETRY_UPDATE")[40]["data"]["reason"] == "nothing was heard for 30 s"


def test_years_between_two_frames_are_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "years.pcap"
    write_capture(path, [heard(0.0, basic()), heard(1e8, basic()), heard(5.0, basic()), heard(6.0, basic())])
    screen = replay(path)
    assert screen.at_s[-1] == pytest.approx(61.0)
    assert screen.of("REPLAY_STATE")[-1]["data"]["skipped_s"] == pytest.approx(1e8 - 60.0)
    assert len(screen.said) < 200


def test_time_never_goes_back() -> None:
    timeline = Timeline()
    placed = [timeline.place(EPOCH_S + at_s) for at_s in (0.0, 1.0, 0.5, 1.5, -100.0, -99.0)]
    assert placed == [0, S, S, round(1.5 * S), round(1.5 * S), round(2.5 * S)]


def test_a_pause_stops_time_and_says_so(capture: Path) -> None:
    screen = replay(capture, [(3.2, "pause"), (45.2, "resume")])
    assert screen.at_s[-1] == pytest.approx(9.5 + 42.0)
    assert [e["data"]["state"] for e in screen.of("REPLAY_STATE")][-1] == "finished"
    paused = screen.when(lambda e: e["data"].get("state") == "paused")
    assert paused == pytest.approx([3.2 + n for n in range(42)])
    during = [e for at_s, e in zip(screen.at_s, screen.said, strict=True) if 3.2 <= at_s < 45.2]
    assert {e["timestamp_ms"] for e in during} == {unix_ms(3.0)}
    assert Counter(e["type"] for e in during)["CONTACT_UPDATE"] == 4  # lest whoever listens loses it
    assert [e["type"] for e in screen.said if e["type"] in {"CONTACT_NEW", "CONTACT_LOST"}] == [
        "CONTACT_NEW", "CONTACT_LOST",
    ]  # fmt: skip


def test_toggle_pauses_and_goes_on(capture: Path) -> None:
    screen = replay(capture, [(1.0, "toggle"), (5.0, "toggle"), (6.0, "toggle"), (8.0, "toggle")])
    assert screen.at_s[-1] == pytest.approx(9.5 + 4.0 + 2.0)


@pytest.mark.parametrize("script", [[(3.2, "stop")], [(1.2, "pause"), (3.2, "stop")]])
def test_a_stop_loses_the_contacts_and_says_so(capture: Path, script: list[tuple[float, Command]]) -> None:
    screen = replay(capture, script)
    assert screen.at_s[-1] == pytest.approx(3.2)
    *_, lost, telemetry, state = screen.said
    assert (lost["type"], lost["data"]["lost_reason"]) == ("CONTACT_LOST", "stopped")
    assert (telemetry["data"]["mode"], telemetry["data"]["reason"]) == ("off", "the replay of flight.pcap was stopped")
    assert state["data"]["state"] == "stopped"
    assert state["data"]["position"] < 20


def test_a_stop_is_heard_at_full_speed_too(capture: Path) -> None:
    screen = replay(capture, [(0.0, "stop")], speed=0.0)
    assert screen.of("REPLAY_STATE")[-1]["data"]["state"] == "stopped"
    assert not screen.of("CONTACT_NEW")


def test_a_capture_without_remote_id_says_that_it_was_replayed(tmp_path: Path) -> None:
    path = tmp_path / "none.pcap"
    write_capture(path, [])
    screen = replay(path)
    assert [(e["type"], e["data"]["state"]) for e in screen.said] == [
        ("REPLAY_STATE", "running"), ("TELEMETRY_UPDATE", "offline"), ("REPLAY_STATE", "finished"),
    ]  # fmt: skip
    assert {e["timestamp_ms"] for e in screen.said} == {WALL_MS}


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"hello")
    with pytest.raises(CaptureUnreadable, match="not pcap or pcapng"):
        replay(path)
    with pytest.raises(CaptureUnreadable):
        replay(tmp_path / "nothing")


def test_two_aircraft_behind_two_addresses(tmp_path: Path) -> None:
    path = tmp_path / "two.pcap"
    both = [*flight(5.0), *flight(5.0, text=OTHER, sender=MAC_2)]
    write_capture(path, sorted(both, key=lambda item: item.time_s))
    screen = replay(path, speed=0.0)
    assert {e["data"]["id"]: e["data"]["senders"] for e in screen.of("CONTACT_LOST")} == {
        ID: [MAC], f"rid:{OTHER}": [MAC_2],
    }  # fmt: skip


def log_of(capture: Path, path: Path) -> Path:
    path.write_text("".join(json.dumps(e) + "\n" for e in replay(capture, speed=0.0).said))
    return path


def test_a_log_is_replayed_as_it_was(capture: Path, tmp_path: Path) -> None:
    log = log_of(capture, tmp_path / "remoteid.jsonl")
    lines = len(log.read_text().splitlines())
    screen = replay(log)
    assert screen.at_s[-1] == pytest.approx(9.5)
    original = replay(capture)
    for kind in ("CONTACT_NEW", "CONTACT_UPDATE", "CONTACT_LOST"):
        assert [e["data"] for e in screen.of(kind)] == [e["data"] for e in original.of(kind)]
    last = screen.of("REPLAY_STATE")[-1]["data"]
    assert (last["state"], last["position"], last["total"], last["file"]) == (
        "finished",
        lines,
        lines,
        "remoteid.jsonl",
    )


def test_a_log_of_another_writer_with_holes_is_replayed(tmp_path: Path) -> None:
    log = tmp_path / "other.jsonl"
    rows = [
        {"type": "CONTACT_UPDATE", "timestamp": 1000, "source": "remoteid", "data": {"id": "rid:x"}},
        {
            "type": "CONTACT_NEW",
            "timestamp_ms": 2000.0,
            "source": "remoteid",
            "data": {"id": "rid:x", "simulated": True},
        },
        {"type": "CONTACT_LOST", "timestamp_ms": 3000, "source": "remoteid", "data": {"id": "rid:y"}},
        {"type": "TELEMETRY_UPDATE", "timestamp_ms": 3000, "source": "remoteid", "data": {"state": "ok"}},
        {"type": "CONTACT_NEW", "timestamp_ms": -3, "source": "remoteid", "data": {"id": "rid:z"}},
        {"type": "CONTACT_NEW", "timestamp_ms": 4000, "source": "remoteid", "data": {"id": 5}},
    ]
    log.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows) + b'{"torn\n\xff\xfe\n{"type":"CONTACT')
    screen = replay(log)
    assert [(e["type"], e["data"]["id"]) for e in screen.said if e["type"].startswith("CONTACT_")] == [
        ("CONTACT_NEW", "rid:x"), ("CONTACT_UPDATE", "rid:x"), ("CONTACT_LOST", "rid:x"),
    ]  # fmt: skip
    assert screen.of("TELEMETRY_UPDATE")[-1]["data"]["counters"] == {"lines": 9, "bad_lines": 5}


def test_the_ttl_is_an_option(capture: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.pcap"
    write_capture(path, [heard(0.0, basic()), heard(5.0, basic())])
    screen = replay(path, policy=TrackerPolicy(ttl_s=2.0))
    assert [e["data"]["lost_reason"] for e in screen.of("CONTACT_LOST")] == ["silence", "replay_ended"]


def test_a_real_control_wakes_the_waiter() -> None:
    control = Control()
    try:
        assert control.wait(0.0) is None
        control.send("pause")
        control.send("stop")
        assert control.pending
        assert [control.wait(60.0), control.wait(60.0), control.wait(0.0)] == ["pause", "stop", None]
        for _ in range(100_000):  # more wake-ups than a pipe holds
            control.send("toggle")
        assert control.wait(60.0) == "toggle"
    finally:
        control.close()


def test_whatever_breaks_in_the_middle_the_feed_has_its_end(capture: Path) -> None:
    control = Scripted()
    screen = Screen(control)

    def tick() -> None:
        if control.now_ns > 2 * S:
            raise RuntimeError("a part of the receiver broke")

    with pytest.raises(RuntimeError):
        open_replay(capture, screen.say, control, lambda: control.now_ns, lambda: WALL_MS, on_tick=tick).run()
    control.close()
    assert_grammar(screen.said)
    assert screen.said[-1]["data"]["state"] == "stopped"
