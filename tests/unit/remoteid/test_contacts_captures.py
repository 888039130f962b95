"""Real captures as contacts; skipped where they are absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ndefender.remoteid.control import Control
from ndefender.remoteid.feed import FeedWriter
from ndefender.remoteid.replay import open_replay

CAPTURES = Path(__file__).parents[4] / "shared" / "data" / "remoteid"
if not CAPTURES.is_dir():
    pytest.skip("no captures at ../shared/data/remoteid", allow_module_level=True)
NEGATIVES = sorted(CAPTURES.glob("negative_*"))
CLOCKLESS = {"timestamp_out_of_step"}  # test transmitters whose positions are stamped with a fixed time


def contacts(path: Path) -> list[dict[str, Any]]:
    """The contacts of a capture at their end."""
    said: list[bytes] = []
    control = Control()
    try:
        open_replay(path, FeedWriter("boot", said.append).say, control, lambda: 0, lambda: 0, speed=0.0).run()
    finally:
        control.close()
    return [event["data"] for event in map(json.loads, said) if event["type"] == "CONTACT_LOST"]


@pytest.mark.parametrize(
    ("name", "contact", "model", "frames", "flags"),
    [
        ("dji_air3.pcapng", "rid:1581F6N8A23B2ML3Y3KR", "DJI", 9, set()),
        (
            "linux_transmitter_test.pcapng", "rid:112624150A90E3AE1EC0", "Drone ID test flight---", 21,
            CLOCKLESS | {"serial_malformed", "clock_out_of_step", "operator_far_away"},
        ),
        ("odid_wifi_bcn_sample.pcap", "rid:MFG1A0123456789", "Recreational", 21, CLOCKLESS),
        ("odid_wifi_sample.pcap", "rid:mac:84:cc:a8:60:43:24", "Recreational", 42, CLOCKLESS),
    ],
)  # fmt: skip
def test_each_capture_is_one_contact(name: str, contact: str, model: str, frames: int, flags: set[str]) -> None:
    (found,) = contacts(CAPTURES / name)
    assert (found["id"], found["model"], found["frames"]) == (contact, model, frames)
    assert {flag["code"] for flag in found["plausibility"]} == flags
    # The last position and operator are those of the last frames that the reference found.
    rows = [json.loads(line)["fields"] for line in (CAPTURES / f"{name}.truth.jsonl").read_text().splitlines()]
    for field, key in (("OpenDroneID.loc_lat", "lat"), ("OpenDroneID.system_lon", "operator_lon")):
        newest = next(row[field] for row in reversed(rows) if field in row)
        assert found[key] == int(newest[-1]) / 1e7


@pytest.mark.parametrize("capture", NEGATIVES, ids=lambda path: path.name)
def test_ordinary_wifi_is_no_contact(capture: Path) -> None:
    assert contacts(capture) == []
