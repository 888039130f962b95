from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ndefender.runtime.books import WINDOW, Books

GRACE = 1000


def test_each_dwell_is_counted_once() -> None:
    books = Books()
    assert books.arrived(1)
    assert not books.arrived(1)
    assert (books.get("analysed"), books.get("lost")) == (1, 0)


def test_a_dwell_in_nobodys_hands_is_lost_after_the_grace() -> None:
    books = Books()
    books.arrived(1)
    books.arrived(3)
    books.settle(3, 0, set(), 0, GRACE)
    assert books.get("lost") == 0
    books.settle(3, 0, set(), GRACE - 1, GRACE)
    assert books.get("lost") == 0
    books.settle(3, 0, set(), GRACE, GRACE)
    assert (books.get("analysed"), books.get("lost")) == (2, 1)


def test_a_dwell_in_the_queue_or_at_a_worker_is_not_lost() -> None:
    books = Books()
    for now in (0, GRACE, 5 * GRACE):
        books.settle(3, 2, {1}, now, GRACE)
    assert books.get("lost") == 0
    books.settle(3, 2, set(), 6 * GRACE, GRACE)  # the worker died: its grace begins now
    books.settle(3, 2, set(), 7 * GRACE, GRACE)
    assert books.get("lost") == 1


def test_a_late_result_is_no_loss() -> None:
    books = Books()
    books.settle(1, 0, set(), 0, GRACE)
    books.settle(1, 0, set(), GRACE, GRACE)
    assert books.get("lost") == 1
    assert books.arrived(1)
    assert (books.get("analysed"), books.get("lost")) == (1, 0)


def test_books_survive_as_bytes() -> None:
    books = Books()
    books.arrived(2)
    books.set_cursor(3, 77)
    books.add("events", 5)
    again = Books(books.to_bytes())
    assert not again.arrived(2)
    assert (again.cursor(3), again.get("events"), again.get("newest")) == (77, 5, 2)


def test_a_jump_beyond_the_window_loses_what_was_open() -> None:
    books = Books()
    books.arrived(1)
    assert books.arrived(10 * WINDOW)
    books.settle(10 * WINDOW, 0, set(), 0, 0)
    assert books.get("analysed") + books.get("lost") == 10 * WINDOW
    assert not books.arrived(5)  # its fate is final


@given(st.lists(st.tuples(st.sampled_from(["arrive", "settle", "reload"]), st.integers(1, 700)), max_size=80))
def test_every_published_dwell_ends_as_exactly_one_thing(steps: list[tuple[str, int]]) -> None:
    books, published, now, arrived = Books(), 0, 0, set()
    for kind, number in steps:
        now += 1
        if kind == "arrive":
            published = max(published, number)
            if books.arrived(number):
                assert number not in arrived
                arrived.add(number)
        elif kind == "settle":
            published = max(published, number)
            books.settle(published, 0, set(), now, 3)
        else:
            books = Books(books.to_bytes())
        assert books.get("analysed") == len(arrived)
        assert books.get("analysed") + books.get("lost") <= published
    for _ in range(2):
        now += GRACE
        books.settle(published, 0, set(), now, 3)
    assert books.get("analysed") + books.get("lost") == published
