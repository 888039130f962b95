"""Ids: which buckets are taken, and where an emitter that comes back was before."""

from __future__ import annotations

import math
from collections import OrderedDict

_REMEMBERED = 1024  # ids of lost contacts that an emitter may get back


class Ledger:
    """Ids of live contacts, unique; an emitter near a bucket's edge keeps to the bucket it had.

    Args:
        bucket_hz: distance of two ids.
    """

    def __init__(self, bucket_hz: float) -> None:
        self._bucket_hz = bucket_hz
        self._taken: set[int] = set()
        self._before: OrderedDict[int, None] = OrderedDict()

    def take(self, center_hz: float) -> int:
        """Give out the bucket for a new contact.

        A bucket that was given out before is kept as long as the centre is not more than half a bucket beyond its
        edge; else the centre is rounded; where that is taken, the nearest free bucket.

        Returns:
            the frequency in the id.
        """
        known = [b for b in self._before if b not in self._taken and abs(b - center_hz) <= self._bucket_hz]
        bucket = min(known, key=lambda b: (abs(b - center_hz), b)) if known else self._nearest_free(center_hz)
        self._taken.add(bucket)
        self._before.pop(bucket, None)
        return bucket

    def claim(self, bucket: int) -> bool:
        """Take a certain bucket, as restored from the log. False where it is taken."""
        if bucket in self._taken:
            return False
        self._taken.add(bucket)
        return True

    def release(self, bucket: int) -> None:
        """The contact is lost; remember where it was."""
        self._taken.discard(bucket)
        self._before[bucket] = None
        self._before.move_to_end(bucket)
        while len(self._before) > _REMEMBERED:
            self._before.popitem(last=False)

    def _nearest_free(self, center_hz: float) -> int:
        index = math.floor(center_hz / self._bucket_hz + 0.5)
        for step in range(len(self._taken) + 1):
            ring = sorted({index - step, index + step}, key=lambda i: (abs(i * self._bucket_hz - center_hz), i))
            for i in ring:
                bucket = round(i * self._bucket_hz)
                if bucket not in self._taken:
                    return bucket
        raise AssertionError("more buckets were tried than are taken")  # pigeonhole: cannot happen


def contact_id(bucket: int) -> str:
    """Name a contact after its bucket."""
    return f"rf:{bucket}"
