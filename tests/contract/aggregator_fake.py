"""A service behind the Backend Aggregator's API that exists only in memory: a real stream, a hand-made picture."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from scan_fake import CONTACT, CONTACT_ID, NOW_MS
from scan_fake import Server as ScanServer

from ndefender.api import aggregator_answers as answers
from ndefender.api.aggregator import build_aggregator_app
from ndefender.api.answers import SocketStats
from ndefender.api.app import App
from ndefender.api.metrics import FeedView, LoopStalls, MetricsView, PanelView
from ndefender.api.results import CommandResult
from ndefender.errors import CommandRejected
from ndefender.events import host, snapshot
from ndefender.events.bus import Bus
from ndefender.events.stream import Greeted, Stream

BOOT_ID = "c" * 32
RID_ID = "rid:ABC123"
FPV_ID = "fpv:1"

PICTURE = snapshot.Snapshot(
    timestamp_ms=NOW_MS,
    system=host.SystemSection(cpu_temp_c=45.2, cpu_usage_percent=12.5, uptime_s=1000.0, clock_synchronized=True),
    power=host.UpsSection(
        pack_voltage_v=14.8,
        current_a=-1.5,
        soc_percent=78,
        time_to_empty_s=720,
        per_cell_v=[3.7, 3.71, 3.69, 3.72],
        state="DISCHARGING",
        simulated=True,
    ),
    rf=snapshot.RfSection(
        status="ok",
        scan_active=True,
        last_event_type="RF_CONTACT_UPDATE",
        last_event=msgspec.to_builtins(CONTACT),
        last_timestamp_ms=NOW_MS,
        simulated=True,
    ),
    remote_id=snapshot.RemoteIdSection(state="ok", mode="live", contacts_active=1, last_ts=NOW_MS),
    vrx=snapshot.VrxSection(
        status="ok",
        sel=1,
        vrx=[snapshot.Receiver(id=1, freq_hz=5_740_000_000, rssi_raw=219)],
        led={"r": 0, "y": 1, "g": 0},
        sys={"uptime_ms": 1000, "heap": 123456},
        timestamp_ms=NOW_MS,
    ),
    video=snapshot.VideoSection(selected=1, status="ok"),
    services=[host.ServiceState(name="ndefender", active_state="active", sub_state="running", restart_count=1)],
    services_status="ok",
    network=host.NetworkSection(connected=True, ssid="MyWiFi", ip_v4="192.168.1.100"),
    audio=host.AudioSection(status="offline", last_error="no sink"),
    contacts=[
        snapshot.RemoteIdContact(
            id=RID_ID,
            source="remoteid",
            last_seen_ts=NOW_MS,
            severity="high",
            model="DJI",
            operator_id="operator-1",
            lat=37.42,
            lon=-122.08,
            altitude_m=120.5,
            speed_m_s=8.2,
        ),
        snapshot.RfContact(
            source="antsdr",
            last_seen_ts=NOW_MS - 1,
            **msgspec.to_builtins(CONTACT),
        ),
        snapshot.FpvContact(
            id=FPV_ID,
            source="esp32",
            last_seen_ts=NOW_MS - 2,
            vrx_id=1,
            freq_hz=5_740_000_000,
            rssi_raw=219,
            selected=True,
        ),
    ],
    replay=snapshot.ReplaySection(),
    seq=0,
    boot_id=BOOT_ID,
)


class FakeAggregatorPort:
    """Answers a picture and records the commands it was given."""

    def __init__(self) -> None:
        self.stream = Stream(Bus(2000), BOOT_ID, lambda: NOW_MS)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.commands: list[tuple[object, ...]] = []
        self.labels: dict[str, tuple[str | None, str | None]] = {}
        self.picture = PICTURE
        self.changes = 0
        self.pictures_taken = 0
        self.connected = True
        self.unsafe = True
        self.host_absent = False
        self.broken = False

    # --- driven by the test, on the server's loop ---
    def emit(self, kind: str, source: str, data: object) -> int:
        self.counts[kind, source] += 1
        return self.stream.emit(kind, source, data)

    def change(self, **sections: object) -> None:
        """Change the picture without an event."""
        self.picture = msgspec.structs.replace(self.picture, **sections)
        self.changes += 1

    # --- AggregatorPort ---
    def health(self) -> answers.AggregatorHealth:
        if self.broken:
            raise ZeroDivisionError("secret detail")
        return answers.AggregatorHealth(
            status="degraded",
            timestamp_ms=NOW_MS,
            detail=["audio: no sink"],
            version="0.1.0",
            boot_id=BOOT_ID,
            seq=self.stream.seq,
            simulated=True,
        )

    def snapshot(self) -> snapshot.Snapshot:
        self.pictures_taken += 1
        return msgspec.structs.replace(self.picture, seq=self.stream.seq)

    def revision(self) -> object:
        return (self.stream.seq, self.changes)

    def contacts(self) -> Sequence[snapshot.Contact]:
        return self.picture.contacts

    def gps(self) -> host.GpsSection:
        return host.GpsSection(fix="3d", lat=37.4, lon=-122.1, altitude_m=12.0, satellites_used=8)

    def esp32(self) -> answers.PanelAnswer:
        return answers.PanelAnswer(
            connected=self.connected,
            last_seen_ms=NOW_MS if self.connected else None,
            heartbeat="ok" if self.connected else "none",
            capabilities=["SET_VRX_FREQ"],
        )

    def events_last(self, limit: int) -> Sequence[bytes]:
        return self.stream.bus.last(limit)

    def subscribe(self, queue_events: int) -> Greeted:
        return self.stream.greet(queue_events, ("SYSTEM_UPDATE", "aggregator", self.snapshot()))

    def unsafe_allowed(self) -> bool:
        return self.unsafe

    def _done(self, *command: object) -> CommandResult:
        self.commands.append(command)
        return CommandResult(
            command=str(command[0]), command_id=str(uuid.uuid4()), accepted=True, detail=None, timestamp_ms=NOW_MS
        )

    async def panel_command(self, cmd: str, args: Mapping[str, object]) -> CommandResult:
        if not self.connected:
            raise CommandRejected(409, "esp32_not_connected", "no panel on any serial port")
        return self._done(cmd, dict(args))

    async def system_command(self, name: str, *, confirm: bool, client: str) -> CommandResult:
        if self.host_absent:
            raise CommandRejected(409, "logind_absent", "no logind on the bus")
        return self._done(name, confirm, client)

    async def label(self, contact_id: str, label: snapshot.Label | None, note: str | None) -> answers.LabelAnswer:
        if contact_id not in {contact.id for contact in self.picture.contacts}:
            raise CommandRejected(404, "unknown_contact", f"no live contact {contact_id!r}")
        self.labels[contact_id] = (label, note)
        return answers.LabelAnswer(id=contact_id, label=label, note=note, timestamp_ms=NOW_MS)

    def metrics(self) -> MetricsView:
        stalls = LoopStalls(0.0)
        stalls.observe(0.003, 1.0)
        feed = FeedView(lines=10, events=9, bad_lines=1, read_bytes=1000, rotations=1, lag_bytes=7)
        return MetricsView(
            version="0.1.0",
            boot_id=BOOT_ID,
            uptime_s=5.0,
            events=dict(self.counts),
            feeds={"rf": feed, "remote_id": feed},
            dropped={"panel_commands": 2},
            sockets={"antsdr_scan": SocketStats(clients=3), "system_controller": SocketStats(cut_off=4)},
            stall=stalls.view(2.0),
            queues={"panel_commands": 1},
            dwells_analysed=100,
            dwells_lost=2,
            contacts={"REMOTE_ID": 1, "RF": 1, "FPV": 1},
            panel=PanelView(connected=self.connected, bad_lines=3, timeouts=4),
            offline={"audio": True, "system": False},
        )


class Server(ScanServer):
    """The aggregator's API on a thread of its own. `scan` is the fake behind the AntSDR Scan API, `port` its own."""

    port: Any

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.scan = self.port
        self.port = FakeAggregatorPort()

    def build(self) -> App:
        return build_aggregator_app(self.port, self.scan, self.settings, self._clock)


__all__ = ["BOOT_ID", "CONTACT_ID", "FPV_ID", "PICTURE", "RID_ID", "FakeAggregatorPort", "Server"]
