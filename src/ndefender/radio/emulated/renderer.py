"""What the emulated radio needs of a scene: samples for a tuning and a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Renderer(Protocol):
    """Makes the samples that a receiver would deliver. Must release the GIL to keep up with the link."""

    def prepare(self, rate_hz: float, bandwidth_hz: float | None = None) -> None:
        """Build what is needed; may take seconds, is called before the setting takes effect.

        Args:
            rate_hz: complex sample rate.
            bandwidth_hz: analogue filter; None for whatever is usual at that rate.
        """
        ...

    def render(
        self,
        start_sample_ns: int,
        center_hz: float,
        rate_hz: float,
        bandwidth_hz: float,
        gain_db: float,
        out: NDArray[np.int16],
    ) -> int:
        """Fill `out` (int16, shape (n, 2), 12-bit values) from `start_sample_ns` after the scene's start.

        Returns:
            Clipped samples.
        """
        ...
