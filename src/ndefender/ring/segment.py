"""Named shared memory: created and unlinked by one owner, attached by its children, swept after a dead owner.

A name carries its owner: PID namespace, PID and start time of the process. So a later owner can tell a segment that
is in use from one that outlived a killed process. Children map the file below /dev/shm themselves: Python's
`SharedMemory` would register every attachment with the resource tracker that parent and children share.
"""

from __future__ import annotations

import mmap
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ndefender.errors import RingError
from ndefender.records import ALIGN_BYTES

SHM_FOLDER = Path("/dev/shm")  # where glibc and musl put POSIX shared memory on Linux
PREFIX = "ndefender"
MAGIC = 0x6E64_6566_5249_4E31  # "ndefRIN1": layout version 1
HEADER_BYTES = 2 * ALIGN_BYTES  # layout in one cache line, the counter of published slots in the next
SLOT_HEADER_BYTES = ALIGN_BYTES  # `begin` and `end`
_NAME = re.compile(rf"{PREFIX}-(?P<namespace>[0-9a-f]+)-(?P<pid>\d+)-(?P<start>\d+)-[a-z0-9-]+")


def _padded(n_bytes: int) -> int:
    """Round up to whole cache lines."""
    return n_bytes + -n_bytes % ALIGN_BYTES


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """Name and layout of a segment.

    Args:
        name: as `segment_name` gives it.
        slots: number of slots, >= 2.
        payload_bytes: of one slot.
    """

    name: str
    slots: int
    payload_bytes: int

    @property
    def stride_bytes(self) -> int:
        """Distance of two slots."""
        return SLOT_HEADER_BYTES + _padded(self.payload_bytes)

    @property
    def total_bytes(self) -> int:
        """Size of the whole segment."""
        return HEADER_BYTES + self.slots * self.stride_bytes


class Segment:
    """A mapped segment. `words` is its layout header, `published` its counter, `slot(i)` the parts of a slot."""

    def __init__(self, spec: SegmentSpec, memory: NDArray[np.uint8], owner: shared_memory.SharedMemory | None) -> None:
        self.spec = spec
        self._memory: NDArray[np.uint8] | None = memory
        self._owner = owner
        header: NDArray[np.uint64] = memory[:HEADER_BYTES].view(np.uint64)
        self.layout = header[:4]
        self.published = header[ALIGN_BYTES // 8 : ALIGN_BYTES // 8 + 1]

    @property
    def memory(self) -> NDArray[np.uint8]:
        """The whole mapping. Raises RingError once closed."""
        if self._memory is None:
            raise RingError(f"segment {self.spec.name} is closed")
        return self._memory

    def slot(self, index: int) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Give the sequence words (begin, end) and the payload of a slot."""
        start = HEADER_BYTES + index * self.spec.stride_bytes
        payload = start + SLOT_HEADER_BYTES
        words: NDArray[np.uint64] = self.memory[start : start + 16].view(np.uint64)
        return words, self.memory[payload : payload + self.spec.payload_bytes]

    def close(self) -> None:
        """Drop the mapping; views that others still hold keep the pages alive until they are gone. Safe twice."""
        self._memory = None
        self.layout = self.published = np.zeros(0, np.uint64)

    def unlink(self) -> None:
        """Remove the name. Only the owner may; safe when it is gone already."""
        if self._owner is None:
            raise RingError(f"segment {self.spec.name} is unlinked by its owner alone")
        with suppress(FileNotFoundError):
            self._owner.unlink()


def create(spec: SegmentSpec) -> Segment:
    """Create a zeroed segment with all its pages reserved.

    Raises:
        RingError: the name exists, the layout is not possible, or /dev/shm has no room.
    """
    if spec.slots < 2 or spec.payload_bytes < 1:
        raise RingError(f"segment {spec.name}: {spec.slots} slots of {spec.payload_bytes} bytes; at least 2 of 1")
    try:
        owner = shared_memory.SharedMemory(spec.name, create=True, size=spec.total_bytes)
    except OSError as error:
        raise RingError(f"segment {spec.name} of {spec.total_bytes} bytes: {error}") from error
    owner.close()  # its own mapping is not needed; it still unlinks
    try:
        memory = _map(spec, reserve=True)
    except OSError as error:
        owner.unlink()
        free = shutil.disk_usage(SHM_FOLDER).free
        raise RingError(f"{SHM_FOLDER} has {free} bytes free, {spec.name} needs {spec.total_bytes}: {error}") from error
    segment = Segment(spec, memory, owner)
    segment.layout[:] = (MAGIC, spec.slots, spec.payload_bytes, spec.stride_bytes)
    return segment


def _map(spec: SegmentSpec, *, reserve: bool) -> NDArray[np.uint8]:
    """Map the file; with `reserve` allocate its pages now: a full tmpfs is an error here and a SIGBUS later."""
    descriptor = os.open(SHM_FOLDER / spec.name, os.O_RDWR)
    try:
        if reserve:
            os.posix_fallocate(descriptor, 0, spec.total_bytes)
        return np.frombuffer(mmap.mmap(descriptor, spec.total_bytes), np.uint8)
    finally:
        os.close(descriptor)


def attach(spec: SegmentSpec) -> Segment:
    """Map an existing segment, unknown to the resource tracker.

    Raises:
        RingError: it is not there, or has another layout.
    """
    try:
        segment = Segment(spec, _map(spec, reserve=False), None)
    except (OSError, ValueError) as error:
        raise RingError(f"segment {spec.name} cannot be attached: {error}") from error
    wanted = (MAGIC, spec.slots, spec.payload_bytes, spec.stride_bytes)
    found = tuple(int(word) for word in segment.layout)
    if found != wanted:
        raise RingError(f"segment {spec.name} has layout {found}, expected {wanted}")
    return segment


def start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None when there is no such process (or only its zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def _namespace() -> str:
    """Name of this PID namespace: a PID means nothing outside of it."""
    return f"{Path('/proc/self/ns/pid').stat().st_ino:x}"


def segment_name(label: str) -> str:
    """Name a segment that this process owns. `label`: lower-case letters, digits and dashes."""
    pid = os.getpid()
    return f"{PREFIX}-{_namespace()}-{pid}-{start_ticks(pid)}-{label}"


def sweep_stale() -> list[str]:
    """Unlink the segments whose owner is dead.

    Returns:
        names of what was removed.
    """
    removed = []
    for path in SHM_FOLDER.glob(f"{PREFIX}-*"):
        match = _NAME.fullmatch(path.name)
        if match is None or match["namespace"] != _namespace():
            continue
        if start_ticks(int(match["pid"])) != int(match["start"]):
            with suppress(OSError):  # swept by somebody else, or another user's
                path.unlink()
                removed.append(path.name)
    return removed
