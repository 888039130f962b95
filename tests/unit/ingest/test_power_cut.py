"""A power cut within the last record, at every byte of it, the writer's repair, and a follower on the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ndefender.events.log import EventLog
from ndefender.ingest.event import BadLine, decode
from ndefender.ingest.follow import Follower

BEFORE = 12
AFTER = 5


def body(n: int) -> bytes:
    return b'{"type":"T","timestamp":%d,"source":"s","data":{"n":%d,"text":"\xf0\x9f\x9b\xb8 {}"}}' % (n, n)


RECORD = body(BEFORE) + b"\n"


def read(follower: Follower) -> list[int]:
    taken = []
    while (lines := follower.read()) is not None:
        for line in lines:
            try:
                taken.append(decode(line.data).timestamp_ms)
            except BadLine:
                taken.append(-1)
    return taken


@pytest.mark.parametrize("had_read", [0, BEFORE - 1, BEFORE])
@pytest.mark.parametrize("looks", [(), ("cut",), ("repaired",), ("cut", "repaired")])
@pytest.mark.parametrize("restarted", [False, True])
def test_no_event_is_merged_lost_or_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, had_read: int, looks: tuple[str, ...], restarted: bool
) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # the disk is not what is tried here
    for left in range(len(RECORD) + 1):
        log = EventLog(tmp_path / str(left), "log.jsonl")
        follower = Follower(log.path)
        position = None
        for n in range(1, BEFORE + 1):
            log.append(body(n))
            if n == had_read:
                while (lines := follower.read()) is not None:
                    position = lines[-1].position if lines else position
        log.close()
        os.truncate(log.path, log.path.stat().st_size - len(RECORD) + left)
        if restarted:
            follower.close()
            follower = Follower(log.path, position)
        taken = list(range(1, had_read + 1))
        if "cut" in looks:
            taken += read(follower)
        again = EventLog(log.path.parent, log.path.name)
        again.open()
        if "repaired" in looks:
            taken += read(follower)
        for n in range(100, 100 + AFTER):
            again.append(body(n))
        again.close()
        taken += read(follower)
        follower.close()
        survived = had_read == BEFORE or left >= len(RECORD) - 1
        expected = [*range(1, BEFORE), *([BEFORE] if survived else []), *range(100, 100 + AFTER)]
        assert taken == expected, f"cut to {left} bytes of the last record"
