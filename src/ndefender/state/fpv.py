"""Which receiver of the panel hears video: its RSSI is well over its own floor.

`rssi_raw` is an ADC's count whose zero and slope differ from receiver to receiver, so each has a floor of its own.

The floor of one channel (a frequency that the receiver was tuned to) follows the level down at once, half way each
time, and up by at most one count a minute, and up not at all while the level is over the threshold: a transmitter that
stays does not become the floor. The level is the median of the last three readings, so that one broken reading counts
for nothing.

The floor of a receiver is the 20 % quantile over its channels: where it scanned, some channels were free. That is
proven once it was on five channels over 40 MHz or more, which no single video signal covers. Until then it may sit on
a signal since it was switched on, and its lowest channel may be no floor at all: it then counts for at most
`spread_raw` over the lowest floor among the other receivers. What this cannot tell: all receivers sit on signals since
the start and none was ever retuned; then nothing is heard until one of them shows less.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from ndefender import units

_RISE_RAW_PER_S: Final = 1.0 / 60.0
_FALL: Final = 0.5
_QUANTILE: Final = 0.2
_PROVEN_CHANNELS: Final = 5
_PROVEN_SPAN_HZ: Final = 40_000_000
_MAX_CHANNELS: Final = 256  # a scan of 5645 to 5865 MHz in 2 MHz steps has 111
_MAX_RISE_S: Final = 60.0  # a channel that was left alone does not rise for the time nobody looked


@dataclass(slots=True)
class _Channel:
    floor_raw: float
    looks: int
    looked_ns: int


@dataclass(slots=True)
class _Receiver:
    channels: OrderedDict[int, _Channel] = field(default_factory=OrderedDict)
    freq_hz: int = 0
    last_raw: deque[int] = field(default_factory=lambda: deque(maxlen=3))

    @property
    def proven(self) -> bool:
        return len(self.channels) >= _PROVEN_CHANNELS and max(self.channels) - min(self.channels) >= _PROVEN_SPAN_HZ

    @property
    def own_floor_raw(self) -> float:
        floors = sorted(channel.floor_raw for channel in self.channels.values())
        return floors[int(_QUANTILE * (len(floors) - 1))] if self.proven else floors[0]


class Floors:
    """The floors of the panel's receivers.

    Args:
        over_floor_raw: a level this far over the floor is video, ADC counts.
        spread_raw: floors of two receivers differ by less than this, ADC counts.
    """

    def __init__(self, over_floor_raw: int, spread_raw: int) -> None:
        self._over_raw = over_floor_raw
        self._spread_raw = spread_raw
        self._receivers: dict[int, _Receiver] = {}

    def look(self, vrx_id: int, freq_hz: int, rssi_raw: int, now_ns: int) -> None:
        """Take one reading of one receiver; all of one telemetry before the first `hears`."""
        receiver = self._receivers.setdefault(vrx_id, _Receiver())
        if freq_hz != receiver.freq_hz:
            receiver.freq_hz = freq_hz
            receiver.last_raw.clear()
        receiver.last_raw.append(rssi_raw)
        level_raw = float(median(receiver.last_raw))
        channel = receiver.channels.get(freq_hz)
        if channel is None:
            receiver.channels[freq_hz] = _Channel(level_raw, 1, now_ns)
            if len(receiver.channels) > _MAX_CHANNELS:
                receiver.channels.popitem(last=False)
            return
        receiver.channels.move_to_end(freq_hz)
        channel.looks += 1
        if channel.looks <= len(receiver.last_raw):
            channel.floor_raw = level_raw  # the first readings: their median
        elif level_raw < channel.floor_raw:
            channel.floor_raw += _FALL * (level_raw - channel.floor_raw)
        elif level_raw < channel.floor_raw + self._over_raw:
            passed_s = min(max(units.ns_to_s(now_ns - channel.looked_ns), 0.0), _MAX_RISE_S)
            channel.floor_raw = min(level_raw, channel.floor_raw + _RISE_RAW_PER_S * passed_s)
        channel.looked_ns = now_ns

    def floor_raw(self, vrx_id: int) -> float:
        """The receiver's floor, ADC counts. It must have been looked at."""
        receiver = self._receivers[vrx_id]
        own_raw = receiver.own_floor_raw
        others = [other.own_floor_raw for key, other in self._receivers.items() if key != vrx_id]
        if receiver.proven or not others:
            return own_raw
        return min(own_raw, min(others) + self._spread_raw)

    def hears(self, vrx_id: int, rssi_raw: int, heard_before: bool) -> bool:
        """Whether a reading is video.

        Args:
            vrx_id: which receiver; it must have been looked at.
            rssi_raw: its reading.
            heard_before: it was video before: half the threshold then keeps it, so that it does not flap.
        """
        over_raw = self._over_raw / 2 if heard_before else self._over_raw
        return rssi_raw - self.floor_raw(vrx_id) >= over_raw
