"""The watch on a log's folder: it wakes for the log, when folders come and go, and polls where it is blind."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ndefender.ingest import wake as wake_module
from ndefender.ingest.wake import Wake

NEVER_S = 60.0  # the poll does not help where the watch is tried
DEADLINE_S = 10.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a" / "b" / "events.jsonl"


@pytest.fixture
async def wake(path: Path) -> AsyncIterator[Wake]:
    made = Wake(path, NEVER_S)
    made.open()
    await made.wait()  # the first look is always due
    yield made
    made.close()


async def wakes(wake: Wake) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await wake.wait()


async def until_watching(wake: Wake, folder: Path) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while wake.watching != folder:
            await wake.wait()


async def quiet(wake: Wake) -> None:
    """All that was to be told was told."""
    for _ in range(20):
        try:
            async with asyncio.timeout(0.02):
                await wake.wait()
        except TimeoutError:
            return
    raise AssertionError("it wakes for nothing")


async def test_it_wakes_when_the_log_changes(wake: Wake, path: Path) -> None:
    assert wake.watching == path.parent.parent.parent
    path.parent.mkdir(parents=True)
    await until_watching(wake, path.parent)
    for change in (
        path.touch,
        lambda: path.write_bytes(b"1"),
        lambda: path.chmod(0o600),
        lambda: path.rename(path.with_name("events.jsonl.1")),
        lambda: path.write_bytes(b"2"),
        path.unlink,
    ):
        await quiet(wake)
        change()
        await wakes(wake)


async def test_it_sleeps_through_what_happens_to_other_files(wake: Wake, path: Path) -> None:
    path.parent.mkdir(parents=True)
    await until_watching(wake, path.parent)
    await quiet(wake)
    path.with_name("other").write_bytes(b"1")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await wake.wait()


async def test_folders_made_one_after_the_other(wake: Wake, path: Path) -> None:
    path.parent.parent.mkdir()
    await until_watching(wake, path.parent.parent)
    path.parent.mkdir()
    await until_watching(wake, path.parent)


@pytest.mark.parametrize("gone", ["deleted", "moved"])
async def test_a_folder_that_goes_and_comes_again(wake: Wake, path: Path, gone: str) -> None:
    for _ in range(3):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"1")
        await until_watching(wake, path.parent)
        await quiet(wake)
        if gone == "deleted":
            shutil.rmtree(path.parent.parent)
        else:
            path.parent.rename(path.parent.with_name("old"))
            shutil.rmtree(path.parent.with_name("old"))
            path.parent.parent.rmdir()
        await until_watching(wake, path.parent.parent.parent)


async def test_a_folder_put_in_the_place_of_the_other_is_found_by_the_next_look(path: Path) -> None:
    wake = Wake(path, 0.05)
    path.parent.mkdir(parents=True)
    wake.open()
    old = path.parent.parent.with_name("old")
    path.parent.parent.rename(old)  # no event: it is its parent that moved
    path.parent.mkdir(parents=True)
    await quiet_after_polls(wake)
    path.write_bytes(b"1")
    wake._poll_s = NEVER_S
    await wakes(wake)
    wake.close()


async def quiet_after_polls(wake: Wake) -> None:
    for _ in range(3):
        await wake.wait()


async def test_without_a_watch_it_polls_and_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(wake_module, "Inotify", refuse)
    wake = Wake(path, 0.01)
    wake.open()
    assert wake.watching is None
    for _ in range(3):
        await wakes(wake)
    wake.close()
    assert [record.message for record in caplog.records] == [
        f"{path} is looked at every 0.01 s only: [Errno 24] Too many open files"
    ]


async def test_closing_twice_and_cancelling_leave_nothing_open(path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        wake = Wake(path, NEVER_S)
        wake.open()
        await wake.wait()
        waiting = asyncio.create_task(wake.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        wake.close()
        wake.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
