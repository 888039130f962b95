"""Where each capture of a recording lies on the sample counter and on the clocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..units import NS_PER_S
from .sigmf_meta import Segment


@dataclass(frozen=True, slots=True)
class Place:
    """Counter and times of a capture's first sample; `contiguous` if no sample is missing before it."""

    first_sample: int
    host_ns: int
    unix_ns: int
    contiguous: bool


def lay_out(segments: Sequence[Segment], rate_hz: float, host_ns: int, unix_ns: int) -> tuple[Place, ...]:
    """Place captures one after the other, gaps included where the recorder wrote them down.

    The recorder's own counter (`core:global_index`) is used where every capture has one and it never runs backwards;
    otherwise samples are counted as stored. The distance of two captures comes from their time-stamps where both have
    one, else from the counter; times never overlap.

    Args:
        segments: in file order.
        rate_hz: sample rate.
        host_ns: monotonic time to give to the first sample.
        unix_ns: wall clock of the first sample where the recording has none.
    """
    counters = _counters(segments)
    start = segments[0]
    base_unix_ns = unix_ns if start.unix_ns is None else start.unix_ns
    places = [Place(counters[0], host_ns, base_unix_ns, contiguous=False)]
    for i in range(1, len(segments)):
        before, segment, place = segments[i - 1], segments[i], places[-1]
        duration_ns = round(before.n_samples * NS_PER_S / rate_hz)
        gap_samples = counters[i] - counters[i - 1] - before.n_samples
        apart_ns = duration_ns + round(gap_samples * NS_PER_S / rate_hz)
        if before.unix_ns is not None and segment.unix_ns is not None:
            apart_ns = max(segment.unix_ns - before.unix_ns, duration_ns)
        places.append(
            Place(
                first_sample=counters[i],
                host_ns=place.host_ns + apart_ns,
                unix_ns=place.unix_ns + apart_ns if segment.unix_ns is None else segment.unix_ns,
                contiguous=gap_samples == 0 and _same_tuning(before, segment) and apart_ns - duration_ns < NS_PER_S,
            )
        )
    return tuple(places)


def _same_tuning(before: Segment, after: Segment) -> bool:
    return before.center_hz == after.center_hz and before.bandwidth_hz == after.bandwidth_hz


def _counters(segments: Sequence[Segment]) -> list[int]:
    stated: list[int] = []
    stored: list[int] = []
    total = 0
    for segment in segments:
        stored.append(total)
        total += segment.n_samples
        if segment.global_index is not None and (
            not stated or segment.global_index >= stated[-1] + segments[len(stated) - 1].n_samples
        ):
            stated.append(segment.global_index)
    return stated if len(stated) == len(segments) else stored
