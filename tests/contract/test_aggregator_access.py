"""Keys, Host, Origin and rates of the Backend Aggregator: on every route and socket of its document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from aggregator_fake import CONTACT_ID, RID_ID, Server
from scan_fake import DEADLINE_S, KEY
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

BASE = "/api/v1"
WITH_KEY = {"X-API-Key": KEY}
SOCKETS = ("/ws", "/rf/spectrum")
TUNE = {"payload": {"vrx_id": 1, "freq_hz": 5_740_000_000}, "confirm": False}


@pytest.fixture(scope="module")
def keyed() -> Iterator[Server]:
    """A key, allow-lists, and the default command limits of a frozen clock."""
    with Server(
        api_key=KEY,
        allowed_origins=["https://console.example"],
        allowed_hosts=["box.example"],
        clock_stands_still=True,
    ) as running:
        yield running


@pytest.fixture
def client(keyed: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=keyed.http, timeout=DEADLINE_S) as http:
        yield http


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    """Every method and path of the document, and those that are in none."""
    document = client.get("/openapi.json", headers=WITH_KEY).json()
    listed = [
        (method.upper(), path.replace("{contact_id}", CONTACT_ID))
        for path, methods in document["paths"].items()
        for method in methods
        if path != BASE + "/session"  # it proves the key itself
    ]
    assert len(listed) > 30
    beside = ["/metrics", "/docs", "/openapi.json", "/docs/openapi.json", BASE + "/asyncapi.json", BASE + "/ws", "/"]
    return listed + [("GET", path) for path in beside] + [("POST", BASE + "/nothing"), ("PUT", BASE + "/status")]


def upgrade_status(server: Server, path: str, **arguments: Any) -> int:
    try:
        with connect(server.ws + BASE + path, open_timeout=DEADLINE_S, **arguments):
            return 101
    except InvalidStatus as refused:
        body = refused.response.body
        assert body is not None
        assert json.loads(body).keys() == {"detail"}
        assert refused.response.headers["content-type"] == "application/json"
        return refused.response.status_code


@pytest.mark.parametrize("key", [None, "", KEY[:-1], KEY + "x", "ключ"])
def test_nothing_is_answered_without_the_key(client: httpx.Client, key: str | None) -> None:
    for method, path in routes(client):
        response = client.request(method, path, headers={} if key is None else {"X-API-Key": key.encode()})
        assert response.status_code == 401, (method, path)
        assert response.headers["content-type"] == "application/json"
        assert response.json().keys() == {"detail"}


def test_the_key_opens_every_get(client: httpx.Client) -> None:
    for method, path in routes(client):
        if method != "GET" or path in ("/", BASE + "/ws"):
            continue
        query = "?band=2G4" if path.endswith("/spectrum") else ""
        assert client.get(path + query, headers=WITH_KEY).status_code == 200, path


@pytest.mark.parametrize("path", SOCKETS)
def test_no_socket_without_the_key(keyed: Server, client: httpx.Client, path: str) -> None:
    assert upgrade_status(keyed, path) == 401
    assert upgrade_status(keyed, path, additional_headers={"X-API-Key": KEY + "x"}) == 401
    assert upgrade_status(keyed, path, additional_headers=WITH_KEY) == 101
    ticket = client.post(BASE + "/session/ticket", headers=WITH_KEY).json()["ticket"]
    assert upgrade_status(keyed, f"{path}?ticket={ticket}") == 101
    assert upgrade_status(keyed, f"{path}?ticket={ticket}") == 401


@pytest.mark.parametrize("path", SOCKETS)
def test_a_session_opens_routes_and_sockets(keyed: Server, client: httpx.Client, path: str) -> None:
    assert client.post(BASE + "/session", json={"key": "wrong"}).status_code == 401
    assert client.post(BASE + "/session", json={"key": KEY}).status_code == 200
    assert client.get(BASE + "/status").status_code == 200
    name, value = next(iter(client.cookies.items()))
    assert upgrade_status(keyed, path, additional_headers={"Cookie": f"{name}={value}"}) == 101


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_foreign_pages_get_no_socket_and_change_nothing(
    keyed: Server, client: httpx.Client, path: str, origin: str
) -> None:
    headers = {**WITH_KEY, "Origin": origin}
    assert upgrade_status(keyed, path, additional_headers=headers) == 403
    response = client.post(BASE + "/scan/stop", headers=headers)
    assert response.status_code == 403
    assert keyed.port.commands == []


@pytest.mark.parametrize("path", SOCKETS)
def test_a_foreign_host_name_gets_nothing(keyed: Server, client: httpx.Client, path: str) -> None:
    for host, status in (("evil.example", 403), ("box.example", 200)):
        headers = {**WITH_KEY, "Host": host}
        assert client.get(BASE + "/status", headers=headers).status_code == status
        assert client.get("/metrics", headers=headers).status_code == status


def test_commands_are_limited_and_stopping_is_not() -> None:
    with Server(clock_stands_still=True) as server, httpx.Client(base_url=server.http + BASE) as client:
        turns = [
            ("/vrx/tune", TUNE),
            ("/antsdr/sweep/start", {}),
            (f"/contacts/{RID_ID}/label", {"label": "known"}),
            ("/video/select", {"payload": {"ch": 1}}),
            ("/esp32/leds", {"payload": {"r": 0, "g": 0, "y": 0}}),
        ]
        for path, body in turns * 2:
            assert client.post(path, json=body).status_code == 200
        for path, body in turns:
            refused = client.post(path, json=body)
            assert refused.status_code == 429
            assert refused.json().keys() == {"detail"}
            assert int(refused.headers["retry-after"]) >= 1
        for path in ("/scan/stop", "/antsdr/sweep/stop") * 20:
            assert client.post(path).status_code == 200
        assert client.post("/vrx/tune", json={}).status_code == 400
        assert client.get("/status").status_code == 200


def test_dangerous_commands_are_limited_more_and_a_refused_one_takes_nothing() -> None:
    with Server(clock_stands_still=True) as server, httpx.Client(base_url=server.http + BASE) as client:
        server.port.unsafe = False
        for _ in range(5):
            assert client.post("/system/reboot", json={"confirm": True}).status_code == 403
            assert client.post("/system/reboot", json={}).status_code == 400
        server.port.unsafe = True
        statuses = [
            client.post(f"/system/{name}", json={"confirm": True}).status_code
            for name in ("reboot", "shutdown", "reboot", "shutdown")
        ]
        assert statuses == [200, 200, 429, 429]
        assert client.post("/vrx/tune", json=TUNE).status_code == 200
        server.port.unsafe = False  # who must not is told so, not to try again later
        assert client.post("/system/reboot", json={"confirm": True}).status_code == 403


def test_answers_carry_security_headers(client: httpx.Client) -> None:
    for path in ("/docs", "/metrics", BASE + "/status", "/nothing"):
        for headers in (WITH_KEY, {}):
            response = client.get(path, headers=headers)
            assert response.headers.get_list("x-content-type-options") == ["nosniff"]
            assert response.headers.get_list("cache-control") == ["no-store"]
            (policy,) = response.headers.get_list("content-security-policy")
            assert "default-src 'none'" in policy


def test_a_host_that_passed_once_opens_no_other(keyed: Server, client: httpx.Client) -> None:
    for host, status in (("localhost:1", 200), ("LOCALHOST:1", 200), ("localhost:1.evil.example", 400)) * 2:
        assert client.get(BASE + "/health", headers={**WITH_KEY, "Host": host}).status_code == status
    for number in range(200):  # more than are remembered
        host = f"127.0.0.{number % 250}:{number}"
        assert client.get(BASE + "/health", headers={**WITH_KEY, "Host": host}).status_code == 200
    assert client.get(BASE + "/health", headers={**WITH_KEY, "Host": "evil.example"}).status_code == 403


def test_a_dangerous_command_that_the_host_refuses_takes_no_token() -> None:
    with Server(clock_stands_still=True) as server, httpx.Client(base_url=server.http + BASE) as client:
        server.port.host_absent = True
        for _ in range(4):
            assert client.post("/system/reboot", json={"confirm": True}).status_code == 409
        server.port.host_absent = False
        assert client.post("/system/reboot", json={"confirm": True}).status_code == 200
