"""A service of the aggregator's and the AntSDR's APIs for benchmarks of the web side alone: a real stream, a fixed
picture, no radio."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from ndefender.api import aggregator_answers as answers
from ndefender.api import ports
from ndefender.api.metrics import LoopStalls, MetricsView
from ndefender.api.results import CommandResult
from ndefender.errors import CommandRejected
from ndefender.events import host, snapshot
from ndefender.events.bus import Bus
from ndefender.events.stream import Greeted, Stream

RF_CONTACTS = 16
AIRCRAFT = 8
CONTACT_DATA = {
    "freq_hz": 5_658_000_000,
    "bucket_hz": 5_658_000_000,
    "band": "5G8",
    "snr_db": 34.5,
    "peak_db": -20.1,
    "noise_floor_db": -85.0,
    "bandwidth_class": "wide",
    "confidence": 0.87,
    "features": {
        "prominence_db": 30.0,
        "cluster_size": 12,
        "pattern_hint": "raceband_r1",
        "hop_hint": "none",
        "bandwidth_est_hz": 8e6,
        "burstiness": 0.1,
        "hop_rate_hz": 0.0,
        "control_score": 0.0,
        "class_path": ["Analog", "Video", "RaceBand", "R1"],
        "classification_confidence": 0.9,
        "control_correlation": False,
    },
}


def now_ms() -> int:
    """Wall clock, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def contacts(at_ms: int) -> list[snapshot.Contact]:
    """A sky with something in it."""
    emitters: list[snapshot.Contact] = [
        msgspec.convert(
            {**CONTACT_DATA, "type": "RF", "id": f"rf:{5_658_000_000 + i}", "source": "antsdr", "last_seen_ts": at_ms},
            snapshot.RfContact,
        )
        for i in range(RF_CONTACTS)
    ]
    return emitters + [
        snapshot.RemoteIdContact(
            id=f"rid:ABC{i}",
            source="remoteid",
            last_seen_ts=at_ms,
            model="DJI",
            operator_id="operator-1",
            lat=37.42,
            lon=-122.08,
            altitude_m=120.5,
            speed_m_s=8.2,
        )
        for i in range(AIRCRAFT)
    ]


class WebPort:
    """What the aggregator's API asks for. `stalls` is filled by whoever watches the loop."""

    def __init__(self, buffer_events: int = 1000) -> None:
        self.stream = Stream(Bus(buffer_events), uuid.uuid4().hex, now_ms)
        self.stalls = LoopStalls(time.monotonic())
        self._contacts = contacts(now_ms())

    def health(self) -> answers.AggregatorHealth:
        """Always well."""
        return answers.AggregatorHealth(
            status="ok", timestamp_ms=now_ms(), version="0", boot_id=self.stream.boot_id, seq=self.stream.seq
        )

    def snapshot(self) -> snapshot.Snapshot:
        """The same picture under the newest number."""
        return snapshot.Snapshot(
            timestamp_ms=now_ms(),
            system=host.SystemSection(cpu_temp_c=45.2, cpu_usage_percent=12.5, uptime_s=1000.0),
            power=host.UpsSection(pack_voltage_v=14.8, current_a=-1.5, soc_percent=78, state="DISCHARGING"),
            rf=snapshot.RfSection(status="ok", scan_active=True, last_event_type="RF_CONTACT_UPDATE"),
            remote_id=snapshot.RemoteIdSection(state="ok", mode="live", contacts_active=AIRCRAFT),
            vrx=snapshot.VrxSection(status="ok", sel=1),
            video=snapshot.VideoSection(selected=1, status="ok"),
            services=[host.ServiceState(name="ndefender", active_state="active", sub_state="running")],
            services_status="ok",
            network=host.NetworkSection(connected=True, ssid="MyWiFi", ip_v4="192.168.1.100"),
            audio=host.AudioSection(volume_percent=60, muted=False),
            contacts=self._contacts,
            replay=snapshot.ReplaySection(),
            seq=self.stream.seq,
            boot_id=self.stream.boot_id,
        )

    def revision(self) -> object:
        """Number of the newest envelope: nothing else changes here."""
        return self.stream.seq

    def contacts(self) -> Sequence[snapshot.Contact]:
        """Those of the picture."""
        return self._contacts

    def gps(self) -> host.GpsSection:
        """No position."""
        return host.GpsSection(status="offline", last_error="benchmark")

    def esp32(self) -> answers.PanelAnswer:
        """No panel."""
        return answers.PanelAnswer(connected=False, last_seen_ms=None, heartbeat="none", capabilities=[])

    def events_last(self, limit: int) -> Sequence[bytes]:
        """From the bus."""
        return self.stream.bus.last(limit)

    def subscribe(self, queue_events: int) -> Greeted:
        """Greeted with the picture."""
        return self.stream.greet(queue_events, ("SYSTEM_UPDATE", "aggregator", self.snapshot()))

    def unsafe_allowed(self) -> bool:
        """Never."""
        return False

    async def panel_command(self, cmd: str, args: Mapping[str, object]) -> CommandResult:
        """Refused: there is no panel."""
        raise CommandRejected(409, "esp32_not_connected", "no panel in a benchmark")

    async def system_command(self, name: str, *, confirm: bool, client: str) -> CommandResult:
        """Refused."""
        raise CommandRejected(409, "host_absent", "no host in a benchmark")

    async def label(self, contact_id: str, label: snapshot.Label | None, note: str | None) -> answers.LabelAnswer:
        """Refused."""
        raise CommandRejected(404, "unknown_contact", "no labels in a benchmark")

    def metrics(self) -> MetricsView:
        """The loop's stalls."""
        return MetricsView(version="0", boot_id="", uptime_s=0.0, stall=self.stalls.view(time.monotonic()))


def no_radio() -> ports.ScanPort:
    """Stands where the AntSDR's service would, for an app whose radio routes are not called."""
    return cast(ports.ScanPort, object())
