"""Lines of the operator's log: for people, for the journal, for machines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ndefender.runtime.logs import to_journal

PROGRAM = """
import logging, sys
from ndefender.runtime import logs
logs.set_up("capture", "debug", sys.argv[1])
log = logging.getLogger("ndefender.runtime.capture")
log.debug("fine")
log.info("up")
log.warning("two\\nlines")
log.critical("worst")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("ends")
"""


def said(log_format: str, path: Path, stream: str | None = None) -> list[str]:
    with path.open("wb") as output:
        state = os.fstat(output.fileno())
        here = f"{state.st_dev}:{state.st_ino}"
        environ = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
        if stream is not None:
            environ["JOURNAL_STREAM"] = here if stream == "here" else stream
        subprocess.run([sys.executable, "-c", PROGRAM, log_format], stderr=output, env=environ, check=True, timeout=60)
    return path.read_text().splitlines()


def test_the_journal_gets_priorities_and_no_times(tmp_path: Path) -> None:
    lines = said("text", tmp_path / "log", "here")
    assert lines[:5] == ["<7>capture: fine", "<6>capture: up", "<4>capture: two", "<4>lines", "<2>capture: worst"]
    trace = lines[5:]
    assert trace[0] == "<3>capture: ends"
    assert trace[-1] == "<3>ZeroDivisionError: division by zero"
    assert all(line.startswith("<3>") for line in trace)


@pytest.mark.parametrize("stream", [None, "8:1", ""])
def test_a_stream_that_is_not_the_journals_gets_times(tmp_path: Path, stream: str | None) -> None:
    lines = said("text", tmp_path / "log", stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z debug capture: fine", lines[0])


def test_json_stays_json_everywhere(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in said("json", tmp_path / "log", "here")]
    assert [row["level"] for row in rows] == ["debug", "info", "warning", "critical", "error"]
    assert rows[2]["message"] == "two\nlines"
    assert "ZeroDivisionError" in rows[4]["exception"]


def test_a_closed_stream_is_not_the_journal() -> None:
    assert not to_journal({"JOURNAL_STREAM": "8:1"}, 1_000_000)
