"""The panel's link for all inputs: framing over any chunking, every command one outcome, no clock that cries wolf."""

from __future__ import annotations

import itertools
import json

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ndefender.errors import CommandRejected
from ndefender.ingest.emulated.firmware import Firmware
from ndefender.ingest.esp32_clock import WRAP_MS, BootClock
from ndefender.ingest.esp32_lines import Ack, BadLine, parse_line
from ndefender.ingest.esp32_outbox import Outbox
from ndefender.ingest.esp32_types import LinkStats, PanelMessage
from ndefender.ingest.framing import LineFramer
from ndefender.ingest.panel_commands import COMMANDS, NOT_IDEMPOTENT

MAX_LINE_BYTES = 24
ACK_TIMEOUT_S = 2.0
BAUD = 115_200
LINE_BYTES = 100
LINE_S = LINE_BYTES * 10 / BAUD

STREAMS = st.lists(
    st.one_of(st.binary(max_size=40), st.sampled_from([b"\n", b"\r\n", "é✈".encode(), b'{"a":1}\n', b"x" * 100])),
    max_size=20,
).map(b"".join)


def naive_lines(stream: bytes) -> tuple[list[bytes], int]:
    """Complete lines within the bound, and how many were beyond it, the unfinished one included."""
    *ended, rest = stream.replace(b"\r", b"").split(b"\n")
    overlong = sum(len(line) > MAX_LINE_BYTES for line in [*ended, rest])
    return [line for line in ended if 0 < len(line) <= MAX_LINE_BYTES], overlong


@given(STREAMS, st.lists(st.integers(0, 400), max_size=30))
def test_framing_does_not_depend_on_the_chunks(stream: bytes, cuts: list[int]) -> None:
    framer = LineFramer(MAX_LINE_BYTES)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    lines: list[bytes] = []
    for start, stop in itertools.pairwise(places):
        lines += framer.feed(stream[start:stop])
        assert framer.held_bytes <= MAX_LINE_BYTES
    assert (lines, framer.overlong_lines) == naive_lines(stream)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_bad_line(line: bytes) -> None:
    try:
        _, fields = parse_line(line)
    except BadLine:
        return
    assert json.loads(json.dumps(fields)) == fields


TELEMETRY = json.dumps(
    {
        "type": "telemetry",
        "timestamp_ms": 123456,
        "sel": 1,
        "vrx": [{"id": i, "freq_hz": 5_740_000_000 + i, "rssi_raw": 100 * i} for i in (1, 2, 3)],
        "video": {"selected": 1},
        "led": {"r": 0, "y": 1, "g": 0},
        "sys": {"uptime_ms": 123456, "heap": 1},
    }
).encode()


