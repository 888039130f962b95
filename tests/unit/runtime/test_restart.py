from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.runtime.restart import History, RestartPolicy, after_death

POLICY = RestartPolicy(first_delay_s=0.05, factor=2.0, max_delay_s=2.0, healthy_s=1.0, window_s=60.0, max_restarts=5)


def test_a_healthy_process_is_back_at_once() -> None:
    verdict = after_death(POLICY, History(), 100.0, worked_s=30.0)
    assert verdict.at_s == pytest.approx(100.05)
    assert verdict.history == History((100.0,), 0)


def test_quick_deaths_back_off_up_to_the_limit() -> None:
    history, delays = History(), []
    policy = RestartPolicy(max_restarts=100)
    for now_s in range(0, 700, 70):
        verdict = after_death(policy, history, float(now_s), worked_s=0.0)
        assert verdict.at_s is not None
        delays.append(round(verdict.at_s - now_s, 6))
        history = verdict.history
    assert delays == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0]


def test_good_health_ends_the_back_off() -> None:
    history = History((1.0, 2.0), quick_deaths=6)
    verdict = after_death(POLICY, history, 10.0, worked_s=1.0)
    assert verdict.at_s == pytest.approx(10.05)
    assert verdict.history.quick_deaths == 0


def test_gives_up_after_too_many_restarts_in_the_window() -> None:
    history = History()
    for i in range(5):
        verdict = after_death(POLICY, history, float(i), worked_s=10.0)
        assert verdict.at_s is not None
        history = verdict.history
    assert after_death(POLICY, history, 5.0, worked_s=10.0).at_s is None
    assert after_death(POLICY, history, 60.5, worked_s=10.0).at_s is not None  # the first has left the window


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=60))
def test_never_more_restarts_in_a_window_than_allowed(deaths: list[tuple[float, float]]) -> None:
    now_s, history, starts = 0.0, History(), []
    for pause_s, worked_s in deaths:
        now_s += pause_s
        verdict = after_death(POLICY, history, now_s, worked_s)
        history = verdict.history
        if verdict.at_s is None:
            assert len([t for t in starts if now_s - t < 60.0]) >= POLICY.max_restarts
            return
        assert now_s + POLICY.first_delay_s <= verdict.at_s <= now_s + POLICY.max_delay_s
        starts.append(now_s)
        assert len([t for t in starts if now_s - t < 60.0]) <= POLICY.max_restarts
