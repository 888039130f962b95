from __future__ import annotations

from ndefender.ingest.esp32_clock import WRAP_MS, BootClock


def run(clock: BootClock, stamps: list[tuple[int, float]]) -> list[bool]:
    return [clock.see(stamp_ms, now_s) for stamp_ms, now_s in stamps]


def test_a_clock_that_goes_on_is_one_boot() -> None:
    clock = BootClock()
    assert not any(run(clock, [(1000 * i, float(i)) for i in range(100)]))
    assert clock.jumps == 0


def test_a_restart_is_told_once_when_the_next_line_agrees() -> None:
    clock = BootClock()
    assert run(clock, [(50_000, 0.0), (51_000, 1.0), (700, 2.0), (1700, 3.0), (2700, 4.0)]) == [
        False, False, False, True, False,
    ]  # fmt: skip


def test_its_word_that_it_booted_needs_no_second_line() -> None:
    clock = BootClock()
    clock.see(50_000, 0.0)
    assert clock.see(12, 1.0, booting=True)
    assert not clock.see(1012, 2.0)


def test_the_word_alone_is_no_restart() -> None:
    clock = BootClock()
    clock.see(12, 0.0)
    assert not clock.see(12, 0.0, booting=True)
    assert not clock.see(1012, 1.0, booting=True)


def test_a_wrap_is_no_restart() -> None:
    clock = BootClock()
    last = WRAP_MS - 300
    assert run(clock, [(last - 1000, 0.0), (last, 1.0), (700, 2.0), (1700, 3.0)]) == [False] * 4
    assert clock.jumps == 0


def test_a_wrap_while_the_line_was_down_is_no_restart() -> None:
    clock = BootClock()
    clock.see(WRAP_MS - 60_000, 0.0)
    clock.reopened()
    assert run(clock, [(60_000, 120.0), (61_000, 121.0)]) == [False, False]


def test_a_restart_high_in_the_count_is_no_wrap() -> None:
    clock = BootClock()
    assert run(clock, [(3_000_000_000, 0.0), (500, 1.0), (1500, 2.0)]) == [False, False, True]


def test_one_damaged_stamp_is_no_restart() -> None:
    for damaged in (0, 9, 51_900_000, 4_294_967_295):
        clock = BootClock()
        assert not any(run(clock, [(50_000, 0.0), (damaged, 1.0), (52_000, 2.0), (53_000, 3.0)]))
        assert clock.jumps == 1


def test_lines_may_overtake_each_other_a_little() -> None:
    clock = BootClock()
    assert not any(run(clock, [(50_000, 0.0), (51_000, 1.0), (50_900, 1.0), (52_000, 2.0)]))
    assert clock.jumps == 0


def test_lines_that_waited_while_the_host_was_stopped_are_no_restart() -> None:
    clock = BootClock()
    assert not any(run(clock, [(50_000, 0.0), (51_000, 20.0), (52_000, 20.0), (53_000, 20.0), (71_000, 21.0)]))


def test_a_restart_while_unplugged_shows_by_a_young_clock() -> None:
    clock = BootClock()
    clock.see(5_000, 0.0)
    clock.reopened()
    # Further on than before, but a minute has passed.
    assert run(clock, [(20_000, 60.0), (21_000, 61.0)]) == [False, True]


def test_a_host_that_slept_sees_no_restart() -> None:
    clock = BootClock()
    assert not any(run(clock, [(50_000, 0.0), (8_000_000, 1.0), (8_001_000, 2.0), (8_002_000, 3.0)]))


def test_after_a_month_away_it_depends_on_the_count_alone() -> None:
    clock = BootClock()
    clock.see(1_000, 0.0)
    clock.reopened()
    away_s = 40 * 86_400.0
    stamp_ms = (1_000 + int(away_s * 1e3)) % WRAP_MS
    assert run(clock, [(stamp_ms, away_s), (stamp_ms + 1000, away_s + 1)]) == [False, False]


def test_first_words_that_were_overtaken_are_no_second_restart() -> None:
    clock = BootClock()
    clock.see(50_000, 0.0)
    assert not clock.see(40, 1.0)
    assert clock.see(1040, 2.0)
    clock = BootClock()
    clock.see(40, 0.0)
    assert not clock.see(12, 0.0, booting=True)
