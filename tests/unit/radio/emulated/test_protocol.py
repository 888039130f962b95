from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.radio.emulated import protocol
from ndefender.radio.emulated.protocol import Refused, Request, Verb, parse


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (b"PRINT", Request(Verb.PRINT)),
        (b"TIMEOUT 2500", Request(Verb.TIMEOUT, number=2500)),
        (
            b"READ iio:device0 INPUT voltage0 rf_bandwidth",
            Request(Verb.READ, "iio:device0", "INPUT", "voltage0", "rf_bandwidth"),
        ),
        (b"READ ad9361-phy ensm_mode", Request(Verb.READ, "ad9361-phy", "", "", "ensm_mode")),
        (b"READ iio:device0 DEBUG loopback", Request(Verb.READ, "iio:device0", "DEBUG", "", "loopback")),
        (b"READ iio:device0 OUTPUT altvoltage0", Request(Verb.READ, "iio:device0", "OUTPUT", "altvoltage0")),
        (
            b"WRITE iio:device0 OUTPUT altvoltage0 frequency 11",
            Request(Verb.WRITE, "iio:device0", "OUTPUT", "altvoltage0", "frequency", 11),
        ),
        (b"OPEN iio:device3 4096 00000003", Request(Verb.OPEN, "iio:device3", number=4096, mask=3)),
        (
            b"OPEN iio:device3 4096 0000000f CYCLIC",
            Request(Verb.OPEN, "iio:device3", number=4096, mask=15, cyclic=True),
        ),
        (b"READBUF iio:device3 16384", Request(Verb.READBUF, "iio:device3", number=16384)),
        (b"SET iio:device3 BUFFERS_COUNT 1", Request(Verb.SET, "iio:device3", number=1)),
        (b"CLOSE iio:device3", Request(Verb.CLOSE, "iio:device3")),
    ],
)
def test_lines_of_the_protocol(line: bytes, request_: Request) -> None:
    assert parse(line) == request_


@pytest.mark.parametrize(
    "line",
    [
        b"ZPRINT",
        b"print",
        b"TIMEOUT",
        b"TIMEOUT -1",
        b"TIMEOUT 99999999999",
        b"READ",
        b"READ dev INPUT",
        b"READ dev INPUT chan attr more",
        b"WRITE dev attr",
        b"WRITE 12",
        b"OPEN dev 10",
        b"OPEN dev 10 3",
        b"OPEN dev 10 0000000g",
        b"OPEN dev 10 00000003 TWICE",
        b"READBUF dev",
        b"READBUF dev 0x10",
        b"SET dev LIGHTS 3",
        b"\xff\xfe",
        b"READ d\xc3\xa9v attr",
    ],
)
def test_anything_else_is_invalid(line: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse(line)
    assert caught.value.code == errno.EINVAL


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_understood_but_never_breaks(line: bytes) -> None:
    try:
        assert parse(line).verb in Verb
    except Refused as refused:
        assert refused.code == errno.EINVAL


def test_answers() -> None:
    assert protocol.integer(-22) == b"-22\n"
    assert protocol.value("fdd") == b"4\nfdd\0\n"
    assert protocol.block_header(16, 3) == b"16\n00000003\n"
    assert protocol.block_header(16, None) == b"16\n"
    assert protocol.document("<a/>") == b"4\n<a/>\n"
    assert protocol.values(["ab", -22]) == b"12\n\0\0\0\x03ab\0\0\xff\xff\xff\xea\n"
