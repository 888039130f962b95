"""The Remote ID tracker as a state machine: whatever is heard, whatever time does, an id lives NEW, UPDATE…, LOST."""

from __future__ import annotations

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.rid_sky import EPOCH_S, S, basic, heard, location, now_ns, unix_ms

from ndefender.remoteid.frames.heard import DjiHeard, Heard
from ndefender.remoteid.odid.message import Message
from ndefender.remoteid.odid.operator_id import OperatorId
from ndefender.remoteid.tracker import Change, Tracker, TrackerPolicy

POLICY = TrackerPolicy(max_contacts=5, max_senders=6)
TICK_S = 0.25
senders = st.sampled_from(["", *(f"02:00:00:00:00:{number:02x}" for number in range(8))])
basics = st.builds(basic, st.sampled_from(["A", "B", "C", "mac:02:00:00:00:00", ""]), st.sampled_from([0, 1, 2, 7]))
places = st.sampled_from([(48.0, 11.0), (49.0, 11.0), (None, None), (90.0, 180.0), (-95.0, 200.0)])
messages = st.lists(st.one_of(basics, places, st.just(OperatorId(0, "OP"))), min_size=1, max_size=4)


class RemoteIdMachine(RuleBasedStateMachine):
    """Drives a tracker through everything that can be on the air."""

    @initialize(replay=st.booleans())
    def start(self, replay: bool) -> None:
        self.tracker = Tracker(POLICY, replay=replay)
        self.replay = replay
        self.at_s = 0.0
        self.seen_s: dict[str, float] = {}

    def take(self, changes: list[Change]) -> None:
        for step, data, _ in changes:
            assert (step == "NEW") == (data.id not in self.seen_s), (step, data.id)
            assert (data.lost_reason is msgspec.UNSET) == (step != "LOST")
            assert data.id.startswith("rid:") and len(data.senders) <= 4
            assert (data.replay is True) == self.replay
            assert data.lat is None or (abs(data.lat) <= 90.0 and data.lon is not None and abs(data.lon) <= 180.0)
            assert b"NaN" not in msgspec.json.encode(data)
            if step == "LOST":
                del self.seen_s[data.id]
            else:
                self.seen_s[data.id] = data.last_seen_ts / 1000 - EPOCH_S

    @rule(sender=senders, said=messages, counter=st.integers(0, 255))
    def hear(self, sender: str, said: list[Message | tuple[float | None, float | None]], counter: int) -> None:
        given = [location(self.at_s, *each) if isinstance(each, tuple) else each for each in said]
        item = heard(self.at_s, *given, sender=sender, counter=counter)
        self.take(self.tracker.take(item, now_ns(self.at_s)))

    @rule(sender=senders, payload=st.binary(max_size=60))
    def hear_garbage(self, sender: str, payload: bytes) -> None:
        item = Heard(sender, "bt_legacy", None, payload, None, None, EPOCH_S + self.at_s)
        self.take(self.tracker.take(item, now_ns(self.at_s)))

    @rule(sender=senders)
    def hear_dji(self, sender: str) -> None:
        item = DjiHeard(sender, b"", None, None, EPOCH_S + self.at_s)
        self.take(self.tracker.take(item, now_ns(self.at_s)))

    @rule(ticks=st.sampled_from([1, 2, 5, 13, 125]))
    def wait(self, ticks: int) -> None:
        for _ in range(ticks):
            self.at_s += TICK_S
            self.take(self.tracker.tick(now_ns(self.at_s), unix_ms(self.at_s)))
        # Everybody who was said to be there was heard within the TTL.
        assert all(self.at_s - seen_s <= POLICY.ttl_s + TICK_S for seen_s in self.seen_s.values())

    @rule()
    def end(self) -> None:
        self.take(self.tracker.end("stopped", now_ns(self.at_s), unix_ms(self.at_s)))
        assert not self.seen_s
        assert self.tracker.tick(now_ns(self.at_s) + 100 * S, unix_ms(self.at_s + 100.0)) == []
        self.at_s += 100.0

    @invariant()
    def bounded(self) -> None:
        if hasattr(self, "tracker"):
            assert self.tracker.contacts_active == len(self.seen_s) <= POLICY.max_contacts
            assert self.tracker.counted()["senders"] <= POLICY.max_senders


TestRemoteIdMachine = RemoteIdMachine.TestCase
TestRemoteIdMachine.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
