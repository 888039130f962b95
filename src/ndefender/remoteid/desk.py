"""What the Remote ID feed says: contacts, and every second how the feed itself is. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from ndefender import units
from ndefender.remoteid.contact_data import ContactData, LostReason

Mode = Literal["live", "replay", "off"]
State = Literal["ok", "degraded", "offline", "replay"]
TELEMETRY_S: Final = 1.0
SILENCE_S: Final = 30.0
TELEMETRY_UPDATE: Final = "TELEMETRY_UPDATE"
REPLAY_STATE: Final = "REPLAY_STATE"
Item_contra = TypeVar("Item_contra", contravariant=True)
Item = TypeVar("Item")


class TelemetryData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of TELEMETRY_UPDATE.

    Args:
        state: `ok`; `degraded` after silence, or where the receiver is in trouble; `replay`; `offline` at the end.
        last_ts: when something was heard last, milliseconds since the epoch; null before.
        contacts_active: told of and not lost.
        mode: of the feed.
        reason: why the state is not `ok` or `replay`.
        counters: what was counted on the way; see `frames.heard.FrameCounters` and `tracker.Counters`.
    """

    state: State
    last_ts: int | None
    contacts_active: int
    mode: Mode
    reason: str | msgspec.UnsetType = msgspec.UNSET
    counters: dict[str, int]
    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class ReplayData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of REPLAY_STATE.

    Args:
        state: `running`, `paused`; `finished` at the end of the file, `stopped` before it.
        speed: 2 is twice as fast as it happened, 0 as fast as it goes.
        position, total: frames of the capture or lines of the log; `total` is null where the file has no end (a pipe).
        ts: the recording's own time there, milliseconds since the epoch; null before its first frame.
        file: its name.
        skipped_s: silence that was not waited for, seconds.
    """

    state: Literal["running", "paused", "finished", "stopped"]
    speed: float
    position: int
    total: int | None
    ts: int | None
    file: str
    skipped_s: float


class Event(NamedTuple):
    """One event of the feed: its type, its data, and when, milliseconds since the epoch."""

    type: str
    data: ContactData | TelemetryData | ReplayData | Mapping[str, Any]
    unix_ms: int


class Step(Protocol):
    """One step of a contact's life."""

    @property
    def step(self) -> Literal["NEW", "UPDATE", "LOST"]:
        """Which."""

    @property
    def data(self) -> ContactData | Mapping[str, Any]:
        """The contact after it."""

    @property
    def unix_ms(self) -> int:
        """When, milliseconds since the epoch."""


class Contacts(Protocol[Item_contra]):
    """What makes contacts of what is heard: `tracker.Tracker`, or `logged.Logged` for events of a log."""

    @property
    def contacts_active(self) -> int:
        """Contacts that were told of and are not lost."""

    def take(self, item: Item_contra, now_ns: int) -> Sequence[Step]:
        """Take what was heard."""

    def tick(self, now_ns: int, unix_ms: int) -> Sequence[Step]:
        """Let time pass."""

    def again(self, now_ns: int, unix_ms: int) -> Sequence[Step]:
        """Tell of every contact once more."""

    def end(self, reason: LostReason, now_ns: int, unix_ms: int) -> Sequence[Step]:
        """End everything."""


class Desk(Generic[Item]):
    """Turns what is heard into the feed's events.

    Args:
        contacts: who is there.
        mode: `live` or `replay`.
        counted: what the readers counted, asked for at every telemetry.
        now_ns: monotonic.
        simulated: nothing of it was ever on the air.
        silence_s: after so long without a transmission the state is `degraded`.
    """

    def __init__(
        self,
        contacts: Contacts[Item],
        mode: Literal["live", "replay"],
        counted: Callable[[], dict[str, int]],
        now_ns: int,
        *,
        simulated: bool = False,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._contacts = contacts
        self._mode: Literal["live", "replay"] = mode
        self._counted = counted
        self._simulated = simulated
        self._silence_s = silence_s
        self._heard_ns = now_ns
        self._due_ns = now_ns
        self._last_ms: int | None = None
        self.trouble: str | None = None

    def take(self, item: Item, now_ns: int, unix_ms: int) -> list[Event]:
        """Take what was heard.

        Args:
            item: the transmission.
            now_ns: monotonic, never before an earlier call's.
            unix_ms: wall clock, milliseconds since the epoch.
        """
        self._heard_ns = now_ns
        self._last_ms = unix_ms
        return _events(self._contacts.take(item, now_ns))

    def tick(self, now_ns: int, unix_ms: int) -> list[Event]:
        """Let time pass, in silence too: lost contacts, and telemetry when a second is over. A few times a second."""
        events = _events(self._contacts.tick(now_ns, unix_ms))
        if now_ns >= self._due_ns:
            self._due_ns = max(self._due_ns + units.s_to_ns(TELEMETRY_S), now_ns + units.s_to_ns(TELEMETRY_S) // 2)
            events.append(self.telemetry(now_ns, unix_ms))
        return events

    def telemetry(self, now_ns: int, unix_ms: int) -> Event:
        """How the feed is."""
        silent = now_ns - self._heard_ns > units.s_to_ns(self._silence_s)
        reason = self.trouble or (f"nothing was heard for {self._silence_s:g} s" if silent else None)
        well: State = "ok" if self._mode == "live" else "replay"
        return self._telemetry("degraded" if reason else well, self._mode, reason, unix_ms)

    def again(self, now_ns: int, unix_ms: int) -> list[Event]:
        """Tell of every contact once more, as it is: while time stands still, those who listen must not lose them."""
        return _events(self._contacts.again(now_ns, unix_ms))

    def end(self, reason: LostReason, now_ns: int, unix_ms: int, why: str) -> list[Event]:
        """Say that the feed ends: every contact is lost, and the feed is off.

        Args:
            reason: of the contacts' end.
            now_ns: monotonic.
            unix_ms: wall clock.
            why: of the feed's end, in plain words.
        """
        events = _events(self._contacts.end(reason, now_ns, unix_ms))
        return [*events, self._telemetry("offline", "off", why, unix_ms)]

    def _telemetry(self, state: State, mode: Mode, reason: str | None, unix_ms: int) -> Event:
        data = TelemetryData(
            state=state,
            last_ts=self._last_ms,
            contacts_active=self._contacts.contacts_active,
            mode=mode,
            reason=reason or msgspec.UNSET,
            counters=self._counted(),
            simulated=self._simulated or msgspec.UNSET,
        )
        return Event(TELEMETRY_UPDATE, data, unix_ms)


def _events(steps: Sequence[Step]) -> list[Event]:
    return [Event(f"CONTACT_{each.step}", each.data, each.unix_ms) for each in steps]
