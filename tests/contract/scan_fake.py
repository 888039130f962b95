"""A service behind the AntSDR Scan API that exists only in memory, and a server for it on an ephemeral port."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import uvloop

from ndefender.api import ports
from ndefender.api.app import App
from ndefender.api.scan import build_scan_app
from ndefender.api.settings import ApiSettings
from ndefender.errors import CommandRejected
from ndefender.events.types import RfContactData, RfContactEvent, RfFeatures

NOW_MS = 1_700_000_000_000
CONTACT_ID = "rf:5658000000"
DEADLINE_S = 20.0
KEY = "a key of some length"
UNLIMITED = {
    "command_rate_per_min": 6e6,
    "command_burst": 1_000_000,
    "global_rate_per_min": 6e6,
    "global_burst": 1_000_000,
    "dangerous_rate_per_min": 6e6,
    "dangerous_burst": 1_000_000,
}
_names = itertools.count()


CONTACT = RfContactData(
    id=CONTACT_ID,
    freq_hz=5_658_000_000,
    bucket_hz=5_658_000_000,
    band="5G8",
    snr_db=34.5,
    peak_db=None,
    noise_floor_db=-85.0,
    bandwidth_class="wide",
    confidence=0.87,
    features=RfFeatures(
        prominence_db=30.0,
        cluster_size=12,
        pattern_hint="raceband_r1",
        hop_hint="none",
        bandwidth_est_hz=6e6,
        burstiness=0.1,
        hop_rate_hz=0.0,
        control_score=0.0,
        class_path=["Analog", "Video", "RaceBand", "R1"],
        classification_confidence=0.9,
        control_correlation=False,
    ),
    simulated=True,
)


class FakeSubscription:
    def __init__(self, port: FakeScanPort, queue_events: int) -> None:
        self.dropped = 0
        self._port = port
        self._queue: deque[bytes] = deque(maxlen=queue_events)
        self._wake = None

    def put(self, event: bytes) -> None:
        if len(self._queue) == self._queue.maxlen:
            self.dropped += 1
        self._queue.append(event)
        if self._wake is not None:
            self._wake()

    def take(self) -> bytes | None:
        return self._queue.popleft() if self._queue else None

    def notify(self, wake) -> None:
        self._wake = wake

    def close(self) -> None:
        self._port.subscriptions.discard(self)


class FakeScanPort:
    """Answers fixed values and records the commands it was given."""

    def __init__(self) -> None:
        self.subscriptions: set[FakeSubscription] = set()
        self.events: deque[bytes] = deque(maxlen=100)
        self.commands: list[tuple[object, ...]] = []
        self.running = True
        self.scanning = True
        self.spectrum_calls = 0
        self.seq = 0
        self.broken = False

    # --- driven by the test, on the server's loop ---
    def publish(self, padding: int = 0) -> bytes:
        self.seq += 1
        data = CONTACT
        if padding:
            features = msgspec.structs.replace(CONTACT.features, pattern_hint="x" * padding)
            data = msgspec.structs.replace(CONTACT, features=features)
        event = msgspec.json.encode(
            RfContactEvent(type="RF_CONTACT_UPDATE", timestamp=NOW_MS + self.seq, data=data, seq=self.seq)
        )
        self.events.append(event)
        for subscription in self.subscriptions:
            subscription.put(event)
        return event

    # --- ScanPort ---
    def health(self) -> ports.Health:
        if self.broken:
            raise ZeroDivisionError("secret detail")
        return ports.Health(
            status="ok",
            engine_running=self.running,
            last_event_timestamp_ms=None,
            timestamp_ms=NOW_MS,
            simulated=True,
            boot_id="b" * 32,
            seq=self.seq,
        )

    def version(self) -> ports.Version:
        return ports.Version(version="0.1.0")

    def stats(self) -> ports.Stats:
        return ports.Stats(
            frames_processed=10,
            detections_processed=3,
            events_emitted=self.seq,
            blocks_captured=5,
            blocks_dropped=0,
            overruns=0,
            sweep_period_ms=None,
            duty_percent=None,
            workers=[ports.WorkerStats(index=0, pid=None, dwells=5)],
        )

    def device(self) -> ports.Device:
        return ports.Device(
            connected=False,
            uri="ip:192.0.2.1",
            model=None,
            serial=None,
            temperature_c=None,
            sample_rate_hz=None,
            last_error="no route",
            simulated=True,
        )

    def sweep_state(self) -> ports.SweepState:
        plan = ports.PlanState(name="default", start_hz=2.4e9, stop_hz=2.48e9, step_hz=5e7, bands=["2G4"])
        return ports.SweepState(
            running=self.scanning, active_plan="default", plans=[plan], hop_index=0, last_sweep_ms=None
        )

    def gain(self) -> ports.Gain:
        return ports.Gain(mode="manual", gain_db=40.0, limits=ports.GainRange(min_db=-3.0, max_db=71.0))

    def config(self) -> Mapping[str, object]:
        return {"api": {"api_key": "hunter2", "port": 8890}, "list": [{"api_key": "hunter2"}]}

    def contacts(self) -> Sequence[msgspec.Struct]:
        return [CONTACT]

    def evidence(self, contact_id: str) -> ports.ContactEvidence:
        if contact_id != CONTACT_ID:
            raise CommandRejected(404, "unknown_contact", f"no live contact {contact_id!r}")
        return ports.ContactEvidence(
            id=contact_id,
            class_path=["Analog", "Video"],
            classification_confidence=0.9,
            evidence_for=[ports.Evidence(name="line_score", value=0.8, weight=4.0)],
            simulated=True,
            timestamp_ms=NOW_MS,
        )

    def bands(self) -> Sequence[str]:
        return ["2G4", "5G8"]

    def spectrum(self, band: str) -> ports.Spectrum | None:
        self.spectrum_calls += 1
        if band == "5G8":
            return None
        mean_db = np.array([-90.123456, np.nan, -91.0], dtype=np.float32)
        return ports.Spectrum(
            band=band,
            start_hz=2.4e9,
            bin_hz=3e4,
            mean_db=mean_db,
            max_db=mean_db + 6,
            timestamp=NOW_MS + self.spectrum_calls,
            simulated=True,
        )

    def events_last(self, limit: int) -> Sequence[bytes]:
        return list(self.events)[-limit:]

    def subscribe(self, queue_events: int) -> FakeSubscription:
        subscription = FakeSubscription(self, queue_events)
        self.subscriptions.add(subscription)
        return subscription

    def _done(self, *command: object) -> ports.CommandResult:
        self.commands.append(command)
        return ports.CommandResult(
            command=str(command[0]), command_id=str(uuid.uuid4()), accepted=True, detail=None, timestamp_ms=NOW_MS
        )

    def _run(self, status: str, command: str) -> ports.RunResult:
        done = msgspec.structs.asdict(self._done(command))
        return msgspec.convert({"status": status, **done}, ports.RunResult)

    async def config_reload(self) -> ports.ReloadResult:
        if self.scanning:
            raise CommandRejected(409, "scan_running", "stop the scan first")
        self._done("config/reload")
        return ports.ReloadResult(status="reloaded", changed=["radio.uri"], timestamp_ms=NOW_MS)

    async def run_start(self) -> ports.RunResult:
        if self.running:
            raise CommandRejected(409, "already_running", "the engine runs")
        self.running = True
        return self._run("started", "run/start")

    async def run_stop(self) -> ports.RunResult:
        if not self.running:
            raise CommandRejected(409, "not_running", "the engine does not run")
        self.running = False
        return self._run("stopped", "run/stop")

    async def run_replay(self, request: ports.ReplayRequest) -> ports.ReplayResult:
        if ".." in request.log_path:
            raise CommandRejected(400, "path_not_allowed", "outside the log folder")
        if request.log_path != "a.jsonl":
            raise CommandRejected(404, "log_not_found", "no such log")
        self._done("run/replay", request.log_path, request.output_path, request.max_events)
        return ports.ReplayResult(status="completed", frames=1, detections=2, events_emitted=3)

    async def sweep_start(self, plan: str | None) -> ports.CommandResult:
        if plan not in (None, "default"):
            raise CommandRejected(404, "unknown_plan", f"no plan {plan!r}")
        return self._done("sweep/start", plan)

    async def sweep_stop(self) -> ports.CommandResult:
        return self._done("sweep/stop")

    async def gain_set(self, mode: ports.GainMode, gain_db: float | None) -> ports.CommandResult:
        if gain_db is not None and not -3.0 <= gain_db <= 71.0:
            raise CommandRejected(400, "gain_out_of_range", f"gain_db: {gain_db} is not in -3..71")
        return self._done("gain/set", mode, gain_db)

    async def device_reset(self) -> ports.CommandResult:
        return self._done("device/reset")

    async def device_calibrate(self, kind: str) -> ports.CommandResult:
        return self._done("device/calibrate", kind)


class Server:
    """The API on a thread of its own, with a loop of its own."""

    def __init__(self, *, clock_stands_still: bool = False, **settings: object) -> None:
        self._clock = (lambda: 1000.0) if clock_stands_still else time.monotonic
        name = f"test-scan-{next(_names)}"
        self.settings = msgspec.convert({"app_name": name, **settings}, ApiSettings)
        self.port = FakeScanPort()
        self.tcp_port = 0
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._up.wait(DEADLINE_S), "server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "server did not stop"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.tcp_port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.tcp_port}"

    def call(self, function, *args):
        """Run a function on the server's loop and wait for its result."""

        async def run():
            return function(*args)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(DEADLINE_S)

    def build(self) -> App:
        """The app that is served."""
        return build_scan_app(self.port, self.settings, self._clock)

    def _main(self) -> None:
        uvloop.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        app = self.build()
        app.config.TOUCHUP = False  # it rewrites Sanic's classes, which is good for one app a process
        listener = socket.create_server(("127.0.0.1", 0))  # Sanic takes a port of 0 for its default port
        server = await app.create_server(sock=listener, return_asyncio_server=True)
        assert server is not None
        await server.startup()
        await server.before_start()
        await server.after_start()
        self.tcp_port = listener.getsockname()[1]
        self._up.set()
        await self._stop.wait()
        await server.before_stop()
        server.close()
        for connection in list(server.connections):
            connection.abort()
        await server.after_stop()
