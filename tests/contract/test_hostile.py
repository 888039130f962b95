"""What a browser on a hostile page, or a host on the network, tries against each API, and that it gets nowhere.

`docs/security.md` names these tests.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from scan_fake import DEADLINE_S, KEY
from system_fake import Server as SystemServer
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ndefender.api.app import App
from ndefender.api.connections import Seats
from ndefender.api.request_log import BURST_LINES

BASE = "/api/v1"
WITH_KEY = {"X-API-Key": KEY}
CONSOLE = "https://console.example"
EVIL = "https://evil.example"
CLIENT = httpx.Client(timeout=DEADLINE_S, trust_env=False)


@dataclass(frozen=True)
class Api:
    """One API: the module of its fake service, its sockets, a command that is always possible."""

    fake: str
    sockets: tuple[str, ...]
    command: str
    body: dict[str, object]


APIS = {
    "antsdr_scan": Api("scan_fake", ("/events", "/spectrum"), "/sweep/start", {}),
    "system_controller": Api("system_fake", ("/ws",), "/audio/mute", {"muted": True}),
    "aggregator": Api("aggregator_fake", ("/ws", "/rf/spectrum"), "/vrx/lock_strongest", {}),
}


@pytest.fixture(scope="module", params=APIS)
def api(request: pytest.FixtureRequest) -> Api:
    return APIS[request.param]


def made(api: Api, **settings: object) -> Any:
    return importlib.import_module(api.fake).Server(**settings)


@pytest.fixture(scope="module")
def keyed(api: Api) -> Iterator[Any]:
    with made(api, api_key=KEY, allowed_origins=[CONSOLE], allowed_hosts=["box.example"], **RATES) as server:
        yield server


@pytest.fixture(scope="module")
def bare(api: Api) -> Iterator[Any]:
    """As it is without any configuration: no key, no allow-lists."""
    with made(api, **RATES) as server:
        yield server


RATES = {"command_rate_per_min": 0.0, "global_rate_per_min": 0.0, "dangerous_rate_per_min": 0.0}


def error_of(response: httpx.Response) -> str:
    """The message, of either error body."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    return body["detail"] if "detail" in body else body["error"]["message"]


