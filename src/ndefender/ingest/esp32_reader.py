"""What a panel says, from bytes to messages: lines cut, checked, counted, its clock watched, answers matched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from ndefender.ingest.esp32_clock import BootClock
from ndefender.ingest.esp32_lines import Ack, BadLine, Log, Telemetry, parse_line
from ndefender.ingest.esp32_outbox import Outbox
from ndefender.ingest.esp32_types import LinkSettings, LinkStats, MessageKind, PanelMessage
from ndefender.ingest.framing import LineFramer
from ndefender.ingest.panel_commands import COMMANDS

log = logging.getLogger(__name__)

HELD_MESSAGES = 16  # said before the first telemetry, for example "boot"
COMPLAIN_EVERY_S = 60.0
DECLINES = frozenset({"unknown_cmd", "not_implemented"})


class PanelReader:
    """Reads one stream after another, each from `begin` on.

    Args:
        settings: bounds.
        outbox: gets the answers.
        stats: counters to keep.
        on_message: gets what is passed on.
        clock: monotonic seconds.
        now_ms: milliseconds since the epoch.
    """

    def __init__(
        self,
        settings: LinkSettings,
        outbox: Outbox,
        stats: LinkStats,
        on_message: Callable[[PanelMessage], None],
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._outbox = outbox
        self._stats = stats
        self._on_message = on_message
        self._clock = clock
        self._now_ms = now_ms
        self._framer = LineFramer(settings.max_line_bytes)
        self._boot_clock = BootClock()
        self._rate = settings.messages_per_s
        self._tokens: dict[MessageKind, tuple[float, float]] = {}  # kind: left, when it was refilled
        self._complained_s = -COMPLAIN_EVERY_S
        self._declined: set[str] = set()
        self._on_proof: Callable[[], None] = lambda: None
        self._held: list[PanelMessage] = []
        self.proven = False
        self.heard_bytes = 0
        self.bad_lines = 0
        self.telemetry_s = clock()
        self.last_seen_ms: int | None = None
        self.fw_version: str | None = None
        self.boot_count = 0
        self.simulated = False

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Commands that the panel has not declined since it booted."""
        return tuple(cmd for cmd in COMMANDS if cmd not in self._declined)

    def begin(self, on_proof: Callable[[], None]) -> None:
        """A port was opened: what comes now is a new stream, of a device that has yet to prove what it is.

        Args:
            on_proof: called at its first telemetry, before that is passed on.
        """
        self._on_proof = on_proof
        self._framer.reset()
        self._boot_clock.reopened()
        self._held.clear()
        self.proven = False
        self.heard_bytes = 0
        self.bad_lines = 0
        self.telemetry_s = self._clock()

    def feed(self, chunk: bytes) -> None:
        """Take what was read."""
        self.heard_bytes += len(chunk)
        self._stats.bytes_in += len(chunk)
        overlong = self._framer.overlong_lines
        lines = self._framer.feed(chunk)
        self._stats.discarded_bytes = self._framer.discarded_bytes
        for _ in range(self._framer.overlong_lines - overlong):
            self._stats.overlong_lines += 1
            self._bad("a line that does not end", chunk)
        for line in lines:
            self._stats.lines_in += 1
            try:
                message, fields = parse_line(line)
            except BadLine as error:
                self._bad(str(error), line)
                continue
            self._take(message, fields)

    def emit(self, message: PanelMessage) -> None:
        """Pass on a message, marked where the panel is emulated."""
        if self.simulated and "simulated" not in message.data:
            message = PanelMessage(message.kind, {**message.data, "simulated": True})
        self._on_message(message)

    def _take(self, message: Telemetry | Ack | Log, fields: dict[str, Any]) -> None:
        now_s = self._clock()
        booting = isinstance(message, Log) and message.message.lower().startswith("boot")
        if self._boot_clock.see(message.timestamp_ms, now_s, booting=booting):
            self.boot_count += 1
            self._declined.clear()
            log.warning("the panel restarted")
        self._stats.clock_jumps = self._boot_clock.jumps
        self.last_seen_ms = self._now_ms()
        match message:
            case Telemetry():
                self.telemetry_s = now_s
                self.simulated = message.simulated is True
                self.fw_version = None if message.fw_version is UNSET else message.fw_version
                self._prove()
                self._limited("ESP32_TELEMETRY", fields, now_s)
            case Log():
                self._limited("LOG_EVENT", fields, now_s)
            case Ack():
                for outcome in self._outbox.answer(message, fields, now_s):
                    if outcome.kind == "COMMAND_ACK" and message.err in DECLINES:
                        self._declined.add(outcome.data["data"]["cmd"])
                    self._pass(outcome)

    def _prove(self) -> None:
        if self.proven:
            return
        self.proven = True
        self._stats.bad_lines += self.bad_lines
        self._on_proof()
        for message in self._held:
            self.emit(message)
        self._held.clear()

    def _limited(self, kind: MessageKind, fields: dict[str, Any], now_s: float) -> None:
        """Pass on as many as a sane panel sends; a panel that raves must not push everything else out of the queues."""
        burst = 2.0 * self._rate
        left, refilled_s = self._tokens.get(kind, (burst, now_s))
        left = min(burst, left + (now_s - refilled_s) * self._rate)
        self._tokens[kind] = (left - 1.0 if left >= 1.0 else left, now_s)
        if left < 1.0:
            self._stats.limited += 1
            return
        if kind == "LOG_EVENT":
            self._stats.logs += 1
        else:
            self._stats.telemetry += 1
        self._pass(PanelMessage(kind, fields))

    def _pass(self, message: PanelMessage) -> None:
        if self.proven:
            self.emit(message)
        elif len(self._held) < HELD_MESSAGES:
            self._held.append(message)

    def _bad(self, reason: str, line: bytes) -> None:
        self.bad_lines += 1
        if not self.proven:
            return  # whatever it is, it need not be a panel: counted when it proves to be one
        self._stats.bad_lines += 1
        now_s = self._clock()
        if now_s - self._complained_s >= COMPLAIN_EVERY_S:
            self._complained_s = now_s
            log.warning("bad line from the panel, %d so far: %s: %r", self._stats.bad_lines, reason, line[:80])
