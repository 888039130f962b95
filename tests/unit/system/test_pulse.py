"""Where the user's sound server is looked for, and what happens where there is none or no library for it."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ndefender.system import alsa, pulse
from ndefender.system.audio import Audio
from ndefender.system.backend import Offline
from ndefender.system.pulse import NoServer, users_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "run" / "pulse" / "native"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        yield path


@pytest.fixture(autouse=True)
def no_server_for_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pulse, "SYSTEM_FOLDER", tmp_path / "nobody")


def test_the_socket_in_the_users_run_time_folder(server: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(server.parents[1])}
    assert users_server(environment, 1) == f"unix:{server}"
    assert users_server({"PULSE_RUNTIME_PATH": str(server.parent), "XDG_RUNTIME_DIR": "/none"}, 1) == f"unix:{server}"


def test_the_environments_word_goes_first(server: Path) -> None:
    assert users_server({"PULSE_SERVER": "tcp:host", "XDG_RUNTIME_DIR": str(server.parents[1])}, 1) == "tcp:host"


def test_a_file_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "pulse").mkdir()
    (tmp_path / "pulse" / "native").touch()
    with pytest.raises(NoServer, match="no PulseAudio or PipeWire"):
        users_server({"XDG_RUNTIME_DIR": str(tmp_path)}, 1)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user with an empty home, no session and no card."""
    (tmp_path / "none.conf").touch()
    for name in ("HOME", "XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "none.conf"))
    for name in ("PULSE_SERVER", "PULSE_RUNTIME_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


async def test_looking_leaves_nothing_in_the_users_home(alone: Path) -> None:
    before = sorted(alone.rglob("*"))
    audio = Audio()
    for _ in range(3):
        with pytest.raises(Offline, match="no PulseAudio or PipeWire; ALSA"):
            await audio.read()
    assert sorted(alone.rglob("*")) == before
    await audio.close()


async def test_missing_libraries_are_said(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise OSError("libpulse.so.0: cannot open shared object file")

    pulse.load.cache_clear()
    alsa.load.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    monkeypatch.setattr(alsa, "LIBRARY", "libno-such-sound.so.2")
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent/native")
    audio = Audio()
    with pytest.raises(Offline) as caught:
        await audio.read()
    assert "apt install libpulse0" in caught.value.reason
    assert "apt install libasound2" in caught.value.reason
    await audio.close()
    only = Audio("unix:/nonexistent/native")
    with pytest.raises(NoServer, match="libpulse0"):
        await only.read()
    await only.close()
