from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ndefender.errors import RingError
from ndefender.ring.segment import (
    SHM_FOLDER,
    Segment,
    SegmentSpec,
    attach,
    create,
    segment_name,
    start_ticks,
    sweep_stale,
)

Make = Callable[[int, int], Segment]


def test_slots_are_aligned_and_zeroed(make_segment: Make) -> None:
    segment = make_segment(3, 100)
    for index in range(3):
        words, payload = segment.slot(index)
        assert words.ctypes.data % 64 == 0
        assert payload.ctypes.data % 64 == 0
        assert payload.shape == (100,)
        assert not payload.any()


def test_slots_do_not_overlap(make_segment: Make) -> None:
    segment = make_segment(3, 65)
    for index in range(3):
        segment.slot(index)[1][:] = index + 1
    assert [set(segment.slot(i)[1].tolist()) for i in range(3)] == [{1}, {2}, {3}]
    assert all(not segment.slot(i)[0].any() for i in range(3))


def test_attached_sees_what_the_owner_wrote(make_segment: Make) -> None:
    segment = make_segment(2, 8)
    other = attach(segment.spec)
    segment.slot(1)[1][:] = 7
    assert other.slot(1)[1].tolist() == [7] * 8
    other.close()


def test_attach_refuses_another_layout(make_segment: Make) -> None:
    segment = make_segment(4, 8)
    with pytest.raises(RingError, match="layout"):
        attach(SegmentSpec(segment.spec.name, 2, 8))


def test_attach_refuses_a_larger_layout_than_the_file(make_segment: Make) -> None:
    segment = make_segment(2, 8)
    with pytest.raises(RingError):
        attach(SegmentSpec(segment.spec.name, 200, 800))


def test_attach_without_a_segment() -> None:
    with pytest.raises(RingError, match="cannot be attached"):
        attach(SegmentSpec(segment_name("nowhere"), 2, 8))


def test_create_refuses_a_name_in_use(make_segment: Make) -> None:
    segment = make_segment(2, 8)
    with pytest.raises(RingError, match="exists"):
        create(segment.spec)
    attach(segment.spec).close()  # and left the first one alone


@pytest.mark.parametrize(("slots", "payload_bytes"), [(1, 8), (2, 0)])
def test_create_refuses_an_impossible_layout(slots: int, payload_bytes: int) -> None:
    with pytest.raises(RingError, match="at least 2 of 1"):
        create(SegmentSpec(segment_name("bad"), slots, payload_bytes))


def test_create_without_room_is_an_error_and_leaves_nothing() -> None:
    spec = SegmentSpec(segment_name("huge"), 2, 1 << 50)
    with pytest.raises(RingError):
        create(spec)
    assert not (SHM_FOLDER / spec.name).exists()


def test_only_the_owner_unlinks(make_segment: Make) -> None:
    segment = make_segment(2, 8)
    other = attach(segment.spec)
    with pytest.raises(RingError, match="owner alone"):
        other.unlink()
    other.close()
    segment.unlink()
    segment.unlink()  # safe twice
    assert not (SHM_FOLDER / segment.spec.name).exists()


def test_closed_segment_says_so(make_segment: Make) -> None:
    segment = make_segment(2, 8)
    segment.close()
    segment.close()
    with pytest.raises(RingError, match="closed"):
        segment.slot(0)


def test_views_outlive_close(make_segment: Make) -> None:
    segment = make_segment(2, 8)
    payload = segment.slot(0)[1]
    segment.close()
    payload[:] = 3
    assert payload.tolist() == [3] * 8


def test_start_ticks_of_a_dead_process() -> None:
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    assert start_ticks(int(done.stdout)) is None
    assert start_ticks(os.getpid()) is not None


def test_sweep_removes_what_a_dead_owner_left_and_nothing_else(make_segment: Make) -> None:
    mine = make_segment(2, 8).spec.name
    namespace = f"{Path('/proc/self/ns/pid').stat().st_ino:x}"
    dead = f"ndefender-{namespace}-{os.getpid()}-1-iq"  # our PID, but another process's start
    foreign = "ndefender-0-1-1-iq"  # another namespace: not ours to judge
    stranger = "ndefender-notes.txt"
    for name in (dead, foreign, stranger):
        (SHM_FOLDER / name).touch()
    try:
        assert dead in sweep_stale()
        assert not (SHM_FOLDER / dead).exists()
        assert all((SHM_FOLDER / name).exists() for name in (mine, foreign, stranger))
    finally:
        for name in (foreign, stranger):
            (SHM_FOLDER / name).unlink()


def test_attaching_and_exiting_child_leaves_the_segment(make_segment: Make) -> None:
    spec = make_segment(2, 8).spec
    code = f"from ndefender.ring.segment import *; attach(SegmentSpec({spec.name!r}, 2, 8)).slot(0)[1][:] = 5"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert attach(spec).slot(0)[1].tolist() == [5] * 8


def test_killed_owner_leaves_nothing() -> None:
    code = (
        "import os; from ndefender.ring.segment import *; "
        "print(create(SegmentSpec(segment_name('k'), 2, 8)).spec.name, flush=True); os.kill(os.getpid(), 9)"
    )
    # the resource tracker inherits standard output: end of file means that it is done
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    name = done.stdout.strip()
    assert name.startswith("ndefender-")
    sweep_stale()  # the tracker has swept it or this has
    assert not (SHM_FOLDER / name).exists()
