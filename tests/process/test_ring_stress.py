"""Real processes on one ring: a writer that never waits, readers that are too slow, a writer that is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection

import numpy as np
import pytest

from ndefender.ring.ring import RingReader, RingWriter
from ndefender.ring.segment import Segment, SegmentSpec, attach, create, segment_name

CONTEXT = multiprocessing.get_context("spawn")
DWELLS = 4000
PAYLOAD_BYTES = 64 * 1024


@pytest.fixture
def segment() -> Iterator[Segment]:
    segment = create(SegmentSpec(segment_name("stress"), 3, PAYLOAD_BYTES))
    yield segment
    segment.close()
    segment.unlink()


def write(spec: SegmentSpec, last: int, die_at: int) -> None:
    writer = RingWriter(attach(spec))
    while writer.newest() < last:
        payload = writer.reserve().view(np.uint64)
        seq = writer.newest() + 1
        if seq == die_at:
            payload[: len(payload) // 2] = 2**64 - 1
            os.kill(os.getpid(), signal.SIGKILL)
        payload[:] = seq
        writer.publish()


def read(spec: SegmentSpec, last: int, ready: Connection) -> None:
    """Follow the ring to `last`; send how many were read, lost, torn before the check, torn after it."""
    ring = RingReader(attach(spec))
    ready.send("ready")
    got = lost = torn_unchecked = torn = 0
    seq = 1
    while seq <= last:
        newest = ring.newest()
        if seq > newest:
            continue
        payload = ring.read(seq)
        if payload is not None:
            words = payload.view(np.uint64).copy()
            whole = bool((words == seq).all())
            torn_unchecked += not whole
            if ring.holds(seq):
                got += 1
                torn += not whole
                seq += 1
                continue
        lost += 1
        seq += 1
    ready.send((got, lost, torn_unchecked, torn))


@pytest.mark.slow
def test_never_torn_and_loss_exact_over_a_killed_writer(segment: Segment) -> None:
    pipes = [CONTEXT.Pipe(duplex=False) for _ in range(2)]
    readers = [CONTEXT.Process(target=read, args=(segment.spec, DWELLS, end)) for _, end in pipes]
    for reader in readers:
        reader.start()
    for mine, _ in pipes:
        assert mine.recv() == "ready"
    for last, die_at, exit_code in ((DWELLS, DWELLS // 2, -signal.SIGKILL), (DWELLS, 0, 0)):
        writer = CONTEXT.Process(target=write, args=(segment.spec, last, die_at))
        writer.start()
        writer.join(60)
        assert writer.exitcode == exit_code
    for (mine, _), reader in zip(pipes, readers, strict=True):
        got, lost, _, torn = mine.recv()
        assert torn == 0
        assert got + lost == DWELLS
        assert got >= 1
        reader.join(30)
        assert reader.exitcode == 0
    assert RingReader(segment).newest() == DWELLS
