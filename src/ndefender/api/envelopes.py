"""The envelope and the error body that the Backend Aggregator and the System Controller have in common."""

from __future__ import annotations

import msgspec


class Enveloped(msgspec.Struct, frozen=True, kw_only=True):
    """Envelope: `seq` counts them from 1 without gaps, `boot_id` names the run of the service; both additive."""

    timestamp_ms: int
    seq: int | msgspec.UnsetType = msgspec.UNSET
    boot_id: str | msgspec.UnsetType = msgspec.UNSET


class ErrorMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Every error answer."""

    detail: str
