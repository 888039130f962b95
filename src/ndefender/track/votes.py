"""What an emitter is called: votes of its dwells, each weighted by the classifier's confidence.

A dwell votes once however many bursts it holds, so that a busy moment does not outvote a quiet minute. "Unknown" says
little (the burst was short or weak), so it weighs a quarter of a named class. The confidence given out is the mean
confidence of the winning votes times their share: agreeing dwells do not raise it, because a classifier that errs on
an emitter errs on it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ndefender import taxonomy
from ndefender.track.observe import Sighting

DECAY = 0.97  # per dwell heard: the last 33 count, so that a class can be corrected
UNKNOWN_WEIGHT = 0.25
REFINE = 0.6  # share of the votes below a node that a child needs to be named
HOLD = 0.4  # the same for what is named already: no flapping
STAY = 1.25  # what is named already is worth this much more than its rival
_ANALOG = ("Analog", "Video")
_FLOOR = 1e-6
_OFDM = ("Digital", "OFDM")  # some OFDM system: says no more than "Digital", and is what that is called
_NODES = tuple(("Digital",) if row.path == _OFDM else row.path for row in taxonomy.CLASSES)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A name and how sure it is.

    Args:
        path: class path, as long as the evidence goes.
        confidence: 0..1.
        pattern_hint: analogue channels joined with `|`, else `unknown`.
        control: probability that it is a control link.
    """

    path: tuple[str, ...]
    confidence: float
    pattern_hint: str
    control: float


