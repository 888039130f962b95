from __future__ import annotations

from typing import Any

import pytest

from ndefender.errors import CommandRejected
from ndefender.ingest.esp32_lines import Ack
from ndefender.ingest.esp32_outbox import Outbox
from ndefender.ingest.esp32_types import LinkStats, PanelMessage

SENT_S = 10 * 60 / 115_200  # a line of 60 bytes on the wire


class Desk:
    """An outbox with a hand on the clock."""

    def __init__(self, queue_commands: int = 16) -> None:
        self.stats = LinkStats()
        self.outbox = Outbox(2.0, queue_commands, 115_200, self.stats)

    def submit(self, cmd: str, command_id: str, now_s: float = 0.0) -> list[PanelMessage]:
        return self.outbox.submit(cmd, self.line(command_id), command_id, now_s)

    @staticmethod
    def line(command_id: str) -> bytes:
        return command_id.encode().ljust(59, b".") + b"\n"

    def answer(self, command_id: str, now_s: float, ok: bool = True, **more: Any) -> list[PanelMessage]:
        ack = Ack(timestamp_ms=77, id=command_id, ok=ok, err=more.get("err"), data=more.get("data"))
        fields = {"type": "command_ack", "timestamp_ms": 77, "id": command_id, "ok": ok, **more}
        return self.outbox.answer(ack, fields, now_s)


def test_an_answer_is_the_outcome() -> None:
    desk = Desk()
    assert desk.submit("SET_LEDS", "a") == []
    assert desk.outbox.next_line(0.0) == desk.line("a")
    [outcome] = desk.answer("a", 0.1, data={"cmd": "SET_LEDS"}, seq=9)
    assert outcome == PanelMessage(
        "COMMAND_ACK", {"id": "a", "ok": True, "err": None, "data": {"cmd": "SET_LEDS"}, "command_id": "a", "seq": 9}
    )
    assert len(desk.outbox) == 0
    assert desk.outbox.due_s() is None


def test_an_answer_without_data_says_the_command_all_the_same() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.outbox.next_line(0.0)
    [outcome] = desk.answer("a", 0.1, ok=False, err="args_oob")
    assert outcome.data["data"] == {"cmd": "SET_LEDS"}
    assert (outcome.data["ok"], outcome.data["err"]) == (False, "args_oob")


def test_silence_is_one_repetition_and_then_a_time_out() -> None:
    desk = Desk()
    desk.submit("SET_VRX_FREQ", "a")
    assert desk.outbox.next_line(0.0) == desk.line("a")
    assert desk.outbox.due_s() == pytest.approx(1.0 + SENT_S)
    assert desk.outbox.next_line(0.99) is None
    assert desk.outbox.next_line(1.01) == desk.line("a")
    assert desk.outbox.next_line(1.9) is None
    assert desk.outbox.expire(2.0) == []
    [outcome] = desk.outbox.expire(2.0 + SENT_S)
    assert outcome.data["err"] == "timeout"
    assert outcome.data["data"] == {"cmd": "SET_VRX_FREQ", "reason": "no answer"}
    assert (desk.stats.retries, desk.stats.timeouts) == (1, 1)


@pytest.mark.parametrize("cmd", ["START_SCAN", "LOCK_STRONGEST"])
def test_what_would_act_twice_is_sent_once(cmd: str) -> None:
    desk = Desk()
    desk.submit(cmd, "a")
    desk.outbox.next_line(0.0)
    assert desk.outbox.next_line(1.9) is None
    assert len(desk.outbox.expire(2.1)) == 1
    assert desk.stats.retries == 0


def test_one_command_is_on_its_way_at_a_time() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.submit("VIDEO_SELECT", "b")
    assert desk.outbox.next_line(0.0) == desk.line("a")
    assert desk.outbox.next_line(0.5) is None
    desk.answer("a", 0.5)
    assert desk.outbox.next_line(0.5) == desk.line("b")


def test_stop_scan_goes_first_and_beside_what_is_on_its_way() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.submit("VIDEO_SELECT", "b")
    assert desk.outbox.next_line(0.0) == desk.line("a")
    desk.submit("STOP_SCAN", "stop", 0.001)
    assert desk.outbox.next_line(0.001) is None  # the first line is still on the wire
    assert desk.outbox.due_s() == pytest.approx(SENT_S)
    assert desk.outbox.next_line(SENT_S + 1e-6) == desk.line("stop")
    desk.answer("a", 0.1)
    assert desk.outbox.next_line(0.1) is None  # nothing new goes past a STOP_SCAN without an answer
    desk.answer("stop", 0.2)
    assert desk.outbox.next_line(0.2) == desk.line("b")


def test_stop_scan_repeated_late_cannot_stop_a_later_scan() -> None:
    desk = Desk()
    desk.submit("STOP_SCAN", "stop")
    desk.outbox.next_line(0.0)
    desk.submit("START_SCAN", "start", 0.5)
    assert desk.outbox.next_line(0.5) is None
    assert desk.outbox.next_line(1.1) == desk.line("stop")
    desk.answer("stop", 1.2)
    assert desk.outbox.next_line(1.2) == desk.line("start")


def test_a_scan_that_waits_does_not_start_after_the_stop_that_overtook_it() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.submit("START_SCAN", "start")
    desk.outbox.next_line(0.0)
    [outcome] = desk.submit("STOP_SCAN", "stop", 0.1)
    assert (outcome.data["id"], outcome.data["ok"], outcome.data["err"]) == ("start", False, "cancelled")
    desk.answer("a", 0.2)
    assert desk.outbox.next_line(0.2) == desk.line("stop")
    desk.answer("stop", 0.3)
    assert desk.outbox.next_line(0.3) is None


