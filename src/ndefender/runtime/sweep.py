"""Where in which sweep the radio is, and how long sweeps take."""

from __future__ import annotations

from ndefender.radio.hops import sweep_order
from ndefender.radio.plan import Hop, HopPlan
from ndefender.units import NS_PER_MS, NS_PER_S


class Sweep:
    """Walks over a plan for ever.

    Args:
        plan: at least one hop.
        number: of the first sweep.
        now_ns: monotonic time.
    """

    def __init__(self, plan: HopPlan, number: int, now_ns: int) -> None:
        self.plan = plan
        self.number = number
        self.last_sweep_ms: float | None = None
        self.duty_ratio: float | None = None
        self._visits = sweep_order(plan, number)
        self._position = 0
        self._began_ns = now_ns
        self._sampled_ns = 0.0
        self._dwells = 0
        self._whole = True

    @property
    def hop(self) -> Hop:
        """The hop to visit now."""
        return self._visits[self._position]

    def sampled(self, n_samples: int, rate_hz: float) -> None:
        """Count a dwell that was taken at the present hop."""
        self._sampled_ns += n_samples / rate_hz * NS_PER_S
        self._dwells += 1

    def advance(self, now_ns: int) -> bool:
        """Go on to the next visit of this sweep, or to the first of the next.

        Returns:
            whether a sweep ended that had no dwell at all.
        """
        self._position += 1
        if self._position < len(self._visits):
            return False
        barren = self._dwells == 0
        if self._whole and not barren:
            took_ns = max(1, now_ns - self._began_ns)
            self.last_sweep_ms = took_ns / NS_PER_MS
            self.duty_ratio = min(1.0, self._sampled_ns / took_ns)
        self.number += 1
        self._visits = sweep_order(self.plan, self.number)
        self._position, self._began_ns, self._sampled_ns, self._dwells = 0, now_ns, 0.0, 0
        self._whole = True
        return barren

    def interrupted(self) -> None:
        """Note a pause: the length of this sweep says nothing."""
        self._whole = False
