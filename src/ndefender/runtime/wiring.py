"""What the supervisor creates and every child gets: memory layout, pipes, sockets, settings."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from ndefender import records
from ndefender.config.settings import Settings
from ndefender.ring.board import board_spec
from ndefender.ring.ledger import ledger_spec
from ndefender.ring.queue import Wake, WorkQueue
from ndefender.ring.segment import SegmentSpec, segment_name

MIN_SLOT_SAMPLES = 1 << 16  # recordings bring their own rate: room for a dwell worth analysing
SLOT_GRAIN_SAMPLES = 1 << 12
LEDGER_BYTES = 1 << 16


class Seat(IntEnum):
    """Rows of the board. Workers follow after the last."""

    EMULATOR = 0
    CAPTURE = 1
    TRACKER = 2  # the front's tracker thread
    LOOP = 3  # the front's asyncio loop
    PEERS = 4  # what stands in for the host's parts in a demo
    WORKER = 5


class CaptureCount(IntEnum):
    """Counters of the capture row. They outlive a restart of the process."""

    DROPPED = 0  # dwells the radio gave that were not admitted
    REPORTED = 1  # of those, how many the headers of published dwells have told
    BEGUN = 2  # dwells asked of the radio
    TIMEOUTS = 3
    OPENED = 4  # times the radio was opened
    SWEEPS = 5
    TUNINGS = 6
    REJECTED = 7  # tunings the radio refused
    PLANS = 8  # plan changes


class WorkerCount(IntEnum):
    """Counters of a worker row."""

    TAKEN = 0  # dwells taken from the queue
    BUSY_SEQ = 1  # the one being analysed, 0 when idle
    BUSY_NS = 2  # time spent analysing
    OVERRUN = 3  # dwells overwritten before or while they were analysed


@dataclass(frozen=True, slots=True)
class Layout:
    """Every segment of the service."""

    iq: SegmentSpec
    results: tuple[SegmentSpec, ...]
    board: SegmentSpec
    front_ledger: SegmentSpec
    capture_ledger: SegmentSpec
    slot_samples: int

    def __iter__(self) -> Iterator[SegmentSpec]:
        """All segments."""
        yield self.iq
        yield from self.results
        yield self.board
        yield self.front_ledger
        yield self.capture_ledger


@dataclass(frozen=True, slots=True)
class Listeners:
    """Bound and listening sockets of the three APIs; they outlive the front."""

    scan: socket.socket
    aggregator: socket.socket
    system: socket.socket

    def __iter__(self) -> Iterator[socket.socket]:
        """All of them."""
        yield self.scan
        yield self.aggregator
        yield self.system


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a child needs to take its place; everything in it passes to a spawned process.

    Args:
        radio_uri: as capture opens it; an emulated radio is an address by now.
        front_end, capture_end: the two ends of their link.
        listeners: sockets of the APIs.
        boot_id: names this run of the service.
        config_path: file that a reload reads again, None where the settings came from elsewhere.
        state_folder: where positions and labels are kept.
        emulated: parts of the host that emulated peers stand in for.
        demo_folder: where those peers live, with a path short enough for a socket's name.
    """

    settings: Settings
    layout: Layout
    queue: WorkQueue
    wake: Wake
    front_end: socket.socket
    capture_end: socket.socket
    listeners: Listeners
    boot_id: str
    radio_uri: str
    config_path: str | None = None
    state_folder: str = ""
    emulated: frozenset[str] = frozenset()
    demo_folder: str = ""


def worker_count(settings: Settings) -> int:
    """Number of workers: as set, or one for each core but one."""
    return settings.dsp.workers or max(1, len(os.sched_getaffinity(0)) - 1)


def slot_samples(settings: Settings) -> int:
    """Samples a slot of the I/Q ring must hold: the longest dwell of any plan, in whole grains."""
    longest_s = max((band.dwell_s for bands in settings.plan.values() for band in bands), default=0.0)
    wanted = max(MIN_SLOT_SAMPLES, math.ceil(longest_s * settings.radio.rate_hz))
    return -(-wanted // SLOT_GRAIN_SAMPLES) * SLOT_GRAIN_SAMPLES


def layout_for(settings: Settings) -> Layout:
    """Lay out the segments that this process will own."""
    workers, samples = worker_count(settings), slot_samples(settings)
    slots = max(settings.runtime.iq_slots, workers + 4)
    return Layout(
        iq=SegmentSpec(segment_name("iq"), slots, records.BLOCK.itemsize + samples * 4),
        results=tuple(
            SegmentSpec(segment_name(f"result-{i}"), settings.runtime.result_slots, records.RESULT.itemsize)
            for i in range(workers)
        ),
        board=board_spec(segment_name("board"), Seat.WORKER + workers),
        front_ledger=ledger_spec(segment_name("front"), LEDGER_BYTES),
        capture_ledger=ledger_spec(segment_name("capture"), LEDGER_BYTES),
        slot_samples=samples,
    )
