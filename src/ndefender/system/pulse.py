"""The default sink of PulseAudio, or of PipeWire in its clothes, by libpulse on the loop.

libpulse calls back into this process for every request that is under way. A request that is given up therefore takes
its connection with it, at once: the callback it would have used is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ndefender.events.host import AudioSection
from ndefender.system.backend import Offline

REQUEST_TIMEOUT_S = 0.8  # of all that one reading asks
CLIENT_NAME = "ndefender"
SYSTEM_FOLDER = Path("/run/pulse")  # of a server for all users

T = TypeVar("T")


class NoServer(Offline):
    """There is nothing to connect to. Reaction: ask ALSA."""


class Libraries(NamedTuple):
    """What is used of the two modules, untyped, and all that they raise."""

    connection: Any
    errors: tuple[type[Exception], ...]


@functools.cache
def load() -> Libraries:
    """Import the binding, once; it loads the C library, which a machine without sound does not have.

    Raises:
        NoServer: it is not there.
    """
    try:
        calls = importlib.import_module("pulsectl._pulsectl")
        pulsectl = importlib.import_module("pulsectl")
        connection = importlib.import_module("pulsectl_asyncio").PulseAsync
        return Libraries(connection, (pulsectl.PulseError, pulsectl.PulseDisconnected, calls.LibPulse.CallError))
    except (ImportError, OSError, AttributeError) as error:
        raise NoServer(f"PulseAudio's library is missing (Debian: `apt install libpulse0`): {error}") from error


def users_server(environment: Mapping[str, str], uid: int) -> str:
    """Address of the user's own server, where libpulse would look for it.

    libpulse itself is not asked before there is a socket: each time it found none it would leave a folder in the user's
    home or under `/tmp`.

    Args:
        environment: of the process.
        uid: the user.
    Raises:
        NoServer: no socket there.
    """
    if server := environment.get("PULSE_SERVER"):
        return server
    folders = [Path(environment[name]) for name in ("PULSE_RUNTIME_PATH",) if environment.get(name)]
    folders += [Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}", "pulse"), SYSTEM_FOLDER]
    for folder in folders:
        with contextlib.suppress(OSError):
            if (folder / "native").is_socket():
                return f"unix:{folder / 'native'}"
    raise NoServer("this user has no PulseAudio or PipeWire")


class PulseSink:
    """The default sink of one server.

    Args:
        server: its address; empty for the user's own.
        timeout_s: bound of a reading and of a command.
    """

    def __init__(self, server: str, timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._server = server
        self._where = f"PulseAudio at {server}" if server else "the user's PulseAudio"
        self._timeout_s = timeout_s
        self._pulse: Any = None
        self._turn = asyncio.Lock()
        self._asking: asyncio.Task[Any] | None = None

    async def read(self) -> AudioSection:
        """Volume and mute of the sink that is the default now.

        Raises:
            NoServer: nothing to connect to.
            Offline: it hangs, or has no sink.
        """
        return _section(await self._ask(_default_sink))

    async def mute(self, muted: bool) -> None:
        """Silence it, or let it be heard. Raises as `read`."""

        async def act(pulse: Any) -> None:
            await pulse.mute(await _default_sink(pulse), muted)

        await self._ask(act)

    async def volume(self, percent: int) -> None:
        """Set the loudest channel; the others keep their share of it. Raises as `read`."""

        async def act(pulse: Any) -> None:
            sink = await _default_sink(pulse)
            loudest = max(sink.volume.values)
            shares = [value / loudest if loudest > 0 else 1.0 for value in sink.volume.values]
            sink.volume.values = [share * percent / 100 for share in shares]
            await pulse.volume_set(sink, sink.volume)

        await self._ask(act)

    async def watch(self) -> AsyncGenerator[None, None]:
        """Yield for every change of a sink, and of which is the default. On a connection of its own.

        Raises:
            NoServer: nothing to connect to.
            Offline: it went, or hangs while connecting.
        """
        async with asyncio.timeout(self._timeout_s) as bound, self._named_errors(bound):
            pulse = await self._connect()
        woken = asyncio.Event()

        async def follow() -> None:
            async for _ in pulse.subscribe_events("sink", "server"):
                woken.set()

        following = asyncio.create_task(follow(), name="pulse-events")
        following.add_done_callback(lambda _: woken.set())
        try:
            while True:
                await woken.wait()
                woken.clear()
                if following.done():
                    raise Offline(f"{self._where} went away")
                yield
        finally:
            pulse.close()  # before the subscription ends: its end asks a server, which may hang, to end it
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def close(self) -> None:
        """Close the connection, after what is still being asked, which is bounded in time."""
        if self._asking is not None:
            await asyncio.wait({self._asking})
        self._drop()

    async def _ask(self, request: Callable[[Any], Awaitable[T]]) -> T:
        await self._turn.acquire()
        # In a task that nobody cancels: the library complains in the log where a request goes away while its answer is
        # on the way. Who asked may go; the answer comes to nobody then. What has no turn yet is never begun.
        asking = asyncio.create_task(self._bounded(request), name="pulse-request")
        self._asking = asking
        asking.add_done_callback(self._asked)
        return await asyncio.shield(asking)

    def _asked(self, asking: asyncio.Task[Any]) -> None:
        self._asking = None
        self._turn.release()
        if not asking.cancelled():
            asking.exception()  # retrieved, should nobody wait for it any more

    async def _bounded(self, request: Callable[[Any], Awaitable[T]]) -> T:
        done = False
        try:
            async with asyncio.timeout(self._timeout_s) as bound, self._named_errors(bound):
                if self._pulse is None or not self._pulse.connected:
                    self._drop()
                    self._pulse = await self._connect()
                answer = await request(self._pulse)
                done = True
                return answer
        finally:
            if not done:
                self._drop()

    async def _connect(self) -> Any:
        server = self._server or users_server(os.environ, os.getuid())
        libraries = await asyncio.to_thread(load)  # the first time it takes as long as a stall may
        pulse = libraries.connection(CLIENT_NAME, server=server)
        connected = False
        try:
            await pulse.connect()
            connected = True
        except libraries.errors as error:
            raise NoServer(f"{self._where} cannot be reached") from error
        finally:
            if not connected:
                pulse.close()
        return pulse

    @contextlib.asynccontextmanager
    async def _named_errors(self, bound: asyncio.Timeout) -> AsyncIterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            if bound.expired():
                raise Offline(f"{self._where}: no answer for {self._timeout_s:.1f} s") from None
            raise
        except Offline:
            raise
        except load().errors as error:
            raise Offline(f"{self._where}: {str(error) or type(error).__name__}") from error

    def _drop(self) -> None:
        pulse, self._pulse = self._pulse, None
        if pulse is not None:
            pulse.close()


async def _default_sink(pulse: Any) -> Any:
    name = (await pulse.server_info()).default_sink_name
    if not name:
        raise Offline("PulseAudio has no sink")
    return await pulse.get_sink_by_name(name)


def _section(sink: Any) -> AudioSection:
    volumes = [float(value) for value in sink.volume.values]
    return AudioSection(
        volume_percent=round(100 * max(volumes)) if volumes else None, muted=bool(sink.mute), sink=str(sink.name)
    )
