"""kill -9 of every process of the real service: whole again, losses exact, contacts keep their ids."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service_rig import Service, assert_lifecycle, settings_for, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    service = Service(settings_for(folder), folder)
    try:
        service.await_whole()
        yield service
        assert_lifecycle(service.events())
    finally:
        service.destroy()


def at_rest(service: Service) -> dict[str, Any]:
    """Statistics once nothing is in flight."""

    def settled() -> dict[str, Any] | None:
        stats = service.get("stats")
        in_flight = stats["blocks_captured"] + stats["overruns"] - stats["blocks_analysed"] - stats["blocks_dropped"]
        return stats if in_flight == 0 else None

    return wait_for(settled, "every dwell accounted for")


@pytest.mark.parametrize("role", ["capture", "worker-0", "worker-1", "front", "emulator"])
def test_killed_process_is_replaced_and_nothing_is_lost_uncounted(service: Service, role: str) -> None:
    wait_for(lambda: service.get("contacts")["contacts"], "a contact")
    before = service.get("stats")
    service.kill(role)
    after = service.get("stats")
    assert after["blocks_captured"] >= before["blocks_captured"]
    assert after["blocks_analysed"] > before["blocks_analysed"]
    assert after["restarts"][role] == before["restarts"].get(role, 0) + 1
    assert service.post("run/stop")["status"] == "stopped"
    stats = at_rest(service)
    assert stats["blocks_captured"] == stats["blocks_analysed"] + stats["blocks_dropped"] - stats["overruns"]
    assert service.post("run/start")["status"] == "started"
    service.await_whole()
    assert_lifecycle(service.events())


def test_what_was_asked_for_survives_a_kill_of_capture(service: Service) -> None:
    command = service.post("sweep/start", {"plan": "high"})
    wait_for(lambda: service.get("sweep/state")["last_command_id"] == command["command_id"], "the plan is active")
    service.kill("capture")
    assert service.get("sweep/state")["active_plan"] == "high"
    service.post("sweep/start", {"plan": "default"})
    wait_for(lambda: service.get("sweep/state")["active_plan"] == "default", "the first plan is back")


def test_a_radio_that_falls_silent_is_said_to_be_away_and_comes_back_in_the_same_process(service: Service) -> None:
    reopens, captures = service.get("stats")["reopens"], service.pids("capture")
    emulator, away = service.pids("emulator")[-1], service.log().count("radio away")
    os.kill(emulator, signal.SIGSTOP)
    try:
        wait_for(lambda: service.get("device")["connected"] is False, "the radio is said to be away")
        device = service.get("device")
        assert device["last_error"]
        assert device["simulated"] is True
        wait_for(lambda: service.log().count("radio away") > away + 1, "it is asked once more, and given up")
    finally:
        os.kill(emulator, signal.SIGCONT)
    service.await_whole()
    assert service.get("device")["last_error"] is None
    assert service.get("stats")["reopens"] > reopens
    assert service.pids("capture") == captures


def test_a_hung_process_is_noticed(service: Service) -> None:
    before = service.pids("capture")
    os.kill(before[-1], signal.SIGSTOP)
    wait_for(lambda: len(service.pids("capture")) > len(before), "capture up again")
    assert "capture made no progress" in service.log()
    service.await_whole()


def test_a_killed_supervisor_leaves_nothing_and_starts_again_cleanly(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    first = Service(settings, tmp_path)
    try:
        first.await_whole()
        contact = wait_for(lambda: first.get("contacts")["contacts"], "a contact")[0]["id"]
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait(30)
        wait_for(lambda: not first.members(), "all its processes are gone")
        wait_for(lambda: not first.segments(), "all its shared memory is gone")
    finally:
        first.destroy()
    second = Service(settings, tmp_path)
    try:
        second.await_whole()
        assert contact in {each["id"] for each in second.get("contacts")["contacts"]}
        assert_lifecycle(second.events())
        assert second.stop() == 0
        wait_for(lambda: not second.members(), "all its processes are gone")  # Python's resource tracker ends last
        assert not second.segments()
        assert not (tmp_path / "var" / "run" / "service.json").exists()
    finally:
        second.destroy()
