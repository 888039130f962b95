"""The route table of the Backend Aggregator.

A section's route answers what the snapshot holds under that name and nothing around it: `GET /services` is a list, and
whether systemd is there at all is `services_status` of `GET /status`.
"""

from __future__ import annotations

from typing import Any

from ndefender.api import aggregator_answers as a
from ndefender.api import aggregator_requests as r
from ndefender.api import answers
from ndefender.api.aggregator_handlers import DEFAULT_LIMIT, MAX_LIMIT, AggregatorHandlers
from ndefender.api.bodies import NAME_CHARS
from ndefender.api.metrics import CONTENT_TYPE
from ndefender.api.operations import Operation, Query
from ndefender.api.requests import GainSet, Nothing, SweepStart
from ndefender.api.results import CommandResult
from ndefender.api.scan_handlers import ScanHandlers
from ndefender.events import host, snapshot

SECTIONS: tuple[tuple[str, str, Any], ...] = (
    ("system", "Statistics of the host", host.SystemSection),
    ("power", "The UPS", host.UpsSection),
    ("rf", "The RF feed", snapshot.RfSection),
    ("remote_id", "The Remote ID feed", snapshot.RemoteIdSection),
    ("vrx", "The panel's video receivers", snapshot.VrxSection),
    ("video", "The video switch", snapshot.VideoSection),
    ("services", "The systemd units of the configuration", list[host.ServiceState]),
    ("network", "How the host is connected", host.NetworkSection),
    ("audio", "The default sink", host.AudioSection),
    ("replay", "A replay of the Remote ID feed", snapshot.ReplaySection),
)
PANEL = (409, 413, 429)
RADIO = (404, 409, 413, 429, 503)


def metrics_operation(handlers: AggregatorHandlers) -> Operation:
    """`GET /metrics`, which scrapers also look for outside the base path."""
    return Operation("GET", "/metrics", "Numbers for Prometheus", handlers.metrics, str, media=CONTENT_TYPE)


def aggregator_operations(handlers: AggregatorHandlers, scan: ScanHandlers) -> tuple[Operation, ...]:
    """The route table of REST.md §1.

    Args:
        handlers: the aggregator's own.
        scan: those of the AntSDR Scan API, with this API's limits.
    """
    return (*_reads(handlers), *_panel(handlers), *_host(handlers), *_shared(handlers, scan))


def _reads(h: AggregatorHandlers) -> tuple[Operation, ...]:
    limit = Query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        required=False,
        description="how many",
    )
    return (
        Operation("GET", "/health", "State of the service", h.health, a.AggregatorHealth),
        Operation("GET", "/status", "The whole picture", h.status, snapshot.Snapshot),
        Operation("GET", "/contacts", "Unified contacts, newest first", h.contacts, a.UnifiedContacts),
        *(Operation("GET", f"/{name}", text, h.section(name), answer) for name, text, answer in SECTIONS),
        Operation("GET", "/gps", "Position", h.gps, host.GpsSection),
        Operation("GET", "/esp32", "The link to the panel", h.esp32, a.PanelAnswer),
        Operation("GET", "/antsdr", "The radio", h.antsdr, a.RadioAnswer),
        Operation("GET", "/events/last", "Newest events, oldest first", h.events_last, a.EventsLast, query=(limit,)),
        metrics_operation(h),
    )


def _panel(h: AggregatorHandlers) -> tuple[Operation, ...]:
    rows: tuple[tuple[str, str, str, Any], ...] = (
        ("/vrx/tune", "Tune a video receiver", "SET_VRX_FREQ", r.VrxTune),
        ("/vrx/lock_strongest", "Lock on the strongest signal", "LOCK_STRONGEST", r.VrxLock),
        ("/scan/start", "Have the panel walk a band", "START_SCAN", r.ScanStart),
        ("/video/select", "Show a receiver", "VIDEO_SELECT", r.VideoSelect),
        ("/esp32/leds", "Switch the panel's lamps", "SET_LEDS", r.Leds),
    )
    stop = h.panel("STOP_SCAN", Nothing, stops=True)
    return (
        *(
            Operation("POST", path, text, h.panel(cmd, body), CommandResult, body, errors=PANEL)
            for path, text, cmd, body in rows
        ),
        Operation("POST", "/scan/stop", "Stop the panel's walk", stop, CommandResult, Nothing, errors=PANEL),
    )


def _host(h: AggregatorHandlers) -> tuple[Operation, ...]:
    return tuple(
        Operation(
            "POST",
            f"/system/{name}",
            text,
            h.host(name),
            CommandResult,
            Nothing,
            errors=(409, 413, 429),
            confirm=True,
        )
        for name, text in (("reboot", "Restart the host"), ("shutdown", "Switch the host off"))
    )


def _shared(h: AggregatorHandlers, scan: ScanHandlers) -> tuple[Operation, ...]:
    name = {"type": "string", "minLength": 1, "maxLength": NAME_CHARS}
    band = Query("band", name, required=True, description="name of a band of the active plan")
    evidence, label = "/contacts/{contact_id}/evidence", "/contacts/{contact_id}/label"
    return (
        Operation(
            "GET",
            evidence,
            "The numbers behind an RF contact's class",
            scan.evidence,
            answers.ContactEvidence,
            errors=(404,),
        ),
        Operation(
            "POST", label, "Say what a contact is", h.label, a.LabelAnswer, r.LabelRequest, errors=(404, 413, 429)
        ),
        Operation(
            "GET",
            "/rf/spectrum",
            "Power over a band",
            scan.spectrum,
            answers.SpectrumAnswer,
            query=(band,),
            errors=(404,),
        ),
        Operation("POST", "/antsdr/sweep/start", "Sweep", scan.sweep_start, CommandResult, SweepStart, errors=RADIO),
        Operation(
            "POST",
            "/antsdr/sweep/stop",
            "Stop sweeping",
            scan.sweep_stop,
            CommandResult,
            Nothing,
            errors=(409, 413, 503),
        ),
        Operation(
            "POST",
            "/antsdr/gain/set",
            "Set the gain",
            scan.gain_set,
            CommandResult,
            GainSet,
            errors=(409, 413, 429, 503),
        ),
    )
