"""The kept position: whole whatever happens, the newest that is whole, a disk that refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ndefender.ingest.position import EXACT_LINES, FAR_LINES, MARK_BYTES, OLDER_FILES, Mark, Place, Position
from ndefender.ingest.store import SLOT_BYTES, PositionStore

WRITER = """
import sys
from pathlib import Path
from ndefender.ingest.position import Mark, Position
from ndefender.ingest.store import PositionStore
store = PositionStore(Path(sys.argv[1]))
for n in range(1, 10**9):
    store.save(Position(device=1, inode=2, at=Mark(n, n, "d" * 16), head=Mark(0, 0, "")))
    print(n, flush=True)
"""


def position(n: int) -> Position:
    return Position(device=1, inode=2, at=Mark(n, n, "d"), head=Mark(1, 0, "h"), older=(Mark(3, 0, "o"),))


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    store = PositionStore(tmp_path / "made" / "position")
    assert store.load() is None
    for n in range(1, 6):
        store.save(position(n))
        assert PositionStore(tmp_path / "made" / "position").load() == position(n)
    store.sync()
    store.close()
    again = PositionStore(tmp_path / "made" / "position")
    again.save(position(9))  # without a look before: it must still win
    assert again.load() == position(9)
    assert (tmp_path / "made" / "position").stat().st_size == 2 * SLOT_BYTES


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, b"x", b'{"number":99,"check":"no","position":null}'])
def test_a_damaged_slot_leaves_the_one_before(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "position"
    store = PositionStore(path)
    for n in (1, 2, 3):
        store.save(position(n))
    with path.open("r+b") as file:
        file.seek(3 % 2 * SLOT_BYTES)
        file.write(damage.ljust(300, b"\0"))
    assert PositionStore(path).load() == position(2)


@pytest.mark.parametrize("left", [0, 1, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 50])
def test_a_short_file(tmp_path: Path, left: int) -> None:
    path = tmp_path / "position"
    store = PositionStore(path)
    for n in (1, 2):
        store.save(position(n))
    os.truncate(path, left)
    assert PositionStore(path).load() == (position(2) if left >= SLOT_BYTES - 1 else None)


def test_a_flipped_digit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "position"
    store = PositionStore(path)
    store.save(position(1))
    store.save(position(7))
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"at":[7,', b'"at":[8,'))
    assert PositionStore(path).load() == position(1)


def test_killed_at_any_moment_the_newest_that_was_saved_is_there(tmp_path: Path) -> None:
    path = tmp_path / "position"
    newest = 0
    for life in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(50 + 37 * life):
                newest = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().split()
        newest = int(rest[-1]) if rest and rest[-1].isdigit() else newest
        found = PositionStore(path).load()
        assert found is not None
        assert found.at.line in {newest, newest + 1}


def test_a_disk_that_refuses_keeps_the_position_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "position"
    store = PositionStore(path)
    store.save(position(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            store.save(position(2))
    assert PositionStore(path).load() == position(1)
    store.save(position(3))
    assert PositionStore(path).load() == position(3)


def long_place() -> Place:
    place = Place()
    line = b"x" * 99 + b"\n"
    for _ in range(3 * FAR_LINES):
        data = place.tail + line
        place.step(data, len(place.tail), len(data))
    return place


def test_the_largest_position_fits_into_a_slot(tmp_path: Path) -> None:
    older = tuple(Mark(MARK_BYTES, 0, "f" * 16) for _ in range(OLDER_FILES))
    largest = 2**63 - 1
    made = long_place().position(largest, largest, older)
    wide = Position(
        device=largest,
        inode=largest,
        at=Mark(largest, largest, "f" * 16),
        head=made.head,
        trail=tuple(Mark(largest, largest, "f" * 16) for _ in range(41)),
        older=older,
    )
    assert len(made.trail) <= len(wide.trail)
    PositionStore(tmp_path / "position").save(wide)
    with pytest.raises(ValueError, match="bytes, must be less"):
        PositionStore(tmp_path / "position").save(
            Position(device=1, inode=1, at=made.at, head=made.head, trail=wide.trail * 9)
        )


def test_the_trail_is_exact_near_by_and_sparse_far_off() -> None:
    place = long_place()
    trail = place.position(1, 1, ()).trail
    back = [place.line - mark.line for mark in trail]
    assert back == sorted(back)
    assert back[: EXACT_LINES - 1] == list(range(1, EXACT_LINES))
    assert back[-1] > FAR_LINES // 2
    for near, far in zip(back[EXACT_LINES:], back[EXACT_LINES + 1 :], strict=False):
        assert far <= 2 * near
