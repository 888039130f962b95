from __future__ import annotations

import json
from pathlib import Path

import pytest
from contacts import change

from ndefender.config.settings import LogSettings
from ndefender.runtime.journal import Journal


def journal(folder: Path, boot_id: str = "boot") -> Journal:
    return Journal(LogSettings(folder=str(folder)), boot_id, 100)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_events_are_in_the_log_before_they_are_given_out(tmp_path: Path) -> None:
    out = journal(tmp_path).write([change("new", 100), change("update", 100)])
    assert [told.seq for told in out] == [1, 2]
    assert (tmp_path / "antsdr_scan.jsonl").read_bytes() == b"".join(told.body + b"\n" for told in out)


def test_simulated_events_are_logged_apart(tmp_path: Path) -> None:
    both = journal(tmp_path)
    both.write([change("new", 100), change("new", 200, simulated=True)])
    real, simulated = lines(tmp_path / "antsdr_scan.jsonl"), lines(tmp_path / "simulated" / "antsdr_scan.jsonl")
    assert [event["seq"] for event in real] == [1]
    assert [event["seq"] for event in simulated] == [2]
    assert [(c.contact.contact_id, c.contact.simulated) for c in journal(tmp_path).live_contacts()] == [
        ("rf:100", False),
        ("rf:200", True),
    ]


def test_a_real_source_makes_no_simulated_folder(tmp_path: Path) -> None:
    journal(tmp_path).write([change("new", 100)])
    assert not (tmp_path / "simulated").exists()


def test_numbers_go_on_within_a_run_and_begin_anew_with_the_next(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.write([change("new", 100), change("new", 200, simulated=True)])
    again = journal(tmp_path)  # the front was killed
    assert again.last_seq == 2
    assert [told.seq for told in again.write([change("update", 100)])] == [3]
    assert [json.loads(body)["data"]["id"] for _, body in again.earlier] == ["rf:100", "rf:200"]
    other = journal(tmp_path, "other")  # the service was started again
    assert other.last_seq == 0
    assert len(other.earlier) == 3


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    broken = journal(blocked)
    told = broken.write([change("new", 100), change("update", 100)])
    assert [each.logged for each in told] == [False, False]
    assert broken.trouble is not None
    assert broken.take_errors() == 2
    assert broken.take_errors() == 0
    broken.keep()
    broken.close()
    assert sum("not being logged" in record.message for record in caplog.records) == 1


def test_somebody_elses_lines_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "antsdr_scan.jsonl").write_text('{"type":"OTHER"}\nnonsense\n')
    assert journal(tmp_path).earlier == []
