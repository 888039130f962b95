"""The Remote ID feed: what an aircraft's events say, and the `remote_id` and `replay` sections."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from ndefender import units
from ndefender.events.snapshot import RemoteIdContact, RemoteIdSection, ReplaySection
from ndefender.state.clean import Shape, epoch_ms, shaped
from ndefender.state.contacts import OWN_FIELDS, Contacts, Live

PREFIX: Final = "CONTACT_"
SOURCE: Final = "remoteid"
_SHAPES: Final[dict[str, Shape]] = {
    "model": "str",
    "operator_id": "str",
    "lat": "float",
    "lon": "float",
    "altitude_m": "float",
    "speed_m_s": "float",
}
_STATE_SHAPES: Final[dict[str, Shape]] = {
    "state": "str",
    "mode": "str",
    "contacts_active": "int",
    "last_ts": "int",
    "ts": "int",
    "source": "str",
    "file": "str",
    "speed": "float",
    "position": "int",
    "total": "int",
    "last_error": "str",
    "reason": "str",
}
# Older and newer writers' names for `last_seen_ts`, and for `last_ts` of the telemetry.
_TIME_KEYS: Final = ("last_seen_ts", "last_update_ms", "last_ts")
_OURS: Final = OWN_FIELDS | {"type", "simulated", *_TIME_KEYS}
_KNOWN: Final = frozenset(_SHAPES) | {"id", "type"}
_POSITION: Final = ("lat", "lon")
_OTHERS_IDS: Final = ("rf:", "fpv:")
_LIMITS: Final = {"lat": 90.0, "lon": 180.0}
_REPLAYING: Final = frozenset({"running", "paused", "playing", "started"})
_STATES: Final[dict[str, Literal["ok", "degraded", "offline", "replay"]]] = {
    "ok": "ok",
    "degraded": "degraded",
    "offline": "offline",
    "replay": "replay",
}
_MODES: Final[dict[str, Literal["live", "replay", "off"]]] = {"live": "live", "replay": "replay", "off": "off"}


def is_id(contact_id: str) -> bool:
    """Whether an aircraft may be called so: not as the contacts of other kinds are."""
    return not contact_id.startswith(_OTHERS_IDS)


def fields(data: dict[str, Any]) -> dict[str, Any]:
    """Pick what the feed says of an aircraft: every field, its known ones of their type, a position that can be."""
    said = shaped({key: value for key, value in data.items() if key not in _OURS}, _SHAPES)
    if any(abs(said.get(key) or 0.0) > limit for key, limit in _LIMITS.items()):
        said |= dict.fromkeys(_POSITION)
    return said


def merge(known: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Null is "not said": it erases nothing, unless the position is said to be lost.

    A position is lost by `position_lost: true`, or by 0/0, which is how aircraft say that they have no fix.
    """
    lost = said.get("position_lost") is True or all(said.get(key) == 0 for key in _POSITION)
    if lost:
        said = said | dict.fromkeys(_POSITION)
    kept = {
        key: value
        for key, value in said.items()
        if value is not None or key not in known or (lost and key in _POSITION)
    }
    merged = {"id": None, "type": "REMOTE_ID"} | dict.fromkeys(_SHAPES) | known | kept
    if "position_lost" not in said:
        merged.pop("position_lost", None)
    return merged


def last_seen(data: dict[str, Any], at_ms: int, unix_ms: int) -> tuple[int, bool]:
    """When the aircraft was last heard, by the feed.

    Args:
        data: of the event.
        at_ms: of its envelope, put right; counts where the data says no time or nonsense.
        unix_ms: this box's clock.
    Returns:
        milliseconds since the epoch, and whether it was nonsense.
    """
    for key in _TIME_KEYS:
        if data.get(key) is not None:
            seen_ms, nonsense = epoch_ms(data[key], unix_ms)
            return (min(seen_ms, at_ms) if nonsense else seen_ms), nonsense
    return at_ms, False


def contact(live: Live, contacts: Contacts) -> RemoteIdContact:
    """Put an aircraft into the snapshot's words."""
    more = {key: value for key, value in live.data.items() if key not in _KNOWN}
    known = {key: value for key, value in live.data.items() if key in _KNOWN and key != "type"}
    return RemoteIdContact(source=SOURCE, **known, **contacts.additions(live), more=more or msgspec.UNSET)


