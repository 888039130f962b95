"""The devices of an AD9361 board as libiio sees them, bound to the emulated transceiver."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass

from ndefender.radio.emulated.model import Attribute, Channel, Context, Device, cell, constant
from ndefender.radio.emulated.phy import GAIN_MODES, MAX_RATE_HZ, MIN_BANDWIDTH_HZ, Phy, gain_range
from ndefender.radio.emulated.protocol import Refused

RX_DEVICE = "cf-ad9361-lpc"
TX_DEVICE = "cf-ad9361-dds-core-lpc"
PHY_DEVICE = "ad9361-phy"
EMULATOR_DEVICE = "ndefender-emulator"
SIMULATED_ATTRIBUTE = "ndefender,simulated"
RX_FORMAT = "le:S12/16>>0"
TX_FORMAT = "le:S16/16>>0"
RX_PORTS = ("A_BALANCED", "B_BALANCED", "C_BALANCED", "A_N", "A_P", "B_N", "B_P", "C_N", "C_P")
TX_PORTS = ("A", "B")
DIE_MILLIDEGREES = "38500"
_DECIMAL = re.compile(r"[+-]?\d{1,12}(\.\d{0,9})?( dB)?")
_INTEGER = re.compile(r"\d{1,12}")
_FIR_RX = re.compile(r"^RX [0-3] GAIN (?:-12|-6|0|6) DEC [124]$", re.MULTILINE)
_FIR_TAP = re.compile(r"^-?\d{1,5},-?\d{1,5}$", re.MULTILINE)


@dataclass(slots=True)
class Counters:
    """What the emulator counts about itself.

    Args:
        late: chunks that were not rendered when the link wanted them; a measurement with any is void.
        overruns: blocks that began to fill after samples had been dropped for want of a queued block.
        blocks: blocks sent whole.
        refused: requests answered with an error.
    """

    late: int = 0
    overruns: int = 0
    blocks: int = 0
    refused: int = 0


def build(phy: Phy, counters: Counters, facts: dict[str, str], settings: dict[str, str]) -> Context:
    """Assemble the context.

    Args:
        phy: the transceiver that attributes act on.
        counters: shown by the device `ndefender-emulator`; writing one sets it to zero.
        facts: context attributes (`hw_model`, `hw_serial`, `fw_version`).
        settings: read-only facts about the emulation, shown by the same device.
    """
    return Context(
        description=f"Linux emulated {phy.chip.name} board",
        devices=(
            Device("iio:device0", PHY_DEVICE, _phy_attributes(phy), _debug(), _phy_channels(phy)),
            Device("iio:device1", "xadc", (), (), (_xadc_channel(),)),
            Device("iio:device2", TX_DEVICE, (), (cell("direct_reg_access", "0x0"),), _tx_channels(phy)),
            Device("iio:device3", RX_DEVICE, (), (cell("direct_reg_access", "0x0"),), _rx_channels(phy)),
            Device("iio:device4", EMULATOR_DEVICE, _counters(counters) + _constants(settings)),
        ),
        attributes={**facts, "ad9361-phy,model": phy.chip.name.lower(), SIMULATED_ATTRIBUTE: "1"},
    )


def whole(text: str) -> int:
    """Parse an attribute that the driver reads as an unsigned integer; EINVAL otherwise."""
    if not _INTEGER.fullmatch(text.strip()):
        raise Refused(errno.EINVAL)
    return int(text)


def decimal(text: str) -> float:
    """Parse an attribute that the driver reads as a fixed-point number; EINVAL otherwise."""
    if not _DECIMAL.fullmatch(text.strip()):
        raise Refused(errno.EINVAL)
    return float(text.strip().removesuffix(" dB"))


def _phy_attributes(phy: Phy) -> tuple[Attribute, ...]:
    taps = ["FIR Rx: 0,0 Tx: 0,0"]

    def load_filter(text: str) -> None:
        n_taps = len(_FIR_TAP.findall(text))
        if not _FIR_RX.search(text) or n_taps % 16 or not 16 <= n_taps <= 128:
            raise Refused(errno.EINVAL)
        decimation = text.partition("DEC ")[2][:1]
        taps[0] = f"FIR Rx: {n_taps},{decimation} Tx: {n_taps},{decimation}"

    def tx_path() -> str:
        rate_hz = phy.state.rate_hz
        return f"BBPLL:{rate_hz * 16} DAC:{rate_hz * 8} T2:{rate_hz * 4} T1:{rate_hz * 2} TF:{rate_hz} TXSAMP:{rate_hz}"

    def rx_path() -> str:
        rate_hz = phy.state.rate_hz
        return f"BBPLL:{rate_hz * 16} ADC:{rate_hz * 8} R2:{rate_hz * 4} R1:{rate_hz * 2} RF:{rate_hz} RXSAMP:{rate_hz}"

    return (
        Attribute("filter_fir_config", lambda: taps[0], load_filter),
        cell("ensm_mode", "fdd", ("sleep", "wait", "alert", "fdd", "pinctrl", "pinctrl_fdd_indep")),
        constant("ensm_mode_available", "sleep wait alert fdd pinctrl pinctrl_fdd_indep"),
        cell("calib_mode", "auto", ("auto", "manual", "tx_quad", "rf_dc_offs")),
        constant("calib_mode_available", "auto manual tx_quad rf_dc_offs"),
        cell("trx_rate_governor", "nominal", ("nominal", "highest_osr")),
        constant("trx_rate_governor_available", "nominal highest_osr"),
        Attribute("rx_path_rates", rx_path),
        Attribute("tx_path_rates", tx_path),
        cell("xo_correction", "40000000"),
        constant("xo_correction_available", "[39992000 1 40008000]"),
    )


def _debug() -> tuple[Attribute, ...]:
    names = (
        "direct_reg_access",
        "loopback",
        "bist_prbs",
        "bist_tone",
        "bist_timing_analysis",
        "gaininfo_rx1",
        "initialize",
    )
    return tuple(cell(name, "0") for name in names)


def _phy_channels(phy: Phy) -> tuple[Channel, ...]:
    chip = phy.chip
    center = f"[{chip.min_center_hz} 1 {chip.max_center_hz}]"

    def fir(text: str) -> None:
        phy.fir_enabled = whole(text) != 0

    fir_enable = Attribute("filter_fir_en", lambda: str(int(phy.fir_enabled)), fir)
    rx_lo = Attribute("frequency", lambda: str(phy.state.center_hz), lambda text: phy.set_center(whole(text)))
    synthesiser = (constant("frequency_available", center), cell("powerdown", "0"), cell("external", "0"))
    return (
        Channel("altvoltage0", True, (rx_lo, *synthesiser), "RX_LO"),
        Channel("altvoltage1", True, (cell("frequency", "2450000000"), *synthesiser), "TX_LO"),
        Channel("voltage0", False, (*_rx_attributes(phy), fir_enable)),
        Channel("voltage1", False, (*_rx_attributes(phy), fir_enable)),
        Channel("voltage0", True, (*_tx_attributes(phy), fir_enable)),
        Channel("voltage1", True, (*_tx_attributes(phy), fir_enable)),
        Channel("temp0", False, (constant("input", DIE_MILLIDEGREES),)),
        Channel(
            "out",
            False,
            (Attribute("voltage_filter_fir_en", fir_enable.read, fir, "in_out_voltage_filter_fir_en"),),
        ),
    )


def _rx_attributes(phy: Phy) -> tuple[Attribute, ...]:
    def gains() -> str:
        low_db, high_db = gain_range(phy.state.center_hz)
        return f"[{low_db} 1 {high_db}]"

    return (
        Attribute("hardwaregain", lambda: f"{phy.state.gain_db:.6f} dB", lambda text: phy.set_gain(decimal(text))),
        Attribute("hardwaregain_available", gains),
        Attribute("gain_control_mode", lambda: phy.mode, phy.set_mode),
        constant("gain_control_mode_available", " ".join(GAIN_MODES)),
        Attribute("sampling_frequency", lambda: str(phy.state.rate_hz), lambda text: phy.set_rate(int(decimal(text)))),
        Attribute("sampling_frequency_available", lambda: f"[{phy.min_rate_hz} 1 {MAX_RATE_HZ}]"),
        Attribute(
            "rf_bandwidth", lambda: str(phy.state.bandwidth_hz), lambda text: phy.set_bandwidth(int(decimal(text)))
        ),
        constant("rf_bandwidth_available", f"[{MIN_BANDWIDTH_HZ} 1 {phy.chip.max_bandwidth_hz}]"),
        cell("rf_port_select", RX_PORTS[0], RX_PORTS),
        constant("rf_port_select_available", " ".join(RX_PORTS)),
        cell("quadrature_tracking_en", "1"),
        cell("rf_dc_offset_tracking_en", "1"),
        cell("bb_dc_offset_tracking_en", "1"),
        Attribute("rssi", lambda: f"{110 - phy.state.gain_db:.2f} dB"),
    )


def _tx_attributes(phy: Phy) -> tuple[Attribute, ...]:
    return (
        cell("hardwaregain", "-89.750000 dB"),
        constant("hardwaregain_available", "[-89.750000 0.250000 0.000000]"),
        Attribute("sampling_frequency", lambda: str(phy.state.rate_hz), lambda text: phy.set_rate(int(decimal(text)))),
        Attribute("sampling_frequency_available", lambda: f"[{phy.min_rate_hz} 1 {MAX_RATE_HZ}]"),
        cell("rf_bandwidth", "18000000"),
        constant("rf_bandwidth_available", f"[{MIN_BANDWIDTH_HZ} 1 40000000]"),
        cell("rf_port_select", TX_PORTS[0], TX_PORTS),
        constant("rf_port_select_available", " ".join(TX_PORTS)),
        constant("rssi", "0.00 dB"),
    )


def _rx_channels(phy: Phy) -> tuple[Channel, ...]:
    rate = (
        Attribute("sampling_frequency", lambda: str(phy.state.rate_hz)),
        Attribute("sampling_frequency_available", lambda: f"{phy.state.rate_hz} {phy.state.rate_hz // 8}"),
    )
    calibration = (
        cell("calibscale", "1.000000"),
        cell("calibphase", "0.000000"),
        cell("calibbias", "0"),
    )
    return tuple(Channel(f"voltage{i}", False, (*calibration, *rate), "", i, RX_FORMAT) for i in range(4))


def _tx_channels(phy: Phy) -> tuple[Channel, ...]:
    def rate() -> str:
        return str(phy.state.rate_hz)

    def rates() -> str:
        return f"{phy.state.rate_hz} {phy.state.rate_hz // 8}"

    scans = tuple(
        Channel(
            f"voltage{i}",
            True,
            (Attribute("sampling_frequency", rate), Attribute("sampling_frequency_available", rates)),
            "",
            i,
            TX_FORMAT,
        )
        for i in range(4)
    )
    tones = tuple(
        Channel(
            f"altvoltage{i}",
            True,
            (
                cell("frequency", "1000000"),
                cell("scale", "0.000000"),
                cell("phase", "0"),
                cell("raw", "0"),
                Attribute("sampling_frequency", rate),
            ),
            f"TX{i // 4 + 1}_{'IQ'[i // 2 % 2]}_F{i % 2 + 1}",
        )
        for i in range(8)
    )
    return scans + tones


def _xadc_channel() -> Channel:
    return Channel(
        "temp0", False, (constant("raw", "2607"), constant("offset", "-2219"), constant("scale", "123.040771484"))
    )


def _counters(counters: Counters) -> tuple[Attribute, ...]:
    def counter(name: str) -> Attribute:
        def reset(text: str) -> None:
            whole(text)
            setattr(counters, name, 0)

        return Attribute(name, lambda: str(getattr(counters, name)), reset)

    return tuple(counter(name) for name in ("late", "overruns", "blocks", "refused"))


def _constants(settings: dict[str, str]) -> tuple[Attribute, ...]:
    return tuple(constant(name, text) for name, text in settings.items())
