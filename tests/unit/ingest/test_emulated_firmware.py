"""The emulated firmware against the table of the hardware's description."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ndefender.ingest.emulated.firmware import Firmware

RANGE = {"dwell_ms": 200, "step_hz": 2_000_000, "start_hz": 5_645_000_000, "stop_hz": 5_865_000_000}


def made(**settings: Any) -> Firmware:
    return Firmware(lambda freq_hz, t_s: 200 if abs(freq_hz - 5.7e9) < 5e6 else 95, **settings)


def ask(firmware: Firmware, cmd: str, args: dict[str, Any] | None = None, now_s: float = 0.5) -> list[dict[str, Any]]:
    line = json.dumps({"id": "a", "cmd": cmd, "args": args or {}}).encode() + b"\n"
    return firmware.receive(line, now_s)


def vrx_hz(firmware: Firmware) -> list[int]:
    [_, telemetry] = ask(firmware, "GET_STATUS")
    return [receiver["freq_hz"] for receiver in telemetry["vrx"]]


@pytest.mark.parametrize(
    ("cmd", "args", "err"),
    [
        ("SET_VRX_FREQ", {"vrx_id": 2, "freq_hz": 5_658_000_000}, None),
        ("SET_VRX_FREQ", {"vrx_id": 2}, "missing_args"),
        ("SET_VRX_FREQ", {"freq_hz": 5_658_000_000}, "missing_args"),
        ("SET_VRX_FREQ", {"vrx_id": True, "freq_hz": 5_658_000_000}, "missing_args"),
        ("SET_VRX_FREQ", {"vrx_id": 0, "freq_hz": 5_658_000_000}, "vrx_id_oob"),
        ("SET_VRX_FREQ", {"vrx_id": 4, "freq_hz": 5_658_000_000}, "vrx_id_oob"),
        ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 999_999}, "freq_oob"),
        ("SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 6_500_000_001}, "freq_oob"),
        ("START_SCAN", RANGE, None),
        ("START_SCAN", {}, "missing_args"),
        ("START_SCAN", {**RANGE, "dwell_ms": 9}, "dwell_oob"),
        ("START_SCAN", {**RANGE, "dwell_ms": 5001}, "dwell_oob"),
        ("START_SCAN", {**RANGE, "step_hz": 0}, "range_oob"),
        ("START_SCAN", {**RANGE, "start_hz": 5_865_000_000}, "range_oob"),
        ("STOP_SCAN", {}, None),
        ("LOCK_STRONGEST", {"vrx_id": 4}, "vrx_id_oob"),
        ("LOCK_STRONGEST", {}, "no_best"),
        ("VIDEO_SELECT", {"ch": 3}, None),
        ("VIDEO_SELECT", {}, "missing_args"),
        ("VIDEO_SELECT", {"ch": 4}, "ch_oob"),
        ("SET_LEDS", {"r": 1, "g": 0, "y": 1}, None),
        ("SET_LEDS", {"r": 1, "g": 0}, "missing_args"),
        ("SET_LEDS", {"r": 2, "g": 0, "y": 0}, "args_oob"),
        ("GET_STATUS", {}, None),
        ("REBOOT", {}, "unknown_cmd"),
    ],
)
def test_commands_and_their_errors(cmd: str, args: dict[str, Any], err: str | None) -> None:
    ack = ask(made(), cmd, args)[0]
    assert ack == {
        "type": "command_ack", "timestamp_ms": 500, "id": "a", "ok": err is None, "err": err, "data": {"cmd": cmd},
        "simulated": True, "seq": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "command_id", "err"),
    [
        (b'{"cmd":"GET_STATUS","args":{}}\n', "unknown", "missing_id"),
        (b'{"id":"","cmd":"GET_STATUS"}\n', "unknown", "missing_id"),
        (b'{"id":"' + b"x" * 64 + b'","cmd":"GET_STATUS"}\n', "unknown", "missing_id"),
        (b'{"id":7,"cmd":"GET_STATUS"}\n', "unknown", "missing_id"),
        (b'{"id":"a"}\n', "a", "missing_cmd"),
        (b'{"id":"a","cmd":"' + b"x" * 64 + b'"}\n', "a", "missing_cmd"),
    ],
)
def test_a_command_without_id_or_name(line: bytes, command_id: str, err: str) -> None:
    [ack] = made().receive(line, 0.1)
    assert (ack["id"], ack["err"]) == (command_id, err)


def test_a_command_this_firmware_knows_by_name_only() -> None:
    assert ask(made(not_implemented=frozenset({"SET_LEDS"})), "SET_LEDS")[0]["err"] == "not_implemented"


def test_older_firmware_says_less() -> None:
    firmware = made(older=True)
    ack, telemetry = ask(firmware, "GET_STATUS")
    assert "data" not in ack
    assert not {"seq", "fw_version"} & (telemetry.keys() | ack.keys())


def test_a_line_over_512_bytes_is_dropped_and_the_next_one_is_not() -> None:
    firmware = made()
    line = b'{"id":"a","cmd":"STOP_SCAN","x":"' + b"x" * 476 + b'"}'
    assert len(line) + 1 == 512
    assert len(firmware.receive(line + b"\n", 0.1)) == 1
    assert firmware.receive(b" " + line + b"\n", 0.1) == []
    assert firmware.long_lines == 1
    assert len(ask(firmware, "STOP_SCAN")) == 1


def test_a_repeated_command_acts_twice() -> None:
    firmware = made()
    assert len(firmware.receive(b'{"id":"a","cmd":"STOP_SCAN"}\n' * 2, 0.1)) == 2


@pytest.mark.parametrize("noise", [b"\n", b"\x00\xff\n", b"[1]\n", b'{"id":\n', b"[" * 500 + b"\n"])
def test_noise_has_no_answer(noise: bytes) -> None:
    assert made().receive(noise, 0.1) == []


def test_after_boot() -> None:
    firmware = made()
    assert vrx_hz(firmware) == [5_740_000_000, 5_800_000_000, 5_860_000_000]
    ask(firmware, "SET_VRX_FREQ", {"vrx_id": 1, "freq_hz": 5_658_000_000})
    ask(firmware, "VIDEO_SELECT", {"ch": 2})
    [boot] = firmware.boot(9.0)
    assert (boot["type"], boot["message"], boot["timestamp_ms"], boot["seq"]) == ("log_event", "boot", 0, 1)
    [telemetry] = firmware.tick(9.0)
    assert [r["freq_hz"] for r in telemetry["vrx"]] == [5_740_000_000, 5_800_000_000, 5_860_000_000]
    assert (telemetry["sel"], telemetry["video"]) == (1, {"selected": 1})


def test_telemetry_once_a_second_with_a_clock_that_wraps() -> None:
    firmware = made(first_stamp_ms=2**32 - 1500)
    firmware.boot(0.0)
    stamps = [m["timestamp_ms"] for i in range(40) for m in firmware.tick(i / 10)]
    assert stamps == [2**32 - 1500, 2**32 - 500, 500, 1500]


def test_the_scan_walks_the_band_and_finds_the_strongest() -> None:
    firmware = made()
    ask(firmware, "START_SCAN", RANGE, now_s=0.0)
    seen = []
    for step in range(1, 112):
        firmware.tick(0.2 * step + 0.001)
        seen.append(vrx_hz(firmware)[0])
    assert seen[:3] == [5_647_000_000, 5_649_000_000, 5_651_000_000]
    assert seen[109:] == [5_865_000_000, 5_645_000_000]  # 111 places, then from the first again
    assert ask(firmware, "LOCK_STRONGEST", {"vrx_id": 3})[0]["ok"]
    assert abs(vrx_hz(firmware)[2] - 5_700_000_000) < 5_000_000
    assert not firmware.scanning


def test_stop_scan_stops_it() -> None:
    firmware = made()
    ask(firmware, "START_SCAN", RANGE, now_s=0.0)
    ask(firmware, "STOP_SCAN")
    before = vrx_hz(firmware)
    firmware.tick(60.0)
    assert vrx_hz(firmware) == before
