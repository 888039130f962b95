from __future__ import annotations

from pathlib import Path

import pytest
from contacts import change

from ndefender.api.ports import ReplayRequest
from ndefender.config.settings import LogSettings
from ndefender.errors import CommandRejected
from ndefender.runtime.journal import Journal
from ndefender.runtime.replay import Replayer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    Journal(LogSettings(folder=str(folder)), "b", 1).write([change("new", 1), change("update", 1), change("lost", 1)])
    (tmp_path / "secret.jsonl").write_text("{}\n")
    return folder


async def test_replays_into_a_new_file(folder: Path) -> None:
    request = ReplayRequest(log_path="antsdr_scan.jsonl", output_path="out.jsonl")
    result = await Replayer(folder).run(request)
    assert (result.frames, result.detections, result.events_emitted) == (3, 2, 3)
    assert (folder / "out.jsonl").read_bytes() == (folder / "antsdr_scan.jsonl").read_bytes()


async def test_stops_after_max_events_and_before_a_torn_line(folder: Path) -> None:
    with (folder / "antsdr_scan.jsonl").open("a") as stream:
        stream.write('{"type": "RF_CON')
    replayer = Replayer(folder)
    assert (await replayer.run(ReplayRequest(log_path="antsdr_scan.jsonl", max_events=2))).events_emitted == 2
    assert (await replayer.run(ReplayRequest(log_path="antsdr_scan.jsonl"))).events_emitted == 3


@pytest.mark.parametrize(
    ("log_path", "output_path", "status", "code"),
    [
        ("../secret.jsonl", None, 400, "path_not_allowed"),
        ("/etc/passwd", None, 400, "path_not_allowed"),
        ("link.jsonl", None, 400, "path_not_allowed"),
        ("a\0b", None, 400, "path_not_allowed"),
        ("none.jsonl", None, 404, "log_not_found"),
        ("antsdr_scan.jsonl", "../out.jsonl", 400, "path_not_allowed"),
        ("antsdr_scan.jsonl", "x" * 300, 400, "path_not_allowed"),
        ("x" * 300, None, 400, "path_not_allowed"),
        ("x/" * 2047 + "x", None, 400, "path_not_allowed"),
        ("a\0b", None, 400, "path_not_allowed"),
        ("antsdr_scan.jsonl", "antsdr_scan.jsonl", 400, "path_not_allowed"),
        ("bad.jsonl", None, 400, "invalid_log"),
    ],
)
async def test_refusals(folder: Path, log_path: str, output_path: str | None, status: int, code: str) -> None:
    (folder / "link.jsonl").symlink_to(folder.parent / "secret.jsonl")
    (folder / "bad.jsonl").write_text('{"type": "OTHER"}\n')
    with pytest.raises(CommandRejected) as caught:
        await Replayer(folder).run(ReplayRequest(log_path=log_path, output_path=output_path))
    assert (caught.value.status, caught.value.code) == (status, code)
    assert (folder.parent / "out.jsonl").exists() is False
