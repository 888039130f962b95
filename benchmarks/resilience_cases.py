"""Cases of `resilience.py`: first contact, a radio that goes away, a client that does not read.

Each takes a folder, hurts a service, and returns figures.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from resilience_service import Missed, Service, await_, new_twice, start_process
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

TTL_S = 10.0
AWAY_S = 30.0
Figures = dict[str, float]

URBAN = '[api]\nport = 0\n[tracker]\nttl_s = {ttl_s}\n[radio]\nuri = "{uri}"\n'
# One hop, visited some twenty-five times a second, with more tones in it than 200 events/s need.
BUSY_TONES = 40
BUSY = """
[api]
port = 0
[radio]
uri = "emulate:{scene}"
rate_hz = 20_000_000.0
bandwidth_hz = 18_000_000.0
[tracker]
update_interval_s = {update_s}
[[plan.default]]
name = "busy"
start_hz = 2_442_500_000.0
stop_hz = 2_457_500_000.0
dwell_s = 0.005
"""


@contextlib.contextmanager
def running(folder: Path, config: str, env: dict[str, str] | None = None) -> Iterator[Service]:
    """A service that is whole; nothing of it is left afterwards."""
    service = Service(folder, config, env)
    try:
        service.await_whole()
        yield service
    finally:
        service.destroy()


def first_contact(folder: Path, env: dict[str, str]) -> float:
    """Seconds from the start of the command to the first RF_CONTACT_NEW in the log."""
    service = Service(folder, URBAN.format(ttl_s=TTL_S, uri="emulate:urban"), env)
    try:
        await_(lambda: any(event["type"] == "RF_CONTACT_NEW" for event in service.events()), "a contact")
        took_s = time.monotonic() - service.started_s
        service.await_whole()
        service.stop()
        return took_s
    finally:
        service.destroy()


def first_contacts(folder: Path) -> Figures:
    """First contact with an empty cache of compiled kernels, and with a full one."""
    env = {"NUMBA_CACHE_DIR": str(folder / "numba")}
    return {
        "first_contact_cold_s": first_contact(folder / "cold", env),
        "first_contact_warm_s": max(first_contact(folder / f"warm-{i}", env) for i in range(3)),
    }


def analog(service: Service) -> set[str]:
    """Ids of the live analogue pilots."""
    return {each["id"] for each in live(service) if each["features"]["class_path"][:1] == ["Analog"]}


def live(service: Service) -> list[dict[str, Any]]:
    """Live contacts; none while nobody answers."""
    contacts: list[dict[str, Any]] = (service.get("contacts") or {}).get("contacts", [])
    return contacts


def ids(service: Service) -> set[str]:
    """Ids of all live contacts."""
    return {each["id"] for each in live(service)}


class Radio:
    """An emulated radio of its own, as `ndefender emulate radio` starts it."""

    def __init__(self, folder: Path, host: str) -> None:
        with (folder / "radio.log").open("ab") as stream:
            self._process = start_process(["emulate", "radio", "--host", host], folder, stream, {})
        assert self._process.stdout is not None
        if not self._process.stdout.readline().startswith(b"ready"):
            raise Missed("the emulated radio did not start")

    def fall_silent(self) -> None:
        """Stop answering; connections stay."""
        self._process.send_signal(signal.SIGSTOP)

    def speak(self) -> None:
        """Go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Break every connection."""
        self._process.kill()
        self._process.communicate()


def said_away(service: Service, act: Callable[[], None]) -> float:
    """Seconds from an act until `/device` says that the radio is away."""
    begun_s = time.monotonic()
    act()
    await_(lambda: (service.get("device") or {}).get("connected") is False, "the radio is said to be away")
    return time.monotonic() - begun_s


def radio_gone(folder: Path) -> Figures:
    """The radio falls silent as behind a pulled cable; then it is gone, connection and all, for half a minute."""
    folder.mkdir(parents=True)
    host = f"127.{random.randint(64, 127)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    radio = Radio(folder, host)
    try:
        with running(folder, URBAN.format(ttl_s=TTL_S, uri=f"ip:{host}")) as service:
            captures = service.pids("capture")
            await_(lambda: len(analog(service)) >= 2, "both pilots")
            silent_said_s = said_away(service, radio.fall_silent)
            radio.speak()
            service.await_whole()
            await_(lambda: len(analog(service)) >= 2, "both pilots")
            gone_s = time.monotonic()
            said_s = said_away(service, radio.kill)
            await_(lambda: not (service.get("contacts") or {"contacts": [0]})["contacts"], "contacts lost")
            lost_s = time.monotonic() - gone_s
            time.sleep(max(0.0, gone_s + AWAY_S - time.monotonic()))
            radio = Radio(folder, host)
            back_s = time.monotonic()
            service.await_whole()
            resumed_s = time.monotonic() - back_s
            return {
                "radio_silent_said_away_s": silent_said_s,
                "radio_said_away_s": said_s,
                "radio_contacts_lost_s": lost_s,
                "radio_resumed_s": resumed_s,
                "radio_same_process": float(service.pids("capture") == captures),
                "radio_lifecycle_errors": new_twice(service.events()),
            }
    finally:
        radio.kill()


class Listener(threading.Thread):
    """A client that reads everything."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._socket = connect(f"ws://127.0.0.1:{port}/api/v1/events")
        self.numbers: list[int] = []

    def run(self) -> None:
        """Read until closed."""
        with contextlib.suppress(ConnectionClosed):
            for message in self._socket:
                event = json.loads(message)
                if event["type"].startswith("RF_CONTACT"):
                    self.numbers.append(event["seq"])

    def finish(self) -> int:
        """Stop; events missed."""
        self._socket.close()
        self.join()
        return self.numbers[-1] - self.numbers[0] + 1 - len(self.numbers)


