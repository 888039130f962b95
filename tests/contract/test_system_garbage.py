"""What no honest client sends to the System Controller: clean refusals that name the field, and nothing carried out."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scan_fake import DEADLINE_S, UNLIMITED
from system_fake import ADDR, NETWORK, UNIT, Server

BASE = "/api/v1"
MUTE, VOLUME = "/audio/mute", "/audio/volume"
WIFI, PAIR = "/network/wifi/connect", "/network/bluetooth/pair"
TEN_MB = 10_000_000
BODIES: list[tuple[str, bytes, str]] = [
    (MUTE, b"{", "body"),
    (MUTE, b"\xff\xfe", "body"),
    (MUTE, b'{"muted":"\xc3\x28"}', "body"),
    (MUTE, b'{"muted":"\\ud800"}', "body"),
    (MUTE, b'{"muted":NaN}', "$.muted"),
    (VOLUME, b'{"volume_percent":Infinity}', "$.volume_percent"),
    (VOLUME, b'{"volume_percent":-Infinity}', "$.volume_percent"),
    (VOLUME, b'{"volume_percent":1e999}', "$.volume_percent"),
    (VOLUME, b'{"payload":{"volume_percent":[1,-1e999]}}', "$.payload.volume_percent[1]"),
    (VOLUME, b'{"volume_percent":' + b"9" * 5000 + b"}", ""),
    (VOLUME, b'{"a":' * 900 + b"NaN" + b"}" * 900, ""),
    (MUTE, b"[" * 30_000, "body"),
    (MUTE, b'{"muted":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "body"),
    (MUTE, b'{"a":' * 8_000 + b"1" + b"}" * 8_000, "body"),
    (MUTE, b"[]", "$"),
    (MUTE, b"null", "$"),
    (MUTE, b"7", "$"),
    (MUTE, b"", "$.muted"),
    (MUTE, b"{}", "$.muted"),
    (MUTE, b'{"muted":1}', "$.muted"),
    (MUTE, b'{"muted":"true"}', "$.muted"),
    (MUTE, b'{"muted":null}', "$.muted"),
    (MUTE, b'{"muted":true,"mutd":true}', "$.mutd"),
    (MUTE, b'{"payload":{"muted":{}}}', "$.payload.muted"),
    (MUTE, b'{"payload":[true]}', "$.payload"),
    (MUTE, b'{"muted":true,"confirm":1}', "$.confirm"),
    (VOLUME, b'{"volume_percent":101}', "$.volume_percent"),
    (VOLUME, b'{"volume_percent":-1}', "$.volume_percent"),
    (VOLUME, b'{"volume_percent":50.5}', "$.volume_percent"),
    (VOLUME, b'{"volume_percent":"50"}', "$.volume_percent"),
    (VOLUME, b'{"volume_percent":true}', "$.volume_percent"),
    (WIFI, b"{}", "$.ssid"),
    (WIFI, b'{"ssid":""}', "$.ssid"),
    (WIFI, b'{"ssid":7}', "$.ssid"),
    (WIFI, json.dumps({"ssid": "x" * 33}).encode(), "$.ssid"),
    (WIFI, json.dumps({"ssid": "a\0b"}).encode(), "$.ssid"),
    (WIFI, json.dumps({"ssid": NETWORK, "password": "short"}).encode(), "$.password"),
    (WIFI, json.dumps({"ssid": NETWORK, "password": "x" * 65}).encode(), "$.password"),
    (WIFI, json.dumps({"ssid": NETWORK, "hidden": "no"}).encode(), "$.hidden"),
    (PAIR, b"{}", "$.addr"),
    (PAIR, b'{"addr":"AA-BB-CC-DD-EE-FF"}', "$.addr"),
    (PAIR, b'{"addr":"AA:BB:CC:DD:EE:FF\\n"}', "$.addr"),
    (PAIR, b'{"addr":"../../../../etc"}', "$.addr"),
    (PAIR, json.dumps({"addr": ADDR, "pin": ""}).encode(), "$.pin"),
    (PAIR, json.dumps({"addr": ADDR, "pin": "x" * 17}).encode(), "$.pin"),
    (PAIR, json.dumps({"addr": ADDR, "pin": 1234}).encode(), "$.pin"),
    (PAIR, json.dumps({"addr": ADDR, "pin": "\x1b[2J"}).encode(), "$.pin"),
    ("/network/wifi/enable", b'{"password":"hunter2hunter2"}', "$.password"),
    ("/system/reboot", b'{"confirm":true,"delay":0}', "$.delay"),
    ("/system/reboot", b'{"confirm":"true"}', "$.confirm"),
]
NAMES = [
    b"..%2f..%2fetc",
    b"%2e%2e",
    b"..",
    b"a%00b",
    b"%ff%fe",
    b"%0d%0aX-Injected:%201",
    "ндефендер".encode(),
    b"%E2%80%AE" + UNIT.encode(),
    UNIT.encode() + b"%00",
    UNIT.encode() + b"%20",
    UNIT.encode() + b";reboot",
    b"%24%28reboot%29",
    b"x" * 256,
    b"x" * 5000,
    b"%",
    b"%zz",
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(**UNLIMITED) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.http + BASE, timeout=DEADLINE_S) as http:
        yield http


@pytest.mark.parametrize(("path", "body", "field"), BODIES, ids=range(len(BODIES)))
def test_a_wrong_body_is_refused_by_the_path_of_its_field(
    server: Server, client: httpx.Client, path: str, body: bytes, field: str
) -> None:
    before = list(server.port.commands)
    response = client.post(path, content=body)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/json"
    detail = response.json()["detail"]
    assert detail.startswith(f"{field}: " if field else ("body: ", "$.volume_percent")), detail
    assert len(detail) < 300
    assert server.port.commands == before


def test_a_name_of_more_bytes_than_a_network_can_have_is_not_found(client: httpx.Client) -> None:
    response = client.post(WIFI, json={"ssid": "ü" * 17, "hidden": True})
    assert response.status_code == 404
    assert response.json()["detail"].startswith("$.ssid: 34 bytes")
    assert client.post(WIFI, json={"ssid": "ü" * 16, "hidden": True}).status_code == 200


def test_no_refusal_repeats_a_secret(client: httpx.Client) -> None:
    secret = "hunter2-" * 20
    for body in (
        {"ssid": NETWORK, "password": secret},
        {"ssid": NETWORK, "password": [secret]},
        {"ssid": 7, "password": secret},
        {"addr": ADDR, "pin": secret},
        {"payload": {"ssid": NETWORK, "password": secret}},
    ):
        for path in (WIFI, PAIR):
            response = client.post(path, json=body)
            assert response.status_code == 400
            assert "hunter2" not in response.text


def exchange(server: Server, request: bytes) -> tuple[int, dict[str, str]]:
    """Status and body of the answer to bytes that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", server.tcp_port), DEADLINE_S) as raw:
        raw.sendall(request)
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head, answer
    assert b"Injected" not in head
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("name", NAMES)
def test_tricks_in_the_name_of_a_unit_restart_nothing(server: Server, name: bytes) -> None:
    before = list(server.port.commands)
    content = b'{"confirm": true}'
    head = b"POST %b/services/%b/restart HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    status, body = exchange(server, head % (BASE.encode(), name, len(content)) + content)
    assert status in (400, 404), body
    assert body.keys() == {"detail"}
    assert len(body["detail"]) < 400
    assert server.port.commands == before