def test_a_scan_that_was_sent_is_not_cancelled() -> None:
    desk = Desk()
    desk.submit("START_SCAN", "start")
    desk.outbox.next_line(0.0)
    assert desk.submit("STOP_SCAN", "stop", 0.1) == []


def test_a_full_queue_refuses_the_next_but_not_a_stop() -> None:
    desk = Desk(queue_commands=2)
    desk.submit("SET_LEDS", "a")
    desk.submit("SET_LEDS", "b")
    with pytest.raises(CommandRejected) as refused:
        desk.submit("SET_LEDS", "c")
    assert (refused.value.status, refused.value.code) == (429, "esp32_busy")
    desk.submit("STOP_SCAN", "stop")
    assert desk.stats.commands == 3


def test_an_id_in_use_or_used_before_is_refused() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    with pytest.raises(CommandRejected, match="used before"):
        desk.submit("SET_LEDS", "a")
    desk.outbox.next_line(0.0)
    desk.answer("a", 0.1)
    with pytest.raises(CommandRejected, match="used before"):
        desk.submit("STOP_SCAN", "a")


def test_a_command_that_waited_too_long_is_not_sent_at_all() -> None:
    desk = Desk()
    desk.submit("START_SCAN", "a")
    desk.submit("SET_LEDS", "b", 0.0)
    desk.outbox.next_line(0.0)
    outcomes = desk.outbox.expire(2.0 + SENT_S)
    assert [o.data["data"]["reason"] for o in outcomes] == ["no answer", "not sent, the panel was busy"]
    assert desk.outbox.next_line(2.1) is None


def test_a_lost_link_ends_everything_once() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.submit("STOP_SCAN", "stop")
    desk.outbox.next_line(0.0)
    outcomes = desk.outbox.lost(0.5, "link lost: unplugged")
    assert [(o.data["id"], o.data["err"]) for o in outcomes] == [("stop", "timeout"), ("a", "timeout")]
    assert desk.outbox.lost(0.6, "again") == []
    assert desk.outbox.due_s() is None


def test_a_late_answer_is_told_once_and_then_dropped() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.outbox.next_line(0.0)
    desk.outbox.expire(3.0)
    [said] = desk.answer("a", 4.5)
    assert said.kind == "LOG_EVENT"
    assert said.data["type"] == "log_event"
    assert said.data["timestamp_ms"] == 77
    assert said.data["command_id"] == "a"
    assert "late answer to SET_LEDS a, 1.5 s after its time-out: ok" in said.data["message"]
    assert desk.answer("a", 4.6) == []
    assert (desk.stats.late_acks, desk.stats.duplicate_acks) == (1, 1)


def test_an_answer_to_the_repetition_too_is_dropped() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.outbox.next_line(0.0)
    desk.outbox.next_line(1.1)
    assert len(desk.answer("a", 1.2)) == 1
    assert desk.answer("a", 1.3) == []
    assert desk.stats.duplicate_acks == 1


def test_an_answer_to_nobody_is_dropped() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.outbox.next_line(0.0)
    assert desk.answer("z", 0.1) == []
    assert desk.stats.unmatched_acks == 1
    assert len(desk.outbox) == 1


def test_an_answer_before_the_line_went_out_is_not_its_answer() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    assert desk.answer("a", 0.0) == []
    assert desk.answer("unknown", 0.0) == []
    assert desk.outbox.next_line(0.0) == desk.line("a")


@pytest.mark.parametrize("data", [None, {"cmd": "SET_LEDS"}, {}])
def test_an_answer_without_an_id_is_for_the_only_one_on_its_way(data: dict[str, Any] | None) -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.submit("VIDEO_SELECT", "b")
    desk.outbox.next_line(0.0)
    [outcome] = desk.answer("unknown", 0.1, ok=False, err="missing_id", data=data)
    assert (outcome.data["id"], outcome.data["err"], outcome.data["data"]["cmd"]) == ("a", "missing_id", "SET_LEDS")


@pytest.mark.parametrize("cmd", ["VIDEO_SELECT", ["SET_LEDS"], 7])
def test_an_answer_without_an_id_for_another_command_is_for_nobody(cmd: object) -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.outbox.next_line(0.0)
    assert desk.answer("unknown", 0.1, data={"cmd": cmd}) == []


def test_an_answer_without_an_id_is_for_nobody_where_it_may_be_for_two() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.outbox.next_line(0.0)
    desk.submit("STOP_SCAN", "stop", 0.1)
    desk.outbox.next_line(0.1)
    assert desk.answer("unknown", 0.2) == []
    [outcome] = desk.answer("unknown", 0.3, data={"cmd": "STOP_SCAN"})
    assert outcome.data["id"] == "stop"


def test_an_answer_without_an_id_may_be_for_one_that_timed_out_just_now() -> None:
    desk = Desk()
    desk.submit("SET_LEDS", "a")
    desk.outbox.next_line(0.0)
    desk.outbox.expire(2.1)
    desk.submit("SET_LEDS", "b", 2.2)
    desk.outbox.next_line(2.2)
    assert desk.answer("unknown", 2.3) == []
    desk.outbox.expire(4.3)
    desk.submit("SET_LEDS", "c", 20.0)
    desk.outbox.next_line(20.0)
    assert len(desk.answer("unknown", 20.1)) == 1


def test_ids_are_remembered_in_bounded_memory() -> None:
    desk = Desk()
    for i in range(2000):
        desk.submit("SET_LEDS", f"id{i}", float(i))
        desk.outbox.next_line(float(i))
        desk.answer(f"id{i}", float(i))
    assert len(desk.outbox._ended) == 256
