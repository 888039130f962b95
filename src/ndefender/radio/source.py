"""The one protocol every sample source obeys; `tests/radio/test_conformance.py` is its law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

GainMode = Literal["manual", "slow_attack", "fast_attack"]


@dataclass(frozen=True, slots=True)
class Tuning:
    """What the radio is asked for, or what it read back.

    Args:
        center_hz: local oscillator.
        rate_hz: complex sample rate.
        bandwidth_hz: analogue filter, two-sided.
        gain_mode: manual, or one of the AD9361's AGC modes.
        gain_db: receive gain; with AGC what the radio chose.
        rx_port: the board's port select, empty to leave it.
        dwell_samples: samples per contiguous burst at this tuning; lets the source size its buffer.
        tuning_id: number of the request; blocks carry it.
    """

    center_hz: float
    rate_hz: float
    bandwidth_hz: float
    gain_mode: GainMode
    gain_db: float
    rx_port: str
    dwell_samples: int
    tuning_id: int = 0


@dataclass(frozen=True, slots=True)
class GainLimits:
    """Gain range of the band the LO is in, dB, inclusive."""

    min_db: float
    max_db: float


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What answered when the source was opened.

    Args:
        kind: ``antsdr``, ``recording``, ``simulated``.
        uri: address or path, as opened.
        model: hardware model as the device says it; empty if it does not.
        serial: serial number; empty if unknown.
        min_center_hz, max_center_hz: true LO range.
        min_rate_hz, max_rate_hz: true sample-rate range.
        max_bandwidth_hz: widest analogue filter.
        full_scale: int16 value of digital full scale.
        simulated: the device says that its samples are not from the air.
        finite: the source ends (a recording).
    """

    kind: str
    uri: str
    model: str
    serial: str
    min_center_hz: float
    max_center_hz: float
    min_rate_hz: float
    max_rate_hz: float
    max_bandwidth_hz: float
    full_scale: float
    simulated: bool
    finite: bool


@dataclass(frozen=True, slots=True)
class BlockMeta:
    """What is known about the samples just read.

    Args:
        first_sample: the source's sample counter at the first sample; exact within a dwell, never runs backwards.
        n_samples: complex samples written to `out`; less than asked only at a recording's end.
        host_ns: CLOCK_MONOTONIC of the first sample.
        host_uncertainty_ns: half-width of the error of `host_ns`.
        unix_ns: wall clock of the first sample (a recording: its capture time when it says so).
        tuning: what the samples were taken with, as read back.
        clipped_samples: samples at or beyond full scale in I or Q.
        contiguous: no sample is missing between the block before and this one.
        source_epoch: counts openings of the device, from 1.
        last: the recording ends with this block.
        no_center: the recording does not say its centre frequency; `tuning.center_hz` is 0 and frequencies are offsets.
    """

    first_sample: int
    n_samples: int
    host_ns: int
    host_uncertainty_ns: int
    unix_ns: int
    tuning: Tuning
    clipped_samples: int
    contiguous: bool
    source_epoch: int
    last: bool = False
    no_center: bool = False


class Source(Protocol):
    """A stream of int16 I/Q bursts.

    Errors, one reaction each: `SourceTimeout` (count, retry), `SourceLost` (reopen with back-off),
    `EndOfRecording` (finish), `SourceUnavailable` (from `open`), `TuningRejected` (from `tune`).
    """

    def open(self) -> SourceInfo:
        """Connect, check what answers, return its true limits."""
        ...

    def tune(self, tuning: Tuning) -> Tuning:
        """Set, settle, read back. The next block is wholly at the returned tuning."""
        ...

    def read_into(self, out: NDArray[np.int16], timeout_s: float) -> BlockMeta:
        """Fill `out` (int16, shape (n, 2), C-contiguous, I then Q) with one contiguous burst."""
        ...

    def gain_limits(self) -> GainLimits:
        """Gain range at the present LO."""
        ...

    def temperature_c(self) -> float | None:
        """Die temperature, None where the device does not say."""
        ...

    def close(self) -> None:
        """Release the device. Safe to call twice and after a loss."""
        ...
