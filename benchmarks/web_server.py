"""One Sanic app in a process of its own, as the service runs it: single process, its own loop, a listener handed in.

The parent talks to it over a pipe: it sends a request (a tuple), the app's side answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from sanic import Sanic

Ask = Callable[[tuple[Any, ...]], Awaitable[object]]
Build = Callable[[], tuple[Any, Ask]]

START_S = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running server.

    Args:
        port: TCP port on the loopback.
        pipe: to its side of the benchmark.
        pid: its process.
    """

    port: int
    pipe: Connection
    pid: int

    def ask(self, *request: object, limit_s: float = 600.0) -> Any:
        """Send a request and wait for its answer."""
        self.pipe.send(request)
        return self.answer(limit_s)

    def answer(self, limit_s: float = 600.0) -> Any:
        """Wait for an answer."""
        if not self.pipe.poll(limit_s):
            raise TimeoutError(f"the server said nothing for {limit_s:g} s")
        return self.pipe.recv()


def serve(build: Build, listener: socket.socket, pipe: Connection) -> None:
    """Main of the process."""
    app, ask = build()
    tasks: set[asyncio.Task[None]] = set()

    async def work(request: tuple[Any, ...]) -> None:
        # on a thread: a long answer waits for the parent to read, and the parent may be waiting for this loop
        await asyncio.to_thread(pipe.send, await ask(request))

    def asked() -> None:
        try:
            request = pipe.recv()
        except EOFError:
            app.stop()
            return
        task = asyncio.create_task(work(request))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def started(_: object) -> None:
        asyncio.get_running_loop().add_reader(pipe.fileno(), asked)
        os.set_blocking(pipe.fileno(), True)  # libuv clears it, and a long answer would be sent in part
        pipe.send("up")

    app.register_listener(started, "after_server_start")
    app.prepare(sock=listener, single_process=True, access_log=False, motd=False)
    Sanic.serve_single(primary=app)


@contextlib.contextmanager
def served(build: Build) -> Iterator[Served]:
    """Serve while the body runs.

    Args:
        build: module-level function that makes the app and what answers the parent; called in the new process.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        process = context.Process(target=serve, args=(build, listener, theirs))
        process.start()
        theirs.close()
        try:
            assert process.pid is not None
            server = Served(listener.getsockname()[1], ours, process.pid)
            server.answer(START_S)
            yield server
        finally:
            if process.is_alive() and process.pid:
                os.kill(process.pid, signal.SIGTERM)
            process.join(10.0)
            if process.is_alive():
                process.kill()
                process.join()
