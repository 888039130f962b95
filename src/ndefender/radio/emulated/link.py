"""The radio's network link: every byte takes its time, shared by all clients."""

from __future__ import annotations

import threading

from ndefender.units import NS_PER_S


class Link:
    """A schedule of transmissions at a limited rate; thread-safe.

    Args:
        rate_bytes_s: what the link carries, > 0.
    """

    def __init__(self, rate_bytes_s: float) -> None:
        self.rate_bytes_s = rate_bytes_s
        self._guard = threading.Lock()
        self._free_ns = 0

    def reserve(self, n_bytes: int, ready_ns: int) -> tuple[int, int]:
        """Book the link for `n_bytes` that are ready at `ready_ns`.

        Returns:
            (when the link wants the first byte, when the last one has passed), monotonic ns.
        """
        with self._guard:
            start_ns = max(ready_ns, self._free_ns)
            self._free_ns = start_ns + round(n_bytes * NS_PER_S / self.rate_bytes_s)
            return start_ns, self._free_ns
