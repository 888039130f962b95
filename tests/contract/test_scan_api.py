"""REST.md §3, route by route and error by error, over real sockets."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scan_fake import CONTACT_ID, DEADLINE_S, NOW_MS, Server

BASE = "/api/v1"
READS: dict[str, set[str]] = {
    "/health": {"status", "engine_running", "ws_backend_connected", "last_event_timestamp_ms", "timestamp_ms"},
    "/version": {"version"},
    "/stats": {
        "frames_processed",
        "detections_processed",
        "events_emitted",
        "blocks_captured",
        "blocks_dropped",
        "overruns",
        "sweep_period_ms",
        "duty_percent",
        "workers",
    },
    "/device": {"connected", "uri", "model", "serial", "temperature_c", "sample_rate_hz", "last_error"},
    "/sweep/state": {"running", "active_plan", "plans", "hop_index", "last_sweep_ms"},
    "/gain": {"mode", "gain_db", "limits"},
    "/config": {"api"},
    "/contacts": {"contacts"},
    f"/contacts/{CONTACT_ID}/evidence": {"id", "for", "against"},
    "/spectrum?band=2G4": {"band", "start_hz", "bin_hz", "mean_db", "max_db", "timestamp"},
    "/events/last": {"events"},
}
COMMANDS: list[tuple[str, Any, tuple[object, ...]]] = [
    ("/sweep/start", None, ("sweep/start", None)),
    ("/sweep/start", {}, ("sweep/start", None)),
    ("/sweep/start", {"plan": "default"}, ("sweep/start", "default")),
    ("/sweep/start", {"payload": {"plan": "default"}, "confirm": False}, ("sweep/start", "default")),
    ("/sweep/start", {"payload": None}, ("sweep/start", None)),
    ("/sweep/stop", None, ("sweep/stop",)),
    ("/gain/set", {"mode": "manual", "gain_db": 30}, ("gain/set", "manual", 30.0)),
    ("/gain/set", {"mode": "slow_attack"}, ("gain/set", "slow_attack", None)),
    ("/device/reset", {"confirm": True}, ("device/reset",)),
    ("/device/reset", {"payload": {}, "confirm": True}, ("device/reset",)),
    ("/device/calibrate", {"kind": "rf_dc", "confirm": True}, ("device/calibrate", "rf_dc")),
    ("/device/calibrate", {"payload": {"kind": "rf_dc"}, "confirm": True}, ("device/calibrate", "rf_dc")),
]
REFUSED: list[tuple[str, str, bytes, int, str, str]] = [
    ("GET", "/nothing/here", b"", 404, "not_found", "/nothing/here"),
    ("PUT", "/health", b"", 405, "method_not_allowed", "PUT"),
    ("POST", "/gain/set", b"{", 400, "malformed_json", "body"),
    ("POST", "/gain/set", b"\xff\xfe", 400, "malformed_json", "body"),
    ("POST", "/gain/set", b"[" * 4000, 400, "malformed_json", "body"),
    ("POST", "/gain/set", b"[]", 400, "invalid_body", "$"),
    ("POST", "/gain/set", b"", 400, "invalid_body", "$.mode"),
    ("POST", "/gain/set", b'{"mode":"loud"}', 400, "invalid_body", "$.mode"),
    ("POST", "/gain/set", b'{"mode":"manual","gain_db":"30"}', 400, "invalid_body", "$.gain_db"),
    ("POST", "/gain/set", b'{"mode":"manual","gain":30}', 400, "invalid_body", "$.gain"),
    ("POST", "/gain/set", b'{"payload":{"mode":7}}', 400, "invalid_body", "$.payload.mode"),
    ("POST", "/gain/set", b'{"payload":[]}', 400, "invalid_body", "$.payload"),
    ("POST", "/gain/set", b'{"mode":"manual","gain_db":900}', 400, "gain_out_of_range", "-3..71"),
    ("POST", "/sweep/start", b'{"plan":""}', 400, "invalid_body", "$.plan"),
    ("POST", "/sweep/start", b'{"plan":"nope"}', 404, "unknown_plan", "nope"),
    ("POST", "/device/reset", b"", 400, "confirm_required", "confirm"),
    ("POST", "/device/reset", b'{"confirm":false}', 400, "confirm_required", "confirm"),
    ("POST", "/device/reset", b'{"confirm":"yes"}', 400, "invalid_body", "$.confirm"),
    ("POST", "/device/calibrate", b'{"kind":"rf_dc"}', 400, "confirm_required", "confirm"),
    ("POST", "/device/calibrate", b'{"confirm":true}', 400, "invalid_body", "$.kind"),
    ("POST", "/config/reload", b"", 409, "scan_running", "scan"),
    ("POST", "/run/start", b"", 409, "already_running", "runs"),
    ("POST", "/run/replay", b"{}", 400, "invalid_body", "$.log_path"),
    ("POST", "/run/replay", b'{"log_path":"../x"}', 400, "path_not_allowed", "folder"),
    ("POST", "/run/replay", b'{"log_path":"b.jsonl"}', 404, "log_not_found", "log"),
    ("POST", "/run/replay", b'{"log_path":"a.jsonl","max_events":0}', 400, "invalid_body", "$.max_events"),
    ("POST", "/gain/set", b'{"mode":"' + b"x" * 5000 + b'"}', 413, "payload_too_large", ""),
    ("GET", "/contacts/rf:1/evidence", b"", 404, "unknown_contact", "rf:1"),
    ("GET", "/contacts/" + "x" * 65 + "/evidence", b"", 404, "unknown_contact", "64"),
    ("GET", "/spectrum", b"", 400, "invalid_query", "band"),
    ("GET", "/spectrum?band=", b"", 400, "invalid_query", "band"),
    ("GET", "/spectrum?band=9G9", b"", 404, "unknown_band", "9G9"),
    ("GET", "/spectrum?band=5G8", b"", 404, "no_spectrum_yet", "5G8"),
    ("GET", "/events/last?limit=0", b"", 400, "invalid_query", "limit"),
    ("GET", "/events/last?limit=101", b"", 400, "invalid_query", "1..100"),
    ("GET", "/events/last?limit=", b"", 400, "invalid_query", "limit"),
    ("GET", "/events/last?limit=-1", b"", 400, "invalid_query", "limit"),
    ("GET", "/events/last?limit=1.0", b"", 400, "invalid_query", "limit"),
    ("GET", "/events/last?limit=%2B5", b"", 400, "invalid_query", "limit"),
    ("GET", "/events/last?limit=%D9%A5", b"", 400, "invalid_query", "limit"),
    ("GET", "/events/last?limit=5&limit=6", b"", 400, "invalid_query", "limit"),
    ("GET", "/events", b"", 426, "upgrade_required", "WebSocket"),
]


@pytest.fixture
def client(open_server: Server) -> Any:
    with httpx.Client(base_url=open_server.http, timeout=DEADLINE_S) as http:
        yield http


@pytest.fixture(scope="module")
def document(open_server: Server) -> dict[str, Any]:
    return httpx.get(open_server.http + "/openapi.json").json()


def check_error(response: httpx.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message"}
    assert body["error"]["code"] == code
    return body["error"]["message"]


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
    options = client.options(BASE + path)
    assert options.status_code == 204
    assert set(options.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_a_percent_encoded_id_is_the_same_contact(client: httpx.Client) -> None:
    assert client.get(f"{BASE}/contacts/rf%3A5658000000/evidence").json()["id"] == CONTACT_ID


def test_unknown_is_null_and_secrets_are_hidden(client: httpx.Client) -> None:
    assert client.get(BASE + "/device").json()["temperature_c"] is None
    assert client.get(BASE + "/spectrum?band=2G4").json()["mean_db"] == [-90.12, None, -91.0]
    config = client.get(BASE + "/config")
    assert config.json() == {"api": {"api_key": "***", "port": 8890}, "list": [{"api_key": "***"}]}


def test_events_last_counts_from_the_newest(open_server: Server, client: httpx.Client) -> None:
    for _ in range(60):
        open_server.call(open_server.port.publish)
    seq = open_server.port.seq
    events = client.get(BASE + "/events/last").json()["events"]
    assert [event["seq"] for event in events] == list(range(seq - 49, seq + 1))
    assert [event["seq"] for event in client.get(BASE + "/events/last?limit=2").json()["events"]] == [seq - 1, seq]
    assert events[0]["timestamp"] == NOW_MS + seq - 49


@pytest.mark.parametrize(("path", "body", "command"), COMMANDS)
def test_command(
    open_server: Server,
    client: httpx.Client,
    document: dict[str, Any],
    path: str,
    body: Any,
    command: tuple[object, ...],
) -> None:
    response = client.post(BASE + path, content=b"" if body is None else json.dumps(body))
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["accepted"] is True
    check_schema(document, "post", path, answer)
    assert open_server.port.commands[-1] == command


def test_run_stop_start_reload_and_replay(open_server: Server, client: httpx.Client, document: dict[str, Any]) -> None:
    try:
        assert client.post(BASE + "/run/stop").json()["status"] == "stopped"
        check_error(client.post(BASE + "/run/stop"), 409, "not_running")
        assert client.post(BASE + "/run/start").json()["status"] == "started"
        open_server.port.scanning = False
        answer = client.post(BASE + "/config/reload").json()
        check_schema(document, "post", "/config/reload", answer)
        replay = client.post(BASE + "/run/replay", json={"log_path": "a.jsonl", "max_events": 2})
        assert replay.json() == {"status": "completed", "frames": 1, "detections": 2, "events_emitted": 3}
        assert open_server.port.commands[-1] == ("run/replay", "a.jsonl", None, 2)
    finally:
        open_server.port.running = open_server.port.scanning = True


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "says"), REFUSED)
def test_refusal(
    open_server: Server, client: httpx.Client, method: str, path: str, body: bytes, status: int, code: str, says: str
) -> None:
    before = list(open_server.port.commands)
    message = check_error(client.request(method, BASE + path, content=body), status, code)
    assert says in message
    assert open_server.port.commands == before


def test_wrong_method_says_what_is_allowed(client: httpx.Client) -> None:
    response = client.put(BASE + "/session")
    assert set(response.headers["allow"].split(", ")) == {"POST", "DELETE", "OPTIONS"}


def test_internal_error_tells_nothing(open_server: Server, client: httpx.Client) -> None:
    open_server.port.broken = True
    try:
        message = check_error(client.get(BASE + "/health"), 500, "internal")
    finally:
        open_server.port.broken = False
    assert "secret" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    "head",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /api/v1/health HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
        b"POST /api/v1/gain/set HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
    ],
)
def test_what_is_not_http_gets_the_error_body_too(open_server: Server, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", open_server.tcp_port), DEADLINE_S) as raw:
        raw.sendall(head)
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert headers.split(b" ")[1] in (b"400", b"413")
    assert b"content-type: application/json" in headers
    assert json.loads(body)["error"].keys() == {"code", "message"}


def test_docs_load_nothing_from_elsewhere(client: httpx.Client, document: dict[str, Any]) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "://" not in page.text
    assert "<script" not in page.text
    for path in document["paths"]:
        assert path in page.text
    assert document["openapi"] == "3.1.0"
    assert client.get("/docs/openapi.json").json() == document


def test_the_sockets_are_described(open_server: Server, client: httpx.Client) -> None:
    asyncapi = client.get(BASE + "/asyncapi.json").json()
    assert asyncapi["asyncapi"] == "3.0.0"
    assert asyncapi["channels"]["events"]["address"] == "/events"
    assert set(asyncapi["channels"]["events"]["messages"]) == {"RF_CONTACT_NEW", "RF_CONTACT_UPDATE", "RF_CONTACT_LOST"}
    event = json.loads(open_server.call(open_server.port.publish))
    for name, message in asyncapi["components"]["messages"].items():
        schema = {**message["payload"], "components": asyncapi["components"]}
        if name == "RF_CONTACT_UPDATE":
            jsonschema.validate(event, schema)
        elif name != "SPECTRUM":
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(event, schema)
    for channel in asyncapi["operations"].values():
        assert channel["channel"]["$ref"].removeprefix("#/channels/") in asyncapi["channels"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(["payload", "confirm", "mode", "gain_db", "plan", "kind", "log_path", "max_events", "key"])
BODIES = st.one_of(
    st.binary(max_size=64),
    JSON_VALUES.map(json.dumps).map(str.encode),
    st.dictionaries(FIELDS, JSON_VALUES | st.dictionaries(FIELDS, JSON_VALUES, max_size=3), max_size=4)
    .map(json.dumps)
    .map(str.encode),
)
POSTS = ["/sweep/start", "/sweep/stop", "/gain/set", "/device/reset", "/device/calibrate", "/run/replay", "/session"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTS), body=BODIES)
def test_any_body_is_answered_or_refused(client: httpx.Client, path: str, body: bytes) -> None:
    response = client.post(BASE + path, content=body)
    assert response.headers["content-type"] == "application/json"
    if response.status_code != 200:
        assert response.status_code in (400, 404, 409)
        assert response.json()["error"].keys() == {"code", "message"}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=12))
def test_any_limit_is_a_number_or_refused(client: httpx.Client, text: str) -> None:
    response = client.get(BASE + "/events/last", params={"limit": text})
    good = text.isascii() and text.isdigit() and 1 <= int(text) <= 100
    assert response.status_code == (200 if good else 400)
