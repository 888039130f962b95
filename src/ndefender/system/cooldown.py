"""Cool-downs: how long one thing must rest before it may be done again. Pure; time is an argument."""

from __future__ import annotations

from collections.abc import Hashable


class CoolDowns:
    """When each key may be used again. Times are monotonic seconds.

    A cool-down is begun when a command is accepted and given back when it turns out that it was refused after all, so
    that refused requests consume nothing.
    """

    def __init__(self) -> None:
        self._ready_s: dict[Hashable, float] = {}

    def wait_s(self, key: Hashable, now_s: float) -> float:
        """Seconds until `key` may be used, 0 when it may."""
        return max(0.0, self._ready_s.get(key, now_s) - now_s)

    def begin(self, key: Hashable, now_s: float, cool_down_s: float) -> None:
        """Use `key`; only after `wait_s` said 0."""
        # Over and done with: what rests is all that is kept.
        self._ready_s = {other: ready_s for other, ready_s in self._ready_s.items() if ready_s > now_s}
        if cool_down_s > 0.0:
            self._ready_s[key] = now_s + cool_down_s

    def give_back(self, key: Hashable) -> None:
        """Undo the newest `begin` of `key`: there was no other in force, or it would not have been used."""
        self._ready_s.pop(key, None)
