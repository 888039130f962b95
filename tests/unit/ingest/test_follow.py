"""What happens to a log's files, one thing at a time, against the follower's steps."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ndefender.events.log import EventLog
from ndefender.ingest.follow import Follower
from ndefender.ingest.position import EXACT_LINES, MARK_BYTES
from ndefender.ingest.reader import CHUNK_BYTES, TOO_LONG, TORN, Line

STEPS = 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log" / "events.jsonl"


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(content)


def events(first: int, last: int) -> bytes:
    return b"".join(b'{"type":"T","event":%d}\n' % n for n in range(first, last + 1))


def rotated(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def shift(path: Path) -> None:
    for number in range(9, 0, -1):
        if rotated(path, number).exists():
            rotated(path, number).rename(rotated(path, number + 1))
    path.rename(rotated(path, 1))


def copy_and_truncate(path: Path) -> None:
    for number in range(9, 0, -1):
        if rotated(path, number).exists():
            rotated(path, number).rename(rotated(path, number + 1))
    shutil.copyfile(path, rotated(path, 1))
    os.truncate(path, 0)


def lines(follower: Follower) -> list[Line]:
    """Everything there is for now."""
    found: list[Line] = []
    for _ in range(STEPS):
        step = follower.read()
        if step is None:
            return found
        found += step
    raise AssertionError("it never comes to rest")


def numbers(follower: Follower) -> list[int]:
    return [int(line.data.rpartition(b":")[2].rstrip(b"}")) for line in lines(follower)]


def test_creation_append_and_half_lines(path: Path) -> None:
    follower = Follower(path)
    assert lines(follower) == []
    write(path, b"")
    assert lines(follower) == []
    write(path, b'{"event":1}\n{"ev')
    assert numbers(follower) == [1]
    write(path, b'ent":2}')
    assert lines(follower) == []
    write(path, b"\n")
    (line,) = lines(follower)
    assert (line.data, line.file, line.line_number, line.fault) == (b'{"event":2}', path.name, 2, "")
    assert line.position.offset == path.stat().st_size


def test_a_character_split_between_writes_comes_whole(path: Path) -> None:
    text = '{"event":"🛸漢"}\n'.encode()
    follower = Follower(path)
    for byte in text:
        write(path, bytes([byte]))
        found = lines(follower)
    assert [line.data for line in found] == [text[:-1]]


def test_empty_lines_count_and_are_left_out(path: Path) -> None:
    write(path, b"\n\n" + events(1, 1) + b"\n" + events(2, 2))
    assert [(line.line_number, line.data) for line in lines(Follower(path))] == [
        (3, events(1, 1)[:-1]),
        (5, events(2, 2)[:-1]),
    ]


def test_a_rotation_drains_the_old_file_first(path: Path) -> None:
    follower = Follower(path)
    write(path, events(1, 3))
    assert numbers(follower) == [1, 2, 3]
    write(path, events(4, 5))
    shift(path)
    write(path, events(6, 7))
    found = lines(follower)
    assert [line.data for line in found] == events(4, 7).splitlines()
    assert [line.line_number for line in found] == [4, 5, 1, 2]
    assert follower.rotations == 1


def test_a_writer_that_goes_on_with_the_renamed_file_is_followed(path: Path) -> None:
    follower = Follower(path)
    write(path, events(1, 1))
    assert numbers(follower) == [1]
    with path.open("ab", buffering=0) as file:
        shift(path)
        path.touch()  # the rotator makes the new file before the writer has been told
        assert numbers(follower) == []
        file.write(events(2, 3))
        assert numbers(follower) == [2, 3]
    write(path, events(4, 4))
    assert numbers(follower) == [4]


@pytest.mark.parametrize("rotate", [shift, copy_and_truncate])
@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("read", [0, 1, 60])
def test_rotations_while_the_reader_was_away(path: Path, rotate: Callable[[Path], None], times: int, read: int) -> None:
    write(path, events(1, read))
    follower = Follower(path)
    before = lines(follower)
    follower.close()
    write(path, events(read + 1, read + 5))
    for time in range(times):
        rotate(path)
        write(path, events(100 * (time + 1), 100 * (time + 1) + 40))
    again = Follower(path, before[-1].position if before else None)
    expected = [*range(read + 1, read + 6)]
    for time in range(times):
        expected += range(100 * (time + 1), 100 * (time + 1) + 41)
    assert numbers(again) == expected
    write(path, events(9000, 9001))
    assert numbers(again) == [9000, 9001]


def test_the_newest_files_inode_is_that_of_the_oldest_dropped(path: Path) -> None:
    """Inode numbers are reused at once: what counts is what stands in the file."""
    log = EventLog(path.parent, path.name, max_file_bytes=60, max_files=2)
    follower = Follower(path)
    taken = []
    for n in range(1, 60):
        log.append(events(n, n)[:-1])
        if n % 5 == 0:
            taken += numbers(follower)
            follower.close()
            assert lines(follower) == []
    log.close()
    assert taken == list(range(1, 56))


def test_copy_and_truncate_under_a_reader_that_is_behind(path: Path) -> None:
    follower = Follower(path)
    write(path, events(1, 2))
    assert numbers(follower) == [1, 2]
    write(path, events(3, 4))
    copy_and_truncate(path)
    assert numbers(follower) == [3, 4]
    write(path, events(5, 5))
    assert numbers(follower) == [5]
    assert follower.changes == 1


def test_a_copy_in_the_making_is_not_read_as_an_older_file(path: Path) -> None:
    write(path, events(1, 50))
    rotated(path, 1).write_bytes(path.read_bytes()[:100])  # in the middle of a line
    follower = Follower(path)
    assert numbers(follower) == list(range(1, 51))


@pytest.mark.parametrize("regrown", [0, 1, 10, 500])
def test_truncation_without_a_copy_begins_again(path: Path, regrown: int) -> None:
    """Also where the file is longer than before when one looks: what was read does not stand there any more."""
    follower = Follower(path)
    write(path, events(1, 10))
    assert numbers(follower) == list(range(1, 11))
    os.truncate(path, 0)
    write(path, events(1001, 1000 + regrown))
    assert numbers(follower) == list(range(1001, 1001 + regrown))


def test_truncation_under_a_writer_that_does_not_append(path: Path) -> None:
    """It goes on at its old offset: the file begins with a hole of zeros."""
    follower = Follower(path)
    path.parent.mkdir()
    with path.open("wb", buffering=0) as file:
        file.write(events(1, 20_000))
        assert numbers(follower) == list(range(1, 20_001))
        os.truncate(path, 0)
        file.write(events(20_001, 20_003))
        assert path.stat().st_size > CHUNK_BYTES
        assert numbers(follower) == [20_001, 20_002, 20_003]


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("lines_cut", range(EXACT_LINES))
def test_a_file_that_is_cut_back_is_resumed_where_it_ends(path: Path, lines_cut: int, away: bool) -> None:
    follower = Follower(path)
    write(path, events(100, 199))
    last = lines(follower)[-1].position
    content = path.read_bytes()
    os.truncate(path, len(content) - lines_cut * len(events(100, 100)))
    if away:
        follower.close()
        follower = Follower(path, last)
    else:
        assert numbers(follower) == []
    write(path, events(300, 310))
    assert numbers(follower) == list(range(300, 311))


@pytest.mark.parametrize("away", [False, True])
def test_a_file_that_is_cut_back_within_its_first_line_and_mended_repeats_nothing(path: Path, away: bool) -> None:
    follower = Follower(path)
    write(path, events(100, 102))
    last = lines(follower)[-1].position
    os.truncate(path, len(events(100, 100)) - 1)
    if away:
        follower.close()
        follower = Follower(path, last)
    assert numbers(follower) == []
    write(path, b"\n" + events(300, 301))
    assert numbers(follower) == [300, 301]


def test_a_deep_cut_repeats_no_more_than_was_cut(path: Path) -> None:
    write(path, events(1000, 2999))
    follower = Follower(path)
    assert len(lines(follower)) == 2000
    for cut in (20, 100, 700):
        content = path.read_bytes().splitlines(keepends=True)
        os.truncate(path, sum(map(len, content[:-cut])))
        write(path, events(3000, 3001))
        found = numbers(follower)
        assert found[-2:] == [3000, 3001]
        assert len(found) - 2 <= cut


def test_deleted_and_made_again(path: Path) -> None:
    follower = Follower(path)
    write(path, events(1, 3))
    assert numbers(follower) == [1, 2, 3]
    path.unlink()
    assert numbers(follower) == []
    write(path, events(4, 5))
    assert numbers(follower) == [4, 5]


def test_what_is_still_written_to_a_deleted_file_is_read(path: Path) -> None:
    follower = Follower(path)
    write(path, events(1, 1))
    assert numbers(follower) == [1]
    with path.open("ab", buffering=0) as file:
        path.unlink()
        file.write(events(2, 2))
        assert numbers(follower) == [2]
    write(path, events(3, 3))
    assert numbers(follower) == [3]


def test_the_folder_deleted_and_made_again(path: Path) -> None:
    follower = Follower(path)
    write(path, events(1, 3))
    shift(path)
    write(path, events(4, 4))
    assert numbers(follower) == [1, 2, 3, 4]
    shutil.rmtree(path.parent)
    assert numbers(follower) == []
    write(path, events(5, 6))
    assert numbers(follower) == [5, 6]


def test_rotated_files_that_were_read_are_not_read_again_when_the_newest_is_gone(path: Path) -> None:
    follower = Follower(path)
    for first in (1, 11, 21):
        write(path, events(first, first + 9))
        shift(path)
    write(path, events(31, 31))
    position = lines(follower)[-1].position
    path.unlink()
    write(path, events(32, 33))
    shift(path)
    write(path, events(34, 34))
    assert numbers(follower) == [32, 33, 34]
    assert numbers(Follower(path, position)) == [32, 33, 34]


def test_replaced_by_another_file(path: Path) -> None:
    follower = Follower(path)
    write(path, events(1, 3))
    assert numbers(follower) == [1, 2, 3]
    other = path.with_name("other")
    other.write_bytes(events(7, 9))
    other.replace(path)
    assert numbers(follower) == [7, 8, 9]


@pytest.mark.parametrize("away", [False, True])
def test_replaced_by_a_copy_of_itself_nothing_is_repeated(path: Path, away: bool) -> None:
    follower = Follower(path)
    write(path, events(1, 200))
    last = lines(follower)[-1].position
    other = path.with_name("other")
    other.write_bytes(path.read_bytes() + events(201, 203))
    other.replace(path)
    assert numbers(Follower(path, last) if away else follower) == [201, 202, 203]


def test_moved_to_another_disk_with_its_rotations(path: Path, tmp_path: Path) -> None:
    write(path, events(1, 200))
    last = lines(Follower(path))[-1].position
    write(path, events(201, 210))
    shift(path)
    write(path, events(211, 220))
    moved = tmp_path / "moved"
    shutil.copytree(path.parent, moved)
    assert numbers(Follower(moved / path.name, last)) == list(range(201, 221))


def test_a_line_that_is_too_long_is_given_short_and_skipped(path: Path) -> None:
    follower = Follower(path, max_line_bytes=100)
    for size in (99, 101, CHUNK_BYTES, 3 * CHUNK_BYTES):
        write(path, b"x" * size + b"\n" + events(1, 1))
        first, second = lines(follower)
        assert (first.fault, len(first.data)) == (("", size) if size <= 100 else (TOO_LONG, min(size, 200)))
        assert second.data == events(1, 1)[:-1]
        assert second.line_number == first.line_number + 1


def test_a_line_that_is_too_long_comes_in_pieces_and_is_cut_back(path: Path) -> None:
    follower = Follower(path, max_line_bytes=100)
    write(path, events(1, 5) + b"x" * 3 * CHUNK_BYTES)
    assert numbers(follower) == [1, 2, 3, 4, 5]
    os.truncate(path, len(events(1, 5)))
    assert lines(follower) == []
    write(path, events(6, 5000) + b"x" * 3 * CHUNK_BYTES)
    assert path.stat().st_size > 4 * CHUNK_BYTES
    assert numbers(follower) == list(range(6, 5001))


def test_memory_is_bounded_on_a_line_without_end(path: Path) -> None:
    follower = Follower(path, max_line_bytes=1000)
    sizes = []
    real = os.pread

    def spy(fd: int, size: int, offset: int) -> bytes:
        sizes.append(size)
        return real(fd, size, offset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pread", spy)
        write(path, b"x" * 2_000_000)
        assert lines(follower) == []
        write(path, b"\n" + events(1, 1))
        assert len(lines(follower)) == 2
    assert max(sizes) <= CHUNK_BYTES + MARK_BYTES


def test_the_half_line_at_the_end_of_a_rotated_file(path: Path) -> None:
    follower = Follower(path)
    write(path, events(1, 1) + b'{"event":')
    assert numbers(follower) == [1]
    shift(path)
    write(path, events(2, 2))
    torn, after = lines(follower)
    assert (torn.data, torn.fault, torn.line_number) == (b'{"event":', TORN, 2)
    assert after.data == events(2, 2)[:-1]
    assert numbers(Follower(path, torn.position)) == [2]


def test_a_file_that_cannot_be_read_says_so_and_recovers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(path)
    write(path, events(1, 2))
    assert numbers(follower) == [1, 2]
    real = os.pread

    def refuse(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", refuse)
    write(path, events(3, 3))
    assert follower.read() is None
    assert "Input/output error" in follower.error
    monkeypatch.setattr(os, "pread", real)
    assert numbers(follower) == [3]
    assert follower.error == ""


def test_permissions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest file is waited for; a rotated one that is closed to us holds nothing up."""
    write(path, events(1, 2))
    shift(path)
    write(path, events(3, 4))
    closed = {path.name}
    real = os.open

    def guarded(file: Path, flags: int, *more: int) -> int:
        if Path(file).name in closed:
            raise PermissionError(13, "Permission denied", str(file))
        return real(file, flags, *more)

    monkeypatch.setattr(os, "open", guarded)
    follower = Follower(path)
    assert numbers(follower) == [1, 2]
    assert "Permission denied" in follower.error
    closed.clear()
    assert numbers(follower) == [3, 4]
    closed.add(rotated(path, 1).name)
    assert numbers(Follower(path)) == [3, 4]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_waited_out(path: Path, make: Callable[[Path], None]) -> None:
    path.parent.mkdir()
    make(path)
    follower = Follower(path)
    assert lines(follower) == []
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    write(path, events(1, 1))
    assert numbers(follower) == [1]


