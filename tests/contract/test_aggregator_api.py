"""REST.md §1, route by route and error by error, over real sockets."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest
from aggregator_fake import BOOT_ID, CONTACT_ID, FPV_ID, PICTURE, RID_ID, Server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scan_fake import DEADLINE_S, NOW_MS

from ndefender.events.snapshot import Snapshot

BASE = "/api/v1"
UNLIMITED = {
    "command_rate_per_min": 6e6,
    "command_burst": 1_000_000,
    "global_rate_per_min": 6e6,
    "global_burst": 1_000_000,
    "dangerous_rate_per_min": 6e6,
    "dangerous_burst": 1_000_000,
}
SECTIONS: dict[str, set[str]] = {
    "system": {
        "uptime_s",
        "cpu_temp_c",
        "cpu_usage_percent",
        "load_1m",
        "load_5m",
        "load_15m",
        "ram_used_mb",
        "ram_total_mb",
        "disk_used_gb",
        "disk_total_gb",
        "throttled_flags",
    },
    "power": {
        "pack_voltage_v",
        "current_a",
        "input_vbus_v",
        "input_power_w",
        "soc_percent",
        "time_to_empty_s",
        "time_to_full_s",
        "per_cell_v",
        "state",
    },
    "rf": {"status", "scan_active", "last_event_type", "last_event", "last_timestamp_ms"},
    "remote_id": {
        "state",
        "mode",
        "contacts_active",
        "last_ts",
        "last_event_type",
        "last_event",
        "last_timestamp_ms",
    },
    "vrx": {"sel", "vrx", "led", "sys"},
    "video": {"selected", "status"},
    "network": {"connected", "ssid", "ip_v4", "ip_v6"},
    "audio": {"volume_percent", "muted"},
    "replay": {"active", "source", "state", "speed", "position", "total"},
}
READS: dict[str, set[str]] = {
    "/health": {"status", "timestamp_ms"},
    "/status": {*SECTIONS, "services", "contacts", "timestamp_ms", "seq", "boot_id"},
    "/contacts": {"contacts"},
    "/gps": {"fix", "lat", "lon", "altitude_m"},
    "/esp32": {"connected", "last_seen_ms", "heartbeat", "capabilities"},
    "/antsdr": {"connected", "uri", "sweep", "gain", "simulated"},
    f"/contacts/{CONTACT_ID}/evidence": {"id", "for", "against"},
    "/rf/spectrum?band=2G4": {"band", "start_hz", "bin_hz", "mean_db", "max_db", "timestamp"},
    "/events/last": {"events"},
    **{f"/{name}": fields for name, fields in SECTIONS.items()},
}
WALK = {"dwell_ms": 200, "step_hz": 2_000_000, "start_hz": 5_645_000_000, "stop_hz": 5_865_000_000}
PANEL: list[tuple[str, Any, tuple[object, ...]]] = [
    (
        "/vrx/tune",
        {"payload": {"vrx_id": 1, "freq_hz": 5_740_000_000}, "confirm": False},
        ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 5_740_000_000}),
    ),
    ("/vrx/tune", {"vrx_id": 3, "freq_hz": 1_000_000}, ("SET_VRX_FREQ", {"vrx_id": 3, "freq_hz": 1_000_000})),
    ("/vrx/tune", {"vrx_id": 3, "freq_hz": 6_500_000_000}, ("SET_VRX_FREQ", {"vrx_id": 3, "freq_hz": 6_500_000_000})),
    ("/vrx/lock_strongest", None, ("LOCK_STRONGEST", {})),
    ("/vrx/lock_strongest", {"payload": {"vrx_id": None}}, ("LOCK_STRONGEST", {})),
    ("/vrx/lock_strongest", {"payload": {"vrx_id": 2}}, ("LOCK_STRONGEST", {"vrx_id": 2})),
    ("/scan/start", {"payload": WALK}, ("START_SCAN", WALK)),
    ("/scan/stop", {"payload": {}, "confirm": False}, ("STOP_SCAN", {})),
    ("/scan/stop", None, ("STOP_SCAN", {})),
    ("/video/select", {"payload": {"ch": 3}}, ("VIDEO_SELECT", {"ch": 3})),
    ("/esp32/leds", {"payload": {"r": 0, "g": 1, "y": 0}}, ("SET_LEDS", {"r": 0, "g": 1, "y": 0})),
]
BAD_ARGUMENTS: list[tuple[str, Any, str]] = [
    ("/vrx/tune", {}, "$.vrx_id"),
    ("/vrx/tune", {"payload": {"freq_hz": 5_740_000_000}}, "$.payload.vrx_id"),
    ("/vrx/tune", {"payload": {"vrx_id": 1}}, "$.payload.freq_hz"),
    ("/vrx/tune", {"payload": {"vrx_id": 0, "freq_hz": 5_740_000_000}}, "$.payload.vrx_id"),
    ("/vrx/tune", {"payload": {"vrx_id": 4, "freq_hz": 5_740_000_000}}, "$.payload.vrx_id"),
    ("/vrx/tune", {"payload": {"vrx_id": True, "freq_hz": 5_740_000_000}}, "$.payload.vrx_id"),
    ("/vrx/tune", {"payload": {"vrx_id": 1, "freq_hz": 999_999}}, "$.payload.freq_hz"),
    ("/vrx/tune", {"payload": {"vrx_id": 1, "freq_hz": 6_500_000_001}}, "$.payload.freq_hz"),
    ("/vrx/tune", {"payload": {"vrx_id": 1, "freq_hz": "5740000000"}}, "$.payload.freq_hz"),
    ("/vrx/tune", {"payload": {"vrx_id": 1, "freq_hz": 5740.5}}, "$.payload.freq_hz"),
    ("/vrx/tune", {"payload": {"vrx_id": 1, "freq_hz": 10**30}}, "$.payload.freq_hz"),
    ("/vrx/tune", {"payload": {"vrx_id": 1, "freq_hz": 5_740_000_000, "x": 1}}, "$.payload.x"),
    ("/vrx/lock_strongest", {"payload": {"vrx_id": 4}}, "$.payload.vrx_id"),
    ("/scan/start", {"payload": {**WALK, "dwell_ms": 9}}, "$.payload.dwell_ms"),
    ("/scan/start", {"payload": {**WALK, "dwell_ms": 5001}}, "$.payload.dwell_ms"),
    ("/scan/start", {"payload": {**WALK, "step_hz": 0}}, "$.payload.step_hz"),
    ("/scan/start", {"payload": {**WALK, "start_hz": -1}}, "$.payload.start_hz"),
    ("/scan/start", {"payload": {**WALK, "stop_hz": WALK["start_hz"]}}, "$.payload.stop_hz"),
    ("/scan/start", {**WALK, "stop_hz": 1}, "$.stop_hz"),
    ("/scan/stop", {"payload": {"now": True}}, "$.payload.now"),
    ("/video/select", {"payload": {"ch": 4}}, "$.payload.ch"),
    ("/video/select", {"payload": {}}, "$.payload.ch"),
    ("/esp32/leds", {"payload": {"r": 0, "g": 2, "y": 0}}, "$.payload.g"),
    ("/esp32/leds", {"payload": {"r": 0, "g": 1}}, "$.payload.y"),
    ("/esp32/leds", {"payload": {"r": True, "g": 1, "y": 0}}, "$.payload.r"),
    ("/system/reboot", {"payload": {"delay": 1}, "confirm": True}, "$.payload.delay"),
    ("/system/reboot", {"confirm": "true"}, "$.confirm"),
    (f"/contacts/{RID_ID}/label", {}, "$.label"),
    (f"/contacts/{RID_ID}/label", {"label": "enemy"}, "$.label"),
    (f"/contacts/{RID_ID}/label", {"label": "known", "note": 5}, "$.note"),
    (f"/contacts/{RID_ID}/label", {"label": "known", "note": "x" * 501}, "$.note"),
    ("/antsdr/gain/set", {"payload": {"mode": "loud"}}, "$.payload.mode"),
]
REFUSED: list[tuple[str, str, bytes, int, str]] = [
    ("GET", "/nothing/here", b"", 404, "/nothing/here"),
    ("PUT", "/status", b"", 405, "PUT"),
    ("POST", "/metrics", b"", 405, "POST"),
    ("POST", "/vrx/tune", b"{", 400, "body"),
    ("POST", "/vrx/tune", b"\xff\xfe", 400, "body"),
    ("POST", "/vrx/tune", b'{"vrx_id":NaN}', 400, "$.vrx_id"),
    ("POST", "/vrx/tune", b"[" * 4000, 400, "body"),
    ("POST", "/vrx/tune", b'{"payload":"' + b"x" * 5000 + b'"}', 413, ""),
    ("POST", "/system/reboot", b"", 400, "confirm: true"),
    ("POST", "/system/shutdown", b'{"payload":{},"confirm":false}', 400, "confirm: true"),
    ("POST", "/contacts/rid:nobody/label", b'{"label":"known"}', 404, "rid:nobody"),
    ("POST", "/contacts/" + "x" * 65 + "/label", b'{"label":"known"}', 404, "64"),
    ("GET", "/contacts/rf:1/evidence", b"", 404, "rf:1"),
    ("GET", f"/contacts/{RID_ID}/evidence", b"", 404, RID_ID),
    ("GET", "/contacts/" + "x" * 65 + "/evidence", b"", 404, "64"),
    ("GET", "/rf/spectrum", b"", 400, "band"),
    ("GET", "/rf/spectrum?band=9G9", b"", 404, "9G9"),
    ("GET", "/rf/spectrum?band=5G8", b"", 404, "5G8"),
    ("POST", "/antsdr/sweep/start", b'{"plan":"nope"}', 404, "nope"),
    ("POST", "/antsdr/gain/set", b'{"mode":"manual","gain_db":900}', 400, "-3..71"),
    ("GET", "/events/last?limit=0", b"", 400, "limit"),
    ("GET", "/events/last?limit=1001", b"", 400, "1..1000"),
    ("GET", "/events/last?limit=x", b"", 400, "limit"),
    ("GET", "/ws", b"", 426, "WebSocket"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(max_body_bytes=4096, **UNLIMITED) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.http, timeout=DEADLINE_S) as http:
        yield http


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    return httpx.get(server.http + "/openapi.json").json()


def check_error(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"detail"}
    assert isinstance(body["detail"], str)
    return body["detail"]


def check_schema(document: dict[str, Any], method: str, path: str, answer: object) -> None:
    entry = document["paths"][BASE + path][method]
    schema = entry["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, {**schema, "components": document["components"]})


@pytest.mark.parametrize("path", READS)
def test_read(client: httpx.Client, document: dict[str, Any], path: str) -> None:
    response = client.get(BASE + path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert answer.keys() >= READS[path]
    check_schema(document, "get", path.split("?", maxsplit=1)[0].replace(CONTACT_ID, "{contact_id}"), answer)
    head = client.head(BASE + path)
    assert (head.status_code, head.content) == (200, b"")
    assert set(client.options(BASE + path).headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_every_route_of_the_document_is_tested(document: dict[str, Any]) -> None:
    tested = {BASE + path.split("?", maxsplit=1)[0].replace(CONTACT_ID, "{contact_id}") for path in READS}
    tested |= {BASE + path for path, *_ in PANEL}
    tested |= {BASE + path for path in ("/services", "/metrics", "/system/reboot", "/system/shutdown", "/session")}
    tested |= {BASE + f"/antsdr/{name}" for name in ("sweep/start", "sweep/stop", "gain/set")}
    tested |= {BASE + "/contacts/{contact_id}/label", BASE + "/session/ticket"}
    assert set(document["paths"]) == tested


def test_the_status_is_the_snapshot_and_each_section_is_a_part_of_it(client: httpx.Client) -> None:
    status = client.get(BASE + "/status")
    assert msgspec.json.decode(status.content, type=Snapshot).boot_id == BOOT_ID
    picture = status.json()
    for name in [*SECTIONS, "services"]:
        assert client.get(f"{BASE}/{name}").json() == picture[name], name
    assert client.get(BASE + "/contacts").json() == {"contacts": picture["contacts"]}
    assert [contact["type"] for contact in picture["contacts"]] == ["REMOTE_ID", "RF", "FPV"]
    for field in ("id", "type", "source", "last_seen_ts", "severity"):
        assert all(field in contact for contact in picture["contacts"]), field
    assert picture["contacts"][1]["features"] == picture["rf"]["last_event"]["features"]


def test_the_status_is_encoded_once_until_something_changes(server: Server, client: httpx.Client) -> None:
    first = client.get(BASE + "/status").json()
    taken = server.port.pictures_taken
    began = server.call(server.loop.time)
    again = [client.get(BASE + "/status").json() for _ in range(20)]
    assert again == [first] * 20
    assert server.port.pictures_taken - taken <= 1 + (server.call(server.loop.time) - began)
    try:
        server.call(lambda: server.port.change(video=msgspec.structs.replace(PICTURE.video, selected=3)))
        assert client.get(BASE + "/status").json()["video"]["selected"] == 3
    finally:
        server.call(lambda: server.port.change(video=PICTURE.video))
    seq = server.call(server.port.emit, "REPLAY_STATE", "remoteid", {"state": "stopped"})
    assert client.get(BASE + "/status").json()["seq"] == seq


def test_the_newest_events_come_oldest_first(server: Server, client: httpx.Client) -> None:
    for _ in range(60):
        seq = server.call(server.port.emit, "REPLAY_STATE", "remoteid", {"state": "running"})
    events = client.get(BASE + "/events/last").json()["events"]
    assert [event["seq"] for event in events] == list(range(seq - 49, seq + 1))
    assert events[-1] == {
        "type": "REPLAY_STATE",
        "timestamp_ms": NOW_MS,
        "source": "remoteid",
        "data": {"state": "running"},
        "seq": seq,
        "boot_id": BOOT_ID,
    }
    assert [event["seq"] for event in client.get(BASE + "/events/last?limit=1").json()["events"]] == [seq]
    assert client.get(BASE + "/events/last?limit=1000").status_code == 200


def check_result(document: dict[str, Any], path: str, response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    answer = response.json()
    check_schema(document, "post", path, answer)
    assert answer.keys() == {"command", "command_id", "accepted", "detail", "timestamp_ms"}
    assert answer["accepted"] is True
    assert uuid.UUID(answer["command_id"]).version == 4
    return answer


@pytest.mark.parametrize(("path", "body", "command"), PANEL)
def test_panel_command(
    server: Server,
    client: httpx.Client,
    document: dict[str, Any],
    path: str,
    body: Any,
    command: tuple[object, ...],
) -> None:
    answer = check_result(document, path, client.post(BASE + path, content=b"" if body is None else json.dumps(body)))
    assert answer["command"] == path.strip("/")
    assert server.port.commands[-1] == command


@pytest.mark.parametrize("path", sorted({path for path, *_ in PANEL}))
def test_without_a_panel_its_commands_are_refused(server: Server, client: httpx.Client, path: str) -> None:
    body = next(body for other, body, _ in PANEL if other == path)
    server.port.connected = False
    try:
        refused = check_error(client.post(BASE + path, content=json.dumps(body or {})), 409)
        assert refused == "no panel on any serial port (esp32_not_connected)"
        assert client.get(BASE + "/esp32").json()["last_seen_ms"] is None
    finally:
        server.port.connected = True


@pytest.mark.parametrize(("path", "body", "at"), BAD_ARGUMENTS)
def test_bad_arguments_are_told_by_their_path(
    server: Server, client: httpx.Client, path: str, body: Any, at: str
) -> None:
    before = list(server.port.commands)
    detail = check_error(client.post(BASE + path, json=body), 400)
    assert detail.startswith(at + ":"), detail
    assert server.port.commands == before


@pytest.mark.parametrize(("method", "path", "body", "status", "says"), REFUSED)
def test_refusal(
    server: Server, client: httpx.Client, method: str, path: str, body: bytes, status: int, says: str
) -> None:
    before = list(server.port.commands)
    assert says in check_error(client.request(method, BASE + path, content=body), status)
    assert server.port.commands == before


def test_the_radio_takes_its_commands_through_this_api(
    server: Server, client: httpx.Client, document: dict[str, Any]
) -> None:
    for path, body, command in (
        ("/antsdr/sweep/start", {"payload": {"plan": "default"}, "confirm": False}, ("sweep/start", "default")),
        ("/antsdr/sweep/stop", {"payload": {}, "confirm": False}, ("sweep/stop",)),
        ("/antsdr/gain/set", {"payload": {"mode": "manual", "gain_db": 30}}, ("gain/set", "manual", 30.0)),
    ):
        check_result(document, path, client.post(BASE + path, json=body))
        assert server.scan.commands[-1] == command


def test_the_host_obeys_only_when_it_may(server: Server, client: httpx.Client, document: dict[str, Any]) -> None:
    for name in ("reboot", "shutdown"):
        path = f"/system/{name}"
        sent = client.post(BASE + path, json={"payload": {}, "confirm": True}, headers={"X-Request-Id": f"id-{name}"})
        assert check_result(document, path, sent)["command"] == f"system/{name}"
        assert server.port.commands[-1] == (name, True, f"127.0.0.1 request id-{name}")
    before = list(server.port.commands)
    server.port.unsafe = False
    try:
        refused = check_error(client.post(BASE + "/system/reboot"), 400)
        assert refused.endswith(" (confirm_required)")
        refused = check_error(client.post(BASE + "/system/reboot", json={"confirm": True}), 403)
        assert refused.endswith(" (unsafe_operations_disabled)")
    finally:
        server.port.unsafe = True
    assert server.port.commands == before


@pytest.mark.parametrize("contact_id", [RID_ID, CONTACT_ID, FPV_ID])
@pytest.mark.parametrize(
    ("label", "note"), [("friendly", "the neighbour's"), ("known", None), ("hostile", ""), (None, None)]
)
def test_a_label_is_kept(
    server: Server, client: httpx.Client, document: dict[str, Any], contact_id: str, label: str | None, note: str | None
) -> None:
    body = {"label": label} if note is None else {"label": label, "note": note}
    for sent in (body, {"payload": body, "confirm": False}):
        response = client.post(f"{BASE}/contacts/{contact_id.replace(':', '%3A')}/label", json=sent)
        assert response.json() == {"id": contact_id, "label": label, "note": note, "timestamp_ms": NOW_MS}
        check_schema(document, "post", "/contacts/{contact_id}/label", response.json())
        assert server.port.labels.pop(contact_id) == (label, note)


def test_internal_error_tells_nothing(server: Server, client: httpx.Client) -> None:
    server.port.broken = True
    try:
        detail = check_error(client.get(BASE + "/health"), 500)
    finally:
        server.port.broken = False
    assert "secret" not in detail
    assert "Traceback" not in detail


def test_docs_name_every_route_and_load_nothing(client: httpx.Client, document: dict[str, Any]) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "://" not in page.text
    for path in document["paths"]:
        assert path in page.text
    metrics = document["paths"][BASE + "/metrics"]["get"]["responses"]["200"]["content"]
    assert [kind.split(";")[0] for kind in metrics] == ["text/plain"]


@pytest.mark.parametrize("path", ["/metrics", BASE + "/metrics"])
def test_metrics(server: Server, client: httpx.Client, path: str) -> None:
    server.call(server.port.emit, "REPLAY_STATE", "remoteid", {"state": "running"})
    response = client.get(path)
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = response.text.splitlines()
    count = server.port.counts["REPLAY_STATE", "remoteid"]
    for line in (
        f'ndefender_events_total{{source="remoteid",type="REPLAY_STATE"}} {float(count)}',
        'ndefender_feed_lines_total{feed="rf"} 10.0',
        'ndefender_feed_bad_lines_total{feed="remote_id"} 1.0',
        'ndefender_feed_lag_bytes{feed="rf"} 7.0',
        'ndefender_dropped_total{place="panel_commands"} 2.0',
        'ndefender_websocket_clients{api="aggregator"} 0.0',
        'ndefender_websocket_clients{api="antsdr_scan"} 3.0',
        'ndefender_websocket_cut_off_total{api="system_controller"} 4.0',
        'ndefender_loop_stall_seconds_bucket{le="0.005"} 1.0',
        'ndefender_queue_depth{queue="panel_commands"} 1.0',
        "ndefender_dwells_analysed_total 100.0",
        "ndefender_dwells_lost_total 2.0",
        'ndefender_contacts{kind="FPV"} 1.0',
        "ndefender_panel_connected 1.0",
        "ndefender_panel_bad_lines_total 3.0",
        "ndefender_panel_timeouts_total 4.0",
        'ndefender_section_offline{section="audio"} 1.0',
    ):
        assert line in lines, line


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["payload", "confirm", "vrx_id", "freq_hz", "ch", "r", "g", "y", "label", "note", "dwell_ms", "start_hz", "plan"]
)
BODIES = st.one_of(
    st.binary(max_size=64),
    JSON_VALUES.map(json.dumps).map(str.encode),
    st.dictionaries(FIELDS, JSON_VALUES | st.dictionaries(FIELDS, JSON_VALUES, max_size=3), max_size=4)
    .map(json.dumps)
    .map(str.encode),
)
POSTS = [*sorted({path for path, *_ in PANEL}), "/system/reboot", "/antsdr/gain/set", f"/contacts/{RID_ID}/label"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTS), body=BODIES)
def test_any_body_is_answered_or_refused(client: httpx.Client, path: str, body: bytes) -> None:
    response = client.post(BASE + path, content=body)
    if response.status_code != 200:
        assert response.status_code == 400
        check_error(response, 400)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contact_id=st.text(min_size=1, max_size=70).filter(lambda text: text not in {".", ".."}))
def test_any_contact_is_known_or_not(client: httpx.Client, contact_id: str) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in contact_id.encode("utf-8", "surrogatepass"))
    response = client.get(f"{BASE}/contacts/{quoted}/evidence")
    assert response.status_code in ((200,) if contact_id == CONTACT_ID else (400, 404))
    if response.status_code != 200:
        check_error(response, response.status_code)
