"""An AntSDR, Pluto or other AD9361 board behind libiio, read at buffer level.

`tune` sets, settles, reads back and compares each attribute that changes. One kernel buffer: a block begins to fill
when it is asked for, so no block holds samples from before a retune. When the length or the rate changes the buffer
is destroyed before the retune and created by the next read, and so begins fresh.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ndefender.errors import SourceError, SourceLost, TuningRejected
from ndefender.radio import iio_library
from ndefender.radio.iio_buffer import Filled, IioBuffer
from ndefender.radio.iio_library import SIMULATED_ATTRIBUTE
from ndefender.radio.iio_phy import IioPhy, PhyLimits
from ndefender.radio.source import BlockMeta, GainLimits, SourceInfo, Tuning
from ndefender.units import NS_PER_S

MS_PER_S = 1000
RATE_TIMEOUT_S = 10.0
REMOTE_SHARE = 2.0  # libiio grants the device half of its time-out to fill a block
TIMEOUT_STEP_S = 0.1  # time-outs are rounded up to it, so that dwells of like length share one


class AntSdr:
    """Source over pyadi-iio; see `ndefender.radio.source.Source`.

    Args:
        uri: `ip:HOST`, `ip:HOST:PORT` or `usb:…`, as libiio takes it.
        settle_s: wait after a change before it is read back and samples count.
        timeout_s: longest wait for an answer to an attribute access.
    """

    def __init__(self, uri: str, settle_s: float = 0.0005, timeout_s: float = 1.0) -> None:
        self._uri = uri
        self._settle_s = settle_s
        self._attribute_timeout_s = timeout_s
        self._phy: IioPhy | None = None
        self._context: Any = None
        self._rate_hz = 0.0  # as asked for
        self._buffer: IioBuffer | None = None
        self._limits: PhyLimits | None = None
        self._tuning: Tuning | None = None
        self._timeout_ms = 0
        self._epoch = 0
        self._next_sample = 0
        self._last_host_ns = 0
        self._last_first = 0

    def open(self) -> SourceInfo:
        """Connect, ask for the ranges; a new epoch begins.

        Raises:
            SourceUnavailable: libiio is missing, nothing answers, or it is no AD9361 board.
            SourceLost: the connection broke while it was asked.
        """
        self.close()
        libraries = iio_library.load()
        context = iio_library.connect(libraries, self._uri)
        self._context = context
        try:
            self._set_timeout(self._attribute_timeout_s)
            self._phy = IioPhy(libraries, context, self._uri)
            self._limits = limits = self._phy.limits()
        except SourceError:
            self.close()
            raise
        self._epoch += 1
        facts = dict(context.attrs)
        return SourceInfo(
            kind="antsdr",
            uri=self._uri,
            model=facts.get("hw_model", ""),
            serial=facts.get("hw_serial", ""),
            min_center_hz=limits.min_center_hz,
            max_center_hz=limits.max_center_hz,
            min_rate_hz=limits.min_rate_hz,
            max_rate_hz=limits.max_rate_hz,
            max_bandwidth_hz=limits.max_bandwidth_hz,
            full_scale=limits.full_scale,
            simulated=facts.get(SIMULATED_ATTRIBUTE) == "1",
            finite=False,
        )

    def tune(self, tuning: Tuning) -> Tuning:
        """Set what changes, settle, read it back.

        Returns:
            What the radio has; under AGC `gain_db` is what it chose.
        Raises:
            TuningRejected: a value out of range, or one that reads back otherwise.
            SourceLost: the connection broke.
        """
        phy, limits = self._opened()
        _check_range("sampling_frequency", tuning.rate_hz, limits.min_rate_hz, limits.max_rate_hz)
        _check_range("frequency", tuning.center_hz, limits.min_center_hz, limits.max_center_hz)
        _check_range("rf_bandwidth", tuning.bandwidth_hz, 0.0, limits.max_bandwidth_hz)
        before, self._tuning = self._tuning, None
        if before is None or self._rate_hz != tuning.rate_hz or before.dwell_samples != tuning.dwell_samples:
            self._buffer = None
        self._rate_hz = tuning.rate_hz
        self._tuning = self._apply(phy, tuning)
        return self._tuning

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """Read one contiguous burst of `len(out)` samples at the present tuning.

        Args:
            out: int16, shape (n, 2), C-contiguous.
            timeout_s: longest silence beyond the burst's own duration, rounded up to a tenth of a second.
        Raises:
            SourceTimeout: nothing came in time; the next read starts afresh.
            SourceLost: not tuned, or the connection broke.
        """
        phy, limits = self._opened()
        if self._tuning is None:
            raise SourceLost(f"{self._uri}: not tuned since it was opened or since the last error")
        if out.dtype != np.int16 or out.ndim != 2 or out.shape[1] != 2 or not out.flags.c_contiguous or not len(out):
            raise ValueError(f"out must be C-contiguous int16 of shape (n, 2), not {out.dtype} {out.shape}")
        tuning = self._tuning
        wait_s = timeout_s + REMOTE_SHARE * len(out) / tuning.rate_hz
        wait_s = math.ceil(wait_s / TIMEOUT_STEP_S) * TIMEOUT_STEP_S
        if self._set_timeout(wait_s) or (self._buffer is not None and self._buffer.n_samples != len(out)):
            self._buffer = None
        try:
            if self._buffer is None:
                self._buffer = IioBuffer(phy.iio, phy.scan, self._uri, len(out), tuning.rate_hz)
            filled = self._buffer.read_into(out, round(limits.full_scale) - 1, wait_s)
        except SourceError:
            self._buffer = None
            raise
        return self._meta(filled, len(out), tuning)

    def gain_limits(self) -> GainLimits:
        """Gain range at the present LO; SourceLost before the first tuning."""
        phy, _ = self._opened()
        if self._tuning is None:
            raise SourceLost(f"{self._uri}: not tuned since it was opened or since the last error")
        return phy.gain_limits

    def temperature_c(self) -> float | None:
        """Die temperature, None where the board does not say."""
        return self._opened()[0].temperature_c()

    def close(self) -> None:
        """Release buffer and connection; safe to call twice and after a loss."""
        self._buffer = None  # before its context
        self._phy = None
        self._context = None
        self._tuning = None
        self._limits = None
        self._timeout_ms = 0

    def _opened(self) -> tuple[IioPhy, PhyLimits]:
        if self._phy is None or self._limits is None:
            raise SourceLost(f"{self._uri}: not open")
        return self._phy, self._limits

    def _apply(self, phy: IioPhy, tuning: Tuning) -> Tuning:
        """Write what changed, wait once, read back what was written."""
        manual = tuning.gain_mode == "manual"
        written = [
            self._set_rate(phy, tuning.rate_hz),
            phy.bandwidth.set(tuning.bandwidth_hz),
            phy.set_port(tuning.rx_port),
            phy.set_mode(tuning.gain_mode),
            phy.set_center(tuning.center_hz),
            manual and phy.set_gain(tuning.gain_db),
        ]
        if any(written):
            time.sleep(self._settle_s)
        phy.mode.verify()
        return replace(
            tuning,
            center_hz=phy.center.verify(),
            rate_hz=phy.rate.verify(),
            bandwidth_hz=phy.bandwidth.verify(),
            gain_db=phy.gain.verify() if manual else phy.gain.read(),
            rx_port="" if phy.port is None else phy.port.verify(),
        )

    def _set_rate(self, phy: IioPhy, rate_hz: float) -> bool:
        """Set the rate; loading the FIR and calibrating may take longer than any other access."""
        if phy.rate.holds(rate_hz):
            return False
        self._set_timeout(max(RATE_TIMEOUT_S, self._attribute_timeout_s))
        try:
            return phy.rate.set(rate_hz)
        finally:
            self._set_timeout(self._attribute_timeout_s)

    def _set_timeout(self, timeout_s: float) -> bool:
        """Tell libiio how long to wait; returns whether that changed, which only new buffers notice."""
        timeout_ms = math.ceil(timeout_s * MS_PER_S)
        if timeout_ms == self._timeout_ms:
            return False
        try:
            self._context.set_timeout(timeout_ms)
        except OSError as error:
            iio_library.raise_for_attribute(self._uri, "timeout", error)
        self._timeout_ms = timeout_ms
        return True

    def _meta(self, filled: Filled, n_samples: int, tuning: Tuning) -> BlockMeta:
        """Number the samples: the counter runs on through the gaps between blocks, by time."""
        gone_ns = filled.host_ns - self._last_host_ns if self._last_host_ns else 0
        first = max(self._next_sample, self._last_first + math.floor(gone_ns * tuning.rate_hz / NS_PER_S))
        self._last_host_ns, self._last_first, self._next_sample = filled.host_ns, first, first + n_samples
        return BlockMeta(
            first_sample=first,
            n_samples=n_samples,
            host_ns=filled.host_ns,
            host_uncertainty_ns=filled.uncertainty_ns,
            unix_ns=filled.host_ns + time.time_ns() - time.monotonic_ns(),
            tuning=tuning,
            clipped_samples=filled.clipped_samples,
            contiguous=False,
            source_epoch=self._epoch,
        )


def _check_range(name: str, wanted: float, lowest: float, highest: float) -> None:
    """Reject before anything is written what the device says it cannot do."""
    if not lowest <= wanted <= highest:
        raise TuningRejected(name, wanted, None, f"this board goes from {lowest:.0f} to {highest:.0f} Hz")
