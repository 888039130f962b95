"""Audio: the default sink of the user's PulseAudio or PipeWire where it can be reached, else ALSA's mixer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from ndefender.errors import CommandRejected
from ndefender.events.host import AudioSection
from ndefender.system.alsa import AlsaMixer
from ndefender.system.backend import Offline
from ndefender.system.pulse import NoServer, PulseSink

MAX_VOLUME_PERCENT = 100
LOOK_AGAIN_S = 5.0  # for a server that a user's session may bring


class Audio:
    """Section `audio`.

    Args:
        server: address of a PulseAudio server, and then nothing else is asked; empty for the user's own, else ALSA.
        period_s: of the readings.
    """

    name = "audio"

    def __init__(self, server: str = "", period_s: float = 5.0) -> None:
        self.period_s = period_s
        self._pulse = PulseSink(server)
        self._alsa = None if server else AlsaMixer()

    async def read(self) -> AudioSection:
        """Volume and mute of the default sink.

        Raises:
            Offline: no server and no card, or what is there hangs.
        """
        try:
            return await self._pulse.read()
        except NoServer as no_server:
            if self._alsa is None:
                raise
            try:
                return await self._alsa.read()
            except Offline as no_card:
                raise Offline(f"{no_server.reason}; {no_card.reason}") from no_card

    async def watch(self) -> AsyncGenerator[None, None]:
        """Yield for every change that the server signals, or the card where there is no server.

        Raises:
            Offline: the server or the card went.
        """
        while True:
            try:
                async with contextlib.aclosing(self._pulse.watch()) as signals:
                    async for _ in signals:
                        yield
            except NoServer:
                if self._alsa is None:
                    raise
                async with contextlib.aclosing(self._alsa.watch(LOOK_AGAIN_S)) as signals:
                    async for _ in signals:
                        yield

    def changed(self, before: AudioSection, after: AudioSection) -> bool:
        """Any change is news: nothing here moves by itself."""
        return before != after

    async def close(self) -> None:
        """Let go of both."""
        await self._pulse.close()
        if self._alsa is not None:
            await self._alsa.close()

    async def mute(self, muted: bool) -> None:
        """Silence the default sink, or let it be heard.

        Raises:
            CommandRejected: 409 `audio_absent`, there is nothing to mute.
        """
        await self._command(lambda device: device.mute(muted))

    async def volume(self, percent: int) -> None:
        """Set the volume of the default sink.

        Args:
            percent: of the loudest channel, 0 to 100; the others keep their share of it.
        Raises:
            CommandRejected: 400 `invalid_volume`, out of the range; 409 `audio_absent`, there is nothing to set.
        """
        if not 0 <= percent <= MAX_VOLUME_PERCENT:
            raise CommandRejected(400, "invalid_volume", f"volume_percent {percent} outside 0..{MAX_VOLUME_PERCENT}")
        await self._command(lambda device: device.volume(percent))

    async def _command(self, act: Callable[[PulseSink | AlsaMixer], Awaitable[None]]) -> None:
        try:
            try:
                await act(self._pulse)
            except NoServer:
                if self._alsa is None:
                    raise
                await act(self._alsa)
        except Offline as error:
            raise CommandRejected(409, "audio_absent", error.reason) from error
