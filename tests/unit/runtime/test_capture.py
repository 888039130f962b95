from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from capture_rig import SLOTS, Make, Rig

from ndefender import records
from ndefender.config.settings import BandSettings
from ndefender.errors import EndOfRecording, SourceLost, SourceTimeout, SourceUnavailable
from ndefender.radio.source import GainLimits
from ndefender.ring.queue import WorkQueue
from ndefender.runtime.admission import Admission
from ndefender.runtime.capture import Capture
from ndefender.runtime.exits import EXIT_FINISHED
from ndefender.runtime.messages import CaptureCommand
from ndefender.runtime.wiring import CaptureCount


@pytest.fixture
def rig(make_segment: Make, queue: WorkQueue) -> Iterator[Rig]:
    rig = Rig(make_segment, queue)
    yield rig
    for end in rig.sockets:
        end.close()


def test_sweeps_publish_dwells_with_their_headers(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 3)
    assert [rig.queue.get(0) for _ in range(3)] == [1, 2, 3]
    first, second, third = (rig.header(seq) for seq in (1, 2, 3))
    assert [h["center_hz"] for h in (first, second, third)] == [105e6, 205e6, 105e6]
    assert [h["hop_index"] for h in (first, second, third)] == [0, 1, 0]
    assert [h["sweep_index"] for h in (first, second, third)] == [0, 0, 1]
    assert [h["tuning_id"] for h in (first, second, third)] == [1, 2, 3]
    assert second["flags"] & records.BLOCK_SIMULATED
    assert (second["use_low_hz"], second["use_high_hz"], second["full_scale"]) == (200e6, 210e6, 2048.0)
    assert second["captured_ns"] >= second["host_ns"] > 0
    status = rig.status()
    assert status.device.connected
    assert status.device.simulated
    assert status.sweep.impossible == [("C", "out of reach")]


def test_one_hop_is_tuned_once(rig: Rig) -> None:
    rig.order("start", plan="other")
    rig.until(lambda: rig.reader.newest() == 3)
    assert len(rig.source.tuned) == 1


def test_stop_and_start(rig: Rig) -> None:
    stop = rig.order("stop")
    rig.turns(3)
    assert rig.reader.newest() == 0
    status = rig.status()
    assert (status.sweep.running, status.sweep.last_command_id) == (False, stop)
    rig.order("start")
    rig.until(lambda: rig.reader.newest() == 1)


def test_what_was_asked_for_survives_a_kill(rig: Rig) -> None:
    rig.order("stop")
    rig.order("gain", mode="slow_attack")
    rig.turns(1)
    again = Capture(rig.parts)
    assert (again.desired.running, again.desired.gain_mode) == (False, "slow_attack")


def test_gain_overrides_every_band(rig: Rig) -> None:
    gain = rig.order("gain", mode="manual", gain_db=12.0)
    rig.until(lambda: rig.reader.newest() == 2)
    assert {t.gain_db for t in rig.source.tuned} == {12.0}
    rig.capture.known.dirty = True
    rig.turns(1)
    assert rig.status().gain.last_command_id == gain


def test_gain_limits_common_to_all_bands_are_told(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 2)
    assert rig.capture.known.common == GainLimits(0.0, 62.0)


def test_a_radio_that_is_lost_is_reported_and_opened_again(rig: Rig) -> None:
    rig.source.reads = [None, SourceLost("cable pulled")]
    rig.source.opens = [None, SourceUnavailable("no route"), SourceUnavailable("no route")]
    rig.until(lambda: rig.capture.keeper.source is None and rig.reader.newest() == 1)
    rig.capture._report()
    status = rig.status()
    assert not status.device.connected
    assert status.device.last_error == "cable pulled"
    assert status.device.simulated  # what the radio said of itself does not change by its going away
    rig.until(lambda: rig.reader.newest() == 2)
    assert rig.header(2)["source_epoch"] == 2
    assert rig.row.get(CaptureCount.OPENED) == 2
    rig.capture._report()
    assert rig.status().device.last_error is None


def test_timeouts_are_counted_and_retried_at_the_same_hop_after_a_new_tuning(rig: Rig) -> None:
    rig.source.reads = [SourceTimeout("nothing")]
    rig.until(lambda: rig.reader.newest() == 1)
    assert rig.header(1)["hop_index"] == 0
    assert rig.row.get(CaptureCount.TIMEOUTS) == 1
    assert rig.source.opened == 1
    assert len(rig.source.tuned) == 2


