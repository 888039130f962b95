"""A capture or a log, heard again: at its own pace, another, or as fast as it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

from ndefender import units
from ndefender.remoteid.control import Command, Control
from ndefender.remoteid.desk import REPLAY_STATE, Contacts, Desk, Event, ReplayData
from ndefender.remoteid.frames.heard import Found
from ndefender.remoteid.logged import LogFile, Logged, LoggedStep
from ndefender.remoteid.recording import CaptureFile, Recording, Timed, Timeline, is_log
from ndefender.remoteid.tracker import Tracker, TrackerPolicy

TICK_S: Final = 0.25
# Longer silence is not waited for: every contact is lost, and the feed has said that it is silent.
MAX_GAP_S: Final = 60.0
JITTER_S: Final = (
    1.0  # frames of two receivers in one capture are this much out of order at most; more is a clock's step
)
AGAIN_S: Final = 10.0  # and tells of its contacts this often: whoever listens loses what is silent for long
PAUSED_S: Final = 1.0  # a paused replay says so this often, lest it is taken for dead
State = Literal["running", "paused", "finished", "stopped"]


Item = TypeVar("Item", bound=Timed)


class Replay(Generic[Item]):
    """One replay.

    Args:
        recording: what.
        contacts: makes contacts of it, marked as replay.
        name: of the recording.
        say: takes the events.
        control: pauses and stops it.
        now_ns: monotonic clock, for the pace.
        now_ms: wall clock, for a recording that has no time in it.
        speed: 2 is twice as fast as it happened; 0 is as fast as it goes.
        simulated: nothing of it was ever on the air.
        silence_s: after so long without a transmission the feed says that it is silent.
        on_tick: called four times a second of the recording, and while it is paused.
    """

    def __init__(
        self,
        recording: Recording[Item],
        contacts: Contacts[Item],
        name: str,
        say: Callable[[list[Event]], None],
        control: Control,
        now_ns: Callable[[], int],
        now_ms: Callable[[], int],
        *,
        counted: Callable[[], dict[str, int]],
        speed: float = 1.0,
        simulated: bool = False,
        silence_s: float = 30.0,
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._recording = recording
        self._name = name
        self._say = say
        self._control = control
        self._now_ns = now_ns
        self._now_ms = now_ms
        self._speed = speed
        self._on_tick = on_tick
        self._desk: Desk[Item] = Desk(contacts, "replay", counted, 0, simulated=simulated, silence_s=silence_s)
        self._timeline = Timeline()
        self._total = recording.total()
        self._tick_ns = 0
        self._at_ns = 0  # of the recording, with its wall clock there
        self._at_ms: int | None = None
        self._anchor_ns = 0  # of our clock, where the recording's is 0
        self._state: State = "running"

    def run(self) -> State:
        """Replay until the end, or until it is stopped.

        Returns:
            `finished` or `stopped`.

        Raises:
            CaptureUnreadable: the recording cannot be read any further; everything it made is ended before.
        """
        self._anchor_ns = self._now_ns()
        finished = False
        try:
            finished = self._play()
        finally:
            self._state = "finished" if finished else "stopped"
            words = f"the replay of {self._name} {'has ended' if finished else 'was stopped'}"
            reason: Literal["replay_ended", "stopped"] = "replay_ended" if finished else "stopped"
            ended = self._desk.end(reason, self._at_ns, self._wall_ms, words)
            self._say([*ended, self._replay_state()])
        return self._state

    def _play(self) -> bool:
        for item in self._recording:
            due_ns = self._timeline.place(item.time_s)
            if self._at_ms is None:
                self._at_ms = round(item.time_s * 1000)
                self._say([self._replay_state()])
            if not self._advance(due_ns):
                return False
            self._at_ns, self._at_ms = due_ns, round(item.time_s * 1000)
            self._say(self._desk.take(item, due_ns, self._at_ms))
        if self._at_ms is None:  # nothing in it
            self._say([self._replay_state()])
        return not self._control.pending or self._obey(self._control.wait(0.0))

    def _advance(self, due_ns: int) -> bool:
        """Let the recording's time pass until something is due; False where it is stopped."""
        while self._tick_ns <= due_ns:
            if not self._pace(self._tick_ns):
                return False
            self._tick()
        return self._pace(due_ns)

    def _tick(self) -> None:
        assert self._at_ms is not None
        unix_ms = self._at_ms + max(self._tick_ns - self._at_ns, 0) // units.NS_PER_MS
        events = self._desk.tick(self._tick_ns, unix_ms)
        self._at_ns, self._at_ms = max(self._tick_ns, self._at_ns), unix_ms
        self._tick_ns += units.s_to_ns(TICK_S)
        if any(event.type == "TELEMETRY_UPDATE" for event in events):
            events.append(self._replay_state())
        self._say(events)
        self._on_tick()

    def _pace(self, at_ns: int) -> bool:
        """Wait until the recording's time is there; False where it is stopped."""
        while True:
            wait_ns = self._anchor_ns + round(at_ns / self._speed) - self._now_ns() if self._speed else 0
            if wait_ns <= 0 and not self._control.pending:
                return True
            if not self._obey(self._control.wait(wait_ns / units.NS_PER_S)):
                return False

    def _obey(self, command: Command | None) -> bool:
        """Carry a command out; a pause ends with the next one. False where it is stopped."""
        if command not in {"pause", "toggle"}:
            return command != "stop"
        began_ns = again_ns = self._now_ns()
        self._state = "paused"
        while command not in {"resume", "stop"}:
            self._say([self._desk.telemetry(self._at_ns, self._wall_ms), self._replay_state()])
            if self._now_ns() - again_ns >= units.s_to_ns(AGAIN_S):
                again_ns = self._now_ns()
                self._say(self._desk.again(self._at_ns, self._wall_ms))
            self._on_tick()
            command = self._control.wait(PAUSED_S)
            if command == "toggle":
                command = "resume"
        self._anchor_ns += self._now_ns() - began_ns
        if command == "stop":
            return False
        self._state = "running"
        self._say([self._replay_state()])
        return True

    @property
    def _wall_ms(self) -> int:
        return self._now_ms() if self._at_ms is None else self._at_ms

    def _replay_state(self) -> Event:
        data = ReplayData(
            state=self._state,
            speed=self._speed,
            position=self._recording.position,
            total=self._total,
            ts=self._at_ms,
            file=self._name,
            skipped_s=round(self._timeline.skipped_s, 3),
        )
        return Event(REPLAY_STATE, data, self._wall_ms)


