"""Keys, sessions, tickets, Host, Origin and rates of the AntSDR Scan API."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import msgspec
import pytest
from scan_fake import CONTACT_ID, DEADLINE_S, KEY, Server
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

BASE = "/api/v1"
GETS = [
    "/health",
    "/version",
    "/stats",
    "/device",
    "/sweep/state",
    "/gain",
    "/config",
    "/contacts",
    f"/contacts/{CONTACT_ID}/evidence",
    "/spectrum?band=2G4",
    "/events/last",
    "/asyncapi.json",
    "/events",
    "/nothing",
]
POSTS = [
    "/config/reload",
    "/run/start",
    "/run/stop",
    "/run/replay",
    "/sweep/start",
    "/sweep/stop",
    "/gain/set",
    "/device/reset",
    "/device/calibrate",
    "/session/ticket",
    "/nothing",
]
EVERYTHING = (
    [("GET", BASE + path) for path in GETS]
    + [("HEAD", BASE + "/health"), ("OPTIONS", BASE + "/health"), ("PUT", BASE + "/health")]
    + [("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/docs/openapi.json"), ("GET", "/")]
    + [("POST", BASE + path) for path in POSTS]
    + [("DELETE", BASE + "/events")]
)
WITH_KEY = {"X-API-Key": KEY}


@pytest.fixture
def client(keyed_server: Server) -> Any:
    with httpx.Client(base_url=keyed_server.http, timeout=DEADLINE_S) as http:
        yield http


def raw_status(server: Server, request: bytes) -> int:
    """Status of the answer to bytes that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", server.tcp_port), DEADLINE_S) as raw:
        raw.sendall(request)
        line = raw.makefile("rb").readline()
    assert line.startswith(b"HTTP/1.1 "), line
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("start", "more", "status"),
    [
        (b"GET http://[::bad/ HTTP/1.1", b"", 400),
        (b"GET /api/v1/\xff\xfe HTTP/1.1", b"", 400),
        (b"GET /api/v1/health HTTP/9.9", b"", 400),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1", b"", 413),
        (b"POST /api/v1/run/stop HTTP/1.1", b"Origin: http://[\r\n", 403),
        (b"POST /api/v1/run/stop HTTP/1.1", b"Content-Length: -5\r\n", 400),
        (b"POST /api/v1/run/stop HTTP/1.1", b"Content-Length: 99999999999\r\n", 413),
        (b"POST /api/v1/run/stop HTTP/1.1", b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\n", 400),
    ],
)
def test_garbage_is_answered_as_the_clients_error(open_server: Server, start: bytes, more: bytes, status: int) -> None:
    host = f"Host: 127.0.0.1:{open_server.tcp_port}\r\nContent-Type: application/json\r\n".encode()
    assert raw_status(open_server, start + b"\r\n" + host + more + b"\r\n") == status


def upgrade_status(server: Server, path: str, **arguments: Any) -> int:
    """Status of an upgrade: 101, or why not."""
    try:
        with connect(server.ws + BASE + path, open_timeout=DEADLINE_S, **arguments):
            return 101
    except InvalidStatus as refused:
        body = refused.response.body
        assert body is not None
        assert msgspec.json.decode(body)["error"].keys() == {"code", "message"}
        assert refused.response.headers["content-type"] == "application/json"
        return refused.response.status_code


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
@pytest.mark.parametrize("key", [None, "", KEY[:-1], KEY + "x", "ключ"])
def test_nothing_is_answered_without_the_key(client: httpx.Client, method: str, path: str, key: str | None) -> None:
    response = client.request(method, path, headers={} if key is None else {"X-API-Key": key.encode()})
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/json"
    if method != "HEAD":
        assert response.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize("path", ["/events", "/spectrum"])
def test_no_socket_without_the_key(keyed_server: Server, path: str) -> None:
    assert upgrade_status(keyed_server, path) == 401
    assert upgrade_status(keyed_server, path, additional_headers={"X-API-Key": "wrong"}) == 401
    assert upgrade_status(keyed_server, path, additional_headers=WITH_KEY) == 101


def test_the_key_opens_every_get(client: httpx.Client) -> None:
    for path in [*(BASE + path for path in GETS[:-2]), "/docs", "/openapi.json"]:
        assert client.get(path, headers=WITH_KEY).status_code == 200, path


