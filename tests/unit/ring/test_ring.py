from __future__ import annotations

from collections.abc import Callable

import pytest

from ndefender.errors import RingError
from ndefender.ring.ring import RingReader, RingWriter
from ndefender.ring.segment import Segment

Make = Callable[[int, int], Segment]


def fill(writer: RingWriter, value: int) -> int:
    writer.reserve()[:] = value
    return writer.publish()


def test_numbers_run_from_one(make_segment: Make) -> None:
    segment = make_segment(4, 8)
    writer, reader = RingWriter(segment), RingReader(segment)
    assert reader.newest() == 0
    assert reader.read(0) is None
    assert reader.read(1) is None
    assert [fill(writer, v) for v in (10, 20, 30)] == [1, 2, 3]
    assert reader.newest() == 3
    payload = reader.read(2)
    assert payload is not None
    assert payload.tolist() == [20] * 8
    assert reader.holds(2)


def test_overwritten_slot_is_gone(make_segment: Make) -> None:
    segment = make_segment(2, 8)
    writer, reader = RingWriter(segment), RingReader(segment)
    for value in range(1, 4):
        fill(writer, value)
    assert reader.read(1) is None
    assert reader.read(3) is not None
    assert not reader.holds(1)


def test_slot_being_overwritten_does_not_hold(make_segment: Make) -> None:
    segment = make_segment(2, 8)
    writer, reader = RingWriter(segment), RingReader(segment)
    fill(writer, 1)
    fill(writer, 2)
    assert reader.read(1) is not None
    writer.reserve()
    assert not reader.holds(1)
    assert reader.read(1) is None
    assert reader.read(3) is None  # reserved, not published
    assert reader.holds(2)


def test_publish_needs_reserve(make_segment: Make) -> None:
    writer = RingWriter(make_segment(2, 8))
    with pytest.raises(RingError, match="without reserve"):
        writer.publish()
    fill(writer, 1)
    with pytest.raises(RingError, match="without reserve"):
        writer.publish()


def test_reserving_again_uses_up_no_number(make_segment: Make) -> None:
    segment = make_segment(3, 8)
    writer = RingWriter(segment)
    writer.reserve()[:] = 1
    assert fill(writer, 2) == 1
    payload = RingReader(segment).read(1)
    assert payload is not None
    assert payload[0] == 2


def test_numbers_go_on_after_the_writer_was_killed(make_segment: Make) -> None:
    segment = make_segment(3, 8)
    writer = RingWriter(segment)
    fill(writer, 1)
    writer.reserve()[:4] = 9  # killed half-way
    writer = RingWriter(segment)
    assert RingReader(segment).read(2) is None
    assert fill(writer, 2) == 2


def test_finished_but_uncounted_slot_is_counted(make_segment: Make) -> None:
    segment = make_segment(3, 8)
    writer = RingWriter(segment)
    fill(writer, 1)
    fill(writer, 2)
    segment.published[0] = 1  # killed between `end` and the counter
    reader = RingReader(segment)
    assert reader.read(2) is not None  # a reader that was told of 2 may be using it
    assert RingWriter(segment).newest() == 2  # so 2 is never written again
