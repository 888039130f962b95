"""Which command goes out when, and what became of it. Pure: time is an argument.

One command is on its way at a time, so that neither the line nor the firmware's buffer is overrun, and so that an
answer without an id can only be for that one. STOP_SCAN has a lane of its own beside it. Every command that is taken
has exactly one outcome.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ndefender.errors import CommandRejected
from ndefender.ingest.esp32_lines import Ack
from ndefender.ingest.esp32_types import LinkStats, PanelMessage
from ndefender.ingest.panel_commands import NOT_IDEMPOTENT

BITS_PER_BYTE = 10  # 8N1
URGENT_COMMANDS = 64  # stopping has its own, wider bound
REMEMBERED = 256  # commands that had their outcome, for answers that come late or twice
AMBIGUOUS_S = 5.0  # an answer without an id may still be for a command that timed out so recently
UNKNOWN_ID = "unknown"


@dataclass(slots=True)
class _Command:
    """A command that was taken.

    Args:
        taken_s: when.
        due_s: when it times out, once it was sent; before, when waiting has been long enough.
        repeat_s: when it is sent again, None where it is not.
    """

    id: str
    cmd: str
    line: bytes
    taken_s: float
    due_s: float
    repeat_s: float | None = None
    sent: bool = False


_Lane = deque[_Command]  # in order; the first is on its way once it is `sent`


class Outbox:
    """The queue of commands to one panel.

    Args:
        ack_timeout_s: from a command's line to its time-out; half of it to its repetition.
        queue_commands: commands without an outcome, at most, STOP_SCAN left out.
        baud: line rate.
        stats: counters to keep.
    """

    def __init__(self, ack_timeout_s: float, queue_commands: int, baud: int, stats: LinkStats) -> None:
        self._timeout_s = ack_timeout_s
        self._bound = queue_commands
        self._byte_s = BITS_PER_BYTE / baud
        self._stats = stats
        self._urgent: _Lane = deque()
        self._normal: _Lane = deque()
        self._line_free_s = 0.0
        self._ended: dict[str, tuple[str, float, bool]] = {}  # id: cmd, when, whether an answer would be late

    def __len__(self) -> int:
        return len(self._urgent) + len(self._normal)

    def submit(self, cmd: str, line: bytes, command_id: str, now_s: float) -> list[PanelMessage]:
        """Take a command.

        Args:
            cmd, line, command_id: as `encode_command` checked them.
        Returns:
            Outcomes that this brings: a scan that was about to start does not start after a STOP_SCAN.
        Raises:
            CommandRejected: 429 `esp32_busy`, 400 `invalid_command_id` for an id that is in use or was.
        """
        if command_id in self._ended or any(command_id == c.id for c in self._all()):
            raise CommandRejected(400, "invalid_command_id", f"id: {command_id} was used before")
        stopping = cmd == "STOP_SCAN"
        lane, bound = (self._urgent, URGENT_COMMANDS) if stopping else (self._normal, self._bound)
        if len(lane) >= bound:
            raise CommandRejected(429, "esp32_busy", f"{len(lane)} commands wait for the panel, at most {bound}")
        self._stats.commands += 1
        lane.append(_Command(command_id, cmd, line, now_s, now_s + self._timeout_s))
        if not stopping:
            return []
        overtaken = [c for c in self._normal if c.cmd == "START_SCAN" and not c.sent]
        return [self._end(self._normal, c, now_s, "cancelled", "STOP_SCAN came before it was sent") for c in overtaken]

    def next_line(self, now_s: float) -> bytes | None:
        """Return the line to be written now, counted as written; None where there is none, or the line is not free."""
        if now_s < self._line_free_s:
            return None
        for lane in self._lanes():
            command = lane[0]
            first = not command.sent
            if not first and (command.repeat_s is None or now_s < command.repeat_s):
                continue
            self._line_free_s = now_s + len(command.line) * self._byte_s
            command.repeat_s = None
            if first:
                command.sent = True
                command.due_s = self._line_free_s + self._timeout_s
                if command.cmd not in NOT_IDEMPOTENT:
                    command.repeat_s = self._line_free_s + self._timeout_s / 2.0
            else:
                self._stats.retries += 1
            return command.line
        return None

    def due_s(self) -> float | None:
        """When `next_line` or `expire` has something to do, None: not before the next call of another method."""
        times = [command.due_s for command in self._all()]
        for lane in self._lanes():
            command = lane[0]
            if not command.sent:
                times.append(self._line_free_s)
            elif command.repeat_s is not None:
                times.append(max(command.repeat_s, self._line_free_s))
        return min(times, default=None)

    def expire(self, now_s: float) -> list[PanelMessage]:
        """Return the time-outs that are due."""
        outcomes = []
        for lane in (self._urgent, self._normal):
            for command in [c for c in lane if now_s >= c.due_s]:
                reason = "no answer" if command.sent else "not sent, the panel was busy"
                outcomes.append(self._end(lane, command, now_s, "timeout", reason))
        return outcomes

    def lost(self, now_s: float, reason: str) -> list[PanelMessage]:
        """The link is gone: return the outcome of everything that waits."""
        self._line_free_s = 0.0
        return [
            self._end(lane, command, now_s, "timeout", reason)
            for lane in (self._urgent, self._normal)
            for command in list(lane)
        ]

    def answer(self, ack: Ack, fields: Mapping[str, Any], now_s: float) -> list[PanelMessage]:
        """Match an answer.

        Args:
            ack: the answer.
            fields: all that the panel said in it.
        Returns:
            The outcome; or, for one that comes after its time-out was told, a log event, once; or nothing.
        """
        lane, command = self._find(ack, now_s)
        if lane is None or command is None:
            return self._stray(ack, fields, now_s)
        self._stats.acks += 1
        lane.remove(command)
        self._remember(command, now_s, late=False)
        self._line_free_s = now_s  # whoever answers has received the line
        more = {key: value for key, value in fields.items() if key not in {"type", "timestamp_ms"}}
        data = {
            **more,
            "id": command.id,
            "ok": ack.ok,
            "err": ack.err,
            "data": {"cmd": command.cmd, **(ack.data or {})},
            "command_id": command.id,
        }
        return [PanelMessage("COMMAND_ACK", data)]

    def _find(self, ack: Ack, now_s: float) -> tuple[_Lane | None, _Command | None]:
        on_their_way = [(lane, lane[0]) for lane in (self._urgent, self._normal) if lane and lane[0].sent]
        for lane, head in on_their_way:
            if head.id == ack.id:
                return lane, head
        if ack.id != UNKNOWN_ID:
            return None, None
        named = (ack.data or {}).get("cmd")
        fitting = [(lane, head) for lane, head in on_their_way if named in (None, head.cmd)]
        rivals = [
            cmd
            for cmd, at_s, late in self._ended.values()
            if late and now_s - at_s < AMBIGUOUS_S and named in (None, cmd)
        ]
        return fitting[0] if len(fitting) == 1 and not rivals else (None, None)

    def _stray(self, ack: Ack, fields: Mapping[str, Any], now_s: float) -> list[PanelMessage]:
        cmd, ended_s, late = self._ended.get(ack.id, ("", 0.0, False))
        if late:
            self._ended[ack.id] = (cmd, ended_s, False)
            self._stats.late_acks += 1
            said = "ok" if ack.ok else f"failed: {ack.err}"
            text = f"late answer to {cmd} {ack.id}, {now_s - ended_s:.1f} s after its time-out: {said}"
            data = {"type": "log_event", "timestamp_ms": ack.timestamp_ms, "message": text, "command_id": ack.id}
            return [PanelMessage("LOG_EVENT", data)]
        if cmd:
            self._stats.duplicate_acks += 1
        else:
            self._stats.unmatched_acks += 1
        return []

    def _end(self, lane: _Lane, command: _Command, now_s: float, err: str, reason: str) -> PanelMessage:
        lane.remove(command)
        self._remember(command, now_s, late=command.sent)
        self._stats.timeouts += err == "timeout"
        data = {
            "id": command.id,
            "ok": False,
            "err": err,
            "data": {"cmd": command.cmd, "reason": reason},
            "command_id": command.id,
        }
        return PanelMessage("COMMAND_ACK", data)

    def _remember(self, command: _Command, now_s: float, *, late: bool) -> None:
        self._ended[command.id] = (command.cmd, now_s, late)
        while len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def _lanes(self) -> tuple[_Lane, ...]:
        """Lanes that may send: nothing new, and nothing again, goes past a STOP_SCAN that has no answer."""
        return tuple(lane for lane in ((self._urgent or self._normal),) if lane)

    def _all(self) -> list[_Command]:
        return [*self._urgent, *self._normal]
