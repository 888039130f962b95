"""The event log: rotation, bound on disk, torn lines, refusals and recovery."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from ndefender.errors import LogUnavailable
from ndefender.events import lines
from ndefender.events.log import EventLog

S = 10**9


class Clock:
    """Monotonic time that moves when told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class Disk:
    """`os.write` that refuses when told, after so many bytes."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.chunk: int | None = None

    def __call__(self, fd: int, data: bytes) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        size = min(n for n in (len(data), self.room, self.chunk) if n is not None)
        if self.room is not None:
            self.room -= size
        return os.write(fd, data[:size])


def event(i: int, size: int = 20) -> bytes:
    return b'{"n":%d,"pad":"%s"}' % (i, b"x" * size)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def make(tmp_path: Path, clock: Clock, disk: Disk) -> Callable[..., EventLog]:
    def build(**settings: object) -> EventLog:
        log = EventLog(tmp_path / "logs", clock_ns=clock, write=disk, **settings)
        log.open()
        return log

    return build


def test_events_are_in_the_file_when_append_returns(make) -> None:
    log = make()
    log.append(b'{"a":1}')
    assert log.path.read_bytes() == b'{"a":1}\n'
    log.append(b'{"a":2}')
    assert log.read_back(10) == [b'{"a":1}', b'{"a":2}']
    assert (log.available, log.appended, log.refused) == (True, 2, 0)


def test_rotation_keeps_every_event_in_order_until_the_bound(make) -> None:
    log = make(max_file_bytes=100, max_files=50)
    for i in range(40):
        log.append(event(i))
    assert log.read_back(1000) == [event(i) for i in range(40)]
    assert log.read_back(7) == [event(i) for i in range(33, 40)]
    assert all(p.stat().st_size <= 100 for p in log.path.parent.iterdir())
    assert (log.path.parent / "antsdr_scan.jsonl.13").exists()


@pytest.mark.parametrize("max_files", [0, 1, 3])
def test_the_disk_is_bounded(make, max_files: int) -> None:
    log = make(max_file_bytes=250, max_files=max_files)
    for i in range(200):
        log.append(event(i))
        assert sum(p.stat().st_size for p in log.path.parent.iterdir()) <= (max_files + 1) * 250
    assert len(list(log.path.parent.iterdir())) == max_files + 1
    assert log.read_back(1) == [event(199)]


def test_a_smaller_bound_takes_effect_on_open(make) -> None:
    log = make(max_file_bytes=100, max_files=9)
    for i in range(40):
        log.append(event(i))
    log.close()
    make(max_file_bytes=100, max_files=2)
    assert len(list(log.path.parent.iterdir())) == 3


def test_other_files_of_the_folder_are_let_alone(make) -> None:
    log = make(max_file_bytes=100, max_files=1)
    strangers = [log.path.with_name(n) for n in ("antsdr_scan.jsonl.old", "antsdr_scan.jsonl.01", "remoteid.jsonl.1")]
    for path in strangers:
        path.write_text("mine")
    for i in range(20):
        log.append(event(i))
    assert [p.read_text() for p in strangers] == ["mine"] * 3


@pytest.mark.parametrize(
    ("torn", "left", "cut"),
    [
        (b'{"a":1}\n{"a":2', [b'{"a":1}'], 6),
        (b'{"a":1}\n{"a":2}', [b'{"a":1}', b'{"a":2}'], 0),  # only its newline is missing
        (b'{"a":1}\n' + b"\0" * 4096, [b'{"a":1}'], 4096),  # what a power cut leaves of a file that grew
        (b'{"a', [], 3),
        (b"", [], 0),
        (b'{"a":1}\n', [b'{"a":1}'], 0),
        (b'{"a":1}\n' + b"x" * 600_000, [b'{"a":1}'], 600_000),  # longer than one read
    ],
)
def test_a_torn_last_line_is_repaired_on_open(make, torn: bytes, left: list[bytes], cut: int) -> None:
    path = make().path
    path.write_bytes(torn)
    log = make()
    assert log.repaired_bytes == cut
    log.append(b'{"a":9}')
    assert path.read_bytes().splitlines() == [*left, b'{"a":9}']
    assert log.read_back(10) == [*left, b'{"a":9}']


def test_a_full_disk_refuses_takes_back_and_recovers(make, disk: Disk, clock: Clock) -> None:
    log = make(retry_s=1.0)
    log.append(event(1))
    disk.room = 5
    with pytest.raises(LogUnavailable, match="No space left"):
        log.append(event(2))
    assert log.path.read_bytes() == event(1) + b"\n"  # nothing half written
    assert not log.available
    assert log.last_error is not None
    disk.room = None
    with pytest.raises(LogUnavailable):
        log.append(event(3))  # too soon
    clock.now_ns += S
    log.append(event(4))
    assert log.available
    assert log.last_error is None
    assert log.refused == 2
    assert log.read_back(9) == [event(1), event(4)]


def test_short_writes_are_finished(make, disk: Disk) -> None:
    log = make()
    disk.chunk = 3
    log.append(event(1))
    assert log.read_back(9) == [event(1)]


def test_a_real_limit_of_the_system_is_survived(make, clock: Clock) -> None:
    log = make()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(LogUnavailable):
            for i in range(20):
                log.append(event(i))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept = log.read_back(99)
    assert kept == [event(i) for i in range(len(kept))]
    assert log.path.read_bytes().endswith(b"\n")
    clock.now_ns += 2 * S
    log.append(event(99))
    assert log.read_back(99) == [*kept, event(99)]


def test_a_folder_that_cannot_be_made_is_said_and_tried_again(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "logs").write_text("a file stands where the folder should be")
    log = EventLog(tmp_path / "logs", clock_ns=clock)
    with pytest.raises(LogUnavailable):
        log.open()
    with pytest.raises(LogUnavailable):
        log.append(event(1))
    assert log.read_back(5) == []
    assert log.live_contacts() == []
    (tmp_path / "logs").unlink()
    clock.now_ns += 2 * S
    log.append(event(2))
    assert log.read_back(5) == [event(2)]


def test_a_file_that_was_taken_away_is_made_again(make) -> None:
    log = make()
    log.append(event(1))
    log.path.unlink()
    log.maintain()
    log.append(event(2))
    assert log.path.read_bytes() == event(2) + b"\n"


def test_a_rotation_that_stopped_half_way_loses_nothing(make) -> None:
    log = make(max_file_bytes=100, max_files=30)
    for i in range(12):
        log.append(event(i))
    log.close()
    for number in range(29, 0, -1):  # all renamed but the newest: a gap in the numbers
        if log.path.with_name(f"antsdr_scan.jsonl.{number}").exists():
            log.path.with_name(f"antsdr_scan.jsonl.{number}").rename(
                log.path.with_name(f"antsdr_scan.jsonl.{number + 1}")
            )
    again = make(max_file_bytes=100, max_files=30)
    assert again.read_back(99) == [event(i) for i in range(12)]
    for i in range(12, 30):
        again.append(event(i))
    assert again.read_back(99) == [event(i) for i in range(30)]


def test_events_are_synced_within_the_promised_time(make, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    log = make(fsync_s=1.0)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(clock.now_ns))
    log.append(event(1))
    log.maintain()
    assert synced == []
    clock.now_ns = S
    log.maintain()
    log.maintain()
    assert synced == [S]
    log.append(event(2))
    clock.now_ns = 2 * S
    log.append(event(3))
    assert synced == [S, 2 * S]
    log.append(event(4))
    log.close()
    assert len(synced) == 3
    log.close()
    assert len(synced) == 3


def test_zero_seconds_sync_every_event(make, monkeypatch: pytest.MonkeyPatch) -> None:
    log = make(fsync_s=0.0)
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    for i in range(3):
        log.append(event(i))
    assert len(synced) == 3


def test_a_disk_that_cannot_sync_says_so_and_recovers(make, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    log = make(fsync_s=0.0)

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(LogUnavailable, match="broken"):
            log.append(event(1))
        with pytest.raises(LogUnavailable):
            log.maintain()
    assert not log.available
    clock.now_ns += 2 * S
    log.append(event(2))
    assert log.available


@pytest.mark.parametrize("body", [b"two\nlines", b"x" * 200])
def test_what_is_no_line_or_fits_no_file_is_the_callers_fault(make, body: bytes) -> None:
    log = make(max_file_bytes=200)
    with pytest.raises(ValueError, match="must be one line of at most 200"):
        log.append(body)
    assert log.available


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 18])
def test_lines_come_back_whole_whatever_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(lines, "_BLOCK_BYTES", block)
    path = tmp_path / "log"
    for content, expected in (
        (b"", []),
        (b"\n", []),
        (b"a", []),
        (b"a\n", [b"a"]),
        (b"a\nbb", [b"a"]),
        (b"\n\na\n\nbbbbbbbb\nc\n", [b"c", b"bbbbbbbb", b"a"]),
        (b"first\nsecond\ntorn torn torn", [b"second", b"first"]),
    ):
        path.write_bytes(content)
        assert list(lines.lines_back(path)) == expected, content
