"""The command as it is called: what it writes where, and how it is paused and stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from service_rig import wait_for
from support.rid_sky import SERIAL, flight, unix_ms, write_capture

JSON = dict[str, Any]
DEADLINE_S = 30.0
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A minute of one aircraft."""
    path = tmp_path / "flight.pcap"
    write_capture(path, flight(60.0))
    return path


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the command in a session of its own; whatever is left is ended."""
    running: list[subprocess.Popen[bytes]] = []

    def started(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ndefender", "remoteid", *map(str, arguments)]
        known: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
        running.append(subprocess.Popen(command, **known | options))
        return running[-1]

    yield started
    for process in running:
        process.kill()
        process.communicate(timeout=DEADLINE_S)


def finish(process: subprocess.Popen[bytes]) -> tuple[int, list[JSON], str]:
    out, err = process.communicate(timeout=DEADLINE_S)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


def lines_of(path: Path) -> list[JSON]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def says(path: Path, state: str) -> bool:
    return any(e["type"] == "REPLAY_STATE" and e["data"]["state"] == state for e in lines_of(path))


def test_standard_output_and_the_log_have_the_same_json_lines(start: Start, capture: Path, tmp_path: Path) -> None:
    log = tmp_path / "log" / "remoteid.jsonl"
    code, events, err = finish(start(capture, "--speed", 0, "--jsonl", log, "--simulated"))
    assert (code, err) == (0, "")
    assert events == lines_of(log)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert len({e["boot_id"] for e in events}) == 1
    (new,) = [e for e in events if e["type"] == "CONTACT_NEW"]
    assert (new["data"]["id"], new["timestamp_ms"], new["data"]["simulated"]) == (f"rid:{SERIAL}", unix_ms(0.0), True)
    again = finish(start(capture, "--speed", 0, "--jsonl", log))[1]
    assert len(lines_of(log)) == len(events) + len(again)


def test_a_replay_is_paused_and_stopped_by_signals(start: Start, capture: Path, tmp_path: Path) -> None:
    log = tmp_path / "remoteid.jsonl"
    process = start(capture, "--jsonl", log)
    wait_for(lambda: any(e["type"] == "CONTACT_NEW" for e in lines_of(log)), "the contact", DEADLINE_S)
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: says(log, "paused"), "paused", DEADLINE_S)
    process.send_signal(signal.SIGUSR1)
    wait_for(lambda: [e["data"]["state"] for e in lines_of(log) if e["type"] == "REPLAY_STATE"][-1] == "running", "on")
    process.send_signal(signal.SIGTERM)
    code, events, err = finish(process)
    assert (code, err) == (0, "")
    assert events[-1]["data"]["state"] == "stopped"
    assert [e["data"]["lost_reason"] for e in events if e["type"] == "CONTACT_LOST"] == ["stopped"]
    assert events == lines_of(log)


def test_a_reader_that_goes_away_ends_the_replay_and_the_log_has_its_end(
    start: Start, capture: Path, tmp_path: Path
) -> None:
    log = tmp_path / "remoteid.jsonl"
    read_fd, write_fd = os.pipe()
    process = start(capture, "--jsonl", log, stdout=write_fd)
    os.close(write_fd)
    os.read(read_fd, 10)
    os.close(read_fd)
    _, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err) == (0, b"")
    assert lines_of(log)[-1]["data"]["state"] == "stopped"


def test_a_second_writer_of_one_log_is_refused(start: Start, capture: Path, tmp_path: Path) -> None:
    log = tmp_path / "remoteid.jsonl"
    start(capture, "--jsonl", log)
    wait_for(lambda: lines_of(log), "the first one writes", DEADLINE_S)
    code, events, err = finish(start(capture, "--jsonl", log))
    assert (code, events) == (1, [])
    assert err == f"ndefender: {log}: another process writes it\n"


def test_what_is_no_capture_is_said_in_a_line(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"hello")
    code, events, err = finish(start(path))
    assert (code, events) == (1, [])
    assert err.startswith(f"ndefender: {path}: not pcap or pcapng") and err.count("\n") == 1


def test_a_capture_comes_through_a_pipe(start: Start, capture: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = start(pipe, "--speed", 0)
    pipe.write_bytes(capture.read_bytes())
    code, events, _ = finish(process)
    assert code == 0
    assert events[-1]["data"] | {"ts": 0} == events[-1]["data"] | {"ts": 0, "state": "finished", "total": None}
    assert sum(e["type"] == "CONTACT_NEW" for e in events) == 1
