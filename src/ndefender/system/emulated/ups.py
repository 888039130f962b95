"""An emulated UPS HAT (E) behind the interface of `smbus2.SMBus`: physics by an injected clock, faults on demand."""

from __future__ import annotations

import enum
import errno
import os
import random
import struct
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from ndefender.system import upsmap

CAPACITY_MAH = 5000
N_CELLS = 4
EMPTY_CELL_V, FULL_CELL_V = 3.2, 4.18
CELL_SPREAD_V = (0.0, 0.012, -0.009, 0.004)  # no four cells are equal
CELL_RESISTANCE_OHM = 0.04
FAST_BELOW_SOC = 0.8
HANG_LIMIT_S = 600.0  # a forgotten hang must not keep a thread for ever


class Supply(NamedTuple):
    """What is plugged in: its voltage, and the power it can give."""

    voltage_v: float
    limit_w: float


MAINS = Supply(15.0, 40.0)
NO_SUPPLY = Supply(0.0, 0.0)
BROWNOUT = Supply(4.1, 2.0)  # sagging below what the host needs: the battery helps out


class Fault(enum.Enum):
    """What goes wrong on the bus."""

    NONE = enum.auto()
    NO_ACKNOWLEDGE = enum.auto()  # gone from the bus: ENXIO
    REMOTE_IO = enum.auto()  # the controller's word for the same: EREMOTEIO
    HANG = enum.auto()  # clock stretched for ever
    ONES = enum.auto()  # data line stuck high
    ZEROS = enum.auto()  # data line stuck low
    SOC_400 = enum.auto()  # one impossible word in an otherwise good reading
    CELL_65V = enum.auto()
    NOISE = enum.auto()  # any bytes
    SHORT = enum.auto()  # the transfer breaks off


def mains_with_cuts(period_s: float, cut_s: float) -> Callable[[float], Supply]:
    """Mains that fail for the last `cut_s` of every `period_s` seconds."""
    return lambda now_s: NO_SUPPLY if now_s % period_s >= period_s - cut_s else MAINS


