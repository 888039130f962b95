from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from ndefender.ring.segment import Segment, SegmentSpec, create, segment_name

_LABELS = count()


@pytest.fixture
def make_segment() -> Iterator[Callable[[int, int], Segment]]:
    made: list[Segment] = []

    def make(slots: int, payload_bytes: int) -> Segment:
        made.append(create(SegmentSpec(segment_name(f"test-{next(_LABELS)}"), slots, payload_bytes)))
        return made[-1]

    yield make
    for segment in made:
        segment.close()
        segment.unlink()