def ask(server: Any, method: str, path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
    CLIENT.cookies.clear()
    return CLIENT.request(method, server.http + path, headers=headers, **more)


def upgrade_status(server: Any, path: str, **arguments: Any) -> int:
    try:
        with connect(server.ws + BASE + path, open_timeout=DEADLINE_S, **arguments):
            return 101
    except InvalidStatus as refused:
        assert refused.response.headers["content-type"] == "application/json"
        return refused.response.status_code


def routes(server: Any) -> list[tuple[str, str]]:
    """Every method and path of the document, the documents, and what is in none."""
    document = ask(server, "GET", "/openapi.json", WITH_KEY).json()
    listed = [
        (method.upper(), path.replace("{contact_id}", "rf:1").replace("{name}", "ndefender"))
        for path, methods in document["paths"].items()
        for method in methods
    ]
    assert len(listed) > 20
    beside = ["/docs", "/openapi.json", "/docs/openapi.json", BASE + "/asyncapi.json", "/", BASE + "/nothing"]
    return listed + [("GET", path) for path in beside] + [("PUT", BASE + "/health"), ("OPTIONS", BASE + "/health")]


def raw_answer(server: Any, request: bytes) -> bytes:
    """The answer to bytes that no HTTP library would send, until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.tcp_port), DEADLINE_S) as raw:
        raw.sendall(request)
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    return answer


# --- a page of another site, in the operator's own browser -----------------------------------------------------------
@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:1", "file://", "http://["])
def test_a_foreign_origin_is_refused_on_every_route_and_socket(api: Api, bare: Any, origin: str) -> None:
    foreign = {"Origin": origin}
    for method, path in routes(bare):
        response = ask(bare, method, path, foreign)
        assert response.status_code == 403, (method, path)
        assert "access-control-allow-origin" not in response.headers
    for path in api.sockets:
        assert upgrade_status(bare, path, additional_headers=foreign) == 403
    preflight = {**foreign, "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    answer = ask(bare, "OPTIONS", BASE + api.command, preflight)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_a_hostile_page_changes_nothing(api: Api, bare: Any, kind: str) -> None:
    before = list(bare.port.commands)
    form = {"Origin": EVIL, "Content-Type": kind, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert ask(bare, "POST", BASE + api.command, form, content=json.dumps(api.body)).status_code == 403
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ask(bare, "POST", BASE + api.command, navigation, content=json.dumps(api.body)).status_code == 403
    assert bare.port.commands == before


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("dest", ["empty", "image", "script", "iframe", "object"])
def test_a_hostile_page_cannot_even_have_a_get_answered(bare: Any, site: str, dest: str) -> None:
    mode = "navigate" if dest in ("iframe", "object") else "no-cors"
    fetch = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    for path in (BASE + "/health", "/docs", BASE + "/events/last"):
        assert ask(bare, "GET", path, fetch).status_code == 403
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ask(bare, "GET", "/docs", link).status_code == 200
    for own in ("same-origin", "none"):
        assert ask(bare, "GET", BASE + "/health", {**fetch, "Sec-Fetch-Site": own}).status_code == 200


@pytest.mark.parametrize("host", [EVIL[8:], "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.7", "0.0.0.0"])
def test_a_name_pointed_at_this_machine_opens_nothing(api: Api, bare: Any, host: str) -> None:
    """DNS rebinding: to the browser the hostile page and the service are one origin."""
    rebound = {"Host": f"{host}:{bare.tcp_port}", "Origin": f"http://{host}:{bare.tcp_port}"}
    for method, path in routes(bare):
        assert ask(bare, method, path, rebound).status_code == 403, (method, path)
    for path in api.sockets:
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(rebound_upgrade(bare, path, rebound))
        assert refused.value.response.status_code == 403


async def rebound_upgrade(server: Any, path: str, headers: dict[str, str]) -> None:
    """The library sends its own Host, so it is told that the server is called that."""
    uri = f"ws://{headers['Host']}{BASE}{path}"
    async with connect_async(uri, host="127.0.0.1", port=server.tcp_port, origin=headers["Origin"]):
        pass


@pytest.mark.parametrize("host", ["", ".", "..", "a b", "x@localhost", "localhost:port", "localhost:1:2", "[::1"])
def test_what_is_no_host_is_refused(bare: Any, host: str) -> None:
    assert ask(bare, "GET", BASE + "/health", {"Host": host}).status_code == 400


def test_two_hosts_or_none_are_refused(bare: Any) -> None:
    line = b"GET /api/v1/health HTTP/1.1\r\n"
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        assert raw_answer(bare, line + hosts + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_listed_origin_is_let_in_and_told_so(api: Api, keyed: Any) -> None:
    headers = {**WITH_KEY, "Origin": CONSOLE, "Sec-Fetch-Site": "cross-site"}
    response = ask(keyed, "POST", BASE + api.command, headers, json=api.body)
    assert response.status_code == 200, response.text
    assert response.headers["access-control-allow-origin"] == CONSOLE
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["vary"] == "Origin"
    assert ask(keyed, "GET", BASE + "/health", WITH_KEY).headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in ask(keyed, "GET", BASE + "/health", WITH_KEY).headers
    for path in api.sockets:
        assert upgrade_status(keyed, path, additional_headers=headers) == 101
    preflight = ask(keyed, "OPTIONS", BASE + api.command, {"Origin": CONSOLE, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == CONSOLE
    assert "X-API-Key" in preflight.headers["access-control-allow-headers"]
    refused = ask(keyed, "GET", BASE + "/health", {"Origin": CONSOLE})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == CONSOLE  # so that the console can read why


def test_every_answer_forbids_frames_sniffing_and_leaking(keyed: Any) -> None:
    answers = [ask(keyed, method, path, WITH_KEY) for method, path in routes(keyed) if "POST" not in method]
    answers.append(ask(keyed, "GET", BASE + "/health", {}))
    answers.append(ask(keyed, "GET", BASE + "/health", {"Host": "evil.example"}))
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "server" not in answer.headers


# --- a host on the network -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", [None, "", KEY[:-1], KEY + "x", "\udcff"])
def test_nothing_is_answered_without_the_key(api: Api, keyed: Any, key: str | None) -> None:
    headers: Any = {} if key is None else {"X-API-Key": key.encode("utf-8", "surrogateescape")}
    for method, path in routes(keyed):
        response = ask(keyed, method, path, headers)
        opens = path == BASE + "/session" and method == "DELETE"  # ends a session, where there is one
        assert response.status_code == (200 if opens else 401), (method, path)
        assert KEY not in response.text
    for path in api.sockets:
        assert upgrade_status(keyed, path) == 401
        assert upgrade_status(keyed, path + "?ticket=%ff%00", additional_headers={"Cookie": "a=\xff;;=="}) == 401


def test_the_key_opens_every_socket(api: Api, keyed: Any) -> None:
    for path in api.sockets:
        assert upgrade_status(keyed, path, additional_headers=WITH_KEY) == 101


def test_a_session_is_a_cookie_that_scripts_cannot_read_and_ends(api: Api, keyed: Any) -> None:
    with httpx.Client(base_url=keyed.http + BASE, timeout=DEADLINE_S) as browser:
        assert browser.post("/session", json={"key": KEY[:-1]}).status_code == 401
        cookie = browser.post("/session", json={"key": KEY}).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert KEY not in cookie
        assert browser.get("/health").status_code == 200
        name, value = next(iter(browser.cookies.items()))
        sent = {"Cookie": f"{name}={value}"}
        # The cookie of a page on another port of this host comes along: its origin gives it away.
        foreign = {**sent, "Origin": "http://127.0.0.1:1"}
        assert ask(keyed, "POST", BASE + api.command, foreign, json=api.body).status_code == 403
        for path in api.sockets:
            assert upgrade_status(keyed, path, additional_headers=sent) == 101
            assert upgrade_status(keyed, path, additional_headers=foreign) == 403
        browser.delete("/session")
        assert ask(keyed, "GET", BASE + "/health", sent).status_code == 401


def test_a_ticket_opens_one_upgrade_and_nothing_else(api: Api, keyed: Any) -> None:
    ticket = ask(keyed, "POST", BASE + "/session/ticket", WITH_KEY).json()["ticket"]
    assert ask(keyed, "GET", f"{BASE}/health?ticket={ticket}", {}).status_code == 401
    assert upgrade_status(keyed, f"{api.sockets[0]}?ticket={ticket}") == 101
    assert upgrade_status(keyed, f"{api.sockets[0]}?ticket={ticket}") == 401


@pytest.mark.parametrize(
    ("start", "more", "status"),
    [
        (b"GET http://[::bad/ HTTP/1.1", b"", (400,)),
        (b"GET http://evil.example/api/v1/health HTTP/1.1", b"", (200, 400, 404)),
        (b"GET /api/v1/\xff\xfe HTTP/1.1", b"", (400, 404)),
        (b"GET /api/v1/health HTTP/9.9", b"", (400,)),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1", b"", (413, 414)),
        (b"GET /api/v1/health HTTP/1.1", b"X: " + b"y" * 9000 + b"\r\n", (413,)),
        (b"GET /api/v1/health HTTP/1.1", b"".join(b"X-%d: y\r\n" % i for i in range(2000)), (413,)),
        (b"POST /api/v1/session HTTP/1.1", b"Content-Length: -5\r\n", (400,)),
        (b"POST /api/v1/session HTTP/1.1", b"Content-Length: many\r\n", (400,)),
        (b"POST /api/v1/session HTTP/1.1", b"Content-Length: 99999999999\r\n", (413,)),
        (b"POST /api/v1/session HTTP/1.1", b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\n", (400,)),
        (b"POST /api/v1/session HTTP/1.1", b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n", (400,)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", b"", (400,)),
    ],
)
def test_what_is_not_http_gets_an_error_body(bare: Any, start: bytes, more: bytes, status: tuple[int, ...]) -> None:
    answer = raw_answer(bare, start + b"\r\nHost: localhost\r\nConnection: close\r\n" + more + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) in status, answer[:300]
    assert b"content-type: application/json" in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    assert b"x-request-id: " in head.lower()
    assert b"Traceback" not in body
    json.loads(body)
    assert ask(bare, "GET", BASE + "/health", {}).status_code == 200


def test_a_body_beyond_the_bound_is_refused(api: Api, bare: Any) -> None:
    big = b'{"x":"' + b"x" * 10_000_000 + b'"}'
    assert ask(bare, "POST", BASE + api.command, {}, content=big).status_code == 413


# --- ids and the log -------------------------------------------------------------------------------------------------
def test_an_answer_names_its_request(bare: Any) -> None:
    given = ask(bare, "GET", BASE + "/health", {"X-Request-Id": "Case-7_b.2"})
    assert given.headers["x-request-id"] == "Case-7_b.2"
    for bad in ("", "x" * 65, "a b", "a\tb", "é", '"; drop', "\x1b[2J"):
        headers: Any = {"X-Request-Id": bad.encode()}
        made_here = ask(bare, "GET", BASE + "/nothing", headers)
        assert made_here.status_code == 404
        assert made_here.headers["x-request-id"] != bad
        assert made_here.headers["x-request-id"].replace("-", "").isalnum()
    first, second = (ask(bare, "GET", BASE + "/health", {}).headers["x-request-id"] for _ in range(2))
    assert first != second


def test_commands_refusals_and_errors_are_logged_with_the_id_and_without_secrets(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with made(api, api_key=KEY, **RATES) as server:
        ask(server, "POST", BASE + api.command, {**WITH_KEY, "X-Request-Id": "one"}, json=api.body)
        ask(server, "GET", BASE + "/health?ticket=hush", {"X-API-Key": "hush", "X-Request-Id": "two"})
        server.port.broken = True
        ask(server, "GET", BASE + "/health", {**WITH_KEY, "X-Request-Id": "three"})
        ask(server, "GET", BASE + "/%1b%5b2J", {**WITH_KEY, "X-Request-Id": "four"})
        head = b"GET /\x1b[2J HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert raw_answer(server, head).startswith(b"HTTP/1.1 4")
    lines = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("ndefender"))
    for told in ("request one from 127.0.0.1: POST", "request two from", "request three failed", "request four"):
        assert told in lines
    assert KEY not in lines
    assert "hush" not in lines
    assert "\x1b" not in lines


def test_knocking_does_not_fill_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="ndefender.api.request_log")
    with made(api, api_key=KEY, clock_stands_still=True) as server, httpx.Client(base_url=server.http) as client:
        for _ in range(BURST_LINES + 50):
            assert client.get(BASE + "/health").status_code == 401
        assert len(caplog.records) == BURST_LINES
        # What is carried out is logged all the same.
        client.post(BASE + api.command, headers=WITH_KEY, json=api.body)
        assert len(caplog.records) == BURST_LINES + 1


# --- connections -----------------------------------------------------------------------------------------------------
class Quick(SystemServer):
    """Looks after its connections more often than it would."""

    def build(self) -> App:
        app = super().build()
        app.config.REQUEST_TIMEOUT = 0.4
        return app


def answers(server: SystemServer) -> bool:
    try:
        return httpx.get(server.http + BASE + "/health", timeout=DEADLINE_S).status_code == 200
    except httpx.TransportError:
        return False


def test_connections_beyond_the_bound_are_cut_off_and_their_seats_come_back() -> None:
    with SystemServer(max_clients=1) as server:
        total = Seats(server.settings.max_clients).total
        held = [socket.create_connection(("127.0.0.1", server.tcp_port), DEADLINE_S) for _ in range(total)]
        with socket.create_connection(("127.0.0.1", server.tcp_port), DEADLINE_S) as late:
            assert late.recv(1) == b""
        assert not answers(server)
        for each in held:
            each.close()
        until_s = time.monotonic() + DEADLINE_S
        while not answers(server):
            assert time.monotonic() < until_s


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_one_host_of_the_network_gets_half_the_seats(address: str) -> None:
    seats = Seats(max_clients=8)

    class Neighbour:
        def __init__(self, address: str) -> None:
            self.address = address

    assert not seats.full(address, [Neighbour(address)] * (seats.of_an_address - 1))
    assert seats.full(address, [Neighbour(address)] * seats.of_an_address)
    assert not seats.full("192.0.2.99", [Neighbour(address)] * seats.of_an_address)
    assert not seats.full("127.0.0.1", [Neighbour("127.0.0.1")] * (seats.total - 1))
    assert seats.full("192.0.2.99", [Neighbour(str(i)) for i in range(seats.total)])


@pytest.mark.parametrize(
    "head", [b"", b"POST /api/v1/audio/mute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"]
)
def test_a_client_that_drips_is_cut_off(head: bytes) -> None:
    with Quick() as server, socket.create_connection(("127.0.0.1", server.tcp_port), DEADLINE_S) as raw:
        raw.sendall(head)
        raw.settimeout(0.1)  # the pace of the drip
        until_s = time.monotonic() + DEADLINE_S
        cut_off = False
        while not cut_off:
            assert time.monotonic() < until_s, "still dripping"
            try:
                raw.send(b"x")
                cut_off = raw.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                cut_off = True


def test_a_quiet_socket_is_no_client_that_drips() -> None:
    with Quick(ping_s=0.2) as server, connect(server.ws + BASE + "/ws", open_timeout=DEADLINE_S) as client:
        for _ in range(2):
            client.recv(DEADLINE_S)
        with pytest.raises(TimeoutError):
            client.recv(2.5)  # six times what a request may take
        server.call(server.port.publish)
        assert json.loads(client.recv(DEADLINE_S))["type"] == "SYSTEM_STATUS"


# --- the document ----------------------------------------------------------------------------------------------------
def test_every_attempt_of_the_document_has_a_test_that_is_there() -> None:
    top = Path(__file__).resolve().parents[2]
    rows = [
        line.split("|")[-2]
        for line in (top / "docs" / "security.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and "it tries" not in line and "---" not in line
    ]
    assert len(rows) > 20
    for row in rows:
        # A file stands after the last of its tests; without one they are here.
        parts = re.split(r" in `(tests/[\w/]+\.py)`", row)
        for told, path in zip(parts[::2], [*parts[1::2], ""], strict=True):
            source = (top / path if path else Path(__file__)).read_text(encoding="utf-8")
            here = Path(__file__).read_text(encoding="utf-8")
            names = re.findall(r"`(test_\w+)`", told)
            assert names or not path, row
            for name in names:
                assert f"def {name}(" in source or f"def {name}(" in here, name
        assert "`test_" in row, row
