"""Events between the tracker thread and the loop: in order, before there is a loop, and when there is none any more."""

from __future__ import annotations

import asyncio

from ndefender.events.bus import Bus
from ndefender.runtime.journal import Told
from ndefender.runtime.outlet import Outlet


def told(seq: int, logged: bool = True) -> Told:
    return Told(seq, b"%d" % seq, logged)


async def test_events_wait_for_the_loop_and_keep_their_order() -> None:
    outlet = Outlet(Bus(10))
    await asyncio.to_thread(outlet.send, [told(1), told(2)])
    assert outlet.bus.last(10) == []
    outlet.loop = asyncio.get_running_loop()
    outlet.publish()
    await asyncio.to_thread(outlet.send, [told(3)])
    await asyncio.sleep(0)
    assert outlet.bus.last(10) == [b"1", b"2", b"3"]


async def test_only_what_no_log_holds_is_handed_on() -> None:
    taken: list[bytes] = []
    outlet = Outlet(Bus(10), taken.extend)
    outlet.send([told(1), told(2, logged=False), told(3), told(4, logged=False)])
    outlet.publish()
    assert taken == [b"2", b"4"]
    outlet.publish()
    assert taken == [b"2", b"4"]


def test_the_last_events_of_a_service_that_ends_fail_nobody() -> None:
    outlet = Outlet(Bus(10))
    outlet.loop = asyncio.new_event_loop()
    outlet.loop.close()
    outlet.send([told(1)])
    assert len(outlet.waiting) == 1
