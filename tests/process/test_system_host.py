"""The System Controller from live backends over real sockets: examples, order, changes, commands, what is no use."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import socket
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from host_client import EVENT_OF, Event, Heard, listening, section_is
from host_rig import UNITS, VERSION, Served
from system_rig import FREE, UNSAFE, Rig, changed, no_complaints, rig

from ndefender.api.system_routes import COMMANDS
from ndefender.config.settings import Settings
from ndefender.system.pulse import PulseSink

DEADLINE_S = 20.0
NOBODY = 65534
PASSWORD = "correct horse"
DEVICE = "02:00:00:00:02:01"
ADAPTER = "/org/bluez/hci0"
# EVENTS.md, System Controller part: the `data` of every example.
EXAMPLES: dict[str, dict[str, Any]] = {
    "LOG_EVENT": {"message": "HELLO"},
    "SYSTEM_STATUS": {"cpu_temp_c": 45.2, "cpu_usage_percent": 12.5},
    "UPS_UPDATE": {"soc_percent": 78, "state": "DISCHARGING"},
    "SERVICE_UPDATE": {
        "services": [
            {
                "name": "ndefender-system-controller",
                "active_state": "active",
                "sub_state": "running",
                "restart_count": 1,
            }
        ]
    },
    "NETWORK_UPDATE": {"connected": True, "ssid": "MyWiFi", "ip_v4": "192.168.1.100"},
    "AUDIO_UPDATE": {"volume_percent": 60, "muted": False},
    "COMMAND_ACK": {"command": "reboot", "ok": True, "reason": None},
}
# A machine without sensors knows no temperature; a number that is unknown is null.
MAY_BE_NULL = {"cpu_temp_c"}
BODIES: dict[str, dict[str, object]] = {
    "audio_mute": {"muted": True},
    "audio_volume": {"volume_percent": 41},
    "wifi_connect": {"ssid": "field-net", "password": PASSWORD},
    "bluetooth_pair": {"addr": DEVICE, "pin": "0000"},
    "bluetooth_unpair": {"addr": DEVICE},
}
# Each needs what the one before left: a radio that is on, a device that is paired.
ORDER = [
    "service_restart",
    "gps_restart",
    "audio_mute",
    "audio_volume",
    "wifi_disable",
    "wifi_enable",
    "wifi_connect",
    "wifi_disconnect",
    "bluetooth_disable",
    "bluetooth_enable",
    "bluetooth_scan_start",
    "bluetooth_scan_stop",
    "bluetooth_pair",
    "bluetooth_unpair",
    "reboot",
    "shutdown",
]


async def all_read(served: Served) -> None:
    """Wait until every part was read, and gpsd has a fix."""
    async with httpx.AsyncClient(base_url=served.http) as client, asyncio.timeout(DEADLINE_S):
        while (await client.get("/health")).json()["offline"] or (await client.get("/gps")).json()["fix"] != "3d":
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def host() -> Iterator[Rig]:
    with rig(system_controller=FREE, safety=UNSAFE) as running:
        asyncio.run(all_read(running.served))
        yield running


@pytest.fixture
async def heard(host: Rig) -> AsyncIterator[Heard]:
    async with listening(host.served.socket) as client:
        yield client


@pytest.fixture
async def http(host: Rig) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=host.served.http, timeout=DEADLINE_S) as client:
        yield client


def fits(example: object, data: object, name: str = "") -> bool:
    """Whether all fields of the example are there, with its types."""
    if isinstance(example, dict):
        return isinstance(data, dict) and all(key in data and fits(example[key], data[key], key) for key in example)
    if isinstance(example, list):
        return isinstance(data, list) and bool(data) and all(fits(example[0], row) for row in data)
    return type(example) is type(data) or (name in MAY_BE_NULL and data is None)


def data_is(event_type: str, **values: object) -> Callable[[Event], bool]:
    """An event of a type whose data has these values."""
    return lambda event: event["type"] == event_type and values.items() <= event["data"].items()


async def test_every_example_of_the_document_comes_from_a_live_host(
    host: Rig, heard: Heard, http: httpx.AsyncClient
) -> None:
    bus = host.peers.bus
    host.served.ask("supply", "NO_SUPPLY")
    bus.unit(UNITS[0], restarts=1)
    answer = await http.post("/network/wifi/connect", json={"ssid": "field-net", "password": PASSWORD})
    assert answer.json()["data"]["ok"] is True, answer.text
    ack = await http.post("/system/reboot", json={"confirm": True})
    wanted = [
        data_is("SYSTEM_STATUS", status="ok"),
        data_is("SERVICE_UPDATE", status="ok"),
        data_is("UPS_UPDATE", state="DISCHARGING"),
        data_is("NETWORK_UPDATE", ssid="field-net", connected=True),
        data_is("AUDIO_UPDATE", muted=False),
        data_is("COMMAND_ACK", command="reboot"),
    ]
    found = [heard.events[0], *[heard.events[await heard.until(each, 1)] for each in wanted]]
    assert {event["type"] for event in found} == set(EXAMPLES)
    for event in found:
        assert fits(EXAMPLES[event["type"]], event["data"]), event
        assert event["source"] == "system"
        assert abs(event["timestamp_ms"] - time.time() * 1e3) < 60_000
    services = next(event for event in found if event["type"] == "SERVICE_UPDATE")["data"]["services"]
    assert [row["name"] for row in services] == UNITS
    told = found[-1]
    assert ack.status_code == 200
    assert ack.json() == {key: told[key] for key in ("type", "timestamp_ms", "data")}
    assert told["data"].items() >= EXAMPLES["COMMAND_ACK"].items()
    assert set(told["data"]) - set(EXAMPLES["COMMAND_ACK"]) == {"command_id", "simulated"}
    assert uuid.UUID(told["data"]["command_id"]).version == 4
    assert bus.calls("logind", "Reboot") == [[False]]
    host.served.ask("supply", "MAINS")


@pytest.mark.slow
async def test_hello_then_the_status_then_updates_at_their_periods_without_gaps(heard: Heard) -> None:
    periods_s = {"SYSTEM_STATUS": 2.0, "UPS_UPDATE": 2.0, "NETWORK_UPDATE": 3.0}
    for kind in EVENT_OF.values():
        index = 2
        for _ in range(2 if kind in periods_s else 1):
            index = await heard.until(data_is(kind), index) + 1
    assert {event["type"] for event in heard.events[2:]} == set(EVENT_OF.values())
    assert [event["type"] for event in heard.events[:2]] == ["LOG_EVENT", "SYSTEM_STATUS"]
    assert heard.events[0]["data"] == {"message": "HELLO"}
    assert heard.events[1]["data"]["status"] == "ok"
    first = heard.events[1]["seq"]
    assert [event["seq"] for event in heard.events[1:]] == list(range(first, first + len(heard.events) - 1))
    for kind, period_s in periods_s.items():
        at_s = [heard.at_s[i] for i in range(2, len(heard.events)) if heard.events[i]["type"] == kind]
        gaps_s = [after - before for before, after in itertools.pairwise(at_s)]
        assert max(gaps_s) < period_s + 0.5  # late by what a busy machine takes, never left out


async def settled(heard: Heard) -> int:
    """Wait for a moment at which nothing is under way; events from the returned index on are new."""
    return await heard.until(data_is("SYSTEM_STATUS"), len(heard.events)) + 1


async def test_a_change_of_a_unit_is_on_the_socket_at_once(host: Rig, heard: Heard) -> None:
    for restarts in (11, 12):
        since = await settled(heard)
        began_s = time.monotonic()
        await asyncio.to_thread(host.peers.bus.unit, "other", "activating", "auto-restart", restarts)
        index = await heard.until(
            lambda event, count=restarts: (
                event["type"] == "SERVICE_UPDATE" and event["data"]["services"][2]["restart_count"] == count
            ),
            since,
        )
        # Its period is 5 s: what comes within two was signalled.
        assert heard.at_s[index] - began_s < 2.0
        assert heard.events[index]["data"]["services"][2]["sub_state"] == "auto-restart"


async def test_a_change_of_the_network_is_on_the_socket_at_once(host: Rig, heard: Heard) -> None:
    for address in ("10.20.0.21", "10.20.0.22"):
        since = await settled(heard)
        began_s = time.monotonic()
        await asyncio.to_thread(host.peers.bus.ethernet, address)
        index = await heard.until(data_is("NETWORK_UPDATE", ip_v4=address, kind="ethernet"), since)
        assert heard.at_s[index] - began_s < 2.0


async def test_a_change_of_the_volume_is_on_the_socket_at_once(host: Rig, heard: Heard) -> None:
    other_program = PulseSink(host.peers.pulse.address)
    for percent in (31, 32):
        since = await settled(heard)
        began_s = time.monotonic()
        await other_program.volume(percent)
        index = await heard.until(data_is("AUDIO_UPDATE", volume_percent=percent), since)
        assert heard.at_s[index] - began_s < 2.0
    await other_program.close()


async def test_sections_of_the_status_are_the_sections(http: httpx.AsyncClient) -> None:
    status = (await http.get("/status")).json()
    assert [status[name]["status"] for name in ("system", "ups", "services", "network", "audio", "gps")] == ["ok"] * 6
    assert {name for name in status if isinstance(status[name], dict) and status[name].get("simulated")} == {
        "ups",
        "services",
        "network",
        "audio",
        "gps",
    }
    for name in ("services", "network", "audio", "gps"):
        assert set((await http.get(f"/{name}")).json()) == set(status[name])
    health = (await http.get("/health")).json()
    assert health.items() >= {"ok": True, "version": VERSION, "offline": []}.items()
    assert isinstance(health["timestamp_ms"], int)
    scan = (await http.get("/network/wifi/scan")).json()
    assert {row["ssid"] for row in scan["networks"]} == {"field-net", "visitors"}
    devices = (await http.get("/network/bluetooth/devices")).json()
    assert [row["addr"] for row in devices["devices"]] == [DEVICE]
    assert (await http.get("/network/wifi/state")).json()["interface"] == "wlan0"
    assert (await http.get("/network/bluetooth/state")).json()["enabled"] is True


async def test_ten_clients_at_once_have_a_unit_restarted_once(host: Rig, heard: Heard, http: httpx.AsyncClient) -> None:
    """The short form of `benchmarks/hammer.py`."""
    bus = host.peers.bus
    before = Counter(unit for unit, _ in bus.calls("systemd", "RestartUnit"))
    for body, status in (({}, 400), ({"confirm": False}, 400), ({"confirm": "yes"}, 400)):
        assert (await http.post("/services/other/restart", json=body)).status_code == status
    posts = [
        http.post(path, json={"confirm": True})
        for path in ("/services/other/restart", "/services/other.service/restart", "/system/shutdown") * 10
    ]
    random.Random(5).shuffle(posts)
    answers = await asyncio.gather(*posts)
    by_path: dict[str, Counter[int]] = {}
    for answer in answers:
        kind = "shutdown" if "shutdown" in str(answer.url) else "other"
        by_path.setdefault(kind, Counter())[answer.status_code] += 1
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["Retry-After"]) <= (30 if kind == "shutdown" else 10)
    assert by_path == {"other": Counter({429: 19, 200: 1}), "shutdown": Counter({429: 9, 200: 1})}
    await heard.until(data_is("COMMAND_ACK", command="shutdown", ok=True))
    await heard.until(data_is("COMMAND_ACK", command="service_restart", ok=True))
    ids = [event["data"]["command_id"] for event in heard.of("COMMAND_ACK")]
    assert len(ids) == len(set(ids)) == 2
    after = Counter(unit for unit, _ in bus.calls("systemd", "RestartUnit"))
    assert after - before == Counter({"other.service": 1})
    assert bus.calls("logind", "PowerOff") == [[False]]


def done(rig: Rig) -> list[list[list[Any]]]:
    """Everything that was done to the services."""
    bus = rig.peers.bus
    return [
        bus.calls("systemd", "RestartUnit"),
        bus.calls("logind", "Reboot"),
        bus.calls("logind", "PowerOff"),
        bus.calls("bluez", "StartDiscovery", ADAPTER),
        bus.calls("bluez", "RemoveDevice", ADAPTER),
    ]


MUTE, VOLUME, REBOOT = "/audio/mute", "/audio/volume", "/system/reboot"
WRONG: list[tuple[str, bytes, str]] = [
    (MUTE, b"{", "body: "),
    (MUTE, b'{"muted":"\xff\xfe"}', "body: "),
    (MUTE, b'{"muted":NaN}', "$.muted: "),
    (MUTE, b"[" * 30_000, "body: "),
    (MUTE, b'{"a":' * 8_000 + b"1" + b"}" * 8_000, "body: "),
    (MUTE, b'{"muted":"true"}', "$.muted: "),
    (MUTE, b'{"muted":true,"mutd":1}', "$.mutd: "),
    (VOLUME, b'{"volume_percent":101}', "$.volume_percent: "),
    (VOLUME, b'{"payload":{"volume_percent":-1}}', "$.payload.volume_percent: "),
    (VOLUME, b'{"volume_percent":1e999}', "$.volume_percent: "),  # no number of JSON's either
    (VOLUME, b'{"volume_percent":Infinity}', "$.volume_percent: "),
    ("/network/wifi/connect", b'{"ssid":"field-net","password":"short"}', "$.password: "),
    ("/network/wifi/connect", b'{"ssid":7}', "$.ssid: "),
    ("/network/bluetooth/pair", b'{"addr":"../../etc/passwd"}', "$.addr: "),
    ("/network/bluetooth/unpair", b'{"addr":null}', "$.addr: "),
    (REBOOT, b'{"confirm":"true"}', "$.confirm: "),
    (REBOOT, b'{"confirm":true,"delay":0}', "$.delay: "),
    (REBOOT, b"{}", "confirm"),
    ("/services/other/restart", b'{"confirm":1}', "$.confirm: "),
]
NAMES = [
    *("sshd", "nobody", "other.socket", "other.service.service", "OTHER", "..", "%2e%2e", "..%2f..%2fetc%2fpasswd"),
    *("other%00", "other%20", "%20other", "other%0a", "other;reboot", "%24%28reboot%29", "other%2fother", "%ff%fe"),
    *("%E2%80%AEother", "x" * 300, "x" * 5000, "%", "%zz", "*", "other@", "-.service", "%D0%BEther"),
]


def test_what_is_no_use_is_refused_and_nothing_is_done(host: Rig) -> None:
    before = done(host)
    with httpx.Client(base_url=host.served.http, timeout=DEADLINE_S) as client:
        for path, body, field in WRONG:
            answer = client.post(path, content=body)
            assert answer.status_code == 400, (path, body[:80], answer.text)
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()["detail"].startswith(field), (body[:80], answer.text)
        big = client.post(MUTE, content=b'{"muted":' + b" " * 10_000_000 + b"true}")
        assert big.status_code == 413
        assert set(big.json()) == {"detail"}
        assert client.get("/status").status_code == 200
    assert done(host) == before


def test_no_other_unit_has_a_name_that_reaches_it(host: Rig) -> None:
    before = done(host)
    for name in NAMES:
        with socket.create_connection(("127.0.0.1", host.served.port), DEADLINE_S) as client:
            body = b'{"confirm":true}'
            head = f"POST /api/v1/services/{name}/restart HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
        top, _, text = answer.partition(b"\r\n\r\n")
        assert int(top.split()[1]) in {400, 404, 414}, (name, answer[:200])
        assert set(json.loads(text)) == {"detail"}
    assert done(host) == before


async def everything_works(rig: Rig) -> None:
    """Carry out every command of the API, each once."""
    assert sorted(ORDER) == sorted(row.name for row in COMMANDS)
    rows = {row.name: row for row in COMMANDS}
    await all_read(rig.served)
    async with httpx.AsyncClient(base_url=rig.served.http, timeout=60.0) as http:
        for name in ORDER:
            path = rows[name].path.replace("{name}", UNITS[0])
            answer = await http.post(path, json={"payload": BODIES.get(name, {}), "confirm": True})
            assert answer.status_code == 200, (name, answer.text)
            data = answer.json()["data"]
            assert (data["command"], data["ok"], data["reason"]) == (name, True, None)
        status = (await http.get("/status")).json()
        assert {status[name]["status"] for name in ("system", "ups", "services", "network", "audio", "gps")} == {"ok"}
    assert PASSWORD not in rig.served.log()
    assert rig.peers.bus.calls("logind", "Reboot") == rig.peers.bus.calls("logind", "PowerOff") == [[False]]
    assert rig.served.ask("keep_alives") > 0


def reachable(path: Path) -> bool:
    """Whether any user may read what is there."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents) and bool(path.stat().st_mode & 0o004)


