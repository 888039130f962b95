"""The follower under test as a process of its own, to be killed at any moment, and what drives it.

Each event that it takes becomes one record of its output: the number and the position after it, in one write. Whoever
kills it reads the records that are whole, and hands the newest position to the next one: output and position cannot
disagree.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from tail_local import number_in
from tail_world import LIMIT_BYTES

from ndefender.ingest.position import Position
from ndefender.ingest.tail import Tailer

_DEADLINE_S = 60.0  # for a busy machine; nothing waits longer than it must
_LOOK_S = 0.0005
_SPARE = 2  # processes that have begun and wait for work: a start is an operation, not a pause


class RemoteFollower:
    """A follower in another process; killed, it is gone without a word.

    Args:
        path: of the log.
        folder: for its outputs.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self.taken: list[int] = []
        self.seen: set[int] = set()
        self.kills = 0
        self._path = path
        self._folder = folder
        self._position: bytes = b"null"
        self._lives = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._output: Path | None = None
        self._offset = 0
        self._spares = [_spawn() for _ in range(_SPARE)]

    def pause(self) -> None:
        """Nothing: it reads when it likes."""

    def drain(self, owed: int) -> None:
        """Wait until that number came."""
        self.start()
        end = time.monotonic() + _DEADLINE_S
        while True:
            self._collect()
            if not owed or owed in self.seen:
                return
            if time.monotonic() > end:
                raise AssertionError(f"{owed} never came")
            time.sleep(_LOOK_S)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is None:
            return
        _destroy(self._process)
        self._process = None
        self.kills += 1
        self._collect()
        if self._output is not None:
            self._output.unlink(missing_ok=True)

    def start(self) -> None:
        """Give a waiting process its work."""
        if self._process is not None:
            return
        process = self._spares.pop(0)
        self._spares.append(_spawn())
        self._lives += 1
        self._output, self._offset = self._folder / f"taken.{self._lives}", 0
        if process.stdin is None:
            raise AssertionError("a process without input")
        work = {"path": str(self._path), "output": str(self._output), "position": msgspec.Raw(self._position)}
        process.stdin.write(msgspec.json.encode(work) + b"\n")
        process.stdin.flush()
        self._process = process

    def close(self) -> None:
        """End every process."""
        for process in (*self._spares, *([self._process] if self._process else ())):
            _destroy(process)
        self._spares, self._process = [], None

    def _collect(self) -> None:
        """Read the records that are whole."""
        try:
            with self._output_file().open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return
        whole = content.rfind(b"\n") + 1
        self._offset += whole
        for record in content[:whole].splitlines():
            number, _, position = record.partition(b" ")
            self.taken.append(int(number))
            self.seen.add(int(number))
            self._position = position

    def _output_file(self) -> Path:
        return self._output or self._folder / "none"


def _spawn() -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, env=environment, start_new_session=True)


def _destroy(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


async def _follow(path: Path, output: Path, position: Position | None) -> None:
    fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    tailer = Tailer(path, position, poll_s=0.2, max_line_bytes=LIMIT_BYTES)
    async for line in tailer:
        if number := number_in(line.data):
            os.write(fd, b"%d %s\n" % (number, msgspec.json.encode(line.position)))


def main() -> None:
    """Wait for work, then follow until killed; without work, end with the parent."""
    order = sys.stdin.readline()
    if order:
        work = json.loads(order)
        position = msgspec.convert(work["position"], Position | None)
        asyncio.run(_follow(Path(work["path"]), Path(work["output"]), position))


if __name__ == "__main__":
    main()
