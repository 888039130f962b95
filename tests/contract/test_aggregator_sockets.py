"""The sockets of the Backend Aggregator: the picture first, then every change once, whoever comes and goes."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from aggregator_fake import PICTURE, Server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scan_fake import DEADLINE_S
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

BASE = "/api/v1"
PROGRESS = ("REPLAY_STATE", "remoteid")


async def events(client: ClientConnection, count: int) -> list[dict]:
    async with asyncio.timeout(DEADLINE_S):
        return [json.loads(await client.recv()) for _ in range(count)]


class Publisher:
    """Publishes on the server's loop until told to stop, and keeps the picture in step: `position` is the number."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._running = True
        self._future = asyncio.run_coroutine_threadsafe(self._run(), server.loop)

    async def _run(self) -> int:
        port = self._server.port
        while self._running:
            for _ in range(7):
                number = port.stream.seq + 1
                port.change(replay=type(PICTURE.replay)(active=True, position=number))
                port.emit(*PROGRESS, {"state": "running", "position": number})
            await asyncio.sleep(0.001)
        return port.stream.seq

    def stop(self) -> int:
        """End it; the number of the last event."""
        self._running = False
        return self._future.result(DEADLINE_S)


async def test_whoever_comes_while_events_are_published_misses_and_doubles_nothing() -> None:
    with Server(queue_events=1_000_000, max_clients=64) as server:
        publisher = Publisher(server)
        try:
            clients = [await connect(server.ws + BASE + "/ws") for _ in range(40)]
            seen = [await events(client, 30) for client in clients]
        finally:
            last = await asyncio.to_thread(publisher.stop)
        begins = set()
        for client, first in zip(clients, seen, strict=True):
            greeting, *following = first
            assert greeting["type"] == "SYSTEM_UPDATE"
            assert greeting["data"]["seq"] == greeting["seq"]
            if greeting["seq"]:  # the picture holds exactly what its number says
                assert greeting["data"]["replay"]["position"] == greeting["seq"]
            begins.add(greeting["seq"])
            following += await events(client, last - following[-1]["seq"])
            assert [event["seq"] for event in following] == list(range(greeting["seq"] + 1, last + 1))
            assert all(event["data"]["position"] == event["seq"] for event in following)
            await client.close()
        assert len(begins) > 10  # they came at different times


async def test_the_status_and_the_stream_fit_together() -> None:
    with Server(queue_events=1_000_000) as server:
        publisher = Publisher(server)
        try:
            hasty = connect(server.ws + BASE + "/ws", close_timeout=0.1)  # much is left unread
            async with hasty as client, httpx.AsyncClient() as http:
                (greeting,) = await events(client, 1)
                for _ in range(20):
                    picture = (await http.get(server.http + BASE + "/status")).json()
                    assert picture["seq"] >= greeting["seq"]
                    if picture["seq"]:
                        assert picture["replay"]["position"] == picture["seq"]
                following = await events(client, picture["seq"] - greeting["seq"] + 1)
                assert following[-1]["seq"] == picture["seq"] + 1
        finally:
            await asyncio.to_thread(publisher.stop)


async def test_what_a_client_says_is_read_and_ignored() -> None:
    with Server() as server:
        async with connect(server.ws + BASE + "/ws") as client:
            assert (await events(client, 1))[0]["type"] == "SYSTEM_UPDATE"
            await client.send("ping")
            await client.send('{"type":"COMMAND_ACK"}')
            await client.send(b"\x00" * 1000)
            await asyncio.wait_for(await client.ping(), DEADLINE_S)
            seq = server.call(server.port.emit, *PROGRESS, {"state": "paused"})
            assert [event["seq"] for event in await events(client, 1)] == [seq]


async def test_a_client_that_is_too_slow_for_its_queue_sees_the_gap() -> None:
    with Server(queue_events=4) as server:
        async with connect(server.ws + BASE + "/ws") as client:
            await events(client, 1)

            def burst() -> int:
                return [server.port.emit(*PROGRESS, {"state": "running"}) for _ in range(50)][-1]

            last = server.call(burst)
            seen = [event["seq"] for event in await events(client, 4)]
            assert seen == list(range(last - 3, last + 1))
            text = httpx.get(server.http + "/metrics").text
            assert f'ndefender_websocket_events_dropped_total{{api="aggregator"}} {float(46)}' in text
            assert 'ndefender_websocket_clients{api="aggregator"} 1.0' in text


async def test_a_full_house_is_told_so() -> None:
    with Server(max_clients=2) as server:
        async with connect(server.ws + BASE + "/ws"), connect(server.ws + BASE + "/ws"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(server.ws + BASE + "/ws")
            response = refused.value.response
            assert response.status_code == 429
            assert response.body is not None
            assert json.loads(response.body).keys() == {"detail"}
            assert not server.call(lambda: server.port.stream.bus.subscribers - 2)
        async with connect(server.ws + BASE + "/rf/spectrum"):  # its seats are its own
            pass


async def test_nobody_stays_subscribed_who_left() -> None:
    with Server() as server:
        for _ in range(5):
            async with connect(server.ws + BASE + "/ws") as client:
                await events(client, 1)
        async with asyncio.timeout(DEADLINE_S):
            while server.call(lambda: server.port.stream.bus.subscribers):
                await asyncio.sleep(0.01)


async def test_spectra_come_by_this_api_too() -> None:
    with Server(spectrum_fps=50.0) as server:
        async with connect(server.ws + BASE + "/rf/spectrum?band=2G4") as client:
            async with asyncio.timeout(DEADLINE_S):
                frame = await client.recv()
            assert isinstance(frame, bytes)
            assert frame.startswith(b"NDS1")
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.ws + BASE + "/rf/spectrum?band=9G9")
        assert refused.value.response.status_code == 404
        assert httpx.get(server.http + BASE + "/rf/spectrum?band=2G4").json()["band"] == "2G4"


@pytest.fixture(scope="module")
def shared():
    with Server(queue_events=100_000, max_clients=64) as running:
        yield running


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.sampled_from(["join", "leave", "publish", "publish_many", "status"]), min_size=3, max_size=25))
def test_any_coming_and_going_keeps_every_stream_whole(shared: Server, plan: list[str]) -> None:
    asyncio.run(come_and_go(shared, plan))


async def come_and_go(server: Server, plan: list[str]) -> None:
    clients: list[tuple[ClientConnection, int]] = []

    async def check(client: ClientConnection, began: int) -> None:
        last = server.call(lambda: server.port.stream.seq)
        greeting, *following = await events(client, 1 + last - began)
        assert [greeting["seq"], *(event["seq"] for event in following)] == list(range(began, last + 1))
        await client.close()

    for step in plan:
        if step == "join":
            began = server.call(lambda: server.port.stream.seq)
            clients.append((await connect(server.ws + BASE + "/ws"), began))
        elif step == "leave" and clients:
            await check(*clients.pop(0))
        elif step.startswith("publish"):
            for _ in range(40 if step.endswith("many") else 1):
                server.call(server.port.emit, *PROGRESS, {"state": "running"})
        else:
            async with httpx.AsyncClient() as http:
                answer = (await http.get(server.http + BASE + "/status")).json()
            assert answer["seq"] == server.call(lambda: server.port.stream.seq)
    for client, began in clients:
        await check(client, began)
