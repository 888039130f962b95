"""The fuzzer's short form: nothing comes out of the decoder but messages and refusals; and the fuzzer sees it if so."""

from __future__ import annotations

import fuzz_odid
import pytest

from ndefender.remoteid.odid.location import Location
from ndefender.remoteid.odid.message import Message, decode
from ndefender.remoteid.odid.values import Status

FRAMES = 60_000


def test_hurt_frames_are_messages_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_odid, "BATCH", FRAMES // 4)
    told: list[int] = []
    outcome = fuzz_odid.fuzz(FRAMES, seed=1, said=lambda state: told.append(state.frames))
    assert outcome.kept == []
    assert (outcome.frames, outcome.exceptions) == (FRAMES, 0)
    assert told == [15_000, 30_000, 45_000, 60_000]
    assert FRAMES / 10 < outcome.refused < FRAMES * 0.9
    assert outcome.checked > 1000
    assert outcome.shapes > 100
    assert outcome.peak_rss_mb - outcome.first_rss_mb < 16


def test_an_exception_counts_and_is_shown() -> None:
    def careless(data: bytes) -> tuple[Message, ...]:
        if len(data) > 30 and data[7] == 0xFF:
            raise IndexError("a wrong reading")
        return decode(data)

    outcome = fuzz_odid.fuzz(5_000, seed=1, said=lambda _: None, target=careless)
    assert outcome.exceptions > 10
    assert "IndexError: a wrong reading" in outcome.kept[0]
    assert len(outcome.kept) <= fuzz_odid.MAX_KEPT


def test_what_cannot_be_written_again_counts() -> None:
    def inventive(data: bytes) -> tuple[Message, ...]:
        return (*decode(data), Location(status=Status.AIRBORNE, speed_m_s=0.1))

    outcome = fuzz_odid.fuzz(2_000, seed=1, said=lambda _: None, target=inventive)
    assert outcome.exceptions > 10
    assert "Changed" in outcome.kept[0]


def test_the_same_seed_is_the_same_run() -> None:
    runs = [fuzz_odid.fuzz(3_000, seed=seed, said=lambda _: None) for seed in (1, 1, 2)]
    seen = [(run.refused, run.messages, run.shapes) for run in runs]
    assert seen[0] == seen[1] != seen[2]
