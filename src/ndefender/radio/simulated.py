"""A scene as a `Source`, rendered in this process, with its ground truth. No network, no driver: for tests and scores.

The emulated radio is the peer that exercises the whole path; this one is for whoever needs samples and truth, as fast
as they can be made.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ndefender.errors import SourceLost, SourceTimeout, TuningRejected
from ndefender.radio.scene import Renderer, Scene, TruthEmission, truth
from ndefender.radio.source import BlockMeta, GainLimits, SourceInfo, Tuning
from ndefender.units import NS_PER_S, ns_to_s

FULL_SCALE = 2048.0
CENTER_HZ = (70.0e6, 6.0e9)  # AD9361
RATE_HZ = (520_834.0, 61.44e6)
BANDWIDTH_HZ = (200.0e3, 56.0e6)
# AD9361: LO below, lowest and highest gain of the table that serves it
GAIN_DB: Final = ((1.3e9, -1.0, 73.0), (4.0e9, -3.0, 71.0), (math.inf, -10.0, 62.0))
AGC_TARGET_DBFS = -18.0  # leaves the peaks of OFDM below full scale
AGC_PROBE_SAMPLES = 8192
AGC_STEPS = 4


class SimulatedSource:
    """An endless `Source` over a scene.

    Time runs in one of two ways. At full speed a virtual clock advances by what was read and by `retune_s` for each
    tune: `host_ns` and `unix_ns` are those of the opening plus virtual time. Paced, the scene runs in real time: a read
    waits until its last sample is due, as a radio's would.

    Args:
        scene: a loaded scene.
        paced: real time instead of full speed.
        retune_s: what a tune takes, settling included.
        clock_ns, wall_ns: monotonic and wall clock.
        wait_s: how to wait when paced.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        paced: bool = False,
        retune_s: float = 0.0015,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
        wait_s: Callable[[float], None] = time.sleep,
    ) -> None:
        self._scene = scene
        self._renderer = Renderer(scene)
        self._paced = paced
        self._retune_ns = round(retune_s * NS_PER_S)
        self._clock_ns = clock_ns
        self._wall_ns = wall_ns
        self._wait_s = wait_s
        self._tuning: Tuning | None = None
        self._open = False
        self._epoch = 0
        self._counter = 0
        self._contiguous = False
        self._origin_ns: int | None = None  # monotonic time of the scene's start
        self._origin_unix_ns = 0
        self._now_ns = 0  # scene time up to which samples were made
        self._block: tuple[int, int, Tuning] | None = None  # start, stop, tuning of the newest block

    @property
    def scene(self) -> Scene:
        """What is rendered."""
        return self._scene

    @property
    def scene_ns(self) -> int:
        """Scene time after the newest sample."""
        return self._now_ns

    def open(self) -> SourceInfo:
        """Start the scene, or go on with it after a `close`."""
        if self._origin_ns is None:
            self._origin_ns, self._origin_unix_ns = self._clock_ns(), self._wall_ns()
        self._open = True
        self._epoch += 1
        self._tuning = None
        self._contiguous = False
        return SourceInfo(
            kind="simulated",
            uri=f"scene:{self._scene.source}",
            model="simulated scene",
            serial="",
            min_center_hz=CENTER_HZ[0],
            max_center_hz=CENTER_HZ[1],
            min_rate_hz=RATE_HZ[0],
            max_rate_hz=RATE_HZ[1],
            max_bandwidth_hz=BANDWIDTH_HZ[1],
            full_scale=FULL_SCALE,
            simulated=True,
            finite=False,
        )

    def tune(self, tuning: Tuning) -> Tuning:
        """Set the receiver; the next block is wholly at what is returned.

        Raises:
            TuningRejected: outside an AD9361's ranges.
            SourceLost: not open.
        """
        self._check_open()
        self._tuning = None
        for name, value, (low, high) in (
            ("center_hz", tuning.center_hz, CENTER_HZ),
            ("rate_hz", tuning.rate_hz, RATE_HZ),
            ("bandwidth_hz", tuning.bandwidth_hz, BANDWIDTH_HZ),
        ):
            if not low <= value <= high:
                raise TuningRejected(name, value, None, f"allowed are {low:g} to {high:g}")
        if self._paced:  # else waveforms are made when a hop first hears them: nobody is waiting
            self._renderer.prepare(tuning.rate_hz, tuning.bandwidth_hz)
        self._now_ns = max(self._now_ns, self._real_ns()) + self._retune_ns
        limits = _limits(tuning.center_hz)
        gain_db = min(max(tuning.gain_db, limits.min_db), limits.max_db)
        if tuning.gain_mode != "manual":
            gain_db = self._settled_gain(tuning, limits)
        self._tuning = replace(tuning, gain_db=gain_db)
        self._contiguous = False
        return self._tuning

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """Render one contiguous burst.

        Raises:
            SourceTimeout: paced, and the burst ends later than `timeout_s` from now.
            SourceLost: not open or not tuned.
        """
        self._check_open()
        if self._tuning is None:
            raise SourceLost(f"scene:{self._scene.source}: not tuned")
        tuning, n = self._tuning, out.shape[0]
        start_ns = max(self._now_ns, self._real_ns())
        contiguous = self._contiguous and start_ns == self._now_ns
        length_ns = round(n * NS_PER_S / tuning.rate_hz)
        if self._paced:
            left_s = ns_to_s(start_ns + length_ns - self._real_ns())
            if left_s > timeout_s:
                raise SourceTimeout(
                    f"a burst of {ns_to_s(length_ns):.3f} s is due in {left_s:.3f} s, not in {timeout_s} s"
                )
            if left_s > 0.0:
                self._wait_s(left_s)
        clipped = self._renderer.render(
            start_ns, tuning.center_hz, tuning.rate_hz, tuning.bandwidth_hz, tuning.gain_db, out
        )
        if not contiguous:
            self._counter = max(self._counter, start_ns * round(tuning.rate_hz) // NS_PER_S)
        first = self._counter
        self._counter += n
        self._now_ns = start_ns + length_ns
        self._contiguous = True
        self._block = (start_ns, self._now_ns, tuning)
        return BlockMeta(
            first_sample=first,
            n_samples=n,
            host_ns=(self._origin_ns or 0) + start_ns,
            host_uncertainty_ns=0,
            unix_ns=self._origin_unix_ns + start_ns,
            tuning=tuning,
            clipped_samples=clipped,
            contiguous=contiguous,
            source_epoch=self._epoch,
        )

    def gain_limits(self) -> GainLimits:
        """Gain range at the present LO."""
        return _limits(CENTER_HZ[0] if self._tuning is None else self._tuning.center_hz)

    def temperature_c(self) -> float | None:
        """A simulation has none."""
        return None

    def close(self) -> None:
        """Stop reading. Safe to call twice."""
        self._open = False
        self._tuning = None

    def truth(self) -> list[TruthEmission]:
        """Return what was on the air within the newest block: its time, its analogue bandwidth."""
        if self._block is None:
            return []
        start, stop, tuning = self._block
        half = tuning.bandwidth_hz / 2.0
        return truth(self._scene, ns_to_s(start), ns_to_s(stop), tuning.center_hz - half, tuning.center_hz + half)

    def block_start_s(self) -> float:
        """Scene time of the newest block's first sample, seconds; `truth` counts from the same zero."""
        return 0.0 if self._block is None else ns_to_s(self._block[0])

    def _real_ns(self) -> int:
        """Scene time by the clock when paced; the virtual clock never hurries."""
        return self._clock_ns() - (self._origin_ns or 0) if self._paced else 0

    def _check_open(self) -> None:
        if not self._open:
            raise SourceLost(f"scene:{self._scene.source}: not open")

    def _settled_gain(self, tuning: Tuning, limits: GainLimits) -> float:
        """Gain at which the power of a short probe reaches the target, whole decibels."""
        probe = np.empty((AGC_PROBE_SAMPLES, 2), np.int16)
        gain_db = limits.min_db
        for _ in range(AGC_STEPS):
            self._renderer.render(self._now_ns, tuning.center_hz, tuning.rate_hz, tuning.bandwidth_hz, gain_db, probe)
            power = float(np.mean(np.sum(probe.astype(np.float64) ** 2, axis=1))) / FULL_SCALE**2
            wanted = gain_db + AGC_TARGET_DBFS - 10.0 * math.log10(max(power, 1e-9))
            gain_db = float(round(min(max(wanted, limits.min_db), limits.max_db)))
        return gain_db


def _limits(center_hz: float) -> GainLimits:
    for below_hz, low_db, high_db in GAIN_DB:
        if center_hz < below_hz:
            return GainLimits(low_db, high_db)
    raise AssertionError("the last table is open-ended")
