"""Control and video of one aircraft: they appear together and fade together.

Conservative on purpose: both must have appeared while the scanner was already listening there, within seconds of each
other, and their levels must move, and move together, over many sweeps. Two emitters that stand still never qualify.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ndefender import units
from ndefender.track.policy import TrackPolicy
from ndefender.track.track import Track

_CONTROL = 0.5  # control score from which a contact may be a control link
_MOVES_DB = 2.0  # least standard deviation of a level that says anything
_SAME_SWEEP_S = 1.5  # two levels this close in time are compared
_LISTENED_S = 10.0  # the scanner must have listened this long before either appeared


def mark(contacts: Sequence[Track], listening_since_ns: int, policy: TrackPolicy) -> None:
    """Set `correlated` of every contact that has a partner, clear it of every other.

    Args:
        contacts: confirmed ones, each with its newest snapshot.
        listening_since_ns: when the tracker took its first dwell.
        policy: limits.
    """
    from_ns = listening_since_ns + units.s_to_ns(_LISTENED_S)
    known = [t for t in contacts if t.contact is not None and t.first_ns >= from_ns]
    control = [t for t in known if t.contact is not None and t.contact.control_score >= _CONTROL]
    video = [t for t in known if t.contact is not None and t.contact.class_path[1:2] == ("Video",)]
    partners = {id(t) for c in control for v in video if _together(c, v, policy) for t in (c, v)}
    for track in contacts:
        track.correlated = id(track) in partners


def _together(first: Track, second: Track, policy: TrackPolicy) -> bool:
    if abs(first.first_ns - second.first_ns) > units.s_to_ns(policy.correlate_s):
        return False
    levels = _paired(first, second)
    if len(levels) < policy.correlate_dwells:
        return False
    a, b = np.array(levels).T
    if a.std() < _MOVES_DB or b.std() < _MOVES_DB:
        return False
    return bool(np.corrcoef(a, b)[0, 1] >= policy.correlate_r)


def _paired(first: Track, second: Track) -> list[tuple[float, float]]:
    """Levels of the same sweep, each used once."""
    limit_ns = units.s_to_ns(_SAME_SWEEP_S)
    later = sorted(second.levels)
    pairs = []
    for t_ns, level in sorted(first.levels):
        while later and later[0][0] < t_ns - limit_ns:
            later.pop(0)
        if later and later[0][0] <= t_ns + limit_ns:
            pairs.append((level, later.pop(0)[1]))
    return pairs
