"""How the service starts and ends, and what it says when it cannot."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import msgspec
import pytest
from service_rig import Service, settings_for, wait_for

from ndefender.runtime.exits import EXIT_BUSY, EXIT_CONFIG
from ndefender.runtime.lock import FolderLock

pytestmark = pytest.mark.timeout(300)


def ended(service: Service) -> int:
    try:
        return service.process.wait(60)
    finally:
        service.destroy()


def test_a_port_in_use_is_an_error_not_a_loop(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        settings = settings_for(tmp_path)
        api = msgspec.structs.replace(settings.api, port=holder.getsockname()[1])
        service = Service(msgspec.structs.replace(settings, api=api), tmp_path)
        assert ended(service) == EXIT_CONFIG
    assert "in use by another program" in service.log()
    assert not service.segments()


def test_a_folder_in_use_is_an_error_that_names_the_holder(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path / "var" / "run")
    service = Service(settings_for(tmp_path), tmp_path)
    assert ended(service) == EXIT_BUSY
    assert "is in use by the service with process id" in service.log()
    lock.release()


def test_a_scene_that_does_not_exist_ends_the_service(tmp_path: Path) -> None:
    service = Service(settings_for(tmp_path, uri="emulate:nowhere"), tmp_path)
    assert ended(service) == EXIT_CONFIG
    assert "nowhere" in service.log()
    assert "Traceback" not in service.log()  # whoever wrote the configuration wants a line, not our insides
    assert not service.segments()


def test_a_recording_that_does_not_exist_ends_the_service(tmp_path: Path) -> None:
    service = Service(settings_for(tmp_path, uri=f"file:{tmp_path}/none.sigmf-meta"), tmp_path)
    assert ended(service) == EXIT_CONFIG
    assert not service.segments()


@pytest.mark.slow
def test_a_radio_that_is_not_there_is_offline_with_a_reason_and_nothing_is_invented(tmp_path: Path) -> None:
    service = Service(settings_for(tmp_path, uri="ip:127.99.99.99"), tmp_path)
    try:
        wait_for(lambda: "AntSDR Scan API at http" in service.log(), "the address is logged")
        service.port = int(service.log().split("AntSDR Scan API at http://127.0.0.1:")[1].split("/")[0])
        wait_for(lambda: "refused" in ((service.get("device") or {}).get("last_error") or ""), "a reason is given")
        device = service.get("device")
        assert device["connected"] is False
        assert device["simulated"] is False
        health = service.get("health")
        assert health["status"] == "degraded"
        assert any("radio offline" in reason for reason in health["detail"])
        assert service.post("sweep/start")["error"]["code"] == "not_connected"
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(60) == 0
        wait_for(lambda: not service.members(), "all its processes are gone")
    finally:
        service.destroy()


@pytest.mark.slow
def test_a_radio_that_never_answers_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        service = Service(settings_for(tmp_path, uri=f"ip:127.0.0.1:{mute.getsockname()[1]}"), tmp_path)
        try:
            peer, _ = mute.accept()  # libiio asks, and waits for an answer
            with peer:
                wait_for(lambda: service.pids("capture"), "capture is up")
                os.killpg(service.process.pid, signal.SIGINT)
                assert service.process.wait(60) == 0
            wait_for(lambda: not service.members(), "all its processes are gone")
            assert not service.segments()
        finally:
            service.destroy()


@pytest.mark.slow
def test_a_stop_told_to_the_process_and_its_group_is_clean(tmp_path: Path) -> None:
    service = Service(settings_for(tmp_path), tmp_path)
    try:
        service.await_whole()
        service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "SIGTERM: stopping" in service.log(), "the first is heard")
        os.killpg(service.process.pid, signal.SIGTERM)
        assert service.process.wait(60) == 0
        assert "at a second signal" not in service.log()
        wait_for(lambda: not service.members(), "all its processes are gone")
        assert not service.segments()
    finally:
        service.destroy()
