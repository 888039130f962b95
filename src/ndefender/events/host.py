"""The host on the wire: sections of the System Controller's status, and of the aggregator's snapshot.

A part that is not there is `status: "offline"` with `last_error`, and its values are null; nothing is invented.
"""

from __future__ import annotations

from typing import Literal

import msgspec

SectionStatus = Literal["ok", "degraded", "offline"]
UpsState = Literal["IDLE", "CHARGING", "FAST_CHARGING", "DISCHARGING", "UNKNOWN"]
GpsFix = Literal["none", "2d", "3d"]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """What every section has.

    Args:
        status: `ok`, `degraded` (some of it is missing, `last_error` says what), `offline`.
        last_error: why it is not ok, null where it is.
        simulated: true where an emulated peer produced it, else absent.
    """

    status: SectionStatus = "ok"
    last_error: str | None = None
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class SystemSection(Section, frozen=True, kw_only=True):
    """`system`: statistics of the host.

    Args:
        uptime_s: since boot.
        cpu_temp_c: degrees Celsius.
        cpu_usage_percent: over all cores since the last reading, 0..100.
        load_1m, load_5m, load_15m: processes that run or wait.
        ram_used_mb, ram_total_mb: 1e6 bytes.
        disk_used_gb, disk_total_gb: 1e9 bytes, of the file system that holds the service's state.
        throttled_flags: Raspberry Pi firmware's bits (0 under-voltage, 1 frequency capped, 2 throttled, 3 soft limit,
            16..19 the same since boot), null elsewhere.
        clock_synchronized: whether the system clock is known to be right, null where nobody can say.
    """

    uptime_s: float | None = None
    cpu_temp_c: float | None = None
    cpu_usage_percent: float | None = None
    load_1m: float | None = None
    load_5m: float | None = None
    load_15m: float | None = None
    ram_used_mb: float | None = None
    ram_total_mb: float | None = None
    disk_used_gb: float | None = None
    disk_total_gb: float | None = None
    throttled_flags: int | None = None
    clock_synchronized: bool | None = None


class UpsSection(Section, frozen=True, kw_only=True):
    """`ups`, and `power` of the aggregator.

    Args:
        pack_voltage_v, current_a: of the battery; a negative current discharges.
        input_vbus_v, input_power_w: of the supply.
        soc_percent: state of charge.
        time_to_empty_s: null unless discharging.
        time_to_full_s: null while discharging.
        per_cell_v: each cell.
        state: what the UPS does.
    """

    pack_voltage_v: float | None = None
    current_a: float | None = None
    input_vbus_v: float | None = None
    input_power_w: float | None = None
    soc_percent: int | None = None
    time_to_empty_s: int | None = None
    time_to_full_s: int | None = None
    per_cell_v: list[float] | None = None
    state: UpsState = "UNKNOWN"


class ServiceState(msgspec.Struct, frozen=True, kw_only=True):
    """One systemd unit. Null where systemd does not know it.

    Args:
        name: as in the configuration, without `.service`.
        active_state: `active`, `inactive`, `failed`, `activating`, …
        sub_state: `running`, `dead`, …
        restart_count: automatic restarts since it was started by hand.
    """

    name: str
    active_state: str | None = None
    sub_state: str | None = None
    restart_count: int | None = None


class ServicesSection(Section, frozen=True, kw_only=True):
    """`services`: the units of the configuration, in its order."""

    services: list[ServiceState] = []


class NetworkSection(Section, frozen=True, kw_only=True):
    """`network`: whether the host is connected, and how.

    Args:
        connected: there is an active connection with an address.
        ssid: of the active Wi-Fi, null without one.
        ip_v4, ip_v6: of the primary connection.
        interface: its device.
        kind: `wifi`, `ethernet`, … as NetworkManager names it.
    """

    connected: bool | None = None
    ssid: str | None = None
    ip_v4: str | None = None
    ip_v6: str | None = None
    interface: str | None = None
    kind: str | None = None


