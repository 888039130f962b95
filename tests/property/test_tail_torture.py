"""A log that is hurt at random, and a follower that must take every event that is owed once and in order.

The short form of `benchmarks/tail.py`; `tail_world.py` says what is owed, and why.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tail_local import LocalFollower
from tail_reader import RemoteFollower
from tail_world import NAME, World

from ndefender.ingest import files, follow

GREEDS = (0.1, 0.3, 0.6, 0.9)
NOTHING_WRONG = {"lost": 0, "repeated": 0, "out_of_order": 0, "made_up": 0}


def torture(folder: Path, seed: int, operations: int) -> tuple[World, LocalFollower]:
    path = folder / "log" / NAME
    subject = LocalFollower(path, random.Random(seed + 1), GREEDS[seed % len(GREEDS)])
    world = World(path.parent, random.Random(seed), subject)
    try:
        for _ in range(operations):
            world.act()
        world.finish()
    finally:
        world.close()
        subject.kill()
    return world, subject


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_repeated_or_out_of_order(tmp_path: Path, seed: int) -> None:
    world, subject = torture(tmp_path, seed, 250)
    assert world.verdict() == NOTHING_WRONG
    assert len(subject.taken) > 200


@pytest.mark.parametrize("seed", [101, 102])
def test_a_follower_that_is_killed_with_sigkill(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "log" / NAME
    subject = RemoteFollower(path, tmp_path)
    world = World(path.parent, random.Random(seed), subject)
    try:
        for _ in range(200):
            world.act()
        world.kill()
        world.finish()
    finally:
        world.close()
        subject.close()
    assert world.verdict() == NOTHING_WRONG
    assert subject.kills >= 1


def _forgets_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "find", lambda listing, position: None)


def _believes_inode_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.LogFile, "holds", lambda self, mark: True)


def _does_not_look_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_cut_back", lambda *_: None)


def _leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    real = follow.entries
    monkeypatch.setattr(follow, "entries", lambda path: real(path)[:1])


def _forgets_what_is_older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "heads", lambda listing: [])
    monkeypatch.setattr(follow, "OLDER_FILES", 0)


@pytest.mark.parametrize(
    "fault",
    [_forgets_its_place, _believes_inode_numbers, _does_not_look_back, _leaves_at_once, _forgets_what_is_older],
)
def test_the_torture_finds_a_follower_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    fault(monkeypatch)
    for seed in range(12):
        try:
            world, _ = torture(tmp_path / str(seed), seed, 250)
        except AssertionError:
            return
        if world.verdict() != NOTHING_WRONG:
            return
    pytest.fail("the torture did not notice")
