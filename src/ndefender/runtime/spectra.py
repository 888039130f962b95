"""Newest spectra by hop, put together over a band when somebody asks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndefender.api.ports import Spectrum
from ndefender.records import BLOCK_SIMULATED, SPECTRUM_BINS
from ndefender.runtime.results import Dwell
from ndefender.units import NS_PER_MS, to_db_array

MAX_HOPS = 4096  # bound on memory; the planner allows no more
MAX_BINS = 1 << 16  # of one answer; a wider band is given in coarser bins


@dataclass(frozen=True, slots=True)
class _HopSpectrum:
    """Newest spectrum of a hop; edges are those of the part it answers for."""

    low_hz: float
    high_hz: float
    start_hz: float
    bin_hz: float
    mean_power: NDArray[np.float32]
    max_power: NDArray[np.float32]
    unix_ns: int
    simulated: bool


class SpectrumStore:
    """Written by the tracker thread, read by the event loop: each entry is replaced as a whole."""

    def __init__(self) -> None:
        self._plan_id = -1
        self._hops: dict[int, _HopSpectrum] = {}

    def put(self, dwell: Dwell) -> None:
        """Keep a dwell's spectrum; a new plan forgets those of the old one."""
        summary, block = dwell.summary, dwell.summary["block"]
        plan_id = int(block["plan_id"])
        if plan_id != self._plan_id:
            self._plan_id, self._hops = plan_id, {}
        bin_hz = float(summary["bin_hz"])
        if bin_hz <= 0.0 or int(summary["n_frames"]) == 0:
            return
        bins = min(SPECTRUM_BINS, round(float(block["rate_hz"]) / bin_hz))
        hop = _HopSpectrum(
            low_hz=float(block["use_low_hz"]),
            high_hz=float(block["use_high_hz"]),
            start_hz=float(summary["spectrum_start_hz"]),
            bin_hz=bin_hz,
            mean_power=dwell.mean_power[:bins],
            max_power=dwell.max_power[:bins],
            unix_ns=int(block["unix_ns"]),
            simulated=bool(int(block["flags"]) & BLOCK_SIMULATED),
        )
        if len(self._hops) < MAX_HOPS:
            self._hops = {**self._hops, int(block["hop_index"]): hop}

    def over(self, band: str, start_hz: float, stop_hz: float) -> Spectrum | None:
        """Put the newest spectra of all hops together over a span; None before the first dwell in it.

        Args:
            band: name for the answer.
            start_hz, stop_hz: span.
        """
        hops = [h for h in self._hops.values() if h.low_hz < stop_hz and h.high_hz > start_hz]
        if not hops:
            return None
        bin_hz = max(h.bin_hz for h in hops)
        bin_hz *= max(1, math.ceil((stop_hz - start_hz) / bin_hz / MAX_BINS))
        count = max(1, math.ceil((stop_hz - start_hz) / bin_hz))
        first_hz = start_hz + bin_hz / 2
        mean, peak = np.full(count, np.nan, np.float32), np.full(count, np.nan, np.float32)
        for hop in sorted(hops, key=lambda h: h.unix_ns):
            centers = first_hz + bin_hz * np.arange(count)
            inside = (centers >= hop.low_hz) & (centers <= hop.high_hz)
            source = np.rint((centers[inside] - hop.start_hz) / hop.bin_hz).astype(np.int64)
            known = (source >= 0) & (source < len(hop.mean_power))
            target = np.flatnonzero(inside)[known]
            mean[target] = hop.mean_power[source[known]]
            peak[target] = hop.max_power[source[known]]
        newest = max(hops, key=lambda h: h.unix_ns)
        return Spectrum(
            band=band,
            start_hz=first_hz,
            bin_hz=bin_hz,
            mean_db=to_db_array(mean),
            max_db=to_db_array(peak),
            timestamp=newest.unix_ns // NS_PER_MS,
            simulated=any(h.simulated for h in hops),
        )
