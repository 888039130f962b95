"""Each API against its own OpenAPI document: requests made from it, right and wrong ones, all checks.

A short form of `benchmarks/fuzz_api.py`, with a fixed seed.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import pytest
from fuzz_api import Verdict, fuzz, fuzz_round
from scan_fake import UNLIMITED, Server

CASES = 500


@dataclass(frozen=True)
class Api:
    """One API: the module of its fake service, and how many operations its document has at least."""

    fake: str
    operations: int


APIS = {
    "antsdr_scan": Api("scan_fake", 23),
    "system_controller": Api("system_fake", 32),
    "aggregator": Api("aggregator_fake", 35),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", APIS)
def test_every_answer_is_as_documented(name: str) -> None:
    api = APIS[name]
    made: type[Server] = importlib.import_module(api.fake).Server
    with made(**UNLIMITED) as server:
        verdict = fuzz(server.http, CASES, examples=5)
    assert verdict.broken is None, verdict.broken
    assert verdict.said == [], verdict.said[0]
    assert (verdict.failures, verdict.server_errors) == (0, 0)
    assert verdict.cases >= CASES
    assert verdict.operations == verdict.operations_tested >= api.operations


def test_an_answer_that_is_not_as_documented_is_found() -> None:
    with Server(**UNLIMITED) as server:
        server.port.broken = True
        verdict = Verdict()
        fuzz_round(server.http, seed=1, phases="fuzzing", examples=1, key="", verdict=verdict)
    assert verdict.broken is None, verdict.broken
    assert verdict.server_errors >= 1
    assert verdict.failures >= 1
    assert "GET /api/v1/health" in verdict.said[0]