@given(st.lists(st.tuples(st.integers(0, len(TELEMETRY) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_telemetry_is_refused_or_within_its_limits(damage: list[tuple[int, int]]) -> None:
    line = bytearray(TELEMETRY)
    for place, byte in damage:
        line[place] = byte
    try:
        _, fields = parse_line(bytes(line))
    except BadLine:
        return
    if fields["type"] == "telemetry":
        assert 0 <= fields["timestamp_ms"] < WRAP_MS
        for receiver in fields["vrx"]:
            assert receiver["id"] in {1, 2, 3}
            assert 1e6 <= receiver["freq_hz"] <= 6.5e9
            assert 0 <= receiver["rssi_raw"] <= 4095


@given(st.binary(max_size=2000))
def test_the_firmware_outlives_any_bytes(noise: bytes) -> None:
    firmware = Firmware(lambda freq_hz, t_s: 95)
    firmware.receive(noise, 0.1)
    answers = firmware.receive(b'\n{"id":"a","cmd":"STOP_SCAN"}\n', 0.2)
    assert answers[-1]["id"] == "a"


@given(
    first_ms=st.integers(0, WRAP_MS - 1),
    steps_ms=st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    late_ms=st.lists(st.integers(0, 4000), min_size=60, max_size=60),
    drift_ratio=st.floats(-5e-4, 5e-4),
)
def test_one_boot_is_one_boot_wraps_drift_and_delays_included(
    first_ms: int, steps_ms: list[int], late_ms: list[int], drift_ratio: float
) -> None:
    clock = BootClock()
    sent_ms, arrived_s = 0, 0.0
    for step_ms, delay_ms in zip(steps_ms, late_ms, strict=False):
        sent_ms += step_ms
        arrived_s = max(arrived_s, (sent_ms + delay_ms) / 1e3)  # in order
        stamp_ms = (first_ms + round(sent_ms * (1.0 + drift_ratio))) % WRAP_MS
        assert not clock.see(stamp_ms, arrived_s)
    assert clock.jumps == 0


@given(
    before_ms=st.integers(3000, WRAP_MS - 1),
    down_ms=st.integers(500, 60_000),
    up_ms=st.integers(0, 2000),
)
def test_a_restart_is_told_exactly_once(before_ms: int, down_ms: int, up_ms: int) -> None:
    # A restart within moments of the wrap, or back at the same count, cannot be told from going on.
    assume(before_ms < WRAP_MS - 200_000)
    assume(up_ms < before_ms - 300)
    clock = BootClock()
    clock.see(before_ms, 0.0)
    told = [clock.see(up_ms + 1000 * i, (down_ms + 1000 * i) / 1e3) for i in range(5)]
    assert told.count(True) == 1


class OutboxMachine(RuleBasedStateMachine):
    """A link that pumps its outbox, and a panel that answers, or not, or twice, or without an id."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.stats = LinkStats()
        self.outbox = Outbox(ACK_TIMEOUT_S, 4, BAUD, self.stats)
        self.names = (f"c{i}" for i in itertools.count())
        self.cmds: dict[str, str] = {}
        self.taken_s: dict[str, float] = {}
        self.sent: list[tuple[str, float]] = []
        self.outcomes: dict[str, PanelMessage] = {}
        self.free_s = 0.0

    def note(self, messages: list[PanelMessage]) -> None:
        for message in messages:
            if message.kind == "LOG_EVENT":
                assert message.data["command_id"] in self.outcomes  # only after its time-out was told
                continue
            command_id = message.data["id"]
            assert command_id in self.cmds
            assert command_id not in self.outcomes
            assert message.data["data"]["cmd"] == self.cmds[command_id]
            self.outcomes[command_id] = message

    def pump(self) -> None:
        self.note(self.outbox.expire(self.now_s))
        while (line := self.outbox.next_line(self.now_s)) is not None:
            command_id = line.decode().strip(".\n")
            assert command_id not in self.outcomes
            assert self.now_s >= self.free_s
            self.free_s = self.now_s + LINE_S
            self.sent.append((command_id, self.now_s))

    def open(self) -> list[str]:
        return [command_id for command_id in self.cmds if command_id not in self.outcomes]

    @rule(cmd=st.sampled_from([*COMMANDS, "STOP_SCAN", "START_SCAN"]))
    def submit(self, cmd: str) -> None:
        command_id = next(self.names)
        line = command_id.encode().ljust(LINE_BYTES - 1, b".") + b"\n"
        try:
            overtaken = self.outbox.submit(cmd, line, command_id, self.now_s)
        except CommandRejected as refused:
            assert refused.status == 429
            assert cmd != "STOP_SCAN" or len(self.open()) > 4
            return
        self.cmds[command_id] = cmd
        self.taken_s[command_id] = self.now_s
        self.note(overtaken)
        self.pump()

    @rule(step_s=st.sampled_from([0.0, LINE_S, 0.1, 0.9, 1.0, 2.0, 2.1]))
    def wait(self, step_s: float) -> None:
        """Time goes on as the link lets it: never past what is due."""
        until_s = self.now_s + step_s
        for _ in range(100):
            due_s = self.outbox.due_s()
            if due_s is None or due_s > until_s:
                break
            self.now_s = max(self.now_s, due_s)
            self.pump()
        else:
            raise AssertionError("due, and nothing to do")
        self.now_s = until_s
        self.pump()

    @precondition(lambda self: self.sent)
    @rule(back=st.integers(0, 5), ok=st.booleans(), named=st.sampled_from(["id", "id", "unknown", "stranger"]))
    def answer(self, back: int, ok: bool, named: str) -> None:
        command_id, _ = self.sent[-1 - min(back, len(self.sent) - 1)]
        said = {"id": command_id, "unknown": "unknown", "stranger": "s"}[named]
        ack = Ack(timestamp_ms=0, id=said, ok=ok, err=None if ok else "args_oob")
        was_open = command_id in self.open()
        messages = self.outbox.answer(ack, {}, self.now_s)
        if named == "id" and was_open:
            assert [m.data["id"] for m in messages] == [command_id]
        if named == "stranger":
            assert messages == []
        if any(m.kind == "COMMAND_ACK" for m in messages):
            self.free_s = self.now_s
        self.note(messages)
        self.pump()

    @rule()
    def lose(self) -> None:
        self.note(self.outbox.lost(self.now_s, "unplugged"))
        self.free_s = 0.0
        assert self.open() == []

    @invariant()
    def one_on_its_way(self) -> None:
        on_their_way = {command_id for command_id, _ in self.sent} & set(self.open())
        stops = {command_id for command_id in on_their_way if self.cmds[command_id] == "STOP_SCAN"}
        assert len(stops) <= 1
        assert len(on_their_way - stops) <= 1

    @invariant()
    def nothing_waits_for_ever(self) -> None:
        for command_id in self.open():
            assert self.now_s - self.taken_s[command_id] <= 2.0 * ACK_TIMEOUT_S + 3.0 * LINE_S + 1e-6

    @invariant()
    def nothing_acts_twice(self) -> None:
        times = [command_id for command_id, _ in self.sent]
        for command_id in set(times):
            assert times.count(command_id) <= (1 if self.cmds[command_id] in NOT_IDEMPOTENT else 2)

    @invariant()
    def a_stop_stays_a_stop(self) -> None:
        """A scan asked for before a stop does not start after it, nor does a stop asked for before a scan stop it."""
        first = {command_id: i for i, (command_id, _) in reversed(list(enumerate(self.sent)))}
        last = {command_id: i for i, (command_id, _) in enumerate(self.sent)}
        order = list(self.cmds)
        for stop in (c for c in first if self.cmds[c] == "STOP_SCAN"):
            for start in (c for c in first if self.cmds[c] == "START_SCAN"):
                if order.index(start) < order.index(stop):
                    assert first[start] < first[stop]
                else:
                    assert last[stop] < first[start]

    @invariant()
    def books_balance(self) -> None:
        assert len(self.outbox) == len(self.open())
        assert self.stats.commands == len(self.cmds)


OutboxMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestOutbox = OutboxMachine.TestCase
