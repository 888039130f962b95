from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from contacts import contact

from ndefender.config.settings import BandSettings, LogSettings, Settings
from ndefender.errors import CommandRejected
from ndefender.events.bus import Bus
from ndefender.ring.board import Board, board_spec
from ndefender.ring.segment import Segment, SegmentSpec
from ndefender.runtime.messages import (
    CaptureCommand,
    CaptureStatus,
    DeviceStatus,
    GainStatus,
    Link,
    PlanStatus,
    SpanStatus,
    SweepStatus,
)
from ndefender.runtime.port import FrontPort
from ndefender.runtime.replay import Replayer
from ndefender.runtime.shared import Shared, Tally
from ndefender.runtime.spectra import SpectrumStore
from ndefender.runtime.view import Seen
from ndefender.runtime.vitals import Vitals
from ndefender.runtime.wiring import CaptureCount, Seat, WorkerCount
from ndefender.track.contact import ContactEvidence

Make = Callable[[SegmentSpec], Segment]
PLAN = PlanStatus("p", 1e9, 2e9, 5e7, [SpanStatus("A", 1e9, 1.1e9), SpanStatus("B", 1.9e9, 2e9)])
STATUS = CaptureStatus(
    DeviceStatus(True, "ip:x", "AntSDR", "7", 40.0, 61e6, None, True, ["dc"]),
    SweepStatus(True, "p", 1, [PLAN], 3, 9, 800.0, 0.5, [("C", "out of reach")]),
    GainStatus("manual", 40.0, -1.0, 73.0, 0.0, 62.0),
)


class Rig:
    def __init__(self, make: Make, folder: Path) -> None:
        self.board = Board(make(board_spec("x", Seat.WORKER + 2)))
        self.capture, self.worker = self.board.row(Seat.CAPTURE), self.board.row(Seat.WORKER)
        self.shared = Shared()
        self.front, self.other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.orders = Link(self.other)
        self.config = folder / "config.toml"
        settings = Settings(plan={"default": [BandSettings("X", 5e9, 5.1e9)]}, log=LogSettings(folder=str(folder)))
        vitals = Vitals(self.board, 2, time.monotonic_ns)
        seen = Seen(settings, self.shared, SpectrumStore(), vitals, Bus(10), "boot", 17)
        self.port = FrontPort(seen, self.config, Link(self.front), Replayer(folder))

    def up(self, status: CaptureStatus = STATUS) -> None:
        """Capture and one worker live; capture reported."""
        for row in (self.capture, self.worker):
            row.pid, row.beat_ns = 1, time.monotonic_ns()
        self.shared.status, self.shared.status_ns = status, time.monotonic_ns()

    def order(self) -> CaptureCommand:
        message = self.orders.receive()
        assert message is not None
        return msgspec.json.decode(message, type=CaptureCommand)


