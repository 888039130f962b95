"""The shape of the configuration of everything around the radio: feeds, panel, host, safety."""

from __future__ import annotations

import msgspec


class FeedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[feeds]`: the event logs that the aggregator follows.

    Args:
        rf_log: RF events; empty for the log that this service writes itself.
        remote_id_log: Remote ID events; empty for `remoteid.jsonl` in the log folder.
        poll_s: a look at the file even where the kernel told of no change.
        max_line_bytes: a longer line is counted as bad and skipped.
    """

    rf_log: str = ""
    remote_id_log: str = ""
    poll_s: float = 1.0
    max_line_bytes: int = 262_144


class ContactSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[contacts]`: the aggregator's unified contacts.

    Args:
        ttl_rf_s: a contact whose feed fell silent is removed after this; the tracker's longest TTL is 300 s.
        ttl_remote_id_s: the same for aircraft that announce themselves.
        ttl_fpv_s: the same for the panel's receivers.
        fpv_over_floor_raw: a receiver hears video when its RSSI is this far over its own floor, ADC counts.
        fpv_spread_raw: floors of two receivers differ by less than this, ADC counts.
        max_contacts: bound of each kind; the one heard of longest ago goes first.
    """

    ttl_rf_s: float = 330.0
    ttl_remote_id_s: float = 30.0
    ttl_fpv_s: float = 5.0
    fpv_over_floor_raw: int = 40
    fpv_spread_raw: int = 20
    max_contacts: int = 1024


class Esp32Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[esp32]`: the panel.

    Args:
        enabled: look for it.
        port: serial device; empty to find it by its USB ids.
        baud: line rate.
        ack_timeout_s: longest wait for an acknowledgement.
        heartbeat_s: no telemetry for this long means that the link is lost.
    """

    enabled: bool = True
    port: str = ""
    baud: int = 115_200
    ack_timeout_s: float = 2.0
    heartbeat_s: float = 3.5


class HostSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[host]`: what the System Controller watches and may restart.

    Args:
        units: systemd units that are shown, and may be restarted.
        system_period_s, services_period_s, network_period_s, audio_period_s: periods of the updates.
        timeout_s: a part of the host that does not answer for this long is offline.
        disk_path: the file system whose use is shown; empty for that of the log folder.
        dbus_address: empty for the system bus.
        pulse_server: empty for the user's own PipeWire or PulseAudio, else ALSA.
    """

    units: list[str] = msgspec.field(default_factory=lambda: ["ndefender"])
    system_period_s: float = 2.0
    services_period_s: float = 5.0
    network_period_s: float = 3.0
    audio_period_s: float = 5.0
    timeout_s: float = 2.0
    disk_path: str = ""
    dbus_address: str = ""
    pulse_server: str = ""


class UpsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[ups]`: the Waveshare UPS HAT (E).

    Args:
        enabled: look for it.
        bus: number of the I²C bus, `/dev/i2c-N`.
        address: on that bus.
        period_s: of the updates.
        keep_alive_s: period of the keep-alive, the write of 0x55 to register 0x01; 0 never writes.
    """

    enabled: bool = True
    bus: int = 1
    address: int = 0x2D
    period_s: float = 2.0
    keep_alive_s: float = 5.0


class GpsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[gps]`: gpsd.

    Args:
        enabled: ask it.
        host, port: its JSON socket.
        unit: systemd unit that `POST /gps/restart` restarts.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 2947
    unit: str = "gpsd"


class SafetySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[safety]`: dangerous commands.

    Args:
        allow_unsafe_operations: reboot and power-off are possible at all; NDEFENDER_ALLOW_UNSAFE=true does the same.
        dry_run: drill: every command of the System Controller is checked, acknowledged and audited; nothing is done.
    """

    allow_unsafe_operations: bool = False
    dry_run: bool = False
