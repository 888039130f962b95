"""What makes a value usable: ranges, choices and the few rules between settings. All problems are found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import msgspec

from ..errors import ConfigError
from ..taxonomy import CHANNELS, CLASSES
from .settings import ApiTable, BandSettings, Settings

API_TABLES = ("api", "aggregator", "system_controller")
API_RANGES: Mapping[str, tuple[float, float]] = {
    "port": (0, 65_535),  # 0: any free one
    "max_clients": (1, 10_000),
    "event_buffer": (1, 1_000_000),
    "queue_events": (1, 1_000_000),
    "slow_client_s": (0.1, 3600.0),
    "ping_s": (0.1, 3600.0),
    "max_body_bytes": (256, 100_000_000),
    "command_rate_per_min": (0.0, 1e6),
    "command_burst": (1, 1_000_000),
    "dangerous_rate_per_min": (0.0, 1e6),
}
# path -> lowest and highest usable value, inclusive
RANGES: Mapping[str, tuple[float, float]] = {
    "radio.rate_hz": (520_833.0, 61_440_000.0),  # AD9361 data sheet: 25 MHz ADC clock / 48 to 61.44 MS/s
    "radio.bandwidth_hz": (200_000.0, 56_000_000.0),  # AD9361 data sheet
    "radio.usable_ratio": (0.1, 1.0),
    "radio.settle_s": (0.0, 1.0),
    "radio.timeout_s": (0.01, 60.0),
    "radio.reopen_max_s": (0.1, 300.0),
    "radio.emulated_link_bytes_s": (1e5, 1e10),
    "dsp.workers": (0, 64),
    "dsp.n_fft": (64, 65_536),
    "dsp.overlap_ratio": (0.0, 0.5),
    "dsp.false_alarms_per_dwell": (1e-12, 0.5),
    "tracker.bucket_hz": (1e3, 100e6),
    "tracker.min_hits_to_confirm": (1, 100),
    "tracker.confirm_window_s": (0.1, 3600.0),
    "tracker.update_interval_s": (0.0, 3600.0),
    "tracker.ttl_s": (0.1, 86_400.0),
    "tracker.max_emissions_per_dwell": (1, 256),  # records.MAX_EMISSIONS
    "tracker.max_contacts": (1, 100_000),
    "log.max_file_bytes": (10_000, 10_000_000_000),
    "log.max_files": (1, 1000),
    "log.fsync_s": (0.0, 3600.0),
    "feeds.poll_s": (0.01, 60.0),
    "feeds.max_line_bytes": (1024, 16_777_216),
    "contacts.ttl_rf_s": (0.1, 86_400.0),
    "contacts.ttl_remote_id_s": (0.1, 86_400.0),
    "contacts.ttl_fpv_s": (0.1, 86_400.0),
    "contacts.fpv_over_floor_raw": (1, 4095),  # 12-bit ADC
    "contacts.fpv_spread_raw": (0, 4095),
    "contacts.max_contacts": (1, 100_000),
    "esp32.baud": (9600, 4_000_000),
    "esp32.ack_timeout_s": (0.05, 60.0),
    "esp32.heartbeat_s": (0.1, 600.0),
    "host.system_period_s": (0.1, 3600.0),
    "host.services_period_s": (0.1, 3600.0),
    "host.network_period_s": (0.1, 3600.0),
    "host.audio_period_s": (0.1, 3600.0),
    "host.timeout_s": (0.05, 60.0),
    "ups.bus": (0, 255),
    "ups.address": (0x03, 0x77),  # I2C: 7 bits without the reserved ones
    "ups.period_s": (0.1, 3600.0),
    "ups.keep_alive_s": (0.0, 3600.0),
    "gps.port": (1, 65_535),
    "aggregator.update_s": (0.1, 3600.0),
    **{f"{table}.{name}": limits for table in API_TABLES for name, limits in API_RANGES.items()},
    "api.spectrum_fps": (0.1, 100.0),
    "runtime.iq_slots": (4, 1024),
    "runtime.result_slots": (2, 4096),
    "runtime.beat_timeout_s": (0.5, 3600.0),
    "runtime.restart_window_s": (1.0, 86_400.0),
    "runtime.max_restarts": (0, 10_000),
}
BAND_RANGES: Mapping[str, tuple[float, float]] = {
    "start_hz": (70e6, 6e9),  # AD9361's LO
    "stop_hz": (70e6, 6e9),
    "dwell_s": (0.0001, 0.5),
    "priority": (0.01, 100.0),
    "gain_db": (-10.0, 77.0),  # widest of the AD9361's tables; the radio says what its LO allows
}
CHOICES: Mapping[str, tuple[object, ...]] = {
    "radio.gain_mode": ("manual", "slow_attack", "fast_attack"),
    "dsp.overlap_ratio": (0.0, 0.5),
    "runtime.log_level": ("debug", "info", "warning", "error"),
    "runtime.log_format": ("text", "json"),
}
URI_SCHEMES = ("ip", "usb", "emulate", "file")
TTL_RANGE = (0.1, 86_400.0)
MAX_RING_BYTES = 4_000_000_000
MAX_NAME = 32
SAMPLE_BYTES = 4  # int16 I and Q

Problems = Iterator[ConfigError]


def find_problems(settings: Settings) -> list[ConfigError]:
    """Everything that is wrong with settings of the right shape; empty if nothing is."""
    flat = dict(_flatten(settings))
    return [
        *_ranges(flat, RANGES),
        *_choices(flat),
        *_radio(settings),
        *_plans(settings),
        *_tracker(settings),
        *_api(settings),
        *_host(settings),
        *_rest(settings),
    ]


def _flatten(settings: Settings) -> Iterator[tuple[str, object]]:
    for table in msgspec.structs.fields(settings):
        values = getattr(settings, table.name)
        if isinstance(values, msgspec.Struct):
            for name in values.__struct_fields__:
                yield f"{table.name}.{name}", getattr(values, name)


def _ranges(values: Mapping[str, object], ranges: Mapping[str, tuple[float, float]], prefix: str = "") -> Problems:
    for name, (low, high) in ranges.items():
        value = values[name]
        if isinstance(value, int | float) and not (math.isfinite(value) and low <= value <= high):
            yield ConfigError(prefix + name, f"{value} is outside {low:.12g} to {high:.12g}")


def _choices(values: Mapping[str, object]) -> Problems:
    for path, allowed in CHOICES.items():
        if values[path] not in allowed:
            yield ConfigError(path, f"{values[path]!r} is none of {', '.join(map(repr, allowed))}")


def _radio(settings: Settings) -> Problems:
    radio = settings.radio
    scheme, colon, rest = radio.uri.partition(":")
    if scheme not in URI_SCHEMES or not colon or not (rest or scheme == "usb"):
        forms = "ip:HOST, usb:, emulate:SCENE, file:PATH"
        yield ConfigError("radio.uri", f"{radio.uri!r} is none of {forms}")
    if radio.bandwidth_hz > radio.rate_hz:
        yield ConfigError(
            "radio.bandwidth_hz",
            f"{radio.bandwidth_hz:.12g} is above radio.rate_hz {radio.rate_hz:.12g}: what lies beyond would alias",
        )


def _plans(settings: Settings) -> Problems:
    if settings.scan.plan not in settings.plan:
        known = ", ".join(sorted(settings.plan)) or "none"
        yield ConfigError("scan.plan", f"there is no plan {settings.scan.plan!r} (plans: {known})")
    for name, bands in settings.plan.items():
        if not _is_name(name):
            yield ConfigError(f"plan.{name}", f"a plan's name has 1 to {MAX_NAME} letters, digits, - or _")
        if not bands:
            yield ConfigError(f"plan.{name}", "has no bands")
        seen: dict[str, int] = {}
        for i, band in enumerate(bands):
            path = f"plan.{name}[{i}]"
            yield from _band(path, band)
            if band.name in seen:
                yield ConfigError(
                    f"{path}.name", f"{band.name!r} is the name of plan.{name}[{seen[band.name]}] already"
                )
            seen.setdefault(band.name, i)
    longest_s = max((band.dwell_s for bands in settings.plan.values() for band in bands), default=0.0)
    ring_bytes = longest_s * settings.radio.rate_hz * SAMPLE_BYTES * settings.runtime.iq_slots
    if ring_bytes > MAX_RING_BYTES:
        yield ConfigError(
            "runtime.iq_slots",
            f"{settings.runtime.iq_slots} slots of {longest_s:g} s at {settings.radio.rate_hz:.12g} samples/s are "
            f"{ring_bytes / 1e9:.1f} GB of shared memory, at most {MAX_RING_BYTES / 1e9:g}",
        )


def _band(path: str, band: BandSettings) -> Problems:
    yield from _ranges(msgspec.structs.asdict(band), BAND_RANGES, f"{path}.")
    if not _is_name(band.name):
        yield ConfigError(f"{path}.name", f"{band.name!r}: a name has 1 to {MAX_NAME} letters, digits, - or _")
    if band.start_hz >= band.stop_hz:
        yield ConfigError(f"{path}.stop_hz", f"{band.stop_hz:.12g} is not above start_hz {band.start_hz:.12g}")
    if len(band.rx_port) > MAX_NAME or not band.rx_port.isprintable():
        yield ConfigError(f"{path}.rx_port", f"{band.rx_port!r} is no name of a port")


def _is_name(text: str) -> bool:
    return 0 < len(text) <= MAX_NAME and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)


def _known_classes() -> set[str]:
    paths = [row.path for row in CLASSES]
    paths += [("Analog", "Video", channel.band_name, channel.label) for channel in CHANNELS]
    return {"/".join(path[:n]) for path in paths for n in range(1, len(path) + 1)}


def _tracker(settings: Settings) -> Problems:
    known = _known_classes()
    for name, ttl_s in settings.tracker.ttl_by_class_s.items():
        path = f"tracker.ttl_by_class_s.{name}"
        if name not in known:
            yield ConfigError(path, "is no class (such as Analog, WiFi/OFDM, Control/LoRa/ELRS)")
        if not TTL_RANGE[0] <= ttl_s <= TTL_RANGE[1]:  # also false for NaN
            yield ConfigError(path, f"{ttl_s} is outside {TTL_RANGE[0]:g} to {TTL_RANGE[1]:g}")
    for i, name in enumerate(settings.tracker.report_classes):
        if name not in known:
            yield ConfigError(f"tracker.report_classes[{i}]", f"{name!r} is no class (such as Analog, Digital/DroneID)")


def _api(settings: Settings) -> Problems:
    for table in API_TABLES:
        yield from _api_table(table, getattr(settings, table))
    ports = [(table, getattr(settings, table).port) for table in API_TABLES]
    for i, (table, port) in enumerate(ports):
        for other, taken in ports[:i]:
            if port and port == taken:
                yield ConfigError(f"{table}.port", f"{port} is {other}.port already")


def _api_table(table: str, api: ApiTable) -> Problems:
    if not api.host.strip() or any(c.isspace() for c in api.host):
        yield ConfigError(f"{table}.host", f"{api.host!r} is no address to bind to")
    if not (api.api_key.isascii() and api.api_key.isprintable() and " " not in api.api_key):
        yield ConfigError(
            f"{table}.api_key", "may hold printable ASCII without spaces only, since it travels in a header"
        )
    if api.slow_client_s <= api.ping_s:
        yield ConfigError(
            f"{table}.ping_s",
            f"{api.ping_s:g} is not below slow_client_s {api.slow_client_s:g}: no pong could come in time",
        )
    for i, origin in enumerate(api.allowed_origins):
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            yield ConfigError(f"{table}.allowed_origins[{i}]", f"{origin!r} is not of the form http(s)://HOST[:PORT]")
    for i, host in enumerate(api.allowed_hosts):
        if not host or "/" in host or any(c.isspace() for c in host):
            yield ConfigError(f"{table}.allowed_hosts[{i}]", f"{host!r} is not of the form HOST[:PORT]")


UNIT_CHARS = frozenset("-_.:@\\")  # systemd.unit(5)


def _host(settings: Settings) -> Problems:
    names = [(f"host.units[{i}]", name) for i, name in enumerate(settings.host.units)]
    for path, name in [*names, ("gps.unit", settings.gps.unit)]:
        if not 0 < len(name) <= 255 or not all(c.isascii() and (c.isalnum() or c in UNIT_CHARS) for c in name):
            yield ConfigError(path, f"{name!r} is no name of a systemd unit")


def _rest(settings: Settings) -> Problems:
    n_fft = settings.dsp.n_fft
    if n_fft & (n_fft - 1):
        yield ConfigError("dsp.n_fft", f"{n_fft} is no power of two")
    if not settings.log.folder.strip() or "\0" in settings.log.folder:
        yield ConfigError("log.folder", f"{settings.log.folder!r} is no folder")
