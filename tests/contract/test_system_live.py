"""The System Controller's API over the real controller and real sockets; only the parts of the host are stand-ins."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import msgspec
import pytest
from scan_fake import DEADLINE_S, UNLIMITED
from scan_fake import Server as ScanServer
from support.host_parts import FakePart, Stubborn
from websockets.asyncio.client import ClientConnection, connect

from ndefender.api.app import App
from ndefender.api.system_app import build_system_app
from ndefender.api.system_ports import SystemPort
from ndefender.events import host
from ndefender.events.bus import Bus
from ndefender.events.stream import Stream
from ndefender.system.audit import Audit
from ndefender.system.controller import Controller
from ndefender.system.parts import Parts

UNIT = "ndefender-system-controller"
WS = "/api/v1/ws"
SECTIONS: dict[str, host.Section] = {
    "system": host.SystemSection(cpu_temp_c=45.2, cpu_usage_percent=12.5),
    "ups": host.UpsSection(soc_percent=78, state="DISCHARGING"),
    "services": host.ServicesSection(
        services=[host.ServiceState(name=UNIT, active_state="active", sub_state="running", restart_count=1)]
    ),
    "network": host.NetworkSection(connected=True, ssid="MyWiFi", ip_v4="192.168.1.100"),
    "audio": host.AudioSection(volume_percent=60, muted=False),
    "gps": host.GpsSection(fix="none"),
}
# EVENTS.md, System Controller part: the `data` of every example.
EXAMPLES: dict[str, dict[str, Any]] = {
    "LOG_EVENT": {"message": "HELLO"},
    "SYSTEM_STATUS": {"cpu_temp_c": 45.2, "cpu_usage_percent": 12.5},
    "UPS_UPDATE": {"soc_percent": 78, "state": "DISCHARGING"},
    "SERVICE_UPDATE": {
        "services": [{"name": UNIT, "active_state": "active", "sub_state": "running", "restart_count": 1}]
    },
    "NETWORK_UPDATE": {"connected": True, "ssid": "MyWiFi", "ip_v4": "192.168.1.100"},
    "AUDIO_UPDATE": {"volume_percent": 60, "muted": False},
    "COMMAND_ACK": {"command": "reboot", "ok": True, "reason": None},
}


class Doer:
    """Restarts and reboots by counting; a restart takes its time."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    async def restart(self, name: str) -> None:
        self.done[name] += 1
        await asyncio.sleep(0.05)

    async def reboot(self) -> None:
        self.done["reboot"] += 1

    async def power_off(self) -> None:
        self.done["power_off"] += 1


class Server(ScanServer):
    """The real controller over parts that do as they are told."""

    control: Controller

    def build(self) -> App:
        self.parts: dict[str, FakePart[Any]] = {name: FakePart(name, section) for name, section in SECTIONS.items()}
        self.doer = Doer()

        def now_ms() -> int:
            return time.time_ns() // 1_000_000

        self.control = Controller(
            Parts(**self.parts, units=self.doer, power=self.doer, unit_names=[UNIT, "gpsd", "other"]),
            Stream(Bus(1000), "e" * 32, now_ms),
            version="1.2.3",
            now_ms=now_ms,
            clock=time.monotonic,
            timeout_s=2.0,
            allow_unsafe=True,
            dry_run=False,
            audit=Audit(),
        )
        port: SystemPort = self.control
        return build_system_app(port, self.settings, self._clock)


async def started(control: Controller) -> None:
    """Start it, and wait until every part was read once."""
    await control.start()
    while control.health().offline:
        await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(**UNLIMITED) as running:
        asyncio.run_coroutine_threadsafe(started(running.control), running.loop).result(DEADLINE_S)
        yield running
        asyncio.run_coroutine_threadsafe(running.control.stop(), running.loop).result(DEADLINE_S)


@contextlib.asynccontextmanager
async def listening(server: Server) -> AsyncIterator[ClientConnection]:
    async with asyncio.timeout(DEADLINE_S), connect(server.ws + WS) as client:
        yield client


async def until(client: ClientConnection, kind: str, **values: object) -> dict[str, Any]:
    """The next event of a kind whose data has these values."""
    while True:
        event: dict[str, Any] = json.loads(await client.recv())
        if event["type"] == kind and values.items() <= event["data"].items():
            return event


