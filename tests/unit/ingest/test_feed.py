"""A feed: spellings, bad lines, the order of sink and position, and the loop's time."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ndefender.events.log import EventLog
from ndefender.ingest.event import BadLine, FeedEvent, decode
from ndefender.ingest.feed import Feed
from ndefender.ingest.store import PositionStore
from ndefender.ingest.tail import Tailer

DEADLINE_S = 20.0
NEVER_S = 60.0


def line(n: int = 1, **more: object) -> bytes:
    return json.dumps(
        {"type": "T", "timestamp": 1_700_000_000_000 + n, "source": "s", "data": {"n": n}} | more
    ).encode()


class Rig:
    """A log, a feed on it and what came out."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log" / "events.jsonl"
        self.position = folder / "state" / "position"
        self.taken: list[FeedEvent] = []
        self.sink: Callable[[FeedEvent], None] = self.taken.append
        self.feed: Feed | None = None
        self.now_s = 0.0

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[Feed]:
        store = PositionStore(self.position)
        tailer = Tailer(self.path, store.load(), **({"poll_s": NEVER_S} | settings))
        feed = Feed("events", tailer, store, self.sink, lambda: self.now_s)
        task = asyncio.create_task(feed.run())
        try:
            yield feed
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def write(self, *lines: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(b"".join(each + b"\n" for each in lines))

    def numbers(self) -> list[object]:
        return [event.data["n"] for event in self.taken]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await asyncio.sleep(0.001)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.mark.parametrize("key", ["timestamp", "timestamp_ms"])
def test_both_spellings_of_the_time(key: str) -> None:
    written = {"type": "CONTACT_NEW", key: 1_700_000_000_001, "source": "remoteid", "data": {"id": "rid:1"}}
    event = decode(json.dumps(written).encode())
    assert (event.type, event.timestamp_ms, event.source) == ("CONTACT_NEW", 1_700_000_000_001, "remoteid")
    assert event.data == {"id": "rid:1"}
    assert (event.seq, event.boot_id, event.simulated) == (None, None, False)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"last_ts": 5}, {"last_ts": 5}),
        ({"last_update_ms": 5}, {"last_ts": 5}),
        ({"last_update_ms": 6, "last_ts": 5}, {"last_ts": 5}),
        ({"state": "ok"}, {"state": "ok"}),
    ],
)
def test_both_spellings_of_the_newest_telemetry(data: dict[str, object], expected: dict[str, object]) -> None:
    assert decode(line(type="TELEMETRY_UPDATE", data=data)).data == expected
    assert decode(line(type="CONTACT_UPDATE", data=data)).data == data


def test_the_rest_passes_through_field_for_field() -> None:
    data = {"n": 1, "x": None, "y": [1, {"z": 2.5}], "text": "🛸", "big": 2**80, "simulated": True}
    event = decode(line(data=data, seq=7, boot_id="b"))
    assert event.data == data
    assert (event.seq, event.boot_id, event.simulated) == (7, "b", True)
    assert decode(line(timestamp=1.7e12)).timestamp_ms == 1_700_000_000_000


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"no event",
        b"\xff\xfe{}",
        b"\0\0\0",
        b"[]",
        b"{}",
        line()[:-1],
        line() + line(),
        line(data=[]),
        line(type=5),
        line(timestamp=None),
        line(timestamp="1700000000000"),
        line(timestamp=-1),
        line(timestamp=10**18),
        line(timestamp=True),
        line(seq="7"),
        line().replace(b'"n": 1', b'"n": NaN'),
        line().replace(b'"n": 1', b'"n": ' + b"[" * 100_000 + b"]" * 100_000),
        line().replace(b'"n": 1', b'"n": "\\ud800"'),
    ],
)
def test_what_is_no_event(bad: bytes) -> None:
    with pytest.raises(BadLine):
        decode(bad)


async def test_events_come_as_they_are_written(rig: Rig) -> None:
    async with rig.running() as feed:
        await asyncio.sleep(0)
        log = EventLog(rig.path.parent, rig.path.name, max_file_bytes=300, max_files=100)
        for n in range(30):
            log.append(line(n))
            await rig.until(lambda n=n: len(rig.taken) == n + 1)
        log.close()
        assert rig.numbers() == list(range(30))
        stats = feed.stats()
        assert (stats.lines, stats.events, stats.bad_lines, stats.lag_bytes) == (30, 30, 0, 0)
        assert stats.rotations > 5
        assert stats.bytes == sum(len(line(n)) + 1 for n in range(30))


async def test_a_restart_goes_on_where_it_was(rig: Rig) -> None:
    for n in range(5):
        rig.write(line(n))
        async with rig.running():
            await rig.until(lambda n=n: len(rig.taken) == n + 1)
    rig.write(line(5))
    rig.path.rename(rig.path.with_name("events.jsonl.1"))
    rig.write(line(6))
    async with rig.running():
        await rig.until(lambda: len(rig.taken) == 7)
    assert rig.numbers() == list(range(7))


