"""All tracks, tentative and confirmed, bounded; and who gets which sighting of a dwell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ndefender.track.associate import choose
from ndefender.track.contact import TrackCounters
from ndefender.track.link import Link
from ndefender.track.observe import Dwell, Sighting
from ndefender.track.policy import BandSpan, TrackPolicy, band_of
from ndefender.track.station import Station
from ndefender.track.track import Track

Heard = dict[int, list[Sighting]]  # sightings by the serial of their track


class _Stations:
    """Stations as they are before a dwell, to find the few that overlap a sighting among many."""

    def __init__(self, stations: list[Station], policy: TrackPolicy) -> None:
        self._stations = stations
        self._low = np.array([t.low_hz for t in stations])
        self._high = np.array([t.high_hz for t in stations])
        self._least_hz, self._most_hz = policy.min_tolerance_hz, policy.video_tolerance_hz

    def near(self, s: Sighting) -> list[Station]:
        """Those whose band, widened by the greatest tolerance `station.relate` allows, meets the sighting's."""
        reach_hz = np.clip(0.2 * np.maximum(self._high - self._low, s.bandwidth_hz), self._least_hz, self._most_hz)
        meets = (self._low - reach_hz <= s.high_hz) & (self._high + reach_hz >= s.low_hz)
        return [self._stations[i] for i in np.flatnonzero(meets)]


class Store:
    """Tracks by serial number, oldest first.

    Args:
        policy: bounds.
        counters: where to count what is dropped or explained.
    """

    def __init__(self, policy: TrackPolicy, counters: TrackCounters) -> None:
        self._policy = policy
        self._counters = counters
        self._tracks: dict[int, Track] = {}
        self._serial = 0
        self.candidates = 0
        self.contacts = 0

    def __iter__(self) -> Iterator[Track]:
        return iter(self._tracks.values())

    def __getitem__(self, serial: int) -> Track:
        return self._tracks[serial]

    def __len__(self) -> int:
        return len(self._tracks)

    def next_serial(self) -> int:
        """Number for a new track."""
        self._serial += 1
        return self._serial

    def add(self, track: Track) -> None:
        """Keep a new track."""
        self._tracks[track.serial] = track
        if track.confirmed:
            self.contacts += 1
        else:
            self.candidates += 1

    def remove(self, track: Track) -> None:
        """Forget a track."""
        del self._tracks[track.serial]
        if track.confirmed:
            self.contacts -= 1
        else:
            self.candidates -= 1

    def confirm(self, track: Track) -> bool:
        """Make a candidate a contact; False where the bound is reached."""
        if self.contacts >= self._policy.max_contacts:
            self._counters.contacts_refused += 1
            return False
        track.confirmed = True
        self.contacts += 1
        self.candidates -= 1
        return True

    def assign(self, dwell: Dwell, bands: Sequence[BandSpan]) -> Heard:
        """Give every sighting to its emitter; what has none founds a candidate, the widest first.

        Returns:
            what was heard, of which track. Sightings that are merely explained are counted and left out.
        """
        heard: Heard = {}
        if not dwell.sightings:
            return heard
        links = [t for t in self if isinstance(t, Link)]
        known = _Stations([t for t in self if isinstance(t, Station)], self._policy)
        rest = []
        for s in dwell.sightings:
            band = band_of(bands, s.center_hz) if dwell.centred else None
            if not self._give(s, known.near(s), links, band, dwell, heard):
                rest.append((s, band))
        stations: list[Station] = []
        links = []
        for s, band in sorted(rest, key=lambda item: -item[0].bandwidth_hz):
            burst_cut = s.cut and s.bandwidth_hz <= self._policy.narrow_hz and not s.continuous  # a whole one will come
            if (
                s.may_found
                and not burst_cut
                and not self._give(s, stations, links, band, dwell, heard)
                and self._make_room(heard)
            ):
                self._found(s, band, dwell, heard, stations, links)
        return heard

    def _give(
        self,
        s: Sighting,
        stations: Sequence[Station],
        links: Sequence[Link],
        band: str | None,
        dwell: Dwell,
        heard: Heard,
    ) -> bool:
        choice = choose(s, stations, links, band, dwell.t_ns - self._policy.confirm_window_ns, self._policy)
        if choice is None:
            return False
        if choice.heard and (s.may_found or choice.track.confirmed):  # a skirt confirms nothing
            heard.setdefault(choice.track.serial, []).append(s)
        else:
            self._counters.explained += 1
        return True

    def _found(
        self, s: Sighting, band: str | None, dwell: Dwell, heard: Heard, stations: list[Station], links: list[Link]
    ) -> None:
        serial = self.next_serial()
        if s.hopping and s.bandwidth_hz <= self._policy.narrow_hz:
            link = Link(serial, dwell.t_ns, s.family, band)
            link.sketch(s)
            links.append(link)
            self.add(link)
        else:
            station = Station(serial, dwell.t_ns)
            station.sketch(s)
            stations.append(station)
            self.add(station)
        heard[serial] = [s]

    def _make_room(self, heard: Mapping[int, object]) -> bool:
        """Drop the candidate silent for longest where the bound is reached; False if all were just heard."""
        if self.candidates < self._policy.max_candidates:
            return True
        silent = [t for t in self if not t.confirmed and t.serial not in heard]
        if not silent:
            return False
        self.remove(min(silent, key=lambda t: (t.heard_ns, t.serial)))
        self._counters.candidates_dropped += 1
        return True
