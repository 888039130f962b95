"""The demo's peers: emulated services and devices on real transports, for the parts that this host does not have.

The service itself is told nothing but other addresses, and which sections to mark as simulated.
"""

from __future__ import annotations

import datetime
import errno
import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import msgspec
from smbus2 import SMBus

from ndefender.config.settings import Settings
from ndefender.errors import NdefenderError
from ndefender.ingest.emulated.panel import Panel
from ndefender.ingest.esp32_discovery import candidates
from ndefender.ingest.esp32_types import LinkSettings
from ndefender.radio.scene import load_scene
from ndefender.radio.scene.level import video_rssi
from ndefender.runtime.exits import EXIT_OK
from ndefender.runtime.mapping import EMULATE_SCHEME
from ndefender.runtime.process import Child
from ndefender.system import upsmap
from ndefender.system.emulated.gpsd import EmulatedGpsd
from ndefender.system.emulated.pulse import EmulatedPulse
from ndefender.system.emulated.services import EmulatedBus
from ndefender.system.pulse import NoServer, users_server
from ndefender.system.ups import NO_DEVICE

BEAT_S = 0.25
DEVICES = Path("/dev")
SYSTEM_BUS = Path("/run/dbus/system_bus_socket")
DBUS_PARTS = frozenset({"services", "power", "network", "wifi", "bluetooth"})
DEFAULT_SCENE = "urban"
ASK_S = 0.5

log = logging.getLogger(__name__)


class Peer(Protocol):
    """What stands in for a part of the host."""

    def start(self) -> None:
        """Start it."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


def with_peers(settings: Settings, folder: Path) -> tuple[Settings, frozenset[str]]:
    """Point the settings at emulated peers where the real thing is absent.

    Args:
        settings: as configured.
        folder: where the peers live.
    Returns:
        the settings, and the parts that are emulated: `system_bus`'s own, `ups`, `gps`, `audio`, `esp32`.
    """
    emulated: set[str] = set()
    host, gps, esp32 = settings.host, settings.gps, settings.esp32
    if not host.dbus_address and not _listens(SYSTEM_BUS):
        host = msgspec.structs.replace(host, dbus_address=f"unix:path={folder / 'dbus' / 'bus'}")
        emulated |= DBUS_PARTS
    if not host.pulse_server and not has_sound():
        host = msgspec.structs.replace(host, pulse_server=f"unix:{folder / 'pulse' / 'native'}")
        emulated.add("audio")
    if gps.enabled and not _answers(gps.host, gps.port):
        gps = msgspec.structs.replace(gps, host="127.0.0.1", port=_free_port())
        emulated.add("gps")
    if esp32.enabled and not esp32.port and not candidates(LinkSettings().by_id):
        esp32 = msgspec.structs.replace(esp32, port=str(folder / "panel"))
        emulated.add("esp32")
    if settings.ups.enabled and not _acknowledges(settings.ups.bus, settings.ups.address):
        emulated.add("ups")
    return msgspec.structs.replace(settings, host=host, gps=gps, esp32=esp32), frozenset(emulated)


def main(child: Child) -> int:
    """Entry of the process that keeps the peers."""
    wiring = child.wiring
    with ExitStack() as stack:
        for name, make in _makers(wiring.settings, wiring.emulated, Path(wiring.demo_folder)):
            try:
                peer = make()
                peer.start()
            except (NdefenderError, OSError) as error:
                log.warning("%s cannot be emulated here, and stays offline: %s", name, error)
                continue
            stack.callback(peer.stop)
            log.info("%s is emulated (simulated)", name)
        while not child.stop.wait(BEAT_S):
            child.row.beat_ns = time.monotonic_ns()
    return EXIT_OK


def _makers(settings: Settings, emulated: frozenset[str], folder: Path) -> list[tuple[str, Callable[[], Peer]]]:
    def inside(name: str) -> Path:
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        return place

    def services() -> Peer:
        return _Furnished(EmulatedBus(inside("dbus")), settings.host.units)

    def gps() -> Peer:
        peer = EmulatedGpsd(inside("gps"), datetime.datetime.now(datetime.UTC))
        peer.port = settings.gps.port
        return peer

    def panel() -> Peer:
        radio = settings.radio.uri
        scene = radio.removeprefix(EMULATE_SCHEME) if radio.startswith(EMULATE_SCHEME) else DEFAULT_SCENE
        inside(".")
        return Panel(video_rssi(load_scene(scene)), link=Path(settings.esp32.port))

    table: list[tuple[str, str, Callable[[], Peer]]] = [
        ("network", "the host's D-Bus", services),
        ("audio", "the sound server", lambda: EmulatedPulse(inside("pulse"))),
        ("gps", "gpsd", gps),
        ("esp32", "the ESP32 panel", panel),
    ]
    return [(title, make) for part, title, make in table if part in emulated]


class _Furnished:
    """A bus with something to see on it."""

    def __init__(self, bus: EmulatedBus, units: list[str]) -> None:
        self._bus = bus
        self._units = units

    def start(self) -> None:
        """Start and furnish it."""
        self._bus.start()
        self._bus.furnish(self._units)

    def stop(self) -> None:
        """End it."""
        self._bus.stop()


def has_sound() -> bool:
    """Whether there is a card, or a sound server of this user."""
    if any(DEVICES.glob("snd/controlC*")):
        return True
    try:
        users_server(os.environ, os.getuid())
    except NoServer:
        return False
    return True


def _listens(path: Path) -> bool:
    """Whether somebody is behind a Unix socket: a container may have one that is left over."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(ASK_S)
        try:
            client.connect(str(path))
        except OSError as error:
            return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED, errno.ENOTSOCK)
    return True


def _acknowledges(bus: int, address: int) -> bool:
    """Whether there is an I2C bus and somebody at the address; one that this user may not ask counts as there."""
    try:
        with SMBus(str(DEVICES / f"i2c-{bus}")) as i2c:
            i2c.read_byte_data(address, upsmap.FLAGS_REGISTER)
    except OSError as error:
        return error.errno not in (errno.ENOENT, *NO_DEVICE)
    return True


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), ASK_S):
            return True
    except OSError as error:
        return error.errno not in (None, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
