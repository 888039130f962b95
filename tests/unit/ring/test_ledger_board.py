from __future__ import annotations

from collections.abc import Callable

import pytest

from ndefender.errors import RingError
from ndefender.ring.board import Board, board_spec
from ndefender.ring.ledger import Ledger, ledger_spec
from ndefender.ring.ring import RingWriter
from ndefender.ring.segment import Segment, attach

Make = Callable[[int, int], Segment]


def make_ledger(make_segment: Make, max_bytes: int) -> Segment:
    spec = ledger_spec("x", max_bytes)
    return make_segment(spec.slots, spec.payload_bytes)


def test_ledger_gives_the_newest_record(make_segment: Make) -> None:
    segment = make_ledger(make_segment, 16)
    ledger = Ledger(segment)
    assert ledger.load() is None
    for record in (b"one", b"", b"three-and-more--"):
        ledger.commit(record)
        assert Ledger(attach(segment.spec)).load() == record


def test_ledger_killed_in_a_commit_keeps_the_record_before(make_segment: Make) -> None:
    segment = make_ledger(make_segment, 16)
    Ledger(segment).commit(b"before")
    RingWriter(segment).reserve()[:] = 255  # a commit that never ends
    assert Ledger(segment).load() == b"before"
    Ledger(segment).commit(b"after")
    assert Ledger(segment).load() == b"after"


def test_ledger_is_bounded(make_segment: Make) -> None:
    segment = make_ledger(make_segment, 4)
    ledger = Ledger(segment)
    ledger.commit(b"1234")
    with pytest.raises(RingError, match="5 bytes, the ledger holds 4"):
        ledger.commit(b"12345")
    assert ledger.load() == b"1234"


def test_board_rows_are_apart_and_stay(make_segment: Make) -> None:
    spec = board_spec("x", 3)
    segment = make_segment(spec.slots, spec.payload_bytes)
    board = Board(segment)
    for i in range(3):
        row = board.row(i)
        row.pid, row.beat_ns, row.restarts = 100 + i, 2**62 + i, i
        row.add(0, i)
        row.add(5)
    again = Board(attach(segment.spec))
    for i in range(3):
        row = again.row(i)
        assert (row.pid, row.beat_ns, row.restarts, row.get(0), row.get(5)) == (100 + i, 2**62 + i, i, i, 1)
