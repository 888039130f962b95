"""`ndefender emulate esp32` as a process: a device, faults on demand, an end on SIGTERM."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DEADLINE_S = 60.0
COMMAND = [sys.executable, "-m", "ndefender", "emulate", "esp32", "--period-s", "0.05"]


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "--link", str(tmp_path / "panel"), "--control"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(DEADLINE_S)


def lines(device: str, count: int, kind: str) -> list[dict[str, object]]:
    """Read messages of one kind from a device."""
    fd = os.open(device, os.O_RDWR | os.O_NOCTTY)
    try:
        buffer, found, until_s = b"", [], time.monotonic() + DEADLINE_S
        while len(found) < count:
            assert select.select([fd], [], [], until_s - time.monotonic())[0], "no line came"
            buffer += os.read(fd, 4096)
            *ended, buffer = buffer.split(b"\n")
            for line in ended:
                with contextlib.suppress(ValueError):  # garbage was asked for
                    said = json.loads(line)
                    found += [said] if said["type"] == kind else []
        return found
    finally:
        os.close(fd)


def test_it_is_a_panel_until_sigterm(emulator: subprocess.Popen[str], tmp_path: Path) -> None:
    assert emulator.stdout is not None
    assert emulator.stdin is not None
    assert emulator.stdout.readline() == f"ready {tmp_path / 'panel'}\n"
    first = str((tmp_path / "panel").readlink())
    heard = lines(first, 2, "telemetry")[-1]
    assert heard["simulated"] is True
    levels = {receiver["freq_hz"]: receiver["rssi_raw"] for receiver in heard["vrx"]}
    assert levels[5_800_000_000] > levels[5_860_000_000] + 40  # pilot F4 of the urban scene, and nobody
    for word in ("unplug", "replug", "reset 5000", "mute", "unmute", "garbage 10", "silence", "speak"):
        emulator.stdin.write(word + "\n")
        assert emulator.stdout.readline().startswith(f"done {word.split()[0]} ")
    for word in ("dance", "reset soon"):
        emulator.stdin.write(word + "\n")
        assert emulator.stdout.readline().startswith(f"refused {word.split()[0]} ")
    assert lines(str(tmp_path / "panel"), 1, "telemetry")
    emulator.send_signal(signal.SIGTERM)
    assert emulator.wait(DEADLINE_S) == 0
    assert not (tmp_path / "panel").is_symlink()


@pytest.mark.parametrize(
    "arguments", [["--scene", "no-such-scene"], ["--link", "{}/taken"], ["--link", "{}/no/folder"]]
)
def test_what_it_cannot_do_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "taken").touch()
    command = [*COMMAND, *(argument.format(tmp_path) for argument in arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "taken").is_file()
