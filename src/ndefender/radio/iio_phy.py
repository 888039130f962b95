"""The attributes of an AD9361 behind libiio: ranges as the device says them, settings as knobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ndefender.errors import SourceUnavailable, TuningRejected
from ndefender.radio.iio_access import Access, within
from ndefender.radio.iio_library import PHY_DEVICE, RX_DEVICE, Libraries
from ndefender.radio.knob import Knob
from ndefender.radio.source import GainLimits

GAIN_TABLE_EDGES_HZ = (1.3e9, 4.0e9)  # the chip loads another gain table when the LO crosses one of these
CENTER_TOLERANCE_HZ = 16.0  # the synthesiser's step is up to 4.8 Hz, the driver truncates to hertz
RATE_TOLERANCE_HZ = 8.0  # the baseband synthesiser's step, divided
BANDWIDTH_TOLERANCE_HZ = 1000.0
GAIN_TOLERANCE_DB = 0.99  # whole decibels, rounded down
PYADI_MIN_RATE_HZ = 521e3  # pyadi-iio's filter design goes no lower
FIR_DECIMATION = 4  # what pyadi-iio's filter adds to the lowest rate of the converters


@dataclass(frozen=True, slots=True)
class PhyLimits:
    """What the device says it can do."""

    min_center_hz: float
    max_center_hz: float
    min_rate_hz: float
    max_rate_hz: float
    max_bandwidth_hz: float
    full_scale: float


class IioPhy:
    """Settings of one board's first receiver; every access may raise `SourceLost`.

    Args:
        libraries: libiio and pyadi-iio.
        context: connected context with both devices.
        uri: for messages.
    Raises:
        SourceUnavailable: the devices lack the channels of an AD9361.
    """

    def __init__(self, libraries: Libraries, context: Any, uri: str) -> None:
        self._access = access = Access(uri)
        self.iio = libraries.iio
        device, self.scan = context.find_device(PHY_DEVICE), context.find_device(RX_DEVICE)
        receive, synthesiser = device.find_channel("voltage0", False), device.find_channel("altvoltage0", True)
        pair = [self.scan.find_channel(name, False) for name in ("voltage0", "voltage1")]
        if receive is None or synthesiser is None or None in pair:
            raise SourceUnavailable(f"{uri}: {PHY_DEVICE} and {RX_DEVICE} lack the channels of an AD9361")
        board = libraries.adi.ad9364(context)  # one receiver; its rate setter designs the FIR
        self._channels = (receive, synthesiser, *pair)  # they own what their attributes point to
        self._receive, self._synthesiser = receive.attrs, synthesiser.attrs
        self._die = device.find_channel("temp0", False)
        self._full_scale = float(1 << (int(pair[0].data_format.bits) - 1))
        for channel in pair:
            channel.enabled = True
        access.attempt("kernel buffers", 1, lambda: self.scan.set_kernel_buffers_count(1))
        self._center_hz: float | None = None
        self.gain_limits = GainLimits(0.0, 0.0)

        def write_rate(rate_hz: float) -> None:
            def write() -> None:
                board.sample_rate = round(rate_hz)

            access.attempt("sampling_frequency", rate_hz, write)

        sampling = self._receive["sampling_frequency"]
        self.rate = Knob("sampling_frequency", write_rate, lambda: access.number(sampling), within(RATE_TOLERANCE_HZ))
        self.bandwidth = access.numeric(self._receive["rf_bandwidth"], "{:.0f}", BANDWIDTH_TOLERANCE_HZ)
        self.center = access.numeric(self._synthesiser["frequency"], "{:.0f}", CENTER_TOLERANCE_HZ)
        self.gain = access.numeric(self._receive["hardwaregain"], "{:.6f}", GAIN_TOLERANCE_DB)
        self.mode = access.textual(self._receive["gain_control_mode"])
        self.port = access.textual(self._receive["rf_port_select"]) if "rf_port_select" in self._receive else None

    def limits(self) -> PhyLimits:
        """Ask the device for its ranges: AD9361 and AD9363 boards differ."""
        center = self._access.range(self._synthesiser["frequency_available"])
        rate = self._access.range(self._receive["sampling_frequency_available"])
        bandwidth = self._access.range(self._receive["rf_bandwidth_available"])
        filtered = "filter_fir_en" not in self._receive or self._access.text(self._receive["filter_fir_en"]) != "0"
        lowest_hz = rate[0] if filtered else rate[0] / FIR_DECIMATION
        return PhyLimits(
            center[0], center[1], max(lowest_hz, PYADI_MIN_RATE_HZ), rate[1], bandwidth[1], self._full_scale
        )

    def set_center(self, center_hz: float) -> bool:
        """Retune; where the LO enters another gain table, its limits are read and the gain must be set anew."""
        if not self.center.set(center_hz):
            return False
        if self._center_hz is None or _table(center_hz) != _table(self._center_hz):
            self.gain.forget()
            self.gain_limits = GainLimits(*self._access.range(self._receive["hardwaregain_available"]))
        self._center_hz = center_hz
        return True

    def set_mode(self, mode: str) -> bool:
        """Set the gain control mode; the gain must be set anew after it."""
        written = self.mode.set(mode)
        if written:
            self.gain.forget()
        return written

    def set_gain(self, gain_db: float) -> bool:
        """Set the manual gain; TuningRejected here when it is outside the limits of the LO's band."""
        limits = self.gain_limits
        if not limits.min_db <= gain_db <= limits.max_db:
            where = f"{(self._center_hz or 0.0) / 1e6:.3f} MHz"
            detail = f"at {where} the gain goes from {limits.min_db:g} to {limits.max_db:g} dB"
            raise TuningRejected("hardwaregain", gain_db, self.gain.read(), detail)
        return self.gain.set(gain_db)

    def set_port(self, rx_port: str) -> bool:
        """Select the antenna port; empty leaves it."""
        if not rx_port:
            return False
        if self.port is None:
            raise TuningRejected("rf_port_select", rx_port, None, "this board has no port select")
        return self.port.set(rx_port)

    def temperature_c(self) -> float | None:
        """Die temperature; None where the board has no such channel."""
        if self._die is None or "input" not in self._die.attrs:
            return None
        return self._access.number(self._die.attrs["input"]) / 1000.0


def _table(center_hz: float) -> int:
    """Return which gain table serves this LO."""
    return sum(center_hz >= edge_hz for edge_hz in GAIN_TABLE_EDGES_HZ)
