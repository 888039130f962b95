"""The emulated transceiver: what it is set to, since when, within which limits and steps.

Every change is kept with the time at which it took effect, so that a block that was filling meanwhile can be rendered
with both tunings in it.
"""

from __future__ import annotations

import errno
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ndefender.radio.emulated.protocol import Refused

REFERENCE_HZ = 40_000_000  # crystal of the AD9361 reference designs
RF_PLL_MODULUS = 8_388_593  # fractional modulus of the RF synthesisers
RF_PLL_MIN_VCO_HZ = 6_000_000_000
BB_PLL_MODULUS = 2_088_960
BB_PLL_MIN_VCO_HZ = 715_000_000
MIN_RATE_HZ = 2_083_333  # 25 MHz / 12 without the programmable FIR
MIN_RATE_FIR_HZ = 520_833  # decimated by four more with it
MAX_RATE_HZ = 61_440_000
MIN_BANDWIDTH_HZ = 200_000
HISTORY_NS = 60_000_000_000  # changes older than any block that may still be filling are forgotten
GAIN_TABLES = ((1_300_000_000, -1, 73), (4_000_000_000, -3, 71), (math.inf, -10, 62))  # LO below, dB from, to
GAIN_MODES = ("manual", "fast_attack", "slow_attack", "hybrid")
AGC_TARGET_DBFS = -15.0
AGC_DEAD_ZONE_DB = 3.0
AGC_STEP_DB = 3


@dataclass(frozen=True, slots=True)
class ChipModel:
    """What tells the members of the family apart."""

    name: str
    min_center_hz: int
    max_center_hz: int
    max_bandwidth_hz: int


AD9361 = ChipModel("AD9361", 70_000_000, 6_000_000_000, 56_000_000)
AD9363 = ChipModel("AD9363", 325_000_000, 3_800_000_000, 20_000_000)
CHIPS = {chip.name.lower(): chip for chip in (AD9361, AD9363)}


@dataclass(frozen=True, slots=True)
class RxState:
    """The receive path's settings over one stretch of time."""

    center_hz: int
    rate_hz: int
    bandwidth_hz: int
    gain_db: int


def gain_range(center_hz: float) -> tuple[int, int]:
    """Return the gain limits, dB, of the table that serves this LO."""
    for below_hz, low_db, high_db in GAIN_TABLES:
        if center_hz < below_hz:
            return low_db, high_db
    raise AssertionError("the last table is open-ended")