def test_ten_megabytes_are_refused_before_they_are_read(server: Server, client: httpx.Client) -> None:
    for _ in range(5):
        response = client.post(MUTE, content=b'{"muted":"' + b"x" * TEN_MB + b'"}')
        assert response.status_code == 413
        assert response.headers["content-type"] == "application/json"
        assert response.json().keys() == {"detail"}
    assert client.get("/health").status_code == 200


def test_ten_megabytes_in_chunks_are_refused_too(server: Server, client: httpx.Client) -> None:
    for _ in range(5):
        response = client.post(MUTE, content=(b"x" * 100_000 for _ in range(100)))
        assert response.status_code == 413
        assert response.json().keys() == {"detail"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(["payload", "confirm", "muted", "volume_percent", "ssid", "password", "hidden", "addr", "pin"])
ANY_BODY = st.one_of(
    st.binary(max_size=64),
    JSON_VALUES.map(json.dumps).map(str.encode),
    st.dictionaries(FIELDS, JSON_VALUES | st.dictionaries(FIELDS, JSON_VALUES, max_size=3), max_size=4)
    .map(json.dumps)
    .map(str.encode),
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from([MUTE, VOLUME, WIFI, PAIR, f"/services/{UNIT}/restart", "/gps/restart"]), body=ANY_BODY)
def test_any_body_is_answered_or_refused(client: httpx.Client, path: str, body: bytes) -> None:
    response = client.post(path, content=body)
    assert response.headers["content-type"] == "application/json"
    if response.status_code != 200:
        assert response.status_code in (400, 404), response.text
        assert response.json().keys() == {"detail"}


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=20))
def test_any_name_of_a_unit_is_found_or_not(server: Server, client: httpx.Client, name: str) -> None:
    before = list(server.port.commands)
    response = client.post(f"/services/{quote(name, safe='')}/restart", json={"confirm": True})
    assert response.status_code == 404, response.text
    assert server.port.commands == before
