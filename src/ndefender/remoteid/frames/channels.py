"""Which Wi-Fi channel to listen on, and for how long.

Open Drone ID is on channel 6, NAN also on 44 or 149; beacons may be on any. So each round goes to those three, longest
to channel 6, and then to one channel of a walk over the others.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ndefender.errors import NdefenderError
from ndefender.remoteid.frames.live import InterfaceUnusable


class ChannelRefused(NdefenderError):
    """The adapter does not go to a channel, or its regulatory domain forbids it. Reaction: leave that one out.

    Args:
        freq_mhz: centre of the channel.
        reason: why, in plain words.
    """

    def __init__(self, freq_mhz: int, reason: str) -> None:
        super().__init__(f"{freq_mhz} MHz: {reason}")
        self.freq_mhz = freq_mhz
        self.reason = reason


class Tuner(Protocol):
    """Sets the channel of one interface."""

    async def tune(self, freq_mhz: int) -> None:
        """Goes to the channel with that centre.

        Raises:
            ChannelRefused: not to this one.
            InterfaceUnusable: to none.
        """


@dataclass(frozen=True, slots=True)
class Stay:
    """A channel and the time on it.

    Args:
        freq_mhz: centre of the channel.
        dwell_s: how long to listen.
    """

    freq_mhz: int
    dwell_s: float


# A transmitter says where it is at least once a second: a stay on channel 6 hears each that is there. A NAN device is
# awake every 512 time units (0.524 s).
FIRST = (Stay(2437, 1.2), Stay(5220, 0.6), Stay(5745, 0.6))
WALK = tuple(
    Stay(freq_mhz, 0.3)
    for freq_mhz in (
        2412,
        2462,
        5180,
        2422,
        2452,
        5200,
        5240,
        2417,
        2427,
        5765,
        2432,
        2442,
        5785,
        2447,
        2457,
        5805,
        5825,
    )
)


def rounds(first: Sequence[Stay] = FIRST, walk: Sequence[Stay] = WALK) -> Iterator[Stay]:
    """The stays, without end: all of `first`, one of `walk`, all of `first`, the next of `walk`."""
    for step in itertools.count():
        yield from first
        if walk:
            yield walk[step % len(walk)]


class Hopper:
    """Goes from channel to channel.

    Args:
        interface: its name, for the error.
        tuner: sets the channel.
        first: where most of the time is spent.
        walk: the others.
    """

    def __init__(
        self, interface: str, tuner: Tuner, first: Sequence[Stay] = FIRST, walk: Sequence[Stay] = WALK
    ) -> None:
        if not first and not walk:
            raise ValueError("no channel to listen on")
        self.freq_mhz: int | None = None
        self.refused: dict[int, str] = {}
        self._interface = interface
        self._tuner = tuner
        self._first = first
        self._walk = walk

    async def run(self) -> None:
        """Hops until it is cancelled. Refused channels are left out from then on; `refused` says why.

        Raises:
            InterfaceUnusable: the adapter goes to none of the channels, or to none any more.
        """
        while True:
            # The plan begins anew without the channel that was just refused.
            for stay in rounds(self._allowed(self._first), self._allowed(self._walk)):
                try:
                    await self._tuner.tune(stay.freq_mhz)
                except ChannelRefused as error:
                    self.refused[stay.freq_mhz] = error.reason
                    break
                self.freq_mhz = stay.freq_mhz
                await asyncio.sleep(stay.dwell_s)
            if not self._allowed(self._first) and not self._allowed(self._walk):
                reasons = ", ".join(sorted(set(self.refused.values())))
                raise InterfaceUnusable(self._interface, f"goes to none of the channels: {reasons}")

    def _allowed(self, stays: Sequence[Stay]) -> Sequence[Stay]:
        return [stay for stay in stays if stay.freq_mhz not in self.refused]
