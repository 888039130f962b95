"""GPS by gpsd's JSON socket: one connection that is watched, asked when it falls silent, and made again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable

from ndefender.events.host import GpsSection
from ndefender.system.backend import Offline
from ndefender.system.gps_receivers import Receivers
from ndefender.system.gpsd_reports import Lines, NotAReport, decode

WATCH = b'?WATCH={"enable":true,"json":true};\n'
ASK = b"?VERSION;\n"
CHUNK_BYTES = 4096  # decoded at once: well under a millisecond of the loop
CONNECT_S = 1.5
GREETING_S = 1.5  # gpsd greets at once
ASK_AFTER_S = 1.0  # silent for this long: a receiver without a fix is silent too, so ask whether gpsd lives
SILENT_S = 2.5  # no answer either: hung; the section is offline within 3 s
EARLY_S = 0.01  # a timer may fire this much early
MAX_BAD_LINES = 100  # between two good ones: whatever that is, it is not gpsd
BACK_OFF_S = (0.25, 5.0)
POSITION_BAND_DEG = 1e-5  # about a metre

log = logging.getLogger(__name__)


class Gps:
    """Section `gps`. The connection lives from the first reading until `close`.

    Args:
        host, port: of gpsd.
        period_s: of the readings.
        clock: monotonic, seconds.
    """

    name = "gps"

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 2947,
        period_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.period_s = period_s
        self.bad_lines = 0
        self._host, self._port = host, port
        self._clock = clock
        self._receivers = Receivers(clock())
        self._down: str | None = None
        self._decided = asyncio.Event()
        self._watchers: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    async def read(self) -> GpsSection:
        """The newest fix; waits for gpsd's greeting at the first call.

        Raises:
            Offline: no gpsd, or it hangs, or something else is there.
        """
        self._start()
        await self._decided.wait()
        if self._down is not None:
            raise Offline(self._down)
        return self._receivers.section(self._clock())

    async def watch(self) -> AsyncGenerator[None, None]:
        """Yield for every position and sky view, and when gpsd goes or comes."""
        self._start()
        woken = asyncio.Event()
        self._watchers.add(woken)
        try:
            while True:
                await woken.wait()
                woken.clear()
                yield
        finally:
            self._watchers.discard(woken)

    def changed(self, before: GpsSection, after: GpsSection) -> bool:
        """The fix and the receiver at once; the position when it moved by a metre."""
        if (before.status, before.fix, before.device) != (after.status, after.fix, after.device):
            return True
        pairs = ((before.lat, after.lat), (before.lon, after.lon))
        return any(a is not None and b is not None and abs(a - b) >= POSITION_BAND_DEG for a, b in pairs)

    async def close(self) -> None:
        """Close the connection."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._keep_connected(), name="gpsd")

    async def _keep_connected(self) -> None:
        back_off_s = BACK_OFF_S[0]
        while True:
            try:
                await self._session()
                reason = "closed the connection"
            except (OSError, TimeoutError) as error:
                reason = f"cannot be reached: {str(error) or f'no connection within {CONNECT_S:g} s'}"
            except Offline as error:
                reason = error.reason
            if self._decided.is_set() and self._down is None:
                back_off_s = BACK_OFF_S[0]
            self._decide(f"gpsd at {self._host}:{self._port} {reason}")
            await asyncio.sleep(back_off_s)
            back_off_s = min(2 * back_off_s, BACK_OFF_S[1])

    async def _session(self) -> None:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(self._host, self._port, limit=CHUNK_BYTES)
        try:
            writer.write(WATCH)
            await self._listen(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take reports in until the connection ends.

        Raises:
            Offline: it is silent, or says what gpsd does not say.
        """
        receivers, lines = Receivers(self._clock()), Lines()
        heard_s, greeted, bad = self._clock(), False, 0
        while True:
            silent_s = self._clock() - heard_s
            left_s = (SILENT_S if greeted else GREETING_S) - silent_s
            if left_s <= EARLY_S:
                raise Offline(f"says nothing for {silent_s:.1f} s")
            try:
                # No longer than what is left: a whole slice more would be past the 3 s.
                async with asyncio.timeout(min(ASK_AFTER_S / 2, left_s)):
                    chunk = await reader.read(CHUNK_BYTES)
            except TimeoutError:
                if self._clock() - heard_s >= ASK_AFTER_S:
                    writer.write(ASK)
                continue
            if not chunk:
                return
            news = False
            for line in lines.feed(chunk):
                try:
                    report = decode(line)
                except NotAReport as error:
                    bad += 1
                    self.bad_lines += 1
                    if bad > MAX_BAD_LINES:
                        raise Offline(f"does not speak gpsd's JSON: {error}") from None
                    continue
                bad, heard_s = 0, self._clock()
                news = (report is not None and receivers.take(report, heard_s)) or news
                greeted = True
            if greeted and self._receivers is not receivers:
                self._receivers = receivers
                self._decide(None)
            elif news:
                self._wake()
            await asyncio.sleep(0)  # a flood must not keep the loop

    def _decide(self, down: str | None) -> None:
        if down != self._down:
            log.debug("%s", down or "gpsd is there")  # the monitor tells the operator
        self._down = down
        self._decided.set()
        self._wake()

    def _wake(self) -> None:
        for woken in self._watchers:
            woken.set()
