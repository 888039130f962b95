"""The aggregator as a state machine: whatever the feeds, the clocks and the operators do, clients are told the truth.

Each id lives NEW, UPDATE…, LOST; a client that took a snapshot at any point and applied what followed shows what the
server shows; nothing leaves that is not plain JSON with finite numbers.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.aggregator_client import Client

from ndefender.errors import CommandRejected
from ndefender.events.host import SystemSection
from ndefender.events.snapshot import Snapshot
from ndefender.state.aggregate import Aggregate
from ndefender.state.contacts import Said
from ndefender.state.policy import ContactPolicy

S = 10**9
POLICY = ContactPolicy(ttl_rf_s=20.0, ttl_remote_id_s=10.0, ttl_fpv_s=5.0, max_contacts=3, max_labels=4)
STATUS_KEYS = {"severity", "severity_reason", "last_seen_ts"}


@dataclass
class Event:
    """An event of a feed, as the tailer gives it."""

    type: str
    timestamp_ms: Any
    data: Any
    seq: int | None = None
    boot_id: str | None = None
    simulated: bool = False
    source: str = field(default="feed")


RF_IDS = [f"rf:{n}" for n in (2_437_000_000, 5_658_000_000, 5_800_000_000, 868_000_000, 1)]
AIR_IDS = ["rid:A", "rid:B", "C", "rid:D", "rid:\N{SNOWMAN}"]
garbage = st.sampled_from(
    [
        None, True, False, 0, 7, -1, 2**53, -(2**63), 2**63, 10**30, 0.5, -0.0, 1e300, math.nan, math.inf, -math.inf,
        "", "x", "rf:1", "fpv:1", "\ud800", "friendly", "NaN", "y" * 130, [], [math.nan], [[["deep"]]], {}, b"bytes",
        {"a": math.inf}, {"\udfff": 1}, {3: 4}, {"class_path": [1]}, object(), np.float64("nan"), np.int64(3),
        np.float32(1.5),
    ]
)  # fmt: skip
numbers = st.one_of(st.sampled_from([5_658_000_000, 5_800_000_000.0, 2.5, 0, -3, 12.345, 1e12]), garbage)
extras = st.dictionaries(
    st.sampled_from(["heading_deg", "label", "severity", "note", "more", "source", "replay", "type", "simulated", "x"]),
    garbage,
    max_size=3,
)
features = st.fixed_dictionaries(
    {},
    optional={
        "class_path": st.one_of(
            st.sampled_from([["Unknown"], ["Analog", "Video"], ["Control", "LoRa", "ELRS"], ["WiFi", "OFDM"], []]),
            garbage,
        ),
        "control_correlation": st.one_of(st.booleans(), garbage),
        "classification_confidence": st.one_of(st.sampled_from([0.2, 0.9]), garbage),
        "new_word": garbage,
    },
)
rf_data = st.builds(
    lambda known, more: more | known,
    st.fixed_dictionaries(
        {"id": st.one_of(*[st.sampled_from(RF_IDS)] * 5, garbage)},
        optional={
            "freq_hz": numbers,
            "bucket_hz": numbers,
            "band": st.one_of(st.sampled_from(["5G8", None]), garbage),
            "snr_db": numbers,
            "confidence": numbers,
            "bandwidth_class": st.one_of(st.sampled_from(["wide", "narrow"]), garbage),
            "features": st.one_of(features, garbage),
        },
    ),
    extras,
)
air_data = st.builds(
    lambda known, more: more | known,
    st.fixed_dictionaries(
        {"id": st.one_of(*[st.sampled_from(AIR_IDS)] * 5, garbage)},
        optional={
            "model": st.one_of(st.sampled_from(["DJI", None]), garbage),
            "operator_id": garbage,
            "lat": st.one_of(st.sampled_from([37.42, -89.0, 91.0, 0]), garbage),
            "lon": st.one_of(st.sampled_from([-122.08, 179.0, 181.0, 0]), garbage),
            "altitude_m": numbers,
            "speed_m_s": numbers,
            "position_lost": st.booleans(),
            "last_seen_ts": numbers,
            "last_update_ms": numbers,
        },
    ),
    extras,
)
times = st.one_of(
    st.sampled_from([0, -1, -5_000, -60_000, 3_600_000]).map(lambda ms: ("relative", ms)),
    garbage.map(lambda value: ("absolute", value)),
    st.sampled_from([12_345, 1_700_000_000, 2**62]).map(lambda value: ("absolute", value)),
)
steps = st.sampled_from(["NEW", "UPDATE", "UPDATE", "LOST"])
wrong_types = st.sampled_from(["RF_CONTACT_", "RF_CONTACT_GONE", "CONTACT_", "SYSTEM_UPDATE", "", "LOG_EVENT"])


def finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and finite(item) for key, item in value.items())
    if isinstance(value, list):
        return all(finite(item) for item in value)
    return value is None or isinstance(value, str | int)


class AggregateMachine(RuleBasedStateMachine):
    """Drives an aggregate through everything that feeds, clocks and operators can do, restarts included."""

    @initialize()
    def start(self) -> None:
        self.now_ns = 10**12
        self.unix_ms = self.latest_ms = 1_700_000_000_000
        self.seq = 0
        self.log: list[Event] = []
        self.labels: dict[str, Any] = {}
        self.boot()

    def boot(self) -> None:
        self.aggregate = Aggregate(POLICY, self.labels)
        self.clients: list[Client] = []
        self.connect()

    def snapshot(self) -> dict[str, Any]:
        encoded = msgspec.json.encode(self.aggregate.snapshot(self.unix_ms, 1, "boot"))
        msgspec.json.decode(encoded, type=Snapshot)  # has the types that the documents promise
        found: dict[str, Any] = json.loads(encoded)
        return found

    def send(self, said: list[Said]) -> None:
        for one in said:
            assert finite(one.data), one
            assert type(one.timestamp_ms) is int
            assert 0 <= one.timestamp_ms <= self.unix_ms
            wire = json.loads(msgspec.json.encode(one.data))
            assert wire == one.data
            if "CONTACT" in one.type:
                assert 0 <= wire["last_seen_ts"] <= self.latest_ms  # the clock may have been set back since
                assert wire.keys() >= STATUS_KEYS
            for client in self.clients:
                client.event(one.type, wire)

    def pass_ms(self, duration_ms: int) -> None:
        self.unix_ms += duration_ms
        self.latest_ms = max(self.latest_ms, self.unix_ms)

    def time(self, when: tuple[str, Any]) -> Any:
        return self.unix_ms + when[1] if when[0] == "relative" else when[1]

    @rule()
    def connect(self) -> None:
        client = Client()
        client.system_update(self.snapshot())
        self.clients = [*self.clients[-3:], client]

    @rule(step=steps, data=rf_data, when=times, numbered=st.booleans(), simulated=st.booleans(), twice=st.booleans())
    def radio_feed(
        self, step: str, data: dict[str, Any], when: tuple[str, Any], numbered: bool, simulated: bool, twice: bool
    ) -> None:
        self.seq += 1
        event = Event(f"RF_CONTACT_{step}", self.time(when), data, simulated=simulated)
        if numbered:
            event.seq, event.boot_id = self.seq, "writer"
        self.log.append(event)
        self.send(self.aggregate.rf_event(event, self.now_ns, self.unix_ms))
        if twice:
            again = self.aggregate.rf_event(event, self.now_ns, self.unix_ms)
            assert not (numbered and again), "an event that came both ways counted twice"
            self.send(again)

    @rule(step=steps, data=air_data, when=times, simulated=st.booleans())
    def remote_id_feed(self, step: str, data: dict[str, Any], when: tuple[str, Any], simulated: bool) -> None:
        event = Event(f"CONTACT_{step}", self.time(when), data, simulated=simulated)
        self.log.append(event)
        self.send(self.aggregate.remote_id_event(event, self.now_ns, self.unix_ms))

    @rule(
        kind=st.sampled_from(["TELEMETRY_UPDATE", "REPLAY_STATE"]),
        state=st.one_of(*[st.sampled_from(["ok", "running", "running", "paused", "finished"])] * 4, garbage),
        mode=st.one_of(*[st.sampled_from(["live", "live", "replay", "off"])] * 4, garbage),
        number=numbers,
        when=times,
    )
    def remote_id_state(self, kind: str, state: Any, mode: Any, number: Any, when: tuple[str, Any]) -> None:
        data = {"state": state, "last_ts": number, "contacts_active": number, "speed": number, "position": number}
        data |= {"mode": mode} if kind == "TELEMETRY_UPDATE" else {"total": number, "ts": self.time(when)}
        event = Event(kind, self.time(when), data)
        self.log.append(event)
        self.send(self.aggregate.remote_id_event(event, self.now_ns, self.unix_ms))
        section = self.snapshot()
        if not section["replay"]["active"] and section["remote_id"]["mode"] != "replay" and kind == "REPLAY_STATE":
            assert not [c for c in section["contacts"] if c.get("replay") and not self.said_replay(c["id"])]

    def said_replay(self, contact_id: str) -> bool:
        """Whether the feed itself called the contact replayed."""
        return any(e.data.get("replay") is True and e.data.get("id") == contact_id for e in self.log)

    @rule(kind=wrong_types, data=garbage, when=times, radio=st.booleans())
    def wrong_type(self, kind: str, data: Any, when: tuple[str, Any], radio: bool) -> None:
        take = self.aggregate.rf_event if radio else self.aggregate.remote_id_event
        before = self.aggregate.counters.unknown_events
        assert take(Event(kind, self.time(when), data), self.now_ns, self.unix_ms) == []
        assert self.aggregate.counters.unknown_events == before + 1

    @rule(
        kind=st.sampled_from(["ESP32_TELEMETRY", "ESP32_TELEMETRY", "COMMAND_ACK", "LOG_EVENT", "BOO"]),
        rows=st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.one_of(st.integers(1, 4), garbage),
                    "freq_hz": st.one_of(st.sampled_from([5_740_000_000, 5_658_000_000]), garbage),
                    "rssi_raw": st.one_of(st.integers(0, 4095), garbage),
                }
            ),
            max_size=4,
        ),
        other=garbage,
        simulated=st.booleans(),
    )
    def panel(self, kind: str, rows: list[Any], other: Any, simulated: bool) -> None:
        data = {"type": "telemetry", "timestamp_ms": 1000, "id": other, "sel": other, "vrx": rows}
        data |= {"video": {"selected": other}, "led": {"r": other}, "sys": other}
        self.send(self.aggregate.panel(kind, data, self.now_ns, self.unix_ms, simulated))
        if self.aggregate.take_snapshot_due():
            self.system_update()

    @rule(connected=st.booleans(), heartbeat=st.sampled_from(["ok", "lost", "none"]))
    def panel_link(self, connected: bool, heartbeat: str) -> None:
        link = SimpleNamespace(connected=connected, heartbeat=heartbeat, last_error=None, simulated=False)
        self.aggregate.panel_state(link)

    @rule(status=st.sampled_from(["ok", "degraded", "offline"]), error=st.sampled_from([None, "ENOSPC"]))
    def others(self, status: Any, error: str | None) -> None:
        self.aggregate.radio(status, True, error)
        self.aggregate.rf_log(error)
        self.aggregate.host("system", SystemSection(cpu_temp_c=45.0))

    @rule()
    def system_update(self) -> None:
        for client in self.clients:
            client.event("SYSTEM_UPDATE", self.snapshot())

    @rule(
        contact=st.sampled_from([*RF_IDS, *AIR_IDS, "fpv:1", "fpv:2", "nobody"]),
        label=st.sampled_from(["friendly", "known", "hostile", None, "pink"]),
        note=st.sampled_from([None, "", "neighbour", "x" * 2000, "\ud800"]),
    )
    def label(self, contact: str, label: Any, note: str | None) -> None:
        alive = {c["id"]: c for c in self.snapshot()["contacts"]}
        before = dict(self.labels)
        try:
            self.send(self.aggregate.set_label(contact, label, note, self.unix_ms))
        except CommandRejected as error:
            assert self.labels == before
            assert (error.status == 404) == (contact not in alive)
            return
        assert contact in alive
        if self.aggregate.take_snapshot_due():
            self.system_update()
        now = next(c for c in self.snapshot()["contacts"] if c["id"] == contact)
        assert now.get("label") == label
        assert (now["severity"] == "critical") or label != "hostile"

    @rule(seconds=st.sampled_from([0.1, 3.0, 8.0, 30.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_ns += int(seconds * S)
        self.pass_ms(int(seconds * 1000))
        self.send(self.aggregate.tick(self.now_ns, self.unix_ms))
        if self.aggregate.take_snapshot_due():
            self.system_update()

    @rule(seconds=st.sampled_from([-1e6, -30.0, 30.0, 1e6]))
    def wall_clock_steps(self, seconds: float) -> None:
        before = [c["id"] for c in self.snapshot()["contacts"]]
        self.pass_ms(int(seconds * 1000))
        self.send(self.aggregate.tick(self.now_ns, self.unix_ms))
        assert [c["id"] for c in self.snapshot()["contacts"]] == before

    @precondition(lambda self: self.log)
    @rule(seconds=st.sampled_from([0.0, 5.0, 15.0, 1000.0]), rebooted=st.booleans())
    def restart(self, seconds: float, rebooted: bool) -> None:
        self.pass_ms(int(seconds * 1000))
        self.now_ns = 0 if rebooted else self.now_ns + int(seconds * S)
        self.aggregate = Aggregate(POLICY, self.labels)
        lost = self.aggregate.restore(self.log, self.now_ns, self.unix_ms)
        assert {one.type for one in lost} <= {"CONTACT_LOST", "RF_CONTACT_LOST"}
        alive = {c["id"] for c in self.snapshot()["contacts"]}
        assert not alive & {one.data["id"] for one in lost}
        assert self.aggregate.counters.restored == len(alive)
        self.clients = []
        self.connect()

    @invariant()
    def clients_show_what_the_server_shows(self) -> None:
        if not hasattr(self, "aggregate"):
            return
        snapshot = self.snapshot()
        contacts = snapshot["contacts"]
        ids = [contact["id"] for contact in contacts]
        assert len(ids) == len(set(ids))
        assert [c["last_seen_ts"] for c in contacts] == sorted((c["last_seen_ts"] for c in contacts), reverse=True)
        told = sorted((c for c in contacts if c["type"] != "FPV"), key=lambda c: str(c["id"]))
        for client in self.clients:
            assert client.listed() == told
        fpv = sorted(c["id"] for c in contacts if c["type"] == "FPV")
        assert sorted(c["id"] for c in self.clients[-1].contacts.values() if c["type"] == "FPV") == fpv
        for kind in ("RF", "REMOTE_ID"):
            assert sum(contact["type"] == kind for contact in contacts) <= POLICY.max_contacts
        assert len(self.labels) <= POLICY.max_labels


AggregateMachine.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),  # explaining traces every line: minutes
    suppress_health_check=list(HealthCheck),
)
TestAggregateMachine = AggregateMachine.TestCase
