from __future__ import annotations

import pytest

from ndefender.ingest.framing import LineFramer


def test_lines_end_with_lf_and_cr_is_ignored() -> None:
    framer = LineFramer(64)
    assert framer.feed(b'{"a":1}\r\n\r\n\n{"b"') == [b'{"a":1}']
    assert framer.feed(b":2}") == []
    assert framer.feed(b"\n") == [b'{"b":2}']


def test_a_character_split_over_two_reads_stays_whole() -> None:
    framer = LineFramer(64)
    whole = "é✈\n".encode()
    lines = [line for byte in whole for line in framer.feed(bytes([byte]))]
    assert lines == ["é✈".encode()]


def test_the_longest_line_passes_and_one_byte_more_does_not() -> None:
    framer = LineFramer(8)
    assert framer.feed(b"12345678\n123456789\nok\n") == [b"12345678", b"ok"]
    assert (framer.overlong_lines, framer.discarded_bytes) == (1, 9)


def test_a_megabyte_without_an_end_holds_no_memory_and_counts_once() -> None:
    framer = LineFramer(8192)
    for _ in range(250):
        assert framer.feed(b"x" * 4000) == []
        assert framer.held_bytes <= 8192
    assert framer.feed(b"yy\nok\n") == [b"ok"]
    assert (framer.overlong_lines, framer.discarded_bytes) == (1, 1_000_002)


def test_reset_forgets_half_a_line_and_a_skipped_one() -> None:
    framer = LineFramer(8)
    framer.feed(b"half")
    framer.reset()
    assert framer.feed(b"ok\n") == [b"ok"]
    framer.feed(b"123456789")
    framer.reset()
    assert framer.feed(b"ok\n") == [b"ok"]


def test_a_bound_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0"):
        LineFramer(0)
