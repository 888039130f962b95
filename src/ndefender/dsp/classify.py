"""Classifier: two tables of rules over evidence; the best rule that holds names the emission.

Adding a class is a row in `rules_wide` or `rules_narrow`, a row in `taxonomy`, a generator and a test.
"""

from __future__ import annotations

from ..taxonomy import CHANNELS, CLASS_ID, UNKNOWN
from . import rules_narrow, rules_wide
from .rules import Rule, Shape

CHANNEL_REACH_HZ = 4e6  # transmitters drift and an FM spectrum leans with the picture
CHANNEL_TIE_HZ = 1.0e6  # two channels closer to the measured centre than this cannot be told apart
UNKNOWN_CONFIDENCE = 0.3
LEAST_SCORE = 0.5

RULES: tuple[Rule, ...] = rules_wide.RULES + rules_narrow.RULES
VIDEO = CLASS_ID[("Analog", "Video")]


def classify(shape: Shape) -> tuple[int, float]:
    """Name an emission.

    Args:
        shape: measurements and evidence.
    Returns:
        (class_id, confidence 0..1); `UNKNOWN` where no rule reaches LEAST_SCORE.
    """
    best, best_path = 0.0, None
    width_hz, evidence = shape.bandwidth_hz, shape.evidence
    for path, low_hz, high_hz, needs, at_least, score in RULES:
        if not low_hz <= width_hz <= high_hz or (needs and not evidence[needs] > at_least):
            continue
        reached = score(shape)
        if reached > best:
            best, best_path = reached, path
    if best_path is None or best < LEAST_SCORE:
        return UNKNOWN, UNKNOWN_CONFIDENCE
    return CLASS_ID[best_path], min(best, 1.0)


def channel_mask(center_hz: float) -> int:
    """Analogue channels whose centre the measured one may be: bit i is `taxonomy.CHANNELS[i]`.

    Args:
        center_hz: measured centre.
    Returns:
        The nearest channel and all that cannot be told from it; 0 if none is near.
    """
    distances = [abs(c.center_hz - center_hz) for c in CHANNELS]
    nearest = min(distances)
    if nearest > CHANNEL_REACH_HZ:
        return 0
    return sum(1 << i for i, d in enumerate(distances) if d <= nearest + CHANNEL_TIE_HZ)
