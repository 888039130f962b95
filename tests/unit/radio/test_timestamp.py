from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.radio.timestamp import format_utc_ns, parse_utc_ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00", 0),
        ("2023-11-14T22:13:20.123456789999Z", 1_700_000_000_123_456_789),
        ("yesterday", None),
        ("2023-13-01T00:00:00Z", None),
    ],
)
def test_parses(text: str, ns: int | None) -> None:
    assert parse_utc_ns(text) == ns


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_what_is_written_reads_back(unix_ns: int) -> None:
    assert parse_utc_ns(format_utc_ns(unix_ns)) == unix_ns
