"""A thread for a blocking library: bounded calls, a hung one left behind, errors handed over, a loop never blocked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from ndefender.system.backend import Offline
from ndefender.system.threaded import Worker

TIMEOUT_S = 0.1
DEADLINE_S = 10.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_calls_run_one_after_the_other_on_one_daemon_thread() -> None:
    worker = Worker("thing", DEADLINE_S)
    threads = await asyncio.gather(*(worker.call(threading.current_thread) for _ in range(5)))
    assert len(set(threads)) == 1
    assert threads[0].daemon
    assert threads[0] is not threading.main_thread()
    worker.close()
    threads[0].join(DEADLINE_S)
    assert not threads[0].is_alive()


@pytest.mark.parametrize("error", [ValueError("seven"), OSError(5, "Input/output error"), TimeoutError("its own")])
async def test_an_error_reaches_who_asked_and_the_thread_lives(error: Exception) -> None:
    def fail() -> None:
        raise error

    worker = Worker("thing", DEADLINE_S)
    with pytest.raises(type(error)) as caught:
        await worker.call(fail)
    assert caught.value is error
    assert await worker.call(lambda: 7) == 7
    worker.close()


async def test_a_hung_call_is_left_behind_and_the_thread_taken_back(gate: threading.Event) -> None:
    worker = Worker("thing", TIMEOUT_S)
    first = await worker.call(threading.current_thread)
    with pytest.raises(Offline, match=r"thing: no answer for 0\.1 s"):
        await worker.call(gate.wait)
    before = threading.active_count()
    started_s = time.monotonic()
    for _ in range(100):
        with pytest.raises(Offline, match="no answer"):
            await worker.call(lambda: 7)
    assert time.monotonic() - started_s < 5.0  # at once, not 100 time-outs
    assert threading.active_count() == before
    gate.set()
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                assert await worker.call(threading.current_thread) is first
                break
            except Offline:
                await asyncio.sleep(0.005)
    worker.close()


async def test_a_cancelled_call_does_not_pass_for_a_free_thread(gate: threading.Event) -> None:
    worker = Worker("thing", DEADLINE_S)
    running = threading.Event()

    def hang() -> None:
        running.set()
        gate.wait()

    call = asyncio.create_task(worker.call(hang))
    while not running.is_set():
        await asyncio.sleep(0.005)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(Offline, match="no answer"):
        await worker.call(lambda: 7)
    worker.close()


async def test_the_loop_goes_on_while_a_call_hangs(gate: threading.Event) -> None:
    worker = Worker("thing", 0.3)
    call = asyncio.create_task(worker.call(gate.wait))
    longest_s, then_s = 0.0, time.monotonic()
    while not call.done():
        await asyncio.sleep(0.005)
        now_s = time.monotonic()
        longest_s, then_s = max(longest_s, now_s - then_s), now_s
    assert longest_s < 0.2
    with pytest.raises(Offline):
        await call
    worker.close()


def test_a_result_after_the_end_of_the_loop_is_dropped(gate: threading.Event) -> None:
    worker = Worker("orphan", TIMEOUT_S)
    done = threading.Event()

    def hang() -> None:
        gate.wait()
        done.set()

    async def ask() -> None:
        with pytest.raises(Offline):
            await worker.call(hang)

    asyncio.run(ask())
    thread = next(thread for thread in threading.enumerate() if thread.name == "system-orphan")
    gate.set()
    assert done.wait(DEADLINE_S)
    worker.close()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
