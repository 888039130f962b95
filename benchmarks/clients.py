"""200 WebSocket clients of the aggregator, 200 events a second: 180 read and must see every number, ten never read, and
ten hang up and come again every second.

The aggregator's API runs in a process of its own with the service's own bounds, and watches its loop and its memory.
The clients run in one other process. A client that never reads is cut off in its time, and comes again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
import time
from pathlib import Path
from typing import Any

import harness
import numpy as np
import web_client
import web_port
import web_server

from ndefender.api.aggregator import build_aggregator_app
from ndefender.api.settings import ApiSettings

READERS = 180
DEAF = 10
RESTLESS = 10
RATE_HZ = 200.0
UPDATE_S = 5.0  # period of SYSTEM_UPDATE
STALL_TICK_S = 0.005
SETTLE_RATIO = 0.1  # of the time, at most SETTLE_S, before memory and stalls count
SETTLE_S = 20.0
REST_S = 1.0  # life of a restless client
CATCH_UP_S = 20.0
DEAF_BUFFER_BYTES = 4096
MAX_CLIENTS = 256
PATH = "/api/v1/ws"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
EVENT = {"id": "rf:5658000000", **web_port.CONTACT_DATA}
TELEMETRY = {
    "type": "telemetry",
    "timestamp_ms": 1000,
    "sel": 1,
    "vrx": [{"id": i, "freq_hz": 5_740_000_000 + i, "rssi_raw": 100 + i} for i in (1, 2, 3)],
    "video": {"selected": 1},
    "led": {"r": 0, "y": 1, "g": 0},
    "sys": {"uptime_ms": 1000, "heap": 123456},
}


def rss_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def build() -> tuple[Any, web_server.Ask]:
    """The aggregator's API, its publisher, and what watches its loop."""
    port = web_port.WebPort()
    app = build_aggregator_app(
        port, web_port.no_radio(), ApiSettings(app_name="benchmark-clients", max_clients=MAX_CLIENTS)
    )
    stalls_s: list[float] = []

    async def watch() -> None:
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(STALL_TICK_S)
            stalls_s.append(time.monotonic() - began_s - STALL_TICK_S)

    async def asked(request: tuple[Any, ...]) -> object:
        (seconds,) = request
        watching = asyncio.create_task(watch())
        began_s = time.monotonic()
        settled_s = began_s + min(SETTLE_S, SETTLE_RATIO * seconds)
        update_s = began_s
        rss: list[int] = []
        number = 0
        while (now_s := time.monotonic()) < began_s + seconds:
            if now_s >= update_s:
                update_s += UPDATE_S
                port.stream.emit("SYSTEM_UPDATE", "aggregator", port.snapshot())
                number += 1
            if now_s >= settled_s and (not rss or number % int(RATE_HZ) == 0):
                if not rss:
                    stalls_s.clear()
                rss.append(rss_bytes())
            if number % 10:
                port.stream.emit("RF_CONTACT_UPDATE", "antsdr", EVENT)
            else:
                port.stream.emit("ESP32_TELEMETRY", "esp32", TELEMETRY)
            number += 1
            await asyncio.sleep(max(0.0, began_s + number / RATE_HZ - time.monotonic()))
        watching.cancel()
        gc.collect()
        rss.append(rss_bytes())
        counters = app.ctx.sockets.snapshot()
        return {
            "seq": port.stream.seq,
            "stalls_ms": [1e3 * each for each in stalls_s],
            "rss_bytes": rss,
            "sockets": {name: getattr(counters, name) for name in counters.__struct_fields__},
        }

    return app, asked


class Checked:
    """A client that holds every number against the one before."""

    def __init__(self, port: int) -> None:
        self.last: int | None = None
        self.events = 0
        self.gaps = 0
        self.reader = web_client.Reader(port, PATH, self._heard)

    def _heard(self, message: bytes) -> None:
        seq = web_client.seq_of(message)
        if self.last is not None and seq != self.last + 1:
            self.gaps += 1
        self.last = seq
        self.events += 1


class Visitors:
    """All clients."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._crowd = web_client.Crowd()
        self.readers = [self._come() for _ in range(READERS)]
        self._restless = [self._come() for _ in range(RESTLESS)]
        self._deaf = [self._ignore() for _ in range(DEAF)]
        self.visits = 0
        self.visit_gaps = 0
        self.ignored_again = 0
        self.readers_lost = 0

    def _come(self) -> Checked:
        checked = Checked(self._port)
        self._crowd.add(checked.reader)
        return checked

    def _ignore(self) -> socket.socket:
        return web_client.upgraded(self._port, PATH, DEAF_BUFFER_BYTES)[0]

    def turn(self, wait_s: float) -> None:
        """Read what is there."""
        for gone in self._crowd.turn(wait_s):
            self._crowd.remove(gone)
            self.readers_lost += 1

    def renew(self, number: int) -> None:
        """Have one restless client hang up and come again, and a deaf one that was cut off."""
        old = self._restless[number]
        self._crowd.remove(old.reader)
        old.reader.close()
        self.visits += 1
        self.visit_gaps += old.gaps
        self._restless[number] = self._come()
        if number < DEAF and self._deaf[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._deaf[number].close()
            self._deaf[number] = self._ignore()
            self.ignored_again += 1


def main() -> int:
    """Measure, report."""
    parser = harness.parser(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long events are published")
    options: argparse.Namespace = parser.parse_args()
    with web_server.served(build) as server:
        visitors = Visitors(server.port)
        server.pipe.send((options.seconds,))
        renew_s, number = time.monotonic(), 0
        while not server.pipe.poll():
            visitors.turn(0.05)
            if time.monotonic() >= renew_s:
                visitors.renew(number % RESTLESS)
                number += 1
                renew_s += REST_S / RESTLESS
        told: dict[str, Any] = server.answer()
        end_s = time.monotonic() + CATCH_UP_S
        while any(reader.last != told["seq"] for reader in visitors.readers) and time.monotonic() < end_s:
            visitors.turn(0.05)
    missed = sum(bool(reader.gaps) or reader.last != told["seq"] for reader in visitors.readers)
    rss_mb = [each / 1e6 for each in told["rss_bytes"]]
    stalls_ms = np.array(told["stalls_ms"])
    rate_hz = told["seq"] / options.seconds
    figures: harness.Figures = {
        "readers_that_missed": float(missed),
        "restless_that_missed": float(visitors.visit_gaps),
        "events_per_s": rate_hz,
        "loop_stall_p50_ms": float(np.percentile(stalls_ms, 50)),
        "loop_stall_p99_ms": float(np.percentile(stalls_ms, 99)),
        "loop_stall_max_ms": float(stalls_ms.max()),
        "rss_mb": rss_mb[0],
        "rss_growth_mb": rss_mb[-1] - rss_mb[0],
        "rss_swing_mb": max(rss_mb) - min(rss_mb),
        "visits": float(visitors.visits),
        "cut_off": float(told["sockets"]["cut_off"]),
    }
    return harness.report(
        "clients",
        figures,
        facts={
            "readers": READERS,
            "never read": DEAF,
            "come every second": RESTLESS,
            "seconds": options.seconds,
            "readers lost": visitors.readers_lost,
            "cut off and came again": visitors.ignored_again,
            "sockets": told["sockets"],
        },
        void=None if rate_hz >= 0.95 * RATE_HZ else f"{rate_hz:.0f} events a second, {RATE_HZ:.0f} were wanted",
        json_path=options.json,
    )


if __name__ == "__main__":
    raise SystemExit(main())
