"""The shape of the configuration. Each struct is one table of `config.toml`; defaults here are the file's defaults."""

from __future__ import annotations

import msgspec

from .box import ContactSettings, Esp32Settings, FeedSettings, GpsSettings, HostSettings, SafetySettings, UpsSettings


class RadioSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[radio]`: which device, and how it is set.

    Args:
        uri: `ip:HOST` or `usb:…` (libiio), `emulate:SCENE` (emulated radio started by the service, through libiio),
            `file:PATH` (SigMF recording).
        rate_hz: complex sample rate of every hop.
        bandwidth_hz: analogue filter.
        usable_ratio: part of the rate that is flat enough to answer for.
        gain_mode: `manual`, `slow_attack`, `fast_attack`.
        settle_s: wait after a retune before samples count.
        timeout_s: no samples for this long is an error.
        reopen_max_s: longest pause between attempts to reopen a lost radio.
        emulated_link_bytes_s: link rate of the emulated radio.
    """

    uri: str = "emulate:urban"
    rate_hz: float = 61_440_000.0
    bandwidth_hz: float = 56_000_000.0
    usable_ratio: float = 0.8
    gain_mode: str = "manual"
    settle_s: float = 0.0005
    timeout_s: float = 1.0
    reopen_max_s: float = 2.0
    emulated_link_bytes_s: float = 60e6


class BandSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[plan.NAME]]`: one band of a plan, see `radio.plan.Band`."""

    name: str
    start_hz: float
    stop_hz: float
    dwell_s: float = 0.005
    priority: float = 1.0
    gain_db: float = 40.0
    rx_port: str = ""


class ScanSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[scan]`: what to do at start.

    Args:
        plan: name of the active plan.
        autostart: start sweeping when the service starts.
    """

    plan: str = "default"
    autostart: bool = True


class DspSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[dsp]`: detection.

    Args:
        workers: worker processes; 0 means one for each core but one, at least one.
        n_fft: STFT length in bins.
        overlap_ratio: 0 or 0.5.
        false_alarms_per_dwell: stated false-alarm probability of a whole dwell, all tests together.
    """

    workers: int = 0
    n_fft: int = 2048
    overlap_ratio: float = 0.0
    false_alarms_per_dwell: float = 1e-4


class TrackerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[tracker]`: from emissions to contacts.

    Args:
        bucket_hz: rounding of `bucket_hz` and of ids.
        min_hits_to_confirm: different dwells that confirm a contact at the latest.
        confirm_window_s: hits older than this no longer count.
        update_interval_s: least time between two updates of one contact.
        ttl_s: silence after which a contact is lost.
        ttl_by_class_s: longer or shorter, by first element or whole class path joined with `/`.
        max_emissions_per_dwell: strongest first, the rest counted.
        max_contacts: bound on live contacts.
        report_classes: class path prefixes (joined with `/`) that become contacts; empty means all.
    """

    bucket_hz: float = 250_000.0
    min_hits_to_confirm: int = 3
    confirm_window_s: float = 15.0
    update_interval_s: float = 1.0
    ttl_s: float = 10.0
    ttl_by_class_s: dict[str, float] = {}
    max_emissions_per_dwell: int = 64
    max_contacts: int = 512
    report_classes: list[str] = []


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[log]`: the event log.

    Args:
        folder: where `antsdr_scan.jsonl` and its rotations live; simulated events go to its `simulated/`.
        max_file_bytes: rotate at this size.
        max_files: rotated files kept; the bound on disk is (max_files + 1) · max_file_bytes.
        fsync_s: longest time an event may sit in the page cache; 0 syncs every event.
    """

    folder: str = "var/log"
    max_file_bytes: int = 16_000_000
    max_files: int = 8
    fsync_s: float = 1.0


class ApiTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `[api]`, `[aggregator]` and `[system_controller]` have in common.

    Args:
        host, port: bind address; anything but loopback without a key warns loudly.
        api_key: required in `X-API-Key` when set.
        max_clients: WebSocket clients; the next upgrade gets 429.
        event_buffer: newest events kept for `/events/last`.
        queue_events: bound of one client's queue; the oldest are dropped and counted.
        slow_client_s: a client that takes nothing for this long is cut off.
        ping_s: interval of server pings.
        max_body_bytes: largest request body.
        allowed_origins: browser origins allowed besides the API's own.
        allowed_hosts: `Host` names allowed besides the bind address and loopback names.
        command_rate_per_min, command_burst: commands of one client; all clients together may send four times as many;
            0 switches every command limit of this API off, cool-downs excepted.
        dangerous_rate_per_min: commands that need `confirm`, all clients together.
    """

    host: str = "127.0.0.1"
    port: int = 0
    api_key: str = ""
    max_clients: int = 25
    event_buffer: int = 1000
    queue_events: int = 512
    slow_client_s: float = 30.0
    ping_s: float = 10.0
    max_body_bytes: int = 65_536
    allowed_origins: list[str] = []
    allowed_hosts: list[str] = []
    command_rate_per_min: float = 60.0
    command_burst: int = 10
    dangerous_rate_per_min: float = 2.0


class AntsdrApiSettings(ApiTable, frozen=True, forbid_unknown_fields=True):
    """`[api]`: the AntSDR Scan API.

    Args:
        spectrum_fps: frames a second of `WS /spectrum`, at most.
    """

    port: int = 8890
    spectrum_fps: float = 10.0


class AggregatorSettings(ApiTable, frozen=True, forbid_unknown_fields=True):
    """`[aggregator]`: the Backend Aggregator.

    Args:
        update_s: period of `SYSTEM_UPDATE`.
    """

    port: int = 8001
    max_clients: int = 256
    update_s: float = 5.0


class SystemControllerSettings(ApiTable, frozen=True, forbid_unknown_fields=True):
    """`[system_controller]`: the System Controller's API."""

    port: int = 8002


class RuntimeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[runtime]`: processes.

    Args:
        iq_slots: dwells the I/Q ring holds.
        result_slots: results each worker's ring holds.
        beat_timeout_s: a process whose loop made no progress for this long is killed and restarted.
        restart_window_s, max_restarts: more restarts than this in the window, and the service gives up.
        log_level: `debug`, `info`, `warning`, `error`.
        log_format: `text` (in the journal: with priorities, without times) or `json`.
        state_folder: lock, labels and positions in followed logs; empty for `run` beside the log folder.
    """

    iq_slots: int = 12
    result_slots: int = 64
    beat_timeout_s: float = 10.0
    restart_window_s: float = 60.0
    max_restarts: int = 30
    log_level: str = "info"
    log_format: str = "text"
    state_folder: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration. `plan` maps a plan's name to its bands."""

    radio: RadioSettings = RadioSettings()
    scan: ScanSettings = ScanSettings()
    plan: dict[str, list[BandSettings]] = {}
    dsp: DspSettings = DspSettings()
    tracker: TrackerSettings = TrackerSettings()
    log: LogSettings = LogSettings()
    feeds: FeedSettings = FeedSettings()
    contacts: ContactSettings = ContactSettings()
    esp32: Esp32Settings = Esp32Settings()
    host: HostSettings = HostSettings()
    ups: UpsSettings = UpsSettings()
    gps: GpsSettings = GpsSettings()
    safety: SafetySettings = SafetySettings()
    api: AntsdrApiSettings = AntsdrApiSettings()
    aggregator: AggregatorSettings = AggregatorSettings()
    system_controller: SystemControllerSettings = SystemControllerSettings()
    runtime: RuntimeSettings = RuntimeSettings()