def nearest_center_hz(wanted_hz: int) -> int:
    """Return the LO the fractional synthesiser makes, truncated to hertz as the driver reports it."""
    divider, vco_hz = 0, wanted_hz
    while vco_hz <= RF_PLL_MIN_VCO_HZ:
        vco_hz *= 2
        divider += 1
    step = round(vco_hz * RF_PLL_MODULUS / (2 * REFERENCE_HZ))
    return (2 * REFERENCE_HZ * step // RF_PLL_MODULUS) >> divider


def nearest_rate_hz(wanted_hz: int) -> int:
    """Return the sample rate the baseband synthesiser makes, in hertz."""
    divider = 1
    while wanted_hz * divider < BB_PLL_MIN_VCO_HZ:
        divider *= 2
    step = round(wanted_hz * divider * BB_PLL_MODULUS / REFERENCE_HZ)
    return round(step * REFERENCE_HZ / BB_PLL_MODULUS / divider)


class Phy:
    """Settings of the emulated transceiver; thread-safe.

    Args:
        chip: limits of the family member.
        retune_s: time an LO, rate or filter change takes; the old setting holds until its end.
        prepare: called with the new sample rate, or the present one and the new filter, before they take effect.
    """

    def __init__(self, chip: ChipModel, retune_s: float, prepare: Callable[[float, float | None], None]) -> None:
        self.chip = chip
        self.epoch_ns = time.monotonic_ns()
        self.retune_s = retune_s
        self.fir_enabled = False
        self.mode = "slow_attack"
        self.tx_rate_hz = 30_720_000
        self._prepare = prepare
        self._setting = threading.Lock()  # one attribute write at a time, as in the driver
        self._guard = threading.Lock()  # the history
        first = RxState(2_400_000_000, 30_720_000, 18_000_000, 40)
        self._history: list[tuple[int, RxState]] = [(self.epoch_ns, first)]

    @property
    def state(self) -> RxState:
        """The settings in force."""
        with self._guard:
            return self._history[-1][1]

    def segments(self, start_ns: int, stop_ns: int) -> list[tuple[int, RxState]]:
        """Return (from, settings) for each stretch of [start_ns, stop_ns), the first one from `start_ns`."""
        with self._guard:
            parts: list[tuple[int, RxState]] = []
            for since_ns, state in reversed(self._history):
                if since_ns >= stop_ns:
                    continue
                parts.append((max(since_ns, start_ns), state))
                if since_ns <= start_ns:
                    break
            if not parts:  # before the oldest change still known
                parts.append((start_ns, self._history[0][1]))
        return parts[::-1]

    def set_center(self, wanted_hz: int) -> None:
        """Retune; EINVAL outside the chip's range. The gain follows the table of the new LO."""
        if not self.chip.min_center_hz <= wanted_hz <= self.chip.max_center_hz:
            raise Refused(errno.EINVAL)
        with self._setting:
            self._settle()
            low_db, high_db = gain_range(wanted_hz)
            gain_db = min(max(self.state.gain_db, low_db), high_db)
            self._change(center_hz=nearest_center_hz(wanted_hz), gain_db=gain_db)

    def set_rate(self, wanted_hz: int) -> None:
        """Change the sample rate; EINVAL outside what the converters and the FIR allow."""
        if not self.min_rate_hz <= wanted_hz <= MAX_RATE_HZ:
            raise Refused(errno.EINVAL)
        with self._setting:
            rate_hz = nearest_rate_hz(wanted_hz)
            self._prepare(float(rate_hz), None)
            self._settle()
            self._change(rate_hz=rate_hz)

    def set_bandwidth(self, wanted_hz: int) -> None:
        """Change the analogue filter; silently limited, as the driver does it."""
        bandwidth_hz = min(max(wanted_hz, MIN_BANDWIDTH_HZ), self.chip.max_bandwidth_hz)
        with self._setting:
            self._prepare(float(self.state.rate_hz), float(bandwidth_hz))
            self._settle()
            self._change(bandwidth_hz=bandwidth_hz)

    def set_gain(self, wanted_db: float) -> None:
        """Change the gain in whole decibels; EINVAL outside the table, EOPNOTSUPP unless the mode is manual."""
        if self.mode != "manual":
            raise Refused(errno.EOPNOTSUPP)
        with self._setting:
            low_db, high_db = gain_range(self.state.center_hz)
            if not low_db <= wanted_db <= high_db:
                raise Refused(errno.EINVAL)
            self._change(gain_db=math.floor(wanted_db))

    def set_mode(self, mode: str) -> None:
        """Change the gain control mode; EINVAL for an unknown one."""
        if mode not in GAIN_MODES:
            raise Refused(errno.EINVAL)
        self.mode = mode

    @property
    def min_rate_hz(self) -> int:
        """Lowest sample rate with the FIR as it is."""
        return MIN_RATE_FIR_HZ if self.fir_enabled else MIN_RATE_HZ

    def follow_level(self, level_dbfs: float) -> None:
        """Let the gain control act on the level of the samples just made."""
        if self.mode == "manual" or not self._setting.acquire(blocking=False):
            return
        try:
            state = self.state
            low_db, high_db = gain_range(state.center_hz)
            error_db = AGC_TARGET_DBFS - level_dbfs
            if abs(error_db) <= AGC_DEAD_ZONE_DB:
                return
            step_db = int(math.copysign(min(abs(error_db), AGC_STEP_DB), error_db))
            gain_db = min(max(state.gain_db + step_db, low_db), high_db)
            if gain_db != state.gain_db:
                self._change(gain_db=gain_db)
        finally:
            self._setting.release()

    def _settle(self) -> None:
        if self.retune_s > 0:
            time.sleep(self.retune_s)

    def _change(self, **settings: int) -> None:
        with self._guard:
            now_ns = time.monotonic_ns()
            self._history.append((now_ns, replace(self._history[-1][1], **settings)))
            while len(self._history) > 1 and self._history[1][0] < now_ns - HISTORY_NS:
                del self._history[0]