class ClassVotes:
    """Votes of one emitter, for classes and for analogue channels."""

    __slots__ = ("_counts", "_named", "_patterns", "_voters", "_weights")

    def __init__(self) -> None:
        self._weights: dict[int, float] = {}  # sum of confidence by class
        self._counts: dict[int, float] = {}  # sum of votes by class
        self._patterns: dict[int, float] = {}  # by channel
        self._voters = 0.0  # votes on channels
        self._named: tuple[str, ...] = ()

    def seed(self, path: Sequence[str], confidence: float, hint: str, dwells: float) -> None:
        """Start from what was known before a restart, worth as many dwells."""
        below = [i for i, row in enumerate(taxonomy.CLASSES) if row.path[: len(path)] == tuple(path)]
        rows = [i for i in below if taxonomy.CLASSES[i].path == tuple(path)] or below or [taxonomy.UNKNOWN]
        for class_id in rows:
            self._counts[class_id] = dwells / len(rows)
            self._weights[class_id] = dwells * confidence / len(rows)
        names = hint.split("|")
        for i, channel in enumerate(taxonomy.CHANNELS):
            if channel.hint in names:
                self._patterns[i] = dwells
        self._voters = dwells if self._patterns else 0.0
        self._named = tuple(path)

    def add(self, sightings: Sequence[Sighting]) -> None:
        """Take the votes of one dwell (at least one sighting)."""
        for table in (self._weights, self._counts, self._patterns):
            for key in table:
                table[key] *= DECAY
        self._voters *= DECAY
        share = 1.0 / len(sightings)
        for s in sightings:
            self._counts[s.class_id] = self._counts.get(s.class_id, 0.0) + share
            self._weights[s.class_id] = self._weights.get(s.class_id, 0.0) + share * s.class_confidence
        masks = [(s.class_confidence, s.pattern_mask) for s in sightings if s.pattern_mask]
        if masks:
            mask = max(masks)[1]
            self._voters += 1.0
            for i in range(len(taxonomy.CHANNELS)):
                if mask >> i & 1:
                    self._patterns[i] = self._patterns.get(i, 0.0) + 1.0

    def leading_class(self) -> int:
        """Class with the most votes: what to compare a new sighting with."""
        return max(self._weights, key=lambda i: (self._weight(i), -i), default=taxonomy.UNKNOWN)

    def verdict(self, center_hz: float) -> Verdict:
        """Name the emitter.

        Args:
            center_hz: its centre, which orders channels with equal votes.
        """
        total = sum(self._weight(i) for i in self._weights)
        path = self._path()
        self._named = path
        inside = [i for i in self._weights if _NODES[i][: len(path)] == path]
        count = sum(self._counts[i] for i in inside)
        share = sum(self._weight(i) for i in inside) / max(total, _FLOOR)
        mean = sum(self._weights[i] for i in inside) / max(count, _FLOOR)
        control = sum(self._weight(i) * taxonomy.CLASSES[i].control for i in self._weights) / max(total, _FLOOR)
        hint = "unknown"
        if path == ("Digital",):
            path = _OFDM
        if path == _ANALOG:
            channels = self._channels(center_hz)
            if channels:
                hint = "|".join(channel.hint for channel in channels)
            if len(channels) == 1:
                path = (*path, channels[0].band_name, channels[0].label)
        return Verdict(path, _ratio(share * mean), hint, _ratio(control))

    def shares(self) -> Mapping[str, float]:
        """Share of the votes by class path joined with `/`, biggest first."""
        total = max(sum(self._weight(i) for i in self._weights), _FLOOR)
        ranked = sorted(self._weights, key=lambda i: (-self._weight(i), i))
        return {"/".join(taxonomy.CLASSES[i].path): _ratio(self._weight(i) / total) for i in ranked}

    def patterns(self) -> Mapping[str, float]:
        """Share of the dwells that named each analogue channel, biggest first."""
        ranked = sorted(self._patterns, key=lambda i: (-self._patterns[i], i))
        return {taxonomy.CHANNELS[i].hint: _ratio(self._patterns[i] / max(self._voters, _FLOOR)) for i in ranked}

    def _weight(self, class_id: int) -> float:
        return self._weights[class_id] * (UNKNOWN_WEIGHT if class_id == taxonomy.UNKNOWN else 1.0)

    def _support(self, prefix: tuple[str, ...], classes: Iterable[int]) -> float:
        return sum(self._weight(i) for i in classes if _NODES[i][: len(prefix)] == prefix)

    def _path(self) -> tuple[str, ...]:
        """Go from the certain to the specific, as long as enough of the votes go the same way."""
        path: tuple[str, ...] = ()
        while True:
            depth = len(path)
            below = [i for i in self._weights if _NODES[i][:depth] == path]
            children = sorted({_NODES[i][: depth + 1] for i in below if self._deeper(i, depth)})
            if not children:
                return path or taxonomy.CLASSES[taxonomy.UNKNOWN].path
            support = {
                child: self._support(child, below) * (STAY if child == self._named[: depth + 1] else 1.0)
                for child in children
            }
            best = max(children, key=lambda child: support[child])
            stopped = sum(self._weight(i) for i in below if not self._deeper(i, depth))
            # votes that stop here neither name a child nor speak against it: half weight
            share = self._support(best, below) / max(self._support(path, below) - stopped / 2, _FLOOR)
            held = best == self._named[: depth + 1]
            if depth and share < (HOLD if held else REFINE):
                return path
            path = best

    @staticmethod
    def _deeper(class_id: int, depth: int) -> bool:
        return len(_NODES[class_id]) > depth

    def _channels(self, center_hz: float) -> list[taxonomy.Channel]:
        """Channels that at least half of the dwells named, most votes first, then nearest."""
        chosen = [i for i, votes in self._patterns.items() if votes >= 0.5 * max(self._voters, _FLOOR)]
        best = max((self._patterns[i] for i in chosen), default=0.0)
        # votes are compared in tenths of the best: one dwell's jitter must not reorder the hint
        return [
            taxonomy.CHANNELS[i]
            for i in sorted(
                chosen,
                key=lambda i: (
                    -round(10 * self._patterns[i] / best),
                    abs(taxonomy.CHANNELS[i].center_hz - center_hz),
                    i,
                ),
            )
        ]


def _ratio(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)
