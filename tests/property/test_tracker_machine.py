"""The tracker as a state machine: whatever dwells, ticks, clocks and restarts come, an id lives NEW, UPDATE…, LOST."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.emissions import MHZ, Look, Seen, rows, summary

from ndefender import records, taxonomy
from ndefender.events.encode import EventEncoder
from ndefender.events.restore import live_contacts
from ndefender.track import BandSpan, Change, Tracker, TrackPolicy

S = 10**9
POLICY = TrackPolicy(min_hits_to_confirm=2, max_contacts=6, max_candidates=8, max_emissions_per_dwell=12)
BANDS = (BandSpan("2G4", 2400 * MHZ, 2500 * MHZ), BandSpan("odd", 2450 * MHZ, 2600 * MHZ))
FLAGS = st.integers(0, 255)

seen = st.builds(
    Seen,
    center_hz=st.one_of(
        st.sampled_from([2437.0, 2437.1, 2442.0, 2450.0, 2462.0]).map(lambda mhz: mhz * MHZ),
        st.floats(2380 * MHZ, 2520 * MHZ),
    ),
    bandwidth_hz=st.sampled_from([1e3, 85e3, 812e3, 1e6, 7e6, 18e6, 80e6]),
    path=st.sampled_from([row.path for row in taxonomy.CLASSES]),
    start_s=st.floats(0.0, 0.01),
    duration_s=st.floats(0.0, 0.02),
    snr_db=st.floats(-10.0, 70.0),
    confidence=st.floats(0.0, 1.0),
    class_confidence=st.floats(0.0, 1.0),
    flags=FLAGS,
    pattern_mask=st.sampled_from([0, 1, 3, 1 << 40]),
    evidence=st.fixed_dictionaries({"chirp_score": st.floats(0, 1, width=32)}),
)
dwells = st.lists(seen, max_size=16)


class TrackerMachine(RuleBasedStateMachine):
    """Drives a tracker through everything that can happen to one, restarts included."""

    @initialize()
    def start(self) -> None:
        self.now_ns = 10**12
        self.unix_ns = 17 * 10**17
        self.seq = 0
        self.alive: set[str] = set()
        self.boots = 0
        self.lines: list[bytes] = []
        self.boot()

    def boot(self) -> None:
        self.boots += 1
        self.tracker = Tracker(POLICY, BANDS)
        self.encoder = EventEncoder(str(self.boots))

    def take(self, changes: list[Change]) -> None:
        for change in changes:
            contact_id = change.contact.contact_id
            assert (change.kind == "new") == (contact_id not in self.alive), (change.kind, contact_id)
            if change.kind == "new":
                self.alive.add(contact_id)
            elif change.kind == "lost":
                self.alive.remove(contact_id)
            self.lines.append(self.encoder.encode(change).body)

    @rule(
        emissions=dwells,
        after_s=st.sampled_from([0.0, 0.05, 0.7, 3.0]),
        late_s=st.sampled_from([0.0, 0.0, 0.0, 0.5, 4.0, 1e4, -1e4]),
        again=st.booleans(),
        low_mhz=st.sampled_from([2400.0, 2430.0, 2460.0]),
    )
    def dwell(self, emissions: list[Seen], after_s: float, late_s: float, again: bool, low_mhz: float) -> None:
        self.now_ns += int(after_s * S)
        self.seq += not again
        look = Look(self.now_ns - int((0.01 + late_s) * S), 0.01, low_mhz * MHZ, (low_mhz + 45) * MHZ, 2437.3 * MHZ)
        self.take(self.tracker.dwell(summary(look, self.seq), rows(emissions), self.now_ns, self.unix_ns + self.now_ns))

    @rule(seconds=st.sampled_from([0.1, 5.0, 11.0, 400.0, -100.0]))
    def tick(self, seconds: float) -> None:
        self.now_ns = max(self.now_ns + int(seconds * S), 0)
        self.take(self.tracker.tick(self.now_ns, self.unix_ns + self.now_ns))

    @rule(seconds=st.sampled_from([-1e6, -30.0, 30.0, 1e6]))
    def wall_clock_steps(self, seconds: float) -> None:
        self.take(self.tracker.tick(self.now_ns, self.unix_ns + self.now_ns))
        self.unix_ns = max(self.unix_ns + int(seconds * S), 0)
        assert self.tracker.tick(self.now_ns, self.unix_ns + self.now_ns) == []

    @rule(after_s=st.sampled_from([0.0, 3.0, 20.0]), rebooted=st.booleans())
    def restart(self, after_s: float, rebooted: bool) -> None:
        restored = live_contacts(reversed(self.lines))
        self.boot()
        self.unix_ns += int(after_s * S) + (self.now_ns if rebooted else 0)
        self.now_ns = 0 if rebooted else self.now_ns + int(after_s * S)
        known = {r.contact.contact_id for r in restored}
        assert known <= self.alive
        self.alive = known  # those whose last event is beyond the log's horizon are nobody's
        self.take(self.tracker.restore(restored, self.now_ns, self.unix_ns + self.now_ns))

    @rule(bands=st.lists(st.sampled_from(BANDS), max_size=2))
    def plan_changes(self, bands: list[BandSpan]) -> None:
        self.tracker.set_bands(bands)

    @invariant()
    def contacts_are_those_told(self) -> None:
        if not hasattr(self, "tracker"):
            return
        ids = [c.contact_id for c in self.tracker.contacts()]
        assert len(ids) == len(set(ids))
        assert set(ids) == self.alive
        assert len(ids) <= POLICY.max_contacts
        assert self.tracker.candidates <= POLICY.max_candidates
        for contact in self.tracker.contacts():
            assert contact.contact_id == f"rf:{contact.bucket_hz}"
            assert contact.bucket_hz % POLICY.bucket_hz == 0
            for ratio in (contact.confidence, contact.classification_confidence, contact.burstiness):
                assert 0.0 <= ratio <= 1.0
            assert contact.first_seen_unix_ns <= contact.last_seen_unix_ns
            numbers = (contact.snr_db, contact.bandwidth_hz, contact.hop_rate_hz, contact.control_score, contact.ttl_s)
            assert np.isfinite(numbers).all()
            assert all(type(n) is float for n in numbers)


TrackerMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTrackerMachine = TrackerMachine.TestCase


@settings(max_examples=60, deadline=None)
@given(sequence=st.lists(dwells, min_size=1, max_size=6), seed=st.integers(0, 2**32 - 1))
def test_the_order_within_a_dwell_is_irrelevant(sequence: list[list[Seen]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = Tracker(POLICY, BANDS), Tracker(POLICY, BANDS)
    for i, emissions in enumerate(sequence):
        now_ns = (1000 + i) * S
        head = summary(Look(now_ns - 10**7, 0.01, 2400 * MHZ, 2500 * MHZ, 2437.3 * MHZ), i + 1)
        table = rows(emissions)
        shuffled = table[rng.permutation(len(table))]
        shuffled["index"] = np.arange(len(table))
        assert first.dwell(head, table, now_ns, now_ns) == second.dwell(head, shuffled, now_ns, now_ns)
    assert first.contacts() == second.contacts()
    assert first.counters == second.counters


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(8)))
def test_a_small_reordering_of_dwells_confirms_the_same_contact(order: list[int]) -> None:
    tracker = Tracker(TrackPolicy(), BANDS)
    now_ns = 1000 * S
    emission = Seen(2437 * MHZ, 5 * MHZ, ("Cellular", "LTE"), flags=records.EMISSION_CONTINUOUS)
    kinds = []
    for i in order:
        look = Look(now_ns - S + i * 10**8, 0.01, 2400 * MHZ, 2500 * MHZ, 2420 * MHZ)
        jitter = replace(emission, center_hz=2437 * MHZ + i * 1e4)
        kinds += [c.kind for c in tracker.dwell(summary(look, i + 1), rows([jitter]), now_ns, now_ns)]
    assert kinds == ["new"]
    (lost,) = tracker.tick(now_ns + 100 * S, now_ns + 100 * S)
    assert lost.contact.first_seen_unix_ns == now_ns - S + 10**7
    assert lost.contact.last_seen_unix_ns == now_ns - S + 7 * 10**8 + 10**7