async def test_bad_lines_are_counted_named_and_skipped(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with rig.running(max_line_bytes=500) as feed:
        rig.write(line(1), b"\xffbad", b"x" * 1000, b"", line(2))
        await rig.until(lambda: len(rig.taken) == 2)
        assert (feed.stats().lines, feed.stats().bad_lines) == (4, 2)
        (first,) = caplog.messages
        assert first.startswith("events: events.jsonl line 2 is no event (")
        assert first.endswith(": '\\\\xffbad'")
        rig.now_s = 60.0
        rig.write(b"worse", line(3))
        await rig.until(lambda: len(rig.taken) == 3)
    assert caplog.messages[1].startswith("events: events.jsonl line 6 is no event (")
    assert caplog.messages[1].endswith("; 1 more were not shown")
    assert rig.numbers() == [1, 2, 3]


async def test_the_position_is_kept_after_the_sink_took_the_event(rig: Rig) -> None:
    early: list[object] = []

    def sink(event: FeedEvent) -> None:
        kept = PositionStore(rig.position).load()
        if kept is not None and kept.at.line >= len(rig.taken) + 1:
            early.append(event.data["n"])
        rig.taken.append(event)

    rig.sink = sink
    rig.path.parent.mkdir()
    async with rig.running():
        for n in range(1, 40):
            rig.write(line(n))
            await rig.until(lambda n=n: len(rig.taken) == n)
            await rig.until(lambda: PositionStore(rig.position).load() == rig.taken[-1].position)
    assert early == []


async def test_a_slow_disk_does_not_hold_up_the_events(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest position is kept, those between are not queued up, and none is kept after a newer one."""
    hold, writing = threading.Event(), threading.Event()
    real = os.pwrite
    written = []

    def slow(fd: int, data: bytes, offset: int) -> int:
        writing.set()
        hold.wait(DEADLINE_S)
        written.append(data)
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", slow)
    async with rig.running():
        rig.write(line(0))
        await rig.until(writing.is_set)
        rig.write(*(line(n) for n in range(1, 100)))
        await rig.until(lambda: len(rig.taken) == 100)
        hold.set()
        await rig.until(lambda: PositionStore(rig.position).load() == rig.taken[-1].position)
    assert len(written) == 2


async def test_stopping_keeps_the_newest_position(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    rig.write(line(1), line(2))
    feed = Feed("events", Tailer(rig.path), PositionStore(rig.position), rig.taken.append)
    monkeypatch.setattr(feed, "_keep", never)
    task = asyncio.create_task(feed.run())
    await rig.until(lambda: len(rig.taken) == 2)
    assert PositionStore(rig.position).load() is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert PositionStore(rig.position).load() == rig.taken[-1].position


async def test_a_sink_that_raises_ends_the_feed_before_that_event(rig: Rig) -> None:
    def sink(event: FeedEvent) -> None:
        if event.data["n"] == 2:
            raise LookupError("no")
        rig.taken.append(event)

    rig.write(line(1), line(2), line(3))
    store = PositionStore(rig.position)
    with pytest.raises(LookupError):
        await Feed("events", Tailer(rig.path), store, sink).run()
    rig.sink = rig.taken.append
    async with rig.running():
        await rig.until(lambda: len(rig.taken) == 3)
    assert rig.numbers() == [1, 2, 3]


async def test_a_position_that_cannot_be_kept_stops_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.pwrite

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    async with rig.running() as feed:
        monkeypatch.setattr(os, "pwrite", refuse)
        rig.write(line(1), line(2))
        await rig.until(lambda: len(rig.taken) == 2)
        await rig.until(lambda: "No space" in feed.stats().position_error)
        assert len(caplog.records) == 1
        monkeypatch.setattr(os, "pwrite", real)
        rig.write(line(3))
        await rig.until(lambda: len(rig.taken) == 3 and feed.stats().position_error == "")
        assert PositionStore(rig.position).load() == rig.taken[-1].position


async def test_a_torn_line_that_is_whole_but_for_its_newline_is_an_event(rig: Rig) -> None:
    rig.write(line(1))
    with rig.path.open("ab") as file:
        file.write(line(2))
    rig.path.rename(rig.path.with_name("events.jsonl.1"))
    rig.write(line(3))
    async with rig.running() as feed:
        await rig.until(lambda: len(rig.taken) == 3)
        assert feed.stats().bad_lines == 0
    assert rig.numbers() == [1, 2, 3]


async def test_a_backlog_leaves_the_loop_its_turns(rig: Rig) -> None:
    rig.write(*(line(n) for n in range(2000)))
    async with rig.running():
        seen = []
        while len(rig.taken) < 2000:
            seen.append(len(rig.taken))
            await asyncio.sleep(0)
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 16


async def test_without_a_kernel_watch_the_poll_finds_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ndefender.ingest.wake.Inotify", lambda **_: (_ for _ in ()).throw(OSError(24, "limit")))
    async with rig.running(poll_s=0.01):
        rig.write(line(1))
        await rig.until(lambda: len(rig.taken) == 1)
        rig.write(line(2))
        await rig.until(lambda: len(rig.taken) == 2)
