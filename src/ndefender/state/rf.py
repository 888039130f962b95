"""The RF feed: what an RF contact's events say, and the `rf` section."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ndefender.events.host import SectionStatus
from ndefender.events.snapshot import RfContact, RfSection
from ndefender.state.clean import Shape, shaped
from ndefender.state.contacts import OWN_FIELDS, Contacts, Live

PREFIX: Final = "RF_CONTACT_"
SOURCE: Final = "antsdr"
_ID_PREFIX: Final = "rf:"
_SHAPES: Final[dict[str, Shape]] = {
    "freq_hz": "int",
    "bucket_hz": "int",
    "band": "str",
    "snr_db": "float",
    "peak_db": "float",
    "noise_floor_db": "float",
    "bandwidth_class": "str",
    "confidence": "float",
    "features": "object",
}
_OURS: Final = OWN_FIELDS | {"type", "simulated"}
_KNOWN: Final = frozenset(_SHAPES) | {"id"}


def is_id(contact_id: str) -> bool:
    """Whether an RF contact may be called so."""
    return contact_id.startswith(_ID_PREFIX)


def fields(data: dict[str, Any]) -> dict[str, Any]:
    """Pick what the feed says of a contact: every field, its known ones of their type."""
    return shaped({key: value for key, value in data.items() if key not in _OURS}, _SHAPES)


def merge(known: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """A field that is said counts, null too: it says that the number is not known any more."""
    return known | said


def contact(live: Live, contacts: Contacts) -> RfContact:
    """Put a contact into the snapshot's words."""
    more = {key: value for key, value in live.data.items() if key not in _KNOWN}
    known = {key: value for key, value in live.data.items() if key in _KNOWN}
    return RfContact(source=SOURCE, **known, **contacts.additions(live), more=more or msgspec.UNSET)


class RfFeed:
    """State of the `rf` section."""

    def __init__(self) -> None:
        self._status: SectionStatus | None = None
        self._scan_active: bool | None = None
        self._radio_error: str | None = None
        self._log_error: str | None = None
        self._simulated = False
        self._event: tuple[str, dict[str, Any], int] | None = None

    def radio(self, status: SectionStatus, scan_active: bool | None, last_error: str | None, simulated: bool) -> None:
        """Take the radio's own state."""
        self._status = status
        self._scan_active = scan_active
        self._radio_error = last_error
        self._simulated = simulated

    def log(self, error: str | None) -> None:
        """Take why the log cannot be written or read; None where it can."""
        self._log_error = error

    def event(self, kind: str, data: dict[str, Any], at_ms: int) -> None:
        """Take the newest event."""
        self._event = (kind, data, at_ms)

    def section(self) -> RfSection:
        """The section. Where nobody tells of a radio, as with a log from another box, its events do."""
        kind, data, at_ms = self._event or (None, None, None)
        error = self._radio_error
        status: SectionStatus = self._status or ("ok" if self._event else "offline")
        if self._status is None and self._event is None:
            error = "nothing was heard of a radio yet"
        if self._log_error is not None:
            status = "degraded" if status == "ok" else status
            error = f"{error}; {self._log_error}" if error else self._log_error
        simulated = self._simulated or (data is not None and data.get("simulated") is True)
        return RfSection(
            status=status,
            scan_active=self._scan_active,
            last_event_type=kind,
            last_event=data,
            last_timestamp_ms=at_ms,
            last_error=error,
            simulated=simulated or msgspec.UNSET,
        )
