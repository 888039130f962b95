"""REST.md §2, route by route and error by error, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from scan_fake import DEADLINE_S, NOW_MS, UNLIMITED
from system_fake import ADDR, BOOT_ID, NETWORK, UNIT, Server

BASE = "/api/v1"
SECTION = {"status", "last_error"}
READS: dict[str, set[str]] = {
    "/health": {"ok", "timestamp_ms", "version"},
    "/status": {"timestamp_ms", "system", "ups", "services", "network", "audio", "seq", "boot_id"},
    "/system": SECTION
    | {
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
    "/ups": SECTION
    | {
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
    "/services": SECTION | {"services"},
    "/network": SECTION | {"connected", "ssid", "ip_v4", "ip_v6"},
    "/audio": SECTION | {"volume_percent", "muted"},
    "/gps": SECTION | {"fix", "lat", "lon"},
    "/network/wifi/state": SECTION | {"enabled", "connected", "ssid"},
    "/network/wifi/scan": SECTION | {"networks"},
    "/network/bluetooth/state": SECTION | {"enabled"},
    "/network/bluetooth/devices": SECTION | {"devices"},
    "/events/last": {"events"},
}
RESTART = f"/services/{UNIT}/restart"
# path, body, command, arguments, a part of the host that it needs (None: it needs none)
COMMANDS: list[tuple[str, Any, str, dict[str, object], str]] = [
    (RESTART, {"confirm": True}, "service_restart", {"name": UNIT}, "services"),
    (RESTART, {"payload": {}, "confirm": True}, "service_restart", {"name": UNIT}, "services"),
    ("/system/reboot", {"confirm": True}, "reboot", {}, "power"),
    ("/system/shutdown", {"payload": None, "confirm": True}, "shutdown", {}, "power"),
    ("/audio/mute", {"muted": True}, "audio_mute", {"muted": True}, "audio"),
    ("/audio/mute", {"payload": {"muted": False}}, "audio_mute", {"muted": False}, "audio"),
    ("/audio/volume", {"volume_percent": 0}, "audio_volume", {"volume_percent": 0}, "audio"),
    ("/audio/volume", {"volume_percent": 100}, "audio_volume", {"volume_percent": 100}, "audio"),
    ("/network/wifi/enable", None, "wifi_enable", {}, "wifi"),
    ("/network/wifi/disable", {}, "wifi_disable", {}, "wifi"),
    (
        "/network/wifi/connect",
        {"ssid": NETWORK, "password": "a pass phrase", "hidden": False},
        "wifi_connect",
        {"ssid": NETWORK, "password": "a pass phrase", "hidden": False},
        "wifi",
    ),
    (
        "/network/wifi/connect",
        {"ssid": NETWORK},
        "wifi_connect",
        {"ssid": NETWORK, "password": None, "hidden": False},
        "wifi",
    ),
    ("/network/wifi/disconnect", None, "wifi_disconnect", {}, "wifi"),
    ("/network/bluetooth/enable", None, "bluetooth_enable", {}, "bluetooth"),
    ("/network/bluetooth/disable", None, "bluetooth_disable", {}, "bluetooth"),
    ("/network/bluetooth/scan/start", None, "bluetooth_scan_start", {}, "bluetooth"),
    ("/network/bluetooth/scan/stop", None, "bluetooth_scan_stop", {}, "bluetooth"),
    ("/network/bluetooth/pair", {"addr": ADDR}, "bluetooth_pair", {"addr": ADDR, "pin": None}, "bluetooth"),
    (
        "/network/bluetooth/pair",
        {"addr": ADDR.lower(), "pin": "0000"},
        "bluetooth_pair",
        {"addr": ADDR.lower(), "pin": "0000"},
        "bluetooth",
    ),
    ("/network/bluetooth/unpair", {"addr": ADDR}, "bluetooth_unpair", {"addr": ADDR}, "bluetooth"),
    ("/gps/restart", {"confirm": True}, "gps_restart", {}, "gps"),
]
DANGEROUS = ("/system/reboot", "/system/shutdown")
CONFIRMED = (RESTART, *DANGEROUS, "/gps/restart")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """No key, no command limits."""
    with Server(event_buffer=100, **UNLIMITED) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.http + BASE, timeout=DEADLINE_S) as http:
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
    entry = document["paths"][BASE + path.replace(UNIT, "{name}")][method]
    schema = entry["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, {**schema, "components": document["components"]})


@pytest.mark.parametrize("path", READS)
def test_read(client: httpx.Client, document: dict[str, Any], path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert answer.keys() >= READS[path]
    check_schema(document, "get", path, answer)
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    options = client.options(path)
    assert options.status_code == 204
    assert set(options.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_every_route_of_the_document_is_tested(document: dict[str, Any]) -> None:
    listed = {
        (method, path.removeprefix(BASE).replace("{name}", UNIT))
        for path, methods in document["paths"].items()
        for method in methods
    }
    commands = {("post", path) for path, *_ in COMMANDS}
    browsers = {("post", "/session"), ("delete", "/session"), ("post", "/session/ticket")}
    assert listed == {("get", path) for path in READS} | commands | browsers


def test_the_status_is_every_section(client: httpx.Client) -> None:
    status = client.get("/status").json()
    for name in ("system", "ups", "services", "network", "audio", "gps"):
        assert status[name] == client.get(f"/{name}").json()
    assert (status["timestamp_ms"], status["boot_id"]) == (NOW_MS, BOOT_ID)


def test_what_is_not_there_says_so_and_unknown_is_null(client: httpx.Client) -> None:
    gps = client.get("/gps").json()
    assert gps["status"] == "offline"
    assert "gpsd" in gps["last_error"]
    assert gps["lat"] is None
    assert "simulated" not in gps
    assert client.get("/ups").json()["simulated"] is True
    bluetooth = client.get("/network/bluetooth/state")
    assert (bluetooth.status_code, bluetooth.json()["status"]) == (200, "offline")


def test_the_newest_events_come_oldest_first(server: Server, client: httpx.Client) -> None:
    for _ in range(60):
        server.call(server.port.publish, "ups")
    seq = server.port.stream.seq
    assert [event["seq"] for event in client.get("/events/last").json()["events"]] == list(range(seq - 49, seq + 1))
    events = client.get("/events/last?limit=2").json()["events"]
    assert [event["seq"] for event in events] == [seq - 1, seq]
    assert client.get("/status").json()["seq"] == seq
    for limit in ("0", "101", "", "-1", "1.0", "x", "5&limit=6"):
        assert check_error(client.get(f"/events/last?limit={limit}"), 400).startswith("limit:")


@pytest.mark.parametrize(("path", "body", "command", "arguments", "part"), COMMANDS)
def test_command(
    server: Server,
    client: httpx.Client,
    document: dict[str, Any],
    path: str,
    body: Any,
    command: str,
    arguments: dict[str, object],
    part: str,
) -> None:
    content = b"" if body is None else json.dumps(body)
    response = client.post(path, content=content)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer.keys() == {"type", "timestamp_ms", "data"}
    assert answer["type"] == "COMMAND_ACK"
    assert (answer["data"]["command"], answer["data"]["ok"], answer["data"]["reason"]) == (command, True, None)
    check_schema(document, "post", path, answer)
    assert server.port.commands[-1] == (command, arguments)
    assert server.port.clients[-1].startswith("127.0.0.1 request ")

    before = len(server.port.commands)
    server.port.absent.add(part)
    try:
        assert part in check_error(client.post(path, content=content), 409)
    finally:
        server.port.absent.clear()
    assert len(server.port.commands) == before


def test_what_was_accepted_and_failed_is_an_acknowledgement(server: Server, client: httpx.Client) -> None:
    server.port.failing = True
    try:
        response = client.post(RESTART, json={"confirm": True})
    finally:
        server.port.failing = False
    data = response.json()["data"]
    assert (response.status_code, data["ok"], data["reason"]) == (200, False, "the unit did not come up")
    assert data["target"] == UNIT


@pytest.mark.parametrize("path", CONFIRMED)
@pytest.mark.parametrize("body", [b"", b"{}", b'{"confirm":false}', b'{"payload":{}}'])
def test_without_confirm_nothing_is_done(server: Server, client: httpx.Client, path: str, body: bytes) -> None:
    before = list(server.port.commands)
    assert check_error(client.post(path, content=body), 400).startswith("confirm:")
    assert server.port.commands == before


@pytest.mark.parametrize("path", DANGEROUS)
def test_dangerous_commands_need_the_configuration(server: Server, client: httpx.Client, path: str) -> None:
    server.port.unsafe = False
    try:
        assert "allow_unsafe_operations" in check_error(client.post(path, json={"confirm": True}), 403)
    finally:
        server.port.unsafe = True


@pytest.mark.parametrize("path", CONFIRMED)
def test_a_command_that_rests_says_for_how_long(server: Server, client: httpx.Client, path: str) -> None:
    server.port.cool_downs = True
    try:
        assert client.post(path, json={"confirm": True}).status_code == 200
        again = client.post(path, json={"confirm": True})
        assert "10 s" in check_error(again, 429)
        assert again.headers["retry-after"] == "10"
    finally:
        server.port.cool_downs = False
        server.port.resting.clear()


def test_an_unlisted_unit_is_not_found(server: Server, client: httpx.Client) -> None:
    before = list(server.port.commands)
    for name in ("sshd", UNIT + ".service", UNIT.upper(), UNIT[:-1], "*"):
        assert check_error(client.post(f"/services/{name}/restart", json={"confirm": True}), 404).startswith("name:")
    assert server.port.commands == before


def test_unknown_path_and_wrong_method(client: httpx.Client) -> None:
    assert "/nothing" in check_error(client.get("/nothing"), 404)
    wrong = client.put("/audio/mute")
    check_error(wrong, 405)
    assert set(wrong.headers["allow"].split(", ")) == {"POST", "OPTIONS"}
    upgrade = client.get("/ws")
    check_error(upgrade, 426)
    assert upgrade.headers["upgrade"] == "websocket"


def test_internal_error_tells_nothing(server: Server, client: httpx.Client) -> None:
    server.port.broken = True
    try:
        detail = check_error(client.get("/health"), 500)
    finally:
        server.port.broken = False
    assert "secret" not in detail
    assert "Traceback" not in detail


def test_docs_name_every_route_and_load_nothing(server: Server, client: httpx.Client, document: dict[str, Any]) -> None:
    page = httpx.get(server.http + "/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "://" not in page.text
    assert "<script" not in page.text
    for path in document["paths"]:
        assert path in page.text
    assert document["openapi"] == "3.1.0"
    assert httpx.get(server.http + "/docs/openapi.json").json() == document


def test_commands_are_limited_and_refused_reboots_cost_no_dangerous_token() -> None:
    with Server(clock_stands_still=True) as limited, httpx.Client(base_url=limited.http + BASE) as client:
        limited.port.unsafe = False
        for _ in range(5):  # the dangerous burst is 2
            check_error(client.post("/system/reboot", json={"confirm": True}), 403)
        limited.port.unsafe = True
        statuses = [client.post("/system/reboot", json={"confirm": True}).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        statuses = [client.post("/audio/mute", json={"muted": True}).status_code for _ in range(4)]
        assert statuses == [200] * 3 + [429]  # ten in all, those that were refused by the service among them
        refused = client.post("/audio/mute", json={"muted": True})
        check_error(refused, 429)
        assert refused.headers["retry-after"] == "1"
        for _ in range(20):
            assert client.post("/network/bluetooth/scan/stop").status_code == 200  # stopping is never limited
        assert client.post("/audio/mute", content=b"{").status_code == 400
        assert client.get("/status").status_code == 200
        assert len([name for name, _ in limited.port.commands if name == "reboot"]) == 2
