"""Real captures, beside what a reference dissector found in them; skipped where they are absent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.odid_frames import read

from ndefender.remoteid.frames.heard import Heard

CAPTURES = Path(__file__).parents[4] / "shared" / "data" / "remoteid"
TRUTHS = sorted(CAPTURES.glob("*.truth.jsonl"))
NEGATIVES = sorted(CAPTURES.glob("negative_*"))

if not TRUTHS:
    pytest.skip("no captures at ../shared/data/remoteid", allow_module_level=True)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda path: path.name.split(".")[0])
def test_every_frame_is_found_and_no_other(truth: Path) -> None:
    found, counters = read(truth.with_name(truth.name.removesuffix(".truth.jsonl")))
    heard = [item for item in found if isinstance(item, Heard)]
    rows = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    assert [(item.sender, item.counter) for item in heard] == [
        (row["sa"], int(row["fields"]["OpenDroneID.counter"][0])) for row in rows
    ]
    assert [item.time_s for item in heard] == pytest.approx([float(row["t"]) for row in rows], abs=1e-6)
    for item, row in zip(heard, rows, strict=True):
        # The dissector names the pack's type first, then those of its messages.
        types = [item.payload[0] >> 4, *(item.payload[at] >> 4 for at in range(3, len(item.payload), 25))]
        assert [str(kind) for kind in types] == row["fields"]["OpenDroneID.msgType"]
    assert all(item.rssi_dbm is not None and item.freq_mhz == 2437 for item in heard)
    assert (counters.bad_fcs, counters.malformed, counters.unsupported, counters.cut_short) == (0, 0, 0, 0)


@pytest.mark.parametrize("capture", NEGATIVES, ids=lambda path: path.name)
def test_ordinary_wifi_has_none(capture: Path) -> None:
    found, counters = read(capture)
    assert found == []
    assert counters.frames > 0
    assert (counters.bad_fcs, counters.malformed, counters.unsupported, counters.cut_short) == (0, 0, 0, 0)