class EmulatedUps:
    """The device: a pack that charges and discharges between two looks at it.

    Args:
        clock: seconds, never backwards.
        supply: what is plugged in at a time.
        soc_ratio: state of charge at the start, 0..1.
        load_w: what the host draws.
        seed: of the noise.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        supply: Callable[[float], Supply] = lambda now_s: MAINS,
        soc_ratio: float = 0.78,
        load_w: float = 9.0,
        address: int = upsmap.ADDRESS,
        seed: int = 1,
    ) -> None:
        self.address = address
        self.supply = supply
        self.soc_ratio = soc_ratio
        self.load_w = load_w
        self.fault = Fault.NONE
        self.keep_alives_s: list[float] = []
        self._clock = clock
        self._then_s = clock()
        self._rng = random.Random(seed)
        self._released = threading.Event()
        self._lock = threading.Lock()

    def fail(self, fault: Fault) -> None:
        """Let something go wrong from now on; `Fault.NONE` ends it and lets hung calls return."""
        if fault is Fault.HANG:
            self._released.clear()
        self.fault = fault
        if fault is not Fault.HANG:
            self._released.set()

    def read(self, register: int, length: int) -> list[int]:
        """Bytes of a register block, with the fault of the moment. Raises OSError where the bus would."""
        self._misbehave()
        with self._lock:
            good = self._block(register, length)
            return list(self._spoil(register, good))

    def write(self, register: int, value: int) -> None:
        """Take a byte; only the keep-alive means anything."""
        self._misbehave()
        if (register, value) == (upsmap.KEEP_ALIVE_REGISTER, upsmap.KEEP_ALIVE_VALUE):
            self.keep_alives_s.append(self._clock())

    def _misbehave(self) -> None:
        if self.fault is Fault.HANG:
            self._released.wait(HANG_LIMIT_S)
        if self.fault is Fault.NO_ACKNOWLEDGE:
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        if self.fault is Fault.REMOTE_IO:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))

    def _spoil(self, register: int, good: bytes) -> bytes:
        whole = {
            Fault.ONES: b"\xff" * len(good),
            Fault.ZEROS: bytes(len(good)),
            Fault.SHORT: good[:-1],
        }
        if self.fault is Fault.NOISE:
            return self._rng.randbytes(len(good))
        if self.fault is Fault.SOC_400 and register == upsmap.PACK_REGISTER:
            return good[:4] + struct.pack("<H", 400) + good[6:]
        if self.fault is Fault.CELL_65V and register == upsmap.CELLS_REGISTER:
            return b"\xff\xff" + good[2:]
        return whole.get(self.fault, good)

    def _block(self, register: int, length: int) -> bytes:
        now = self._advance()
        blocks = {
            upsmap.FLAGS_REGISTER: bytes([now.flags]),
            upsmap.VBUS_REGISTER: struct.pack("<3H", *now.vbus),
            upsmap.PACK_REGISTER: struct.pack("<HhHHHH", *now.pack),
            upsmap.CELLS_REGISTER: struct.pack("<4H", *now.cells),
        }
        return blocks.get(register, b"")[:length].ljust(length, b"\0")

    def _advance(self) -> _Now:
        now_s = self._clock()
        elapsed_h = max(now_s - self._then_s, 0.0) / 3600
        self._then_s = now_s
        supply = self.supply(now_s)
        rest_v = N_CELLS * (EMPTY_CELL_V + (FULL_CELL_V - EMPTY_CELL_V) * self.soc_ratio)
        want_w = 18.0 if self.soc_ratio < FAST_BELOW_SOC else 9.0
        into_pack_w = min(supply.limit_w - self.load_w, want_w) if self.soc_ratio < 1.0 else 0.0
        if supply.limit_w < self.load_w:
            into_pack_w = supply.limit_w - self.load_w
        current_a = into_pack_w / rest_v
        self.soc_ratio = min(max(self.soc_ratio + current_a * 1000 * elapsed_h / CAPACITY_MAH, 0.0), 1.0)
        flags = 0
        if current_a < 0:
            flags = upsmap.DISCHARGING_BIT
        elif current_a > 0:
            flags = upsmap.CHARGING_BIT | (upsmap.FAST_CHARGING_BIT if self.soc_ratio < FAST_BELOW_SOC else 0)
        cells = [
            round(1000 * (rest_v / N_CELLS + spread_v + current_a * CELL_RESISTANCE_OHM)) for spread_v in CELL_SPREAD_V
        ]
        remaining_mah = round(self.soc_ratio * CAPACITY_MAH)
        milliamperes = round(1000 * current_a)
        to_empty = _minutes(remaining_mah, -milliamperes) if milliamperes < 0 else 0
        to_full = _minutes(CAPACITY_MAH - remaining_mah, milliamperes) if milliamperes > 0 else 0
        input_w = max(min(self.load_w + into_pack_w, supply.limit_w), 0.0)
        input_ma = round(1000 * input_w / supply.voltage_v) if supply.voltage_v else 0
        return _Now(
            flags,
            (round(1000 * supply.voltage_v), input_ma, round(1000 * input_w)),
            (sum(cells), milliamperes, round(100 * self.soc_ratio), remaining_mah, to_empty, to_full),
            tuple(cells),
        )


def _minutes(mah: int, milliamperes: int) -> int:
    return min(round(60 * mah / milliamperes), upsmap.UNKNOWN_MINUTES)


class _Now(NamedTuple):
    flags: int
    vbus: tuple[int, int, int]
    pack: tuple[int, int, int, int, int, int]
    cells: tuple[int, ...]


class EmulatedBus:
    """`smbus2.SMBus` with one device on it; at every other address nobody answers."""

    def __init__(self, device: EmulatedUps) -> None:
        self._device = device
        self.closed = False

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int, /) -> list[int]:
        """Read `length` bytes from `register` on. Raises OSError."""
        self._check(i2c_addr)
        return self._device.read(register, length)

    def write_byte_data(self, i2c_addr: int, register: int, value: int, /) -> None:
        """Write one byte. Raises OSError."""
        self._check(i2c_addr)
        self._device.write(register, value)

    def close(self) -> None:
        """Let go of the bus."""
        self.closed = True

    def _check(self, address: int) -> None:
        if self.closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if address != self._device.address:
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
