"""The supervisor with children that do nothing but what the test is about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from service_rig import DEADLINE_S, session_members, settings_for, wait_for

from ndefender.ring.segment import SHM_FOLDER
from ndefender.runtime.exits import EXIT_CONFIG, EXIT_GAVE_UP, EXIT_OK

pytestmark = pytest.mark.timeout(180)

CHILD = """
import sys
from pathlib import Path
import msgspec
from ndefender.config.settings import Settings
from ndefender.runtime.process import ProcessSpec
from ndefender.runtime.run import run

table = [ProcessSpec(**row) for row in msgspec.json.decode(sys.argv[2])]
sys.exit(run(msgspec.json.decode(sys.argv[1], type=Settings), table=table))
"""


class Run:
    def __init__(self, folder: Path, *table: dict[str, object], max_restarts: int = 3) -> None:
        settings = settings_for(folder)
        runtime = msgspec.structs.replace(settings.runtime, max_restarts=max_restarts)
        self.notes_path = Path(settings.log.folder) / "notes.txt"
        arguments = [
            msgspec.json.encode(msgspec.structs.replace(settings, runtime=runtime)).decode(),
            msgspec.json.encode(table).decode(),
        ]
        self.log_path = folder / "service.log"
        with self.log_path.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", CHILD, *arguments],
                stderr=stream,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            )

    def log_text(self) -> str:
        return self.log_path.read_text()

    def notes(self) -> list[str]:
        return self.notes_path.read_text().splitlines() if self.notes_path.exists() else []

    def end(self) -> int:
        """Its exit code, once everything is gone."""
        try:
            self.process.wait(DEADLINE_S)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        wait_for(lambda: not session_members(self.process.pid), "no process is left")
        assert not list(SHM_FOLDER.glob(f"ndefender-*-{self.process.pid}-*"))
        self.log = self.log_text()
        return self.process.returncode


def row(name: str, entry: str, seat: int, **more: object) -> dict[str, object]:
    defaults = {"start_order": 0, "stop_order": 0, "beat_timeout_s": 60.0, "stop_timeout_s": 30.0}
    return {"name": name, "entry": f"runtime_fakes:{entry}", "rows": (seat,), **defaults, **more}


def test_starts_in_order_and_stops_in_order(tmp_path: Path) -> None:
    run = Run(
        tmp_path,
        row("gate", "steady", 0, gate=True, stop_order=2),
        row("late", "steady", 1, start_order=1, stop_order=1),
        row("later", "steady", 2, start_order=1, stop_order=0),
    )
    wait_for(lambda: len(run.notes()) == 3, "all have begun")
    assert run.notes()[0] == "gate begins"
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == EXIT_OK
    ends = [note.split()[0] for note in run.notes() if note.endswith("ends")]
    assert ends == [name for name in ("later", "late", "gate") if name in ends]


def test_gives_up_on_what_keeps_dying(tmp_path: Path) -> None:
    run = Run(tmp_path, row("weak", "crash", 0), row("well", "steady", 1))
    assert run.end() == EXIT_GAVE_UP
    assert run.notes().count("weak begins") == 4  # once, and three restarts
    assert "giving up" in run.log
    assert "crashed on purpose" in run.log


def test_the_end_of_the_work_is_a_clean_end(tmp_path: Path) -> None:
    run = Run(tmp_path, row("work", "finish", 0), row("well", "steady", 1))
    assert run.end() == EXIT_OK


def test_what_a_restart_does_not_cure_is_not_restarted(tmp_path: Path) -> None:
    run = Run(tmp_path, row("wrong", "misconfigured", 0))
    assert run.end() == EXIT_CONFIG
    assert run.notes() == ["wrong begins"]


def test_what_does_not_stop_is_killed(tmp_path: Path) -> None:
    run = Run(tmp_path, row("stubborn", "stubborn", 0, stop_timeout_s=0.2))
    wait_for(lambda: run.notes() == ["stubborn begins"], "it has begun")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == EXIT_OK


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_process_and_then_to_its_group_is_one_wish(tmp_path: Path, number: signal.Signals) -> None:
    """As `timeout` and some service managers do it; a terminal's Ctrl-C signals the group alone."""
    run = Run(tmp_path, row("work", "thorough", 0))
    wait_for(lambda: run.notes() == ["work begins"] and "work is up" in run.log_text(), "it is up")
    run.process.send_signal(number)
    wait_for(lambda: "stopping" in run.log_text(), "the first is heard")
    os.killpg(run.process.pid, number)
    assert run.end() == EXIT_OK
    assert run.notes()[-1] == "work ends"
    assert "killing" not in run.log


def test_a_second_wish_to_stop_is_carried_out_at_once(tmp_path: Path) -> None:
    run = Run(tmp_path, row("stubborn", "stubborn", 0, stop_timeout_s=DEADLINE_S))
    wait_for(lambda: "stubborn is up" in run.log_text(), "it is up")

    def gone() -> bool:
        run.process.send_signal(signal.SIGTERM)
        return run.process.poll() is not None

    wait_for(gone, "it is gone", DEADLINE_S / 2)
    assert run.end() == EXIT_OK
    assert "stubborn did not end at a second signal" in run.log


def test_a_signal_while_children_begin_is_a_clean_end(tmp_path: Path) -> None:
    run = Run(tmp_path, row("one", "steady", 0), row("two", "steady", 1))
    wait_for(lambda: "AntSDR Scan API" in run.log_text(), "it starts its children")
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end() == EXIT_OK
    assert "Traceback" not in run.log


def test_children_do_not_hear_a_terminals_interrupt(tmp_path: Path) -> None:
    assert Run(tmp_path, row("deaf", "ignorant", 0)).end() == EXIT_OK


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    run = Run(tmp_path, row("one", "steady", 0), row("two", "stubborn", 1))
    wait_for(lambda: len(run.notes()) == 2, "both have begun")
    run.process.kill()
    assert run.end() == -signal.SIGKILL
