"""Emitters that hop: bursts of one kind on many frequencies of one band are one link."""

from __future__ import annotations

import itertools
import statistics
from collections import deque
from collections.abc import Sequence

from ndefender import units
from ndefender.track.observe import Dwell, Sighting
from ndefender.track.policy import TrackPolicy
from ndefender.track.track import Track

_DECAY = 0.98  # per dwell heard, of the counts behind the hop rate
_LENGTH_RATIO = 2.0  # a burst joins if it is no longer or shorter than those known, by this factor
_CHIRPS = 0.4  # difference of dechirp gain between what is LoRa and what is not
_LENGTHS = 10  # from so many known lengths on
_TRIM = (
    0.02  # part of the bursts at either end that does not say where the hop set ends: a misclassified burst must not
)
_TRIM_FROM = 50  # from so many on


class Link(Track):
    """A hopping link.

    Args:
        family: `lora`, `bluetooth` or `fhss`.
        band: name of the plan's band it lives in, None outside all.
    """

    def __init__(self, serial: int, t_ns: int, family: str, band: str | None) -> None:
        super().__init__(serial, t_ns)
        self._family = family
        self.band = band
        self._bursts: deque[tuple[int, float]] = deque(maxlen=512)  # (when, centre)
        self._widths: deque[float] = deque(maxlen=64)
        self._lengths: deque[float] = deque(maxlen=64)
        self._deviations: deque[float] = deque(maxlen=64)
        self._chirps: deque[float] = deque(maxlen=64)
        self._low = 0.0
        self._high = 0.0
        self._center = 0.0
        self._width = 0.0
        self._changes = 0.0
        self._watched_s = 0.0

    def name_family(self) -> None:
        """The family is that of the bursts it was founded on: what it accepts does not change."""

    @property
    def low_hz(self) -> float:
        """Low edge of the lowest channel."""
        return self._low

    @property
    def high_hz(self) -> float:
        """High edge of the highest channel."""
        return self._high

    @property
    def center_hz(self) -> float:
        """Centre of the hop set."""
        return self._center

    @property
    def bandwidth_hz(self) -> float:
        """Occupied bandwidth of one burst."""
        return self._width

    @property
    def channels(self) -> int:
        """Different frequencies heard."""
        step_hz = max(0.75 * self._width, 100e3)
        return len({round(center / step_hz) for _, center in self._bursts})

    @property
    def hop_hint(self) -> str:
        """`lora_fhss`, `fhss`, or `none` while it was heard on one frequency only."""
        if self.channels < 2 and not self.restored:
            return "none"
        return "lora_fhss" if self._family == "lora" else "fhss"

    @property
    def hop_rate_hz(self) -> float:
        """Hops a second: changes of frequency between bursts of one dwell, over the time between them."""
        return self._changes / self._watched_s if self._watched_s > 0.0 else 0.0

    def sketch(self, s: Sighting) -> None:
        """Say where it may be, from the sighting that founds it; the dwell's `place` says it properly."""
        self._center, self._width = s.center_hz, s.bandwidth_hz
        self._low, self._high = s.low_hz, s.high_hz

    def set_band(self, center_hz: float, bandwidth_hz: float) -> None:
        """Say where it is, as restored from the log."""
        self._center = center_hz
        self._width = bandwidth_hz
        self._widths.append(bandwidth_hz)
        self._low, self._high = center_hz - bandwidth_hz / 2, center_hz + bandwidth_hz / 2

    def accepts(self, s: Sighting, band: str | None, policy: TrackPolicy) -> bool:
        """Whether a burst is of this link's kind: band, bandwidth, modulation, length."""
        if band != self.band or s.bandwidth_hz > policy.narrow_hz:
            return False
        if self._bursts and abs(s.center_hz - self._center) > policy.link_span_hz:
            return False
        if not self.resembles(max(s.bandwidth_hz, self._width) if s.cut else s.bandwidth_hz, policy):
            return False
        if s.family not in (self._family, ""):
            return False
        return self._same_length(s) and (not s.family or self._same_deviation(s))

    def resembles(self, bandwidth_hz: float, policy: TrackPolicy) -> bool:
        """Whether a bandwidth is this link's within what measurement spreads."""
        return self._width / policy.link_ratio <= bandwidth_hz <= self._width * policy.link_ratio

    def is_kin(self, family: str, band: str | None, bandwidth_hz: float, policy: TrackPolicy) -> bool:
        """Whether bursts of a family could not be told from this link's: all Bluetooth of a band is one, since two of
        its bursts that touch look like a wider one."""
        same = (band, family) == (self.band, self._family)
        return same and (family == "bluetooth" or self.resembles(bandwidth_hz, policy))

    def _same_deviation(self, s: Sighting) -> bool:
        known = statistics.median(self._deviations) if self._deviations else 0.0
        if self._family == "lora" or known <= 0.0 or s.deviation_hz <= 0.0:
            return True
        return known / 2.5 <= s.deviation_hz <= known * 2.5

    def _same_length(self, s: Sighting) -> bool:
        return not s.whole_burst or len(self._lengths) < _LENGTHS or self._has_length(s.duration_s)

    def _has_length(self, duration_s: float) -> bool:
        known = sorted(self._lengths)
        trim = len(known) // 10  # a tenth at either end may be another emitter's, misread
        return known[trim] / _LENGTH_RATIO <= duration_s <= known[-1 - trim] * _LENGTH_RATIO

    def differences(self, other: Link) -> int:
        """Signs, besides the class, that its bursts are not another link's misread ones.

        Their length is one, a chirp that the other's do not have another; a chirp that was missed is none.
        """
        length = bool(self._lengths and other._lengths) and not other._has_length(statistics.median(self._lengths))
        chirp = statistics.median(self._chirps or [0.0]) - statistics.median(other._chirps or [0.0]) >= _CHIRPS
        return int(length) + int(chirp)

    def covered_by(self, dwell: Dwell) -> bool:
        """Whether a dwell looks at a part of the hop set."""
        return self.seen_part(dwell) > 0.0

    def cover(self, dwell: Dwell) -> None:
        """A dwell looked at a part of the hop set: it counts for as much of its time."""
        self.presence.cover(dwell.t_ns, dwell.duration_s * max(self.seen_part(dwell), 0.05))

    def place(self, dwell: Dwell, sightings: Sequence[Sighting]) -> None:
        """Learn the hop set and its rate from one dwell's bursts."""
        in_time = sorted(sightings, key=lambda s: (s.start_s, s.center_hz))
        for s in in_time:
            self._bursts.append((dwell.t_ns, s.center_hz))
            if not s.cut:
                self._widths.append(s.bandwidth_hz)
            if s.whole_burst:
                self._lengths.append(s.duration_s)
            self._chirps.append(s.chirp)
            if s.deviation_hz > 0.0:
                self._deviations.append(s.deviation_hz)
        self._width = statistics.median(self._widths) if self._widths else in_time[0].bandwidth_hz
        self._place_set()
        self._count_hops(in_time, max(self.seen_part(dwell), 0.05))

    def forget_channels(self, now_ns: int, policy: TrackPolicy) -> None:
        """Let frequencies leave the hop set that were not used for long; one burst always stays."""
        before_ns = now_ns - units.s_to_ns(policy.link_memory_s)
        while len(self._bursts) > 1 and self._bursts[0][0] < before_ns:
            self._bursts.popleft()

    def _place_set(self) -> None:
        centers = sorted(center for _, center in self._bursts)
        trim = int(_TRIM * len(centers)) if len(centers) >= _TRIM_FROM else 0
        low, high = centers[trim], centers[-1 - trim]
        self._center = (low + high) / 2
        self._low, self._high = low - self._width / 2, high + self._width / 2

    def _count_hops(self, in_time: Sequence[Sighting], part: float) -> None:
        """Count changes of frequency; `part` of the hop set was in sight, so as many times fewer were seen."""
        self._changes *= _DECAY
        self._watched_s *= _DECAY
        same_hz = max(0.5 * self._width, 50e3)
        self._changes += sum(abs(b.center_hz - a.center_hz) > same_hz for a, b in itertools.pairwise(in_time))
        self._watched_s += (in_time[-1].start_s - in_time[0].start_s) * part

    def visits(self, center_hz: float, since_ns: int) -> int:
        """Bursts since then within one bandwidth of a frequency."""
        return sum(t_ns >= since_ns and abs(hz - center_hz) <= self._width for t_ns, hz in self._bursts)
