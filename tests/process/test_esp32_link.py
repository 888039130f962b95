"""The link and a panel on a pseudo-terminal: the same kernel, driver and code as with a real one, faults included."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import tty
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ndefender.errors import CommandRejected
from ndefender.ingest.emulated.panel import Panel
from ndefender.ingest.esp32 import Esp32Link
from ndefender.ingest.esp32_discovery import Candidate, identity
from ndefender.ingest.esp32_types import LinkSettings, PanelMessage, PanelState
from ndefender.ingest.panel_commands import COMMANDS

DEADLINE_S = 20.0
PERIOD_S = 0.05
QUICK: dict[str, Any] = {"ack_timeout_s": 0.4, "heartbeat_s": 0.6, "reopen_min_s": 0.02, "reopen_max_s": 0.1}
SCAN = {"dwell_ms": 10, "step_hz": 2_000_000, "start_hz": 5_645_000_000, "stop_hz": 5_665_000_000}
ARGS: dict[str, Mapping[str, object]] = {
    "SET_VRX_FREQ": {"vrx_id": 2, "freq_hz": 5_658_000_000},
    "START_SCAN": SCAN,
    "STOP_SCAN": {},
    "LOCK_STRONGEST": {"vrx_id": 3},
    "VIDEO_SELECT": {"ch": 2},
    "SET_LEDS": {"r": 1, "g": 1, "y": 0},
    "GET_STATUS": {},
}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await asyncio.sleep(0.002)


def up(telemetry: dict[str, Any]) -> bool:
    """Long enough for its clock to have something to go back from."""
    return bool(telemetry["timestamp_ms"] > 300)


class Listener:
    """A link at work, and all it said."""

    def __init__(self, settings: LinkSettings, find: Callable[[], list[Candidate]] | None = None) -> None:
        self.messages: list[PanelMessage] = []
        self.states: list[PanelState] = []
        self.link = Esp32Link(settings, self.messages.append, self.states.append, find=find)
        self.task = asyncio.create_task(self.link.run())

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [message.data for message in self.messages if message.kind == kind]

    def acks(self, command_id: str) -> list[dict[str, Any]]:
        return [data for data in self.all("COMMAND_ACK") if data["id"] == command_id]

    async def connected(self) -> None:
        await until(lambda: self.link.state().connected)

    async def ask(self, cmd: str, args: Mapping[str, object] | None = None) -> dict[str, Any]:
        command_id = await self.send(cmd, args)
        await until(lambda: bool(self.acks(command_id)))
        return self.acks(command_id)[0]

    async def send(self, cmd: str, args: Mapping[str, object] | None = None) -> str:
        command_id = str(uuid.uuid4())
        await self.link.command(cmd, ARGS[cmd] if args is None else args, command_id)
        return command_id

    async def telemetry(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        seen = len(self.messages)

        def found() -> list[dict[str, Any]]:
            return [m.data for m in self.messages[seen:] if m.kind == "ESP32_TELEMETRY" and true(m.data)]

        await until(lambda: bool(found()))
        return found()[0]

    async def end(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


@contextlib.asynccontextmanager
async def at_work(panel: Panel, **settings: Any) -> AsyncIterator[Listener]:
    listener = Listener(LinkSettings(port=panel.path, **{**QUICK, **settings}))
    try:
        yield listener
    finally:
        await listener.end()


@contextlib.contextmanager
def plugged_in(tmp_path: Path, **settings: Any) -> Any:
    def rssi(freq_hz: float, t_s: float) -> int:
        return 200 if abs(freq_hz - 5_658e6) < 3e6 else 95

    panel = Panel(rssi, link=tmp_path / "panel", **{"period_s": PERIOD_S, **settings})
    panel.start()
    try:
        yield panel
    finally:
        panel.stop()


@pytest.fixture
def panel(tmp_path: Path) -> Any:
    with plugged_in(tmp_path) as made:
        yield made


async def test_connects_and_tells_what_it_hears(panel: Panel) -> None:
    async with at_work(panel) as listener:
        assert listener.link.state() == PanelState(last_error="no panel found yet")
        await listener.connected()
        await listener.telemetry(lambda data: True)
        state = listener.link.state()
        assert (state.port, state.heartbeat, state.simulated) == (panel.path, "ok", True)
        assert state.capabilities == tuple(COMMANDS)
        assert state.fw_version == "1.4.0-emulated"
        assert state.last_error is None
        data = listener.all("ESP32_TELEMETRY")[0]
        assert data["type"] == "telemetry"
        assert data["simulated"] is True
        assert [receiver["id"] for receiver in data["vrx"]] == [1, 2, 3]
        assert listener.states[-1].connected


@pytest.mark.parametrize("older", [False, True])
async def test_every_command_is_carried_out_and_acknowledged(tmp_path: Path, older: bool) -> None:
    with plugged_in(tmp_path, older=older) as panel:
        async with at_work(panel, ack_timeout_s=5.0) as listener:
            await listener.connected()
            for cmd in ARGS:
                ack = await listener.ask(cmd)
                assert ack == {
                    "id": ack["id"], "ok": True, "err": None, "data": {"cmd": cmd}, "command_id": ack["id"],
                    "simulated": True, **({} if older else {"seq": ack["seq"]}),
                } or cmd == "LOCK_STRONGEST"  # fmt: skip
                if cmd == "START_SCAN":
                    await listener.telemetry(lambda data: data["vrx"][0]["freq_hz"] > 5_658_000_000)
            told = await listener.telemetry(lambda data: data["led"]["r"] == 1)
            assert told["led"] == {"r": 1, "g": 1, "y": 0}
            assert told["video"] == {"selected": 2}
            assert told["vrx"][1]["freq_hz"] == 5_658_000_000
            assert abs(told["vrx"][2]["freq_hz"] - 5_658_000_000) <= 3_000_000  # the strongest
            assert (listener.link.state().fw_version is None) == older


async def test_the_panels_own_errors_come_through(tmp_path: Path) -> None:
    with plugged_in(tmp_path, not_implemented=frozenset({"SET_LEDS"})) as panel:
        async with at_work(panel) as listener:
            await listener.connected()
            ack = await listener.ask("LOCK_STRONGEST")
            assert (ack["ok"], ack["err"], ack["data"]) == (False, "no_best", {"cmd": "LOCK_STRONGEST"})
            assert (await listener.ask("SET_LEDS"))["err"] == "not_implemented"
            assert "SET_LEDS" not in listener.link.state().capabilities


async def test_nothing_is_sent_to_what_is_not_connected(panel: Panel) -> None:
    panel.unplug()
    async with at_work(panel) as listener:
        await until(lambda: "No such file" in (listener.link.state().last_error or ""))
        with pytest.raises(CommandRejected) as refused:
            await listener.send("STOP_SCAN")
        assert (refused.value.status, refused.value.code) == (409, "esp32_not_connected")
        with pytest.raises(CommandRejected) as refused:
            await listener.send("VIDEO_SELECT", {"ch": 9})
        assert refused.value.status == 400


async def test_a_mute_panel_is_asked_twice_and_then_a_time_out(panel: Panel) -> None:
    async with at_work(panel) as listener:
        await listener.connected()
        panel.mute()
        ack = await listener.ask("SET_LEDS")
        assert (ack["ok"], ack["err"]) == (False, "timeout")
        assert ack["data"] == {"cmd": "SET_LEDS", "reason": "no answer"}
        assert ack["simulated"] is True
        lines = b"".join(panel.received).splitlines()
        assert len(lines) == 2
        assert lines[0] == lines[1]
        ack = await listener.ask("START_SCAN")
        assert ack["err"] == "timeout"
        assert b"".join(panel.received).count(b"START_SCAN") == 1
        panel.mute(False)
        assert (await listener.ask("STOP_SCAN"))["ok"]
        assert listener.link.state().connected


async def test_a_late_answer_is_told_once(tmp_path: Path) -> None:
    with plugged_in(tmp_path, answer_after_s=0.6) as panel:
        async with at_work(panel) as listener:
            await listener.connected()
            ack = await listener.ask("SET_LEDS")
            assert ack["err"] == "timeout"
            await until(lambda: any("late answer" in data["message"] for data in listener.all("LOG_EVENT")))
            await until(lambda: listener.link.stats().duplicate_acks == 1)  # of the repetition
            assert len(listener.acks(ack["id"])) == 1
            assert sum("late answer" in data["message"] for data in listener.all("LOG_EVENT")) == 1


async def test_a_full_queue_is_busy_and_stopping_is_not(panel: Panel) -> None:
    async with at_work(panel, queue_commands=3) as listener:
        await listener.connected()
        panel.mute()
        sent = [await listener.send("SET_LEDS") for _ in range(3)]
        with pytest.raises(CommandRejected) as refused:
            await listener.send("SET_LEDS")
        assert (refused.value.status, refused.value.code) == (429, "esp32_busy")
        sent.append(await listener.send("STOP_SCAN"))
        await until(lambda: all(listener.acks(command_id) for command_id in sent))
        assert b"".join(panel.received).index(b"STOP_SCAN") < 300  # second on the line
        assert listener.link.waiting == 0


async def test_unplugged_and_plugged_in_again(panel: Panel) -> None:
    files = open_files()
    async with at_work(panel) as listener:
        for boots in range(1, 4):
            await listener.connected()
            await listener.telemetry(up)
            panel.mute()
            command_id = await listener.send("SET_LEDS")
            panel.unplug()
            await until(lambda: not listener.link.state().connected)
            [ack] = listener.acks(command_id)
            assert ack["err"] == "timeout"
            assert ack["data"]["reason"].startswith("link lost: ")
            assert listener.link.state().heartbeat == "lost"
            panel.mute(False)
            panel.replug()
            await listener.connected()
            await until(lambda n=boots: listener.link.state().boot_count == n)
            assert (await listener.ask("GET_STATUS"))["ok"]
        stats = listener.link.stats()
        assert (stats.connects, stats.losses) == (4, 3)
    await until(lambda: threads_named("open", "close") == [])
    await until(lambda: open_files() <= files)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def threads_named(*words: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(words)]


async def test_a_reset_is_seen_and_breaks_nothing(panel: Panel) -> None:
    async with at_work(panel) as listener:
        await listener.connected()
        await listener.ask("VIDEO_SELECT")
        for boots in range(1, 4):
            await listener.telemetry(up)
            panel.reset()
            await until(lambda n=boots: listener.link.state().boot_count == n)
            assert (await listener.ask("GET_STATUS"))["ok"]
        assert sum(data["message"] == "boot" for data in listener.all("LOG_EVENT")) >= 3
        assert listener.link.stats().connects == 1
        assert listener.all("ESP32_TELEMETRY")[-1]["video"] == {"selected": 1}


async def test_a_clock_that_wraps_is_no_reset(tmp_path: Path) -> None:
    with plugged_in(tmp_path, first_stamp_ms=2**32 - 600) as panel:
        async with at_work(panel) as listener:
            await listener.telemetry(lambda data: data["timestamp_ms"] > 2**32 - 600)
            await listener.telemetry(lambda data: 100 < data["timestamp_ms"] < 2**31)
            assert listener.link.state().boot_count == 0
            assert listener.link.stats().clock_jumps == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"x" * 1_000_000 + b"\n",
        bytes(range(256)) * 200 + b"\n",
        b"\xff\xfe\n" * 500,
        b'{"type":"telemetry","timestamp_ms":-1,"vrx":[]}\n',
        b"[" * 8000 + b"\n",
        b'{"type":"command_ack","timestamp_ms":1,"id":"nobody","ok":true}\n' * 50,
    ],
)
async def test_garbage_is_counted_and_the_link_goes_on(panel: Panel, garbage: bytes) -> None:
    async with at_work(panel, heartbeat_s=10.0) as listener:
        await listener.connected()
        before = listener.link.stats()
        panel.garbage(garbage)
        assert (await listener.ask("VIDEO_SELECT", {"ch": 3}))["ok"]
        await listener.telemetry(lambda data: data["video"]["selected"] == 3)
        await until(lambda: listener.link.stats().bytes_in >= before.bytes_in + len(garbage))
        stats = listener.link.stats()
        assert stats.bad_lines + stats.unmatched_acks > before.bad_lines
        assert stats.connects == 1
        assert all(data["sel"] in {1, 2, 3} for data in listener.all("ESP32_TELEMETRY"))


async def test_a_panel_that_falls_silent_is_lost_and_found_again(panel: Panel) -> None:
    async with at_work(panel) as listener:
        await listener.connected()
        panel.silence()
        await until(lambda: not listener.link.state().connected)
        assert "no telemetry for 0.6 s" in (listener.link.state().last_error or "")
        panel.silence(False)
        await listener.connected()
        assert listener.link.stats().connects == 2
        assert listener.link.state().boot_count == 0


async def test_a_gps_puck_is_never_taken_for_the_panel(panel: Panel) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    puck = os.ttyname(slave)
    read: list[bytes] = []
    talking = asyncio.create_task(talk(master, b"$GPGGA,123519,4807.038,N,01131.000,E,1,08*47\r\n", read))
    found = [Candidate(puck, identity(puck)), Candidate(panel.path, identity(panel.path))]
    listener = Listener(LinkSettings(stranger_s=60.0, **QUICK), lambda: found)
    try:
        await listener.connected()
        assert listener.link.state().port == panel.path
        assert listener.link.stats().strangers == 1
        assert listener.link.state().bad_lines == 0
        panel.unplug()
        await until(lambda: not listener.link.state().connected)
        panel.replug()
        found[1] = Candidate(panel.path, identity(panel.path))
        await listener.connected()
        assert listener.link.stats().strangers == 1  # left alone meanwhile
        assert read == []  # and nothing was ever written to it
    finally:
        talking.cancel()
        await listener.end()
        os.close(master)
        os.close(slave)


async def talk(master: int, line: bytes, read: list[bytes]) -> None:
    os.set_blocking(master, False)
    while True:
        with contextlib.suppress(BlockingIOError):
            os.write(master, line)
        with contextlib.suppress(BlockingIOError):
            read.append(os.read(master, 4096))
        await asyncio.sleep(0.01)


async def test_a_link_that_is_stopped_gives_every_command_its_outcome(panel: Panel) -> None:
    async with at_work(panel, ack_timeout_s=30.0) as listener:
        await listener.connected()
        panel.mute()
        sent = [await listener.send("SET_LEDS") for _ in range(5)]
    assert [len(listener.acks(command_id)) for command_id in sent] == [1] * 5
    again = Listener(LinkSettings(port=panel.path, **QUICK))
    try:
        await again.connected()  # the port was released
    finally:
        await again.end()


async def test_commands_come_one_at_a_time_and_no_line_is_torn(panel: Panel) -> None:
    async with at_work(panel, ack_timeout_s=10.0, queue_commands=64) as listener:
        await listener.connected()
        sent = [await listener.send("VIDEO_SELECT", {"ch": 1 + i % 3}) for i in range(50)]
        sent += [await listener.send("STOP_SCAN")]
        await until(lambda: all(listener.acks(command_id) for command_id in sent))
        assert all(ack["ok"] for command_id in sent for ack in listener.acks(command_id))
        assert len(b"".join(panel.received).splitlines()) == 51
        assert listener.link.stats().retries == 0


def test_the_same_on_uvloop(panel: Panel) -> None:
    """The web framework takes uvloop where it is installed."""
    uvloop = pytest.importorskip("uvloop")

    async def work() -> None:
        async with at_work(panel) as listener:
            await listener.connected()
            assert (await listener.ask("VIDEO_SELECT"))["ok"]
            panel.unplug()
            await until(lambda: not listener.link.state().connected)
            panel.replug()
            await listener.connected()

    uvloop.run(work())