def test_a_log_behind_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    write(real, events(1, 1))
    path.parent.mkdir()
    path.symlink_to(real)
    follower = Follower(path)
    assert numbers(follower) == [1]
    write(real, events(2, 2))
    assert numbers(follower) == [2]


def test_lag_is_what_is_there_and_was_not_read(path: Path) -> None:
    follower = Follower(path)
    assert follower.lag_bytes() == 0
    write(path, events(1, 3))
    assert follower.lag_bytes() == len(events(1, 3))
    lines(follower)
    assert follower.lag_bytes() == 0
    write(path, events(4, 4))
    shift(path)
    write(path, events(5, 6))
    assert follower.lag_bytes() == len(events(4, 6))
    lines(follower)
    assert follower.lag_bytes() == 0
    assert follower.bytes_read == len(events(1, 6))


def test_a_few_bytes_that_any_line_begins_with_are_no_place_in_the_next_file(path: Path) -> None:
    """A torn half line is read to its end; the next files begin with the same bytes, and are read from theirs."""
    follower = Follower(path)
    write(path, b'{"ty')
    shift(path)
    write(path, events(1, 2))
    torn, first, second = lines(follower)
    assert (torn.data, torn.fault) == (b'{"ty', TORN)
    assert [first.data, second.data] == events(1, 2).split(b"\n")[:2]
    assert [line.data for line in lines(Follower(path, torn.position)) if not line.fault] == [first.data, second.data]
    shift(path)
    write(path, events(3, 3))
    assert numbers(Follower(path, second.position)) == [3]


def test_a_half_line_that_was_replaced_before_it_ended_is_looked_for_in_the_copy_first(path: Path) -> None:
    """Nothing whole was read of the file, so only the half line tells that the file was emptied since."""
    follower = Follower(path)
    write(path, events(1, 1)[:9])
    assert numbers(follower) == []
    write(path, events(1, 1)[9:])
    copy_and_truncate(path)
    write(path, b" " + events(2, 2))
    path.unlink()
    write(path, events(3, 3))
    assert numbers(follower) == [1, 3]


def test_a_long_line_that_another_file_holds_at_the_same_place_is_no_proof(path: Path) -> None:
    long = b"z" * (2 * MARK_BYTES) + b"\n"
    write(path, events(1, 1) + long)
    shift(path)
    write(path, events(2, 2) + long + events(4, 4))
    follower = Follower(path)
    assert [line.line_number for line in lines(follower)] == [1, 2, 1, 2, 3]
    path.unlink()
    write(path, events(5, 5))
    assert numbers(follower) == [5]
