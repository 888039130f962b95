"""Sections of the status: which there are, how one says that its part is not there, and which readings are usable."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from ndefender.events.host import (
    AudioSection,
    GpsSection,
    NetworkSection,
    Section,
    ServicesSection,
    SystemSection,
    UpsSection,
)
from ndefender.system.backend import Offline
from ndefender.system.bounded import plain

S = TypeVar("S", bound=Section)

NOT_READ_YET = "not read yet"

KINDS: dict[str, type[Section]] = {
    "system": SystemSection,
    "ups": UpsSection,
    "services": ServicesSection,
    "network": NetworkSection,
    "audio": AudioSection,
    "gps": GpsSection,
}
# The event that tells of a section; gps has none.
EVENTS = {
    "system": "SYSTEM_STATUS",
    "ups": "UPS_UPDATE",
    "services": "SERVICE_UPDATE",
    "network": "NETWORK_UPDATE",
    "audio": "AUDIO_UPDATE",
}


def offline(kind: type[S], reason: str, *, simulated: bool = False) -> S:
    """Make the section of a part that is not there: no value at all, and why."""
    return stamped(kind(status="offline", last_error=reason), simulated=simulated)


def stamped(section: S, *, simulated: bool) -> S:
    """Mark a section whose peer is emulated."""
    return msgspec.structs.replace(section, simulated=True) if simulated else section


def checked(reading: object, kind: type[S]) -> S:
    """Let a reading through only if it is what the wire format says.

    Args:
        reading: what a backend returned.
        kind: what it should be.
    Returns:
        The same values; a number that is none (NaN, infinity) is null.
    Raises:
        Offline: it has another class, or a value of another type, or one that cannot be said in JSON.
    """
    if not isinstance(reading, kind):
        raise Offline(f"unusable reading: {type(reading).__name__} instead of {kind.__name__}")
    # Through the very encoder of the wire and back: what passes here cannot fail when it is published.
    try:
        section = msgspec.json.decode(msgspec.json.encode(reading), type=kind)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Offline(f"unusable reading: {plain(str(error))}") from error
    if section.status == "ok":
        return section
    reason = plain(section.last_error or "") or "no reason given"
    return msgspec.structs.replace(section, last_error=reason)
