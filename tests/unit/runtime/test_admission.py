from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ndefender.runtime.admission import Admission


def test_closes_near_full_and_opens_at_half() -> None:
    admission = Admission(slots=12, workers=2)
    admitted = [admission.admits(pending) for pending in (0, 7, 8, 7, 6, 7, 7, 8)]
    assert admitted == [True, True, False, False, True, True, True, False]


@given(st.integers(4, 64), st.integers(1, 16), st.lists(st.integers(0, 64), max_size=50))
def test_an_admitted_dwell_never_overwrites_one_in_use(slots: int, workers: int, pendings: list[int]) -> None:
    slots = max(slots, workers + 4)
    admission = Admission(slots, workers)
    for pending in pendings:
        if admission.admits(pending):
            assert pending + workers + 1 < slots  # those that wait, those in work, the one being written


@given(st.integers(1, 16))
def test_an_empty_queue_always_admits(workers: int) -> None:
    admission = Admission(workers + 4, workers)
    admission.admits(1000)
    assert admission.admits(0)
