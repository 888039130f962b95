"""The whole service as `ndefender run` starts it, in a session and a folder of its own, seen from outside."""

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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

SHM = Path("/dev/shm")
TICK_S = 0.01
PATIENCE_S = 120.0
Value = TypeVar("Value")


class Missed(Exception):
    """Something that had to happen did not."""


def await_(condition: Callable[[], Value | None], what: str, deadline_s: float = PATIENCE_S) -> Value:
    """Wait for a state; return it."""
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s:
        value = condition()
        if value:
            return value
        time.sleep(TICK_S)
    raise Missed(what)


def start_process(
    arguments: list[str], folder: Path, stderr: IO[bytes], env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a command of ndefender in a session of its own, with its bytecode kept as an installed service has it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen(
        [sys.executable, "-m", "ndefender", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if arguments[0] == "emulate" else stderr,
        stderr=stderr,
        start_new_session=True,
        env={**kept, **env},
    )


class Service:
    """A running service.

    Args:
        folder: its working folder; made if missing.
        config: text of its `config.toml`.
        env: more environment.
    """

    def __init__(self, folder: Path, config: str, env: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(config)
        self.folder = folder
        self._log_path = folder / "service.log"
        with self._log_path.open("ab") as stream:
            self._log_start = stream.tell()
            self.started_s = time.monotonic()
            self.process = start_process(["run", "--config", "config.toml"], folder, stream, env or {})
        self.pid = self.process.pid
        self.port = 0

    def log(self) -> str:
        """What this start logged."""
        with self._log_path.open("rb") as stream:
            stream.seek(self._log_start)
            return stream.read().decode()

    def pids(self, role: str) -> list[int]:
        """Processes that came up in a role, oldest first."""
        return [int(pid) for pid in re.findall(rf"supervisor: {role} is up \(process (\d+)\)", self.log())]

    def get(self, path: str, timeout_s: float = 5.0) -> dict[str, Any] | None:
        """GET; None while nobody answers."""
        return self._ask(urllib.request.Request(self._url(path)), timeout_s)

    def post(self, path: str) -> dict[str, Any] | None:
        """POST a command without arguments."""
        headers = {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(self._url(path), b'{"payload":{}}', headers, method="POST"), 5.0)

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/{path}"

    @staticmethod
    def _ask(request: urllib.request.Request, timeout_s: float) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError):
            return None

    def await_port(self) -> None:
        """Wait until the service says where it listens."""

        def port() -> int:
            if self.process.poll() is not None:
                raise Missed(f"the service ended:\n{self.log()}")
            with contextlib.suppress(OSError, ValueError):
                state = json.loads((self.folder / "var" / "run" / "service.json").read_text())
                return int(state["port"]) if state["pid"] == self.pid else 0
            return 0

        self.port = await_(port, "a state file")

    def await_whole(self, deadline_s: float = PATIENCE_S) -> None:
        """Wait until the API answers that it is well, and dwells taken from now on are analysed."""
        if not self.port:
            self.await_port()

        def newest() -> dict[str, Any] | None:
            stats, health = self.get("stats"), self.get("health")
            return stats if stats and health and health["engine_running"] else None

        before = await_(newest, f"health\n{self.log()[-3000:]}", deadline_s)
        captured, analysed = before["blocks_captured"], before["blocks_analysed"]

        def analysing() -> bool:
            stats = self.get("stats")
            return bool(stats and stats["blocks_captured"] > captured and stats["blocks_analysed"] > analysed)

        await_(analysing, f"dwells analysed\n{self.log()[-3000:]}", deadline_s)

    def kill(self, role: str) -> float:
        """Kill -9 a process; return seconds until the service is whole again."""
        before = self.pids(role)
        os.kill(before[-1], signal.SIGKILL)
        killed_s = time.monotonic()
        await_(lambda: len(self.pids(role)) > len(before), f"{role} up\n{self.log()[-3000:]}")
        self.await_whole()
        return time.monotonic() - killed_s

    def events(self) -> list[dict[str, Any]]:
        """Every event of the log of simulated sources, oldest first."""
        folder = self.folder / "var" / "log" / "simulated"
        rotated = sorted(folder.glob("antsdr_scan.jsonl.*"), key=lambda path: -int(path.suffix[1:]))
        newest = [path for path in [folder / "antsdr_scan.jsonl"] if path.exists()]
        return [json.loads(line) for path in [*rotated, *newest] for line in path.read_text().splitlines()]

    def members(self) -> set[int]:
        """Living processes of its session."""
        found = set()
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.pid and fields[0] not in "ZX":
                    found.add(int(path.parent.name))
        return found

    def segments(self) -> list[str]:
        """Names of its shared memory."""
        return [path.name for path in SHM.glob(f"ndefender-*-{self.pid}-*")]

    def stop(self) -> float:
        """SIGTERM to the whole group; seconds until it ended.

        Raises:
            Missed: it ended with another code than 0, or left something behind.
        """
        begun_s = time.monotonic()
        os.killpg(self.pid, signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        took_s = time.monotonic() - begun_s
        if code:
            raise Missed(f"exit code {code}\n{self.log()[-3000:]}")
        await_(lambda: not self.members(), "no process left")
        if self.segments():
            raise Missed(f"left behind: {self.segments()}")
        return took_s

    def destroy(self) -> None:
        """Leave nothing, whatever happened: the resource tracker, which removes shared memory, ends last."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        with contextlib.suppress(Missed):
            await_(lambda: not self.members(), "all its processes are gone", 10.0)
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def new_twice(events: list[dict[str, Any]]) -> int:
    """How often a contact that was alive was announced again, or one that was not was updated or lost."""
    alive: set[str] = set()
    wrong = 0
    for event in events:
        contact, kind = event["data"]["id"], event["type"]
        wrong += (contact in alive) == (kind == "RF_CONTACT_NEW")
        (alive.discard if kind == "RF_CONTACT_LOST" else alive.add)(contact)
    return wrong


def sequence_gaps(events: list[dict[str, Any]]) -> int:
    """Events whose number does not follow the one before, within each run."""
    last: dict[str, int] = {}
    gaps = 0
    for event in events:
        boot, seq = event["boot_id"], event["seq"]
        gaps += boot in last and seq != last[boot] + 1
        last[boot] = seq
    return gaps
