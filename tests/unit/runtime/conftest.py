from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from ndefender.ring.queue import Wake, WorkQueue
from ndefender.ring.segment import Segment, SegmentSpec, create, segment_name

_LABELS = count()
CONTEXT = multiprocessing.get_context("spawn")


@pytest.fixture
def make_segment() -> Iterator[Callable[[SegmentSpec], Segment]]:
    """Create a segment of a layout, under a name of its own."""
    made: list[Segment] = []

    def make(spec: SegmentSpec) -> Segment:
        name = segment_name(f"runtime-{next(_LABELS)}")
        made.append(create(SegmentSpec(name, spec.slots, spec.payload_bytes)))
        return made[-1]

    yield make
    for segment in made:
        segment.close()
        segment.unlink()


@pytest.fixture
def queue() -> Iterator[WorkQueue]:
    queue = WorkQueue(CONTEXT)
    yield queue
    queue.close()


@pytest.fixture
def wake() -> Iterator[Wake]:
    wake = Wake(CONTEXT)
    yield wake
    wake.close()