def test_a_browser_session_is_a_cookie_scripts_cannot_read(keyed_server: Server, client: httpx.Client) -> None:
    assert client.post(BASE + "/session", json={"key": "wrong"}).status_code == 401
    assert client.post(BASE + "/session").status_code == 401
    login = client.post(BASE + "/session", json={"key": KEY})
    assert login.json()["key_required"] is True
    cookie = login.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert KEY not in cookie
    assert client.get(BASE + "/health").status_code == 200
    name, value = next(iter(client.cookies.items()))
    headers = {"Cookie": f"{name}={value}"}
    assert upgrade_status(keyed_server, "/events", additional_headers=headers) == 101
    assert client.delete(BASE + "/session").status_code == 200
    assert httpx.get(keyed_server.http + BASE + "/health", headers=headers).status_code == 401
    assert upgrade_status(keyed_server, "/events", additional_headers=headers) == 401


def test_a_ticket_opens_one_upgrade_and_nothing_else(keyed_server: Server, client: httpx.Client) -> None:
    ticket = client.post(BASE + "/session/ticket", headers=WITH_KEY).json()["ticket"]
    assert client.get(BASE + "/health", params={"ticket": ticket}).status_code == 401
    assert upgrade_status(keyed_server, f"/events?ticket={ticket}") == 101
    assert upgrade_status(keyed_server, f"/events?ticket={ticket}") == 401
    assert upgrade_status(keyed_server, "/events?ticket=guess") == 401


def test_without_a_key_no_session_is_needed(open_server: Server) -> None:
    login = httpx.post(open_server.http + BASE + "/session")
    assert login.json() == {"key_required": False, "expires_in_s": None}
    assert "set-cookie" not in login.headers


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:80", "127.1.2.3", "[::1]:9", "Radio.Example."])
def test_good_hosts(client: httpx.Client, host: str) -> None:
    assert client.get(BASE + "/health", headers={**WITH_KEY, "Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.0.2.7", "radio.example.evil"])
def test_bad_hosts_are_refused_on_everything(keyed_server: Server, client: httpx.Client, host: str) -> None:
    response = client.get(BASE + "/health", headers={**WITH_KEY, "Host": host})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize("host", ["a b", "", "x@localhost", "localhost:port"])
def test_malformed_hosts(client: httpx.Client, host: str) -> None:
    assert client.get(BASE + "/health", headers={**WITH_KEY, "Host": host}).status_code == 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "file://"])
def test_foreign_origins_change_nothing_and_get_no_socket(keyed_server: Server, origin: str) -> None:
    headers = {**WITH_KEY, "Origin": origin}
    response = httpx.post(keyed_server.http + BASE + "/sweep/stop", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in response.headers
    assert upgrade_status(keyed_server, "/events", additional_headers=headers) == 403
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert httpx.options(keyed_server.http + BASE + "/sweep/stop", headers=preflight).status_code == 403


def test_own_and_listed_origins_are_let_in(keyed_server: Server) -> None:
    for origin in (keyed_server.http, "https://console.example"):
        headers = {**WITH_KEY, "Origin": origin}
        assert httpx.post(keyed_server.http + BASE + "/sweep/stop", headers=headers).status_code == 200
        assert upgrade_status(keyed_server, "/events", additional_headers=headers) == 101
    preflight = {"Origin": "https://console.example", "Access-Control-Request-Method": "POST"}
    response = httpx.options(keyed_server.http + BASE + "/sweep/stop", headers=preflight)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://console.example"
    assert "X-API-Key" in response.headers["access-control-allow-headers"]


def test_commands_are_limited_and_stopping_is_not() -> None:
    with Server(clock_stands_still=True) as server, httpx.Client(base_url=server.http + BASE) as client:
        statuses = [client.post("/sweep/start").status_code for _ in range(11)]
        assert statuses == [200] * 10 + [429]
        refused = client.post("/device/reset", json={"confirm": True})
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "rate_limited"
        assert int(refused.headers["retry-after"]) >= 1
        for _ in range(30):
            assert client.post("/sweep/stop").status_code == 200
        assert client.post("/sweep/start", content=b"{").status_code == 400
        assert client.get("/health").status_code == 200


def test_dangerous_commands_are_limited_more() -> None:
    with Server(clock_stands_still=True) as server, httpx.Client(base_url=server.http + BASE) as client:
        statuses = [client.post("/device/reset", json={"confirm": True}).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert client.post("/sweep/start").status_code == 200


def test_answers_carry_security_headers(client: httpx.Client) -> None:
    for path in ("/docs", BASE + "/health", "/nothing"):
        response = client.get(path, headers=WITH_KEY)
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["cache-control"] == "no-store"
