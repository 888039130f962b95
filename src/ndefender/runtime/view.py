"""The reading half of the AntSDR Scan API's port: answers from memory."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from ndefender import __version__
from ndefender.api import ports
from ndefender.config.settings import Settings
from ndefender.errors import CommandRejected
from ndefender.events.encode import contact_data
from ndefender.runtime import replies
from ndefender.runtime.messages import CaptureStatus
from ndefender.runtime.shared import Shared
from ndefender.runtime.spectra import SpectrumStore
from ndefender.runtime.vitals import Vitals
from ndefender.units import NS_PER_MS, NS_PER_S


class EventFeed(Protocol):
    """What the port needs of `events.bus.Bus`."""

    def subscribe(self, queue_events: int) -> ports.Subscription:
        """Listen from now on."""
        ...

    def last(self, limit: int) -> Sequence[bytes]:
        """Newest envelopes, oldest first."""
        ...

    @property
    def seq(self) -> int | None:
        """Number of the newest envelope, None before the first."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """What the front can see.

    Args:
        settings: as the service was started with.
        shared, spectra: what the tracker thread shows.
        vitals: who is alive, how busy, restarted how often.
        feed: events.
        boot_id: of this run.
        last_seq: number of the newest event before this process began.
    """

    settings: Settings
    shared: Shared
    spectra: SpectrumStore
    vitals: Vitals
    feed: EventFeed
    boot_id: str
    last_seq: int


class FrontView:
    """The reading half of `api.ports.ScanPort`: everything is answered from memory."""

    def __init__(self, seen: Seen) -> None:
        self._settings = seen.settings
        self._shared = seen.shared
        self._spectra = seen.spectra
        self._vitals = seen.vitals
        self._feed = seen.feed
        self._boot_id = seen.boot_id
        self._last_seq = seen.last_seq

    # --- reading ---------------------------------------------------------------------------------------------------

    def health(self) -> ports.Health:
        """State of the service."""
        status, shared = self._present(), self._shared
        trouble = []
        if status is None:
            trouble.append(replies.AWAY)
        elif not status.device.connected:
            trouble.append(f"radio offline: {status.device.last_error or 'not opened yet'}")
        if not self._vitals.any_worker:
            trouble.append("no analysis worker is running")
        if shared.log_trouble:
            trouble.append(f"events are not logged: {shared.log_trouble}")
        running = bool(status and status.device.connected and status.sweep.running and self._vitals.any_worker)
        return replies.health_of(
            trouble,
            engine_running=running,
            simulated=shared.status.device.simulated,
            last_event_unix_ms=shared.last_event_unix_ms,
            now_unix_ms=now_ms(),
            boot_id=self._boot_id,
            seq=self._feed.seq or self._last_seq,
        )

    def version(self) -> ports.Version:
        """Version of the package."""
        return ports.Version(version=__version__)

    def stats(self) -> ports.Stats:
        """Counters."""
        vitals = self._vitals
        return replies.stats_of(
            self._shared.tally,
            self._shared.status,
            vitals.capture,
            vitals.workers,
            vitals.busy_percent(),
            vitals.restarts(),
        )

    def device(self) -> ports.Device:
        """What is known of the radio."""
        return replies.device_of(self._present(), self._settings.radio.uri)

    def sweep_state(self) -> ports.SweepState:
        """The plans and where in them the radio is."""
        return replies.sweep_of(self._shared.status, away=self._present() is None)

    def gain(self) -> ports.Gain:
        """Gain and its limits at the present LO."""
        return replies.gain_of(self._present())

    def config(self) -> Mapping[str, object]:
        """Effective configuration."""
        shown: Mapping[str, object] = msgspec.to_builtins(self._settings)
        return shown

    def contacts(self) -> Sequence[msgspec.Struct]:
        """Live contacts, newest first."""
        return [contact_data(contact) for contact in self._shared.contacts]

    def evidence(self, contact_id: str) -> ports.ContactEvidence:
        """The numbers behind a contact's class."""
        found = self._shared.evidence.get(contact_id)
        if found is None:
            raise CommandRejected(404, "unknown_contact", f"no live contact has the id {contact_id}")
        return replies.evidence_of(found, now_ms())

    def bands(self) -> Sequence[str]:
        """Names of the bands of the active plan."""
        return list(self._spans())

    def spectrum(self, band: str) -> ports.Spectrum | None:
        """Newest spectrum of a band."""
        span = self._spans().get(band)
        if span is None:
            there = ", ".join(self._spans()) or "none"
            raise CommandRejected(404, "unknown_band", f"no band {band}; there are: {there}")
        return self._spectra.over(band, *span)

    def events_last(self, limit: int) -> Sequence[bytes]:
        """Newest envelopes, oldest first."""
        return self._feed.last(limit)

    def subscribe(self, queue_events: int) -> ports.Subscription:
        """Listen from now on."""
        return self._feed.subscribe(queue_events)

    def log_trouble(self) -> str | None:
        """Why events are not being logged, None while they are."""
        return self._shared.log_trouble

    # --- inside ----------------------------------------------------------------------------------------------------

    def _present(self) -> CaptureStatus | None:
        """Newest report of capture, None while it is away: dead, not up yet, or without progress."""
        capture = self._vitals.capture
        limit_ns = self._settings.runtime.beat_timeout_s * NS_PER_S  # opening a dead radio takes a while, too
        alive = capture.pid and capture.beat_ns and time.monotonic_ns() - capture.beat_ns < limit_ns
        return self._shared.status if alive and self._shared.status_ns else None

    def _spans(self) -> dict[str, tuple[float, float]]:
        """Bands of the active plan: as capture says, before that as configured."""
        sweep = self._shared.status.sweep
        for plan in sweep.plans:
            if plan.name == sweep.active_plan:
                return {band.name: (band.start_hz, band.stop_hz) for band in plan.bands}
        configured = self._settings.plan.get(self._settings.scan.plan, [])
        return {band.name: (band.start_hz, band.stop_hz) for band in configured}


def now_ms() -> int:
    """Wall clock, ms since the epoch."""
    return time.time_ns() // NS_PER_MS
