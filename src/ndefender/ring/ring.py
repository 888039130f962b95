"""A ring of slots in shared memory: the writer never waits, a reader checks, uses, and checks again.

Slot `(seq - 1) % slots` holds number `seq`. The writer sets `begin = seq` before it touches the payload and
`end = seq` after it; a reader that finds `end == seq` before use and `begin == seq` after it has seen one whole
payload. The counter of published slots lives in the segment, so numbers go on where a killed writer left them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ndefender.errors import RingError
from ndefender.ring.fence import fence
from ndefender.ring.segment import Segment

_BEGIN, _END = 0, 1


class RingWriter:
    """The one writer of a ring.

    Args:
        segment: attached or created; nobody else may write to it.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._slots = segment.spec.slots
        self._reserved = 0
        self._adopt_finished_slot()

    def _adopt_finished_slot(self) -> None:
        """Count a slot that a killed writer finished but did not get to count: its number must not be used again."""
        seq = self.newest() + 1
        words, _ = self._segment.slot((seq - 1) % self._slots)
        if int(words[_BEGIN]) == seq == int(words[_END]):
            self._segment.published[0] = seq

    def newest(self) -> int:
        """Newest published number, 0 before the first."""
        return int(self._segment.published[0])

    def reserve(self) -> NDArray[np.uint8]:
        """Mark the next slot as being written and give its payload (uint8, shape (payload_bytes,)).

        Reserving again without publishing gives the same slot: the number is not used up.
        """
        self._reserved = self.newest() + 1
        words, payload = self._segment.slot((self._reserved - 1) % self._slots)
        words[_BEGIN] = self._reserved
        fence()
        return payload

    def publish(self) -> int:
        """Publish the reserved slot.

        Returns:
            its number, from 1.
        Raises:
            RingError: nothing was reserved.
        """
        if not self._reserved:
            raise RingError(f"ring {self._segment.spec.name}: publish without reserve")
        seq, self._reserved = self._reserved, 0
        words, _ = self._segment.slot((seq - 1) % self._slots)
        fence()
        words[_END] = seq
        fence()
        self._segment.published[0] = seq
        return seq


class RingReader:
    """One reader of a ring. It keeps no cursor: who reads, knows what it read."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._slots = segment.spec.slots

    @property
    def slots(self) -> int:
        """Number of slots."""
        return self._slots

    def newest(self) -> int:
        """Newest published number, 0 before the first."""
        seq = int(self._segment.published[0])
        fence()
        return seq

    def read(self, seq: int) -> NDArray[np.uint8] | None:
        """Give the payload of number `seq` in place (uint8), or None when it is overwritten or not there yet.

        What is done with it counts only if `holds(seq)` is true afterwards.
        """
        if seq < 1:
            return None
        words, payload = self._segment.slot((seq - 1) % self._slots)
        if int(words[_END]) != seq:
            return None
        fence()
        return payload if int(words[_BEGIN]) == seq else None

    def holds(self, seq: int) -> bool:
        """Tell whether the payload of `seq` was whole for all reads since `read(seq)` gave it."""
        fence()
        words, _ = self._segment.slot((seq - 1) % self._slots)
        return int(words[_BEGIN]) == seq == int(words[_END])