def open_replay(
    path: Path,
    say: Callable[[list[Event]], None],
    control: Control,
    now_ns: Callable[[], int],
    now_ms: Callable[[], int],
    *,
    speed: float = 1.0,
    policy: TrackerPolicy | None = None,
    simulated: bool = False,
    on_tick: Callable[[], None] = lambda: None,
) -> Replay[Found] | Replay[LoggedStep]:
    """Prepare the replay of a capture, or of a log (a file that begins with `{`). Arguments as of `Replay`.

    Raises:
        CaptureUnreadable: it cannot be opened, or is neither.
    """
    policy = policy or TrackerPolicy()
    if is_log(path):
        log_file = LogFile(path)
        return Replay(
            log_file, Logged(), path.name, say, control, now_ns, now_ms,
            counted=log_file.counted, speed=speed, simulated=simulated, silence_s=policy.ttl_s, on_tick=on_tick,
        )  # fmt: skip
    capture = CaptureFile(path)
    tracker = Tracker(policy, replay=True, simulated=simulated)

    def counted() -> dict[str, int]:
        return capture.counted() | tracker.counted()

    return Replay(
        capture, tracker, path.name, say, control, now_ns, now_ms,
        counted=counted, speed=speed, simulated=simulated, silence_s=policy.ttl_s, on_tick=on_tick,
    )  # fmt: skip
