"""A client of the aggregator, written from EVENTS.md and REST.md alone: takes a snapshot, applies the events after it.

It knows nothing of the server's code; it works on decoded JSON.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

SOURCES = {"RF": "antsdr", "REMOTE_ID": "remoteid"}
COMMON = {
    "id", "type", "source", "last_seen_ts", "severity", "severity_reason", "label", "note", "simulated", "replay",
}  # fmt: skip
FIELDS = {
    "REMOTE_ID": ("model", "operator_id", "lat", "lon", "altitude_m", "speed_m_s"),
    "RF": (
        "freq_hz", "bucket_hz", "band", "snr_db", "peak_db", "noise_floor_db", "bandwidth_class", "confidence",
        "features",
    ),
}  # fmt: skip


class GrammarError(AssertionError):
    """The stream of one id is not NEW, UPDATE…, LOST."""


class Client:
    """What a screen shows."""

    def __init__(self) -> None:
        self.contacts: dict[str, JSON] = {}
        self.sections: JSON = {}

    def system_update(self, data: JSON) -> None:
        """Take a snapshot: everything known before is forgotten."""
        self.contacts = {contact["id"]: contact for contact in data["contacts"]}
        self.sections = {key: value for key, value in data.items() if key != "contacts"}

    def event(self, kind: str, data: JSON) -> None:
        """Take one event of the stream."""
        if kind == "SYSTEM_UPDATE":
            self.system_update(data)
        elif kind.startswith("RF_CONTACT_"):
            self._contact("RF", kind.removeprefix("RF_CONTACT_"), data)
        elif kind.startswith("CONTACT_"):
            self._contact("REMOTE_ID", kind.removeprefix("CONTACT_"), data)

    def listed(self) -> list[JSON]:
        """Contacts that events tell of, by id. FPV contacts come by SYSTEM_UPDATE alone."""
        return sorted((c for c in self.contacts.values() if c["type"] != "FPV"), key=lambda c: str(c["id"]))

    def _contact(self, kind: str, step: str, data: JSON) -> None:
        contact_id = data["id"]
        if (step == "NEW") == (contact_id in self.contacts):
            raise GrammarError(f"{kind} {step} of {contact_id}, alive: {contact_id in self.contacts}")
        if step == "LOST":
            del self.contacts[contact_id]
            return
        contact: JSON = {"type": kind, "source": SOURCES[kind]}
        contact |= {key: value for key, value in data.items() if key in COMMON}
        contact |= {key: data.get(key) for key in FIELDS[kind]}
        more = {key: value for key, value in data.items() if key not in COMMON and key not in FIELDS[kind]}
        if more:
            contact["more"] = more
        self.contacts[contact_id] = contact
