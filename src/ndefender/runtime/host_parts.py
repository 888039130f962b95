"""Builds the host's backends as the configuration says."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from smbus2 import SMBus

from ndefender.config.settings import Settings
from ndefender.system.audio import Audio
from ndefender.system.bluetooth import Bluetooth
from ndefender.system.bus import SystemBus
from ndefender.system.clock import Clock
from ndefender.system.emulated import ups as emulated_ups
from ndefender.system.gps import Gps
from ndefender.system.host import Host
from ndefender.system.network import Network
from ndefender.system.parts import Parts
from ndefender.system.power import Power
from ndefender.system.units import Units
from ndefender.system.ups import I2cBus, Ups
from ndefender.system.wifi import Wifi

DEMO_MAINS_S, DEMO_CUT_S = 300.0, 90.0
OFF = "switched off in the configuration"


def host_parts(settings: Settings, emulated: frozenset[str]) -> Parts:
    """Build every backend; nothing is opened yet.

    Args:
        settings: the configuration.
        emulated: parts that a demo's peers stand in for; their sections say so.
    """
    host, ups = settings.host, settings.ups
    bus = SystemBus(host.dbus_address, host.timeout_s * 0.75)
    units = Units(bus, host.units, host.services_period_s)
    gpsd = Units(bus, [settings.gps.unit], host.services_period_s)
    audio = Audio(host.pulse_server, host.audio_period_s)
    absent = {}
    if not ups.enabled:
        absent["ups"] = OFF
    if not settings.gps.enabled:
        absent["gps"] = OFF
    return Parts(
        system=Host(host.system_period_s, host.disk_path or _there(settings.log.folder), Clock(bus).synchronized),
        ups=Ups(_i2c(settings, emulated), ups.address, ups.period_s, ups.keep_alive_s or None) if ups.enabled else None,
        services=units,
        network=Network(bus, host.network_period_s),
        audio=audio,
        gps=Gps(settings.gps.host, settings.gps.port) if settings.gps.enabled else None,
        units=units,
        power=Power(bus),
        wifi=Wifi(bus),
        bluetooth=Bluetooth(bus),
        mixer=audio,
        unit_names=host.units,
        restart_gps=partial(gpsd.restart, settings.gps.unit) if settings.gps.enabled else None,
        absent=absent,
        simulated=emulated - {"esp32"},
        close=[bus.close],
    )


def _there(folder: str) -> str:
    """The folder, or the nearest above it that exists: it may not have been made yet."""
    path = Path(folder).absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return str(path)


def _i2c(settings: Settings, emulated: frozenset[str]) -> Callable[[], I2cBus]:
    """What opens the bus."""
    if "ups" in emulated:
        supply = emulated_ups.mains_with_cuts(DEMO_MAINS_S, DEMO_CUT_S)
        device = emulated_ups.EmulatedUps(time.monotonic, supply, address=settings.ups.address)
        return lambda: emulated_ups.EmulatedBus(device)
    return lambda: SMBus(settings.ups.bus)
