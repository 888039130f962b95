"""What the System Controller's API asks of the service: one Protocol. The answers are the Structs of `events.host`.

Called on the front's event loop, which it must not block: the plain methods answer from memory, the `async` ones may
wait. A part of the host that is not there is a section with `status: "offline"`, never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ndefender.api.ports import Subscription
from ndefender.events.host import (
    BluetoothDevices,
    BluetoothState,
    CommandAck,
    Section,
    SystemHealth,
    SystemStatus,
    WifiScan,
    WifiState,
)


class SystemPort(Protocol):
    """The service behind the System Controller's API."""

    def health(self) -> SystemHealth:
        """State of the service."""
        ...

    def status(self) -> SystemStatus:
        """Every section now."""
        ...

    def section(self, name: str) -> Section:
        """One section: `system`, `ups`, `services`, `network`, `audio` or `gps`."""
        ...

    async def wifi_state(self) -> WifiState:
        """The Wi-Fi adapter."""
        ...

    async def wifi_scan(self) -> WifiScan:
        """Networks in reach."""
        ...

    async def bluetooth_state(self) -> BluetoothState:
        """The Bluetooth adapter."""
        ...

    async def bluetooth_devices(self) -> BluetoothDevices:
        """Devices that the adapter knows."""
        ...

    async def command(self, name: str, args: Mapping[str, object], *, confirm: bool, client: str) -> CommandAck:
        """Carry out a command.

        Args:
            name: as in the acknowledgement, for example `service_restart`.
            args: `service_restart` {name}, `audio_mute` {muted}, `audio_volume` {volume_percent}, `wifi_connect` {ssid,
                password, hidden}, `bluetooth_pair` {addr, pin}, `bluetooth_unpair` {addr}; nothing for the others. What
                the client left out is None.
            confirm: the client confirmed.
            client: who asks, for the audit.
        Returns:
            What became of it; `ok` may be false.
        Raises:
            CommandRejected: nothing was done. 400 a value is out of its limits, or `confirm_required`; 403
                `unsafe_operations_disabled`; 404 no such thing; 409 the part of the host is absent; 429 `cooling_down`.
        """
        ...

    def subscribe(self, queue_events: int) -> Subscription:
        """Listen: HELLO, SYSTEM_STATUS, then every event, with a queue of `queue_events`, the oldest dropped."""
        ...

    def events_last(self, limit: int) -> list[bytes]:
        """The newest `limit` envelopes as they were sent, oldest first."""
        ...
