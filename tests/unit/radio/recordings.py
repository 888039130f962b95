"""Recordings made by the tests themselves, and where the shared ones lie."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ndefender.radio.source import BlockMeta, Source, Tuning

SHARED = Path(__file__).parents[4] / "shared" / "data" / "iq"
ANY_TUNING = Tuning(
    center_hz=1e9, rate_hz=1e6, bandwidth_hz=1e6, gain_mode="manual", gain_db=0.0, rx_port="", dwell_samples=100
)


def write_pair(
    folder: Path,
    data: bytes,
    datatype: str = "ci16_le",
    *,
    name: str = "rec",
    captures: list[dict[str, object]] | None = None,
    dataset: str | None = None,
    **fields: object,
) -> Path:
    """Write a SigMF pair; returns the metadata's path. `fields` are global, `core_` stands for `core:`."""
    info: dict[str, object] = {"core:datatype": datatype, "core:sample_rate": 1e6, "core:version": "1.2.0"}
    info.update({key.replace("core_", "core:").replace("ndefender_", "ndefender:"): v for key, v in fields.items()})
    if dataset is not None:
        info["core:dataset"] = dataset
    if captures is None:
        captures = [{"core:sample_start": 0, "core:frequency": 2.45e9}]
    meta = {"global": {k: v for k, v in info.items() if v is not None}, "captures": captures, "annotations": []}
    path = folder / f"{name}.sigmf-meta"
    path.write_text(json.dumps(meta), encoding="utf-8")
    (folder / (dataset or f"{name}.sigmf-data")).write_bytes(data)
    return path


def read_all(source: Source, block_samples: int = 1000) -> tuple[NDArray[np.int16], list[BlockMeta]]:
    """Read to the end: all samples, shape (n, 2), and the blocks they came in."""
    blocks: list[NDArray[np.int16]] = []
    metas: list[BlockMeta] = []
    while not metas or not metas[-1].last:
        out = np.empty((block_samples, 2), np.int16)
        metas.append(source.read_into(out, 1.0))
        blocks.append(out[: metas[-1].n_samples])
    return np.concatenate(blocks), metas
