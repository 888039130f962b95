"""The UPS HAT (E) on I2C: read on a thread of its own, and told every 5 s that the host is alive."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import AsyncGenerator, Callable
from typing import Protocol, TypeVar

from ndefender.events.host import UpsSection
from ndefender.system import upsmap
from ndefender.system.backend import Offline
from ndefender.system.threaded import Worker

KEEP_ALIVE_S = 5.0  # HARDWARE: the UPS wants to hear of the host this often
CALL_TIMEOUT_S = 0.8  # a whole reading takes 5 ms on a 100 kHz bus; with the period, offline within 3 s of a fault
ATTEMPTS = 2  # one disturbed transfer on a busy bus is not news
# What a client wants to know at once; less comes with the next period.
SOC_BAND_PERCENT, VOLTAGE_BAND_V, CURRENT_BAND_A, VBUS_BAND_V, POWER_BAND_W = 1, 0.1, 0.25, 0.5, 1.0
NO_DEVICE = (errno.ENXIO, errno.EREMOTEIO, errno.ENODEV)

T = TypeVar("T")
log = logging.getLogger(__name__)


class I2cBus(Protocol):
    """The part of `smbus2.SMBus` that is used. Every call may block, and raises OSError where the bus fails."""

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int, /) -> list[int]:
        """Read `length` bytes from `register` on."""
        ...

    def write_byte_data(self, i2c_addr: int, register: int, value: int, /) -> None:
        """Write one byte."""
        ...

    def close(self) -> None:
        """Let go of the bus."""
        ...


class Ups:
    """Section `ups`. Without signals of its own: polled.

    Args:
        open_bus: opens the bus, on the thread; raises OSError where there is none.
        address: of the UPS on it.
        period_s: of the readings.
        keep_alive_s: how often it is told that the host lives, from the first good reading on; None for never.
        clock: monotonic, seconds.
    """

    name = "ups"

    def __init__(
        self,
        open_bus: Callable[[], I2cBus],
        address: int = upsmap.ADDRESS,
        period_s: float = 2.0,
        keep_alive_s: float | None = KEEP_ALIVE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.period_s = period_s
        self._open_bus = open_bus
        self._address = address
        self._keep_alive_s = keep_alive_s
        self._worker = Worker("UPS", CALL_TIMEOUT_S, clock)
        self._bus: I2cBus | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def read(self) -> UpsSection:
        """Read all registers.

        Raises:
            Offline: no bus, nobody at the address, no answer in time, or nothing but impossible values.
        """
        section = await self._worker.call(self._read)
        # Not before it is known to be one: at the same address of another machine's bus there may be another chip.
        if self._keeper is None and self._keep_alive_s is not None and section.status == "ok":
            self._keeper = asyncio.create_task(self._keep_alive(self._keep_alive_s), name="ups-keep-alive")
        return section

    async def watch(self) -> AsyncGenerator[None, None]:
        """Wait for ever: the UPS signals nothing."""
        await asyncio.Event().wait()
        yield

    def changed(self, before: UpsSection, after: UpsSection) -> bool:
        """The state at once; numbers when they moved by 1 %, 0.1 V, 0.25 A, VBUS by 0.5 V, the input by 1 W."""
        return (
            (before.status, before.state) != (after.status, after.state)
            or _moved(before.soc_percent, after.soc_percent, SOC_BAND_PERCENT)
            or _moved(before.pack_voltage_v, after.pack_voltage_v, VOLTAGE_BAND_V)
            or _moved(before.current_a, after.current_a, CURRENT_BAND_A)
            or _moved(before.input_vbus_v, after.input_vbus_v, VBUS_BAND_V)
            or _moved(before.input_power_w, after.input_power_w, POWER_BAND_W)
        )

    async def close(self) -> None:
        """Stop telling the UPS that the host lives, close the bus."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        if self._bus is not None:
            with contextlib.suppress(Offline):
                await self._worker.call(self._let_go)
        self._worker.close()

    async def _keep_alive(self, every_s: float) -> None:
        failed = False
        while True:
            try:
                await self._worker.call(self._say_alive)
                failed = False
            except Offline as error:
                if not failed:
                    log.warning("keep-alive not sent: %s", error)
                failed = True
            await asyncio.sleep(every_s)

    def _say_alive(self) -> None:
        self._on_bus(
            lambda bus: bus.write_byte_data(self._address, upsmap.KEEP_ALIVE_REGISTER, upsmap.KEEP_ALIVE_VALUE)
        )

    def _read(self) -> UpsSection:
        for _ in range(ATTEMPTS - 1):
            try:
                section = upsmap.decode(self._registers())
            except Offline:
                continue
            if section.status == "ok":
                return section
        return upsmap.decode(self._registers())

    def _registers(self) -> upsmap.Registers:
        def read(bus: I2cBus) -> upsmap.Registers:
            blocks = (bytes(bus.read_i2c_block_data(self._address, register, n)) for register, n in upsmap.BLOCKS)
            return upsmap.Registers(*blocks)

        return self._on_bus(read)

    def _on_bus(self, use: Callable[[I2cBus], T]) -> T:
        """Use the bus, opened where it is not; after an error it is opened anew."""
        try:
            if self._bus is None:
                self._bus = self._open_bus()
            return use(self._bus)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._let_go()
            where = f"nobody answers at address 0x{self._address:02X}" if error.errno in NO_DEVICE else "I2C bus"
            raise Offline(f"UPS: {where}: {error.strerror or error}") from error

    def _let_go(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.close()


def _moved(before: float | None, after: float | None, band: float) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(after - before) >= band
