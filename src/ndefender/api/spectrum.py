"""`WS /spectrum`: one clock a band that runs only while somebody listens; each frame is computed and built once."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from ndefender.api.frames import spectrum_bytes
from ndefender.api.ports import ScanPort
from ndefender.errors import CommandRejected

log = logging.getLogger(__name__)

QUEUE_FRAMES_PER_BAND = 2  # newest frames a slow listener may be behind, for each band it listens to


class SpectrumListener:
    """One client's bounded queue of binary frames, the newest kept. A `Subscription`."""

    def __init__(self, feed: SpectrumFeed, band: str | None, queue_frames: int) -> None:
        self.band = band
        self.dropped = 0
        self._feed = feed
        self._frames: deque[bytes] = deque(maxlen=queue_frames)
        self._wake: Callable[[], None] | None = None

    def put(self, frame: bytes) -> None:
        """Queue a frame; the oldest goes when the queue is full."""
        if len(self._frames) == self._frames.maxlen:
            self.dropped += 1
        self._frames.append(frame)
        if self._wake is not None:
            self._wake()

    def take(self) -> bytes | None:
        """The next frame, None where there is none yet."""
        return self._frames.popleft() if self._frames else None

    def notify(self, wake: Callable[[], None] | None) -> None:
        """Have `wake` called after every frame that is queued."""
        self._wake = wake

    def close(self) -> None:
        """Stop listening. Safe to call twice."""
        self._feed.leave(self)


class SpectrumFeed:
    """Computes spectra for whoever listens, at most `fps` times a second and band.

    Args:
        port: where spectra come from.
        fps: frames a second.
    """

    def __init__(self, port: ScanPort, fps: float) -> None:
        self._port = port
        self._period_s = 1.0 / fps
        self._listeners: set[SpectrumListener] = set()
        self._newest: dict[str, tuple[int, bytes]] = {}
        self._clock: asyncio.Task[None] | None = None

    def join(self, band: str | None) -> SpectrumListener:
        """Listen to one band, or to all of the active plan.

        Args:
            band: its name, None for all.
        """
        bands = 1 if band is not None else max(1, len(self._port.bands()))
        listener = SpectrumListener(self, band, QUEUE_FRAMES_PER_BAND * bands)
        self._listeners.add(listener)
        for name, (_, frame) in self._newest.items():  # who joins sees what there is, not only what comes
            if band is None or band == name:
                listener.put(frame)
        if self._clock is None or self._clock.done():
            self._clock = asyncio.create_task(self._run())
        return listener

    def leave(self, listener: SpectrumListener) -> None:
        """Stop listening; the last to leave stops the clock."""
        self._listeners.discard(listener)
        if not self._listeners and self._clock is not None:
            self._clock.cancel()
            self._clock = None
            self._newest.clear()

    async def _run(self) -> None:
        while self._listeners:
            self._tick()
            await asyncio.sleep(self._period_s)

    def _tick(self) -> None:
        known = self._port.bands()
        wanted = {listener.band for listener in self._listeners}
        for band in known if None in wanted else [name for name in known if name in wanted]:
            try:
                spectrum = self._port.spectrum(band)
            except CommandRejected as error:  # the plan changed under us
                log.debug("no spectrum of %s: %s", band, error)
                continue
            if spectrum is None or (band in self._newest and self._newest[band][0] == spectrum.timestamp):
                continue
            frame = spectrum_bytes(spectrum)
            self._newest[band] = (spectrum.timestamp, frame)
            for listener in self._listeners:
                if listener.band is None or listener.band == band:
                    listener.put(frame)