def deaf_client(port: int) -> socket.socket:
    """Upgrade, then never read again, with the smallest receive buffer there is."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    client.connect(("127.0.0.1", port))
    client.sendall(
        f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return client


def rss_mb(pid: int) -> float:
    """Resident memory of a process, MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def slow_client(folder: Path) -> Figures:
    """One client that never reads beside one that does, at 200 events a second through the whole chain."""
    folder.mkdir(parents=True)
    tones = "".join(
        f'[[emitter]]\nkind = "tone"\nname = "tone {i}"\ncenter_hz = {2442.6e6 + i * 0.37e6}\nlevel_dbfs = -45.0\n'
        for i in range(BUSY_TONES)
    )
    scene = folder / "busy.toml"
    scene.write_text(f'[scene]\nname = "busy"\nseed = 1\n{tones}')
    with running(folder, BUSY.format(scene=scene, update_s=0.1)) as service:
        await_(lambda: len(live(service)) >= BUSY_TONES // 2, "the tones")
        listener = Listener(service.port)
        listener.start()
        front = service.pids("front")[-1]
        await_(lambda: len(listener.numbers) >= 2000, "events")  # rings and queues have their size by now
        before_mb = rss_mb(front)
        begun_s, begun = time.monotonic(), len(listener.numbers)
        deaf = deaf_client(service.port)
        peak_mb = before_mb

        def cut_off() -> bool:
            nonlocal peak_mb
            peak_mb = max(peak_mb, rss_mb(front))
            return bool((service.get("stats") or {"sockets": {"cut_off": 0}})["sockets"]["cut_off"])

        await_(cut_off, "cut off")
        cut_s = time.monotonic() - begun_s
        sockets = (service.get("stats") or {})["sockets"]
        rate = (len(listener.numbers) - begun) / cut_s
        missed = listener.finish()
        deaf.close()
        return {
            "slow_client_events_per_s": rate,
            "slow_client_cut_off_s": cut_s,
            "slow_client_counted": sockets["cut_off"],
            "slow_client_dropped": sockets["events_dropped"],
            "slow_client_front_growth_mb": peak_mb - before_mb,
            "other_client_missed": missed,
        }
