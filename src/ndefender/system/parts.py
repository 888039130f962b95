"""What the host is made of: the backends that are watched and the ones that carry out commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from ndefender.events.host import (
    AudioSection,
    BluetoothDevices,
    BluetoothState,
    GpsSection,
    NetworkSection,
    ServicesSection,
    SystemSection,
    UpsSection,
    WifiScan,
    WifiState,
)
from ndefender.system.backend import Backend


class UnitControl(Protocol):
    """systemd."""

    async def restart(self, name: str) -> None:
        """Restart the unit `name` of the configuration."""
        ...


class PowerControl(Protocol):
    """logind."""

    async def reboot(self) -> None:
        """Start the host anew."""
        ...

    async def power_off(self) -> None:
        """Switch the host off."""
        ...


class WifiControl(Protocol):
    """NetworkManager's Wi-Fi."""

    async def state(self) -> WifiState:
        """Say what the radio is connected to; raises Offline."""
        ...

    async def scan(self) -> WifiScan:
        """List the networks on the air; raises Offline."""
        ...

    async def enable(self) -> None:
        """Switch the radio on."""
        ...

    async def disable(self) -> None:
        """Switch the radio off."""
        ...

    async def connect(self, ssid: str, password: str | None, hidden: bool) -> None:
        """Join a network; None where it is open or its password is stored."""
        ...

    async def disconnect(self) -> None:
        """Leave the network."""
        ...


class BluetoothControl(Protocol):
    """BlueZ's default adapter."""

    async def state(self) -> BluetoothState:
        """Say whether it is powered and discovers; raises Offline."""
        ...

    async def devices(self) -> BluetoothDevices:
        """List the devices that it knows; raises Offline."""
        ...

    async def enable(self) -> None:
        """Switch the adapter on."""
        ...

    async def disable(self) -> None:
        """Switch the adapter off."""
        ...

    async def scan_start(self) -> None:
        """Begin to discover devices."""
        ...

    async def scan_stop(self) -> None:
        """End discovery."""
        ...

    async def pair(self, addr: str, pin: str | None) -> None:
        """Pair with a device."""
        ...

    async def unpair(self, addr: str) -> None:
        """Forget a device."""
        ...


class AudioControl(Protocol):
    """The default sink."""

    async def mute(self, muted: bool) -> None:
        """Silence it, or not."""
        ...

    async def volume(self, percent: int) -> None:
        """Set all its channels, 0..100."""
        ...


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What there is of the host; None for what the configuration leaves out.

    Args:
        system, ups, services, network, audio, gps: behind the sections of the status.
        units, power, wifi, bluetooth, mixer: carry out commands.
        unit_names: what `service_restart` may restart.
        restart_gps: restarts gpsd.
        absent: why a part is None, by its name; "not configured" where nothing is said.
        simulated: names of sections and parts whose peers are emulated: `system ups services network audio gps`, and
            `power wifi bluetooth`.
        close: closes what several backends share, after them.
    """

    system: Backend[SystemSection] | None = None
    ups: Backend[UpsSection] | None = None
    services: Backend[ServicesSection] | None = None
    network: Backend[NetworkSection] | None = None
    audio: Backend[AudioSection] | None = None
    gps: Backend[GpsSection] | None = None
    units: UnitControl | None = None
    power: PowerControl | None = None
    wifi: WifiControl | None = None
    bluetooth: BluetoothControl | None = None
    mixer: AudioControl | None = None
    unit_names: Sequence[str] = ()
    restart_gps: Callable[[], Awaitable[None]] | None = None
    absent: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    simulated: frozenset[str] = frozenset()
    close: Sequence[Callable[[], Awaitable[None]]] = ()

    def why_absent(self, name: str) -> str:
        """Why a part is None."""
        return self.absent.get(name, "not configured")
