"""Unmodulated carriers: a tone, and a tone that follows the receiver to prove that no sample is stale.

The following tone sits at offset(LO) = (0.1 + 0.8 · u) · bandwidth / 2 above the local oscillator, where
u = (m · 0x9E3779B97F4A7C15 mod 2^64) / 2^64 and m is the LO rounded to kHz. The multiplier is odd, so the map is
injective; being 2^64 over the golden ratio it spreads neighbouring LOs far apart. A sample that shows another offset
than its block's LO demands was taken before the retune.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.scene.chance import MASK64, Dice
from ndefender.radio.scene.emitter import Burst, Continuous

LOOP_SAMPLES = 1 << 16
_GOLDEN = 0x9E3779B97F4A7C15


def following_offset_hz(receiver_hz: float, bandwidth_hz: float) -> float:
    """Return where the following tone sits relative to the local oscillator.

    Args:
        receiver_hz: local oscillator; what matters is its value rounded to kHz.
        bandwidth_hz: two-sided analogue bandwidth.
    Returns:
        Offset between 5 % and 45 % of the bandwidth, Hz, above the LO.
    """
    share = (round(receiver_hz / 1000.0) * _GOLDEN & MASK64) / 2.0**64
    return (0.1 + 0.8 * share) * bandwidth_hz / 2.0


class Tone(Continuous, frozen=True, kw_only=True, tag="tone"):
    """Carrier without modulation."""

    default_path: ClassVar[tuple[str, ...]] = ("Interference", "CW")

    @property
    def occupied_hz(self) -> float:
        """Nothing; what a receiver measures is its own resolution."""
        return 0.0

    @property
    def span_hz(self) -> float:
        """Nearly nothing."""
        return 1000.0

    def waveforms(self, rate_hz: float, dice: Dice) -> list[NDArray[np.complex64]]:
        """Return a constant."""
        return [np.ones(LOOP_SAMPLES, np.complex64)]


class FollowingTone(Tone, frozen=True, kw_only=True, tag="following_tone"):
    """Carrier at an offset that names the receiver's local oscillator; `center_hz` is ignored."""

    @property
    def reach_hz(self) -> tuple[float, float]:
        """Wherever the receiver is."""
        return (-6.0e9, 6.0e9)

    def offset_hz(self, burst: Burst, receiver_hz: float, bandwidth_hz: float) -> float:
        """Return the offset that names the receiver's local oscillator."""
        return following_offset_hz(receiver_hz, bandwidth_hz)
