"""The ring as a state machine: any interleaving of writer, killed writer and readers; never torn, never repeated."""

from __future__ import annotations

from itertools import count

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray

from ndefender.ring.ring import RingReader, RingWriter
from ndefender.ring.segment import Segment, SegmentSpec, create, segment_name

WORDS = 4
_LABELS = count()


class Follower:
    """A reader with a cursor. It reads one word at a time, so that a writer may run it over at any point."""

    def __init__(self, segment: Segment) -> None:
        self.ring = RingReader(segment)
        self.next_seq = 1
        self.lost = 0
        self.got: dict[int, int] = {}
        self.view: NDArray[np.uint64] | None = None
        self.words: list[int] = []

    def step(self, jump: bool) -> None:
        """Advance by one elementary step: begin a slot, read a word, or check and finish."""
        if self.view is None:
            newest = self.ring.newest()
            if self.next_seq > newest:
                return
            if jump and newest - self.next_seq >= self.ring.slots:  # lapped anyway: skip to what may still be there
                skip = newest - self.ring.slots + 1 - self.next_seq
                self.lost += skip
                self.next_seq += skip
            payload = self.ring.read(self.next_seq)
            if payload is None:
                self.lost += 1
                self.next_seq += 1
                return
            self.view, self.words = payload.view(np.uint64), []
        elif len(self.words) < WORDS:
            self.words.append(int(self.view[len(self.words)]))
        else:
            if self.ring.holds(self.next_seq):
                assert len(set(self.words)) == 1, f"torn: {self.words}"
                self.got[self.next_seq] = self.words[0]
            else:
                self.lost += 1
            self.view = None
            self.next_seq += 1


class RingMachine(RuleBasedStateMachine):
    @initialize(slots=st.integers(2, 4), readers=st.integers(1, 2))
    def start(self, slots: int, readers: int) -> None:
        self.segment = create(SegmentSpec(segment_name(f"machine-{next(_LABELS)}"), slots, WORDS * 8))
        self.writer = RingWriter(self.segment)
        self.followers = [Follower(self.segment) for _ in range(readers)]
        self.stamps = count(1)
        self.pending: NDArray[np.uint64] | None = None
        self.stamp = 0
        self.written = 0
        self.published: dict[int, int] = {}

    @rule()
    def reserve(self) -> None:
        self.pending = self.writer.reserve().view(np.uint64)
        self.stamp, self.written = next(self.stamps), 0

    @precondition(lambda self: self.pending is not None and self.written < WORDS)
    @rule(words=st.integers(1, WORDS))
    def write(self, words: int) -> None:
        assert self.pending is not None
        end = min(WORDS, self.written + words)
        self.pending[self.written : end] = self.stamp
        self.written = end

    @precondition(lambda self: self.pending is not None)
    @rule()
    def publish(self) -> None:
        assert self.pending is not None
        self.pending[self.written :] = self.stamp
        seq = self.writer.publish()
        assert seq == len(self.published) + 1
        self.published[seq] = self.stamp
        self.pending = None

    @rule()
    def kill_writer(self) -> None:
        self.writer = RingWriter(self.segment)
        self.pending = None

    @precondition(lambda self: self.pending is not None)
    @rule()
    def kill_writer_before_it_counts(self) -> None:
        before = self.segment.published[0]
        self.publish()
        self.segment.published[0] = before
        self.writer = RingWriter(self.segment)

    @rule(which=st.integers(0, 1), steps=st.integers(1, 8), jump=st.booleans())
    def read(self, which: int, steps: int, jump: bool) -> None:
        for _ in range(steps):
            self.followers[which % len(self.followers)].step(jump)

    @invariant()
    def what_was_read_is_what_was_published(self) -> None:
        for follower in getattr(self, "followers", []):
            for seq, stamp in follower.got.items():
                assert self.published[seq] == stamp

    @invariant()
    def every_number_is_read_or_lost(self) -> None:
        for follower in getattr(self, "followers", []):
            assert len(follower.got) + follower.lost == follower.next_seq - 1

    def teardown(self) -> None:
        if hasattr(self, "segment"):
            newest = self.writer.newest()
            for follower in self.followers:
                while follower.next_seq <= newest:
                    follower.step(True)
                assert len(follower.got) + follower.lost == newest == len(self.published)
            self.what_was_read_is_what_was_published()
            self.segment.close()
            self.segment.unlink()


TestRing = RingMachine.TestCase
TestRing.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
