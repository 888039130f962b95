from __future__ import annotations

import json

import pytest

from ndefender.errors import CommandRejected
from ndefender.ingest.panel_commands import COMMANDS, encode_command

SCAN = {"dwell_ms": 200, "step_hz": 2_000_000, "start_hz": 5_645_000_000, "stop_hz": 5_865_000_000}
GOOD: list[tuple[str, dict[str, object]]] = [
    ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 1_000_000}),
    ("SET_VRX_FREQ", {"vrx_id": 3, "freq_hz": 6_500_000_000}),
    ("START_SCAN", SCAN),
    ("START_SCAN", {"dwell_ms": 10, "step_hz": 1, "start_hz": 1, "stop_hz": 2}),
    ("START_SCAN", {**SCAN, "dwell_ms": 5000}),
    ("STOP_SCAN", {}),
    ("LOCK_STRONGEST", {}),
    ("LOCK_STRONGEST", {"vrx_id": 2}),
    ("VIDEO_SELECT", {"ch": 3}),
    ("SET_LEDS", {"r": 0, "g": 1, "y": 0}),
    ("GET_STATUS", {}),
]
BAD: list[tuple[str, dict[str, object], str]] = [
    ("SET_VRX_FREQ", {"vrx_id": 0, "freq_hz": 5_800_000_000}, "$.vrx_id"),
    ("SET_VRX_FREQ", {"vrx_id": 4, "freq_hz": 5_800_000_000}, "$.vrx_id"),
    ("SET_VRX_FREQ", {"vrx_id": True, "freq_hz": 5_800_000_000}, "$.vrx_id"),
    ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 999_999}, "$.freq_hz"),
    ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 6_500_000_001}, "$.freq_hz"),
    ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 5.8e9 + 0.5}, "$.freq_hz"),
    ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": float("nan")}, "$.freq_hz"),
    ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 10**5000}, "$.freq_hz"),
    ("SET_VRX_FREQ", {"vrx_id": 1}, "$.freq_hz"),
    ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 5_800_000_000, "more": 1}, "$.more"),
    ("START_SCAN", {}, "$.dwell_ms"),
    ("START_SCAN", {**SCAN, "dwell_ms": 9}, "$.dwell_ms"),
    ("START_SCAN", {**SCAN, "dwell_ms": 5001}, "$.dwell_ms"),
    ("START_SCAN", {**SCAN, "step_hz": 0}, "$.step_hz"),
    ("START_SCAN", {**SCAN, "start_hz": -1}, "$.start_hz"),
    ("START_SCAN", {**SCAN, "stop_hz": 5_645_000_000}, "$.stop_hz"),
    ("STOP_SCAN", {"now": 1}, "$.now"),
    ("LOCK_STRONGEST", {"vrx_id": 4}, "$.vrx_id"),
    ("VIDEO_SELECT", {}, "$.ch"),
    ("VIDEO_SELECT", {"ch": "1"}, "$.ch"),
    ("SET_LEDS", {"r": 2, "g": 0, "y": 0}, "$.r"),
]


@pytest.mark.parametrize(("cmd", "args"), GOOD)
def test_a_good_command_is_one_line_of_json(cmd: str, args: dict[str, object]) -> None:
    line = encode_command(cmd, args, "abc")
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"id": "abc", "cmd": cmd, "args": args}


def test_every_command_of_the_table_is_tried() -> None:
    assert {cmd for cmd, _ in GOOD} == set(COMMANDS)


@pytest.mark.parametrize(("cmd", "args", "path"), BAD)
def test_arguments_beyond_the_table_name_their_path(cmd: str, args: dict[str, object], path: str) -> None:
    with pytest.raises(CommandRejected) as refused:
        encode_command(cmd, args, "abc")
    assert (refused.value.status, refused.value.code) == (400, "invalid_args")
    assert refused.value.message.startswith(f"{path}: ")


def test_a_frequency_written_as_a_float_goes_out_as_an_integer() -> None:
    line = encode_command("SET_VRX_FREQ", {"vrx_id": 1.0, "freq_hz": 5.74e9}, "abc")
    assert line == b'{"id":"abc","cmd":"SET_VRX_FREQ","args":{"vrx_id":1,"freq_hz":5740000000}}\n'


@pytest.mark.parametrize("command_id", ["", "x" * 64, "a b", "a\n", "é", "a\x7f"])
def test_an_id_the_firmware_cannot_hold_is_refused(command_id: str) -> None:
    with pytest.raises(CommandRejected) as refused:
        encode_command("STOP_SCAN", {}, command_id)
    assert (refused.value.status, refused.value.code) == (400, "invalid_command_id")


def test_the_longest_command_fits_the_firmware() -> None:
    big = 2**53 - 1
    args = {"dwell_ms": 5000, "step_hz": big, "start_hz": big - 1, "stop_hz": big}
    assert len(encode_command("START_SCAN", args, '"' * 63)) <= 512


def test_a_command_nobody_knows_is_refused() -> None:
    with pytest.raises(CommandRejected) as refused:
        encode_command("REBOOT" * 100, {}, "abc")
    assert (refused.value.status, refused.value.code) == (400, "unknown_cmd")
    assert len(refused.value.message) < 300
