"""Registers of the Waveshare UPS HAT (E), and what their bytes mean. Pure: bytes in, a section out.

I2C address 0x2D; words are 16 bits, little-endian::

    0x01  1 byte   write 0x55 every 5 s: the host is alive
    0x02  1 byte   flags, tested in this order:
                   7 6 5 4 3 2 1 0
                   . 1 . . . . . .   0x40 fast charging
                   1 . . . . . . .   0x80 charging
                   . . 1 . . . . .   0x20 discharging
                   none of them: idle
    0x10  6 bytes  +0 VBUS mV   +2 VBUS mA   +4 VBUS mW
    0x20 12 bytes  +0 pack mV   +2 current mA, signed, negative discharges   +4 state of charge %
                   +6 remaining mAh   +8 minutes to empty   +10 minutes to full
    0x30  8 bytes  +0 +2 +4 +6  cells, mV

Time to empty means something only while discharging, time to full only while not. Of a word of all ones nobody knows
the value: the gauge says so where it cannot tell a time.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from ndefender.events.host import UpsSection, UpsState
from ndefender.system.backend import Offline

ADDRESS = 0x2D
KEEP_ALIVE_REGISTER, KEEP_ALIVE_VALUE = 0x01, 0x55
FLAGS_REGISTER, FLAGS_BYTES = 0x02, 1
VBUS_REGISTER, VBUS_BYTES = 0x10, 6
PACK_REGISTER, PACK_BYTES = 0x20, 12
CELLS_REGISTER, CELLS_BYTES = 0x30, 8
BLOCKS = (
    (FLAGS_REGISTER, FLAGS_BYTES),
    (VBUS_REGISTER, VBUS_BYTES),
    (PACK_REGISTER, PACK_BYTES),
    (CELLS_REGISTER, CELLS_BYTES),
)

FAST_CHARGING_BIT, CHARGING_BIT, DISCHARGING_BIT = 0x40, 0x80, 0x20
UNKNOWN_MINUTES = 0xFFFF

# What four lithium cells in series and a USB-C supply can show at all; anything outside is a fault of the reading.
CELL_LIMITS_V = (2.0, 4.5)  # cut off by the protection at 2.5, full at 4.2
PACK_LIMITS_V = (4 * CELL_LIMITS_V[0], 4 * CELL_LIMITS_V[1])
CELLS_OFF_PACK_V = 1.0  # the cells and the pack are measured one after the other, under a changing load
CURRENT_LIMIT_A = 15.0  # 40 W in, 30 W out, at 8 V
SOC_LIMIT_PERCENT = 100
VBUS_LIMIT_V = 24.0  # USB power delivery ends at 20 V here
INPUT_LIMIT_W = 60.0  # the board takes 40 W


class Registers(NamedTuple):
    """The four blocks as they were read."""

    flags: bytes
    vbus: bytes
    pack: bytes
    cells: bytes


class Implausible(Exception):
    """A block holds what cannot be. Reaction: refuse the block, keep the others."""


def decode(raw: Registers) -> UpsSection:
    """Turn registers into the section; a block with an impossible value is left out whole.

    Returns:
        status `ok`, or `degraded` with the impossible values in `last_error` and null for their block.
    Raises:
        Offline: a block has the wrong length, or neither the pack's nor the cells' values are possible.
    """
    for block, (register, n_bytes) in zip(raw, BLOCKS, strict=True):
        if len(block) != n_bytes:
            raise Offline(f"UPS: register 0x{register:02X} gave {len(block)} bytes of {n_bytes}")
    refused: list[str] = []
    state = decode_state(raw.flags[0])
    pack = _Pack()
    cells_v: list[float] | None = None
    vbus_v = input_w = None
    try:
        pack = decode_pack(raw.pack, state)
    except Implausible as error:
        refused.append(str(error))
    try:
        cells_v = decode_cells(raw.cells)
        check_sum(cells_v, pack.voltage_v)
    except Implausible as error:
        refused.append(str(error))
        cells_v = None
    if pack.voltage_v is None and cells_v is None:
        raise Offline(f"UPS: impossible readings: {', '.join(refused)}")
    try:
        vbus_v, input_w = decode_vbus(raw.vbus)
    except Implausible as error:
        refused.append(str(error))
    return UpsSection(
        status="degraded" if refused else "ok",
        last_error=f"UPS: impossible readings: {', '.join(refused)}" if refused else None,
        pack_voltage_v=pack.voltage_v,
        current_a=pack.current_a,
        input_vbus_v=vbus_v,
        input_power_w=input_w,
        soc_percent=pack.soc_percent,
        time_to_empty_s=pack.time_to_empty_s,
        time_to_full_s=pack.time_to_full_s,
        per_cell_v=cells_v,
        state=state,
    )


def decode_state(flags: int) -> UpsState:
    """What the UPS does, of the byte at 0x02; the order of the tests is the device's."""
    if flags & FAST_CHARGING_BIT:
        return "FAST_CHARGING"
    if flags & CHARGING_BIT:
        return "CHARGING"
    return "DISCHARGING" if flags & DISCHARGING_BIT else "IDLE"


