from __future__ import annotations

import json
from typing import Any

import pytest

from ndefender.ingest.esp32_outbox import Outbox
from ndefender.ingest.esp32_reader import PanelReader
from ndefender.ingest.esp32_types import LinkSettings, LinkStats, PanelMessage
from ndefender.ingest.panel_commands import COMMANDS

VRX = [{"id": 1, "freq_hz": 5740000000, "rssi_raw": 219}]


class Rig:
    """A reader whose clock is set by hand."""

    def __init__(self, **settings: Any) -> None:
        self.now_s = 100.0
        self.stats = LinkStats()
        self.got: list[PanelMessage] = []
        self.proofs = 0
        made = LinkSettings(**settings)
        self.outbox = Outbox(2.0, 16, 115_200, self.stats)
        self.reader = PanelReader(
            made, self.outbox, self.stats, self.got.append, lambda: self.now_s, lambda: int(self.now_s * 1e3)
        )
        self.begin()

    def begin(self) -> None:
        self.reader.begin(self._proof)

    def _proof(self) -> None:
        self.proofs += 1
        self.got_at_proof = len(self.got)

    def feed(self, *messages: dict[str, Any]) -> None:
        self.reader.feed(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def kinds(self) -> list[str]:
        return [message.kind for message in self.got]


def telemetry(stamp_ms: int = 1000, **more: Any) -> dict[str, Any]:
    return {"type": "telemetry", "timestamp_ms": stamp_ms, "vrx": VRX, **more}


def said(message: str = "hello", stamp_ms: int = 1000) -> dict[str, Any]:
    return {"type": "log_event", "timestamp_ms": stamp_ms, "message": message}


def test_nothing_is_passed_on_before_telemetry_proves_a_panel() -> None:
    rig = Rig()
    rig.reader.feed(b"$GPGGA,123519,4807.038,N\r\n" * 3)
    rig.feed(said("boot", 10))
    assert (rig.got, rig.proofs, rig.reader.proven) == ([], 0, False)
    assert rig.stats.bad_lines == 0
    rig.feed(telemetry(20))
    assert (rig.proofs, rig.got_at_proof) == (1, 0)
    assert rig.kinds() == ["LOG_EVENT", "ESP32_TELEMETRY"]
    assert rig.stats.bad_lines == 3
    rig.feed(telemetry(1020))
    assert rig.proofs == 1


def test_what_a_stranger_said_is_forgotten() -> None:
    rig = Rig()
    rig.feed(*[said(str(i)) for i in range(1000)])
    rig.begin()
    rig.feed(telemetry())
    assert rig.kinds() == ["ESP32_TELEMETRY"]


def test_nonsense_is_counted_and_no_heartbeat() -> None:
    rig = Rig()
    rig.feed(telemetry())
    rig.now_s += 3.0
    rig.feed(telemetry(4000, sel=9))
    assert rig.reader.telemetry_s == 100.0
    assert rig.stats.bad_lines == 1
    assert rig.kinds() == ["ESP32_TELEMETRY"]


def test_a_megabyte_line_is_one_bad_line() -> None:
    rig = Rig(max_line_bytes=512)
    rig.feed(telemetry())
    for _ in range(250):
        rig.reader.feed(b"x" * 4000)
    rig.reader.feed(b"\n")
    rig.feed(telemetry(2000))
    assert (rig.stats.bad_lines, rig.stats.overlong_lines, rig.stats.discarded_bytes) == (1, 1, 1_000_000)
    assert rig.kinds() == ["ESP32_TELEMETRY"] * 2


def test_a_restart_is_counted_and_gives_declined_commands_another_chance() -> None:
    rig = Rig()
    rig.feed(telemetry(50_000))
    rig.outbox.submit("SET_LEDS", b"x\n", "a", rig.now_s)
    rig.outbox.next_line(rig.now_s)
    rig.feed({"type": "command_ack", "timestamp_ms": 50_001, "id": "a", "ok": False, "err": "not_implemented"})
    assert "SET_LEDS" not in rig.reader.capabilities
    rig.now_s += 1.0
    rig.feed(said("boot", 3))
    assert rig.reader.boot_count == 1
    assert rig.reader.capabilities == tuple(COMMANDS)


def test_emulation_is_marked_on_everything() -> None:
    rig = Rig()
    rig.feed(telemetry(simulated=True, fw_version="2"))
    rig.outbox.submit("SET_LEDS", b"x\n", "a", rig.now_s)
    for outcome in rig.outbox.lost(rig.now_s, "x"):
        rig.reader.emit(outcome)
    assert [message.data["simulated"] for message in rig.got] == [True, True]
    assert (rig.reader.simulated, rig.reader.fw_version) == (True, "2")
    rig.feed(telemetry(1001))
    assert "simulated" not in rig.got[-1].data
    assert rig.reader.simulated is False


@pytest.mark.parametrize("kind", ["telemetry", "log_event"])
def test_a_panel_that_raves_is_limited_and_stays_alive(kind: str) -> None:
    rig = Rig(messages_per_s=10.0)
    rig.feed(telemetry())
    raving = telemetry() if kind == "telemetry" else said()
    rig.feed(*[raving for _ in range(500)])
    assert len(rig.got) <= 21
    assert rig.stats.limited >= 479
    rig.now_s += 1.0
    rig.feed(*[raving for _ in range(500)])
    assert len(rig.got) <= 31
    rig.feed(telemetry(2000))
    assert rig.reader.telemetry_s == rig.now_s


def test_one_complaint_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.feed(telemetry())
    rig.reader.feed(b"garbage\x00\x1b[31m\n" * 500)
    assert len(caplog.records) == 1
    assert "\x1b" not in caplog.text  # what a terminal would obey is spelled out
    rig.now_s += 61.0
    rig.reader.feed(b"garbage\n")
    assert len(caplog.records) == 2
