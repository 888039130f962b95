"""The link to the ESP32 panel: finds it, keeps it, passes on what it says, carries commands to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from ndefender.errors import CommandRejected
from ndefender.ingest.esp32_discovery import Candidate, candidates
from ndefender.ingest.esp32_outbox import Outbox
from ndefender.ingest.esp32_reader import PanelReader
from ndefender.ingest.esp32_types import LinkSettings, LinkStats, PanelMessage, PanelState
from ndefender.ingest.panel_commands import encode_command
from ndefender.ingest.serial_port import PortLost, SerialPort, off_loop, open_port

log = logging.getLogger(__name__)

STOPPING = "the service stops"


class Esp32Link:
    """One panel on a serial line. Every method is called on the loop's thread.

    Args:
        settings: how.
        on_message: gets telemetry, log events and outcomes of commands, each once, in order. Must not block.
        on_state: gets the state when the panel comes, goes, restarts, or the reason of its absence changes.
        clock: monotonic seconds.
        now_ms: milliseconds since the epoch.
        find: devices that may be the panel; may block, is called off the loop.
    """

    def __init__(
        self,
        settings: LinkSettings,
        on_message: Callable[[PanelMessage], None],
        on_state: Callable[[PanelState], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        find: Callable[[], list[Candidate]] | None = None,
    ) -> None:
        self._settings = settings
        self._on_state = on_state
        self._clock = clock
        self._find = find or (lambda: candidates(settings.by_id))
        self._stats = LinkStats()
        self._outbox = Outbox(settings.ack_timeout_s, settings.queue_commands, settings.baud, self._stats)
        self._reader = PanelReader(settings, self._outbox, self._stats, on_message, clock, now_ms)
        self._strangers: dict[tuple[str, int], float] = {}  # identity: when it may be looked at again
        self._work = asyncio.Event()
        self._port: str | None = None
        self._last_error: str | None = "no panel found yet"
        self._told: PanelState | None = None

    def state(self) -> PanelState:
        """The link now."""
        connected = self._port is not None
        reader = self._reader
        return PanelState(
            connected=connected,
            port=self._port,
            last_seen_ms=reader.last_seen_ms,
            heartbeat="ok" if connected else "lost" if self._stats.connects else "none",
            capabilities=reader.capabilities if self._stats.connects else (),
            fw_version=reader.fw_version,
            boot_count=reader.boot_count,
            bad_lines=self._stats.bad_lines,
            simulated=reader.simulated,
            last_error=None if connected else self._last_error,
        )

    def stats(self) -> LinkStats:
        """A copy of the counters."""
        return replace(self._stats)

    @property
    def waiting(self) -> int:
        """Commands that were taken and have no outcome yet."""
        return len(self._outbox)

    async def command(self, cmd: str, args: Mapping[str, object], command_id: str) -> None:
        """Take a command. Its outcome follows by `on_message`, exactly once, with this id.

        Args:
            cmd, args: see `panel_commands.COMMANDS`.
            command_id: 1..63 printable ASCII characters, not used before.
        Raises:
            CommandRejected: 400 as `encode_command`, 409 `esp32_not_connected`, 429 `esp32_busy`.
        """
        line = encode_command(cmd, args, command_id)
        if self._port is None:
            raise CommandRejected(409, "esp32_not_connected", f"the panel is not connected: {self._last_error}")
        for outcome in self._outbox.submit(cmd, line, command_id, self._clock()):
            self._reader.emit(outcome)
        self._work.set()

    async def run(self) -> None:
        """Look for the panel and serve it, until cancelled."""
        pause_s = self._settings.reopen_min_s
        while True:
            before = self._stats.connects
            await self._look()
            pause_s = self._settings.reopen_min_s if self._stats.connects > before else pause_s
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, self._settings.reopen_max_s)

    async def _look(self) -> None:
        """Try what may be the panel until one is, then serve it until it goes."""
        if self._settings.port:
            await self._try(Candidate(self._settings.port, (self._settings.port, 0)))
            return
        try:
            found = await off_loop("look for the panel", self._find, self._settings.io_timeout_s)
        except PortLost as error:
            self._absent(str(error))
            return
        now_s = self._clock()
        self._strangers = {who: until_s for who, until_s in self._strangers.items() if until_s > now_s}
        fresh = [candidate for candidate in found if candidate.identity not in self._strangers]
        if not fresh:
            others = f"; {len(found)} with them did not speak as a panel" if found else ""
            self._absent(f"no serial device with the panel's USB ids{others}")
        for candidate in fresh:
            if await self._try(candidate):
                return

    async def _try(self, candidate: Candidate) -> bool:
        """Open a device, serve it while it is a panel; return whether it was one."""
        settings = self._settings
        try:
            port = await open_port(candidate.path, settings.baud, settings.io_timeout_s)
        except PortLost as error:
            self._absent(str(error))
            return False
        reason = STOPPING
        self._reader.begin(lambda: self._connected(candidate.path))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(port), name="panel receive")
                tasks.create_task(self._send(port), name="panel send")
        except* PortLost as lost:
            reason = str(lost.exceptions[0])
        finally:
            self._absent(reason)
            await port.close(settings.io_timeout_s)
        if not self._reader.proven and self._reader.heard_bytes and not settings.port:
            self._stats.strangers += 1
            self._strangers[candidate.identity] = self._clock() + settings.stranger_s
            log.info("%s: not a panel, left alone for %g s", candidate.path, settings.stranger_s)
        return self._reader.proven

    async def _receive(self, port: SerialPort) -> None:
        """Read until the device goes, or its heartbeat stops."""
        reader = self._reader
        while True:
            left_s = reader.telemetry_s + self._settings.heartbeat_s - self._clock()
            if left_s <= 0.0:
                heard = f", {reader.bad_lines} lines of something else" if reader.bad_lines else ""
                raise PortLost(f"{port.path}: no telemetry for {self._settings.heartbeat_s:g} s{heard}")
            try:
                async with asyncio.timeout(left_s):
                    chunk = await port.read()
            except TimeoutError:
                continue
            reader.feed(chunk)
            self._work.set()  # an answer makes way for the next command
            self._tell()

    async def _send(self, port: SerialPort) -> None:
        """Write what is due, tell what timed out."""
        while True:
            now_s = self._clock()
            for outcome in self._outbox.expire(now_s):
                self._reader.emit(outcome)
            line = self._outbox.next_line(now_s)
            if line is not None:
                await port.write(line, self._settings.io_timeout_s)
                continue
            self._work.clear()
            due_s = self._outbox.due_s()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due_s is None else due_s - now_s):
                    await self._work.wait()

    def _connected(self, path: str) -> None:
        self._port = path
        self._stats.connects += 1
        log.info("panel on %s, firmware %s", path, self._reader.fw_version or "unnamed")
        self._tell()

    def _absent(self, reason: str) -> None:
        """There is no panel now: end what waits for it, say why."""
        if self._port is not None and reason != STOPPING:
            log.warning("panel lost: %s", reason)
            self._stats.losses += 1
        elif reason != self._last_error:
            log.info("no panel: %s", reason)
        self._port = None
        self._last_error = reason
        for outcome in self._outbox.lost(self._clock(), f"link lost: {reason}"):
            self._reader.emit(outcome)
        self._tell()

    def _tell(self) -> None:
        state = self.state()
        # These change with every line; nobody needs to be told.
        quiet = replace(state, last_seen_ms=None, bad_lines=0)
        if quiet != self._told:
            self._told = quiet
            self._on_state(state)
