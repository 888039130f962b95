"""A tracker under a sky of one's own: dwells at one's command, time that only moves when told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ndefender.track import BandSpan, Change, Contact, Restored, Tracker, TrackPolicy
from support.emissions import MHZ, Look, Seen, rows, summary

BANDS = (
    BandSpan("433", 433.05 * MHZ, 434.79 * MHZ),
    BandSpan("868", 863 * MHZ, 870 * MHZ),
    BandSpan("2G4", 2400 * MHZ, 2500 * MHZ),
    BandSpan("5G8", 5635 * MHZ, 5960 * MHZ),
)
UNIX_NS = 1_700_000_000 * 10**9


class Sky:
    """Drives a tracker; keeps all changes and checks their grammar as they come."""

    def __init__(self, policy: TrackPolicy | None = None, bands: Sequence[BandSpan] = BANDS) -> None:
        self.tracker = Tracker(policy or TrackPolicy(), bands)
        self.now_ns = 10**12
        self.seq = 0
        self.changes: list[Change] = []
        self.alive: set[str] = set()

    def look(self, center_mhz: float, *, span_mhz: float = 49.0, ms: float = 10.0, lo_mhz: float | None = None) -> Look:
        """A dwell that ends now."""
        lo = center_mhz - 3.0 if lo_mhz is None else lo_mhz
        half = span_mhz / 2
        start = self.now_ns - int(ms * 1e6)
        return Look(start, ms / 1e3, (center_mhz - half) * MHZ, (center_mhz + half) * MHZ, lo * MHZ)

    def dwell(
        self, seen: Iterable[Seen], center_mhz: float = 2440.0, after_s: float = 0.7, *, cut: bool = True, **look: float
    ) -> list[Change]:
        """Let time pass, then take a dwell with these emissions, cut to what it sees."""
        self.now_ns += int(after_s * 1e9)
        self.seq += 1
        at = self.look(center_mhz, **look)
        visible = [s for s in ((x.inside(at) if cut else x) for x in seen) if s is not None]
        return self.take(self.tracker.dwell(summary(at, self.seq), rows(visible), self.now_ns, self.unix_ns))

    def wait(self, seconds: float) -> list[Change]:
        """Let time pass without a dwell."""
        self.now_ns += int(seconds * 1e9)
        return self.take(self.tracker.tick(self.now_ns, self.unix_ns))

    def restore(self, contacts: Iterable[Restored]) -> list[Change]:
        """Start from the log; ids are alive from here on."""
        contacts = list(contacts)
        self.alive |= {r.contact.contact_id for r in contacts}
        return self.take(self.tracker.restore(contacts, self.now_ns, self.unix_ns))

    @property
    def unix_ns(self) -> int:
        """Wall clock now."""
        return UNIX_NS + self.now_ns

    def take(self, changes: list[Change]) -> list[Change]:
        """Check the grammar of the newest changes and keep them."""
        for change in changes:
            contact_id = change.contact.contact_id
            if change.kind == "new":
                assert contact_id not in self.alive, f"a second NEW for {contact_id}"
                self.alive.add(contact_id)
            else:
                assert contact_id in self.alive, f"{change.kind} for {contact_id}, which is not alive"
            if change.kind == "lost":
                self.alive.remove(contact_id)
        assert {c.contact_id for c in self.tracker.contacts()} == self.alive
        self.changes += changes
        return changes

    def contacts(self) -> list[Contact]:
        """Live contacts, by frequency."""
        return sorted(self.tracker.contacts(), key=lambda c: c.freq_hz)

    def only(self) -> Contact:
        """The only live contact."""
        (contact,) = self.tracker.contacts()
        return contact
