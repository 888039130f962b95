"""All parts at once: the stream, the answers, the listeners, and a host with nothing in it. Time is virtual."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import pytest
from support.host_parts import FakePart, Stubborn, hang, raising
from support.virtual_time import run_virtually

from ndefender.errors import CommandRejected
from ndefender.events import host
from ndefender.events.bus import Bus
from ndefender.events.stream import Stream
from ndefender.system.audit import Audit
from ndefender.system.backend import Offline
from ndefender.system.controller import Controller
from ndefender.system.parts import Parts
from ndefender.system.sections import KINDS

T = TypeVar("T")
PERIODS_S = {"system": 2.0, "ups": 2.0, "services": 5.0, "network": 3.0, "audio": 5.0}
EVENTS = {
    "SYSTEM_STATUS": "system",
    "UPS_UPDATE": "ups",
    "SERVICE_UPDATE": "services",
    "NETWORK_UPDATE": "network",
    "AUDIO_UPDATE": "audio",
}


class Radio:
    """Wi-Fi and Bluetooth that answer as told."""

    def __init__(self) -> None:
        self.asked = 0
        self.latency_s = 0.1
        self.error: BaseException | None = None

    async def _answer(self, answer: T) -> T:
        self.asked += 1
        await asyncio.sleep(self.latency_s)
        if self.error is not None:
            raise self.error
        return answer

    async def state(self) -> Any:
        return await self._answer(host.WifiState(enabled=True))

    async def scan(self) -> Any:
        return await self._answer(host.WifiScan(networks=[]))

    async def enable(self) -> None:
        await self._answer(None)

    disable = disconnect = enable

    async def connect(self, ssid: str, password: str | None, hidden: bool) -> None:
        await self._answer(None)


def fakes() -> dict[str, FakePart[Any]]:
    return {name: FakePart(name, kind(), PERIODS_S.get(name, 1.0)) for name, kind in KINDS.items()}


def controller(**parts: Any) -> tuple[Controller, list[dict[str, Any]]]:
    """A controller, and the list its events arrive in."""
    loop = asyncio.get_running_loop()
    bus = Bus(1000)
    stream = Stream(bus, "b" * 32, lambda: round(loop.time() * 1e3))
    events: list[dict[str, Any]] = []
    publish = bus.publish

    def heard(body: bytes, seq: int) -> None:
        events.append(json.loads(body))
        publish(body, seq)

    bus.publish = heard
    control = Controller(
        Parts(**parts),
        stream,
        version="1.2.3",
        now_ms=lambda: round(loop.time() * 1e3),
        clock=loop.time,
        timeout_s=2.0,
        allow_unsafe=False,
        dry_run=False,
        audit=Audit(),
    )
    return control, events


def run(work: Coroutine[Any, Any, T]) -> T:
    return run_virtually(work)


def test_every_part_is_published_at_its_own_period() -> None:
    async def work() -> list[dict[str, Any]]:
        control, events = controller(**fakes())
        await control.start()
        await asyncio.sleep(30.5)
        await control.stop()
        return events

    events = run(work())
    for kind, name in EVENTS.items():
        at_ms = [event["timestamp_ms"] for event in events if event["type"] == kind]
        period_ms = round(PERIODS_S[name] * 1e3)
        assert at_ms == list(range(0, 30_500, period_ms))
    assert {event["type"] for event in events} == set(EVENTS)  # gps has no event
    assert {event["source"] for event in events} == {"system"}
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_parts_that_hang_leave_the_others_alone() -> None:
    async def work() -> tuple[list[dict[str, Any]], host.SystemHealth, float]:
        parts = fakes()
        control, events = controller(**parts)
        await control.start()
        await asyncio.sleep(10.5)
        parts["ups"].act = hang
        parts["audio"].act = Stubborn(5)
        parts["services"].act = raising(Offline("the bus went"))
        await asyncio.sleep(3.0)
        health = control.health()
        await asyncio.sleep(17.0)
        started_s = asyncio.get_running_loop().time()
        await control.stop()
        return events, health, asyncio.get_running_loop().time() - started_s

    events, health, stop_s = run(work())
    assert health.offline == ["ups", "services", "audio"]
    assert health.ok
    assert stop_s <= 3.0
    for kind, period_ms in (("SYSTEM_STATUS", 2000), ("NETWORK_UPDATE", 3000)):
        at_ms = [event["timestamp_ms"] for event in events if event["type"] == kind]
        assert at_ms == list(range(0, 30_500, period_ms))
    for kind in ("UPS_UPDATE", "SERVICE_UPDATE", "AUDIO_UPDATE"):
        told = [event["data"] for event in events if event["type"] == kind and event["timestamp_ms"] > 13_500]
        assert told
        assert {data["status"] for data in told} == {"offline"}
        assert all(data["last_error"] for data in told)


def test_a_host_with_nothing_in_it_is_honest() -> None:
    async def work() -> tuple[host.SystemStatus, host.SystemHealth, list[host.Section]]:
        control, _ = controller(absent={"ups": "disabled"})
        await control.start()
        await asyncio.sleep(0.5)
        answers = [
            await control.wifi_state(),
            await control.wifi_scan(),
            await control.bluetooth_state(),
            await control.bluetooth_devices(),
        ]
        status, health = control.status(), control.health()
        await control.stop()
        return status, health, answers

    status, health, answers = run(work())
    assert health.offline == list(KINDS)
    assert status.ups == host.UpsSection(status="offline", last_error="disabled")
    for section in (status.system, status.services, status.network, status.audio, status.gps, *answers):
        assert section == type(section)(status="offline", last_error="not configured")
    msgspec.json.encode(status)


def test_before_the_first_reading_it_says_that() -> None:
    async def work() -> host.SystemStatus:
        control, _ = controller(**fakes())
        return control.status()

    status = run(work())
    assert {msgspec.structs.asdict(status)[name].last_error for name in KINDS} == {"not read yet"}


def test_a_client_is_greeted_and_then_misses_nothing() -> None:
    async def work() -> list[dict[str, Any]]:
        parts = fakes()
        parts["system"].section = host.SystemSection(cpu_temp_c=45.2, cpu_usage_percent=12.5)
        control, events = controller(**parts)
        await control.start()
        await asyncio.sleep(2.5)
        listening = control.subscribe(100)
        status = control.status()
        got = [json.loads(await listening.get()) for _ in range(2)]
        assert got[1]["seq"] == status.seq == len(events)
        got += [json.loads(await listening.get()) for _ in range(10)]
        assert got[2:] == events[status.seq : status.seq + 10]
        assert [json.loads(body) for body in control.events_last(3)] == events[-3:]
        await control.stop()
        return got

    hello, first, *updates = run(work())
    assert (hello["type"], hello["data"], hello["source"]) == ("LOG_EVENT", {"message": "HELLO"}, "system")
    assert first["type"] == "SYSTEM_STATUS"
    assert (first["data"]["cpu_temp_c"], first["data"]["cpu_usage_percent"]) == (45.2, 12.5)
    assert [update["seq"] for update in updates] == list(range(first["seq"] + 1, first["seq"] + 11))


def test_listeners_hear_every_section_gps_too_and_cannot_break_anything() -> None:
    async def work() -> tuple[list[str], list[object], int]:
        heard: list[str] = []
        control, events = controller(**fakes())
        loop = asyncio.get_running_loop()
        reported: list[object] = []
        loop.set_exception_handler(lambda _, context: reported.append(context.get("exception")))

        def breaks(name: str, section: host.Section) -> None:
            raise KeyError(name)

        control.on_section += [breaks, lambda name, section: heard.append(f"{name} {section.status}")]
        await control.start()
        await asyncio.sleep(4.5)
        await control.stop()
        return heard, reported, len(events)

    heard, reported, events = run(work())
    assert set(heard) == {f"{name} ok" for name in KINDS}
    assert len(heard) == len(reported) == events + 5  # gps, each second


def test_clients_that_ask_at_once_share_one_scan() -> None:
    async def work() -> tuple[list[host.WifiScan], int]:
        radio = Radio()
        control, _ = controller(wifi=radio, simulated=frozenset({"wifi"}))
        answers = await asyncio.gather(*(control.wifi_scan() for _ in range(10)))
        return answers, radio.asked

    answers, asked = run(work())
    assert asked == 1
    assert answers == [host.WifiScan(networks=[], simulated=True)] * 10


@pytest.mark.parametrize("error", [Offline("no NetworkManager"), KeyError("x"), None])
def test_a_radio_that_fails_or_hangs_is_an_offline_answer(error: BaseException | None) -> None:
    async def work() -> tuple[host.WifiState, float, host.WifiState]:
        radio = Radio()
        radio.error, radio.latency_s = error, 1e6 if error is None else 0.1
        control, _ = controller(wifi=radio)
        answer = await control.wifi_state()
        took_s = asyncio.get_running_loop().time()
        radio.error, radio.latency_s = None, 0.0
        return answer, took_s, await control.wifi_state()

    answer, took_s, again = run(work())
    assert answer.status == "offline"
    assert answer.last_error
    assert took_s <= 2.1
    assert again == host.WifiState(enabled=True)


def test_a_radio_that_answers_nonsense_is_an_offline_answer() -> None:
    async def work() -> host.WifiState:
        radio = Radio()

        async def nonsense() -> Any:
            return {"enabled": True}

        radio.state = nonsense
        return await controller(wifi=radio)[0].wifi_state()

    assert run(work()) == host.WifiState(status="offline", last_error="unusable reading: dict instead of WifiState")


def test_a_client_that_hangs_up_does_not_spoil_anothers_answer() -> None:
    async def work() -> host.WifiState:
        control, _ = controller(wifi=Radio())
        one = asyncio.ensure_future(control.wifi_state())
        other = asyncio.ensure_future(control.wifi_state())
        await asyncio.sleep(0.05)
        one.cancel()
        return await other

    assert run(work()).status == "ok"


def test_acknowledgements_go_out_on_the_stream_and_to_listeners() -> None:
    async def work() -> tuple[host.CommandAck, list[dict[str, Any]], list[host.CommandAck]]:
        heard: list[host.CommandAck] = []
        control, events = controller(wifi=Radio())
        control.on_ack.append(heard.append)
        return await control.command("wifi_enable", {}, confirm=False, client="c"), events, heard

    ack, events, heard = run(work())
    assert heard == [ack]
    assert [(event["type"], event["source"], event["timestamp_ms"]) for event in events] == [
        ("COMMAND_ACK", "system", ack.timestamp_ms)
    ]
    assert events[0]["data"] == msgspec.to_builtins(ack.data)


def test_a_command_to_a_part_known_to_be_offline_is_refused_at_once() -> None:
    async def work() -> list[CommandRejected | host.CommandAck]:
        parts = fakes()
        parts["network"].act = raising(Offline("NetworkManager is gone"))
        control, _ = controller(**parts, wifi=Radio())
        got: list[CommandRejected | host.CommandAck] = []
        # Before the first reading nothing is known, so the command finds out by itself.
        got.append(await control.command("wifi_enable", {}, confirm=False, client="c"))
        await control.start()
        await asyncio.sleep(1.0)
        with pytest.raises(CommandRejected) as caught:
            await control.command("wifi_enable", {}, confirm=False, client="c")
        got.append(caught.value)
        await control.stop()
        return got

    ack, refusal = run(work())
    assert isinstance(ack, host.CommandAck)
    assert isinstance(refusal, CommandRejected)
    assert (refusal.status, refusal.code) == (409, "wifi_absent")
    assert "NetworkManager is gone" in refusal.message


def test_an_unknown_section_is_not_found() -> None:
    async def work() -> None:
        control, _ = controller()
        for name in KINDS:
            assert isinstance(control.section(name), KINDS[name])
        with pytest.raises(CommandRejected, match="no section") as caught:
            control.section("../etc")
        assert caught.value.status == 404

    run(work())


def test_stopping_closes_every_part_and_what_they_share() -> None:
    closed: list[str] = []

    async def close() -> None:
        closed.append("bus")

    async def hangs() -> None:
        await hang()

    async def work() -> tuple[dict[str, int], float]:
        parts = fakes()
        control, _ = controller(**parts, close=[hangs, close])
        await control.start()
        await asyncio.sleep(1.0)
        await control.stop()
        return {name: part.closed for name, part in parts.items()}, asyncio.get_running_loop().time()

    counts, at_s = run(work())
    assert counts == dict.fromkeys(KINDS, 1)
    assert closed == ["bus"]
    assert at_s <= 3.0
