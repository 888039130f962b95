"""The System Controller's socket: the greeting, every example of EVENTS.md, and what a client may and may not do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest
from scan_fake import DEADLINE_S, NOW_MS, UNLIMITED
from system_fake import BOOT_ID, SECTIONS, UNIT, Server
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

WS = "/api/v1/ws"
# The document's examples, as they stand there.
EXAMPLES: list[dict[str, Any]] = [
    json.loads(text)
    for text in (
        '{"type": "LOG_EVENT", "timestamp_ms": 1700000000000, "source": "system", "data": {"message": "HELLO"}}',
        """{"type": "SYSTEM_STATUS", "timestamp_ms": 1700000000000, "source": "system",
            "data": {"cpu_temp_c": 45.2, "cpu_usage_percent": 12.5}}""",
        """{"type": "UPS_UPDATE", "timestamp_ms": 1700000000000, "source": "system",
            "data": {"soc_percent": 78, "state": "DISCHARGING"}}""",
        """{"type": "SERVICE_UPDATE", "timestamp_ms": 1700000000000, "source": "system",
            "data": {"services":[{"name":"ndefender-system-controller","active_state":"active","sub_state":"running",
            "restart_count":1}]}}""",
        """{"type": "NETWORK_UPDATE", "timestamp_ms": 1700000000000, "source": "system",
            "data": {"connected": true, "ssid": "MyWiFi", "ip_v4": "192.168.1.100"}}""",
        """{"type": "AUDIO_UPDATE", "timestamp_ms": 1700000000000, "source": "system",
            "data": {"volume_percent": 60, "muted": false}}""",
        """{"type": "COMMAND_ACK", "timestamp_ms": 1700000000000, "source": "system",
            "data": {"command": "reboot", "ok": true, "reason": null}}""",
    )
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(**UNLIMITED) as running:
        yield running


async def take(client: ClientConnection, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(DEADLINE_S):
        messages = [await client.recv() for _ in range(count)]
    assert all(isinstance(message, str) for message in messages)
    return [json.loads(message) for message in messages]


async def post(server: Server, path: str, body: object) -> httpx.Response:
    async with httpx.AsyncClient(timeout=DEADLINE_S) as http:
        return await http.post(f"{server.http}/api/v1{path}", json=body)


def agrees(told: object, example: object) -> bool:
    """Whether every field of the example is there, with its type and value; more fields are allowed."""
    if isinstance(example, dict):
        return isinstance(told, dict) and all(key in told and agrees(told[key], example[key]) for key in example)
    if isinstance(example, list):
        return isinstance(told, list) and len(told) == len(example) and all(map(agrees, told, example))
    return type(told) is type(example) and told == example


async def test_every_example_comes_over_the_socket_field_for_field(server: Server) -> None:
    async with connect(server.ws + WS) as client:
        for section in ("ups", "services", "network", "audio"):
            await asyncio.to_thread(server.call, server.port.publish, section)
        response = await post(server, "/system/reboot", {"confirm": True})
        told = await take(client, len(EXAMPLES))
    for message, example in zip(told, EXAMPLES, strict=True):
        assert agrees(message, example), message
        assert message.keys() - example.keys() <= {"seq", "boot_id"}
        assert message["boot_id"] == BOOT_ID
    ack = response.json()
    assert told[-1]["data"] == ack["data"]
    assert agrees(ack, {key: EXAMPLES[-1][key] for key in ("type", "timestamp_ms", "data")})
    assert (NOW_MS, ack["data"]["command_id"]) == (ack["timestamp_ms"], told[-1]["data"]["command_id"])


async def test_a_client_is_greeted_and_then_misses_nothing_and_doubles_nothing(server: Server) -> None:
    for _ in range(3):
        server.call(server.port.publish, "ups")
    before = server.port.stream.seq
    async with connect(server.ws + WS) as one, connect(server.ws + WS) as two:
        server.call(server.port.publish, "audio")
        server.call(server.port.publish)
        for client in (one, two):
            told = await take(client, 4)
            kinds = [message["type"] for message in told]
            assert kinds == ["LOG_EVENT", "SYSTEM_STATUS", "AUDIO_UPDATE", "SYSTEM_STATUS"]
            assert "seq" not in told[0]
            assert [message["seq"] for message in told[1:]] == [before, before + 1, before + 2]
            assert told[1]["data"] == msgspec.to_builtins(SECTIONS["system"])


async def test_what_a_client_says_is_read_and_ignored(server: Server) -> None:
    async with connect(server.ws + WS) as client:
        await take(client, 2)
        await client.send('{"type":"reboot","confirm":true}')
        await client.send(b"\x00\xff" * 500)
        await asyncio.wait_for(await client.ping(), DEADLINE_S)
        before = len(server.port.commands)
        server.call(server.port.publish)
        assert (await take(client, 1))[0]["type"] == "SYSTEM_STATUS"
        assert len(server.port.commands) == before
        await client.send("x" * (server.settings.max_message_bytes + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await take(client, 1)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_one_client_too_many_is_told_so() -> None:
    with Server(max_clients=2) as small:
        async with connect(small.ws + WS), connect(small.ws + WS):
            with pytest.raises(InvalidStatus) as refused:
                await connect(small.ws + WS)
        answer = refused.value.response
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/json"
        assert answer.body is not None
        assert msgspec.json.decode(answer.body).keys() == {"detail"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-WebSocket-Version": "13"}, 400),
        ({"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Version": "7", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}, 400),
    ],
)
def test_a_bad_upgrade_gets_the_error_body(server: Server, headers: dict[str, str], status: int) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", **headers}
    response = httpx.get(server.http + WS, headers=upgrade, timeout=DEADLINE_S)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"detail"}
    assert "b'" not in response.text


async def test_the_socket_is_described(server: Server) -> None:
    document = httpx.get(server.http + "/api/v1/asyncapi.json").json()
    assert document["asyncapi"] == "3.0.0"
    assert document["channels"]["ws"]["address"] == "/ws"
    messages = document["components"]["messages"]
    assert list(messages) == [example["type"] for example in EXAMPLES]
    async with connect(server.ws + WS) as client:
        for section in ("ups", "services", "network", "audio"):
            server.call(server.port.publish, section)
        await post(server, f"/services/{UNIT}/restart", {"confirm": True})
        for event in await take(client, len(EXAMPLES)):
            for name, message in messages.items():
                schema = {**message["payload"], "components": document["components"]}
                if name == event["type"]:
                    jsonschema.validate(event, schema)
                else:
                    with pytest.raises(jsonschema.ValidationError):
                        jsonschema.validate(event, schema)
