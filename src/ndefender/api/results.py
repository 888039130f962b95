"""One Struct for every answer to a command of the AntSDR Scan API: accepted now, proven later."""

from __future__ import annotations

from typing import Literal

import msgspec


class CommandResult(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a command: accepted now; carried out when the state shows `command_id` as `last_command_id`.

    Args:
        command: for example `sweep/start`.
        command_id: uuid4.
        accepted: always true here: a refusal is an error answer.
        detail: in plain words, None where there is nothing to say.
        timestamp_ms: wall clock now.
    """

    command: str
    command_id: str
    accepted: bool
    detail: str | None
    timestamp_ms: int


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /run/start` and `/run/stop`: a CommandResult with the engine's new `status`."""

    status: Literal["started", "stopped"]
    command: str
    command_id: str
    accepted: bool
    detail: str | None
    timestamp_ms: int


class ReloadResult(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /config/reload`: `changed` names the settings (dotted paths) that changed."""

    status: Literal["reloaded"]
    changed: list[str]
    timestamp_ms: int


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `POST /run/replay`."""

    status: Literal["completed"]
    frames: int
    detections: int
    events_emitted: int
