"""Events from before following began."""

from __future__ import annotations

from pathlib import Path

import pytest

from ndefender.events.log import EventLog
from ndefender.ingest import files, recent
from ndefender.ingest.files import LogFile, lines_before
from ndefender.ingest.follow import Follower
from ndefender.ingest.position import Position
from ndefender.ingest.recent import end_position, read_recent


def body(at_ms: int) -> bytes:
    return b'{"type":"T","timestamp":%d,"source":"s","data":{"n":%d}}' % (at_ms, at_ms)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """One hundred events over many files, the times of which are their numbers."""
    made = EventLog(tmp_path / "log", "log.jsonl", max_file_bytes=500, max_files=50)
    for n in range(100):
        made.append(body(n))
    return made


def times(path: Path, since_ms: int = 0, until: Position | None = None) -> list[int]:
    return [event.timestamp_ms for event in read_recent(path, since_ms, until)]


def positions(path: Path) -> list[Position]:
    found = []
    follower = Follower(path)
    while (lines := follower.read()) is not None:
        found += [line.position for line in lines]
    return found


def test_all_since_a_time_over_the_rotations(log: EventLog) -> None:
    assert times(log.path) == list(range(100))
    assert times(log.path, since_ms=60) == list(range(60, 100))
    assert times(log.path.with_name("none")) == []


def test_up_to_a_position_and_not_beyond(log: EventLog) -> None:
    for n, position in enumerate(positions(log.path)):
        assert times(log.path, until=position) == list(range(n + 1))


def test_what_is_recent_and_what_is_followed_are_everything_once(log: EventLog) -> None:
    position = positions(log.path)[40]
    follower = Follower(log.path, position)
    followed = []
    while (lines := follower.read()) is not None:
        followed += [int(line.data.rpartition(b":")[2][:-2]) for line in lines]
    assert times(log.path, until=position) + followed == list(range(100))


def test_up_to_a_position_whose_file_is_gone(log: EventLog) -> None:
    position = end_position(log.path)
    held = len(log.path.read_bytes().splitlines())
    log.close()
    log.path.unlink()
    log.path.write_bytes(body(1000) + b"\n")
    assert times(log.path, until=position) == list(range(100 - held))
    assert [line.data for line in Follower(log.path, position).read() or []] == [body(1000)]


def test_single_events_of_a_clock_that_stepped_do_not_end_it(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for at_ms in (500, 501, 3, 4, 502, 5, 503):
        log.append(body(at_ms))
    assert times(log.path, since_ms=400) == [500, 501, 502, 503]


def test_reading_ends_where_only_old_events_are_left(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(200, 400):
        log.append(body(n))
    opened = []
    real = LogFile.__init__

    def spy(self: LogFile, path: Path) -> None:
        opened.append(path.name)
        real(self, path)

    monkeypatch.setattr(LogFile, "__init__", spy)
    assert times(log.path, since_ms=390) == list(range(390, 400))
    assert len(opened) < 20


def test_lines_that_are_no_events_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(body(1) + b"\nno event\n\n\xff\n" + body(2) + b"\n" + body(3)[:-5])
    assert times(path) == [1, 2]


def test_the_end_of_a_log_is_where_a_first_start_begins(log: EventLog) -> None:
    position = end_position(log.path)
    assert position == positions(log.path)[-1]
    log.append(body(100))
    log.append(body(101))
    follower = Follower(log.path, position)
    found = []
    while (lines := follower.read()) is not None:
        found += [line.data for line in lines]
    assert found == [body(100), body(101)]


def test_the_end_of_a_long_file_has_its_trail(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for n in range(8000):
        log.append(body(1_000_000 + n))
    with log.path.open("ab") as file:
        file.write(b"half")
    position = end_position(log.path)
    assert position is not None
    assert position.at.line == 8000
    assert position.offset == log.path.stat().st_size - 4
    assert len(position.trail) > 20


@pytest.mark.parametrize("content", [None, b"", b"half"])
def test_the_end_of_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "log.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert end_position(path) is None


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 7, 64])
def test_lines_back_over_every_block_boundary(tmp_path: Path, block_bytes: int) -> None:
    path = tmp_path / "log.jsonl"
    content = b"\na\nbb\n\nccc\ndddd\nee"
    path.write_bytes(content)
    with LogFile(path) as file:
        for end in range(len(content) + 1):
            expected = [line for line in content[:end].split(b"\n")[:-1] if line][::-1]
            assert list(lines_before(file, end, block_bytes)) == expected


def test_a_rotation_in_the_middle_of_reading_is_looked_at_again(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    real = recent.open_entry
    rotations = iter(range(3))

    def rotating(entry: files.Entry) -> LogFile:
        if entry.index == 1 and next(rotations, None) is not None:
            log._rotate()
        return real(entry)

    monkeypatch.setattr(recent, "open_entry", rotating)
    assert times(log.path) == list(range(100))
    assert next(rotations, None) is None


def test_files_that_never_hold_still(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(_: files.Entry) -> LogFile:
        raise files.Moved

    monkeypatch.setattr(recent, "open_entry", moved)
    with pytest.raises(OSError, match="renamed all the time"):
        read_recent(log.path, 0)
    with pytest.raises(OSError, match="renamed all the time"):
        end_position(log.path)
