"""Starts the real service in a session of its own, and knows how to look at it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ndefender.config.settings import (
    AggregatorSettings,
    AntsdrApiSettings,
    BandSettings,
    DspSettings,
    LogSettings,
    RadioSettings,
    Settings,
    SystemControllerSettings,
    TrackerSettings,
)
from ndefender.ring.segment import SHM_FOLDER
from ndefender.runtime.lock import read_state

DEADLINE_S = 90.0  # a bound for a slow, busy machine; nothing waits longer than it must
CHILD = (
    "import sys; from pathlib import Path; import msgspec; from ndefender.config.settings import Settings; "
    "from ndefender.runtime.run import run; "
    "sys.exit(run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Settings)))"
)
Value = TypeVar("Value")


def settings_for(folder: Path, **radio: Any) -> Settings:
    """One analogue pilot of the urban scene in two narrow hops, on an emulated radio."""
    return Settings(
        radio=RadioSettings(**{"uri": "emulate:urban", "rate_hz": 20e6, "bandwidth_hz": 18e6} | radio),
        plan={
            "default": [BandSettings("R1", 5650e6, 5666e6, 0.01), BandSettings("HIGH", 5930e6, 5935e6, 0.01)],
            "high": [BandSettings("HIGH", 5930e6, 5935e6, 0.01)],
        },
        dsp=DspSettings(workers=2),
        tracker=TrackerSettings(ttl_s=60.0),
        log=LogSettings(folder=str(folder / "var" / "log")),
        api=AntsdrApiSettings(port=0),
        aggregator=AggregatorSettings(port=0),
        system_controller=SystemControllerSettings(port=0),
    )


def wait_for(condition: Callable[[], Value | None], what: str, deadline_s: float = DEADLINE_S) -> Value:
    """Wait for a state, not for a time."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)  # between two looks at another process's state
    raise AssertionError(f"never happened: {what}")


class Service:
    """A running service.

    Args:
        settings: its configuration; its folder is that of the log's parent's parent.
        folder: scratch space.
        child: Python that runs it; its argument is the file of the settings.
    """

    def __init__(self, settings: Settings, folder: Path, child: str = CHILD) -> None:
        self.settings = settings
        self.folder = folder
        self.log_path = folder / "service.log"
        config = folder / "settings.json"
        config.write_bytes(msgspec.json.encode(settings))
        with self.log_path.open("ab") as stream:
            self._log_start = stream.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-c", child, str(config)],
                stderr=stream,
                stdout=stream,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.session = self.process.pid
        self.port = 0

    def log(self) -> str:
        """Operator's log of this start."""
        return self.log_path.read_bytes()[self._log_start :].decode()

    def pids(self, role: str) -> list[int]:
        """Processes that had a role, oldest first."""
        return [int(pid) for pid in re.findall(rf"supervisor: {role} is up \(process (\d+)\)", self.log())]

    def get(self, path: str) -> Any:
        """GET; None while nobody answers."""
        return self._request(urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}"))

    def post(self, path: str, payload: object = None, confirm: bool = False) -> Any:
        """POST a command; None while nobody answers, the error body where it is refused."""
        body = json.dumps({"payload": payload or {}, "confirm": confirm}).encode()
        headers = {"Content-Type": "application/json"}
        return self._request(
            urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}", body, headers, method="POST")
        )

    def _request(self, request: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except OSError:
            return None

    def await_whole(self) -> None:
        """Wait until everything runs and dwells are being analysed."""

        def listening() -> bool:
            assert self.process.poll() is None, self.log()
            state = read_state(self.folder / "var" / "run")
            self.port = state.port if state is not None and state.pid == self.process.pid else 0
            return self.port != 0

        wait_for(listening, "the state file")
        wait_for(lambda: (self.get("health") or {}).get("engine_running"), f"engine running\n{self.log()}")
        before = self.get("stats")["blocks_analysed"]
        wait_for(lambda: (self.get("stats") or {}).get("blocks_analysed", 0) > before, "dwells analysed")

    def kill(self, role: str) -> None:
        """Kill -9 the newest process of a role and wait until its successor is up and the service whole."""
        before = self.pids(role)
        os.kill(before[-1], signal.SIGKILL)
        wait_for(lambda: len(self.pids(role)) > len(before), f"{role} up again\n{self.log()}")
        self.await_whole()

    def events(self) -> list[dict[str, Any]]:
        """All events of the simulated log, oldest first."""
        path = Path(self.settings.log.folder) / "simulated" / "antsdr_scan.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def members(self) -> set[int]:
        """Living processes of the service's session."""
        return session_members(self.session)

    def segments(self) -> list[Path]:
        """Shared memory of the service's supervisor."""
        return list(SHM_FOLDER.glob(f"ndefender-*-{self.process.pid}-*"))

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def destroy(self) -> None:
        """Leave nothing behind, whatever happened: the resource tracker, which removes shared memory, ends last."""
        self.process.kill()
        self.process.wait(DEADLINE_S)
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.members(), "all its processes are gone", 10.0)
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def session_members(session: int) -> set[int]:
    """Living processes of a session (zombies are not)."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.add(int(path.parent.name))
    return found


def assert_lifecycle(events: list[dict[str, Any]]) -> None:
    """For one id always NEW, UPDATE…, LOST; numbers of one run without gap or repetition."""
    alive: set[str] = set()
    seq: dict[str, int] = {}
    for event in events:
        contact, kind, boot = event["data"]["id"], event["type"], event["boot_id"]
        assert (contact in alive) == (kind != "RF_CONTACT_NEW"), f"{kind} of {contact}"
        (alive.discard if kind == "RF_CONTACT_LOST" else alive.add)(contact)
        assert event["seq"] == seq.get(boot, 0) + 1
        seq[boot] = event["seq"]
        assert event["data"]["simulated"] is True