class RemoteIdFeed:
    """State of the `remote_id` and `replay` sections.

    Args:
        silence_s: after this without a word the feed is offline, and a replay of it over.
    """

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._heard_ns: int | None = None
        self._silent = False
        self._trouble: str | None = None
        self._event: tuple[str, dict[str, Any], int] | None = None
        self._told: dict[str, Any] = {}
        self._contacts_seen = False
        self._replay: dict[str, Any] = {}
        self._simulated = False

    @property
    def replaying(self) -> bool:
        """Whether what the feed says is a replay."""
        return not self._silent and (self._replay_active or self._told.get("mode") == "replay")

    @property
    def _replay_active(self) -> bool:
        return self._replay.get("state") in _REPLAYING

    def trouble(self, error: str | None) -> None:
        """Take why the feed cannot be followed; None where it can."""
        self._trouble = error

    def event(self, kind: str, data: dict[str, Any], at_ms: int, now_ns: int, simulated: bool) -> None:
        """Take the newest event of the feed."""
        if self._silent:  # what was said before the silence is over
            self._told, self._replay = {}, {}
        self._silent = False
        self._heard_ns = now_ns
        self._event = (kind, data, at_ms)
        self._simulated = simulated
        self._contacts_seen = self._contacts_seen or kind.startswith(PREFIX)
        if kind == "TELEMETRY_UPDATE":
            self._told = data
        elif kind == "REPLAY_STATE":
            self._replay = data

    def tick(self, now_ns: int) -> None:
        """Let time pass."""
        if self._heard_ns is not None and now_ns - self._heard_ns > units.s_to_ns(self._silence_s):
            self._silent = True

    def section(self, contacts_active: int) -> RemoteIdSection:
        """The `remote_id` section.

        Args:
            contacts_active: aircraft alive here; the feed's own number counts until it told of one.
        """
        kind, data, at_ms = self._event or (None, None, None)
        state, mode, error = self._state()
        told_active = self._told.get("contacts_active")
        if not self._contacts_seen and not self._silent and told_active is not None:
            contacts_active = max(told_active, 0)
        return RemoteIdSection(
            state=state,
            mode=mode,
            contacts_active=contacts_active,
            last_ts=self._told.get("last_ts") or at_ms,
            last_event_type=kind,
            last_event=data,
            last_timestamp_ms=at_ms,
            last_error=error,
            simulated=self._simulated or msgspec.UNSET,
        )

    def replay(self) -> ReplaySection:
        """The `replay` section."""
        said = self._replay
        active = self._replay_active and not self._silent
        return ReplaySection(
            active=active,
            source=said.get("source") or said.get("file") or (SOURCE if active else None),
            state=said.get("state"),
            speed=said.get("speed"),
            position=said.get("position"),
            total=said.get("total"),
        )

    def _state(
        self,
    ) -> tuple[Literal["ok", "degraded", "offline", "replay"], Literal["live", "replay", "off"], str | None]:
        if self._heard_ns is None:
            return "offline", "off", self._trouble or "nothing was heard of the Remote ID feed yet"
        if self._silent:
            return "offline", "off", self._trouble or f"the Remote ID feed said nothing for {self._silence_s:g} s"
        if self.replaying:
            return "replay", "replay", self._trouble
        mode = _MODES.get(self._told.get("mode") or "live", "live")
        if self._trouble is not None:
            return "degraded", mode, self._trouble
        word = self._told.get("state") or "ok"
        state = _STATES.get(word, "degraded")
        reason = self._told.get("last_error") or self._told.get("reason")
        if reason is None and state != "ok":
            reason = f"the feed says {word!r}"
        return state, mode, reason


def telemetry(data: dict[str, Any], unix_ms: int) -> tuple[dict[str, Any], bool]:
    """Put a TELEMETRY_UPDATE or REPLAY_STATE into EVENTS.md's words: its times since the epoch, under its keys.

    Returns:
        the data, and whether a time in it was nonsense.
    """
    said = dict(data)
    newer = said.pop("last_update_ms", None)
    if newer is not None and said.get("last_ts") is None:
        said["last_ts"] = newer
    wrong = False
    for key in ("last_ts", "ts"):
        if said.get(key) is not None:
            said[key], nonsense = epoch_ms(said[key], unix_ms)
            wrong = wrong or nonsense
    return shaped(said, _STATE_SHAPES), wrong