def decode_vbus(block: bytes) -> tuple[float, float]:
    """Volts and watts of the supply, of the six bytes at 0x10.

    Raises:
        Implausible: not a USB supply's.
    """
    millivolts, _, milliwatts = struct.unpack("<3H", block)
    vbus_v = _within("VBUS", millivolts / 1000, 0.0, VBUS_LIMIT_V, "V")
    return vbus_v, _within("input power", milliwatts / 1000, 0.0, INPUT_LIMIT_W, "W")


class _Pack(NamedTuple):
    voltage_v: float | None = None
    current_a: float | None = None
    soc_percent: int | None = None
    time_to_empty_s: int | None = None
    time_to_full_s: int | None = None


def decode_pack(block: bytes, state: UpsState) -> _Pack:
    """Volts, amperes, charge and the one time that means something, of the twelve bytes at 0x20.

    Raises:
        Implausible: not four cells'.
    """
    millivolts, milliamperes, soc, _, to_empty, to_full = struct.unpack("<HhHHHH", block)
    discharging = state == "DISCHARGING"
    return _Pack(
        voltage_v=_within("pack", millivolts / 1000, *PACK_LIMITS_V, "V"),
        current_a=_within("current", milliamperes / 1000, -CURRENT_LIMIT_A, CURRENT_LIMIT_A, "A"),
        soc_percent=int(_within("state of charge", soc, 0, SOC_LIMIT_PERCENT, "%")),
        time_to_empty_s=_seconds(to_empty) if discharging else None,
        time_to_full_s=None if discharging else _seconds(to_full),
    )


def decode_cells(block: bytes) -> list[float]:
    """Volts of the four cells, of the eight bytes at 0x30.

    Raises:
        Implausible: not lithium cells'.
    """
    return [
        _within(f"cell {number}", millivolts / 1000, *CELL_LIMITS_V, "V")
        for number, millivolts in enumerate(struct.unpack("<4H", block), start=1)
    ]


def check_sum(cells_v: list[float], pack_v: float | None) -> None:
    """Hold the cells against the pack they make up.

    Raises:
        Implausible: they do not add up to it.
    """
    total_v = sum(cells_v)
    if pack_v is not None and abs(total_v - pack_v) > CELLS_OFF_PACK_V:
        raise Implausible(f"cells add up to {total_v:.3f} V in a pack of {pack_v:.3f} V")


def _within(what: str, value: float, least: float, most: float, unit: str) -> float:
    if least <= value <= most:
        return value
    raise Implausible(f"{what} {value:g} {unit} outside {least:g} to {most:g} {unit}")


def _seconds(minutes: int) -> int | None:
    return None if minutes == UNKNOWN_MINUTES else 60 * minutes