@pytest.fixture
def rig(make_segment: Make, tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(make_segment, tmp_path)
    yield rig
    rig.front.close()
    rig.other.close()


def sweep(**changes: object) -> CaptureStatus:
    return msgspec.structs.replace(STATUS, sweep=msgspec.structs.replace(STATUS.sweep, **changes))


OFFLINE = msgspec.structs.replace(STATUS, device=DeviceStatus(False, "ip:x", last_error="cable pulled"))


def test_health(rig: Rig) -> None:
    health = rig.port.health()
    assert (health.status, health.engine_running, health.seq, health.boot_id) == ("degraded", False, 17, "boot")
    assert len(health.detail) == 2
    rig.up()
    health = rig.port.health()
    assert (health.status, health.engine_running, health.simulated, health.detail) == ("ok", True, True, [])
    rig.shared.log_trouble = "disk full"
    assert rig.port.health().detail == ["events are not logged: disk full"]
    rig.shared.log_trouble = None
    rig.up(OFFLINE)
    assert rig.port.health().detail == ["radio offline: cable pulled"]
    assert not rig.port.health().engine_running


def test_nothing_is_invented_while_capture_is_away(rig: Rig) -> None:
    rig.up()
    rig.capture.pid = 0
    device, gain, state = rig.port.device(), rig.port.gain(), rig.port.sweep_state()
    assert (device.connected, device.model, device.temperature_c) == (False, None, None)
    assert "capture" in (device.last_error or "")
    assert (gain.mode, gain.gain_db, gain.limits) == (None, None, None)
    assert (state.running, state.hop_index, state.active_plan) == (False, None, "p")


def test_a_capture_without_progress_is_away(rig: Rig) -> None:
    rig.up()
    rig.capture.beat_ns = time.monotonic_ns() - 11 * 10**9
    assert not rig.port.device().connected


def test_state_as_reported(rig: Rig) -> None:
    rig.up()
    assert rig.port.device().model == "AntSDR"
    state = rig.port.sweep_state()
    assert (state.running, state.hop_index, state.last_sweep_ms) == (True, 3, 800.0)
    assert (state.plans[0].bands, state.impossible[0].name) == (["A", "B"], "C")
    limits = rig.port.gain().limits
    assert limits is not None
    assert (limits.min_db, limits.max_db) == (-1.0, 73.0)


def test_stats_add_up(rig: Rig) -> None:
    rig.up()
    rig.capture.add(CaptureCount.DROPPED, 5)
    rig.capture.add(CaptureCount.OPENED, 3)
    rig.worker.add(WorkerCount.TAKEN, 90)
    rig.worker.restarts = 2
    rig.shared.tally = Tally(published=100, analysed=97, lost=3, frames=1000, detections=50, events=7)
    stats = rig.port.stats()
    assert (stats.blocks_captured, stats.blocks_analysed, stats.blocks_dropped, stats.overruns) == (100, 97, 8, 5)
    assert (stats.reopens, stats.duty_percent, stats.sweep_period_ms) == (2, 50.0, 800.0)
    assert stats.restarts == {"worker-0": 2}
    assert [worker.pid for worker in stats.workers] == [1, None]


def test_contacts_and_their_evidence(rig: Rig) -> None:
    found = contact(100)
    rig.shared.contacts = (found,)
    rig.shared.evidence = {"rf:100": ContactEvidence(found, {"line_score": 0.9}, {"Analog/Video": 1.0}, {})}
    assert msgspec.to_builtins(rig.port.contacts()[0])["id"] == "rf:100"
    assert rig.port.evidence("rf:100").evidence_for[0].name == "line_score"
    with pytest.raises(CommandRejected, match="no live contact"):
        rig.port.evidence("rf:1")


def test_bands_are_those_of_the_active_plan(rig: Rig) -> None:
    assert rig.port.bands() == ["X"]  # as configured, before capture reported
    rig.up()
    assert rig.port.bands() == ["A", "B"]
    assert rig.port.spectrum("A") is None
    with pytest.raises(CommandRejected, match="no band X; there are: A, B"):
        rig.port.spectrum("X")


async def test_commands_are_sent_with_their_id(rig: Rig) -> None:
    rig.up()
    for answer, kind, args in (
        (await rig.port.sweep_start("p"), "start", {"plan": "p"}),
        (await rig.port.sweep_start(None), "start", {}),
        (await rig.port.sweep_stop(), "stop", {}),
        (await rig.port.gain_set("manual", 10.0), "gain", {"mode": "manual", "gain_db": 10.0}),
        (await rig.port.device_reset(), "reset", {}),
        (await rig.port.device_calibrate("dc"), "calibrate", {"kind": "dc"}),
    ):
        order = rig.order()
        assert (order.command_id, order.kind, order.args) == (answer.command_id, kind, args)
        assert answer.accepted


async def refusal(rig: Rig, order: Callable[[FrontPort], Awaitable[object]]) -> tuple[int, str]:
    with pytest.raises(CommandRejected) as caught:
        await order(rig.port)
    assert rig.orders.receive() is None
    return caught.value.status, caught.value.code


async def test_refusals(rig: Rig) -> None:
    assert await refusal(rig, lambda p: p.sweep_stop()) == (503, "capture_away")
    rig.up(OFFLINE)
    assert await refusal(rig, lambda p: p.sweep_start(None)) == (409, "not_connected")
    assert await refusal(rig, lambda p: p.gain_set("manual", 1.0)) == (409, "not_connected")
    rig.up()
    assert await refusal(rig, lambda p: p.sweep_start("q")) == (404, "unknown_plan")
    assert await refusal(rig, lambda p: p.gain_set("manual", 70.0)) == (400, "gain_out_of_range")
    assert await refusal(rig, lambda p: p.device_calibrate("x")) == (400, "unknown_calibration")
    assert await refusal(rig, lambda p: p.run_start()) == (409, "already_running")
    assert await refusal(rig, lambda p: p.config_reload()) == (409, "scan_running")
    rig.up(sweep(running=False))
    assert await refusal(rig, lambda p: p.run_stop()) == (409, "not_running")
    rig.config.write_text("nonsense = 1\n")
    assert await refusal(rig, lambda p: p.config_reload()) == (400, "invalid_config")


async def test_run_start_waits_for_its_proof(rig: Rig) -> None:
    rig.up(sweep(running=False))

    async def capture() -> None:
        while (message := rig.orders.receive()) is None:
            await asyncio.sleep(0.001)
        command = msgspec.json.decode(message, type=CaptureCommand)
        rig.up(sweep(running=True, last_command_id=command.command_id))

    answer, _ = await asyncio.gather(rig.port.run_start(), capture())
    assert answer.status == "started"
    assert rig.port.sweep_state().running


async def test_reload_sends_a_changed_plan(rig: Rig) -> None:
    rig.up(sweep(running=False))
    rig.config.write_text('[[plan.default]]\nname = "Y"\nstart_hz = 5e9\nstop_hz = 5.1e9\n')
    answer = await rig.port.config_reload()
    assert answer.changed
    assert all(path.startswith("plan.") for path in answer.changed)
    order = rig.order()
    assert (order.kind, order.args["active"], order.args["plans"]["default"][0]["name"]) == ("plan", "default", "Y")
    shown = msgspec.convert(rig.port.config(), Settings)
    assert shown.plan["default"][0].name == "Y"
    assert (await rig.port.config_reload()).changed == []
