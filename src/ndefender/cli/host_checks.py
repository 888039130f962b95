"""What `ndefender doctor` looks at around the service: the host's services and devices.

Nothing here keeps the service from working: what is absent is a section that says `offline` and why.
"""

from __future__ import annotations

import asyncio
import grp
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from ndefender.cli.checks import Finding
from ndefender.events.host import AudioSection
from ndefender.ingest.esp32_discovery import candidates
from ndefender.ingest.esp32_types import LinkSettings
from ndefender.system.audio import Audio
from ndefender.system.backend import Offline
from ndefender.system.bus import SystemBus
from ndefender.system.link import DBUS_PATH
from ndefender.system.peers import BLUEZ, DBUS, LOGIND, NETWORK_MANAGER, SYSTEMD, BusError

ASK_S = 3.0
# What of the host each service is for, and the Debian package that brings it.
SERVICES = (
    (SYSTEMD, "units cannot be shown or restarted", "boot with systemd"),
    (LOGIND, "no reboot or power-off", "apt-get install systemd dbus"),
    (NETWORK_MANAGER, "no network section, no Wi-Fi", "apt-get install network-manager"),
    (BLUEZ, "no Bluetooth", "apt-get install bluez"),
)

Names = Callable[[str], Awaitable[frozenset[str]]]


async def names_on_bus(address: str) -> frozenset[str]:
    """Services that run, or that the bus can start.

    Args:
        address: of the bus, empty for the system bus.
    Raises:
        Offline, BusError: there is none, or it does not answer.
    """
    bus = SystemBus(address, ASK_S)
    try:
        found: set[str] = set()
        for member in ("ListNames", "ListActivatableNames"):
            (names,) = await bus.call(DBUS, DBUS_PATH, DBUS.name, member, reply="as")
            found.update(names)
        return frozenset(found)
    finally:
        await bus.close()


def system_bus(address: str, ask: Names = names_on_bus) -> list[Finding]:
    """The message bus, and the services on it that the host is read and commanded through."""
    try:
        there = asyncio.run(_asked(ask, address))
    except (Offline, BusError) as error:
        says = f"{error}; without it no services, network, Wi-Fi, Bluetooth, reboot"
        return [Finding("system bus", "warning", says, "apt-get install dbus, and boot with systemd")]
    findings = [Finding("system bus", "ok", f"{address or 'the system bus'} answers")]
    for peer, without, remedy in SERVICES:
        if peer.name in there:
            findings.append(Finding(peer.title, "ok", "on the bus"))
        else:
            findings.append(Finding(peer.title, "warning", f"not on the bus: {without}", remedy))
    return findings


async def _asked(ask: Names, address: str) -> frozenset[str]:
    return await ask(address)


def ups(bus: int, keep_alive_s: float, folder: Path = Path("/dev")) -> Finding:
    """The I2C bus of the UPS, and the right to use it."""
    device = folder / f"i2c-{bus}"
    if not device.exists():
        return Finding(
            "ups", "warning", f"no {device}", "switch I2C on (Raspberry Pi: dtparam=i2c_arm=on), or ups.enabled = false"
        )
    if not os.access(device, os.R_OK | os.W_OK):
        return Finding("ups", "warning", f"no access to {device}", f"usermod -a -G {_group(device, 'i2c')} $USER")
    writes = f"a keep-alive is written every {keep_alive_s:g} s" if keep_alive_s else "nothing is ever written to it"
    return Finding("ups", "ok", f"{device} is accessible; {writes}")


def panel(port: str, look: Callable[[], Sequence[str]] | None = None) -> Finding:
    """The serial device of the panel, and the right to use it.

    Args:
        port: as configured; empty to look for one.
        look: finds devices that may be a panel.
    """
    found = [port] if port else (look or _panels)()
    if not found:
        return Finding("panel", "warning", "no serial device looks like one", "plug it in, or esp32.enabled = false")
    absent = [path for path in found if not Path(path).exists()]
    if absent:
        return Finding("panel", "warning", f"no {', '.join(absent)}", "plug it in, or set esp32.port")
    shut = [path for path in found if not os.access(path, os.R_OK | os.W_OK)]
    if shut:
        group = _group(Path(shut[0]), "dialout")
        return Finding("panel", "warning", f"no access to {', '.join(shut)}", f"usermod -a -G {group} $USER")
    return Finding("panel", "ok", f"{', '.join(found)}: accessible, and may be one")


def _panels() -> list[str]:
    return [candidate.path for candidate in candidates(LinkSettings().by_id)]


def sound(server: str, read: Callable[[str], Awaitable[AudioSection]] | None = None) -> Finding:
    """Volume can be read: from PulseAudio, PipeWire or ALSA."""
    try:
        section = asyncio.run(_heard(read or _read_sound, server))
    except Offline as error:
        return Finding("sound", "warning", error.reason, "apt-get install libpulse0, or run a sound server")
    return Finding("sound", "ok", f"{section.sink or 'a sink'} at {section.volume_percent} %")


async def _heard(read: Callable[[str], Awaitable[AudioSection]], server: str) -> AudioSection:
    try:
        async with asyncio.timeout(ASK_S):
            return await read(server)
    except TimeoutError:
        raise Offline(f"no answer within {ASK_S:g} s") from None


async def _read_sound(server: str) -> AudioSection:
    audio = Audio(server)
    try:
        return await audio.read()
    finally:
        await audio.close()


def gpsd(host: str, port: int, timeout_s: float = ASK_S) -> Finding:
    """gpsd greets whoever connects."""
    remedy = "apt-get install gpsd, or gps.enabled = false"
    try:
        with socket.create_connection((host, port), timeout_s) as stream:
            stream.settimeout(timeout_s)
            line = stream.makefile("rb").readline(4096)
        release = msgspec.json.decode(line)["release"]
    except OSError as error:
        return Finding("gpsd", "warning", f"no answer on {host}:{port} ({error})", remedy)
    except (msgspec.DecodeError, KeyError, TypeError):
        return Finding("gpsd", "warning", f"what listens on {host}:{port} is no gpsd", "set gps.host and gps.port")
    return Finding("gpsd", "ok", f"gpsd {release} on {host}:{port}")


def _group(device: Path, usual: str) -> str:
    """Group that owns a device, or the one that usually does where it is root's."""
    try:
        owner = device.stat().st_gid
        return grp.getgrgid(owner).gr_name if owner else usual
    except (OSError, KeyError):
        return usual