def told(example: object, data: object) -> bool:
    """Whether all of the example is there, types included."""
    if isinstance(example, dict):
        return isinstance(data, dict) and all(key in data and told(value, data[key]) for key, value in example.items())
    if isinstance(example, list):
        return isinstance(data, list) and len(data) == len(example) and all(map(told, example, data))
    return type(example) is type(data) and example == data


async def test_every_example_of_the_document_comes_from_a_live_controller(server: Server) -> None:
    async with listening(server) as client, httpx.AsyncClient(base_url=f"{server.http}/api/v1") as http:
        answer = await http.post("/system/reboot", json={"confirm": True})
        events: list[dict[str, Any]] = []
        while {event["type"] for event in events} != set(EXAMPLES):
            events.append(json.loads(await client.recv()))
    assert [event["type"] for event in events[:2]] == ["LOG_EVENT", "SYSTEM_STATUS"]
    for event in events:
        assert told(EXAMPLES[event["type"]], event["data"]), event
        assert event["source"] == "system"
        assert abs(event["timestamp_ms"] - time.time() * 1e3) < 60_000
    first = events[1]["seq"]
    assert [event["seq"] for event in events[1:]] == list(range(first, first + len(events) - 1))
    ack = next(event for event in events if event["type"] == "COMMAND_ACK")
    assert answer.status_code == 200
    assert {key: answer.json()[key] for key in ("type", "timestamp_ms", "data")} == {
        key: ack[key] for key in ("type", "timestamp_ms", "data")
    }


async def test_a_signalled_change_is_on_the_socket_at_once(server: Server) -> None:
    part = server.parts["audio"]
    async with listening(server) as client:
        for volume_percent in (11, 22, 33):
            await until(client, "SYSTEM_STATUS")  # a moment of its own, so that the change meets a resting monitor

            def change(section: host.Section) -> float:
                part.section = section
                part.signals.put_nowait(None)
                return time.monotonic()

            at_s = server.call(change, host.AudioSection(volume_percent=volume_percent, muted=False))
            await until(client, "AUDIO_UPDATE", volume_percent=volume_percent)
            assert time.monotonic() - at_s <= 0.2
        server.call(setattr, part, "section", SECTIONS["audio"])


async def test_a_part_that_hangs_is_offline_in_time_and_comes_back(server: Server) -> None:
    part = server.parts["ups"]
    async with listening(server) as client, httpx.AsyncClient(base_url=f"{server.http}/api/v1") as http:
        server.call(setattr, part, "act", Stubborn(1))
        began_s = time.monotonic()
        event = await until(client, "UPS_UPDATE", status="offline")
        assert time.monotonic() - began_s <= 3.0
        assert event["data"]["last_error"] == "no answer within 2 s"
        assert event["data"]["soc_percent"] is None
        status = (await http.get("/status")).json()
        assert status["ups"]["status"] == "offline"
        assert {status[name]["status"] for name in SECTIONS if name != "ups"} == {"ok"}
        assert "ups" in (await http.get("/health")).json()["offline"]
        server.call(setattr, part, "act", None)
        back = await until(client, "UPS_UPDATE", status="ok")
    assert told(EXAMPLES["UPS_UPDATE"], back["data"])


async def test_ten_clients_at_once_restart_a_unit_once(server: Server) -> None:
    async with listening(server) as client, httpx.AsyncClient(base_url=f"{server.http}/api/v1") as http:
        # Refused ones first: they consume nothing.
        assert (await http.post("/services/gpsd/restart", json={})).status_code == 400
        assert (await http.post("/services/nobody/restart", json={"confirm": True})).status_code == 404
        answers = await asyncio.gather(
            *(http.post("/services/gpsd/restart", json={"confirm": True}) for _ in range(10))
        )
        ack = await until(client, "COMMAND_ACK", target="gpsd")
        other = await http.post("/services/other/restart", json={"confirm": True})
    assert Counter(answer.status_code for answer in answers) == {200: 1, 429: 9}
    assert server.doer.done["gpsd"] == 1
    assert ack["data"]["ok"] is True
    assert other.status_code == 200
    for answer in answers:
        if answer.status_code == 429:
            assert 9 <= int(answer.headers["Retry-After"]) <= 10
            assert "detail" in answer.json()


def test_sections_stand_in_the_answers_as_on_the_socket(server: Server) -> None:
    with httpx.Client(base_url=f"{server.http}/api/v1", timeout=DEADLINE_S) as http:
        for name in SECTIONS:
            answer = http.get(f"/{name}")
            assert answer.status_code == 200
            assert answer.json() == msgspec.to_builtins(server.call(server.control.section, name))
