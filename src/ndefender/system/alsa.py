"""The mixer of ALSA's default card, by libasound: what a service without a user's session hears of the sound."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
from collections.abc import AsyncGenerator, Callable
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_long, c_short, c_uint, c_void_p
from typing import NamedTuple, TypeVar

from ndefender.events.host import AudioSection
from ndefender.system.backend import Offline
from ndefender.system.threaded import Worker

LIBRARY = "libasound.so.2"
CARD = b"default"
# Which of a card's controls is its volume, the most general first; else the first that has one.
CONTROLS = ("Master", "PCM", "Speaker", "Headphone")
N_CHANNELS = 32  # SND_MIXER_SCHN_LAST + 1
CALL_TIMEOUT_S = 0.8

T = TypeVar("T")


class _PollFd(ctypes.Structure):
    """`struct pollfd` of <poll.h>."""

    _fields_ = (("fd", c_int), ("events", c_short), ("revents", c_short))


# Name: result, arguments; a mixer and an element of it are opaque pointers.
_FUNCTIONS: dict[str, tuple[object, list[object]]] = {
    "snd_mixer_open": (c_int, [POINTER(c_void_p), c_int]),
    "snd_mixer_attach": (c_int, [c_void_p, c_char_p]),
    "snd_mixer_selem_register": (c_int, [c_void_p, c_void_p, c_void_p]),
    "snd_mixer_load": (c_int, [c_void_p]),
    "snd_mixer_close": (c_int, [c_void_p]),
    "snd_mixer_first_elem": (c_void_p, [c_void_p]),
    "snd_mixer_elem_next": (c_void_p, [c_void_p]),
    "snd_mixer_selem_get_name": (c_char_p, [c_void_p]),
    "snd_mixer_selem_get_index": (c_uint, [c_void_p]),
    "snd_mixer_selem_has_playback_volume": (c_int, [c_void_p]),
    "snd_mixer_selem_has_playback_switch": (c_int, [c_void_p]),
    "snd_mixer_selem_has_playback_channel": (c_int, [c_void_p, c_int]),
    "snd_mixer_selem_get_playback_volume_range": (c_int, [c_void_p, POINTER(c_long), POINTER(c_long)]),
    "snd_mixer_selem_get_playback_volume": (c_int, [c_void_p, c_int, POINTER(c_long)]),
    "snd_mixer_selem_get_playback_switch": (c_int, [c_void_p, c_int, POINTER(c_int)]),
    "snd_mixer_selem_set_playback_volume": (c_int, [c_void_p, c_int, c_long]),
    "snd_mixer_selem_set_playback_switch_all": (c_int, [c_void_p, c_int]),
    "snd_mixer_poll_descriptors_count": (c_int, [c_void_p]),
    "snd_mixer_poll_descriptors": (c_int, [c_void_p, POINTER(_PollFd), c_uint]),
    "snd_mixer_handle_events": (c_int, [c_void_p]),
    "snd_strerror": (c_char_p, [c_int]),
}


def _say_nothing(file: bytes, line: int, function: bytes, error: int, text: bytes) -> None:
    """Keep libasound from writing every failed look to stderr: the error code says it too."""


_ERROR_HANDLER = CFUNCTYPE(None, c_char_p, c_int, c_char_p, c_int, c_char_p)(_say_nothing)  # for as long as the library


@functools.cache
def load() -> ctypes.CDLL:
    """Load the library, once.

    Raises:
        Offline: it is not there.
    """
    try:
        library = ctypes.CDLL(LIBRARY)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        library.snd_lib_error_set_handler(_ERROR_HANDLER)
    except (OSError, AttributeError) as error:
        raise Offline(f"ALSA's library is missing (Debian: `apt install libasound2`): {error}") from error
    return library


class Control(NamedTuple):
    """The control of a card that is its volume, while its mixer is open."""

    library: ctypes.CDLL
    element: int
    name: str
    least: int
    most: int

    def channels(self) -> list[int]:
        """Numbers of its channels."""
        has = self.library.snd_mixer_selem_has_playback_channel
        return [channel for channel in range(N_CHANNELS) if has(self.element, channel)]

    def volumes(self) -> list[int]:
        """Raw volume of each channel."""
        value = c_long()
        values = []
        for channel in self.channels():
            _check(self.library, self.library.snd_mixer_selem_get_playback_volume(self.element, channel, byref(value)))
            values.append(value.value)
        return values

    def muted(self) -> bool | None:
        """Whether no channel is switched on; None for a control without a switch."""
        if not self.library.snd_mixer_selem_has_playback_switch(self.element):
            return None
        value = c_int()
        on = []
        for channel in self.channels():
            _check(self.library, self.library.snd_mixer_selem_get_playback_switch(self.element, channel, byref(value)))
            on.append(value.value != 0)
        return not any(on)

    def set_volume(self, percent: int) -> None:
        """Set the loudest channel; the others keep their share of it."""
        before = [value - self.least for value in self.volumes()]
        loudest = max(before, default=0)
        for channel, value in zip(self.channels(), before, strict=True):
            share = value / loudest if loudest > 0 else 1.0
            raw = self.least + round((self.most - self.least) * share * percent / 100)
            _check(self.library, self.library.snd_mixer_selem_set_playback_volume(self.element, channel, raw))

    def set_muted(self, muted: bool) -> None:
        """Switch all channels. Raises Offline for a control without a switch."""
        if not self.library.snd_mixer_selem_has_playback_switch(self.element):
            raise Offline(f"ALSA: the control {self.name} cannot be muted")
        _check(self.library, self.library.snd_mixer_selem_set_playback_switch_all(self.element, 0 if muted else 1))


class AlsaMixer:
    """Volume of the default card, on a thread of its own; opened for each look, so that a card may come and go.

    Args:
        timeout_s: bound of a call.
    """

    def __init__(self, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._worker = Worker("ALSA", timeout_s)

    async def read(self) -> AudioSection:
        """Volume and mute. Raises Offline where there is no card, or none with a volume."""
        return await self._worker.call(_read)

    async def mute(self, muted: bool) -> None:
        """Silence it, or let it be heard. Raises Offline."""
        await self._worker.call(lambda: _with_control(lambda control: control.set_muted(muted)))

    async def volume(self, percent: int) -> None:
        """Set the loudest channel, 0 to 100. Raises Offline."""
        await self._worker.call(lambda: _with_control(lambda control: control.set_volume(percent)))

    async def watch(self, for_s: float) -> AsyncGenerator[None, None]:
        """Yield for every change that the card signals, for a while. Raises Offline."""
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        end_s = loop.time() + for_s
        mixer = await self._worker.call(_open)
        try:
            while (wait_s := end_s - loop.time()) > 0:
                fds = await self._worker.call(lambda: _signals(mixer))
                for fd in fds:
                    loop.add_reader(fd, readable.set)
                try:
                    async with asyncio.timeout(wait_s):
                        await readable.wait()
                except TimeoutError:
                    return
                finally:
                    for fd in fds:  # until it has been read: it stays readable, and would call without end
                        loop.remove_reader(fd)
                readable.clear()
                await self._worker.call(lambda: _check(load(), load().snd_mixer_handle_events(mixer)))
                yield
        finally:
            with contextlib.suppress(Offline):  # a thread that hangs keeps its mixer
                await self._worker.call(lambda: load().snd_mixer_close(mixer))

    async def close(self) -> None:
        """End the thread."""
        self._worker.close()


def _read() -> AudioSection:
    def look(control: Control) -> AudioSection:
        volumes = control.volumes()
        span = control.most - control.least
        loudest = (max(volumes) - control.least) / span if volumes and span > 0 else None
        return AudioSection(
            volume_percent=None if loudest is None else round(100 * loudest), muted=control.muted(), sink=control.name
        )

    return _with_control(look)


def _with_control(use: Callable[[Control], T]) -> T:
    library, mixer = load(), _open()
    try:
        return use(_control(library, mixer))
    finally:
        library.snd_mixer_close(mixer)


def _open() -> c_void_p:
    library, mixer = load(), c_void_p()
    _check(library, library.snd_mixer_open(byref(mixer), 0))
    try:
        _check(library, library.snd_mixer_attach(mixer, CARD))
        _check(library, library.snd_mixer_selem_register(mixer, None, None))
        _check(library, library.snd_mixer_load(mixer))
    except Offline:
        library.snd_mixer_close(mixer)
        raise
    return mixer


def _signals(mixer: c_void_p) -> list[int]:
    """File descriptors that become readable when something changed."""
    library = load()
    room = (_PollFd * max(library.snd_mixer_poll_descriptors_count(mixer), 0))()
    n_filled = library.snd_mixer_poll_descriptors(mixer, room, len(room))
    _check(library, n_filled)
    return [row.fd for row in room[:n_filled]]


def _control(library: ctypes.CDLL, mixer: c_void_p) -> Control:
    found: dict[str, int] = {}
    element = library.snd_mixer_first_elem(mixer)
    while element:
        name = library.snd_mixer_selem_get_name(element).decode("utf-8", "replace")
        if library.snd_mixer_selem_has_playback_volume(element) and library.snd_mixer_selem_get_index(element) == 0:
            found.setdefault(name, element)
        element = library.snd_mixer_elem_next(element)
    name = next((name for name in (*CONTROLS, *found) if name in found), None)
    if name is None:
        raise Offline("ALSA: the default card has no volume control")
    least, most = c_long(), c_long()
    _check(library, library.snd_mixer_selem_get_playback_volume_range(found[name], byref(least), byref(most)))
    return Control(library, found[name], name, least.value, most.value)


def _check(library: ctypes.CDLL, code: int) -> None:
    if code < 0:
        raise Offline(f"ALSA: {library.snd_strerror(code).decode('utf-8', 'replace')}")
