from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from ndefender.ingest.esp32_lines import Ack, BadLine, Log, Telemetry, parse_line

EXAMPLE: dict[str, Any] = {  # of EVENTS.md
    "type": "telemetry",
    "timestamp_ms": 1000,
    "sel": 1,
    "vrx": [
        {"id": 1, "freq_hz": 5740000000, "rssi_raw": 219},
        {"id": 2, "freq_hz": 5800000000, "rssi_raw": 140},
        {"id": 3, "freq_hz": 5860000000, "rssi_raw": 98},
    ],
    "video": {"selected": 1},
    "led": {"r": 0, "y": 1, "g": 0},
    "sys": {"uptime_ms": 1000, "heap": 123456},
}


def encoded(**changes: Any) -> bytes:
    return json.dumps({**EXAMPLE, **changes}).encode()


def receiver(**changes: Any) -> list[dict[str, Any]]:
    return [{"id": 1, "freq_hz": 5740000000, "rssi_raw": 219, **changes}]


def test_the_contracts_telemetry_passes_unchanged() -> None:
    message, fields = parse_line(json.dumps(EXAMPLE).encode())
    assert isinstance(message, Telemetry)
    assert fields == EXAMPLE
    assert (message.timestamp_ms, message.vrx[0].rssi_raw) == (1000, 219)


def test_fields_nobody_knows_pass_through() -> None:
    _, fields = parse_line(encoded(seq=7, scan={"on": True, "at": [1, 2.5, None, "x"]}))
    assert fields["seq"] == 7
    assert fields["scan"] == {"on": True, "at": [1, 2.5, None, "x"]}


def test_a_frequency_in_exponent_form_is_an_integer_again() -> None:
    line = encoded().replace(b"5740000000", b"5.74e9")
    _, fields = parse_line(line)
    assert fields["vrx"][0]["freq_hz"] == 5740000000
    assert isinstance(fields["vrx"][0]["freq_hz"], int)


def test_least_telemetry() -> None:
    message, _ = parse_line(json.dumps({"type": "telemetry", "timestamp_ms": 0, "vrx": receiver()}).encode())
    assert isinstance(message, Telemetry)


@pytest.mark.parametrize(
    "line",
    [
        encoded(timestamp_ms=-1),
        encoded(timestamp_ms=2**32),
        encoded(timestamp_ms="1000"),
        encoded(timestamp_ms=True),
        encoded(timestamp_ms=1.5),
        encoded(sel=0),
        encoded(sel=4),
        encoded(vrx=[]),
        encoded(vrx={}),
        encoded(vrx=receiver(id=4)),
        encoded(vrx=receiver(id=0)),
        encoded(vrx=receiver(rssi_raw=-1)),
        encoded(vrx=receiver(rssi_raw=4096)),
        encoded(vrx=receiver(rssi_raw=None)),
        encoded(vrx=receiver(freq_hz=0)),
        encoded(vrx=receiver(freq_hz=6_500_000_001)),
        encoded(vrx=receiver() * 2),
        encoded(vrx=[*EXAMPLE["vrx"], *receiver(id=3)]),
        encoded(video={"selected": 4}),
        encoded(video=1),
        encoded(led={"r": 2}),
        encoded(sys={"uptime_ms": -1}),
        encoded(sys=[]),
        encoded(more=10**30),
        encoded(more=[[[[[[[[1]]]]]]]]),
        encoded(fw_version="v" * 64),
        encoded(type="telemetrie"),
        encoded(type=None),
        b"",
        b"{",
        b"null",
        b"[1]",
        b'"telemetry"',
        b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47",
        b"ets Jul 29 2019 12:21:46",
        b'{"type":"log_event","timestamp_ms":1,"message":"\xff"}',
        b'{"type":"log_event","timestamp_ms":1,"message":"\\ud800"}',
        b'{"type":"log_event","timestamp_ms":1,"message":1}',
        b'{"type":"log_event","timestamp_ms":NaN,"message":"x"}',
        b'{"type":"log_event","timestamp_ms":1e999,"message":"x"}',
        b'{"type":"command_ack","timestamp_ms":1,"id":1,"ok":true}',
        b'{"type":"command_ack","timestamp_ms":1,"id":"a","ok":1}',
        b'{"type":"command_ack","timestamp_ms":1,"id":"a","ok":true,"data":[]}',
        b'{"type":"command_ack","timestamp_ms":1,"ok":true}',
        b"[" * 8000,
        b'{"a":' * 1600,
        bytes(range(32, 256)),
    ],
)
def test_nonsense_is_refused(line: bytes) -> None:
    with pytest.raises(BadLine):
        parse_line(line)


def test_answers_old_and_new() -> None:
    old, _ = parse_line(b'{"type":"command_ack","timestamp_ms":5,"id":"unknown","ok":false,"err":"missing_id"}')
    new, fields = parse_line(
        b'{"type":"command_ack","timestamp_ms":5,"id":"a","ok":true,"err":null,"data":{"cmd":"X"},"seq":3}'
    )
    assert isinstance(old, Ack)
    assert isinstance(new, Ack)
    assert (old.id, old.ok, old.err, old.data) == ("unknown", False, "missing_id", None)
    assert (new.id, new.ok, new.err, new.data) == ("a", True, None, {"cmd": "X"})
    assert fields["seq"] == 3


def test_a_log_event() -> None:
    message, fields = parse_line(b'{"type":"log_event","timestamp_ms":1000,"message":"boot"}')
    assert isinstance(message, Log)
    assert fields == {"type": "log_event", "timestamp_ms": 1000, "message": "boot"}


def test_what_passes_can_be_encoded_again() -> None:
    _, fields = parse_line(encoded(a=2**63 - 1, b=-(2**63), c=1e308, d="\u0000"))
    assert msgspec.json.decode(msgspec.json.encode(fields)) == fields
