"""Radiotap headers: where fields are, whatever stands before them."""

from __future__ import annotations

import struct

import pytest

from ndefender.remoteid.frames import radiotap
from ndefender.remoteid.frames.radiotap import Radiotap


def header(words: list[int], fields: bytes, length: int | None = None) -> bytes:
    head = struct.pack(f"<{len(words)}I", *words) + fields
    return struct.pack("<BBH", 0, 0, 4 + len(head) if length is None else length) + head


@pytest.mark.parametrize(
    ("words", "fields", "said"),
    [
        ([0], b"", (False, False, None, None)),
        ([1 << 1 | 1 << 3 | 1 << 5], struct.pack("<BxHHb", 0x10, 2412, 0xA0, -40), (True, False, -40, 2412)),
        # The timer of 8 bytes is aligned from the header's beginning: at 8.
        ([0b101011], struct.pack("<QBxHHb", 5, 0, 5180, 0x140, -77), (False, False, -77, 5180)),
        # Behind two words it is moved to 16.
        ([0b101011 | 1 << 31, 0], struct.pack("<4xQBxHHb", 5, 0, 5180, 0x140, -77), (False, False, -77, 5180)),
        ([1 << 1], b"\x40", (False, True, None, None)),
        ([1 << 14], b"\x02\x00", (False, True, None, None)),
        ([1 << 5 | 1 << 14], b"\xc4\x00\x00\x00", (False, False, -60, None)),
        ([1 << 3], struct.pack("<HH", 0, 0), (False, False, None, None)),
        ([1 << 18], struct.pack("<IHBB", 0, 5745, 149, 0), (False, False, None, 5745)),
        # Two antennas: the first set is of all together.
        (
            [1 << 5 | 1 << 29 | 1 << 31, 1 << 5 | 1 << 11],
            struct.pack("<bbB", -50, -55, 1),
            (False, False, -50, None),
        ),
        # Only the second set has a signal.
        ([1 << 2 | 1 << 29 | 1 << 31, 1 << 5], struct.pack("<Bb", 2, -55), (False, False, -55, None)),
        # A manufacturer's own, and numbers beyond the first word: not read, and what was before them counts.
        ([1 << 5 | 1 << 30 | 1 << 31, 0xFF], b"\xce" + bytes(20), (False, False, -50, None)),
        ([1 << 5 | 1 << 31, 1 << 5], b"\xce\x00", (False, False, -50, None)),
        ([1 << 5 | 1 << 28], b"\xce" + bytes(9), (False, False, -50, None)),
    ],
)
def test_fields_are_found(words: list[int], fields: bytes, said: tuple[bool, bool, int | None, int | None]) -> None:
    data = header(words, fields)
    assert radiotap.read(data + b"frame") == Radiotap(len(data), *said)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        header([0], b"")[:7],
        b"\x01" + header([0], b"")[1:],
        header([0], b"", length=9),
        header([0], b"", length=7),
        header([0], b"", length=0),
        header([1 << 5], b""),
        header([1 << 31], b""),
        header([1 << 31] * 40 + [0], b""),
        header([1 << 31, 0], b"", length=8),
    ],
)
def test_what_does_not_fit_is_no_header(data: bytes) -> None:
    assert radiotap.read(data) is None


def test_changing_headers_cost_bounded_memory() -> None:
    for word in range(2000):
        radiotap.read(header([word], bytes(64)))
    information = radiotap._layout.cache_info()
    assert information.currsize <= (information.maxsize or 0)
