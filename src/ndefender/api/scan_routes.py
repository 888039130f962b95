"""The route table of the AntSDR Scan API."""

from __future__ import annotations

from typing import Any

from ndefender.api import answers, requests, results
from ndefender.api.bodies import NAME_CHARS
from ndefender.api.operations import Operation, Query
from ndefender.api.scan_handlers import DEFAULT_LIMIT, ScanHandlers
from ndefender.api.settings import ApiSettings


def scan_operations(handlers: ScanHandlers, settings: ApiSettings) -> tuple[Operation, ...]:
    """The route table of REST.md §3."""
    limit = Query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": settings.event_buffer, "default": DEFAULT_LIMIT},
        required=False,
        description="how many",
    )
    name = {"type": "string", "minLength": 1, "maxLength": NAME_CHARS}
    band = Query("band", name, required=True, description="name of a band of the active plan")
    h, a, r = handlers, answers, requests
    result = results.CommandResult
    return (
        Operation("GET", "/health", "State of the service", h.health, a.Health),
        Operation("GET", "/version", "Version of the service", h.version, a.Version),
        Operation("GET", "/stats", "Counters", h.stats, a.Stats),
        Operation("GET", "/device", "The radio", h.device, a.Device),
        Operation("GET", "/sweep/state", "Plans, and where in them the radio is", h.sweep_state, a.SweepState),
        Operation("GET", "/gain", "Gain and its limits", h.gain, a.Gain),
        Operation("GET", "/config", "Effective configuration, secrets hidden", h.config, dict[str, Any]),
        Operation("GET", "/contacts", "Live RF contacts", h.contacts, a.ContactsAnswer),
        Operation(
            "GET",
            "/contacts/{contact_id}/evidence",
            "The numbers behind a contact's class",
            h.evidence,
            a.ContactEvidence,
            errors=(404,),
        ),
        Operation("GET", "/spectrum", "Power over a band", h.spectrum, a.SpectrumAnswer, query=(band,), errors=(404,)),
        Operation("GET", "/events/last", "Newest events, oldest first", h.events_last, a.EventsAnswer, query=(limit,)),
        Operation(
            "POST",
            "/config/reload",
            "Read the configuration again",
            h.config_reload,
            results.ReloadResult,
            r.Nothing,
            errors=(409, 413, 429),
        ),
        Operation(
            "POST", "/run/start", "Start the engine", h.run_start, results.RunResult, r.Nothing, errors=(409, 413, 429)
        ),
        Operation("POST", "/run/stop", "Stop the engine", h.run_stop, results.RunResult, r.Nothing, errors=(409, 413)),
        Operation(
            "POST",
            "/run/replay",
            "Replay a log of events",
            h.run_replay,
            results.ReplayResult,
            r.ReplayRequest,
            errors=(404, 409, 413, 429),
        ),
        Operation(
            "POST", "/sweep/start", "Sweep", h.sweep_start, result, r.SweepStart, errors=(404, 409, 413, 429, 503)
        ),
        Operation("POST", "/sweep/stop", "Stop sweeping", h.sweep_stop, result, r.Nothing, errors=(409, 413, 503)),
        Operation("POST", "/gain/set", "Set the gain", h.gain_set, result, r.GainSet, errors=(409, 413, 429, 503)),
        Operation(
            "POST",
            "/device/reset",
            "Close and open the radio again",
            h.device_reset,
            result,
            r.Nothing,
            errors=(409, 413, 429, 503),
            confirm=True,
        ),
        Operation(
            "POST",
            "/device/calibrate",
            "Run a calibration of the radio",
            h.device_calibrate,
            result,
            r.Calibrate,
            errors=(409, 413, 429, 503),
            confirm=True,
        ),
    )
