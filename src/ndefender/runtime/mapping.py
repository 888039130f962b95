"""From the configuration to the settings of each room, and to the objects built with them."""

from __future__ import annotations

from collections.abc import Sequence

from ndefender.api.settings import ApiSettings
from ndefender.config.settings import ApiTable, BandSettings, Settings
from ndefender.radio.hops import plan_hops
from ndefender.radio.plan import Band, HopPlan
from ndefender.radio.source import SourceInfo
from ndefender.track.policy import BandSpan, TrackPolicy

FILE_SCHEME = "file:"
EMULATE_SCHEME = "emulate:"
ALL_CLIENTS = 4  # commands of all clients together, as a multiple of what one may send


def band_of(band: BandSettings) -> Band:
    """Map one band of a plan."""
    return Band(band.name, band.start_hz, band.stop_hz, band.dwell_s, band.priority, band.gain_db, band.rx_port)


def band_spans(settings: Settings, plan: str) -> tuple[BandSpan, ...]:
    """Named spans of a plan, for the tracker."""
    return tuple(BandSpan(b.name, b.start_hz, b.stop_hz) for b in settings.plan.get(plan, []))


def plan_for(settings: Settings, plan_id: int, name: str, bands: Sequence[Band], info: SourceInfo) -> HopPlan:
    """Plan the hops of a radio."""
    limits = (info.min_center_hz, info.max_center_hz, info.min_rate_hz, info.max_rate_hz)
    radio = settings.radio
    return plan_hops(name, plan_id, bands, radio.rate_hz, radio.bandwidth_hz, radio.usable_ratio, limits)


def track_policy(settings: Settings) -> TrackPolicy:
    """Map `[tracker]`."""
    tracker = settings.tracker
    return TrackPolicy(
        bucket_hz=tracker.bucket_hz,
        min_hits_to_confirm=tracker.min_hits_to_confirm,
        confirm_window_s=tracker.confirm_window_s,
        update_interval_s=tracker.update_interval_s,
        ttl_s=tracker.ttl_s,
        ttl_by_class_s=tracker.ttl_by_class_s,
        max_emissions_per_dwell=tracker.max_emissions_per_dwell,
        max_contacts=tracker.max_contacts,
        report_classes=tuple(tracker.report_classes),
    )


def api_settings(app_name: str, api: ApiTable, port: int, spectrum_fps: float) -> ApiSettings:
    """Map the table of one API; `port` is the real one, `spectrum_fps` that of the AntSDR API for all that show it."""
    return ApiSettings(
        app_name=app_name,
        host=api.host,
        port=port,
        api_key=api.api_key,
        max_clients=api.max_clients,
        event_buffer=api.event_buffer,
        queue_events=api.queue_events,
        slow_client_s=api.slow_client_s,
        ping_s=api.ping_s,
        max_body_bytes=api.max_body_bytes,
        allowed_origins=tuple(api.allowed_origins),
        allowed_hosts=tuple(api.allowed_hosts),
        command_rate_per_min=api.command_rate_per_min,
        command_burst=api.command_burst,
        global_rate_per_min=api.command_rate_per_min * ALL_CLIENTS,
        global_burst=api.command_burst * ALL_CLIENTS,
        dangerous_rate_per_min=api.dangerous_rate_per_min if api.command_rate_per_min else 0.0,
        spectrum_fps=spectrum_fps,
    )


def is_recording(uri: str) -> bool:
    """Whether the radio is a file."""
    return uri.startswith(FILE_SCHEME)
