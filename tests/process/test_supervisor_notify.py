"""The supervisor as systemd sees it: a real one, and a socket that plays the service manager."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from service_rig import DEADLINE_S, settings_for, wait_for

from ndefender.ring.segment import SHM_FOLDER
from ndefender.runtime.exits import EXIT_OK

WATCHDOG_S = 1.0
CHILD = """
import sys
import msgspec
from ndefender.config.settings import Settings
from ndefender.runtime.process import ProcessSpec
from ndefender.runtime.run import run

table = [ProcessSpec(**row) for row in msgspec.json.decode(sys.argv[2])]
sys.exit(run(msgspec.json.decode(sys.argv[1], type=Settings), table=table))
"""


class Managed:
    """A service whose manager listens."""

    def __init__(self, folder: Path, *table: dict[str, object]) -> None:
        self.folder = folder
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)
        settings = settings_for(folder)
        self.notes_path = Path(settings.log.folder) / "notes.txt"
        arguments = [msgspec.json.encode(settings).decode(), msgspec.json.encode(table).decode()]
        with (folder / "service.log").open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", CHILD, *arguments],
                stderr=stream,
                start_new_session=True,
                env={
                    **os.environ,
                    "PYTHONPATH": str(Path(__file__).parent),
                    "NOTIFY_SOCKET": str(folder / "notify"),
                    "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
                },
            )

    def hears(self, line: str) -> bool:
        """Whether a line came, now or before."""
        try:
            while True:
                self.heard += self._socket.recv(4096).decode().split("\n")
        except BlockingIOError:
            return line in self.heard

    def await_line(self, line: str) -> None:
        wait_for(lambda: self.hears(line), f"{line}; heard {sorted(set(self.heard))}", DEADLINE_S / 3)

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_S)
        self._socket.close()
        for left in SHM_FOLDER.glob(f"ndefender-*-{self.process.pid}-*"):
            left.unlink()


def row(name: str, entry: str, seat: int, **more: object) -> dict[str, object]:
    defaults = {"start_order": 0, "stop_order": 0, "beat_timeout_s": 60.0, "stop_timeout_s": 30.0}
    return {"name": name, "entry": f"runtime_fakes:{entry}", "rows": (seat,), **defaults, **more}


@pytest.fixture
def begun() -> Iterator[list[Managed]]:
    services: list[Managed] = []
    yield services
    for service in services:
        service.end()


def test_a_service_is_ready_alive_and_then_stopping(tmp_path: Path, begun: list[Managed]) -> None:
    table = (row("front", "steady", 0, serves=True), row("worker", "told_to_begin", 1))
    service = Managed(tmp_path, *table)
    begun.append(service)
    service.await_line("READY=1")  # with the front: a worker may compile for minutes
    service.await_line("STATUS=1 of 2 processes up; waiting for worker")
    assert "STATUS=2 of 2 processes up" not in service.heard
    service.notes_path.with_name("go").touch()
    service.await_line("STATUS=2 of 2 processes up")
    service.heard.clear()
    service.await_line("WATCHDOG=1")  # an interval later, not only at the start
    service.process.send_signal(signal.SIGTERM)
    service.await_line("STOPPING=1")
    assert service.process.wait(DEADLINE_S) == EXIT_OK
    assert service.heard.count("READY=1") == 0


def test_without_a_process_that_serves_all_must_be_up(tmp_path: Path, begun: list[Managed]) -> None:
    service = Managed(tmp_path, row("one", "steady", 0), row("two", "told_to_begin", 1))
    begun.append(service)
    service.await_line("STATUS=1 of 2 processes up; waiting for two")
    assert "READY=1" not in service.heard
    service.notes_path.with_name("go").touch()
    service.await_line("READY=1")


def test_the_watchdog_is_fed_while_a_child_takes_its_time_to_stop(tmp_path: Path, begun: list[Managed]) -> None:
    service = Managed(tmp_path, row("slow", "stubborn", 0))
    begun.append(service)
    service.await_line("READY=1")
    service.process.send_signal(signal.SIGTERM)
    service.await_line("STOPPING=1")
    service.heard.clear()
    service.await_line("WATCHDOG=1")


def test_a_supervisor_that_hangs_is_silent(tmp_path: Path, begun: list[Managed]) -> None:
    """The signs of life come from the loop that works, not from a thread beside it."""
    service = Managed(tmp_path, row("one", "steady", 0))
    begun.append(service)
    service.await_line("READY=1")
    service.process.send_signal(signal.SIGSTOP)
    state = Path(f"/proc/{service.process.pid}/stat")
    wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "it is stopped")
    service.hears("")
    service.heard.clear()
    with pytest.raises(AssertionError):
        wait_for(lambda: service.hears("WATCHDOG=1"), "a sign of life", 2 * WATCHDOG_S)
    service.process.send_signal(signal.SIGCONT)
    service.await_line("WATCHDOG=1")


def test_children_do_not_inherit_the_right_to_speak(tmp_path: Path, begun: list[Managed]) -> None:
    service = Managed(tmp_path, row("one", "tell_environment", 0))
    begun.append(service)
    wait_for(service.notes_path.exists, "it has begun")
    wait_for(lambda: "one environment" in service.notes_path.read_text(), "it tells")
    assert "NOTIFY" not in service.notes_path.read_text()
    assert "WATCHDOG" not in service.notes_path.read_text()