@pytest.mark.slow
async def test_every_command_works_for_a_user_without_rights() -> None:
    """The bus here refuses nobody: what is shown is that the controller itself needs no right; see the polkit tests."""
    if os.getuid() != 0:
        pytest.skip("only root can take another user's place; every other test ran without root's rights")
    for file in (Path(os.__file__), Path(__file__), Path(httpx.__file__)):
        if not reachable(file):
            pytest.skip(f"{file} cannot be read by other users")
    with rig(user_id=NOBODY, system_controller=FREE, safety=UNSAFE) as unprivileged:
        assert unprivileged.served.user_ids() == {NOBODY}
        await everything_works(unprivileged)


async def test_a_machine_with_none_of_it_says_so(tmp_path: Path) -> None:
    settings = changed(
        Settings(),
        host={"units": UNITS, "dbus_address": f"unix:path={tmp_path}/none", "pulse_server": f"unix:{tmp_path}/none"},
        gps={"port": free_port()},
        ups={"bus": 4711},
        system_controller=FREE,
        safety=UNSAFE,
    )
    served = Served(settings, tmp_path / "log", real=frozenset({"ups", "audio", "gps", "services", "network"}))
    served.start()
    try:
        async with httpx.AsyncClient(base_url=served.http) as http, listening(served.socket) as heard:
            first = await http.get("/status")  # whatever was read until now
            assert first.status_code == 200
            async with asyncio.timeout(DEADLINE_S):
                while "not read yet" in (answer := await http.get("/status")).text:
                    await asyncio.sleep(0.02)
            await heard.until(section_is("system", "ok"))
            assert answer.status_code == 200
            status = answer.json()
            for name in ("ups", "services", "network", "audio", "gps"):
                section = status[name]
                assert section.pop("status") == "offline"
                assert len(section.pop("last_error")) > 10
                section.pop("state", None)
                assert not any(section.values()), section  # nothing is made up
                assert (await http.get(f"/{name}")).status_code == 200
            assert status["ups"].get("state", "UNKNOWN") == "UNKNOWN"
            assert status["system"]["ram_total_mb"] > 0
            assert status["system"]["clock_synchronized"] is None
            for path in ("wifi/state", "wifi/scan", "bluetooth/state", "bluetooth/devices"):
                asked = await http.get(f"/network/{path}")
                assert (asked.status_code, asked.json()["status"]) == (200, "offline")
            for row in COMMANDS:
                body = {"payload": BODIES.get(row.name, {}), "confirm": True}
                refused = await http.post(row.path.replace("{name}", UNITS[0]), json=body)
                assert refused.status_code == 409, (row.name, refused.text)
                # A refusal consumes no cool-down.
                again = await http.post(row.path.replace("{name}", UNITS[0]), json=body)
                assert again.status_code == 409, (row.name, again.text)
            assert [event["type"] for event in heard.events[:2]] == ["LOG_EVENT", "SYSTEM_STATUS"]
            assert heard.of("COMMAND_ACK") == []
        assert served.stop() == 0
        no_complaints(served)
    finally:
        served.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
