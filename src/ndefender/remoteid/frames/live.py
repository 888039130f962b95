"""Frames of an 802.11 interface in monitor mode, as they arrive.

The interface is put into monitor mode by whoever sets the machine up (`iw dev NAME set type monitor`); here it is only
read. Importing this opens nothing and needs no adapter.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Callable

from ndefender.errors import NdefenderError
from ndefender.remoteid.frames.extract import LINK_80211, LINK_PRISM, LINK_RADIOTAP, Extractor
from ndefender.remoteid.frames.heard import Found, FrameCounters
from ndefender.remoteid.frames.record import Record

# What Linux calls the kind of an interface in monitor mode (ARPHRD_*), and what its frames begin with.
_LINK_TYPES = {801: LINK_80211, 802: LINK_PRISM, 803: LINK_RADIOTAP}
_ETH_P_ALL = 3
_SO_TIMESTAMPNS = 35
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_TIMESPEC = struct.Struct("@ll")
# A second of a busy channel, so that a pause of ours loses nothing.
_RECEIVE_BUFFER_BYTES = 4 << 20
_FRAME_BYTES = 16_384
# After so many frames the event loop has its turn.
_BATCH_FRAMES = 64
_REASONS = {
    errno.EPERM: "not permitted: the process needs CAP_NET_RAW",
    errno.EACCES: "not permitted: the process needs CAP_NET_RAW",
    errno.ENODEV: "no such interface",
    errno.ENETDOWN: "the interface is down",
}


class InterfaceUnusable(NdefenderError):
    """An interface cannot be listened on, or not any more. Reaction: say why, and try again later.

    Args:
        interface: its name.
        reason: why, in plain words.
    """

    def __init__(self, interface: str, reason: str) -> None:
        super().__init__(f"{interface}: {reason}")
        self.interface = interface
        self.reason = reason


def unusable(interface: str, error: OSError) -> InterfaceUnusable:
    """The error of a system call on an interface in plain words."""
    return InterfaceUnusable(interface, _REASONS.get(error.errno or 0, error.strerror or str(error)))


def open_socket(interface: str) -> tuple[socket.socket, int]:
    """A socket for all frames of an interface, and their link type.

    Raises:
        InterfaceUnusable: it is not there, not in monitor mode, or may not be listened on.
    """
    try:
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    except OSError as error:
        raise unusable(interface, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        listener.bind((interface, _ETH_P_ALL))
        kind = listener.getsockname()[3]
        if kind not in _LINK_TYPES:
            raise InterfaceUnusable(interface, f"not in monitor mode: `iw dev {interface} set type monitor`")
    except OSError as error:
        listener.close()
        raise unusable(interface, error) from error
    except InterfaceUnusable:
        listener.close()
        raise
    return listener, _LINK_TYPES[kind]


class Monitor:
    """Listens on one interface.

    Args:
        interface: its name.
        sink: is given what is found, on the event loop.
        counters: counted in while it runs.
        opened: opens the socket; another one in tests.
    """

    def __init__(
        self,
        interface: str,
        sink: Callable[[Found], None],
        counters: FrameCounters,
        opened: Callable[[str], tuple[socket.socket, int]] = open_socket,
    ) -> None:
        self.interface = interface
        self._dropped = 0
        self._listener: socket.socket | None = None
        self._sink = sink
        self._extractor = Extractor(counters)
        self._opened = opened
        self._buffer = bytearray(_FRAME_BYTES)

    async def run(self) -> None:
        """Listens until it is cancelled.

        Raises:
            InterfaceUnusable: the interface cannot be used, or was taken down or away.
        """
        listener, link_type = self._opened(self.interface)
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def ready() -> None:
            try:
                self._batch(listener, link_type)
            except OSError as error:
                # It stays readable: without this the loop would spin until `run` has its turn.
                loop.remove_reader(listener)
                if not ended.done():
                    ended.set_exception(unusable(self.interface, error))

        with listener:
            self._listener = listener
            loop.add_reader(listener, ready)
            try:
                await ended
            finally:
                loop.remove_reader(listener)
                self._listener = None

    def dropped(self) -> int:
        """How many frames the kernel had no room for, since the beginning."""
        if self._listener is not None and self._listener.family == socket.AF_PACKET:
            # The kernel's count begins anew with each question.
            self._dropped += struct.unpack("=II", self._listener.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
        return self._dropped

    def _batch(self, listener: socket.socket, link_type: int) -> None:
        for _ in range(_BATCH_FRAMES):
            try:
                size, ancillary, flags, _ = listener.recvmsg_into([self._buffer], 64)
            except BlockingIOError:
                return
            time_s = time.time()
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
                    seconds, nanoseconds = _TIMESPEC.unpack(data)
                    time_s = seconds + nanoseconds / 1e9
            cut = bool(flags & socket.MSG_TRUNC)
            for item in self._extractor.take(Record(link_type, time_s, bytes(self._buffer[:size]), cut)):
                self._sink(item)