def test_a_radio_that_gives_nothing_is_said_to_be_away_before_it_is_read_again(rig: Rig) -> None:
    rig.source.reads = [SourceTimeout("nothing")]
    rig.until(lambda: rig.row.get(CaptureCount.TIMEOUTS) == 1)
    rig.capture._report()
    device = rig.status().device
    assert (device.connected, device.last_error) == (False, "nothing")
    rig.until(lambda: rig.reader.newest() == 1)
    rig.capture._report()
    device = rig.status().device
    assert (device.connected, device.last_error) == (True, None)


def test_too_many_timeouts_in_a_row_are_a_loss(rig: Rig) -> None:
    rig.source.reads = [SourceTimeout("nothing"), SourceTimeout("nothing")]
    rig.until(lambda: rig.capture.keeper.source is None and rig.row.get(CaptureCount.TIMEOUTS) == 2)
    assert rig.source.closed == 0  # that may take seconds: first it is told
    rig.until(lambda: rig.reader.newest() == 1)
    assert rig.source.closed == 1
    assert rig.source.opened == 2


def test_a_rejected_hop_is_skipped_and_said(rig: Rig) -> None:
    rig.source.rejects = {105e6}
    rig.until(lambda: rig.reader.newest() == 2)
    assert {float(rig.header(seq)["center_hz"]) for seq in (1, 2)} == {205e6}
    assert rig.row.get(CaptureCount.REJECTED) >= 1
    assert "hop 0 skipped" in (rig.capture.known.last_error or "")


def test_overload_drops_whole_dwells_and_counts_them(rig: Rig) -> None:
    close_at = Admission(SLOTS, 1).close_at
    rig.until(lambda: rig.row.get(CaptureCount.DROPPED) == 4)
    assert rig.reader.newest() == close_at
    while rig.queue.get(0) is not None:
        pass
    rig.until(lambda: rig.reader.newest() == close_at + 2)
    assert rig.header(close_at + 1)["dwells_lost_before"] == rig.row.get(CaptureCount.DROPPED)
    assert rig.header(close_at + 2)["dwells_lost_before"] == 0
    assert rig.reader.newest() + rig.row.get(CaptureCount.DROPPED) == rig.row.get(CaptureCount.BEGUN)


def test_the_end_of_a_recording_ends_the_loop(rig: Rig) -> None:
    rig.source.finite = True
    rig.source.reads = [None, None, None]
    assert rig.turns(100) == EXIT_FINISHED
    assert rig.reader.newest() == 3
    assert rig.header(3)["flags"] & records.BLOCK_LAST
    assert rig.status().finished


def test_an_end_without_a_last_block_ends_the_loop_too(rig: Rig) -> None:
    rig.source.reads = [None, EndOfRecording("over")]
    assert rig.turns(100) == EXIT_FINISHED
    assert rig.reader.newest() == 1


def test_reset_opens_the_radio_again(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 1)
    reset = rig.order("reset")
    rig.until(lambda: rig.source.opened == 2)
    rig.capture._report()
    assert rig.status().device.last_command_id == reset


def test_calibration_without_a_radio_that_has_one_is_said(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 1)
    rig.order("calibrate", kind="dc")
    rig.capture._obey()
    assert "no calibrations" in (rig.capture.known.last_error or "")
    assert rig.capture.desired.device_command_id is None


def test_a_new_plan_takes_effect_between_dwells(rig: Rig) -> None:
    rig.until(lambda: rig.reader.newest() == 1)
    rig.order("plan", plans=msgspec.to_builtins({"new": [BandSettings("Z", 300e6, 310e6)]}), active="new")
    rig.until(lambda: rig.reader.newest() == 2)
    assert rig.header(2)["center_hz"] == 305e6
    assert rig.header(2)["plan_id"] == rig.header(1)["plan_id"] + 1


def test_nonsense_on_the_link_is_ignored(rig: Rig) -> None:
    rig.sockets[0].send(b"{}")
    rig.sockets[0].send(msgspec.json.encode(CaptureCommand("i", "start", {"plan": "nowhere"})))
    rig.until(lambda: rig.reader.newest() == 1)
    assert rig.capture.desired.plan == "main"


def test_waits_for_the_first_worker(rig: Rig) -> None:
    ready = iter([False, False, True])
    rig.capture = Capture(replace(rig.parts, workers_ready=lambda: next(ready)))
    rig.turns(3)
    assert rig.reader.newest() == 0
    rig.until(lambda: rig.reader.newest() == 1)
