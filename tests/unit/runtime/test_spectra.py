from __future__ import annotations

import numpy as np
import pytest

from ndefender import records
from ndefender.runtime.results import Dwell
from ndefender.runtime.spectra import SpectrumStore


def dwell(hop: int, center_hz: float, level: float, plan_id: int = 1, unix_ns: int = 10**18) -> Dwell:
    """A hop of 2048 bins of 1 kHz that answers for the 2 MHz around its centre."""
    summary = np.zeros((), records.SUMMARY)
    block = summary["block"]
    block["plan_id"], block["hop_index"], block["rate_hz"], block["unix_ns"] = plan_id, hop, 2.048e6, unix_ns
    block["use_low_hz"], block["use_high_hz"] = center_hz - 1e6, center_hz + 1e6
    block["flags"] = records.BLOCK_SIMULATED
    summary["bin_hz"], summary["n_frames"] = 1000.0, 8
    summary["spectrum_start_hz"] = center_hz - 1.024e6
    power = np.full(records.SPECTRUM_BINS, level, np.float32)
    return Dwell(0, 1, summary[()], np.zeros(0, records.EMISSION), power, 10 * power)


def test_hops_are_put_together_over_a_band() -> None:
    store = SpectrumStore()
    assert store.over("B", 99e6, 103e6) is None
    store.put(dwell(0, 100e6, 1.0))
    store.put(dwell(1, 102e6, 100.0))
    found = store.over("B", 99e6, 103e6)
    assert found is not None
    assert (found.band, found.bin_hz, found.start_hz, len(found.mean_db)) == ("B", 1000.0, 99e6 + 500, 4000)
    assert found.mean_db[:1999] == pytest.approx(0.0, abs=1e-4)
    assert found.mean_db[2001:] == pytest.approx(20.0, abs=1e-4)
    assert found.max_db[2001:] == pytest.approx(30.0, abs=1e-4)
    assert found.simulated


def test_what_was_not_looked_at_is_not_a_number() -> None:
    store = SpectrumStore()
    store.put(dwell(0, 100e6, 1.0))
    found = store.over("B", 100e6, 103e6)
    assert found is not None
    assert np.isnan(found.mean_db[1500:]).all()
    assert np.isfinite(found.mean_db[:999]).all()
    assert store.over("C", 200e6, 201e6) is None


def test_the_newest_hop_wins_where_hops_overlap() -> None:
    store = SpectrumStore()
    store.put(dwell(1, 100.5e6, 100.0, unix_ns=2 * 10**18))
    store.put(dwell(0, 100e6, 1.0, unix_ns=10**18))
    found = store.over("B", 100e6, 100.5e6)
    assert found is not None
    assert found.mean_db == pytest.approx(20.0, abs=1e-4)
    assert found.timestamp == 2 * 10**12


def test_a_new_plan_forgets_the_old_one() -> None:
    store = SpectrumStore()
    store.put(dwell(0, 100e6, 1.0))
    store.put(dwell(0, 500e6, 1.0, plan_id=2))
    assert store.over("B", 99e6, 101e6) is None


def test_a_wide_band_is_bounded() -> None:
    store = SpectrumStore()
    store.put(dwell(0, 100e6, 1.0))
    found = store.over("B", 70e6, 6e9)
    assert found is not None
    assert len(found.mean_db) <= 1 << 16
