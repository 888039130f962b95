"""The System Controller over a host that can be hurt: real backends in a process of its own, peers emulated here.

The peers are those of `ndefender.system.emulated` on real transports. The controller is told nothing but their
addresses; only the UPS, which has no transport, lives in its process and is hurt through a pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import logging
import multiprocessing
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvloop
from dbus_fast import Variant

from ndefender.api.system_app import build_system_app
from ndefender.config.settings import Settings
from ndefender.events.bus import Bus
from ndefender.events.stream import Stream
from ndefender.runtime import logs
from ndefender.runtime.host_parts import host_parts
from ndefender.runtime.mapping import api_settings
from ndefender.system import network, units
from ndefender.system.audit import Audit
from ndefender.system.controller import Controller
from ndefender.system.emulated import ups as emulated_ups
from ndefender.system.emulated.gpsd import EmulatedGpsd
from ndefender.system.emulated.pulse import EmulatedPulse
from ndefender.system.emulated.services import EmulatedBus
from ndefender.system.ups import Ups

VERSION = "1.2.3"
UNITS = ["ndefender", "gpsd", "other"]
SIMULATED = frozenset({"services", "power", "network", "wifi", "bluetooth", "audio", "gps", "ups"})
START_S = 60.0
ASK_S = 10.0
TICK_S = 0.002
GARBAGE = b"\xff\x00HTTP/1.1 400 Bad Request\r\n\r\n" * 200
TIMES = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


class Stalls:
    """How late the loop comes to a timer, and the longest time that one turn of it computed."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self.busy_s = 0.0

    async def watch(self) -> None:
        """Look every 2 ms."""
        while True:
            due_s, busy_s = time.monotonic() + TICK_S, time.thread_time()
            await asyncio.sleep(TICK_S)
            # Processor time of this thread: what other processes on a busy machine take is not in it.
            self.busy_s = max(self.busy_s, time.thread_time() - busy_s)
            self.late_s.append(time.monotonic() - due_s)

    def take(self) -> dict[str, float]:
        """The worst since the last call, ms."""
        worst = {"late_ms": 1e3 * max(self.late_s, default=0.0), "busy_ms": 1e3 * self.busy_s}
        self.late_s, self.busy_s = [], 0.0
        return worst


class Told:
    """What the process is asked through its pipe."""

    def __init__(self, pipe: Connection, ups: emulated_ups.EmulatedUps, stop: asyncio.Event) -> None:
        self.stalls = Stalls()
        self._pipe, self._ups, self._stop = pipe, ups, stop

    def take(self) -> None:
        """Take one request and answer it; on the loop."""
        try:
            what, value = self._pipe.recv()
        except EOFError:
            what, value = "stop", ""
        answer: Any = None
        if what == "ups":
            self._ups.fail(emulated_ups.Fault[value])
        elif what == "supply":
            self._ups.supply = lambda now_s: getattr(emulated_ups, value)
        elif what == "stalls":
            answer = self.stalls.take()
        elif what == "keep_alives":
            answer = len(self._ups.keep_alives_s)
        elif what == "stop":
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._stop.set()
            return
        self._pipe.send(answer)


def serve(settings: Settings, real: frozenset[str], log_path: str, user_id: int | None, pipe: Connection) -> None:
    """Main of the process.

    Args:
        settings: the configuration.
        real: parts that are not said to be simulated; `ups` opens a real bus then.
        log_path: takes standard error.
        user_id: whose rights the process has from now on, None for those of its parent.
        pipe: for `Told`.
    """
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, sys.stderr.fileno())
    if user_id is not None:
        os.setgroups([])
        os.setgid(user_id)
        os.setuid(user_id)
    logs.set_up("front", "info", "text")
    uvloop.run(_serve(settings, SIMULATED - real, pipe))


