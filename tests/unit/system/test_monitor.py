"""One part of the host watched: periods, changes, faults of every kind, recovery. Time is virtual, figures exact."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.host_parts import FakePart, Stubborn, Unshowable, hang, raising, returning
from support.virtual_time import run_virtually

from ndefender.errors import CommandRejected
from ndefender.events.host import NetworkSection, ServicesSection, ServiceState, SystemSection, UpsSection
from ndefender.system.backend import Absent, Offline
from ndefender.system.monitor import Monitor

TIMEOUT_S = 2.0
REPORTED_S = 3.0
FINE = SystemSection(uptime_s=1.0, cpu_usage_percent=12.5)


class Seen:
    """What a monitor published, and when."""

    def __init__(self) -> None:
        self.sections: list[SystemSection] = []
        self.at_s: list[float] = []

    def __call__(self, section: SystemSection) -> None:
        self.sections.append(section)
        self.at_s.append(asyncio.get_running_loop().time())

    def first_s(self, status: str, since_s: float = 0.0) -> float:
        """When a status was first published."""
        return next(
            at
            for at, section in zip(self.at_s, self.sections, strict=True)
            if at >= since_s - 1e-3 and section.status == status
        )


def watched(part: FakePart[SystemSection], seen: Seen, *, simulated: bool = False) -> Monitor[SystemSection]:
    clock = asyncio.get_running_loop().time
    return Monitor(part, SystemSection, seen, TIMEOUT_S, clock, simulated=simulated)


def after(
    seconds_s: float, part_does: Callable[[FakePart[SystemSection]], None] | None = None, *, period_s: float = 2.0
) -> tuple[FakePart[SystemSection], Seen]:
    """Watch a part for so long."""

    async def work() -> tuple[FakePart[SystemSection], Seen]:
        part, seen = FakePart("system", FINE, period_s), Seen()
        if part_does is not None:
            part_does(part)
        monitor = watched(part, seen)
        monitor.start()
        await asyncio.sleep(seconds_s)
        await monitor.stop()
        return part, seen

    return run_virtually(work())


@pytest.mark.parametrize("period_s", [0.5, 2.0, 3.0, 5.0])
def test_it_publishes_at_its_period_when_nothing_changes(period_s: float) -> None:
    part, seen = after(10 * period_s + 0.1, period_s=period_s)
    assert seen.at_s == pytest.approx([k * period_s for k in range(11)], abs=1e-6)
    assert seen.sections == [FINE] * 11
    assert part.most_at_once == 1
    assert part.closed == 1


def test_a_slow_part_keeps_its_period() -> None:
    def slow(part: FakePart[SystemSection]) -> None:
        part.latency_s = 0.3

    _, seen = after(20.2, slow)
    assert seen.at_s == pytest.approx([2.0 * k + 0.3 for k in range(10)], abs=1e-6)


def nonsense(name: str, value: object, **others: object) -> dict[str, object]:
    """Fields of a section that no type checker would let through."""
    return {name: value, **others}


FAULTS: dict[str, Callable[[], Callable[[], Awaitable[object]]]] = {
    "hangs": lambda: hang,
    "hangs and swallows a cancellation": lambda: Stubborn(1),
    "hangs and swallows three": lambda: Stubborn(3),
    "hangs and swallows every one for a while": lambda: Stubborn(18),
    "is offline": lambda: raising(Offline("no such bus")),
    "is offline without a word": lambda: raising(Offline("")),
    "is offline for something that is no text": lambda: raising(Offline(*[FINE])),
    "raises": lambda: raising(KeyError("GetAll")),
    "raises a time-out": lambda: raising(TimeoutError()),
    "raises what cannot be shown": lambda: raising(Unshowable()),
    "raises a cancellation nobody asked for": lambda: raising(asyncio.CancelledError()),
    "raises what is no Exception": lambda: raising(GeneratorExit()),
    "raises a rejection": lambda: raising(CommandRejected(409, "x", "y")),
    "raises control characters": lambda: raising(OSError("\x1b[31m\n\0 lone \ud800 " + "x" * 10_000)),
    "returns nothing": lambda: returning(None),
    "returns another section": lambda: returning(UpsSection()),
    "returns a text for a number": lambda: returning(SystemSection(**nonsense("uptime_s", "long"))),
    "returns a number beyond JSON": lambda: returning(SystemSection(**nonsense("load_1m", 1j))),
    "returns a status that is none": lambda: returning(SystemSection(**nonsense("status", "great"))),
    "returns an object": lambda: returning(SystemSection(**nonsense("uptime_s", object()))),
    "returns half a character": lambda: returning(SystemSection(**nonsense("last_error", "\ud800", status="degraded"))),
}


@pytest.mark.parametrize("fault", FAULTS)
@given(
    fault_s=st.floats(0.0, 7.0), period_s=st.sampled_from([1.0, 2.0, 3.0, 5.0]), latency_s=st.sampled_from([0.0, 0.4])
)
@settings(max_examples=8, deadline=None, derandomize=True)
def test_a_fault_is_reported_in_time_and_its_end_too(
    fault: str, fault_s: float, period_s: float, latency_s: float
) -> None:
    async def work() -> tuple[FakePart[SystemSection], Seen, SystemSection]:
        part, seen = FakePart("system", FINE, period_s), Seen()
        part.latency_s = latency_s
        monitor = watched(part, seen)
        monitor.start()
        await asyncio.sleep(fault_s)
        part.act = FAULTS[fault]()
        await asyncio.sleep(20.0 - fault_s)
        at_20_s = monitor.section
        part.act = None
        await asyncio.sleep(8.0)
        await monitor.stop()
        return part, seen, at_20_s

    part, seen, at_20_s = run_virtually(work())
    reported_s = seen.first_s("offline", fault_s)
    assert reported_s - fault_s <= REPORTED_S
    assert at_20_s.status == "offline"
    reason = at_20_s.last_error
    assert reason
    assert reason.isprintable()
    assert len(reason) <= 300
    assert at_20_s == SystemSection(status="offline", last_error=reason)
    assert seen.sections[-1] == FINE
    assert part.most_at_once == 1
    # Offline or not, the section is said at its period.
    steps_s = [b - a for a, b in zip(seen.at_s, seen.at_s[1:], strict=False)]
    assert max(steps_s) <= period_s + TIMEOUT_S + 0.1
    if "every one" not in fault:
        assert seen.first_s("ok", 20.0) - 20.0 <= REPORTED_S


def test_a_part_that_swallows_every_cancellation_is_never_read_beside_itself() -> None:
    stubborn = Stubborn(10_000)

    def never_gives_up(part: FakePart[SystemSection]) -> None:
        part.act = stubborn

    async def work() -> tuple[FakePart[SystemSection], Seen]:
        part, seen = FakePart("system", FINE), Seen()
        never_gives_up(part)
        monitor = watched(part, seen)
        monitor.start()
        await asyncio.sleep(100.0)
        await monitor.stop()
        stubborn.left = 0
        return part, seen

    part, seen = run_virtually(work())
    assert len(part.reads_s) == 1
    assert {section.status for section in seen.sections} == {"offline"}
    assert "does not give up" in (seen.sections[-1].last_error or "")
    assert len(seen.sections) == pytest.approx(50, abs=3)


def test_no_number_is_null_and_not_a_fault() -> None:
    def not_a_number(part: FakePart[SystemSection]) -> None:
        part.section = SystemSection(cpu_temp_c=math.nan, load_1m=math.inf, uptime_s=3.0)

    _, seen = after(1.0, not_a_number)
    assert seen.sections == [SystemSection(uptime_s=3.0)]


def test_a_change_beyond_the_dead_band_is_published_when_it_is_signalled() -> None:
    async def work() -> tuple[Seen, SystemSection]:
        part, seen = FakePart("system", FINE, 5.0), Seen()
        part.changed_by = lambda before, after: abs(after.load_1m - before.load_1m) > 1.0
        part.section = SystemSection(load_1m=1.0)
        monitor = watched(part, seen)
        monitor.start()
        await asyncio.sleep(1.35)
        part.section = SystemSection(load_1m=1.5)  # within
        part.signals.put_nowait(None)
        await asyncio.sleep(0.2)
        within = monitor.section
        part.section = SystemSection(load_1m=2.5)  # beyond what was published, though not beyond what was read
        part.signals.put_nowait(None)
        await asyncio.sleep(2.0)
        await monitor.stop()
        return seen, within

    seen, within = run_virtually(work())
    assert within == SystemSection(load_1m=1.5)
    assert [section.load_1m for section in seen.sections] == [1.0, 2.5]
    assert seen.at_s[1] == pytest.approx(1.55, abs=0.11)


def test_a_change_without_a_signal_is_published_within_a_second() -> None:
    async def work() -> Seen:
        part, seen = FakePart("system", FINE, 5.0), Seen()
        monitor = watched(part, seen)
        monitor.start()
        await asyncio.sleep(2.0)
        part.section = SystemSection(uptime_s=9.0)
        await asyncio.sleep(1.0)
        await monitor.stop()
        return seen

    assert [section.uptime_s for section in run_virtually(work()).sections] == [1.0, 9.0]


@pytest.mark.parametrize("answer", [KeyError("x"), Unshowable()])
def test_a_comparison_that_raises_makes_the_section_offline(answer: Exception) -> None:
    def compares_badly(part: FakePart[SystemSection]) -> None:
        def changed(before: SystemSection, after: SystemSection) -> bool:
            raise answer

        part.changed_by = changed

    _, seen = after(3.0, compares_badly)
    assert "offline" in {section.status for section in seen.sections}


def test_ten_thousand_signals_a_second_are_ten_reads_a_second() -> None:
    class Fast(FakePart[SystemSection]):
        taken = 0

        async def watch(self) -> AsyncIterator[None]:
            while True:
                for _ in range(10):
                    self.taken += 1
                    yield
                await asyncio.sleep(0.001)

    async def work() -> Fast:
        part = Fast("system", FINE)
        monitor = watched(part, Seen())
        monitor.start()
        await asyncio.sleep(5.0)
        await monitor.stop()
        return part

    part = run_virtually(work())
    assert part.taken == pytest.approx(50_000, rel=0.02)
    assert 45 <= len(part.reads_s) <= 51
    assert part.most_at_once == 1


def test_a_watch_that_never_pauses_is_taken_in_bounded_portions() -> None:
    class Spinning(FakePart[SystemSection]):
        taken = 0

        async def watch(self) -> AsyncIterator[None]:
            while True:
                self.taken += 1
                yield

    async def work() -> tuple[Spinning, Seen]:
        part, seen = Spinning("system", FINE), Seen()
        monitor = watched(part, seen)
        monitor.start()
        await asyncio.sleep(4.05)
        await monitor.stop()
        return part, seen

    part, seen = run_virtually(work())
    assert part.taken <= 42 * 2000
    assert len(part.reads_s) <= 42
    assert seen.at_s == pytest.approx([0.0, 2.0, 4.0], abs=0.11)


def test_a_signal_during_a_read_is_not_lost() -> None:
    async def work() -> FakePart[SystemSection]:
        part = FakePart("system", FINE, 5.0)
        part.latency_s = 0.5
        monitor = watched(part, Seen())
        monitor.start()
        await asyncio.sleep(0.2)
        part.signals.put_nowait(None)
        await asyncio.sleep(0.4)
        await monitor.stop()
        return part

    assert run_virtually(work()).reads_s == pytest.approx([0.0, 0.5], abs=0.01)


@pytest.mark.parametrize("error", [Offline("the bus went"), KeyError("x"), Unshowable(), asyncio.CancelledError()])
def test_a_watch_that_dies_comes_back(error: BaseException) -> None:
    async def work() -> tuple[FakePart[SystemSection], Seen]:
        part, seen = FakePart("system", FINE, 5.0), Seen()
        monitor = watched(part, seen)
        monitor.start()
        await asyncio.sleep(0.35)
        part.act = raising(Offline("the bus went"))
        part.signals.put_nowait(error)
        await asyncio.sleep(0.15)
        gone = monitor.section.status
        part.act = None
        await asyncio.sleep(1.5)
        part.section = SystemSection(uptime_s=2.0)
        part.signals.put_nowait(None)
        await asyncio.sleep(0.11)
        await monitor.stop()
        assert gone == "offline"  # at once: the end of a watch is a reason to look
        return part, seen

    part, seen = run_virtually(work())
    assert part.watches == 2
    assert seen.sections[-1].uptime_s == 2.0


@pytest.mark.parametrize("kind", ["ends at once", "cannot be had", "swallows cancellation"])
def test_a_watch_that_is_of_no_use_leaves_the_polling_alone(kind: str) -> None:
    class NoUse(FakePart[SystemSection]):
        def watch(self) -> AsyncIterator[None]:
            if kind == "cannot be had":
                raise RuntimeError(kind)
            return self._watch()

        async def _watch(self) -> AsyncIterator[None]:
            if kind == "swallows cancellation":
                await Stubborn(2)()
            return
            yield

    async def work() -> tuple[Seen, int]:
        part, seen = NoUse("system", FINE), Seen()
        monitor = watched(part, seen)
        monitor.start()
        await asyncio.sleep(10.1)
        await monitor.stop()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return seen, len(part.reads_s)

    seen, reads = run_virtually(work())
    assert seen.at_s == pytest.approx([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], abs=0.11)
    assert reads <= 30


def test_one_that_hangs_leaves_the_others_periods_alone() -> None:
    async def work() -> dict[str, Seen]:
        seen: dict[str, Seen] = {}
        monitors = []
        for name, period_s in (("a", 2.0), ("b", 2.0), ("c", 5.0), ("d", 3.0), ("e", 5.0)):
            part = FakePart(name, FINE, period_s)
            part.latency_s = 0.01
            part.act = {"a": hang, "c": Stubborn(30), "e": raising(KeyError("x"))}.get(name)
            seen[name] = Seen()
            monitors.append(watched(part, seen[name]))
        for monitor in monitors:
            monitor.start()
        await asyncio.sleep(30.1)
        await asyncio.gather(*(monitor.stop() for monitor in monitors))
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return seen

    seen = run_virtually(work())
    assert seen["b"].at_s == pytest.approx([2.0 * k + 0.01 for k in range(16)], abs=1e-6)
    assert seen["d"].at_s == pytest.approx([3.0 * k + 0.01 for k in range(11)], abs=1e-6)
    assert {s.status for s in seen["b"].sections + seen["d"].sections} == {"ok"}
    assert {s.status for s in seen["a"].sections + seen["c"].sections + seen["e"].sections} == {"offline"}


@pytest.mark.parametrize("act", [None, hang, raising(Offline("x"))])
def test_what_an_emulated_peer_says_is_marked(act: Callable[[], Awaitable[object]] | None) -> None:
    async def work() -> list[SystemSection]:
        part, seen = FakePart("system", FINE), Seen()
        part.act = act
        monitor = watched(part, seen, simulated=True)
        seen.sections.append(monitor.section)
        monitor.start()
        await asyncio.sleep(3.0)
        await monitor.stop()
        return seen.sections

    assert {section.simulated for section in run_virtually(work())} == {True}


def test_a_degraded_reading_always_says_why() -> None:
    def impaired(part: FakePart[SystemSection]) -> None:
        part.section = SystemSection(status="degraded", uptime_s=1.0)

    _, seen = after(1.0, impaired)
    assert seen.sections == [SystemSection(status="degraded", uptime_s=1.0, last_error="no reason given")]


def test_stopping_a_part_that_hangs_in_everything_takes_a_bounded_time() -> None:
    class Hanging(FakePart[SystemSection]):
        async def close(self) -> None:
            await hang()

    async def work() -> float:
        part = Hanging("system", FINE)
        part.act = Stubborn(3)
        monitor = watched(part, Seen())
        monitor.start()
        await asyncio.sleep(1.0)
        await monitor.stop()
        took_s = asyncio.get_running_loop().time() - 1.0
        for _ in range(5):
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)
        return took_s

    assert run_virtually(work()) <= 3.0


def test_a_part_left_out_says_so() -> None:
    async def work() -> list[UpsSection]:
        said: list[UpsSection] = []
        monitor: Monitor[UpsSection] = Monitor(
            Absent("ups", "disabled"), UpsSection, said.append, TIMEOUT_S, asyncio.get_running_loop().time
        )
        monitor.start()
        await asyncio.sleep(10.1)
        await monitor.stop()
        return said

    assert run_virtually(work()) == [UpsSection(status="offline", last_error="disabled")] * 3


def test_lists_in_a_section_are_compared_and_published() -> None:
    async def work() -> list[ServicesSection]:
        said: list[ServicesSection] = []
        part = FakePart("services", ServicesSection(services=[ServiceState(name="a", active_state="active")]))
        monitor = Monitor(part, ServicesSection, said.append, TIMEOUT_S, asyncio.get_running_loop().time)
        monitor.start()
        await asyncio.sleep(0.5)
        part.section = ServicesSection(services=[ServiceState(name="a", active_state="failed")])
        part.signals.put_nowait(None)
        await asyncio.sleep(0.1)
        await monitor.stop()
        return said

    assert [section.services[0].active_state for section in run_virtually(work())] == ["active", "failed"]


async def test_the_loop_never_stalls_whatever_the_parts_do() -> None:
    """In real time. A stall is the thread's own processor time between two turns: other load does not count."""

    class Busy(FakePart[NetworkSection]):
        async def watch(self) -> AsyncIterator[None]:
            while True:
                yield

    class Often(FakePart[NetworkSection]):
        async def watch(self) -> AsyncIterator[None]:
            while True:
                for _ in range(10):
                    yield
                await asyncio.sleep(0.001)

    acts: list[Callable[[], Awaitable[object]] | None] = [hang, Stubborn(2), raising(KeyError("x")), returning(3), None]
    parts = [Busy("network", NetworkSection()), Often("network", NetworkSection())]
    parts += [FakePart("network", NetworkSection()) for _ in acts]
    for part, act in zip(parts[2:], acts, strict=True):
        part.act = act
    monitors = [Monitor(part, NetworkSection, lambda _: None, 0.3) for part in parts]
    for monitor in monitors:
        monitor.start()
    stalls_s = []
    end_s = time.monotonic() + 1.5
    while time.monotonic() < end_s:
        before_s = time.thread_time()
        await asyncio.sleep(0)
        stalls_s.append(time.thread_time() - before_s)
        await asyncio.sleep(0.001)
    await asyncio.gather(*(monitor.stop() for monitor in monitors))
    assert len(stalls_s) > 100
    assert max(stalls_s) <= 0.020
