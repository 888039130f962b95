"""How much of an emitter the scanner could have heard, how much it heard, and how long silence may last.

A dwell that covered the emitter counts when the emitter is next heard, not before: what comes after its last burst says
nothing about its duty, and must not stretch the TTL while it is gone.
"""

from __future__ import annotations

import math

from ndefender import units
from ndefender.track.policy import TrackPolicy

_MEMORY_DWELLS = 256.0  # covering dwells after which the past counts 1/e
_MAX_REVISIT_S = 60.0  # longer pauses mean that nobody was scanning


class Presence:
    """Coverage, duty and rhythm of one emitter."""

    __slots__ = ("_covered", "_covered_s", "_heard", "_last_ns", "_on_s", "_pending", "_pending_s", "_revisit_s")

    def __init__(self) -> None:
        self._pending = 0
        self._pending_s = 0.0
        self._covered = 0.0
        self._heard = 0.0
        self._covered_s = 0.0
        self._on_s = 0.0
        self._last_ns: int | None = None
        self._revisit_s = 0.0

    def cover(self, t_ns: int, duration_s: float) -> None:
        """A dwell looked where the emitter is.

        Args:
            t_ns: when; a dwell that arrives late counts without moving the revisit time.
            duration_s: for how long, times the part of a hop set that it could see.
        """
        self._pending += 1
        self._pending_s += duration_s
        if self._last_ns is None:
            self._last_ns = t_ns
        elif t_ns > self._last_ns:
            pause_s = units.ns_to_s(t_ns - self._last_ns)
            self._last_ns = t_ns
            if pause_s < _MAX_REVISIT_S:
                self._revisit_s = pause_s if not self._revisit_s else 0.9 * self._revisit_s + 0.1 * pause_s

    def hear(self, on_s: float) -> None:
        """The emitter was heard in the dwell just covered, for so long."""
        keep = math.exp(-self._pending / _MEMORY_DWELLS)
        self._covered = self._covered * keep + max(self._pending, 1)
        self._heard = self._heard * keep + 1.0
        self._covered_s = self._covered_s * keep + self._pending_s
        self._on_s = self._on_s * keep + on_s
        self._pending = 0
        self._pending_s = 0.0

    @property
    def burstiness(self) -> float:
        """1 - duty within the dwells that covered it."""
        if self._covered_s <= 0.0:
            return 0.0
        return min(max(1.0 - self._on_s / self._covered_s, 0.0), 1.0)

    def ttl_s(self, class_ttl_s: float, policy: TrackPolicy) -> float:
        """Silence after which the emitter is gone.

        With p the part of covering dwells in which it was heard, k dwells without it have the probability (1 - p)^k;
        the TTL is the time of as many dwells as make that `ttl_miss_probability`, at least the class's own.
        """
        p = min((self._heard + 0.5) / (self._covered + 1.0), 0.999)
        dwells = math.log(policy.ttl_miss_probability) / math.log1p(-p)
        return max(class_ttl_s, min(dwells * self._revisit_s, policy.ttl_max_s))
