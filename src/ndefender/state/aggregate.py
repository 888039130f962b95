"""The aggregator's picture of everything: feeds in, events for the clients and the snapshot out. Pure.

Every method that takes an event returns what is to be put on the stream, in that order. The snapshot after that is
what a client has that was given a snapshot before and has applied these events since; FPV contacts and the sections
come with the next snapshot only, and `take_snapshot_due` says when it should not wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final

from ndefender import units
from ndefender.errors import CommandRejected
from ndefender.events.host import (
    AudioSection,
    GpsSection,
    NetworkSection,
    Section,
    SectionStatus,
    ServicesSection,
    SystemSection,
    UpsSection,
)
from ndefender.events.snapshot import Contact, Label, Snapshot
from ndefender.state import panel as esp32
from ndefender.state import remote_id, rf, severity
from ndefender.state.clean import epoch_ms, event_data
from ndefender.state.contacts import Contacts, Heard, Judge, Kind, Merge, Said, Source
from ndefender.state.dedupe import Seen
from ndefender.state.feeds import FeedEvent, count_unknown, read_contact, right_time
from ndefender.state.host import Host
from ndefender.state.labels import LabelEntry, label_entry
from ndefender.state.policy import ContactPolicy, Counters

_SEEN_PER_CONTACT: Final = 8  # an id is remembered some lives longer than its contact, against a late repetition


class Aggregate:
    """The picture. On one thread.

    Args:
        policy: limits.
        labels: what operators said, by contact id; changed by `set_label` alone.
    """

    def __init__(self, policy: ContactPolicy, labels: MutableMapping[str, LabelEntry] | None = None) -> None:
        self.counters = Counters()
        self.labels: MutableMapping[str, LabelEntry] = {} if labels is None else labels
        self.labels_revision = 0
        self._policy = policy
        self._seen = Seen(policy.max_contacts * _SEEN_PER_CONTACT)
        self._rf = self._contacts(rf.PREFIX, rf.SOURCE, policy.ttl_rf_s, rf.merge, severity.of_rf)
        self._aircraft = self._contacts(
            remote_id.PREFIX, remote_id.SOURCE, policy.ttl_remote_id_s, remote_id.merge, severity.of_remote_id
        )
        self._rf_feed = rf.RfFeed()
        self._remote_id_feed = remote_id.RemoteIdFeed(policy.remote_id_silence_s)
        self._panel = esp32.Panel(policy, self.labels, self.counters)
        self._host = Host()
        self._snapshot_due = False

    # --- feeds --------------------------------------------------------------------------------------------------------
    def rf_event(self, event: FeedEvent, now_ns: int, unix_ms: int) -> list[Said]:
        """Take an event of the RF feed, by its log or in-process; the same event twice counts once.

        Args:
            event: any; what is no RF contact event is counted.
            now_ns: monotonic.
            unix_ms: wall clock, milliseconds since the epoch.
        """
        read = read_contact(event, rf.PREFIX, rf.is_id, self.counters, unix_ms)
        if read is None:
            return []
        if not self._seen.first_time(event.boot_id, event.seq, read.contact_id):
            self.counters.duplicates += 1
            return []
        self.counters.rf_events += 1
        heard = Heard(read.contact_id, rf.fields(read.data), read.at_ms, read.at_ms, read.simulated)
        said = self._rf.take(read.step, heard, now_ns, unix_ms)
        if said:
            self._rf_feed.event(said[-1].type, said[-1].data, read.at_ms)
        return said

    def remote_id_event(self, event: FeedEvent, now_ns: int, unix_ms: int) -> list[Said]:
        """Take an event of the Remote ID feed. Arguments as of `rf_event`."""
        if event.type in {"TELEMETRY_UPDATE", "REPLAY_STATE"}:
            return self._remote_id_state(event, now_ns, unix_ms)
        read = read_contact(event, remote_id.PREFIX, remote_id.is_id, self.counters, unix_ms)
        if read is None:
            return []
        self.counters.remote_id_events += 1
        seen_ms, nonsense = remote_id.last_seen(read.data, read.at_ms, unix_ms)
        self.counters.times_corrected += nonsense
        replayed = self._remote_id_feed.replaying or read.data.get("replay") is True
        heard = Heard(read.contact_id, remote_id.fields(read.data), read.at_ms, seen_ms, read.simulated, replayed)
        said = self._aircraft.take(read.step, heard, now_ns, unix_ms)
        newest = said[-1].data if said else read.data
        self._remote_id_feed.event(event.type, newest, read.at_ms, now_ns, read.simulated)
        return said

    def panel(
        self, kind: str, data: Mapping[str, Any], now_ns: int, unix_ms: int, simulated: bool = False
    ) -> list[Said]:
        """Take a message of the panel.

        Args:
            kind: `ESP32_TELEMETRY`, `COMMAND_ACK`, `LOG_EVENT`.
            data: as it came; its own clock counts since the panel's boot and is passed on, not used.
            now_ns: monotonic.
            unix_ms: wall clock.
            simulated: the panel is emulated.
        """
        if kind not in esp32.KINDS:
            count_unknown(kind, self.counters)
            return []
        passed_on = event_data(data)
        if passed_on is None:
            return self._garbage()
        self.counters.panel_events += 1
        if simulated:
            passed_on["simulated"] = True
        if kind == "COMMAND_ACK" and isinstance(passed_on.get("id"), str):
            passed_on.setdefault("command_id", passed_on["id"])
        if kind == esp32.TELEMETRY and self._panel.telemetry(passed_on, now_ns, unix_ms):
            self._snapshot_due = True
        return [Said(kind, esp32.SOURCE, passed_on, unix_ms)]

    def panel_state(self, link: esp32.PanelLink) -> None:
        """Take the state of the link to the panel."""
        self._panel.link(link)

    def host(self, name: str, section: Section) -> None:
        """Take a section of the System Controller.

        Args:
            name: as the System Controller calls it; the section's class says the same.
            section: the newest.
        """
        self._host.take(section)

    def radio(
        self, status: SectionStatus, scan_active: bool | None, last_error: str | None = None, simulated: bool = False
    ) -> None:
        """Take the state of this service's own radio; never called where the RF events come from another box."""
        self._rf_feed.radio(status, scan_active, last_error, simulated)

    def rf_log(self, error: str | None) -> None:
        """Take why the RF log cannot be written or followed; None where it can."""
        self._rf_feed.log(error)

    def remote_id_log(self, error: str | None) -> None:
        """Take why the Remote ID log cannot be followed; None where it can."""
        self._remote_id_feed.trouble(error)

    # --- time ---------------------------------------------------------------------------------------------------------
    def tick(self, now_ns: int, unix_ms: int) -> list[Said]:
        """Let time pass: contacts that were silent for their TTL end. Call it about once a second."""
        replaying = self._remote_id_feed.replaying
        self._remote_id_feed.tick(now_ns)
        said = self._rf.expire(now_ns, unix_ms) + self._aircraft.expire(now_ns, unix_ms)
        if replaying and not self._remote_id_feed.replaying:
            said += self._aircraft.end_replayed(unix_ms)
        self._snapshot_due |= self._panel.tick(now_ns)
        return said

    def restore(self, events: Iterable[FeedEvent], now_ns: int, unix_ms: int) -> list[Said]:
        """Bring back the contacts that were alive when the service ended. Once, before anything else is taken.

        Args:
            events: the last ones of both logs, each log's in its order, up to where following it goes on.
            now_ns: monotonic.
            unix_ms: wall clock.
        Returns:
            the LOST of those whose TTL has passed since. The others are said nothing of: their next event is an UPDATE.
        """
        newest_ns = dict.fromkeys((True, False), 0)
        for event in events:
            is_rf = event.type.startswith(rf.PREFIX)
            at_ms, _ = epoch_ms(event.timestamp_ms, unix_ms)
            # Times of a log that go back must not make a contact older than the one before it: the order is by time.
            heard_ns = max(newest_ns[is_rf], now_ns - (unix_ms - at_ms) * units.NS_PER_MS)
            newest_ns[is_rf] = heard_ns
            take = self.rf_event if is_rf else self.remote_id_event
            take(event, heard_ns, unix_ms)
        said = self.tick(now_ns, unix_ms)
        self.counters.begin(restored=len(self._rf) + len(self._aircraft))
        return said

    # --- operators ----------------------------------------------------------------------------------------------------
    def set_label(self, contact: str, label: Label | None, note: str | None, unix_ms: int) -> list[Said]:
        """Keep what an operator says of a live contact; it survives the contact and comes back with it.

        The caller saves `labels` where `labels_revision` has grown.

        Args:
            contact: its id.
            label: null takes it back.
            note: free text, null for none.
            unix_ms: wall clock.

        Raises:
            CommandRejected: 404 for a contact that is not alive, 400 for a label or note that cannot be, 409 for one
                label too many.
        """
        kind = next((kind for kind in (self._rf, self._aircraft) if contact in kind), None)
        if kind is None and contact not in self._panel.ids():
            raise CommandRejected(404, "unknown_contact", f"no live contact {contact!r}")
        entry = label_entry(label, note, unix_ms)
        if entry and contact not in self.labels and len(self.labels) >= self._policy.max_labels:
            raise CommandRejected(409, "too_many_labels", f"{len(self.labels)} contacts have labels: take one back")
        self.labels_revision += 1
        if entry is None:
            self.labels.pop(contact, None)
        else:
            self.labels[contact] = entry
        if kind is not None:
            return kind.tell(contact, unix_ms)
        self._snapshot_due = True
        return []

    # --- the picture --------------------------------------------------------------------------------------------------
    def take_snapshot_due(self) -> bool:
        """Whether something changed that only a SYSTEM_UPDATE tells, so that the next should not wait. Once each."""
        due, self._snapshot_due = self._snapshot_due, False
        return due

    def contacts(self) -> list[Contact]:
        """The live contacts, the newest first."""
        radio = self._rf.all()
        found: list[Contact] = [rf.contact(live, self._rf) for live in radio]
        found += [remote_id.contact(live, self._aircraft) for live in self._aircraft.all()]
        found += self._panel.contacts(live.data for live in radio)
        return sorted(found, key=lambda contact: (-contact.last_seen_ts, contact.id))

    def gps(self) -> GpsSection:
        """The position; it is no section of the snapshot."""
        return self._host.section(GpsSection)

    def snapshot(self, unix_ms: int, seq: int, boot_id: str) -> Snapshot:
        """The whole picture.

        Args:
            unix_ms: wall clock.
            seq: number of the newest envelope that it accounts for.
            boot_id: of this run.
        """
        services = self._host.section(ServicesSection)
        return Snapshot(
            timestamp_ms=unix_ms,
            system=self._host.section(SystemSection),
            power=self._host.section(UpsSection),
            rf=self._rf_feed.section(),
            remote_id=self._remote_id_feed.section(len(self._aircraft)),
            vrx=self._panel.vrx(),
            video=self._panel.video(),
            services=services.services,
            services_status=services.status,
            network=self._host.section(NetworkSection),
            audio=self._host.section(AudioSection),
            contacts=self.contacts(),
            replay=self._remote_id_feed.replay(),
            seq=seq,
            boot_id=boot_id,
        )

    def _contacts(self, prefix: str, source: Source, ttl_s: float, merge: Merge, judge: Judge) -> Contacts:
        kind = Kind(prefix, source, ttl_s, self._policy.max_contacts, merge, judge)
        return Contacts(kind, self.labels, self.counters)

    def _remote_id_state(self, event: FeedEvent, now_ns: int, unix_ms: int) -> list[Said]:
        data = event_data(event.data)
        if data is None:
            return self._garbage()
        self.counters.remote_id_events += 1
        at_ms = right_time(event.timestamp_ms, self.counters, unix_ms)
        data, nonsense = remote_id.telemetry(data, unix_ms)
        self.counters.times_corrected += nonsense
        if event.simulated:
            data["simulated"] = True
        replaying = self._remote_id_feed.replaying
        self._remote_id_feed.event(event.type, data, at_ms, now_ns, data.get("simulated") is True)
        said = [Said(event.type, remote_id.SOURCE, data, at_ms)]
        if replaying and not self._remote_id_feed.replaying:
            said += self._aircraft.end_replayed(unix_ms)
        return said

    def _garbage(self) -> list[Said]:
        self.counters.garbage += 1
        return []
