"""One Struct for every request body of the AntSDR Scan API. Unknown fields are refused, typing errors with them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ndefender.api.answers import GainMode

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No fields."""


class SweepStart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /sweep/start`: the plan to sweep with, None for the active one."""

    plan: Name | None = None


class GainSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /gain/set`: `gain_db` counts in mode `manual`; None keeps the gain of each band."""

    mode: GainMode
    gain_db: float | None = None


class Calibrate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /device/calibrate`: which of the radio's calibrations."""

    kind: Name


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /run/replay`: feed a log of events, under the configured log folder, through the event path once more.

    Args:
        log_path: JSONL file, relative to the log folder or absolute inside it.
        output_path: where the replayed events go, same rule; None for nowhere.
        max_events: stop after this many.
    """

    log_path: Path
    output_path: Path | None = None
    max_events: Annotated[int, msgspec.Meta(ge=1)] | None = None


class SessionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /session`: the API key, unless it is in `X-API-Key`."""

    key: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
