"""Token buckets, tokens and their clocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.api.browser import MAX_TOKENS, TokenStore
from ndefender.api.errors import ApiError
from ndefender.api.rate import MAX_CLIENT_BUCKETS, CommandRate, TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now_s = 5000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def command_rate(clock: Clock) -> CommandRate:
    return CommandRate(
        clock,
        client_per_min=60,
        client_burst=10,
        global_per_min=240,
        global_burst=40,
        dangerous_per_min=2,
        dangerous_burst=2,
    )


def accepted(rate: CommandRate, client: str, count: int, *, dangerous: bool = False) -> int:
    done = 0
    for _ in range(count):
        try:
            rate.charge(client, dangerous=dangerous)
        except ApiError as refused:
            assert (refused.status, refused.code) == (429, "rate_limited")
            assert int(refused.headers["Retry-After"]) >= 1
            continue
        done += 1
    return done


@given(
    rate_per_s=st.floats(0.01, 100),
    burst=st.integers(1, 50),
    steps_s=st.lists(st.floats(-1, 20), max_size=60),
)
def test_a_bucket_never_gives_more_than_burst_plus_refill(rate_per_s: float, burst: int, steps_s: list[float]) -> None:
    bucket = TokenBucket(rate_per_s, burst, 0.0)
    now_s = latest_s = 0.0
    taken = 0
    for step_s in steps_s:
        now_s += step_s
        latest_s = max(latest_s, now_s)
        if bucket.wait_s(now_s) == 0.0:
            bucket.take()
            taken += 1
    assert taken <= burst + rate_per_s * latest_s + 1e-6


def test_waiting_as_long_as_told_is_enough() -> None:
    bucket = TokenBucket(0.5, 1, 0.0)
    bucket.take()
    wait_s = bucket.wait_s(0.0)
    assert wait_s == pytest.approx(2.0)
    assert bucket.wait_s(wait_s) == 0.0


def test_one_client_does_not_use_up_anothers_commands(clock: Clock) -> None:
    rate = command_rate(clock)
    assert accepted(rate, "a", 15) == 10
    assert accepted(rate, "b", 15) == 10
    clock.now_s += 3.0
    assert accepted(rate, "a", 15) == 3


def test_all_clients_together_are_limited(clock: Clock) -> None:
    rate = command_rate(clock)
    assert sum(accepted(rate, f"client {i}", 10) for i in range(8)) == 40


def test_dangerous_commands_have_a_limit_of_their_own_and_a_refusal_costs_nothing(clock: Clock) -> None:
    rate = command_rate(clock)
    assert accepted(rate, "a", 20, dangerous=True) == 2
    assert accepted(rate, "a", 20) == 8
    clock.now_s += 30.0
    assert accepted(rate, "b", 5, dangerous=True) == 1


def test_the_number_of_remembered_clients_is_bounded(clock: Clock) -> None:
    rate = CommandRate(
        clock,
        client_per_min=1,
        client_burst=1,
        global_per_min=1e9,
        global_burst=10**9,
        dangerous_per_min=1,
        dangerous_burst=1,
    )
    assert accepted(rate, "first", 2) == 1
    for i in range(MAX_CLIENT_BUCKETS):
        rate.charge(f"{i}", dangerous=False)
    assert len(rate._clients) == MAX_CLIENT_BUCKETS
    assert "first" not in rate._clients


def test_tokens_run_out_and_can_be_revoked(clock: Clock) -> None:
    store = TokenStore(clock, 10.0)
    one, two = store.issue(), store.issue()
    assert one != two
    assert store.good(one)
    store.revoke(one)
    assert not store.good(one)
    clock.now_s += 10.0
    assert not store.good(two)
    assert not store.good("never issued")


def test_a_ticket_is_good_once(clock: Clock) -> None:
    store = TokenStore(clock, 10.0)
    ticket = store.issue()
    assert store.redeem(ticket)
    assert not store.redeem(ticket)
    late = store.issue()
    clock.now_s += 11.0
    assert not store.redeem(late)


def test_the_oldest_token_goes_first(clock: Clock) -> None:
    store = TokenStore(clock, 10.0)
    tokens = [store.issue() for _ in range(MAX_TOKENS + 1)]
    assert not store.good(tokens[0])
    assert all(store.good(token) for token in tokens[1:])
