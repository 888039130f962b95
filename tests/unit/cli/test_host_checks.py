"""What `doctor` says of the host: services and devices that are there, absent, shut, or something else."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from ndefender.cli import host_checks
from ndefender.cli.main import cli
from ndefender.events.host import AudioSection
from ndefender.system.backend import Offline
from ndefender.system.peers import DBUS, BusError

NAMES = frozenset({"org.freedesktop.systemd1", "org.freedesktop.login1", "org.bluez", "org.freedesktop.DBus"})


def test_what_is_on_the_bus_and_what_is_missed_without() -> None:
    async def ask(address: str) -> frozenset[str]:
        return NAMES

    found = {finding.name: finding for finding in host_checks.system_bus("", ask)}
    levels = {name: finding.level for name, finding in found.items()}
    assert levels == {
        "system bus": "ok", "systemd": "ok", "systemd-logind": "ok", "BlueZ": "ok", "NetworkManager": "warning",
    }  # fmt: skip
    assert "no Wi-Fi" in found["NetworkManager"].says
    assert found["NetworkManager"].remedy == "apt-get install network-manager"


@pytest.mark.parametrize("error", [Offline("no message bus: refused"), BusError(DBUS, "a.b.Denied", "refused")])
def test_no_bus_is_one_finding_not_five(error: Exception) -> None:
    async def ask(address: str) -> frozenset[str]:
        raise error

    [found] = host_checks.system_bus("", ask)
    assert (found.name, found.level) == ("system bus", "warning")
    assert "refused" in found.says


def test_a_bus_that_is_not_there_is_really_asked(tmp_path: Path) -> None:
    [found] = host_checks.system_bus(f"unix:path={tmp_path}/bus")
    assert found.level == "warning"


def test_the_ups_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = host_checks.ups(1, 5.0, tmp_path)
    assert (absent.level, absent.says) == ("warning", f"no {tmp_path}/i2c-1")
    (tmp_path / "i2c-1").touch()
    assert "a keep-alive is written every 5 s" in host_checks.ups(1, 5.0, tmp_path).says
    assert "nothing is ever written" in host_checks.ups(1, 0.0, tmp_path).says
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    shut = host_checks.ups(1, 5.0, tmp_path)
    assert shut.level == "warning"
    assert shut.remedy.startswith("usermod -a -G ")


def test_the_panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "ttyACM0"
    assert "esp32.enabled = false" in host_checks.panel("", list).remedy
    assert host_checks.panel(str(device)).says == f"no {device}"
    device.touch()
    assert host_checks.panel(str(device)).level == "ok"
    assert host_checks.panel("", lambda: [str(device)]).level == "ok"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    shut = host_checks.panel("", lambda: [str(device)])
    assert shut.level == "warning"
    assert f"no access to {device}" in shut.says
    assert host_checks.panel("").name == "panel"  # really looks


def test_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    async def plays(server: str) -> AudioSection:
        return AudioSection(volume_percent=40, muted=False, sink="Speaker")

    async def silent(server: str) -> AudioSection:
        raise Offline("this user has no PulseAudio or PipeWire")

    async def hangs(server: str) -> AudioSection:
        await asyncio.Event().wait()
        raise AssertionError

    assert host_checks.sound("", plays).says == "Speaker at 40 %"
    assert host_checks.sound("", silent).says == "this user has no PulseAudio or PipeWire"
    monkeypatch.setattr(host_checks, "ASK_S", 0.05)
    assert "no answer within" in host_checks.sound("", hangs).says


@contextmanager
def greeter(greeting: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            stream, _ = server.accept()
            with stream:
                stream.sendall(greeting)

        thread = threading.Thread(target=greet)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_gpsd() -> None:
    with greeter(b'{"class":"VERSION","release":"3.22","proto_major":3}\r\n') as port:
        assert host_checks.gpsd("127.0.0.1", port).says == f"gpsd 3.22 on 127.0.0.1:{port}"
    for other in (b"SSH-2.0-OpenSSH_9.2\r\n", b"[1]\n", b'{"class":"VERSION"}\n', b"", b"\xff\xfe\n"):
        with greeter(other) as port:
            found = host_checks.gpsd("127.0.0.1", port)
            assert (found.level, "is no gpsd" in found.says) == ("warning", True), other
    assert "no answer" in host_checks.gpsd("127.0.0.1", port).says  # closed by now


def test_a_gpsd_that_hangs_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert "no answer" in host_checks.gpsd("127.0.0.1", server.getsockname()[1], 0.05).says


def _doctor(tmp_path: Path, config: str) -> str:
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    return CliRunner().invoke(cli, ["doctor", "--config", str(tmp_path / "config.toml")]).stdout


def test_doctor_looks_at_what_is_switched_on(tmp_path: Path) -> None:
    off = "[ups]\nenabled = false\n[esp32]\nenabled = false\n[gps]\nenabled = false\n"
    bus = f'[host]\ndbus_address = "unix:path={tmp_path}/bus"\npulse_server = "unix:{tmp_path}/pulse"\n'
    rows = {line[9:31].strip() for line in _doctor(tmp_path, off + bus).splitlines()}
    assert {"system bus", "sound", "aggregator port", "system_controller port", "api port"} <= rows
    assert not {"ups", "panel", "gpsd"} & rows
    rows = {line[9:31].strip() for line in _doctor(tmp_path, bus).splitlines()}
    assert {"ups", "panel", "gpsd"} <= rows


def test_doctor_names_the_port_that_is_taken_by_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = _doctor(tmp_path, f"[system_controller]\nport = {taken.getsockname()[1]}\n")
    assert "MISSING  system_controller port" in text
    assert "change system_controller.host and system_controller.port" in text
