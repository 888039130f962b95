from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ndefender.runtime.reorder import Reorder


def test_in_order_goes_straight_through() -> None:
    window: Reorder[str] = Reorder(newest=4, hold_ns=100, max_items=8)
    window.add(5, 0, "a")
    assert window.release(0) == ["a"]
    assert window.due_ns() is None


def test_waits_for_the_one_before_but_not_for_ever() -> None:
    window: Reorder[str] = Reorder(newest=0, hold_ns=100, max_items=8)
    window.add(2, 0, "b")
    window.add(3, 50, "c")
    assert window.release(99) == []
    assert window.due_ns() == 100
    assert window.seqs() == {2, 3}
    window.add(1, 60, "a")
    assert window.release(60) == ["a", "b", "c"]
    window.add(5, 200, "e")
    assert window.release(299) == []
    assert window.release(300) == ["e"]
    window.add(4, 310, "d")  # too late for its place
    assert window.release(310) == ["d"]


def test_is_bounded() -> None:
    window: Reorder[int] = Reorder(newest=0, hold_ns=10**9, max_items=3)
    for seq in range(10, 14):
        window.add(seq, 0, seq)
    assert window.release(0) == [10, 11, 12, 13]  # 10 was too much; the others follow it


def test_everything_at_the_end() -> None:
    window: Reorder[int] = Reorder(newest=0, hold_ns=10**9, max_items=99)
    for seq in (9, 5, 7):
        window.add(seq, 0, seq)
    assert window.release(0, everything=True) == [5, 7, 9]


@given(st.permutations(list(range(1, 12))), st.integers(0, 5))
def test_nothing_is_lost_or_repeated_and_order_is_kept_within_the_hold(order: list[int], lag: int) -> None:
    window: Reorder[int] = Reorder(newest=0, hold_ns=1000, max_items=100)
    out: list[int] = []
    for now_ns, seq in enumerate(order):
        window.add(seq, now_ns, seq)
        out += window.release(now_ns)
    out += window.release(lag, everything=True)
    assert out == sorted(order)
