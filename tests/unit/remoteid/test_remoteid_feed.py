"""The feed's log, and how the feed says that it is well."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from support.rid_sky import S, basic, heard, location, now_ns, unix_ms

from ndefender.errors import LogUnavailable
from ndefender.ingest.event import decode
from ndefender.remoteid.desk import Desk, TelemetryData
from ndefender.remoteid.feed import FeedBusy, FeedLog, FeedWriter
from ndefender.remoteid.frames.heard import DjiHeard, Heard
from ndefender.remoteid.tracker import Tracker


def live() -> Desk[Heard | DjiHeard]:
    tracker = Tracker()
    return Desk(tracker, "live", tracker.counted, 0)


def test_a_live_feed_is_ok_then_degraded_by_silence_and_ok_again() -> None:
    desk = live()
    states: list[tuple[str, str, int]] = []

    def tick(from_s: float, to_s: float) -> None:
        for quarter in range(round(from_s * 4), round(to_s * 4)):
            for kind, data, _ in desk.tick(quarter * S // 4, unix_ms(quarter / 4)):
                if kind == "TELEMETRY_UPDATE":
                    assert isinstance(data, TelemetryData)
                    states.append((data.state, data.mode, data.contacts_active))

    tick(0.0, 10.0)
    assert states == [("ok", "live", 0)] * 10
    desk.take(heard(10.0, basic(), location(10.0)), now_ns(10.0), unix_ms(10.0))
    tick(10.0, 40.25)
    assert states[10:] == [("ok", "live", 1)] * 31
    tick(40.25, 50.0)
    assert states[41:] == [("degraded", "live", 0)] * 9
    desk.take(heard(50.0, basic(), location(50.0)), now_ns(50.0), unix_ms(50.0))
    tick(50.0, 51.0)
    assert states[50:] == [("ok", "live", 1)]


def test_trouble_of_the_receiver_degrades_the_feed() -> None:
    desk = live()
    desk.trouble = "wlan1 is gone"
    (event,) = desk.tick(0, unix_ms(0.0))
    assert isinstance(event.data, TelemetryData)
    assert (event.data.state, event.data.reason) == ("degraded", "wlan1 is gone")


def test_telemetry_keeps_its_second_when_ticks_come_late() -> None:
    desk = live()
    at_s = [t for t in (0.0, 0.9, 1.3, 2.0, 2.1, 9.0, 9.25, 9.5, 10.25, 10.5) if desk.tick(now_ns(t), unix_ms(t))]
    assert at_s == [0.0, 1.3, 2.0, 9.0, 9.5, 10.5]


def test_lines_are_envelopes_that_the_aggregator_reads(tmp_path: Path) -> None:
    log = FeedLog(tmp_path / "made" / "remoteid.jsonl")
    echoed: list[bytes] = []
    writer = FeedWriter("boot", log.append, echoed.append)
    desk = live()
    writer.say(desk.take(heard(0.0, basic(), location(0.0)), 0, unix_ms(0.0)))
    writer.say(desk.tick(S, unix_ms(1.0)))
    log.close()
    lines = (tmp_path / "made" / "remoteid.jsonl").read_bytes().splitlines()
    assert lines == echoed
    events = [decode(line) for line in lines]
    assert [(e.type, e.source, e.seq, e.boot_id, e.timestamp_ms) for e in events] == [
        ("CONTACT_NEW", "remoteid", 1, "boot", unix_ms(0.0)),
        ("TELEMETRY_UPDATE", "remoteid", 2, "boot", unix_ms(1.0)),
    ]
    assert events[1].data["last_ts"] == unix_ms(0.0)


def test_a_log_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "remoteid.jsonl"
    first = FeedLog(path)
    with pytest.raises(FeedBusy, match="another process writes it"):
        FeedLog(path)
    first.close()
    FeedLog(path).close()


def test_a_log_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LogUnavailable):
        FeedLog(tmp_path / "file" / "remoteid.jsonl")
    (tmp_path / "folder").mkdir()
    with pytest.raises(LogUnavailable):
        FeedLog(tmp_path / "folder")
    fds = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(LogUnavailable):
        FeedLog(tmp_path / "folder")
    assert len(list(Path("/proc/self/fd").iterdir())) == fds


def test_a_log_that_refuses_is_said_once_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "remoteid.jsonl"
    log = FeedLog(path)
    log.append(b"{}")
    log._log._write = refuse  # the disk is full from here on
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            log.append(b"{}")
    assert len(caplog.records) == 1 and "ENOSPC" in caplog.text
    assert log.trouble is not None
    log.close()
    assert path.read_bytes() == b"{}\n"


def refuse(fd: int, data: bytes) -> int:
    raise OSError(28, "No space left on device")
