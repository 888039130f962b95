from __future__ import annotations

import multiprocessing
import select
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest

from ndefender.ring.queue import Wake, WorkQueue

CONTEXT = multiprocessing.get_context("spawn")


@pytest.fixture
def queue() -> Iterator[WorkQueue]:
    queue = WorkQueue(CONTEXT)
    yield queue
    queue.close()


def readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def test_first_in_first_out(queue: WorkQueue) -> None:
    assert queue.get(0) is None
    assert not readable(queue.fileno())
    for seq in (1, 2, 2**63):
        assert queue.put(seq)
    assert queue.pending() == 3
    assert readable(queue.fileno())
    assert [queue.get(0) for _ in range(4)] == [1, 2, 2**63, None]
    assert queue.pending() == 0


def test_full_queue_refuses_and_does_not_wait(queue: WorkQueue) -> None:
    accepted = 0
    while queue.put(accepted):
        accepted += 1
    assert queue.pending() == accepted
    assert queue.get(0) == 0


def take_all(queue: WorkQueue, out: Connection) -> None:
    taken = []
    while (seq := queue.get(60)) != 0:
        taken.append(seq)
    out.send(taken)


def test_each_number_goes_to_one_process(queue: WorkQueue) -> None:
    ends = [CONTEXT.Pipe(duplex=False) for _ in range(2)]
    children = [CONTEXT.Process(target=take_all, args=(queue, writer)) for _, writer in ends]
    for child in children:
        child.start()
    for seq in range(1, 1001):
        assert queue.put(seq)
    for _ in children:
        assert queue.put(0)
    taken = [reader.recv() for reader, _ in ends]
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    assert sorted(taken[0] + taken[1]) == list(range(1, 1001))
    assert all(part == sorted(part) for part in taken)


def test_wake_is_readable_until_cleared() -> None:
    wake = Wake(CONTEXT)
    assert not readable(wake.fileno())
    for _ in range(100_000):  # more than the pipe holds: never waits
        wake.ring()
    assert readable(wake.fileno())
    wake.clear()
    assert not readable(wake.fileno())
    wake.clear()
    wake.ring()
    assert readable(wake.fileno())
    wake.close()
