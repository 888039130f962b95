"""What is on for the whole block, and what only seems to be."""

from __future__ import annotations

import numpy as np
import pytest
from support.iq import analysed, band_noise, block_of, inband, placed, quantised, shifted, white

from ndefender import records
from ndefender.dsp import DspConfig, Pipeline
from ndefender.dsp.floor import TILE_CELLS
from ndefender.dsp.lasting import SILENT_RATIO, SILENT_SHARE, keep_lasting

RATE_HZ, N = 15.36e6, 4 * 512 * 30


def _naive(tiles: np.ndarray, floor: np.ndarray, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept = []
    for low, high in spans:
        excess = tiles[:, low:high].sum(axis=1) - TILE_CELLS * floor[low:high].sum()
        if np.mean(excess < SILENT_RATIO * excess.mean()) <= SILENT_SHARE:
            kept.append((low, high))
    return kept


def test_keep_lasting_drops_what_falls_silent() -> None:
    rng = np.random.default_rng(1)
    kept = 0
    for quiet_rows in range(8):
        tiles = rng.gamma(16, size=(50, 40)).astype(np.float32)
        tiles[:, 10:20] += 300
        tiles[rng.permutation(50)[:quiet_rows], 10:20] -= 300
        floor, wanted = np.ones(40, dtype=np.float32), [(10, 20), (12, 14), (9, 21)]
        spans, power = np.zeros((8, 2), dtype=np.int32), np.zeros(50, dtype=np.float32)
        spans[:3] = wanted
        count = keep_lasting(tiles, 48, floor, spans, 3, power)
        expected = _naive(tiles[:48], floor, wanted)
        assert [tuple(map(int, span)) for span in spans[:count]] == expected
        kept += len(expected)
    assert 3 <= kept < 24


@pytest.mark.parametrize("share", [0.5, 0.7, 0.85])
def test_bursts_with_pauses_are_not_one_continuous_emission(share: float) -> None:
    rng, period = np.random.default_rng(2), 9000
    x = white(rng, N)
    for start in range(500, N - period, period):
        burst = shifted(band_noise(rng, int(share * period), 0.1), 0.2)
        placed(x, inband(25, 0.1) * burst, start)
    _, found = analysed(Pipeline(DspConfig(n_fft=512), N), quantised(x), block_of(N, RATE_HZ))
    assert not np.any(found["flags"] & records.EMISSION_CONTINUOUS)
    assert len(found) == len(range(500, N - period, period))


def test_a_sweeping_carrier_is_one_continuous_emission() -> None:
    """FM whose frequency wanders over 3 MHz: every column comes and goes, the whole does not."""
    rng = np.random.default_rng(3)
    frequency = np.clip(np.convolve(rng.normal(size=N + 400), np.ones(401), "valid") / 20 * 0.7e6, -1.5e6, 1.5e6)
    carrier = np.exp(2j * np.pi * np.cumsum(frequency) / RATE_HZ)
    x = white(rng, N) + inband(25, 3e6 / RATE_HZ) * shifted(carrier, 0.2)
    _, found = analysed(Pipeline(DspConfig(n_fft=512), N), quantised(x), block_of(N, RATE_HZ))
    assert len(found) == 1
    assert found["flags"][0] & records.EMISSION_CONTINUOUS
    assert found["center_hz"][0] == pytest.approx(0.2 * RATE_HZ, abs=0.3e6)
