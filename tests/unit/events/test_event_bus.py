"""The bus: bounded queues, the oldest dropped and counted, numbers without gaps."""

from __future__ import annotations

import asyncio

import pytest

from ndefender.events.bus import Bus


def publish(bus: Bus, first: int, last: int) -> None:
    for i in range(first, last + 1):
        bus.publish(b"%d" % i, i)


async def test_every_subscriber_gets_every_event_in_order() -> None:
    bus = Bus(10)
    one, two = bus.subscribe(100), bus.subscribe(100)
    publish(bus, 1, 5)
    assert [await one.get() for _ in range(5)] == [await two.get() for _ in range(5)] == [b"1", b"2", b"3", b"4", b"5"]
    assert (bus.seq, bus.subscribers, bus.dropped) == (5, 2, 0)


async def test_a_slow_one_loses_its_oldest_and_nobody_else_notices() -> None:
    bus = Bus(10)
    slow, quick = bus.subscribe(3), bus.subscribe(100)
    publish(bus, 1, 8)
    assert (slow.dropped, slow.waiting, quick.dropped) == (5, 3, 0)
    assert [await slow.get() for _ in range(3)] == [b"6", b"7", b"8"]
    assert quick.waiting == 8
    slow.close()
    slow.close()
    assert (bus.dropped, bus.subscribers) == (5, 1)  # the loss stays counted, once
    publish(bus, 9, 9)
    assert slow.waiting == 0


async def test_waiting_ends_with_the_next_event_and_cancelling_loses_nothing() -> None:
    bus = Bus(10)
    subscription = bus.subscribe(5)
    waiting = asyncio.create_task(subscription.get())
    await asyncio.sleep(0)
    waiting.cancel()
    publish(bus, 1, 1)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.wait_for(subscription.get(), 5) == b"1"
    waiting = asyncio.create_task(subscription.get())
    await asyncio.sleep(0)
    publish(bus, 2, 2)
    assert await asyncio.wait_for(waiting, 5) == b"2"


async def test_a_late_one_gets_what_comes_and_can_ask_for_the_last() -> None:
    bus = Bus(4)
    publish(bus, 1, 6)
    late = bus.subscribe(5)
    assert late.waiting == 0
    assert bus.last(2) == [b"5", b"6"]
    assert bus.last(1000) == [b"3", b"4", b"5", b"6"]


async def test_the_buffer_is_primed_from_the_log() -> None:
    bus = Bus(3)
    bus.prime([b"x", b"a", b"b"])
    publish(bus, 1, 1)
    assert bus.last(3) == [b"a", b"b", b"1"]


@pytest.mark.parametrize("wrong", [5, 4, 7, 1])
def test_a_gap_in_the_numbers_is_the_callers_fault(wrong: int) -> None:
    bus = Bus(4)
    bus.publish(b"", 5)
    with pytest.raises(ValueError, match="must be 6"):
        bus.publish(b"", wrong)
    bus.publish(b"", 6)


def test_bounds_are_checked() -> None:
    with pytest.raises(ValueError, match="buffer_events"):
        Bus(0)
    with pytest.raises(ValueError, match="queue_events"):
        Bus(1).subscribe(0)
    with pytest.raises(ValueError, match="limit"):
        Bus(1).last(0)