async def _serve(settings: Settings, emulated: frozenset[str], pipe: Connection) -> None:
    device = emulated_ups.EmulatedUps(time.monotonic, address=settings.ups.address)
    parts = host_parts(settings, emulated)
    if "ups" in emulated:
        ups = settings.ups
        parts = dataclasses.replace(
            parts, ups=Ups(lambda: emulated_ups.EmulatedBus(device), ups.address, ups.period_s, ups.keep_alive_s)
        )

    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    control = Controller(
        parts,
        Stream(Bus(settings.system_controller.event_buffer), "e" * 32, now_ms),
        version=VERSION,
        now_ms=now_ms,
        clock=time.monotonic,
        timeout_s=settings.host.timeout_s,
        allow_unsafe=settings.safety.allow_unsafe_operations,
        dry_run=settings.safety.dry_run,
        audit=Audit(),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    app = build_system_app(control, api_settings("host-rig", settings.system_controller, port, 1.0))
    stop = asyncio.Event()
    told = Told(pipe, device, stop)
    server = await app.create_server(sock=listener, return_asyncio_server=True)
    assert server is not None
    await server.startup()
    await server.before_start()
    await server.after_start()
    await control.start()
    feeling = asyncio.create_task(told.stalls.watch())
    asyncio.get_running_loop().add_reader(pipe.fileno(), told.take)
    pipe.send(port)
    await stop.wait()
    feeling.cancel()
    device.fail(emulated_ups.Fault.NONE)
    await server.before_stop()
    server.close()
    for connection in list(server.connections):
        connection.abort()
    await control.stop()
    await server.after_stop()
    logging.getLogger(__name__).info("ended")


class Served:
    """The process, from outside.

    Args:
        settings: the configuration.
        log_path: of its log.
        real: see `serve`.
        user_id: see `serve`.
    """

    def __init__(
        self, settings: Settings, log_path: Path, real: frozenset[str] = frozenset(), user_id: int | None = None
    ) -> None:
        self.log_path = log_path
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(settings, real, str(log_path), user_id, other))
        self._asking = threading.Lock()
        self.port = 0

    def start(self) -> None:
        """Start it and wait until it serves."""
        self._process.start()
        end_s = time.monotonic() + START_S
        while not self._pipe.poll(0.1):
            if not self._process.is_alive() or time.monotonic() > end_s:
                self.stop()
                raise RuntimeError(f"it does not start: {self.log()[-2000:]}")
        self.port = self._pipe.recv()

    @property
    def http(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    @property
    def socket(self) -> str:
        """Address of the WebSocket."""
        return f"ws://127.0.0.1:{self.port}/api/v1/ws"

    def ask(self, what: str, value: str = "") -> Any:
        """Ask it; see `Told`."""
        with self._asking:
            self._pipe.send((what, value))
            if not self._pipe.poll(ASK_S):
                raise TimeoutError(f"no answer to {what}")
            return self._pipe.recv()

    def user_ids(self) -> set[int]:
        """Whose rights it has: real, effective, saved and file-system user."""
        rows = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        return {int(word) for row in rows if row.startswith("Uid:") for word in row.split()[1:]}

    def log(self) -> str:
        """All it logged."""
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def stop(self) -> int | None:
        """End it; its exit code. Safe to call twice."""
        if self._process.is_alive():
            with contextlib.suppress(OSError):
                self._pipe.send(("stop", ""))
            self._process.join(START_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        return self._process.exitcode


class Impostor:
    """Something else at an address: whoever connects is told rubbish.

    Args:
        address: path of a Unix socket, or host and port.
    """

    def __init__(self, address: str | tuple[str, int]) -> None:
        if isinstance(address, str):
            Path(address).unlink(missing_ok=True)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(address)
            Path(address).chmod(0o777)
            self._listener.listen()
        else:
            self._listener = socket.create_server(address)
        self._clients: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setblocking(False)
            with contextlib.suppress(OSError):
                client.send(GARBAGE)
            self._clients.append(client)

    def stop(self) -> None:
        """Go."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(ASK_S)
        for client in self._clients:
            client.close()


class Fault(NamedTuple):
    """What goes wrong.

    Args:
        part: whose.
        kind: `hang`, `die` or `garbage`.
        sections: that cannot be read then.
        begin, end: blocking, milliseconds to seconds; when `end` returns the part is well again.
    """

    part: str
    kind: str
    sections: frozenset[str]
    begin: Callable[[], object]
    end: Callable[[], object]


class Peers:
    """All the emulated peers. Start them from a thread that stays: they die with it.

    Args:
        folder: for sockets and logs, with a short path that every user may enter.
    """

    def __init__(self, folder: Path) -> None:
        for name in ("dbus", "pulse", "gps"):
            (folder / name).mkdir()
        self._pulse_folder = folder / "pulse"
        self.bus = EmulatedBus(folder / "dbus")
        self.pulse = EmulatedPulse(folder / "pulse")
        self.gpsd = EmulatedGpsd(folder / "gps", TIMES, second_s=0.2, lost=range(0))
        self._impostors: dict[str, Impostor] = {}

    def start(self) -> None:
        """Start and furnish them. Raises EmulationError or DaemonMissing where this machine cannot."""
        self.bus.start()
        self.bus.furnish(UNITS)
        self.pulse.start()
        self._pulse_folder.chmod(0o755)  # the daemon keeps its home to itself; a controller of another user may come
        self.gpsd.start()

    def stop(self) -> None:
        """End them."""
        for name in list(self._impostors):
            self._leave(name)
        self.gpsd.stop()
        self.pulse.stop()
        self.bus.stop()

    def settings(self, changes: Settings | None = None) -> Settings:
        """The configuration, pointed at them."""
        settings = changes or Settings()
        host = msgspec.structs.replace(
            settings.host, units=UNITS, dbus_address=self.bus.address, pulse_server=self.pulse.address
        )
        gps = msgspec.structs.replace(settings.gps, host=self.gpsd.address[0], port=self.gpsd.address[1])
        return msgspec.structs.replace(settings, host=host, gps=gps)

    def faults(self, served: Served) -> list[Fault]:
        """Every fault of every part."""
        bus, pulse, gpsd = self.bus, self.pulse, self.gpsd
        systemd, manager = frozenset({"services"}), frozenset({"network"})
        both, ups, sound, gps = systemd | manager, frozenset({"ups"}), frozenset({"audio"}), frozenset({"gps"})
        unit = units.unit_path(f"{UNITS[0]}.service")

        def restarts(value: Variant) -> Callable[[], None]:
            return lambda: bus.set("systemd", unit, units.SERVICE, "NRestarts", value)

        def primary(value: Variant) -> Callable[[], None]:
            return lambda: bus.set("networkmanager", network.PATH, network.MANAGER, "PrimaryConnection", value)

        def device(fault: str) -> Callable[[], object]:
            return lambda: served.ask("ups", fault)

        return [
            Fault("systemd", "hang", systemd, lambda: bus.hang("systemd"), lambda: bus.resume("systemd")),
            Fault("systemd", "die", systemd, lambda: bus.kill("systemd"), self._systemd_again),
            Fault("systemd", "garbage", systemd, restarts(Variant("s", "many")), restarts(Variant("u", 0))),
            Fault(
                "networkmanager",
                "hang",
                manager,
                lambda: bus.hang("networkmanager"),
                lambda: bus.resume("networkmanager"),
            ),
            Fault("networkmanager", "die", manager, lambda: bus.kill("networkmanager"), self._manager_again),
            Fault("networkmanager", "garbage", manager, primary(Variant("u", 7)), primary(Variant("o", "/"))),
            Fault("bus", "hang", both, bus.hang_bus, bus.resume_bus),
            Fault("bus", "die", both, bus.kill_bus, self._bus_again),
            Fault("bus", "garbage", both, self._bus_replaced, self._bus_again),
            Fault("i2c", "hang", ups, device("HANG"), device("NONE")),
            Fault("i2c", "die", ups, device("NO_ACKNOWLEDGE"), device("NONE")),
            Fault("i2c", "garbage", ups, device("ONES"), device("NONE")),
            Fault("gpsd", "hang", gps, gpsd.hang, gpsd.resume),
            Fault("gpsd", "die", gps, gpsd.kill, gpsd.start),
            Fault("gpsd", "garbage", gps, self._gpsd_replaced, self._gpsd_again),
            Fault("audio", "hang", sound, pulse.hang, pulse.resume),
            Fault("audio", "die", sound, pulse.kill, pulse.start),
            Fault("audio", "garbage", sound, self._pulse_replaced, self._pulse_again),
        ]

    def _systemd_again(self) -> None:
        self.bus.restart("systemd")
        for name in UNITS:
            self.bus.unit(name)

    def _manager_again(self) -> None:
        self.bus.restart("networkmanager")
        self.bus.ethernet()

    def _bus_again(self) -> None:
        self._leave("bus")
        self.bus.restart_bus()
        self.bus.furnish(UNITS)

    def _bus_replaced(self) -> None:
        self.bus.kill_bus()
        self._impostors["bus"] = Impostor(self.bus.address.removeprefix("unix:path="))

    def _gpsd_replaced(self) -> None:
        self.gpsd.kill()
        self._impostors["gpsd"] = Impostor(self.gpsd.address)

    def _gpsd_again(self) -> None:
        self._leave("gpsd")
        self.gpsd.start()

    def _pulse_replaced(self) -> None:
        self.pulse.kill()
        self._impostors["audio"] = Impostor(self.pulse.address.removeprefix("unix:"))

    def _pulse_again(self) -> None:
        self._leave("audio")
        self.pulse.start()

    def _leave(self, name: str) -> None:
        impostor = self._impostors.pop(name, None)
        if impostor is not None:
            impostor.stop()


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder with a short path, which every user may enter, write to, and which goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="host-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
