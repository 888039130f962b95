"""What the panel's link says: messages, its state, its counters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

MessageKind = Literal["COMMAND_ACK", "ESP32_TELEMETRY", "LOG_EVENT"]
Heartbeat = Literal["ok", "lost", "none"]


@dataclass(frozen=True, slots=True)
class PanelMessage:
    """One event of the panel.

    Args:
        kind: type of the event's envelope.
        data: its `data`, JSON types only, integers within 64 bits, no NaN. Do not change it.
    """

    kind: MessageKind
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PanelState:
    """The link now.

    Args:
        connected: a panel has proven itself by telemetry, and its heartbeat goes on.
        port: device while connected.
        last_seen_ms: newest valid line, milliseconds since the epoch; None before the first.
        heartbeat: `ok`, `lost` (there was one), `none` (never seen).
        capabilities: commands of the table that the panel has not declined since it booted; empty before it was seen.
        fw_version: as the panel says it; older firmware does not.
        boot_count: restarts of the panel since the service started, by its clock.
        bad_lines: lines that were not a message of the panel.
        simulated: the panel says that it is emulated.
        last_error: why it is not connected, in plain words; None while it is.
    """

    connected: bool = False
    port: str | None = None
    last_seen_ms: int | None = None
    heartbeat: Heartbeat = "none"
    capabilities: tuple[str, ...] = ()
    fw_version: str | None = None
    boot_count: int = 0
    bad_lines: int = 0
    simulated: bool = False
    last_error: str | None = None


@dataclass(slots=True)
class LinkStats:
    """Counters since the service started. None ever goes back.

    Args:
        connects, losses: sessions with a confirmed panel, begun and ended.
        strangers: devices that were opened and did not prove to be a panel.
        bytes_in, lines_in: what was read, complete lines only.
        bad_lines: not JSON, unknown type, or nonsense values; overlong ones too.
        overlong_lines, discarded_bytes: lines beyond the bound, and what was skipped of them.
        telemetry, logs: messages passed on.
        limited: valid messages not passed on, because the panel sent too many.
        clock_jumps: time stamps that fitted neither the panel's clock nor a restart.
        commands, retries, timeouts: commands taken, lines sent again, commands without an answer.
        acks: answers that were matched.
        late_acks: answers after the time-out was told; each is passed on as a log event.
        duplicate_acks, unmatched_acks: answers once more, and answers to nobody; dropped.
    """

    connects: int = 0
    losses: int = 0
    strangers: int = 0
    bytes_in: int = 0
    lines_in: int = 0
    bad_lines: int = 0
    overlong_lines: int = 0
    discarded_bytes: int = 0
    telemetry: int = 0
    logs: int = 0
    limited: int = 0
    clock_jumps: int = 0
    commands: int = 0
    retries: int = 0
    timeouts: int = 0
    acks: int = 0
    late_acks: int = 0
    duplicate_acks: int = 0
    unmatched_acks: int = 0


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How the link is run.

    Args:
        port: serial device, used alone; empty to find the panel by its USB ids.
        baud: line rate, 8N1.
        ack_timeout_s: from a command's line to the time-out, its one repetition (at half of it) included; a command
            that waited this long without being sent is given up, too.
        heartbeat_s: no valid telemetry for this long: the link is lost. Also the time a device has to prove itself.
        queue_commands: commands taken and not yet answered, at most; the next is refused.
        max_line_bytes: a longer line from the panel is skipped.
        reopen_min_s, reopen_max_s: pause between attempts, doubled from the first to the second.
        io_timeout_s: bound of opening and closing, and of writing one line.
        stranger_s: a found device that spoke, but not as a panel, is left alone for this long, or until replugged.
        messages_per_s: telemetry passed on, at most, with a burst of twice as many; and as many log events.
        by_id: folder with stable names.
    """

    port: str = ""
    baud: int = 115_200
    ack_timeout_s: float = 2.0
    heartbeat_s: float = 3.5
    queue_commands: int = 16
    max_line_bytes: int = 8192
    reopen_min_s: float = 0.25
    reopen_max_s: float = 2.0
    io_timeout_s: float = 3.0
    stranger_s: float = 60.0
    messages_per_s: float = 50.0
    by_id: str = field(default="/dev/serial/by-id")