class AudioSection(Section, frozen=True, kw_only=True):
    """`audio`: the default sink.

    Args:
        volume_percent: 0..100, of the loudest channel; above 100 where the sink amplifies.
        muted: whether it is silent.
        sink: its name.
    """

    volume_percent: int | None = None
    muted: bool | None = None
    sink: str | None = None


class GpsSection(Section, frozen=True, kw_only=True):
    """`gps`: the newest fix.

    Args:
        fix: `none`, `2d`, `3d`; null while gpsd has not said.
        lat, lon: WGS 84 degrees.
        altitude_m: above mean sea level where gpsd knows it, else above the ellipsoid.
        speed_m_s, track_deg: over ground.
        hdop, vdop, pdop: dilutions of precision.
        satellites_seen, satellites_used: of the newest sky view.
        fix_time_ms: the receiver's own time of the fix.
        device: gpsd's name of the receiver.
    """

    fix: GpsFix | None = None
    lat: float | None = None
    lon: float | None = None
    altitude_m: float | None = None
    speed_m_s: float | None = None
    track_deg: float | None = None
    hdop: float | None = None
    vdop: float | None = None
    pdop: float | None = None
    satellites_seen: int | None = None
    satellites_used: int | None = None
    fix_time_ms: int | None = None
    device: str | None = None


class WifiState(Section, frozen=True, kw_only=True):
    """`/network/wifi/state`."""

    enabled: bool | None = None
    connected: bool | None = None
    ssid: str | None = None
    bssid: str | None = None
    signal_percent: int | None = None
    frequency_mhz: int | None = None
    ip_v4: str | None = None
    interface: str | None = None


class WifiNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """One network of a Wi-Fi scan: the strongest access point of its name.

    Args:
        security: `open`, `wep`, `wpa`, `wpa2`, `wpa3`, `enterprise`.
        known: a connection of that name is stored.
        in_use: connected to it now.
    """

    ssid: str
    bssid: str
    signal_percent: int
    frequency_mhz: int
    security: str
    known: bool
    in_use: bool


class WifiScan(Section, frozen=True, kw_only=True):
    """`/network/wifi/scan`: strongest first."""

    networks: list[WifiNetwork] = []


class BluetoothState(Section, frozen=True, kw_only=True):
    """`/network/bluetooth/state`."""

    enabled: bool | None = None
    discovering: bool | None = None
    address: str | None = None
    name: str | None = None


class BluetoothDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One device that the adapter knows."""

    addr: str
    name: str | None
    paired: bool
    connected: bool
    rssi_dbm: int | None


class BluetoothDevices(Section, frozen=True, kw_only=True):
    """`/network/bluetooth/devices`: strongest first, then by address."""

    devices: list[BluetoothDevice] = []


class AckData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of the System Controller's `COMMAND_ACK`.

    Args:
        command: its name.
        ok: it was carried out.
        reason: why not, null where it was.
        command_id: uuid4.
        target: what it was done to (a unit, an address), absent where there is none.
        dry_run: true in a drill: everything was checked and nothing done; else absent.
        simulated: true where it was done to an emulated peer, else absent.
    """

    command: str
    ok: bool
    reason: str | None = None
    command_id: str
    target: str | msgspec.UnsetType = msgspec.UNSET
    dry_run: bool | msgspec.UnsetType = msgspec.UNSET
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class CommandAck(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a command of the System Controller; the same goes out on its socket in an envelope."""

    type: Literal["COMMAND_ACK"] = "COMMAND_ACK"
    timestamp_ms: int
    data: AckData


class SystemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /status` of the System Controller. `seq` is the number of the newest envelope it accounts for."""

    timestamp_ms: int
    system: SystemSection
    ups: UpsSection
    services: ServicesSection
    network: NetworkSection
    audio: AudioSection
    gps: GpsSection
    seq: int
    boot_id: str


class SystemHealth(msgspec.Struct, frozen=True, kw_only=True):
    """`GET /health` of the System Controller.

    Args:
        ok: the service works; parts of the host that are absent do not count against it.
        offline: sections that are offline.
    """

    ok: bool
    timestamp_ms: int
    version: str
    offline: list[str] = []
