"""The UPS's registers: the check vector, every byte, and what is refused."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndefender.events.host import UpsSection
from ndefender.system import upsmap
from ndefender.system.backend import Offline

CHECK_VECTOR = upsmap.Registers(
    bytes.fromhex("20"),
    bytes.fromhex("8813D0071027"),
    bytes.fromhex("D03924FA5000A00F0C000000"),
    bytes.fromhex("740E7E0E6A0E880E"),
)
ANY = st.builds(upsmap.Registers, *(st.binary(min_size=n, max_size=n) for _, n in upsmap.BLOCKS))


def test_the_check_vector() -> None:
    assert upsmap.decode(CHECK_VECTOR) == UpsSection(
        pack_voltage_v=14.8,
        current_a=-1.5,
        input_vbus_v=5.0,
        input_power_w=10.0,
        soc_percent=80,
        time_to_empty_s=720,
        time_to_full_s=None,
        per_cell_v=[3.7, 3.71, 3.69, 3.72],
        state="DISCHARGING",
    )


@pytest.mark.parametrize("flags", range(256))
def test_the_flags_in_their_order(flags: int) -> None:
    wanted = "IDLE"
    for bit, state in ((0x20, "DISCHARGING"), (0x80, "CHARGING"), (0x40, "FAST_CHARGING")):
        wanted = state if flags & bit else wanted
    section = upsmap.decode(CHECK_VECTOR._replace(flags=bytes([flags])))
    assert section.state == wanted
    assert section.status == "ok"


@pytest.mark.parametrize(
    ("flags", "to_empty", "to_full", "wanted"),
    [
        (0x20, 12, 34, (720, None)),
        (0x80, 12, 34, (None, 2040)),
        (0x40, 12, 0xFFFF, (None, None)),
        (0x20, 0xFFFF, 34, (None, None)),
        (0x00, 12, 0, (None, 0)),
    ],
)
def test_only_the_time_that_means_something(
    flags: int, to_empty: int, to_full: int, wanted: tuple[int | None, int | None]
) -> None:
    pack = CHECK_VECTOR.pack[:8] + struct.pack("<HH", to_empty, to_full)
    section = upsmap.decode(CHECK_VECTOR._replace(flags=bytes([flags]), pack=pack))
    assert (section.time_to_empty_s, section.time_to_full_s) == wanted


@pytest.mark.parametrize(
    ("change", "words", "missing"),
    [
        ({"pack": struct.pack("<HhHHHH", 14800, 0, 400, 0, 0, 0)}, "state of charge 400 %", "soc_percent"),
        ({"pack": struct.pack("<HhHHHH", 65000, 0, 50, 0, 0, 0)}, "pack 65 V", "pack_voltage_v"),
        ({"pack": struct.pack("<HhHHHH", 14800, -32768, 50, 0, 0, 0)}, "current -32.768 A", "current_a"),
        ({"cells": struct.pack("<4H", 3700, 3700, 65535, 3700)}, "cell 3 65.535 V", "per_cell_v"),
        ({"cells": struct.pack("<4H", 3700, 3700, 0, 3700)}, "cell 3 0 V", "per_cell_v"),
        ({"cells": struct.pack("<4H", 3100, 3100, 3100, 3100)}, "add up to 12.400 V", "per_cell_v"),
        ({"vbus": struct.pack("<3H", 65535, 0, 0)}, "VBUS 65.535 V", "input_vbus_v"),
        ({"vbus": struct.pack("<3H", 5000, 0, 65535)}, "input power 65.535 W", "input_power_w"),
    ],
)
def test_an_impossible_value_takes_its_block_and_says_so(change: dict[str, bytes], words: str, missing: str) -> None:
    section = upsmap.decode(CHECK_VECTOR._replace(**change))
    assert section.status == "degraded"
    assert words in (section.last_error or "")
    assert getattr(section, missing) is None
    kept = {"vbus": "input_vbus_v", "pack": "pack_voltage_v", "cells": "per_cell_v"}
    for block, field in kept.items():
        assert (getattr(section, field) is None) == (block in change)


@pytest.mark.parametrize("stuck", [0x00, 0xFF])
def test_a_stuck_data_line_is_no_battery(stuck: int) -> None:
    raw = upsmap.Registers(*(bytes([stuck]) * n for _, n in upsmap.BLOCKS))
    with pytest.raises(Offline, match=r"pack 0 V|pack 65\.535 V"):
        upsmap.decode(raw)


@pytest.mark.parametrize("block", upsmap.Registers._fields)
def test_a_short_block_is_no_reading(block: str) -> None:
    short = getattr(CHECK_VECTOR, block)[:-1]
    with pytest.raises(Offline, match=f"gave {len(short)} bytes of {len(short) + 1}"):
        upsmap.decode(CHECK_VECTOR._replace(**{block: short}))


def _check(section: UpsSection) -> None:
    assert (section.status == "ok") == (section.last_error is None)
    numbers = [section.pack_voltage_v, section.current_a, section.input_vbus_v, section.input_power_w]
    assert all(math.isfinite(number) for number in numbers if number is not None)
    assert section.soc_percent is None or 0 <= section.soc_percent <= 100
    assert section.pack_voltage_v is None or 8.0 <= section.pack_voltage_v <= 18.0
    assert section.input_vbus_v is None or section.input_vbus_v <= 24.0
    assert section.per_cell_v is None or all(2.0 <= cell_v <= 4.5 for cell_v in section.per_cell_v)
    assert section.time_to_empty_s is None or section.state == "DISCHARGING"
    assert section.time_to_full_s is None or section.state != "DISCHARGING"
    assert section.status == "ok" or None in (section.pack_voltage_v, section.per_cell_v, section.input_vbus_v)


@given(ANY)
def test_any_bytes_are_a_possible_reading_or_a_reason(raw: upsmap.Registers) -> None:
    try:
        section = upsmap.decode(raw)
    except Offline as error:
        assert "outside" in error.reason or "add up" in error.reason
    else:
        _check(section)


@given(ANY, st.sampled_from(upsmap.Registers._fields))
def test_any_bytes_in_one_block_spoil_no_other(raw: upsmap.Registers, block: str) -> None:
    section = upsmap.decode(CHECK_VECTOR._replace(**{block: getattr(raw, block)}))
    _check(section)
    if block != "pack":
        assert section.soc_percent == 80
    if block != "vbus":
        assert section.input_power_w == 10.0


@given(
    st.integers(8000, 18000),
    st.integers(-15000, 15000),
    st.integers(0, 100),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
)
def test_possible_values_come_through_unchanged(mv: int, ma: int, soc: int, to_empty: int, to_full: int) -> None:
    pack = upsmap.decode_pack(struct.pack("<HhHHHH", mv, ma, soc, 0, to_empty, to_full), "DISCHARGING")
    assert pack.voltage_v == mv / 1000
    assert pack.current_a == ma / 1000
    assert pack.soc_percent == soc
    assert pack.time_to_empty_s == (None if to_empty == 0xFFFF else 60 * to_empty)
