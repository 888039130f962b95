"""The sockets of the AntSDR Scan API: what they carry, how many they take, and what a slow client costs."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from scan_fake import DEADLINE_S, NOW_MS, Server
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

BASE = "/api/v1"
MAX_CLIENTS = 25


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a state, with a deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.01)
    assert condition(), what


def sockets(server: Server) -> dict[str, int]:
    return httpx.get(server.http + BASE + "/stats").json()["sockets"]


async def seqs(client: ClientConnection, count: int) -> list[int]:
    async with asyncio.timeout(DEADLINE_S):
        return [msgspec.json.decode(await client.recv())["seq"] for _ in range(count)]


async def test_events_are_text_frames_in_order_and_there_is_no_snapshot(open_server: Server) -> None:
    server = open_server
    await asyncio.to_thread(server.call, server.port.publish)
    async with connect(server.ws + BASE + "/events") as client:
        sent = [server.call(server.port.publish, size) for size in (0, 300, 70_000)]
        for event in sent:
            message = await asyncio.wait_for(client.recv(), DEADLINE_S)
            assert isinstance(message, str)
            assert message.encode() == event
        await client.send("a message nobody asked for")
        await client.send(b"\x00" * 1000)
        await asyncio.wait_for(await client.ping(), DEADLINE_S)
        assert httpx.get(server.http + BASE + "/health").json()["ws_backend_connected"] is True
    await until(lambda: sockets(server)["clients"] == 0, "the client is gone")
    assert not server.port.subscriptions


async def test_a_message_beyond_the_bound_ends_the_connection(open_server: Server) -> None:
    async with connect(open_server.ws + BASE + "/events") as client:
        await client.send("x" * (open_server.settings.max_message_bytes + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(client.recv(), DEADLINE_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_the_26th_client_is_refused_until_one_leaves() -> None:
    with Server() as server:
        clients = [await connect(server.ws + BASE + "/events") for _ in range(MAX_CLIENTS)]
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.ws + BASE + "/events")
        response = refused.value.response
        assert response.status_code == 429
        assert response.headers["content-type"] == "application/json"
        assert response.body is not None
        assert msgspec.json.decode(response.body)["error"]["code"] == "too_many_clients"
        assert sockets(server)["rejected"] == 1
        await clients[0].close()
        await until(lambda: sockets(server)["clients"] == MAX_CLIENTS - 1, "a seat is free")
        clients[0] = await connect(server.ws + BASE + "/events")
        server.call(server.port.publish)
        assert [await seqs(client, 1) for client in clients] == [[1]] * MAX_CLIENTS
        for client in clients:
            await client.close()


async def test_failed_upgrades_take_no_seat() -> None:
    with Server(max_clients=1) as server:
        for _ in range(3):
            bad = httpx.get(
                server.http + BASE + "/events",
                headers={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
            )
            assert bad.status_code == 400
            assert bad.json()["error"]["code"] == "bad_request"
        async with connect(server.ws + BASE + "/events"):
            pass


def deaf_client(server: Server) -> socket.socket:
    """Upgrade by hand, with the smallest buffers, and never read again."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    raw.settimeout(DEADLINE_S)
    raw.connect(("127.0.0.1", server.tcp_port))
    key = base64.b64encode(os.urandom(16)).decode()
    raw.sendall(
        f"GET {BASE}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert raw.recv(12) == b"HTTP/1.1 101"
    return raw


@pytest.mark.parametrize("event_bytes", [0, 4000])
async def test_a_client_that_never_reads_is_cut_off_and_hurts_nobody(event_bytes: int) -> None:
    """Without events its silence is told by its pings alone, with events the queue in front of it is bounded too."""
    queue_events = 32
    with Server(slow_client_s=3.0, ping_s=0.3, queue_events=queue_events) as server:
        raw = await asyncio.to_thread(deaf_client, server)
        async with connect(server.ws + BASE + "/events") as one, connect(server.ws + BASE + "/events") as two:
            seen: dict[ClientConnection, list[int]] = {one: [], two: []}
            async with asyncio.timeout(DEADLINE_S):
                while (await asyncio.to_thread(sockets, server))["cut_off"] == 0:
                    if event_bytes:
                        for _ in range(queue_events // 2):
                            server.call(server.port.publish, event_bytes)
                        for client in seen:
                            seen[client] += await seqs(client, queue_events // 2)
                    held = await asyncio.to_thread(server.call, queued, server)
                    assert held <= queue_events
            server.call(server.port.publish)
            for client, before in seen.items():
                assert before + await seqs(client, 1) == list(range(1, server.port.seq + 1))
            after = sockets(server)
            assert (after["clients"], after["cut_off"]) == (2, 1)
            assert (after["events_dropped"] > 0) is (event_bytes > 0)
        with pytest.raises(ConnectionResetError):
            while raw.recv(65536):
                pass
        raw.close()


def queued(server: Server) -> int:
    return max(len(subscription._queue) for subscription in server.port.subscriptions)


async def test_a_silent_client_that_answers_pings_stays() -> None:
    with Server(slow_client_s=1.0, ping_s=0.1) as server:
        async with connect(server.ws + BASE + "/events") as client:
            waiting = asyncio.create_task(client.recv())
            done, _ = await asyncio.wait([waiting], timeout=2.5)
            assert not done
            server.call(server.port.publish)
            assert msgspec.json.decode(await asyncio.wait_for(waiting, DEADLINE_S))["seq"] == 1
        assert sockets(server)["cut_off"] == 0


async def test_stopping_the_server_closes_its_sockets() -> None:
    with Server() as server:
        client = await connect(server.ws + BASE + "/events")
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(client.recv(), DEADLINE_S)


def unpack(frame: Any) -> tuple[str, dict[str, Any], np.ndarray, np.ndarray]:
    magic, size, flags, timestamp, start_hz, bin_hz, n, _, band = struct.unpack_from("<4sHHQddII16s", frame)
    assert (magic, size) == (b"NDS1", 64)
    levels_db = np.frombuffer(frame, "<f4", 2 * n, size)
    fields = {"flags": flags, "timestamp": timestamp, "start_hz": start_hz, "bin_hz": bin_hz}
    return band.rstrip(b"\0").decode(), fields, levels_db[:n], levels_db[n:]


@pytest.mark.parametrize("query", ["?band=2G4", ""])
async def test_spectrum_frames(open_server: Server, query: str) -> None:
    port = open_server.port
    async with connect(open_server.ws + BASE + "/spectrum" + query) as client:
        frames = [await asyncio.wait_for(client.recv(), DEADLINE_S) for _ in range(3)]
        assert all(isinstance(frame, bytes) for frame in frames)
        band, fields, mean_db, max_db = unpack(frames[0])
        assert band == "2G4"
        assert fields["flags"] == 1
        assert (fields["start_hz"], fields["bin_hz"]) == (2.4e9, 3e4)
        assert np.allclose(mean_db, [-90.123456, np.nan, -91.0], equal_nan=True)
        assert np.allclose(max_db - mean_db, 6.0, equal_nan=False) or np.isnan(max_db[1])
        stamps = [unpack(frame)[1]["timestamp"] for frame in frames]
        assert stamps[0] > NOW_MS
        assert stamps == sorted(set(stamps))
    await until(lambda: sockets(open_server)["clients"] == 0, "the listener is gone")
    calls = port.spectrum_calls
    await asyncio.sleep(5 / open_server.settings.spectrum_fps)
    assert port.spectrum_calls == calls  # nothing is computed when nobody listens


async def test_an_unknown_band_gets_no_socket(open_server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(open_server.ws + BASE + "/spectrum?band=9G9")
    assert refused.value.response.status_code == 404
